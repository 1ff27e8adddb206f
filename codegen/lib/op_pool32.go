package lib

import "math"

// maxPool32 is maxPool for float32, without the places.
func maxPool32(c *ctx, y, x []float32, sy, sx []int, s sliding) {
	t := task[poolTask](c)
	t.padding, t.weights = float32(math.Inf(-1)), nil
	t.pool(c, y, x, sy, sx, s)
}

// averagePool32 is the mean of each window of x, of what is in the padding,
// too, if padded says so.
func averagePool32(c *ctx, y, x []float32, sy, sx []int, s sliding, padded bool) {
	t := task[poolTask](c)
	in, out := spatial(sx), spatial(sy)
	t.columns, t.counts, t.ones = t.columns[:0], t.counts[:0], t.ones[:0]
	for k := range out[2] {
		t.columns = append(t.columns, s.places(2, k, in[2], padded))
	}
	for line := range out[0] * out[1] {
		n := s.places(0, line/out[1], in[0], padded) * s.places(1, line%out[1], in[1], padded)
		for _, k := range t.columns {
			t.counts = append(t.counts, float32(n*k))
		}
	}
	for range volume(s.kernel) {
		t.ones = append(t.ones, 1)
	}
	t.padding, t.weights = 0, t.ones
	t.pool(c, y, x, sy, sx, s)
}

// places is how many places output o sees along an axis of size in, with or
// without those in the padding.
func (s *sliding) places(axis, o, in int, padded bool) int {
	step := s.dilation[axis]
	first := o*s.stride[axis] - s.before[axis]
	end := first + (s.kernel[axis]-1)*step + 1
	if padded {
		return counted(min(end, in+s.after[axis])-first, step)
	}
	return max(counted(min(end, in)-first, step)-counted(-first, step), 0)
}

// poolTask is the arguments of a pooling.
type poolTask struct {
	lattice
	y, x          []float32
	padding       float32
	at            []int
	weights, ones []float32 // weights is nil for the greatest
	columns       []int
	counts        []float32 // how many elements each output is the mean of
}

func (t *poolTask) pool(c *ctx, y, x []float32, sy, sx []int, s sliding) {
	if len(y) == 0 {
		return
	}
	t.lattice, t.y, t.x = newLattice(spatial(sx), spatial(sy), s), y, x
	t.at = t.taps(t.at[:0], 1)
	if !t.direct {
		c.reserve(t.image)
	}
	c.split(sy[0]*sy[1], 1+slideGrain/(volume(t.out)*len(t.at)), t)
	t.y, t.x = nil, nil
}

// part does the planes lo to hi.
func (t *poolTask) part(w *worker, lo, hi int) {
	in, out := volume(t.in), volume(t.out)
	if !t.direct {
		for i := range w.scratch[:t.image] {
			w.scratch[i] = t.padding
		}
	}
	for u := lo; u < hi; u++ {
		y, seen := t.y[u*out:][:out], t.x[u*in:][:in]
		if !t.direct {
			t.fill(w.scratch, seen)
			seen = w.scratch[:t.image]
		}
		for i := 0; i < t.out[0]*t.out[1]; i += t.out[1] {
			to, from := y[i*t.out[2]:], seen[t.line(i):]
			if t.weights == nil {
				slideMax(to, from, t.at, t.out[1], t.out[2], t.out[2], t.lines())
			} else {
				slideSum(to, from, t.weights, t.at, t.out[1], t.out[2], t.out[2], t.lines(), 0, nil)
			}
		}
		if t.weights != nil {
			div32(y, y, t.counts)
		}
	}
}
