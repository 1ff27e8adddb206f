package lib

// resize32 is resize for float32 without antialiasing and without a window: a
// row of x is sampled along the last axis when the first row of y wants it, and
// each row of y is a sum of such rows. Where axes before the last two change,
// resize does it.
func resize32[S float, I integer](c *ctx, y, x []float32, sx []int, scales []S, sizes []I, axes []int, s resizing) {
	if len(y) == 0 {
		return
	}
	size, scale := rescale(sx, scales, sizes, axes, s.policy)
	last := len(sx) - 1
	other := len(x) == 0
	for a := range max(last-1, 0) {
		other = other || !unscaled(sx[a], size[a], scale[a])
	}
	if other {
		resize(y, x, sx, []float32(nil), scales, sizes, axes, s)
		return
	}
	t := task[resizeTask](c)
	t.y, t.x = y, x
	t.cols.sample(&s, sx[last], size[last], scale[last], false)
	if last > 0 {
		t.rows.sample(&s, sx[last-1], size[last-1], scale[last-1], true)
	} else {
		t.rows.sample(&s, 1, 1, 1, true)
	}
	c.reserve(t.cols.padded() + t.rows.taps*t.cols.out)
	c.split(len(y)/t.cols.out, 1+vectorGrain/t.cols.out, t)
	t.y, t.x = nil, nil
}

// resizeTask is the arguments of resize32; an item is a row of y.
type resizeTask struct {
	y, x       []float32
	rows, cols axisSamples
}

// An axisSamples is how an axis of size in becomes one of size out: place o is
// the sum of taps elements, from first[o] on, each times its weight. Elements
// beyond an edge are that edge's; no place is further out than that one of its
// taps is the edge.
type axisSamples struct {
	in, out int
	same    bool // nothing changes
	taps    int
	first   []int32 // that of a column counts from the taps-1 places before the row
	weights []float32
	step    int  // from the weight of one tap of a column to that of the next
	near    bool // the columns of a vector see what is in one vector and, further on, as many
}

// maxResizeTaps are those of a cubic kernel.
const maxResizeTaps = 4

// sample computes the table for rows, of which each has its weights together,
// or for columns, of which they are in turns.
func (a *axisSamples) sample(s *resizing, in, out int, scale float64, rows bool) {
	a.in, a.out, a.taps, a.same = in, out, 1, unscaled(in, out, scale)
	a.first, a.weights = a.first[:0], a.weights[:0]
	var buffer [maxResizeTaps]float64
	for o := range out {
		first, weights := o, append(buffer[:0], 1)
		if !a.same {
			at, _ := s.origin(float64(o), float64(in), float64(out), scale, 0, 1)
			first, weights = s.taps(buffer[:0], at, in, scale)
		}
		if o == 0 {
			a.taps = len(weights)
			for range a.taps * out {
				a.weights = append(a.weights, 0)
			}
		}
		first = min(max(first, 1-a.taps), in-1)
		if !rows {
			first += a.taps - 1
		}
		a.first = append(a.first, int32(first))
		for k, w := range weights {
			if rows {
				a.weights[o*a.taps+k] = float32(w)
			} else {
				a.weights[k*out+o] = float32(w)
			}
		}
	}
	a.step, a.near = out, true
	for _, lanes := range []int{8, 16} {
		for o, f := range a.first {
			d := int(f - a.first[o/lanes*lanes])
			a.near = a.near && d >= 0 && d < lanes
		}
	}
}

// padded is how long a row is with what is beyond its edges, and a vector that
// may be read behind it.
func (a *axisSamples) padded() int { return a.in + 2*(a.taps-1) + 16 }

// part does the rows lo to hi. The rows that the last one was the sum of are
// kept for the next: row r of x at place r modulo taps.
func (t *resizeTask) part(w *worker, lo, hi int) {
	taps, cols := t.rows.taps, t.cols.out
	padded, kept := w.scratch[:t.cols.padded()], w.scratch[t.cols.padded():]
	from := kept
	if t.cols.same {
		from = t.x
	}
	held := [maxResizeTaps]int{-1, -1, -1, -1}
	var at [maxResizeTaps]int
	for i := lo; i < hi; i++ {
		y := t.y[i*cols:][:cols]
		o, above := i%t.rows.out, i/t.rows.out*t.rows.in
		for k := range taps {
			r := above + edgeIndex(int(t.rows.first[o])+k, t.rows.in)
			place := r % taps
			at[k] = place * cols
			switch {
			case taps == 1 && r == held[0]:
				copy(y, t.y[(i-1)*cols:])
			case taps == 1:
				t.row(y, padded, r)
			case t.cols.same:
				at[k] = r * cols
			case r != held[place]:
				t.row(kept[place*cols:][:cols], padded, r)
			}
			held[place] = r
		}
		if taps > 1 {
			slideSum(y, from, t.rows.weights[o*taps:][:taps], at[:taps], 1, cols, 0, 0, 0, nil)
		}
	}
}

// row samples row r of x.
func (t *resizeTask) row(y, padded []float32, r int) {
	a := &t.cols
	x := t.x[r*a.in:][:a.in]
	if a.same {
		copy(y, x)
		return
	}
	edge := a.taps - 1
	copy(padded[edge:], x)
	for i := range edge {
		padded[i], padded[edge+a.in+i] = x[0], x[a.in-1]
	}
	if a.near {
		sampleRow(y, padded, a.first, a.weights, a.taps, a.step)
	} else {
		sampleRowGo(y, padded, a.first, a.weights, a.taps, a.step)
	}
}

// sampleRowGo is y[j] = Σ w[k·step+j]·x[first[j]+k] for k up to taps. Its
// variants want that the first of so many columns as a vector has are less than
// a vector behind that of the first of them, and read a vector of x at each.
func sampleRowGo(y, x []float32, first []int32, w []float32, taps, step int) {
	first = first[:len(y)]
	switch taps {
	case 1:
		w := w[:len(y)]
		for j := range y {
			y[j] = w[j] * x[first[j]]
		}
	case 2:
		w0, w1 := w[:len(y)], w[step:][:len(y)]
		for j := range y {
			x := x[first[j]:][:2]
			y[j] = w0[j]*x[0] + w1[j]*x[1]
		}
	default:
		for j := range y {
			var sum float32
			for k, v := range x[first[j]:][:taps] {
				sum += w[k*step+j] * v
			}
			y[j] = sum
		}
	}
}
