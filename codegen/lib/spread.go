package lib

// spread is f, one of those that binary takes, of a and b broadcast to the
// shape of y in whatever axes. y may be one that has its shape.
func spread(c *ctx, y, a, b []float32, f func(y, a, b []float32), sy, sa, sb []int) {
	t := task[spreadTask](c)
	*t = spreadTask{y: y, a: a, b: b, f: f, nest: over(sy, broadcast(sa, sy), broadcast(sb, sy))}
	c.split(t.nest.rows, 1+vectorGrain/max(t.nest.cols, 1), t)
	*t = spreadTask{}
}

type spreadTask struct {
	y, a, b []float32
	f       func(y, a, b []float32)
	nest    nest
}

func (t *spreadTask) part(_ *worker, lo, hi int) {
	n := t.nest
	n.skip(lo)
	for i := lo; i < hi; i++ {
		a, b := t.a[n.at[0]:], t.b[n.at[1]:]
		t.f(t.y[i*n.cols:][:n.cols], a[:1+(n.cols-1)*n.inner[0]], b[:1+(n.cols-1)*n.inner[1]])
		n.next()
	}
}

// skip goes on by k rows, from the first.
func (n *nest) skip(k int) {
	for i := n.rank - 1; i >= 0; i-- {
		n.count[i] = k % n.size[i]
		for o := range n.at {
			n.at[o] += n.count[i] * n.step[o][i]
		}
		k /= n.size[i]
	}
}

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
