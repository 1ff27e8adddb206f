package lib

import (
	"math"
	"slices"
	"testing"
)

// What indices, lengths and sizes in the data cannot mean is refused, rather than written somewhere else.
func TestRefused(t *testing.T) {
	x, y := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 6)
	zeros := make([]int64, 6)
	for name, f := range map[string]func(){
		"indices longer than rows, scattered": func() { scatterElements(y, x, zeros[:4], x, []int{1, 4}, []int{2, 3}, 0, second[float32]) },
		"indices longer than rows, gathered":  func() { gatherElements(y[:4], x, zeros[:4], []int{1, 4}, []int{2, 3}, 0) },
		"a length beyond the sequence":        func() { reverseSequence(y, x, []int{2, 3}, []int64{1, 4}, 1) },
		"a negative length":                   func() { reverseSequence(y, x, []int{2, 3}, []int64{-1, 1}, 1) },
		"parts of less":                       func() { checkParts(5, []int{2, 2}) },
		"a negative part":                     func() { checkParts(5, []int{-1, 6}) },
		"parts that overflow":                 func() { checkParts(5, []int{math.MaxInt, math.MinInt + 6}) },
		"a range without end":                 func() { rampSize[float32](0, 1, 1e-38) },
		"a range to nowhere":                  func() { rampSize(0, math.NaN(), 1) },
		"a shape with negative sizes":         func() { room([]int{-2, -3}) },
		"a shape that overflows":              func() { room([]int{math.MaxInt/2 + 1, 4}) },
		"an empty shape that overflows":       func() { room([]int{0, math.MaxInt, math.MaxInt}) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(inputError); !ok {
					t.Errorf("%s: not refused", name)
				}
			}()
			f()
		}()
	}
	checkParts(5, []int{0, 5, 0})
	reverseSequence(y, x, []int{2, 3}, []int64{0, 3}, 1)
	if !slices.Equal(y, []float32{1, 2, 3, 6, 5, 4}) {
		t.Errorf("reversed: %v", y)
	}
	scatterElements(y, x, zeros[:6], x, []int{2, 3}, []int{2, 3}, 0, second[float32])
	if !slices.Equal(y, []float32{4, 5, 6, 4, 5, 6}) {
		t.Errorf("scattered: %v", y)
	}
}

// A diagonal far outside is none.
func TestTriluFarOff(t *testing.T) {
	x, y := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 6)
	for _, k := range []int{math.MaxInt, math.MinInt} {
		for _, upper := range []bool{true, false} {
			want := make([]float32, 6)
			if upper == (k < 0) {
				want = x
			}
			if trilu(y, x, 2, 3, k, upper); !slices.Equal(y, want) {
				t.Errorf("%d, upper %v: %v", k, upper, y)
			}
		}
	}
}

// Softmax hides no NaN, wherever it stands.
func TestSoftmaxOfNaN(t *testing.T) {
	nan, least := float32(math.NaN()), float32(math.Inf(-1))
	for _, cols := range []int{1, 5, 16, 40} {
		for name, row := range map[string]func(i int) float32{
			"all":       func(int) float32 { return nan },
			"the first": func(i int) float32 { return []float32{nan, 1}[min(i, 1)] },
			"the last": func(i int) float32 {
				if i == cols-1 {
					return nan
				}
				return 1
			},
			"the others": func(i int) float32 { return []float32{nan, least}[i%2] },
		} {
			x := make([]float32, cols)
			for i := range x {
				x[i] = row(i)
			}
			c := newCtx(1)
			softmax(c, x, x, 1, cols)
			for i, v := range x {
				if !isNaN(v) {
					t.Errorf("%d columns, NaN %s: element %d is %g", cols, name, i, v)
				}
			}
		}
	}
}
