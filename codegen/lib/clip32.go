package lib

// clip32 is x, but at least lo[0] and then at most hi[0]; either may be nil. y
// may be x.
func clip32(c *ctx, y, x, lo, hi []float32) {
	t := task[clipTask](c)
	*t = clipTask{y, x, lo, hi}
	c.split(len(y), vectorGrain, t)
	*t = clipTask{}
}

type clipTask struct{ y, x, lo, hi []float32 }

func (t *clipTask) part(_ *worker, lo, hi int) {
	const block = 2048 // stays in the nearest cache for the second comparison
	for ; lo < hi; lo += block {
		y, x := t.y[lo:min(lo+block, hi)], t.x[lo:min(lo+block, hi)]
		if t.lo != nil {
			max32(y, x, t.lo[:1])
			x = y
		}
		if t.hi != nil {
			min32(y, x, t.hi[:1])
		}
	}
}
