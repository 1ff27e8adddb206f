package lib

import (
	"math"
	"testing"
)

// TestHalfKernels converts every float16 to float32, and to float16 these, what lies
// half-way between two and what is next to that.
func TestHalfKernels(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		halves := make([]float16, 1<<16)
		for i := range halves {
			halves[i] = float16(i)
		}
		wide := garbage(t, len(halves))
		widenF16(wide, halves)
		var x []float32
		for i, h := range halves {
			want := f16ToF32(h)
			if got := wide[i]; math.Float32bits(got) != math.Float32bits(want) && got == got {
				t.Fatalf("%#04x is %g, want %g", h, got, want)
			}
			bits := math.Float32bits(want)
			for _, d := range []uint32{0, 0xfff, 0x1000, 0x1001} {
				x = append(x, math.Float32frombits(bits+d))
			}
		}
		for _, v := range []float64{65519, 65520, 1e30, math.Inf(1), 0x1p-24, 0x1p-25, 0x1.8p-25, 0x1p-26, 1e-40} {
			x = append(x, float32(v), float32(-v))
		}
		for _, n := range []int{0, 1, 7, 8, 9, len(x)} {
			y := make([]float16, n)
			narrowF16(y, x[:n])
			for i, got := range y {
				want := f32ToF16(x[i])
				if got != want && (x[i] == x[i] || fromF16(got) == fromF16(got)) {
					t.Fatalf("%g is %#04x, want %#04x", x[i], got, want)
				}
			}
		}
	})
}
