package lib

// Products with weights in a narrow format. Weights and rows of x are words:
// so many elements as fit into 32 bits, neighbours along k, so that one step
// of a kernel multiplies a word of x with a word of each column of w. Where the
// weight is in blocks, a step is a block.

// A wordFormat is a format and how to multiply in it.
type wordFormat struct {
	perStep int  // elements of k in a step
	head    int  // words of a row of x before its first step, and before that of each part of k
	perRow  int  // words of x in a step
	words   int  // words of a panel of w in a step
	tail    int  // words of a panel of w behind its last step
	bytes   bool // whether these words are four bytes

	depth func(steps, left int) int       // how many of the left last steps are added up before sums are put down; all if nil
	row   func(dst []uint32, x []float32) // writes a row of x
	mul   wordsMul
	making
}

// A wordsMul is a kernel: y = add + bias + x·w for one panel, as panelMulFixedGo
// is one.
type wordsMul func(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int)

// A making is for weights that do not lie as mul reads them: each part of a
// panel is made when it is due. It is empty where they do.
type making struct {
	make   func(dst, w, scales []uint32) // w ends with the panel, if not before
	scales []uint32                      // what make needs: so many words for each part, panel by panel
	each   int                           // of these words
	stored int                           // words of a panel of w
	room   int                           // words of a part that was made
	tile   int                           // rows of a tile, of which mBlock is a multiple
}

// wordSteps is the steps of k elements, of which the last may lack some.
func wordSteps(k, perStep int) int { return (k + perStep - 1) / perStep }

// parts is how many times sums of so many steps are put down.
func (f wordFormat) parts(steps int) int {
	if f.depth == nil || steps == 0 {
		return 1
	}
	return wordSteps(steps, f.depth(steps, steps))
}

// rowWords is the words of a row of x of k elements.
func (f wordFormat) rowWords(k int) int {
	steps := wordSteps(k, f.perStep)
	return f.parts(steps)*f.head + steps*f.perRow
}

// panelWords is the words of a panel of so many steps.
func (f wordFormat) panelWords(steps int) int {
	if f.make != nil {
		return f.stored
	}
	return steps*f.words + f.tail
}

// tileHeight is how many rows a tile has.
func (f wordFormat) tileHeight() int {
	if f.make != nil {
		return f.tile
	}
	return tileRows
}

// apart is the distance at which rows of so many words are kept: whole lines of
// the cache, but not a multiple of 4096 bytes, or the rows of a tile would be in
// one set of the nearest cache.
func apart(words int) int {
	if words = roundUp(words, 16); words%1024 == 0 {
		words += 16
	}
	return words
}

// ahead is what a kernel fetches while it passes over w with so many tiles, a
// part of next with each, and by how many bytes it goes on at each step.
func ahead(w, next []uint32, tiles int) (*uint32, int) {
	if len(next) == 0 {
		return &w[0], 0 // what is in the cache anyway
	}
	return &next[0], (4*panelCols + tiles - 1) / tiles
}

// gemmWords is gemm for w in format f. First all rows of x are brought to f.
func gemmWords(c *ctx, f wordFormat, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		ldx = 0 // there is no row of x to find
	}
	rows := task[wordRows](c)
	rows.x, rows.ldx, rows.k, rows.size, rows.row = x, ldx, k, f.rowWords(k), f.row
	rows.ldw = apart(rows.size)
	if len(rows.words) < m*rows.ldw {
		rows.words = make([]uint32, m*rows.ldw)
	}
	c.split(m, 1+rowsGrain/(k+1), rows)
	rows.x = nil
	mulWords(c, f, y, ldy, rows.words, w, bias, r, ldr, act, m, k, n)
}

// mulWords is gemmWords for rows x that are in the format f, and apart.
func mulWords(c *ctx, f wordFormat, y []float32, ldy int, x, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	f, x = f.widened(c, x, m, k)
	t, steps := task[wordTask](c), wordSteps(k, f.perStep)
	*t = wordTask{wordFormat: f, y: y, x: x, w: w, bias: bias, r: r, act: act, m: m, n: n, steps: steps,
		panel: f.panelWords(steps), ldy: ldy, ldx: apart(f.rowWords(k)), ldr: ldr, rowCuts: 1, colCuts: 1}
	if c.threads > 1 {
		tile := f.tileHeight()
		parts := min(cutsPerThread*c.threads, mulWork(m, k, n)/(2*mulGrain))
		t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (m+tile-1)/tile, (n+panelCols-1)/panelCols)
		if own := c.threads; parts >= own && ownRows(m, k, n, own, tile) {
			t.rowCuts, t.colCuts = own, parts/own
		}
	}
	c.reserve(narrowRoom + f.room)
	c.split(t.rowCuts*t.colCuts, 1, t)
	*t = wordTask{}
}

// ownRows tells whether each of so many threads should rather have rows of its own
// than columns. Those who share columns both read the same weights; those who share
// rows read the same x, half of which another has written. Cores without a common
// cache get that about as slowly as from memory, and do not fetch it ahead as they
// do weights. There have to be tiles enough for equal shares.
func ownRows(m, k, n, threads, tile int) bool {
	const share = 16 // tiles
	return m >= share*threads*tile && k*n <= 2*m*(k+n/threads)
}

// rowsGrain is how many elements are worth a part of their own to be rounded.
const rowsGrain = 1 << 14

// wordRows is the rows of x while they are brought to a format; words stays
// with the ctx.
type wordRows struct {
	words             []uint32
	x                 []float32
	ldx, k, ldw, size int
	row               func(dst []uint32, x []float32)
}

