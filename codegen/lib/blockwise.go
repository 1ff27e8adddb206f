package lib

const (
	blockArgs   = 8    // arguments of steps that are done together, and values between them
	blockSpread = 4    // those of the arguments that are broadcast
	blockSize   = 1024 // elements that the steps do at a time
	blockRow    = 256  // the length from which on rows are blocks of their own
)

// parts are those of the arguments of such steps, or of the values between its steps,
// for one block.
type parts [blockArgs][]float32

// blockwise is element-wise steps of shape sy, done block by block, so that what
// is between them stays in the nearest cache: f sets a block y to what the
// steps make of the parts x of the arguments, with room for so many values in
// between. Arguments have the shape of y, or one element; the first ones, as
// many as there are shapes, are broadcast.
func blockwise(c *ctx, y []float32, f func(y []float32, x, between parts), between int, sy []int, x parts, shapes [blockSpread][]int) {
	t := task[blockwiseTask](c)
	t.y, t.f, t.x, t.between, t.spread = y, f, x, between, 0
	var layouts [blockSpread]layout
	for t.spread < blockSpread && shapes[t.spread] != nil {
		layouts[t.spread] = broadcast(shapes[t.spread], sy)
		t.spread++
	}
	t.nest = over(sy, layouts[:t.spread]...)
	c.reserve((between + t.spread) * blockSize)
	grain := vectorGrain / (1 + between)
	if t.nest.rows == 1 {
		c.split(t.nest.cols, grain, t)
	} else {
		c.split(t.nest.rows, 1+grain/max(t.nest.cols, 1), t)
	}
	t.y, t.f, t.x = nil, nil, parts{}
}

// blockwiseTask is the arguments of blockwise. The items are rows of the nest of
// those that are broadcast, or if there is but one, its elements.
type blockwiseTask struct {
	y               []float32
	f               func(y []float32, x, between parts)
	x               parts
	between, spread int
	nest            nest
}

func (t *blockwiseTask) part(w *worker, lo, hi int) {
	n := t.nest
	switch {
	case n.rows == 1:
		t.row(w, &n, 0, lo, hi)
	case n.cols >= blockRow:
		n.skip(lo)
		for i := lo; i < hi; i++ {
			t.row(w, &n, i*n.cols, 0, n.cols)
			n.next()
		}
	default:
		n.skip(lo)
		for at := lo; at < hi; at += blockSize / n.cols {
			t.rows(w, &n, at, min(blockSize/n.cols, hi-at))
		}
	}
}

// row does the elements lo to hi of the nest's row, which begins at element at
// of y. What is broadcast is read where it lies.
func (t *blockwiseTask) row(w *worker, n *nest, at, lo, hi int) {
	var x parts
	for ; lo < hi; lo += blockSize {
		size := min(blockSize, hi-lo)
		for k := range t.spread {
			if x[k] = t.x[k][n.at[k]:][:1]; n.inner[k] == 1 {
				x[k] = t.x[k][n.at[k]+lo:][:size]
			}
		}
		t.block(w, x, at+lo, size)
	}
}

// rows does so many short rows at once, from row i on: what is broadcast is
// laid out for that.
func (t *blockwiseTask) rows(w *worker, n *nest, i, rows int) {
	var x parts
	for k := range t.spread {
		x[k] = w.scratch[(t.between+k)*blockSize:][:rows*n.cols]
	}
	last := n.rank - 1
	for r := 0; r < rows; {
		some := min(rows-r, n.size[last]-n.count[last])
		for k := range t.spread {
			layOut(x[k][r*n.cols:][:some*n.cols], t.x[k][n.at[k]:], n.cols, n.step[k][last], n.inner[k])
		}
		n.skipAlong(some)
		r += some
	}
	t.block(w, x, i*n.cols, rows*n.cols)
}

// layOut sets rows of y to those that begin step elements after each other in
// x, of which each has cols elements, or one for all.
func layOut(y, x []float32, cols, step, inner int) {
	at := 0
	for len(y) > 0 {
		row := y[:cols]
		if inner == 1 {
			copy(row, x[at:])
		} else {
			v := x[at]
			for j := range row {
				row[j] = v
			}
		}
		y, at = y[cols:], at+step
	}
}

// block does so many elements of y, of which x has what is broadcast.
func (t *blockwiseTask) block(w *worker, x parts, at, size int) {
	var between parts
	for k := range t.between {
		between[k] = w.scratch[k*blockSize:][:size]
	}
	for k := t.spread; k < blockArgs; k++ {
		if x[k] = t.x[k]; len(x[k]) > 1 {
			x[k] = x[k][at:][:size]
		}
	}
	t.f(t.y[at:][:size], x, between)
}
