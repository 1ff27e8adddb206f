package lib

import (
	"fmt"
	"math"
	"testing"
)

// A resizeCase is a shape and what becomes of it, one of scales and sizes.
type resizeCase struct {
	sx     []int
	scales []float32
	sizes  []int64
	axes   []int
	policy string
}

func resizeCases() []resizeCase {
	cases := []resizeCase{
		{[]int{2, 3, 12, 12}, []float32{1, 1, 2, 2}, nil, nil, ""},
		{[]int{1, 2, 9, 40}, []float32{1, 1, 1.7, 3.3}, nil, nil, ""},
		{[]int{1, 2, 9, 40}, []float32{1, 1, 0.6, 0.3}, nil, nil, ""},
		{[]int{1, 2, 30, 33}, []float32{1, 1, 0.5, 1.5}, nil, nil, ""},
		{[]int{1, 2, 7, 64}, []float32{1, 1, 3, 1}, nil, nil, ""},
		{[]int{2, 2, 7, 5}, []float32{1, 1, 1, 9}, nil, nil, ""},
		{[]int{2, 2, 7, 5}, []float32{1, 1, 1, 1}, nil, nil, ""},
		{[]int{2, 2, 7, 50}, []float32{1, 1, 1, 1.001}, nil, nil, ""},
		{[]int{3, 1, 1}, nil, []int64{3, 8, 70}, nil, "stretch"},
		{[]int{3, 8, 70}, nil, []int64{3, 1, 1}, nil, "stretch"},
		{[]int{2, 3, 14, 14}, nil, []int64{96, 97}, []int{2, 3}, "stretch"},
		{[]int{2, 3, 14, 15}, nil, []int64{35, 97}, []int{-1, -2}, "not_larger"},
		{[]int{2, 3, 14, 15}, nil, []int64{35, 9}, []int{-2, -1}, "not_smaller"},
		{[]int{2, 1, 2, 10, 10}, nil, []int64{33}, []int{4}, "stretch"},
		{[]int{17}, []float32{4}, nil, nil, ""},
		{[]int{2, 4, 6}, []float32{1.5, 2, 2}, nil, nil, ""}, // not the last two
		{[]int{5, 3, 4, 4}, nil, []int64{2, 3, 9, 9}, nil, "stretch"},
	}
	for n := 1; n < 40; n += 5 {
		for out := 1; out < 90; out += 8 {
			cases = append(cases, resizeCase{[]int{2, 3, n}, nil, []int64{2, 4, int64(out)}, nil, "stretch"})
		}
	}
	return cases
}

func resizings() []resizing {
	var all []resizing
	for _, at := range []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"} {
		for _, round := range []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"} {
			all = append(all, resizing{mode: "nearest", nearest: round, coordinates: at})
		}
		for _, within := range []bool{false, true} {
			all = append(all, resizing{mode: "linear", coordinates: at, within: within}, resizing{mode: "cubic", coordinates: at, cubic: -0.75, within: within})
		}
	}
	return all
}

// TestResize32 compares with the portable kernel, which computes in float64:
// of two sums of two to four products each, every factor and every sum is
// rounded.
func TestResize32(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	bounds := map[string]float64{"nearest": 0, "linear": 5 * eps, "cubic": 20 * eps}
	eachISA(t, func(t *testing.T) {
		for _, c := range resizeCases() {
			x := random(t, size(c.sx), 1)
			exact := make([]float64, len(x))
			for i, v := range x {
				exact[i] = float64(v)
			}
			for _, s := range resizings() {
				s.policy = c.policy
				n := 1
				for a := range c.sx {
					n *= resizedSize(a, c.sx, c.scales, c.sizes, c.axes, s.policy)
				}
				what := fmt.Sprintf("%+v %+v", c, s)
				want, y, z := make([]float64, n), garbage(t, n), garbage(t, n)
				resize(want, exact, c.sx, []float32(nil), c.scales, c.sizes, c.axes, s)
				resize32(one, y, x, c.sx, c.scales, c.sizes, c.axes, s)
				near(t, what, y, want, bounds[s.mode])
				resize32(three, z, x, c.sx, c.scales, c.sizes, c.axes, s)
				sameBits(t, what+", three threads", z, y)
			}
		}
	})
}

// TestResize32Threads has enough rows for all threads, cut within planes, and
// numbers that are not finite.
func TestResize32Threads(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	sx, scales := []int{1, 3, 60, 70}, []float32{1, 1, 3.25, 3.7}
	x := random(t, size(sx), 1)
	x[100], x[5000], x[9000] = float32(math.Inf(1)), float32(math.NaN()), float32(math.Inf(-1))
	n := 3 * 195 * 259
	eachISA(t, func(t *testing.T) {
		for _, s := range resizings() {
			want, y, z := make([]float32, n), garbage(t, n), garbage(t, n)
			resize(want, x, sx, []float32(nil), scales, []int(nil), nil, s)
			resize32(one, y, x, sx, scales, []int(nil), nil, s)
			resize32(three, z, x, sx, scales, []int(nil), nil, s)
			sameBits(t, fmt.Sprintf("%+v", s), z, y)
			for i, v := range want {
				if finite := math.Abs(float64(v)) < 8; finite != (math.Abs(float64(y[i])) < 8) || v != y[i] && math.IsInf(float64(v), 0) {
					t.Fatalf("%+v: element %d is %g, want %g", s, i, y[i], v)
				}
			}
		}
	})
}

// BenchmarkResize32 is the last step of a dense prediction transformer.
func BenchmarkResize32(b *testing.B) {
	c := newCtx(1)
	defer c.close()
	sx, scales := []int{1, 128, 192, 192}, []float32{1, 1, 2, 2}
	x, y := make([]float32, size(sx)), make([]float32, 4*size(sx))
	for _, s := range []resizing{
		{mode: "linear", coordinates: "align_corners"}, {mode: "nearest", nearest: "floor", coordinates: "asymmetric"},
		{mode: "cubic", coordinates: "half_pixel", cubic: -0.75},
	} {
		b.Run(s.mode, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resize32(c, y, x, sx, scales, []int(nil), nil, s)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(len(y)), "ns/element")
		})
	}
}
