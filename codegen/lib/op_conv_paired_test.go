package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// corneredWeights are w [groups·features, taps / places, places] as conv32 by pairs reads them.
func corneredWeights(t testing.TB, w []float32, groups, features, taps, places int) []float32 {
	cornered := guarded(t, corneredRowsLen(groups*features, taps))
	cornerRows(cornered, w, groups, features, taps/places, places)
	return cornered
}

// A convCase is a convolution of square images with as much padding on each side.
type convCase struct{ images, channels, features, group, in, kernel, stride, pad int }

func (c convCase) sizes() (sy, sx []int, s sliding, taps int) {
	s = sliding{kernel: [3]int{1, c.kernel, c.kernel}, stride: [3]int{1, c.stride, c.stride}, dilation: [3]int{1, 1, 1},
		before: [3]int{0, c.pad, c.pad}, after: [3]int{0, c.pad, c.pad}}
	o := (c.in+2*c.pad-c.kernel)/c.stride + 1
	return []int{c.images, c.features, o, o}, []int{c.images, c.channels, c.in, c.in}, s, c.channels / c.group * c.kernel * c.kernel
}

// TestConvPaired has products of one part and of many, with whole panels and
// without, with and without what comes behind, between guards.
func TestConvPaired(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	for _, c := range []convCase{
		{1, 96, 20, 1, 14, 1, 1, 0},
		{2, 20, 33, 1, 13, 3, 1, 1},
		{1, 130, 150, 1, 21, 3, 1, 0},
		{1, 600, 35, 1, 20, 1, 2, 0},
		{2, 64, 64, 2, 9, 3, 1, 1},
		{1, 3, 40, 1, 60, 7, 2, 3},
		{1, 40, 17, 1, 3, 3, 1, 1},
		{1, 64, 300, 1, 23, 1, 1, 0},
	} {
		sy, sx, s, taps := c.sizes()
		x, w, b := random(t, size(sx), 1), random(t, c.features*taps, 2), random(t, c.features, 3)
		for i := range x {
			x[i] *= 3e-3
		}
		exact := make([]float64, size(sy))
		convolve[float64](exact, float64s(x), float64s(w), float64s(b), sy, sx, s, c.group)
		then, apply := sequelOf(random(t, size(sy), 4), []float32{-.25}, []float32{.5})
		sequels := slices.Clone(exact)
		apply(sequels)
		cornered := corneredWeights(t, w, c.group, c.features/c.group, taps, c.kernel*c.kernel)
		eachPaired(t, func(t *testing.T) {
			what := fmt.Sprintf("%+v", c)
			y, z := garbage(t, size(sy)), garbage(t, size(sy))
			conv32(one, y, x, cornered, b, sy, sx, s, c.group, sequel{})
			near(t, what, y, exact, 4*eps*(1+3e-2*float64(taps)))
			conv32(three, z, x, cornered, b, sy, sx, s, c.group, sequel{})
			sameBits(t, what+", three threads", z, y)
			pairs = false
			conv32(one, z, x, cornered, b, sy, sx, s, c.group, sequel{})
			pairs = true
			near(t, what+" without pairs", z, exact, 4*eps*(1+3e-2*float64(taps)))
			if same := slices.Equal(y, z); same != (size(sy[2:]) <= fewPairedCols) {
				t.Errorf("%s: the same with pairs and without: %v", what, same)
			}
			conv32(one, y, x, cornered, b, sy, sx, s, c.group, then)
			near(t, what+" and sequel", y, sequels, 4*eps*(2+3e-2*float64(taps)))
			conv32(three, z, x, cornered, b, sy, sx, s, c.group, then)
			sameBits(t, what+", three threads and sequel", z, y)
		})
	}
}

