package lib

// rotation is the sizes of a rotary embedding. Element (b, h, i, e) of x is x[b*xBatch+h*xHead+i*xRow+e]; the angles of row i in batch
// b are those of row b*angleBatch+i of the tables, or of the row that ids [batch, rows] names.
type rotation struct {
	batch, heads, rows, d int
	size                  int // how many elements of a row turn; the rest are copied
	xBatch, xHead, xRow   int
	angleBatch            int
	interleaved           bool // pairs are neighbours, not the two halves
}

// rotary turns pairs of elements: (x1·cos - x2·sin, x1·sin + x2·cos).
//
//	y        [batch, heads, rows, d]
//	x        [batch, heads, rows, d], anywhere
//	cos, sin [.., size/2]
//	ids      [batch, rows], or nil
func rotary(c *ctx, y, x, cos, sin []float32, ids []int64, s rotation) {
	t := task[rotaryTask](c)
	*t = rotaryTask{s, y, x, cos, sin, ids}
	c.split(s.batch*s.heads*s.rows, 1+vectorGrain/max(s.d, 1), t)
	*t = rotaryTask{}
}

type rotaryTask struct {
	rotation
	y, x, cos, sin []float32
	ids            []int64
}

func (t *rotaryTask) part(_ *worker, lo, hi int) {
	half := t.size / 2
	for u := lo; u < hi; u++ {
		i, h, b := u%t.rows, u/t.rows%t.heads, u/(t.rows*t.heads)
		x := t.x[b*t.xBatch+h*t.xHead+i*t.xRow:][:t.d]
		y := t.y[u*t.d:][:t.d]
		row := b*t.angleBatch + i
		if t.ids != nil && half > 0 {
			row = indexOf(t.ids[b*t.rows+i], len(t.cos)/half)
		}
		turn(y, x, t.cos[row*half:][:half], t.sin[row*half:][:half], t.interleaved)
		copy(y[t.size:], x[t.size:])
	}
}

// turn is one row.
func turn(y, x, cos, sin []float32, interleaved bool) {
	if !interleaved {
		turnHalves(y, x, cos, sin)
		return
	}
	for j, c := range cos {
		x1, x2, s := x[2*j], x[2*j+1], sin[j]
		y[2*j], y[2*j+1] = x1*c-x2*s, x1*s+x2*c
	}
}

// turnHalvesGo turns element j of the first half of x with that of the second,
// by the angle j.
//
//	y, x     [2*half, ..]
//	cos, sin [half]
func turnHalvesGo(y, x, cos, sin []float32) {
	half := len(cos)
	x1, x2, y1, y2 := x[:half], x[half:2*half], y[:half], y[half:2*half]
	for j, c := range cos {
		a, b, s := x1[j], x2[j], sin[j]
		y1[j], y2[j] = a*c-b*s, a*s+b*c
	}
}
