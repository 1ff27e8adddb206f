package lib

// Products of bytes in 16 bits, where no instruction multiplies bytes without
// losing some: rows and panels are widened before, each panel when it is due, and
// not each time that they are read.
const (
	wideMin   = 16   // rows from which on it pays
	wideLeast = 64   // and elements of k
	wideMost  = 8192 // up to which a panel leaves room in a cache
)

// widened is f and rows x, m of k elements in f, in 16 bits, if that is faster.
func (f wordFormat) widened(c *ctx, x []uint32, m, k int) (wordFormat, []uint32) {
	if !f.bytes || m < wideMin || k < wideLeast || k > wideMost {
		return f, x
	}
	mul, panel := wideKernels(f.head == shifted.head)
	if mul == nil {
		return f, x
	}
	g, steps := f, wordSteps(k, f.perStep)
	g.perRow, g.words, g.mul = 2, 2*panelCols, mul
	g.making = making{make: panel, stored: f.panelWords(steps), room: steps*g.words + f.tail, tile: tileRows}
	rows := task[wideRows](c)
	rows.x, rows.head, rows.size = x, f.head, f.rowWords(k)
	rows.ldx, rows.ldw = apart(rows.size), apart(g.rowWords(k))
	if len(rows.words) < m*rows.ldw {
		rows.words = make([]uint32, m*rows.ldw)
	}
	c.split(m, 1+4*rowsGrain/k, rows)
	rows.x = nil
	return g, rows.words
}

// wideRows is rows of bytes while each of their words becomes two.
type wideRows struct {
	words, x             []uint32
	head, size, ldx, ldw int
}

func (t *wideRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		dst, x := t.words[i*t.ldw:], t.x[i*t.ldx:][:t.size]
		copy(dst, x[:t.head])
		splitRow(dst[t.head:], x[t.head:])
	}
}

// splitRowGo makes two words of each: its even bytes, then its odd ones.
func splitRowGo(dst, x []uint32) {
	for i, w := range x {
		dst[2*i], dst[2*i+1] = w&0xff00ff, w>>8&0xff00ff
	}
}
