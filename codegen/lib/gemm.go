package lib

import "math"

// How gemm blocks. A strip of w, actCols wide, comes from memory once, for all
// blocks of x; what is computed of y stays in the second level cache until it
// is done. A block of x, at most mBlock rows of kBlock columns, stays there
// while the panels of the strip pass over it; of each panel the same kBlock
// rows stay in the first level while all tiles of the block pass. A block that
// fits whole, of at most xFloats, meets each panel once, from end to end. The
// sum over k is cut at multiples of kDepth alone, whatever the instruction set,
// the number of threads or the number of rows.
const (
	tileRows = 12
	mBlock   = 20 * tileRows
	kBlock   = 512
	xFloats  = 1 << 17
	actCols  = 8 * panelCols // columns after which the activation runs, while they are in cache
)

// linear is y = act(x·w + bias) + r.
//
//	y    [m, n]
//	x    [m, k]
//	w    [k, n], packed by packB
//	bias [n], or nil
//	r    [m, n], or nil; may be y where act is nil
//	act  relu32, gelu32 or another of that form, or nil
func linear(c *ctx, y, x, w, bias, r []float32, act func(y, x []float32), m, k, n int) {
	gemm(c, y, n, x, k, w, bias, r, n, act, m, k, n)
}

// gemm is linear with rows that do not follow each other at once: row i of y
// begins at y[i*ldy], of x at x[i*ldx], of r at r[i*ldr].
func gemm(c *ctx, y []float32, ldy int, x []float32, ldx int, w, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	t := gemmTask{y: y, x: x, w: w, bias: bias, r: r, act: act,
		m: m, k: k, n: n, ldy: ldy, ldx: ldx, sx: 1, ldr: ldr}
	if k == 0 {
		t.ldx = 0 // there is no row of x to find
	}
	if corners := w[packedLen(k, n):]; paired(corners, m) {
		c.reserve(pairedBlock * panelCols)
		byPairs(c, t, corners, func(some gemmTask) { some.run(c) })
		return
	}
	t.run(c)
}

// run computes all of y.
func (t gemmTask) run(c *ctx) {
	kept := task[gemmTask](c)
	t.rowCuts, t.colCuts = 1, 1
	if c.threads > 1 {
		parts := min(cutsPerThread*c.threads, mulWork(t.m, t.k, t.n)/mulGrain)
		t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols)
	}
	*kept = t
	c.split(t.rowCuts*t.colCuts, 1, kept)
	*kept = gemmTask{}
}

// mulGrain is how many multiplications are worth a part of their own.
const mulGrain = 1 << 18

// mulWork is the multiplications of an m x k x n product; a few rows take as
// long as some more, because it is memory that they wait for.
func mulWork(m, k, n int) int { return max(m, 4) * max(k, 16) * n }

// cutGrid cuts rows x cols tiles into a grid of at most so many parts, so
// that the largest share is small when so many threads have each a row of
// parts that follow each other. Columns are cut first: two threads that share
// columns both read the same weights from memory.
func cutGrid(parts, threads, rows, cols int) (rowCuts, colCuts int) {
	rowCuts, colCuts = 1, 1
	best := rows * cols
	for r := 1; r <= min(parts, rows) && best > rows*cols/threads*33/32; r *= 2 {
		c := min(parts/r, cols)
		most, share, thread := 0, 0, 0
		for u := range r * c {
			for u == r*c*(thread+1)/threads {
				share, thread = 0, thread+1
			}
			i, j := u/c, u%c
			share += (rows*(i+1)/r - rows*i/r) * (cols*(j+1)/c - cols*j/c)
			most = max(most, share)
		}
		if most < best {
			best, rowCuts, colCuts = most, r, c
		}
	}
	return rowCuts, colCuts
}

// gemmTask is the arguments of gemm. Element (i, p) of x is x[i*ldx+p*sx].
type gemmTask struct {
	y, x, w, bias, r  []float32
	act               func(y, x []float32)
	m, k, n           int
	ldy, ldx, sx, ldr int
	rowCuts, colCuts  int
	pairing           // of a product by pairs
}

// part does the parts lo to hi of the grid.
func (t *gemmTask) part(w *worker, lo, hi int) {
	tiles, panels := (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j := u/t.colCuts, u%t.colCuts
		t.block(w.scratch, min(tiles*i/t.rowCuts*tileRows, t.m), min(tiles*(i+1)/t.rowCuts*tileRows, t.m),
			min(panels*j/t.colCuts*panelCols, t.n), min(panels*(j+1)/t.colCuts*panelCols, t.n))
	}
}

// block computes y[i0:i1, j0:j1]; j0 begins a panel. A product by pairs needs
// room for one.
func (t *gemmTask) block(room []float32, i0, i1, j0, j1 int) {
	high, tile, strip := mBlock, tileRows, actCols
	if t.pairedRows != nil {
		high, tile, strip = pairedHigh, pairedTile, pairedStrip
	}
	blocks := max((i1-i0+high-1)/high, 1)
	most := roundUp((i1-i0+blocks-1)/blocks, tile)
	for j := j0; j < j1; j += strip {
		cols := min(strip, j1-j)
		for i := i0; i < i1; i += most {
			rows := min(most, i1-i)
			width := cols
			if rows*t.k <= xFloats {
				width = panelCols
			}
			for q := j; q < j+cols; q += width {
				t.sum(room, i, rows, q, min(width, j+cols-q))
			}
			if t.act != nil {
				t.activate(i, rows, j, cols)
			}
		}
	}
}

// sum does all steps over k for y[i:i+rows, j:j+cols].
func (t *gemmTask) sum(room []float32, i, rows, j, cols int) {
	for p := 0; ; {
		depth := t.depth(p)
		t.strip(room, i, rows, p, depth, j, cols)
		if p += depth; p == t.k {
			return
		}
	}
}

