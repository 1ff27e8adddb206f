package lib

// A product says which matrices matmul multiplies: a batch of up to three
// dimensions, and for each operand the distance in floats of two neighbours
// along each of them. A distance of 0 broadcasts; the distances of rows and
// columns exchanged transpose.
type product struct {
	m, k, n                      int
	batch                        [3]int // absent dimensions are 1
	yBatch, aBatch, bBatch       [3]int
	yRow, aRow, aCol, bRow, bCol int // the columns of y follow each other
}

// stackFloats is how much of b a thread of matmul packs at a time.
const stackFloats = 1 << 16

// matmul is y = a·b for each index of the batch.
//
//	y [batch, m, n]
//	a [batch, m, k]
//	b [batch, k, n], packed here, piece by piece; for weights use linear
func matmul(c *ctx, y, a, b []float32, s product) {
	t := task[matmulTask](c)
	*t = matmulTask{product: s, y: y, a: a, b: b, rowCuts: 1, colCuts: 1}
	count := s.batch[0] * s.batch[1] * s.batch[2]
	if s.m == 0 || s.n == 0 || count == 0 {
		return
	}
	work := mulWork(s.m, s.k, s.n)
	if parts := cutsPerThread * c.threads; c.threads > 1 && count < parts {
		parts := min(parts/count, work/mulGrain)
		t.rowCuts, t.colCuts = cutGrid(parts, parts, (s.m+tileRows-1)/tileRows, (s.n+panelCols-1)/panelCols)
	}
	c.reserve(stackFloats)
	cuts := t.rowCuts * t.colCuts
	c.split(count*cuts, mulGrain*cuts/work+1, t)
	*t = matmulTask{}
}

// matmulTask is the arguments of matmul; each matrix is cut into a grid of
// rowCuts x colCuts parts.
type matmulTask struct {
	product
	y, a, b          []float32
	rowCuts, colCuts int
}

func (t *matmulTask) part(w *worker, lo, hi int) {
	tiles, panels := (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j, e := u/t.colCuts%t.rowCuts, u%t.colCuts, u/(t.colCuts*t.rowCuts)
		at := [3]int{e / (t.batch[1] * t.batch[2]), e / t.batch[2] % t.batch[1], e % t.batch[2]}
		var y, a, b int
		for d, x := range at {
			y, a, b = y+x*t.yBatch[d], a+x*t.aBatch[d], b+x*t.bBatch[d]
		}
		t.block(w.scratch, y, a, b,
			min(tiles*i/t.rowCuts*tileRows, t.m), min(tiles*(i+1)/t.rowCuts*tileRows, t.m),
			min(panels*j/t.colCuts*panelCols, t.n), min(panels*(j+1)/t.colCuts*panelCols, t.n))
	}
}

// block computes rows i0 to i1 and columns j0 to j1 of the matrix that begins
// at y[yo]; j0 begins a panel. Of b it packs so many columns at a time as fit
// into the scratch with all the steps of one cut of k.
func (t *matmulTask) block(scratch []float32, yo, ao, bo, i0, i1, j0, j1 int) {
	if i0 == i1 {
		return
	}
	for j := j0; j < j1; {
		depth := kDepth(t.k, t.k)
		cols := min(j1-j, stackFloats/max(depth, 1)/panelCols*panelCols)
		g := gemmTask{y: t.y[yo+j:], ldy: t.yRow, w: scratch, ldx: t.aRow, sx: t.aCol, m: t.m, n: cols}
		for p := 0; ; {
			if g.k = kDepth(t.k, t.k-p); g.k == 0 {
				g.ldx = 0
			} else {
				packB(scratch, t.b[bo+p*t.bRow+j*t.bCol:], g.k, cols, t.bRow, t.bCol)
				g.x = t.a[ao+p*t.aCol:]
			}
			if p > 0 {
				g.r, g.ldr = g.y, g.ldy
			}
			g.block(nil, i0, i1, 0, cols)
			if p += g.k; p >= t.k {
				break
			}
		}
		j += cols
	}
}
