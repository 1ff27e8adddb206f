package lib

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawSliding draws a kernel over up to three axes that fits into in.
func drawSliding(t *rapid.T, in [3]int) (s sliding, out [3]int) {
	for i := range in {
		s.dilation[i] = rapid.IntRange(1, 2).Draw(t, "dilation")
		s.before[i], s.after[i] = rapid.IntRange(0, 2).Draw(t, "before"), rapid.IntRange(0, 2).Draw(t, "after")
		room := in[i] + s.before[i] + s.after[i]
		s.kernel[i] = rapid.IntRange(1, min(3, (room-1)/s.dilation[i]+1)).Draw(t, "kernel")
		s.stride[i] = rapid.IntRange(1, 3).Draw(t, "stride")
		out[i] = (room-(s.kernel[i]-1)*s.dilation[i]-1)/s.stride[i] + 1
	}
	return s, out
}

func join3(n, c int, s [3]int) []int { return []int{n, c, s[0], s[1], s[2]} }

func TestConvolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := [3]int{rapid.IntRange(1, 2).Draw(t, "d"), rapid.IntRange(1, 4).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")}
		s, out := drawSliding(t, in)
		group := rapid.IntRange(1, 2).Draw(t, "group")
		c, m := group*rapid.IntRange(1, 2).Draw(t, "channels"), group*rapid.IntRange(1, 2).Draw(t, "features")
		sx, sy, sw := join3(2, c, in), join3(2, m, out), join3(m, c/group, s.kernel)
		x, w, b := counting[int32](size(sx)), counting[int32](size(sw)), counting[int32](m)
		y, z := make([]int32, size(sy)), make([]int32, size(sx))
		convolve[int64](y, x, w, b, sy, sx, s, group)
		want := make([]int32, len(y))
		coordinates(sy, func(p int, at []int) {
			want[p] = b[at[1]]
			coordinates(sw[1:], func(_ int, k []int) {
				from := []int{at[0], at[1]/(m/group)*(c/group) + k[0], 0, 0, 0}
				for i := range 3 {
					from[2+i] = at[2+i]*s.stride[i] + k[1+i]*s.dilation[i] - s.before[i]
					if from[2+i] < 0 || from[2+i] >= in[i] {
						return
					}
				}
				want[p] += x[offset(sx, from)] * w[offset(sw, []int{at[1], k[0], k[1], k[2], k[3]})]
			})
		})
		if !slices.Equal(y, want) {
			t.Fatalf("%v with %v in %d groups: %v, want %v", sx, sw, group, y, want)
		}
		// The transpose of a linear map: <conv(x), u> = <x, back(u)>.
		u := counting[int32](len(y))
		convolve[int64](y, x, w, nil, sy, sx, s, group)
		convolveBack[int64](z, u, w, nil, sx, sy, s, group)
		var left, right int32
		for i := range y {
			left += y[i] * u[i]
		}
		for i := range x {
			right += x[i] * z[i]
		}
		if left != right {
			t.Fatalf("%v with %v in %d groups: the transpose gives %d instead of %d", sx, sw, group, right, left)
		}
	})
}

// TestConv32 compares the ways of a convolution with the sum, for one thread and for two.
func TestConv32(t *testing.T) {
	one, two := newCtx(1), newCtx(2)
	defer one.close()
	defer two.close()
	eachISA(t, func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			in := [3]int{rapid.IntRange(1, 2).Draw(r, "d"), rapid.IntRange(1, 12).Draw(r, "h"), rapid.IntRange(1, 70).Draw(r, "w")}
			s, out := drawSliding(r, in)
			group := rapid.IntRange(1, 3).Draw(r, "group")
			c, m := group*rapid.IntRange(1, 5).Draw(r, "channels"), group*rapid.IntRange(1, 14).Draw(r, "features")
			sx, sy, sw := join3(2, c, in), join3(2, m, out), join3(m, c/group, s.kernel)
			x, w, b := counting[float32](size(sx)), counting[float32](size(sw)), counting[float32](m)
			if rapid.Bool().Draw(r, "unbiased") {
				b = nil
			}
			want, y, z := make([]float32, size(sy)), make([]float32, size(sy)), make([]float32, size(sy))
			convolve[float64](want, x, w, b, sy, sx, s, group)
			then := drawSequel(r, want)
			conv32(one, y, x, w, b, sy, sx, s, group, then)
			conv32(two, z, x, w, b, sy, sx, s, group, then)
			if !slices.Equal(y, want) || !slices.Equal(y, z) { // small integers: no sum is rounded
				r.Fatalf("%v with %v, %+v, in %d groups: %v, want %v", sx, sw, s, group, y, want)
			}
		})
	})
}

