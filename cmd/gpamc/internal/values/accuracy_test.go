package values

import (
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

func floats(shape []int, x ...float64) *ir.Data {
	d := ir.NewData(ir.F32, shape...)
	for i, v := range x {
		d.SetFloat(i, v)
	}
	return d
}

func TestAccuracyOf(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, c := range map[string]struct {
		got, want *ir.Data
		is        Accuracy
	}{
		"same":       {floats([]int{2}, 1, -2), floats([]int{2}, 1, -2), Accuracy{Scale: 2, Cosine: 1, Rows: 1, SameTop: 1}},
		"turned":     {floats([]int{2, 2}, 0, 1, 3, 0), floats([]int{2, 2}, 1, 0, 3, 0), Accuracy{Max: 1, Mean: .5, Scale: 3, Cosine: .9, Rows: 2, SameTop: 1}},
		"zero":       {floats([]int{1}, 0), floats([]int{1}, 0), Accuracy{Cosine: 1}},
		"lost":       {floats([]int{1}, 0), floats([]int{1}, 4), Accuracy{Max: 4, Mean: 4, Scale: 4}},
		"none":       {floats([]int{0, 3}), floats([]int{0, 3}), Accuracy{Cosine: 1}},
		"not finite": {floats([]int{3}, inf, nan, 1), floats([]int{3}, inf, nan, 1), Accuracy{Scale: 1, Cosine: 1, Rows: 1, SameTop: 1}},
	} {
		a := AccuracyOf(c.got, c.want)
		if math.Abs(a.Cosine-c.is.Cosine) < 1e-15 {
			a.Cosine = c.is.Cosine
		}
		if a != c.is {
			t.Errorf("%s: %+v, want %+v", name, a, c.is)
		}
	}
	if a := AccuracyOf(floats([]int{1}, nan), floats([]int{1}, 1)); a.Max == a.Max {
		t.Errorf("NaN for 1 is off by %g", a.Max)
	}
}
