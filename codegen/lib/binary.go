package lib

// The functions add32, sub32, mul32, div32, max32 and min32 have the form
// func(y, a, b []float32): y[i] = a[i] op b[i] for all of y, which may be a or
// b. A b of one element stands for a whole row of it, and so does an a.

// binary is f for each row of y [rows, cols], on the threads of c. Row i of y
// begins at y[i*ldy], of a at a[i*aRow], of b at b[i*bRow]: 0 repeats one row. aCols and bCols,
// 1 or cols, are the lengths of their rows: 1 repeats one element.
func binary(c *ctx, y []float32, ldy int, a, b []float32, f func(y, a, b []float32), rows, cols, aRow, aCols, bRow, bCols int) {
	if rows == 0 || cols == 0 {
		return
	}
	t := task[binaryTask](c)
	*t = binaryTask{y, a, b, f, ldy, cols, aRow, aCols, bRow, bCols}
	if rows == 1 && cols > 1 {
		// One long row is cut by columns: as rows of one, which part joins.
		t.cols = 0
		c.split(cols, vectorGrain, t)
	} else {
		c.split(rows, 1+vectorGrain/max(cols, 1), t)
	}
	*t = binaryTask{}
}

// binaryTask is the arguments of binary; with cols 0 there is but one row, and
// the items are its elements.
type binaryTask struct {
	y, a, b                             []float32
	f                                   func(y, a, b []float32)
	ldy, cols, aRow, aCols, bRow, bCols int
}

func (t *binaryTask) part(_ *worker, lo, hi int) {
	if t.cols == 0 {
		a, b := t.a[:t.aCols], t.b[:t.bCols]
		if t.aCols > 1 {
			a = a[lo:hi]
		}
		if t.bCols > 1 {
			b = b[lo:hi]
		}
		t.f(t.y[lo:hi], a, b)
		return
	}
	for i := lo; i < hi; i++ {
		t.f(t.y[i*t.ldy:i*t.ldy+t.cols], t.a[i*t.aRow:i*t.aRow+t.aCols], t.b[i*t.bRow:i*t.bRow+t.bCols])
	}
}

// operand is how the kernels of binary operators read n elements of x: where, and
// whether they go on (1) or have the same vector each time (0), which is made
// in v if x has but one element.
func operand(x []float32, n int, v *[16]float32) (from *float32, step int) {
	if len(x) > 1 || n == 1 {
		return &x[0], 1
	}
	for i := range v {
		v[i] = x[0]
	}
	return &v[0], 0
}

// zip calls f for every element of a and b, repeating the only one of either.
func zip(y, a, b []float32, f func(a, b float32) float32) {
	switch {
	case len(b) == 1 && len(y) > 1 && len(a) == 1:
		for i := range y {
			y[i] = f(a[0], b[0])
		}
	case len(b) == 1 && len(y) > 1:
		for i := range y {
			y[i] = f(a[i], b[0])
		}
	case len(a) == 1 && len(y) > 1:
		for i := range y {
			y[i] = f(a[0], b[i])
		}
	default:
		for i := range y {
			y[i] = f(a[i], b[i])
		}
	}
}

func add32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return a + b }) }
func sub32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return a - b }) }
func mul32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return a * b }) }
func div32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return a / b }) }

// max32Go and min32Go give NaN where either operand is.
func max32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return max(a, b) }) }
func min32Go(y, a, b []float32) { zip(y, a, b, func(a, b float32) float32 { return min(a, b) }) }

// axpbyGo is y = alpha·x + beta·y; where beta is 0, y need not be initialised.
func axpbyGo(y, x []float32, alpha, beta float32) {
	if beta == 0 {
		for i := range y {
			y[i] = alpha * x[i]
		}
		return
	}
	for i := range y {
		y[i] = alpha*x[i] + beta*y[i]
	}
}
