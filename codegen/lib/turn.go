package lib

// transpose32 copies x, read with these steps, to contiguous y, where the last axis
// is not the one whose elements follow each other in x: blocks of both axes are
// turned at a time, so that no line of a cache is fetched for one element.
// along is the axis whose step is 1.
func transpose32(c *ctx, y, x []float32, shape, steps []int, along int) {
	if len(y) == 0 {
		return
	}
	last := len(shape) - 1
	t := task[turnTask](c)
	*t = turnTask{y: y, x: x, rows: shape[last], cols: shape[along], xRow: steps[last], yRow: 1}
	for _, d := range shape[along+1:] {
		t.yRow *= d
	}
	// What is left are the other axes, in x and in y.
	own := strides(shape)
	var sx, sy layout
	var rest [maxRank]int
	rank := 0
	for i, d := range shape[:last] {
		if i != along {
			rest[rank], sx[rank], sy[rank] = d, steps[i], own[i]
			rank++
		}
	}
	t.nest = over(rest[:rank], sy, sx)
	t.chunks = (t.rows + turnRows - 1) / turnRows
	c.split(t.nest.rows*t.nest.cols*t.chunks, 1+vectorGrain/(turnRows*t.cols), t)
	*t = turnTask{}
}

// turnRows rows of x are turned before the next: as many as fill lines of y. Of
// more, whose distance is often a power of two, the lines would put each other
// out of the caches.
const turnRows = 16

// turnTask is matrices [rows, cols] of x that become [cols, rows]: an item is
// turnRows rows of one of them.
type turnTask struct {
	y, x                           []float32
	rows, cols, xRow, yRow, chunks int
	nest                           nest
}

func (t *turnTask) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		n := t.nest
		matrix, r := i/t.chunks, i%t.chunks*turnRows
		n.skip(matrix / n.cols)
		k := matrix % n.cols
		y, x := t.y[n.at[0]+k*n.inner[0]+r:], t.x[n.at[1]+k*n.inner[1]+r*t.xRow:]
		turnBlock(y, x, min(turnRows, t.rows-r), t.cols, t.yRow, t.xRow)
	}
}

// turnAddedGo is y[j*yRow+i] = r[j*yRow+i] + x[i*xRow+j] between the limits.
func turnAddedGo(y, x, r []float32, rows, cols, yRow, xRow int, limits []float32) {
	least, most := limitsOr(limits)
	for i := range rows {
		for j, v := range x[i*xRow:][:cols] {
			y[j*yRow+i] = min(max(r[j*yRow+i]+v, least), most)
		}
	}
}

// turnScaledGo is y[j*yRow+i] = x[i*xRow+j]·scale[j].
func turnScaledGo(y, x, scale []float32, rows, cols, yRow, xRow int) {
	for i := range rows {
		for j, v := range x[i*xRow:][:cols] {
			y[j*yRow+i] = v * scale[j]
		}
	}
}

// turnBlockGo is y[j*yRow+i] = x[i*xRow+j].
func turnBlockGo(y, x []float32, rows, cols, yRow, xRow int) {
	for i := range rows {
		for j, v := range x[i*xRow:][:cols] {
			y[j*yRow+i] = v
		}
	}
}
