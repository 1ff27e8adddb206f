package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// eachPaired is eachISA with products by pairs.
func eachPaired(t *testing.T, f func(t *testing.T)) {
	had := pairs
	defer func() { pairs = had }()
	pairs = true
	eachISA(t, f)
}

// newPairedCase is newGemmCase for weights with corners.
func newPairedCase(t testing.TB, m, k, n, pad int, bias, add bool) gemmCase {
	g := newGemmCase(t, m, k, n, pad, bias, add)
	g.w = withCorners(t, g.w, k, n)
	return g
}

// withCorners is packed weights with their corners behind.
func withCorners(t testing.TB, packed []float32, k, n int) []float32 {
	w := guarded(t, linearLen(k, n))
	copy(w, packed)
	if behind := w[len(packed):]; len(behind) > 0 {
		corners(behind, k, n, leastColumn, func(j int) []float32 { return packed[j*k:][:k*panelCols] })
	}
	return w
}

// linearWeights is so many matrices as linear takes them.
func linearWeights(t testing.TB, count, k, n int) []float32 {
	size := linearLen(k, n)
	w := guarded(t, count*size)
	for i := range count {
		PackLinear(w[i*size:][:size], random(t, k*n, uint64(i)), k, n)
	}
	return w
}

func TestPaired(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	var cases []gemmCase
	for m := pairedMin; m < pairedMin+25; m++ {
		for _, k := range []int{96, 101, 150, 290} {
			cases = append(cases, newPairedCase(t, m, k, []int{32, 70, 96}[m%3], (m+k)%4, m%2 == 0, k%2 == 0))
		}
	}
	for _, s := range [][3]int{{35, 513, 40}, {34, 1700, 32}, {300, 97, 96}, {128, 98, 300}, {700, 99, 320}, {37, 1030, 65}} {
		cases = append(cases, newPairedCase(t, s[0], s[1], s[2], s[0]%3, true, true))
	}
	eachPaired(t, func(t *testing.T) {
		for _, g := range cases {
			what := fmt.Sprintf("gemm %dx%dx%d pad %d bias %v add %v", g.m, g.k, g.n, g.pad, g.bias, g.add)
			if !paired(g.w[packedLen(g.k, g.n):], g.m) {
				t.Fatalf("%s is not done by pairs", what)
			}
			y := g.run(t, one, false)
			near(t, what, y, g.want, 4*eps*(3+math.Sqrt(float64(g.k)))*math.Max(1, math.Sqrt(float64(g.k))/2))
			sameBits(t, what+", three threads", g.run(t, three, false), y)
			sameBits(t, what+", in place", g.run(t, one, true), y)
		}
	})
}

// TestPairedRowsAlone proves that a row's result does not depend on its neighbours.
func TestPairedRowsAlone(t *testing.T) {
	c := newCtx(1)
	eachPaired(t, func(t *testing.T) {
		g := newPairedCase(t, 3*pairedHigh+7, 330, 70, 0, true, false)
		all := g.run(t, c, false)
		for i := 0; i+pairedMin <= g.m; i += 19 {
			y := garbage(t, pairedMin*g.n)
			linear(c, y, g.x[i*g.k:], g.w, g.b, nil, nil, pairedMin, g.k, g.n)
			sameBits(t, fmt.Sprint("rows from ", i), y, all[i*g.n:(i+pairedMin)*g.n])
		}
	})
}

// TestPairedMul compares the kernel with sums in float64, between guards.
func TestPairedMul(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for m := 1; m < 24; m++ {
			for _, k := range []int{1, 5, 6, 7, 12, 35, 66, 133} {
				ldx, ldy, ldadd := k+m%3, panelCols+m%2, panelCols+k%2
				x, w := random(t, (m-1)*ldx+k, 1), random(t, k*panelCols, 2)
				corner, ends := random(t, panelCols, 3), random(t, 2*m, 4)
				bias, add := random(t, panelCols, 5), random(t, (m-1)*ldadd+panelCols, 6)
				if m%3 == 0 {
					bias = nil
				}
				if m%5 == 0 {
					add = nil
				}
				y := garbage(t, (m-1)*ldy+panelCols)
				pairedMul(y, ldy, x, ldx, w, bias, corner, ends, add, nil, nil, ldadd, m, k)
				for i := range m {
					var want [panelCols]float64
					for j := range want {
						at := func(p int) float64 { return float64(w[p*panelCols+j]) }
						sum := -float64(corner[j])
						for p := range k {
							sum += float64(x[i*ldx+p]) * at(p)
						}
						for p := 0; p+pairedUnit <= k; p += pairedUnit {
							row := x[i*ldx+p:]
							sum += float64(row[1])*float64(row[2]) - float64(row[4])*float64(row[5])
							sum += at(p+1)*at(p+2) - at(p+4)*at(p+5)
						}
						want[j] = sum*float64(ends[2*i]) + float64(ends[2*i+1])
						if bias != nil {
							want[j] += float64(bias[j])
						}
						if add != nil {
							want[j] += float64(add[i*ldadd+j])
						}
					}
					near(t, fmt.Sprintf("row %d of %d, %d steps", i, m, k), y[i*ldy:][:panelCols], want[:], eps*float64(8+k))
				}
			}
		}
	})
}