// TestConvBack32 compares the product of matrices with the sum, for one thread and for two.
func TestConvBack32(t *testing.T) {
	one, two := newCtx(1), newCtx(2)
	defer one.close()
	defer two.close()
	eachISA(t, func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			in := [3]int{rapid.IntRange(1, 2).Draw(r, "d"), rapid.IntRange(1, 5).Draw(r, "h"), rapid.IntRange(1, 30).Draw(r, "w")}
			s, out := drawSliding(r, in)
			group := rapid.IntRange(1, 2).Draw(r, "group")
			c, m := group*rapid.IntRange(1, 5).Draw(r, "channels"), group*rapid.IntRange(1, 5).Draw(r, "features")
			sx, sy := join3(2, c, out), join3(2, m, in)
			x, w, b := counting[float32](size(sx)), counting[float32](c*m/group*volume(s.kernel)), counting[float32](m)
			want, y, z := make([]float32, size(sy)), make([]float32, size(sy)), make([]float32, size(sy))
			convolveBack[float64](want, x, w, b, sy, sx, s, group)
			convBack32(one, y, x, w, b, sy, sx, s, group)
			convBack32(two, z, x, w, b, sy, sx, s, group)
			if !slices.Equal(y, want) || !slices.Equal(y, z) {
				r.Fatalf("%v to %v, %+v, in %d groups: %v, want %v", sx, sy, s, group, y, want)
			}
		})
	})
	// More windows than are added up at a time.
	s := sliding{kernel: [3]int{1, 1, 90}, stride: [3]int{1, 1, 7}, dilation: [3]int{1, 1, 1}}
	sx, sy := []int{1, 2, 3000}, []int{1, 9, 2999*7 + 90}
	x, w := counting[float32](6000), counting[float32](2*9*90)
	want, y := make([]float32, size(sy)), make([]float32, size(sy))
	convolveBack[float64](want, x, w, nil, sy, sx, s, 1)
	convBack32(one, y, x, w, nil, sy, sx, s, 1)
	if !slices.Equal(y, want) {
		t.Error("of many windows not all have come")
	}
}

