package lib

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// turnedWeights are w [features, taps / places, places] as convTurned32 reads them.
func turnedWeights(t testing.TB, w []float32, taps, features, places int) []float32 {
	packed := guarded(t, LinearLen(taps, features))
	packTurned(packed, w, features, taps/places, places)
	return packed
}

// TestConvTurned32 compares the product of matrices with the sum, for one thread and for three.
func TestConvTurned32(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer one.close()
	defer three.close()
	eachISA(t, func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			in := [3]int{rapid.IntRange(1, 2).Draw(r, "d"), rapid.IntRange(1, 12).Draw(r, "h"), rapid.IntRange(1, 70).Draw(r, "w")}
			s, out := drawSliding(r, in)
			if rapid.Bool().Draw(r, "in place") {
				s, out = sliding{kernel: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1}}, in
			}
			n, c, m := rapid.IntRange(1, 5).Draw(r, "images"), rapid.IntRange(1, 5).Draw(r, "channels"), rapid.IntRange(1, 70).Draw(r, "features")
			sx, sy, sw := join3(n, c, in), join3(n, m, out), join3(m, c, s.kernel)
			x, w, b := counting[float32](size(sx)), counting[float32](size(sw)), counting[float32](m)
			if rapid.Bool().Draw(r, "unbiased") {
				b = nil
			}
			want, y, z := make([]float32, size(sy)), make([]float32, size(sy)), make([]float32, size(sy))
			convolve[float64](want, x, w, b, sy, sx, s, 1)
			packed := turnedWeights(t, w, c*volume(s.kernel), m, volume(s.kernel))
			then := drawSequel(r, want)
			convTurned32(one, y, x, packed, b, sy, sx, s, then)
			convTurned32(three, z, x, packed, b, sy, sx, s, then)
			if !slices.Equal(y, want) || !slices.Equal(y, z) { // small integers: no sum is rounded
				r.Fatalf("%v with %v, %+v: %v, want %v", sx, sw, s, y, want)
			}
		})
	})
}

// TestConvTurned32Large has sums that are cut, more outputs than are in work at
// a time, and more taps than are packed, between guards.
func TestConvTurned32Large(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer one.close()
	defer three.close()
	for _, c := range []struct {
		images, channels, features, in, kernel, stride, pad int
	}{
		{1, 600, 70, 14, 1, 1, 0},
		{5, 1100, 40, 7, 1, 1, 0},
		{1, 64, 33, 30, 1, 1, 0},
		{1, 150, 64, 21, 3, 1, 1},
		{9, 130, 64, 7, 3, 1, 1},
		{1, 700, 96, 14, 1, 2, 0},
		{2, 3, 40, 48, 16, 16, 0},
		{1, 513, 32, 1, 3, 1, 1},
		{2, 40, 64, 33, 3, 2, 1},
		{3, 40, 64, 12, 3, 1, 0},
		{3, 70, 32, 9, 2, 2, 0},
		{1, 300, 300, 18, 1, 1, 0},
		{20, 96, 300, 6, 3, 1, 1},
	} {
		s := sliding{kernel: [3]int{1, c.kernel, c.kernel}, stride: [3]int{1, c.stride, c.stride}, dilation: [3]int{1, 1, 1},
			before: [3]int{0, c.pad, c.pad}, after: [3]int{0, c.pad, c.pad}}
		o := (c.in+2*c.pad-c.kernel)/c.stride + 1
		sx, sy := []int{c.images, c.channels, c.in, c.in}, []int{c.images, c.features, o, o}
		taps := c.channels * c.kernel * c.kernel
		x, w, b := random(t, size(sx), 1), random(t, c.features*taps, 2), random(t, c.features, 3)
		exact := make([]float64, size(sy))
		convolve[float64](exact, float64s(x), float64s(w), float64s(b), sy, sx, s, 1)
		then, apply := sequelOf(random(t, size(sy), 4), []float32{-.25}, []float32{.5})
		sequels := slices.Clone(exact)
		apply(sequels)
		packed := turnedWeights(t, w, taps, c.features, c.kernel*c.kernel)
		eachPaired(t, func(t *testing.T) {
			y, z := garbage(t, size(sy)), garbage(t, size(sy))
			convTurned32(one, y, x, packed, b, sy, sx, s, sequel{})
			near(t, "convTurned32", y, exact, 4*eps*float64(4+taps))
			convTurned32(three, z, x, packed, b, sy, sx, s, sequel{})
			sameBits(t, "three threads", z, y)
			convTurned32(one, y, x, packed, b, sy, sx, s, then)
			near(t, "sequel", y, sequels, 4*eps*float64(8+taps))
			convTurned32(three, z, x, packed, b, sy, sx, s, then)
			sameBits(t, "three threads and sequel", z, y)
		})
	}
}

// TestConvTurnedPaired has images and weights of which a part must not be done by
// pairs: with an odd pixel nothing is, with an odd feature all but its panel.
func TestConvTurnedPaired(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	k := convCase{2, 32, 96, 1, 9, 3, 1, 1}
	sy, sx, s, taps := k.sizes()
	const pixels, feature = 81, 35
	eachPaired(t, func(t *testing.T) {
		for _, odd := range []float32{0, 1e-30, 1e30, float32(math.Inf(-1)), float32(math.NaN())} {
			x, w := random(t, size(sx), 1), random(t, k.features*taps, 2)
			if odd == 0 {
				clear(w[feature*taps:][:taps])
				w[feature*taps+4] = 0.25
			} else {
				for p := range pixels * k.channels {
					x[p] = 0
				}
				x[7*pixels+44] = odd
			}
			packed := turnedWeights(t, w, taps, k.features, 9)
			with, without := garbage(t, size(sy)), garbage(t, size(sy))
			convTurned32(c, with, x, packed, nil, sy, sx, s, sequel{})
			pairs = false
			convTurned32(c, without, x, packed, nil, sy, sx, s, sequel{})
			pairs = true
			if odd != 0 {
				sameBits(t, fmt.Sprint("with ", odd), with, without)
				continue
			}
			for f := range 2 * k.features {
				a, b := with[f*pixels:][:pixels], without[f*pixels:][:pixels]
				if same := slices.Equal(a, b); same != (f%k.features/panelCols == feature/panelCols) {
					t.Errorf("feature %d is by pairs: %v", f, !same)
				}
			}
			for j, v := range x[:pixels] {
				if got := with[feature*pixels+j]; got != v/4 {
					t.Fatalf("pixel %d, which was selected, is %g, not %g", j, got, v/4)
				}
			}
		}
	})
}