// TestConvPairedOdd has images and weights of which a part must not be done by
// pairs: that part is as exact as ever.
func TestConvPairedOdd(t *testing.T) {
	c := newCtx(1)
	k := convCase{1, 100, 40, 1, 16, 1, 1, 0}
	sy, sx, s, taps := k.sizes()
	const pixels, panel = 256, 5
	eachPaired(t, func(t *testing.T) {
		run := func(x, w []float32) (with, without []float32) {
			with, without = garbage(t, size(sy)), garbage(t, size(sy))
			cornered := corneredWeights(t, w, 1, k.features, taps, k.kernel*k.kernel)
			conv32(c, with, x, cornered, nil, sy, sx, s, 1, sequel{})
			pairs = false
			conv32(c, without, x, cornered, nil, sy, sx, s, 1, sequel{})
			pairs = true
			return with, without
		}
		for _, odd := range []float32{float32(math.Inf(1)), float32(math.NaN()), 1e30, 1e-3} {
			x, w := random(t, size(sx), 1), random(t, k.features*taps, 2)
			for p := range k.channels {
				if v := &x[p*pixels+panel*panelCols+3]; odd < 1 {
					*v *= odd
				} else if p == 7 {
					*v = odd
				}
			}
			with, without := run(x, w)
			for f := range k.features {
				for j := 0; j < pixels; j += panelCols {
					a, b := with[f*pixels+j:][:panelCols], without[f*pixels+j:][:panelCols]
					if j/panelCols == panel {
						sameBits(t, fmt.Sprint("panel with a pixel of ", odd), a, b)
					} else if slices.Equal(a, b) {
						t.Errorf("panel %d is not done by pairs, beside one with a pixel of %g", j/panelCols, odd)
					}
				}
			}
		}
		x, w := random(t, size(sx), 1), random(t, k.features*taps, 2)
		clear(w[13*taps:][:taps])
		w[13*taps+7] = 0.25
		with, without := run(x, w)
		for f := range k.features {
			a, b := with[f*pixels:][:pixels], without[f*pixels:][:pixels]
			if same := slices.Equal(a, b); same != (f/pairedTile == 1) {
				t.Errorf("feature %d is by pairs: %v", f, !same)
			}
		}
		for j, v := range x[7*pixels:][:pixels] {
			if got := with[13*pixels+j]; got != v/4 {
				t.Fatalf("a pixel that was selected is %g, not %g", got, v/4)
			}
		}
	})
}

func TestColumnMoments(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, k := range []int{1, 5, 6, 7, 48, 101} {
			ld := panelCols + k%7
			w, got := random(t, (k-1)*ld+panelCols, 1), garbage(t, 2*panelCols)
			columnMoments(got, w, ld, k)
			want := make([]float64, 2*panelCols)
			for c := range panelCols {
				want[c] = float64(corner(w[c:], ld, k))
				for p := range k {
					want[panelCols+c] += float64(w[p*ld+c]) * float64(w[p*ld+c])
				}
			}
			near(t, fmt.Sprint(k), got, want, 4*eps*float64(4+k))
		}
	})
}

// TestConvPairedRounding compares the rounding of convolutions by pairs with
// that of others, for what is behind activations and normalizations. Features
// that are not all of one size take their share.
func TestConvPairedRounding(t *testing.T) {
	var r *rand.Rand
	c := newCtx(1)
	gelu := func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }
	for name, of := range map[string]func(channel int) float64{
		"normal": func(int) float64 { return r.NormFloat64() },
		"relu":   func(int) float64 { return max(r.NormFloat64(), 0) },
		"shifted": func(channel int) float64 {
			return max(r.NormFloat64()*(.5+float64(channel%7)/7)+.3*float64(channel%5-2), 0)
		},
		"gelu":     func(int) float64 { return gelu(2*r.NormFloat64() - 1) },
		"pixels":   func(int) float64 { return 255 * r.Float64() },
		"outliers": func(channel int) float64 { return r.NormFloat64() * (1 + 40*float64((channel+1)%97/96)) },
	} {
		for _, k := range []convCase{{1, 256, 40, 1, 16, 1, 1, 0}, {1, 128, 40, 1, 12, 3, 1, 1}} {
			sy, sx, s, taps := k.sizes()
			x, w := make([]float32, size(sx)), make([]float32, k.features*taps)
			r = rand.New(rand.NewPCG(3, 4))
			for i := range x {
				x[i] = float32(of(i / (k.in * k.in)))
			}
			for i := range w {
				w[i] = float32(r.NormFloat64() / 30 * (.5 + float64(i/taps%4))) // as normalizations scale features
			}
			cornered, want := corneredWeights(t, w, 1, k.features, taps, k.kernel*k.kernel), make([]float64, size(sy))
			convolve[float64](want, float64s(x), float64s(w), nil, sy, sx, s, 1)
			packed := turnedWeights(t, w, taps, k.features, k.kernel*k.kernel)
			off := func(run func(y []float32)) (rms float64) {
				y := make([]float32, size(sy))
				run(y)
				for i, v := range y {
					rms += (float64(v) - want[i]) * (float64(v) - want[i])
				}
				return math.Sqrt(rms)
			}
			eachPaired(t, func(t *testing.T) {
				plain := off(func(y []float32) { conv32(c, y, x, w, nil, sy, sx, s, 1, sequel{}) })
				for way, run := range map[string]func(y []float32){
					"panels": func(y []float32) { conv32(c, y, x, cornered, nil, sy, sx, s, 1, sequel{}) },
					"turned": func(y []float32) { convTurned32(c, y, x, packed, nil, sy, sx, s, sequel{}) },
				} {
					if ratio := off(run) / plain; !(ratio < 1.6) {
						t.Errorf("%s, %d taps, %s: sums by pairs are %.2f times as far off as others", name, taps, way, ratio)
					} else {
						t.Logf("%s, %d taps, %s: %.2f", name, taps, way, ratio)
					}
				}
			})
		}
	}
}