// TestConv32Large has sums that are cut and more columns than are packed at a
// time, between guards.
func TestConv32Large(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	for _, c := range []struct {
		in, kernel, stride             [3]int
		pad, channels, features, group int
	}{
		{[3]int{1, 30, 31}, [3]int{1, 3, 3}, [3]int{1, 1, 1}, 1, 130, 20, 1},
		{[3]int{1, 14, 14}, [3]int{1, 1, 1}, [3]int{1, 1, 1}, 0, 600, 260, 1},
		{[3]int{1, 27, 27}, [3]int{1, 1, 1}, [3]int{1, 2, 2}, 0, 40, 30, 1},
		{[3]int{1, 1, 700}, [3]int{1, 1, 10}, [3]int{1, 1, 5}, 0, 1, 64, 1},
		{[3]int{1, 1, 50}, [3]int{1, 1, 64}, [3]int{1, 1, 1}, 32, 48, 48, 4},
		{[3]int{1, 40, 40}, [3]int{1, 4, 4}, [3]int{1, 4, 4}, 0, 3, 48, 1},
		{[3]int{1, 1, 640}, [3]int{1, 1, 256}, [3]int{1, 1, 128}, 0, 2, 70, 1},
		{[3]int{1, 2, 2}, [3]int{1, 3, 3}, [3]int{1, 1, 1}, 1, 120, 66, 2},
		{[3]int{1, 1, 2}, [3]int{1, 1, 3}, [3]int{1, 1, 1}, 1, 900, 40, 1},
		{[3]int{1, 61, 60}, [3]int{1, 7, 7}, [3]int{1, 1, 1}, 3, 40, 40, 40},
		{[3]int{1, 61, 60}, [3]int{1, 3, 3}, [3]int{1, 2, 2}, 0, 40, 40, 40},
	} {
		s := sliding{kernel: c.kernel, stride: c.stride, dilation: [3]int{1, 1, 1}}
		var out [3]int
		for i := range out {
			if c.kernel[i] > 1 {
				s.before[i], s.after[i] = c.pad, c.pad
			}
			out[i] = (c.in[i]+2*s.before[i]-c.kernel[i])/c.stride[i] + 1
		}
		sx, sy := join3(1, c.channels, c.in), join3(1, c.features, out)
		taps := c.channels / c.group * volume(c.kernel)
		x, w, b := random(t, size(sx), 1), random(t, c.features*taps, 2), random(t, c.features, 3)
		exact := make([]float64, size(sy))
		convolve[float64](exact, float64s(x), float64s(w), float64s(b), sy, sx, s, c.group)
		then, apply := sequelOf(random(t, size(sy), 4), []float32{-.25}, []float32{.5})
		sequels := slices.Clone(exact)
		apply(sequels)
		eachISA(t, func(t *testing.T) {
			y, z := garbage(t, size(sy)), garbage(t, size(sy))
			conv32(one, y, x, w, b, sy, sx, s, c.group, sequel{})
			near(t, "conv32", y, exact, 4*eps*float64(4+taps))
			conv32(three, z, x, w, b, sy, sx, s, c.group, sequel{})
			sameBits(t, "three threads", z, y)
			conv32(one, y, x, w, b, sy, sx, s, c.group, then)
			near(t, "sequel", y, sequels, 4*eps*float64(8+taps))
			conv32(three, z, x, w, b, sy, sx, s, c.group, then)
			sameBits(t, "three threads and sequel", z, y)
		})
	}
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

func TestPooling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := [3]int{1, rapid.IntRange(1, 5).Draw(t, "h"), rapid.IntRange(1, 5).Draw(t, "w")}
		s, out := drawSliding(t, in)
		sx, sy := join3(1, 2, in), join3(1, 2, out)
		x := counting[float32](size(sx))
		y, mean, whole := make([]float32, size(sy)), make([]float32, size(sy)), make([]float32, size(sy))
		index := make([]int64, size(sy))
		maxPool(y, index, x, sy, sx, s, false)
		poolWindows(mean, x, sy, sx, s, false, 0.0, sumUp, average)
		poolWindows(whole, x, sy, sx, s, true, 0.0, sumUp, average)
		coordinates(sy, func(p int, at []int) {
			best, sum, n, places := math.Inf(-1), 0.0, 0, 0
			coordinates(s.kernel[:], func(_ int, k []int) {
				from, inside, padded := []int{at[0], at[1], 0, 0, 0}, true, true
				for i := range 3 {
					q := at[2+i]*s.stride[i] + k[i]*s.dilation[i] - s.before[i]
					inside, padded = inside && q >= 0 && q < in[i], padded && q < in[i]+s.after[i]
					from[2+i] = q
				}
				if padded {
					places++
				}
				if inside {
					v := float64(x[offset(sx, from)])
					best, sum, n = max(best, v), sum+v, n+1
				}
			})
			if n == 0 {
				return // a window in the padding alone: nothing is said of it
			}
			if float64(y[p]) != best || x[index[p]] != y[p] || mean[p] != float32(sum/float64(n)) || whole[p] != float32(sum/float64(places)) {
				t.Fatalf("%v with %+v at %v: %g at %d, %g, %g; want %g, %g of %d, %d", sx, s, at, y[p], index[p], mean[p], whole[p], best, sum, n, places)
			}
		})
	})
}

// TestPooling32 compares poolings of float32 with those of any type.
func TestPooling32(t *testing.T) {
	one, two := newCtx(1), newCtx(2)
	defer two.close()
	eachISA(t, func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			in := [3]int{rapid.IntRange(1, 2).Draw(r, "d"), rapid.IntRange(1, 20).Draw(r, "h"), rapid.IntRange(1, 40).Draw(r, "w")}
			s, out := drawSliding(r, in)
			for i := range out { // as with ceil_mode
				out[i] += rapid.IntRange(0, 1).Draw(r, "more")
			}
			sx, sy := join3(2, 3, in), join3(2, 3, out)
			x := counting[float32](size(sx))
			for range 3 {
				x[rapid.IntRange(0, len(x)-1).Draw(r, "at")] = rapid.SampledFrom([]float32{float32(math.NaN()), float32(math.Inf(-1)), 1e9}).Draw(r, "special")
			}
			y, z, want := make([]float32, size(sy)), make([]float32, size(sy)), make([]float32, size(sy))
			check := func(what string) {
				t.Helper()
				for i, v := range want {
					if d := math.Abs(float64(y[i] - v)); y[i] != v && (v == v || y[i] == y[i]) && !(d <= 1e-6*math.Abs(float64(v))) {
						r.Fatalf("%s of %v with %+v: %d is %g, want %g", what, sx, s, i, y[i], v)
					}
				}
				sameBits(t, what, z, y)
			}
			maxPool(want, nil, x, sy, sx, s, false)
			maxPool32(one, y, x, sy, sx, s)
			maxPool32(two, z, x, sy, sx, s)
			check("maxPool32")
			for _, padded := range []bool{false, true} {
				poolWindows(want, x, sy, sx, s, padded, 0.0, sumUp, average)
				averagePool32(one, y, x, sy, sx, s, padded)
				averagePool32(two, z, x, sy, sx, s, padded)
				check("averagePool32")
			}
		})
	})
}

