package lib

// stackMatMul is y = x·w for each of some matrices w, each of them for as many
// matrices x as there are in the outer axis.
//
//	y [outer, count, m, n]
//	x [outer, count, m, k] with any distances but that of the columns: matrices
//	  begin at x[o*xOuter+i*xStep], rows are ldx apart
//	w [count, k, n], each matrix as linear takes it
func stackMatMul(c *ctx, y, x, w []float32, outer, count, m, k, n, xOuter, xStep, ldx int) {
	if outer*count*m*n == 0 {
		return
	}
	if k == 0 {
		xOuter, xStep, ldx = 0, 0, 0 // there is no row of x to find
	}
	size := linearLen(k, n)
	if m*k*n >= stackPaired && paired(w[packedLen(k, n):size], m) {
		for i := range outer * count {
			gemm(c, y[i*m*n:], n, x[i/count*xOuter+i%count*xStep:], ldx, w[i%count*size:][:size], nil, nil, 0, nil, m, k, n)
		}
		return
	}
	t := task[stackTask](c)
	*t = stackTask{gemmTask: gemmTask{y: y, x: x, w: w, m: m, k: k, n: n, ldy: n, ldx: ldx, sx: 1, rowCuts: 1, colCuts: 1},
		outer: outer, count: count, xOuter: xOuter, xStep: xStep}
	work := mulWork(m, k, n)
	if parts := min(cutsPerThread*c.threads, outer*count*work/mulGrain) / (outer * count); c.threads > 1 && parts > 1 {
		t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (m+tileRows-1)/tileRows, (n+panelCols-1)/panelCols)
	}
	cuts := t.rowCuts * t.colCuts
	c.split(outer*count*cuts, 1+mulGrain*cuts/(work+1), t)
	*t = stackTask{}
}

// stackPaired is how large products are that threads do together, one after the
// other, by pairs.
const stackPaired = 16 * mulGrain

// stackTask is the arguments of stackMatMul; those of gemm are the same for all
// products but for where they begin.
type stackTask struct {
	gemmTask
	outer, count, xOuter, xStep int
}

// part does the parts lo to hi of all grids: one matrix w after the other.
func (t *stackTask) part(w *worker, lo, hi int) {
	one, cuts, size := t.gemmTask, t.rowCuts*t.colCuts, linearLen(t.k, t.n)
	for lo < hi {
		at, from := lo/cuts, lo%cuts
		to := min(cuts, from+hi-lo)
		i, o := at/t.outer, at%t.outer
		one.y = t.y[(o*t.count+i)*t.m*t.n:]
		one.x = t.x[o*t.xOuter+i*t.xStep:]
		one.w = t.w[i*size:][:size]
		one.part(w, from, to)
		lo += to - from
	}
}
