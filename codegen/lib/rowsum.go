package lib

// maxAddends is how many rows sumNorm adds up.
const maxAddends = 8

// An addend has a row for each row of a sum: for row i it is row i/every%count
// of x or, where there are ids, row ids[i/every%count] of x, which may count
// from the end. The zero value is none.
type addend struct {
	x            []float32
	ids          []int64
	ids32        []int32 // instead of ids
	every, count int
}

// addends are those of a sum, in the order in which they are added.
type addends [maxAddends]addend

// A rowNorm is layerNormRow or rmsNormRow.
type rowNorm func(y, x, gamma, beta []float32, eps float32)

// sumNorm is norm of each row of the sum of x, which are two at least, none of
// them y or s.
//
//	y     [rows, cols], row i at y[i*ldy]
//	s     [rows, cols], where the sum is stored, or nil
//	gamma [cols]
//	beta  [cols], or nil for 0
func sumNorm(c *ctx, y []float32, ldy int, s []float32, x addends, norm rowNorm, gamma, beta []float32, rows, cols int, eps float32) {
	for _, a := range x { // so that the first that is wrong is reported, whatever the threads
		checkIndices(a.ids, len(a.x)/cols)
		checkIndices(a.ids32, len(a.x)/cols)
	}
	t := task[sumNormTask](c)
	*t = sumNormTask{y: y, s: s, gamma: gamma, beta: beta, x: x, norm: norm, ldy: ldy, cols: cols, eps: eps}
	c.split(rows, 1+rowGrain/cols, t)
	*t = sumNormTask{}
}

// checkIndices panics where an index is not within n elements.
func checkIndices[I integer](index []I, n int) {
	for _, k := range index {
		indexOf(k, n)
	}
}

// sumBlock is how many elements of sums are in the second-level cache until they are
// normalised.
const sumBlock = 1 << 15

// sumNormTask is the arguments of sumNorm.
type sumNormTask struct {
	y, s, gamma, beta []float32
	x                 addends
	norm              rowNorm
	ldy, cols         int
	eps               float32
}

// part adds up many rows before it normalises them: a sum waits for rows that
// are anywhere in memory, and the next ones come meanwhile.
func (t *sumNormTask) part(_ *worker, lo, hi int) {
	for ; lo < hi; lo += 1 + sumBlock/t.cols {
		end := min(lo+1+sumBlock/t.cols, hi)
		for i := lo; i < end; i++ {
			s := t.sum(i)
			add32(s, t.x[0].row(i, t.cols), t.x[1].row(i, t.cols))
			for k := 2; k < maxAddends && t.x[k].count > 0; k++ {
				add32(s, s, t.x[k].row(i, t.cols))
			}
		}
		for i := lo; i < end; i++ {
			t.norm(t.y[i*t.ldy:][:t.cols], t.sum(i), t.gamma, t.beta, t.eps)
		}
	}
}

// sum is where row i of the sum is: in y, if it is not to be stored.
func (t *sumNormTask) sum(i int) []float32 {
	if t.s != nil {
		return t.s[i*t.cols:][:t.cols]
	}
	return t.y[i*t.ldy:][:t.cols]
}

// row is the row of a for row i of the sum.
func (a *addend) row(i, cols int) []float32 {
	k := i / a.every % a.count
	switch {
	case a.ids != nil:
		k = indexOf(a.ids[k], len(a.x)/cols)
	case a.ids32 != nil:
		k = indexOf(a.ids32[k], len(a.x)/cols)
	}
	return a.x[k*cols:][:cols]
}
