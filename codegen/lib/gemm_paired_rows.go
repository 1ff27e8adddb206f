package lib

import (
	"slices"
	"sync/atomic"
)

// pairedRows brings rows of x to the size of the weights, and has their corners.
type pairedRows struct {
	scaled []float32 // [m, k], row i at scaled[i*lds]
	ends   []float32 // [parts of k, m, 2]: what sums are multiplied with in the end, and what is added
	x      []float32
	size   float32 // of the weights
	odd    atomic.Bool

	m, k, ldx, lds int
}

func (t *pairedRows) reserve(scaled, ends int) {
	if len(t.scaled) < scaled {
		t.scaled = make([]float32, scaled)
	}
	if len(t.ends) < ends {
		t.ends = make([]float32, ends)
	}
}

// part does the rows lo to hi. It is odd where one of them has NaN or infinity,
// or is so large or small that its squares do not show its size.
func (t *pairedRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		x, dst := t.x[i*t.ldx:][:t.k], t.scaled[i*t.lds:][:t.k]
		var sum [1]float32
		dots(sum[:], 0, x, 0, x, 0, 1, 1, t.k)
		times, ok := t.times(x, sum[0])
		if !ok {
			t.odd.Store(true)
			return
		}
		scale := float32(1)
		if times != 0 {
			scale = 1 / times
		}
		for p, at := 0, i; p < t.k; at += t.m {
			depth := pairedDepth(t.k, t.k-p)
			t.ends[2*at], t.ends[2*at+1] = times, -times*rowCorner(dst[p:][:depth], x[p:][:depth], scale)
			p += depth
		}
	}
}

// times is the power of two by which a row x, the sum of whose squares is given,
// is larger than the weights; 0 if all of it is 0.
func (t *pairedRows) times(x []float32, sum float32) (times float32, ok bool) {
	mean := float64(sum) / float64(len(x))
	if size := powerOf(mean); size != 0 {
		return size / t.size, true
	}
	return 0, sum == 0 && !slices.ContainsFunc(x, func(v float32) bool { return v != 0 })
}
