package lib

import "math"

// Products with weights of a few bits. Each column of w is cut into blocks of
// so many rows, which have a scale and a zero point each: an element stands for
// (q - zero)·scale. Of w only what is multiplied next is widened.

// A blockFormat is weights of so many bits, which divide 8. A row of a panel,
// of 32 columns, takes as many words. Its byte j is the elements of column j, in
// the lowest bits, and of those that follow at distances of 4·bits.
type blockFormat struct {
	bits  int
	mul   func(y, x []float32, q, head []uint32, m, k, first, block, ldx int)
	row   func(y, x []float32, q, head []uint32, size, k, first, block int)
	widen func(dst []float32, q, head []uint32, rows int)
}

var (
	twoBits   = blockFormat{2, mulTwos, mulRowTwos, widenTwos}
	fourBits  = blockFormat{4, mulFours, mulRowFours, widenFours}
	eightBits = blockFormat{8, mulEights, mulRowEights, widenEights}
)

// blockHead is the words of a block of a panel before its rows: the scales of
// its columns, then their zero points, a byte each.
const blockHead = panelCols + panelCols/4

// blockedPanel is the words of a panel of k rows.
func blockedPanel(bits, k, block int) int { return (k+block-1)/block*blockHead + k*bits }

// packedBlockedLen is the number of words of a packed matrix [k, n].
func packedBlockedLen(bits, k, n, block int) int {
	return blockedPanel(bits, k, block) * (roundUp(n, panelCols) / panelCols)
}

// gemmBlocked is gemm for weights of the format f. The result is that of gemm
// for the numbers they stand for, to the bit.
//
//	w [k, n], packed by PackBlocked for blocks of block rows
func gemmBlocked(c *ctx, f blockFormat, block int, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	t := blockedTask{gemmTask: gemmTask{y: y, x: x, bias: bias, r: r, act: act, m: m, k: k, n: n, ldy: ldy, ldx: ldx, sx: 1, ldr: ldr},
		format: f, packed: w, block: block}
	if corners := reinterpret[float32](w[packedBlockedLen(f.bits, k, n, block):]); paired(corners, m) {
		byPairs(c, t.gemmTask, corners, func(some gemmTask) {
			t.gemmTask = some
			t.run(c)
		})
		return
	}
	t.run(c)
}

// run computes all of y.
func (t blockedTask) run(c *ctx) {
	kept := task[blockedTask](c)
	t.rowCuts, t.colCuts = 1, 1
	if c.threads > 1 {
		parts := min(cutsPerThread*c.threads, mulWork(t.m, t.k, t.n)/mulGrain)
		t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols)
	}
	c.reserve(kBlock * panelCols) // which a panel of w, or the sums of a few rows, need
	*kept = t
	c.split(t.rowCuts*t.colCuts, 1, kept)
	*kept = blockedTask{}
}

// blockedTask is the arguments of gemmBlocked.
type blockedTask struct {
	gemmTask
	format blockFormat
	packed []uint32
	block  int // rows that have a scale in common
}

// part does the parts lo to hi of the grid.
func (t *blockedTask) part(w *worker, lo, hi int) {
	tiles, panels := (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j := u/t.colCuts, u%t.colCuts
		t.product(w.scratch, min(tiles*i/t.rowCuts*tileRows, t.m), min(tiles*(i+1)/t.rowCuts*tileRows, t.m),
			min(panels*j/t.colCuts*panelCols, t.n), min(panels*(j+1)/t.colCuts*panelCols, t.n))
	}
}

// product computes y[i0:i1, j0:j1]; j0 begins a panel. It widens the steps of
// one cut of k of one panel at a time.
func (t *blockedTask) product(scratch []float32, i0, i1, j0, j1 int) {
	if i0 == i1 {
		return
	}
	if i1-i0 <= fewRows() && t.pairedRows == nil {
		t.few(scratch, i0, i1-i0, j0, j1)
		return
	}
	for j := j0; j < j1; j += panelCols {
		cols := min(j1-j, panelCols)
		g := gemmTask{y: t.y[j:], ldy: t.ldy, w: scratch, ldx: t.ldx, sx: 1, m: t.m, n: cols}
		if t.bias != nil {
			g.bias = t.bias[j:]
		}
		if t.r != nil && t.act == nil {
			g.r, g.ldr = t.r[j:], t.ldr
		}
		for p := 0; ; {
			if g.k = t.depth(p); g.k == 0 {
				g.ldx = 0
			} else {
				t.widen(scratch, p, g.k, j)
				g.x = t.x[p:]
			}
			if corners, ends := t.of(i0, j, p, t.k); corners != nil {
				var add []float32
				if g.r != nil {
					add = g.r[i0*g.ldr:]
				}
				pairedMul(g.y[i0*g.ldy:], g.ldy, t.scaled[i0*t.lds+p:], t.lds, scratch, g.bias, corners, ends, add, nil, nil, g.ldr, i1-i0, g.k)
			} else {
				g.block(nil, i0, i1, 0, cols)
			}
			if p += g.k; p >= t.k {
				break
			}
			g.bias, g.r, g.ldr = nil, g.y, g.ldy
		}
		if t.act != nil {
			t.activate(i0, i1-i0, j, cols)
		}
	}
}