func TestMultiply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(0, 3)
		m, k, n := dim.Draw(t, "m"), dim.Draw(t, "k"), dim.Draw(t, "n")
		batch := rapid.SliceOfN(rapid.IntRange(1, 3), 0, 2).Draw(t, "batch")
		sa, sb := append(drawPart(t, batch), m, k), append(drawPart(t, batch), k, n)
		for i := range batch { // what both lack is no part of the result
			if i < len(batch)-max(len(sa), len(sb))+2 {
				batch[i] = 1
				continue
			}
			a, b := i-len(batch)+len(sa)-2, i-len(batch)+len(sb)-2
			if (a < 0 || sa[a] == 1) && (b < 0 || sb[b] == 1) {
				batch[i] = 1
			}
		}
		a, b := counting[int32](size(sa)), counting[int32](size(sb))
		sy := append(slices.Clone(batch), m, n)
		y := make([]int32, size(sy))
		multiply[int64](y, a, b, sa, sb)
		coordinates(sy, func(p int, at []int) {
			var want int32
			for q := range k {
				row, col := slices.Clone(at), slices.Clone(at)
				row[len(row)-1], col[len(col)-2] = q, q
				want += a[offsetOf(sa, row)] * b[offsetOf(sb, col)]
			}
			if y[p] != want {
				t.Fatalf("%v·%v at %v: %d, want %d", sa, sb, at, y[p], want)
			}
		})
	})
}

// offsetOf is offset for matrices: their own two axes are never broadcast.
func offsetOf(shape, at []int) int {
	k := len(shape) - 2
	p := offset(shape[:k], at[:len(at)-2])
	return (p*shape[k]+at[len(at)-2])*shape[k+1] + at[len(at)-1]
}

func TestEinsum(t *testing.T) {
	// "iij,jk->ki": a diagonal, a sum, a result in another order.
	a, b, y := counting[float64](2*2*3), counting[float64](3*4), make([]float64, 4*2)
	einsum[float64](y, [][]float64{a, b}, []int{4, 2}, []int{3}, []layout{{0, 9, 1}, {1, 0, 4}})
	for k := range 4 {
		for i := range 2 {
			var want float64
			for j := range 3 {
				want += a[i*9+j] * b[j*4+k]
			}
			if y[k*2+i] != want {
				t.Errorf("[%d %d]: %g, want %g", k, i, y[k*2+i], want)
			}
		}
	}
}

func TestFourier(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 12, 64} {
		x := make([]complex128, n)
		for i := range x {
			x[i] = complex(float64(i%5), float64(i%3))
		}
		y := slices.Clone(x)
		fourier(y, false)
		for k, v := range y {
			var want complex128
			for i, u := range x {
				want += u * cmplx.Rect(1, -2*math.Pi*float64(i*k)/float64(n))
			}
			if cmplx.Abs(v-want) > 1e-9 {
				t.Errorf("frequency %d of %d: %v, want %v", k, n, v, want)
			}
		}
		fourier(y, true)
		for i := range x {
			if cmplx.Abs(y[i]/complex(float64(n), 0)-x[i]) > 1e-12 {
				t.Errorf("%d of %d does not come back: %v", i, n, y[i])
			}
		}
	}
}

func TestDeterminant(t *testing.T) {
	y := make([]float64, 3)
	det(y, []float64{0, 2, 0, 3, 1, 1, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 0, 0, 0, 3, 0, 0, 0, 4}, 3)
	for i, want := range []float64{-28, 0, 24} {
		if math.Abs(y[i]-want) > 1e-12 {
			t.Errorf("determinant %d is %g, want %g", i, y[i], want)
		}
	}
}