func TestRowMoments(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for n := range 200 {
			x := random(t, n, uint64(n))
			var squares, corner float64
			for i, v := range x {
				squares += float64(v) * float64(v)
				if i/pairedUnit < n/pairedUnit {
					switch i % pairedUnit {
					case 1:
						corner += float64(v) * float64(x[i+1])
					case 4:
						corner -= float64(v) * float64(x[i+1])
					}
				}
			}
			a, b := rowMoments(x)
			near(t, fmt.Sprint("moments of ", n), []float32{a, b}, []float64{squares, corner}, 8*eps*float64(4+n))
		}
	})
}

func TestPowerOf(t *testing.T) {
	for e := -39; e < 40; e++ {
		for _, f := range []float64{0.51, 0.71, 1, 1.41, 1.99} {
			if got, want := float64(powerOf(f*math.Ldexp(1, 2*e))), math.Ldexp(1, e); got != want {
				t.Errorf("the power of two nearest to the root of %g·4^%d is %g, not %g", f, e, got, want)
			}
		}
	}
	for _, mean := range []float64{0, 0x1p-81, 0x1p81, math.Inf(1), math.NaN()} {
		if got := powerOf(mean); got != 0 {
			t.Errorf("the size of a mean square of %g is %g, not 0", mean, got)
		}
	}
}

// TestPairedOddRows has rows whose size cannot be told by their squares: all are
// done without pairs then. Rows of nothing but 0 are no such rows.
func TestPairedOddRows(t *testing.T) {
	c := newCtx(1)
	inf := float32(math.Inf(1))
	eachPaired(t, func(t *testing.T) {
		for _, odd := range []float32{inf, -inf, float32(math.NaN()), 1e30, 1e-30} {
			g := newPairedCase(t, 40, 100, 64, 0, true, true)
			row := g.x[33*g.k:][:g.k]
			clear(row)
			row[7] = odd
			y := g.run(t, c, false)
			pairs = false
			want := g.run(t, c, false)
			pairs = true
			sameBits(t, fmt.Sprint("with a row of ", odd), y, want)
		}
		g := newPairedCase(t, 40, 100, 64, 0, true, true)
		clear(g.x[33*g.k:][:g.k])
		y := g.run(t, c, false)
		for j := range g.n {
			if got, want := y[33*g.n+j], g.b[j]+g.r[33*g.n+j]; got != want {
				t.Fatalf("column %d of a row of 0 is %g, bias and residual %g", j, got, want)
			}
		}
	})
}

// TestUnpairable has weights that pairs would be too coarse for: some that
// select, whose products must be exact, some whose columns differ much in size,
// and some that are too large.
func TestUnpairable(t *testing.T) {
	c := newCtx(1)
	const m, k, n = 40, 128, 96
	x := random(t, m*k, 1)
	pack := func(f func(p, j int) float32) []float32 {
		w, packed := make([]float32, k*n), make([]float32, packedLen(k, n))
		for i := range w {
			w[i] = f(i/n, i%n)
		}
		packB(packed, w, k, n, n, 1)
		return withCorners(t, packed, k, n)
	}
	r := rand.New(rand.NewPCG(7, 7))
	eachPaired(t, func(t *testing.T) {
		y := garbage(t, m*n)
		linear(c, y, x, pack(func(p, j int) float32 {
			if p == j+5 {
				return 0.3
			}
			return 0
		}), nil, nil, nil, m, k, n)
		for i := range y {
			if want := x[i/n*k+i%n+5] * 0.3; y[i] != want {
				t.Fatalf("element %d that was selected is %g, not %g", i, y[i], want)
			}
		}
		for _, far := range []float32{1e-3, 1e25} {
			w := pack(func(p, j int) float32 {
				if v := 2*r.Float32() - 1; j/panelCols != 1 {
					return v
				} else {
					return v * far
				}
			})
			linear(c, y, x, w, nil, nil, nil, m, k, n)
			for i := range m {
				for j := range n {
					var want, size float64
					for p := range k {
						v := float64(x[i*k+p]) * float64(w[j/32*32*k+p*32+j%32])
						want, size = want+v, size+v*v
					}
					if d := math.Abs(float64(y[i*n+j]) - want); !(d <= 60*eps*math.Sqrt(size)) {
						t.Fatalf("with columns of %g: (%d, %d) is %g, want %g", far, i, j, y[i*n+j], want)
					}
				}
			}
		}
	})
}

