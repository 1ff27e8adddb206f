package lib

// leakyRelu32 is max(x, alpha·x), with alpha between 0 and 1; y may be x.
func leakyRelu32(c *ctx, y, x []float32, alpha float32) {
	t := task[leakyTask](c)
	c.reserve(leakyBlock)
	t.y, t.x, t.alpha = y, x, [1]float32{alpha}
	c.split(len(y), vectorGrain, t)
	t.y, t.x = nil, nil
}

// leakyBlock stays in the nearest cache until it is compared.
const leakyBlock = 2048

type leakyTask struct {
	y, x  []float32
	alpha [1]float32
}

func (t *leakyTask) part(w *worker, lo, hi int) {
	for ; lo < hi; lo += leakyBlock {
		x, less := t.x[lo:min(lo+leakyBlock, hi)], w.scratch[:min(leakyBlock, hi-lo)]
		mul32(less, x, t.alpha[:])
		max32(t.y[lo:][:len(x)], x, less)
	}
}