func TestSoftmaxAlong(t *testing.T) {
	inf := float32(math.Inf(-1))
	x := []float32{1, inf, 3, 1e4, 2, 1e4}
	y, z := make([]float32, 6), make([]float32, 6)
	softmaxAlong(y, x, []int{3, 2}, 0)
	logSoftmaxAlong(z, x, []int{3, 2}, 0)
	for i, want := range []float32{0.09003057, 0, 0.66524094, 0.5, 0.24472848, 0.5} {
		if math.Abs(float64(y[i]-want)) > 1e-7 || want > 0 && math.Abs(float64(z[i])-math.Log(float64(want))) > 1e-6 {
			t.Errorf("element %d: %g and %g, want %g", i, y[i], z[i], want)
		}
	}
}

func TestQuantize(t *testing.T) {
	x := []float32{-1, 0.5, 1.5, 300, 2.5, -7}
	y, back := make([]int8, 6), make([]float32, 6)
	s := scalesOf([]int{2, 3}, []int{2}, 0, 0)
	scale, zero := []float32{1, 0.5}, []int8{0, 3}
	quantize(y, x, scale, zero, s, fromNumber, fromNumber, fromNumber, clampInteger, true, true)
	if want := []int8{-1, 0, 2, 127, 8, -11}; !slices.Equal(y, want) {
		t.Errorf("quantized to %v, want %v", y, want)
	}
	dequantize(back, y, scale, zero, s, fromNumber, fromNumber, toFloat)
	if want := []float32{-1, 0, 2, 62, 2.5, -7}; !slices.Equal(back, want) {
		t.Errorf("back to %v, want %v", back, want)
	}
	blocks := scalesOf([]int{2, 4}, []int{2, 2}, 1, 2)
	z := make([]float32, 8)
	dequantize(z, []int4{1, 2, 3, 4, 5, 6, 7, -8}, []float32{1, 10, 100, 1000}, nil, blocks, fromNumber, fromNumber, toFloat)
	if want := []float32{1, 2, 30, 40, 500, 600, 7000, -8000}; !slices.Equal(z, want) {
		t.Errorf("blocks give %v, want %v", z, want)
	}
}

func TestResize(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	for _, c := range []struct {
		s     resizing
		scale float32
		want  []float32
	}{
		{resizing{mode: "nearest", nearest: "floor", coordinates: "asymmetric"}, 2, []float32{1, 1, 2, 2, 3, 3, 4, 4}},
		{resizing{mode: "linear", coordinates: "half_pixel"}, 2, []float32{1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4}},
		{resizing{mode: "linear", coordinates: "align_corners"}, 1.75, []float32{1, 1.5, 2, 2.5, 3, 3.5, 4}},
		{resizing{mode: "linear", coordinates: "half_pixel", antialias: true}, 0.5, []float32{1.625, 3.375}},
		{resizing{mode: "linear", coordinates: "half_pixel", antialias: true, within: true}, 0.5, []float32{1.7142857, 3.2857144}},
	} {
		y := make([]float32, resizedSize(0, []int{4}, []float32{c.scale}, []int(nil), nil, "stretch"))
		resize(y, x, []int{4}, []float32(nil), []float32{c.scale}, []int(nil), nil, c.s)
		for i := range y {
			if len(y) != len(c.want) || math.Abs(float64(y[i]-c.want[i])) > 1e-6 {
				t.Errorf("%+v: %v, want %v", c.s, y, c.want)
				break
			}
		}
	}
}

// BenchmarkConv32 is how a vision transformer takes its patches.
func BenchmarkConv32(b *testing.B) {
	c := newCtx(1)
	defer c.close()
	x, w, y := counting[float32](3*224*224), counting[float32](768*3*16*16), make([]float32, 768*14*14)
	s := sliding{kernel: [3]int{1, 16, 16}, stride: [3]int{1, 16, 16}, dilation: [3]int{1, 1, 1}}
	b.ReportAllocs()
	for b.Loop() {
		conv32(c, y, x, w, nil, []int{1, 768, 14, 14}, []int{1, 3, 224, 224}, s, 1, sequel{})
	}
	b.ReportMetric(2*768*196*768/1e9/(b.Elapsed().Seconds()/float64(b.N)), "GFLOP/s")
}