func (t *wordRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		t.row(t.words[i*t.ldw:][:t.size], t.x[i*t.ldx:i*t.ldx+t.k])
	}
}

// wordTask is the arguments of gemmWords.
type wordTask struct {
	wordFormat
	y, bias, r       []float32
	x, w             []uint32
	act              func(y, x []float32)
	m, n             int
	steps            int // of k
	panel            int // words of a panel of w
	ldy, ldx, ldr    int
	rowCuts, colCuts int
}

// part does the parts lo to hi of the grid.
func (t *wordTask) part(w *worker, lo, hi int) {
	tile := t.tileHeight()
	tiles, panels := (t.m+tile-1)/tile, (t.n+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j := u/t.colCuts, u%t.colCuts
		t.block(w, min(tiles*i/t.rowCuts*tile, t.m), min(tiles*(i+1)/t.rowCuts*tile, t.m),
			min(panels*j/t.colCuts*panelCols, t.n), min(panels*(j+1)/t.colCuts*panelCols, t.n))
	}
}

// block computes y[i0:i1, j0:j1]; j0 begins a panel. It passes over x and w
// as gemm does: a step takes as many bytes as one of float32.
func (t *wordTask) block(w *worker, i0, i1, j0, j1 int) {
	blocks := max((i1-i0+mBlock-1)/mBlock, 1)
	most := roundUp((i1-i0+blocks-1)/blocks, t.tileHeight())
	for j := j0; j < j1; j += actCols {
		cols := min(actCols, j1-j)
		for i := i0; i < i1; i += most {
			rows := min(most, i1-i)
			width := cols
			if rows*t.ldx <= xFloats {
				width = panelCols
			}
			for q := j; q < j+cols; q += width {
				t.sum(w, i, rows, q, min(width, j+cols-q))
			}
			if t.act != nil {
				t.activate(i, rows, j, cols)
			}
		}
	}
}

// sum does all steps over k for y[i:i+rows, j:j+cols].
func (t *wordTask) sum(w *worker, i, rows, j, cols int) {
	for p, part := 0, 0; ; part++ {
		depth := t.steps - p
		if t.depth != nil {
			depth = t.depth(t.steps, depth)
		}
		t.strip(w, i, rows, part, p, depth, j, cols)
		if p += depth; p == t.steps {
			return
		}
	}
}

// strip adds the steps p to p+depth, a part, to y[i:i+rows, j:j+cols]. The first
// ones bring in bias and, where nothing comes between, r: so r may be y.
func (t *wordTask) strip(worker *worker, i, rows, part, p, depth, j, cols int) {
	for start, end := j, j+cols; j < end; j += panelCols {
		y, x, w := t.y[i*t.ldy+j:], t.x[i*t.ldx+part*t.head+p*t.perRow:], t.w[j/panelCols*t.panel+p*t.words:]
		if t.make != nil {
			w = t.made(worker.scratch[narrowRoom:], w[:min(depth*t.words, t.panel-p*t.words)], j, part)
		}
		next := end / panelCols * t.panel // what is read after this, to be fetched
		switch {
		case j+panelCols < end:
			next = (j/panelCols+1)*t.panel + p*t.words
		case p+depth < t.steps:
			next = start/panelCols*t.panel + (p+depth)*t.words
		}
		var bias, add []float32
		ldadd := t.ldy
		if p > 0 {
			add = y
		} else {
			if t.bias != nil {
				bias = t.bias[j:min(j+panelCols, t.n)]
			}
			if t.r != nil && t.act == nil {
				add, ldadd = t.r[i*t.ldr+j:], t.ldr
			}
		}
		if n := t.n - j; n < panelCols {
			narrowWords(t.mul, worker.scratch, y, t.ldy, x, t.ldx, t.perRow, w, bias, add, ldadd, rows, depth, n)
			continue
		}
		t.mul(y, t.ldy, x, t.ldx, t.perRow, w, bias, add, t.w[min(next, len(t.w)):], ldadd, rows, depth)
	}
}

// made is what mul reads of w, a part of the panel at column j.
func (t *wordTask) made(room []float32, w []uint32, j, part int) []uint32 {
	words := reinterpret[uint32](room)
	t.make(words, w, t.scales[(j/panelCols*t.parts(t.steps)+part)*t.each:])
	return words
}

// narrowRoom is the scratch that narrowWords needs.
const narrowRoom = (tileRows + 1) * panelCols

// narrowWords is mul for the n < 32 columns that the last panel of a matrix may
// have, by way of a tile in which all 32 have room.
func narrowWords(mul wordsMul, scratch, y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, ldadd, m, k, n int) {
	tile, wide := scratch[:tileRows*panelCols], scratch[tileRows*panelCols:narrowRoom]
	clear(wide)
	copy(wide[:n], bias)
	for i := 0; i < m; i += tileRows {
		rows := min(tileRows, m-i)
		clear(tile)
		if add != nil {
			for r := range rows {
				copy(tile[r*panelCols:r*panelCols+n], add[(i+r)*ldadd:])
			}
		}
		mul(tile, panelCols, x[i*ldx:], ldx, sx, w, wide, tile, nil, panelCols, rows, k)
		for r := range rows {
			copy(y[(i+r)*ldy:(i+r)*ldy+n], tile[r*panelCols:])
		}
	}
}

func (t *wordTask) activate(i, rows, j, cols int) {
	for ; rows > 0; i, rows = i+1, rows-1 {
		y := t.y[i*t.ldy+j : i*t.ldy+j+cols]
		t.act(y, y)
		if t.r != nil {
			add32(y, y, t.r[i*t.ldr+j:i*t.ldr+j+cols])
		}
	}
}