// TestPairedMisaligned has weights that do not begin with a line of the cache.
func TestPairedMisaligned(t *testing.T) {
	c := newCtx(1)
	eachPaired(t, func(t *testing.T) {
		for _, m := range []int{pairedMin, pairedCopied + 3} {
			g := newPairedCase(t, m, 350, 70, 0, true, false)
			want := g.run(t, c, false)
			w := guarded(t, len(g.w)+8)[:len(g.w)]
			if misaligned(g.w) == misaligned(w) {
				t.Fatal("both weights begin with a line, or none")
			}
			copy(w, g.w)
			g.w = w
			sameBits(t, fmt.Sprint(m, " rows"), g.run(t, c, false), want)
		}
	})
}

// TestPairedRounding compares the rounding of sums by pairs with that of others.
func TestPairedRounding(t *testing.T) {
	c := newCtx(1)
	const m, n = 40, 64
	for name, of := range roundingKinds() {
		for _, k := range []int{384, 768, 3072} {
			x, w := make([]float32, m*k), make([]float32, k*n)
			for i := range x {
				x[i] = float32(of.x(i % k))
			}
			for i := range w {
				w[i] = float32(of.w(i / n))
			}
			packed := make([]float32, packedLen(k, n))
			packB(packed, w, k, n, n, 1)
			packed = withCorners(t, packed, k, n)
			want := make([]float64, m*n)
			for i := range want {
				for p := range k {
					want[i] += float64(x[i/n*k+p]) * float64(w[p*n+i%n])
				}
			}
			eachPaired(t, func(t *testing.T) {
				var rms [2]float64
				for way := range rms {
					pairs = way == 1
					y := make([]float32, m*n)
					linear(c, y, x, packed, nil, nil, nil, m, k, n)
					for i, v := range y {
						rms[way] += (float64(v) - want[i]) * (float64(v) - want[i])
					}
				}
				if ratio := math.Sqrt(rms[1] / rms[0]); !(ratio < 1.05) {
					t.Errorf("%s, %d steps: sums by pairs are %.2f times as far off as others", name, k, ratio)
				}
			})
			pairs = true
		}
	}
}

// A roundingKind makes step p of a row and of a column.
type roundingKind struct{ x, w func(p int) float64 }

// roundingKinds are such whose sums round in different ways.
func roundingKinds() map[string]roundingKind {
	r := rand.New(rand.NewPCG(3, 4))
	gelu := func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }
	normal := func(int) float64 { return r.NormFloat64() / 50 }
	return map[string]roundingKind{
		"normal":     {func(int) float64 { return r.NormFloat64() }, normal},
		"with means": {func(int) float64 { return r.NormFloat64() + .3 }, func(int) float64 { return (r.NormFloat64() + .3) / 50 }},
		"outliers":   {func(p int) float64 { return r.NormFloat64() * (1 + 40*float64((p+1)%97/96)) }, normal},
		"gelu":       {func(int) float64 { return gelu(2*r.NormFloat64() - 1) }, normal},
		"positive":   {func(int) float64 { return r.Float64() }, func(int) float64 { return r.Float64() / 50 }},
	}
}

func BenchmarkPaired(b *testing.B) {
	had := pairs
	defer func() { pairs = had }()
	for _, s := range [][3]int{{128, 384, 384}, {128, 384, 1536}, {128, 1536, 384}, {128, 768, 768}, {128, 768, 3072}, {128, 3072, 768},
		{512, 768, 768}, {512, 768, 2304}, {512, 768, 3072}, {512, 3072, 768}, {32, 768, 768}, {24, 768, 3072}} {
		m, k, n := s[0], s[1], s[2]
		r := rand.New(rand.NewPCG(1, 2))
		g := newPairedCase(b, 0, k, n, 0, true, false)
		x, y := random(b, m*k, r.Uint64()), random(b, m*n, 3)
		for _, threads := range []int{1, 2} {
			c := newCtx(threads)
			for _, pairs = range []bool{false, true} {
				b.Run(fmt.Sprintf("%dx%dx%d/threads=%d/pairs=%v", m, k, n, threads, pairs), func(b *testing.B) {
					for b.Loop() {
						linear(c, y, x, g.w, g.b, nil, nil, m, k, n)
					}
					gflops(b, float64(2*m*k*n))
				})
			}
			c.close()
		}
	}
}