// few is product for so many rows. Its sums are cut where those of gemm are, and
// what is added to them comes in the same order.
func (t *blockedTask) few(scratch []float32, i, rows, j0, j1 int) {
	for j := j0; j < j1; {
		panels := 1
		if rows == 1 && j+rowPanels*panelCols <= j1 {
			panels = rowPanels
		}
		cols := min(panels*panelCols, j1-j)
		tile := scratch[:rows*panels*panelCols]
		for p := 0; ; {
			depth := kDepth(t.k, t.k-p)
			if depth > 0 {
				t.multiply(tile, i, rows, p, depth, j)
			} else {
				clear(tile)
			}
			t.add(tile, i, rows, p, j, cols)
			if p += depth; p >= t.k {
				break
			}
		}
		if t.act != nil {
			t.activate(i, rows, j, cols)
		}
		j += cols
	}
}

// rowPanels is how many panels there are in a product of one row at a time.
const rowPanels = 4

// add puts the sums over the steps from p on, of so many rows and columns, where
// they belong.
func (t *blockedTask) add(tile []float32, i, rows, p, j, cols int) {
	step := len(tile) / rows
	for e := range rows {
		y, sums := t.y[(i+e)*t.ldy+j:][:cols], tile[e*step:][:cols]
		switch {
		case p > 0:
			add32(y, sums, y)
			continue
		case t.bias != nil:
			add32(sums, sums, t.bias[j:j+cols])
		}
		if t.r != nil && t.act == nil {
			add32(y, sums, t.r[(i+e)*t.ldr+j:][:cols])
		} else {
			copy(y, sums)
		}
	}
}

// multiply sets tile to so many rows of x from i on times those of w from p to
// p+depth, in the panel that begins at column j, or in rowPanels of them.
func (t *blockedTask) multiply(tile []float32, i, rows, p, depth, j int) {
	block, first := t.rowsFrom(p, j), p%t.block
	x, q := t.x[i*t.ldx+p:][:(rows-1)*t.ldx+depth], block[blockHead+first*t.format.bits:]
	if len(tile) > rows*panelCols {
		t.format.row(tile, x, q, block, blockedPanel(t.format.bits, t.k, t.block), depth, first, t.block)
		return
	}
	t.format.mul(tile, x, q, block, rows, depth, first, t.block, t.ldx)
}

// rowsFrom is what is packed from the block on in which row p is, in the panel
// that begins at column j.
func (t *blockedTask) rowsFrom(p, j int) []uint32 {
	bits := t.format.bits
	size := blockedPanel(bits, t.k, t.block)
	return t.packed[j/panelCols*size:][p/t.block*(blockHead+t.block*bits):]
}

// widen writes rows p to p+depth of the panel that begins at column j.
func (t *blockedTask) widen(dst []float32, p, depth, j int) {
	for depth > 0 {
		block, row := t.rowsFrom(p, j), p%t.block
		rows := min(t.block-row, depth)
		t.format.widen(dst, block[blockHead+row*t.format.bits:], block, rows)
		dst, p, depth = dst[rows*panelCols:], p+rows, depth-rows
	}
}

// blockOf is the scales and zero points of the block that begins at head.
func blockOf(head []uint32) (scale, zero [panelCols]float32) {
	for j := range scale {
		scale[j], zero[j] = math.Float32frombits(head[j]), float32(head[panelCols+j/4]>>(j%4*8)&0xff)
	}
	return scale, zero
}

// widenRow is the numbers that the row q of a block stands for.
func widenRow(row []float32, q []uint32, scale, zero *[panelCols]float32) {
	bits, k := len(q), 0
	mask := uint32(1)<<bits - 1
	for shift := 0; shift < 8; shift += bits {
		for _, w := range q {
			w >>= shift & 7
			to, s, z := (*[4]float32)(row[k:]), (*[4]float32)(scale[k:]), (*[4]float32)(zero[k:])
			to[0] = (float32(int32(w&mask)) - z[0]) * s[0]
			to[1] = (float32(int32(w>>8&mask)) - z[1]) * s[1]
			to[2] = (float32(int32(w>>16&mask)) - z[2]) * s[2]
			to[3] = (float32(int32(w>>24&mask)) - z[3]) * s[3]
			k += 4
		}
	}
}

// widenBlockGo writes so many rows q of the block that begins at head as rows of
// a panel.
func widenBlockGo(bits int, dst []float32, q, head []uint32, rows int) {
	scale, zero := blockOf(head)
	for p := range rows {
		widenRow(dst[p*panelCols:], q[p*bits:][:bits], &scale, &zero)
	}
}

// mulBlocksGo sets y[m, 32] to x[m, k] times so many rows of weights: those at q,
// which are in the block at head, of which they are not the first ones, and
// those of the blocks behind.
func mulBlocksGo(bits int, y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	clear(y[:m*panelCols])
	var w [panelCols]float32
	for at := 0; at < k; {
		scale, zero := blockOf(head)
		n := min(block-first, k-at)
		for ; n > 0; n-- {
			widenRow(w[:], q[:bits], &scale, &zero)
			for i := range m {
				v, sums := x[i*ldx+at], (*[panelCols]float32)(y[i*panelCols:])
				for j := range sums {
					sums[j] += v * w[j]
				}
			}
			at, q = at+1, q[bits:]
		}
		first = 0
		if head = q; at < k {
			q = head[blockHead:]
		}
	}
}

// mulRowGo is mulBlocksGo of one row for rowPanels panels, that follow each other
// at so many words.
func mulRowGo(bits int, y, x []float32, q, head []uint32, size, k, first, block int) {
	for i := range rowPanels {
		mulBlocksGo(bits, y[i*panelCols:], x, q[i*size:], head[i*size:], 1, k, first, block, k)
	}
}
