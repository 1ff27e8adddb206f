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
		x := t.x[i*t.ldx:][:t.k]
		var sum float64
		for p, at := 0, i; p < t.k; at += t.m {
			depth := pairedDepth(t.k, t.k-p)
			squares, corner := rowMoments(x[p:][:depth])
			sum += float64(squares)
			t.ends[2*at+1] = corner
			p += depth
		}
		scale, times := [1]float32{}, float32(0) // if all of x is 0
		if size := powerOf(sum / float64(t.k)); size != 0 {
			scale[0], times = t.size/size, size/t.size
		} else if sum != 0 || slices.ContainsFunc(x, func(v float32) bool { return v != 0 }) {
			t.odd.Store(true)
			return
		}
		mul32(t.scaled[i*t.lds:][:t.k], x, scale[:])
		for at := i; at < pairedParts(t.k)*t.m; at += t.m {
			t.ends[2*at], t.ends[2*at+1] = times, -t.ends[2*at+1]*scale[0]
		}
	}
}