func BenchmarkConvPaired(b *testing.B) {
	had := pairs
	defer func() { pairs = had }()
	for _, c := range []struct{ channels, features, in, kernel, stride int }{
		{3, 64, 224, 7, 2}, {64, 64, 56, 1, 1}, {64, 64, 56, 3, 1}, {64, 256, 56, 1, 1}, {256, 64, 56, 1, 1},
		{128, 128, 28, 3, 1}, {512, 128, 28, 1, 1}, {128, 512, 28, 1, 1}, {256, 512, 56, 1, 2},
		{256, 256, 14, 3, 1}, {1024, 256, 14, 1, 1}, {256, 1024, 14, 1, 1}, {144, 24, 56, 1, 1}, {192, 32, 28, 1, 1}, {96, 24, 56, 1, 1}, {512, 512, 7, 3, 1}, {2048, 512, 7, 1, 1}, {512, 2048, 7, 1, 1}, {1536, 384, 14, 1, 1}, {384, 96, 56, 1, 1}, {768, 192, 28, 1, 1}, {192, 768, 28, 1, 1},
	} {
		pad := c.kernel / 2
		s := sliding{kernel: [3]int{1, c.kernel, c.kernel}, stride: [3]int{1, c.stride, c.stride}, dilation: [3]int{1, 1, 1},
			before: [3]int{0, pad, pad}, after: [3]int{0, pad, pad}}
		o := (c.in+2*pad-c.kernel)/c.stride + 1
		taps := c.channels * c.kernel * c.kernel
		sx, sy := []int{1, c.channels, c.in, c.in}, []int{1, c.features, o, o}
		x, w, bias, y := random(b, size(sx), 1), random(b, c.features*taps, 2), random(b, c.features, 3), make([]float32, size(sy))
		cornered, turned := corneredWeights(b, w, 1, c.features, taps, c.kernel*c.kernel), turnedWeights(b, w, taps, c.features, c.kernel*c.kernel)
		then := sequel{least: zero[:]}
		for _, threads := range []int{1, 2} {
			ctx := newCtx(threads)
			name := fmt.Sprintf("%dx%d·%d²,%d,%d,threads=%d/", c.features, c.channels, c.kernel, c.in, c.stride, threads)
			for _, way := range []struct {
				name string
				run  func()
			}{
				{"plain", func() { conv32(ctx, y, x, w, bias, sy, sx, s, 1, then) }},
				{"pairs", func() { conv32(ctx, y, x, cornered, bias, sy, sx, s, 1, then) }},
				{"turned", func() { convTurned32(ctx, y, x, turned, bias, sy, sx, s, then) }},
			} {
				b.Run(name+way.name, func(b *testing.B) {
					for b.Loop() {
						way.run()
					}
					gflops(b, float64(2*c.features*taps*o*o))
				})
			}
			ctx.close()
		}
	}
}