// depth is how many steps over k come next behind p.
func (t *gemmTask) depth(p int) int {
	if t.pairedRows != nil {
		return pairedDepth(t.k, t.k-p)
	}
	return kDepth(t.k, t.k-p)
}

// kDepth is how many of the left last steps of a sum over k come next: k is
// cut into equal parts of at most kBlock.
func kDepth(k, left int) int {
	parts := (k + kBlock - 1) / kBlock
	if parts <= 1 {
		return left
	}
	return min(left, roundUp((k+parts-1)/parts, 4))
}

// strip adds the steps p to p+depth to y[i:i+rows, j:j+cols]. The first ones
// bring in bias and, where nothing comes between, r: so r may be y.
func (t *gemmTask) strip(room []float32, i, rows, p, depth, j, cols int) {
	for start, end := j, j+cols; j < end; j += panelCols {
		y, x, w := t.y[i*t.ldy+j:], t.x[i*t.ldx+p*t.sx:], t.w[(j*t.k+p*panelCols):]
		next := end * t.k // what is read after this, to be fetched
		switch {
		case j+panelCols < end:
			next = (j+panelCols)*t.k + p*panelCols
		case p+depth < t.k:
			next = start*t.k + (p+depth)*panelCols
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
			narrow(y, t.ldy, x, t.ldx, t.sx, w, bias, add, ldadd, rows, depth, n, ending{})
			continue
		}
		fetch := t.w[min(next, len(t.w)):]
		if corners, ends := t.of(i, j, p, t.k); corners != nil {
			if rows >= pairedCopied && misaligned(w) {
				copy(room[:depth*panelCols], w)
				w = room
			}
			pairedMul(y, t.ldy, t.scaled[i*t.lds+p:], t.lds, w, bias, corners, ends, add, nil, fetch, ldadd, rows, depth)
			continue
		}
		panelMulNext(y, t.ldy, x, t.ldx, t.sx, w, bias, add, fetch, ldadd, rows, depth)
	}
}

// narrow is panelMulEnd for the n < 32 columns that the last panel of a matrix
// may have, by way of a tile in which all 32 have room.
func narrow(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k, n int, end ending) {
	var tile [tileRows * panelCols]float32
	var wide [panelCols]float32
	copy(wide[:n], bias)
	for i := 0; i < m; i += tileRows {
		rows := min(tileRows, m-i)
		clear(tile[:])
		if add != nil {
			for r := range rows {
				copy(tile[r*panelCols:r*panelCols+n], add[(i+r)*ldadd:])
			}
		}
		panelMulEnd(tile[:], panelCols, x[i*ldx:], ldx, sx, w, wide[:], tile[:], nil, panelCols, rows, k, end.from(i))
		for r := range rows {
			copy(y[(i+r)*ldy:(i+r)*ldy+n], tile[r*panelCols:])
		}
	}
}

func (t *gemmTask) activate(i, rows, j, cols int) {
	for ; rows > 0; i, rows = i+1, rows-1 {
		y := t.y[i*t.ldy+j : i*t.ldy+j+cols]
		t.act(y, y)
		if t.r != nil {
			add32(y, y, t.r[i*t.ldr+j:i*t.ldr+j+cols])
		}
	}
}

// An ending is what becomes of the sums of a product before they are stored:
// each row has a number added, and all are brought between limits. NaN stays.
type ending struct {
	rows   []float32 // the numbers, or nil
	limits []float32 // the least and the most, or nil
}

// limitsOr is the least and the most of limits, infinity without.
func limitsOr(limits []float32) (least, most float32) {
	if limits == nil {
		return float32(math.Inf(-1)), float32(math.Inf(1))
	}
	return limits[0], limits[1]
}

// from is e for the rows from i on.
func (e ending) from(i int) ending {
	if e.rows != nil {
		e.rows = e.rows[i:]
	}
	return e
}

// of is what becomes of v in row i.
func (e ending) of(v float32, i int) float32 {
	if e.rows != nil {
		v += e.rows[i]
	}
	if e.limits != nil {
		v = min(max(v, e.limits[0]), e.limits[1])
	}
	return v
}

// finish is e for y [m, n].
func (e ending) finish(y []float32, ldy, m, n int) {
	if e.rows == nil && e.limits == nil {
		return
	}
	for i := range m {
		row := y[i*ldy:][:n]
		for j, v := range row {
			row[j] = e.of(v, i)
		}
	}
}

// panelMulGo is y = add + bias + x·w for one panel, the twin of the assembly
// kernels.
//
//	y    [m, 32], row i at y[i*ldy]
//	x    [m, k], element (i, p) at x[i*ldx+p*sx]
//	w    [k, 32]
//	bias [32], or nil
//	add  [m, 32], row i at add[i*ldadd], or nil; may be y
func panelMulGo(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k int) {
	for j := 0; j < panelCols; j += 8 { // so few columns of w stay in cache for all rows
		for i := range m {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			at := i * ldx
			for p := range k {
				a, b := x[at], (*[8]float32)(w[p*panelCols+j:])
				s0 += a * b[0]
				s1 += a * b[1]
				s2 += a * b[2]
				s3 += a * b[3]
				s4 += a * b[4]
				s5 += a * b[5]
				s6 += a * b[6]
				s7 += a * b[7]
				at += sx
			}
			s := [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
			for q := range s {
				if bias != nil {
					s[q] += bias[j+q]
				}
				if add != nil {
					s[q] += add[i*ldadd+j+q]
				}
			}
			copy(y[i*ldy+j:], s[:])
		}
	}
}
