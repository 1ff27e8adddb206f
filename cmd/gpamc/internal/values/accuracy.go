package values

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

// Accuracy is how near one tensor of numbers is to another of its type. Elements that are the same count as no difference whatever they
// are; others that are not finite make it NaN or infinite.
type Accuracy struct {
	Max, Mean float64 // absolute differences
	Scale     float64 // the largest finite absolute value wanted
	Cosine    float64 // of the angle between the two as vectors; 1 where both are 0
	Rows      int     // along the last axis, where that has more than one element
	SameTop   int     // of them, those in which the first of the largest elements is at the same place: the same answer, of logits
}

// AccuracyOf compares got with want, which must be of one type.
func AccuracyOf(got, want *ir.Data) Accuracy {
	var a Accuracy
	var dot, squares, wanted float64
	n := want.Len()
	for i := range n {
		g, w := got.Float(i), want.Float(i)
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			a.Scale = math.Max(a.Scale, math.Abs(w))
		}
		if g == w && math.IsInf(w, 0) || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		d := math.Abs(g - w)
		a.Max, a.Mean = math.Max(a.Max, d), a.Mean+d
		dot, squares, wanted = dot+g*w, squares+g*g, wanted+w*w
	}
	if n > 0 {
		a.Mean /= float64(n)
	}
	switch {
	case squares == 0 && wanted == 0:
		a.Cosine = 1
	case squares != 0 && wanted != 0:
		a.Cosine = dot / math.Sqrt(squares) / math.Sqrt(wanted)
	}
	if rank := len(want.Shape); rank > 0 && want.Shape[rank-1] > 1 {
		cols := want.Shape[rank-1]
		a.Rows = n / cols
		for r := range a.Rows {
			if top(got, r*cols, cols) == top(want, r*cols, cols) {
				a.SameTop++
			}
		}
	}
	return a
}

// top is the place of the first largest of n elements from start on.
func top(d *ir.Data, start, n int) int {
	best := 0
	for i := range n {
		if d.Float(start+i) > d.Float(start+best) {
			best = i
		}
	}
	return best
}
