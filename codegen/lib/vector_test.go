package lib

import (
	"fmt"
	"math"
	"testing"
)

// A function of one variable, its value in float64, and how far it may be off:
// by ulps of the result, or by so many eps·|x| where that is more, or by the
// least normal number.
type vectorFunc struct {
	name      string
	f         func(y, x []float32)
	want      func(x float64) float64
	ulps, ofX float64
}

func vectorFuncs() []vectorFunc {
	return []vectorFunc{
		{"relu32", relu32, func(x float64) float64 { return max(x, 0) }, 0, 0},
		{"exp32", exp32, math.Exp, 1.1, 0},
		{"log32", log32, math.Log, 1, 0},
		{"erf32", erf32, math.Erf, 2, 0},
		{"tanh32", tanh32, math.Tanh, 2, 0},
		{"sigmoid32", sigmoid32, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 3, 0},
		{"silu32", silu32, func(x float64) float64 { return x / (1 + math.Exp(-x)) }, 3, 1e-20},
		{"gelu32", gelu32, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 4, 0.6},
		{"geluTanh32", geluTanh32, func(x float64) float64 {
			return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}, 4, 0.6},
	}
}

// everywhere is float32 numbers of all magnitudes, both signs, and the special ones.
func everywhere(t testing.TB) []float32 {
	var x []float32
	for bits := uint32(0); bits < 0x7f800000; bits += 0x7f800000/200_000 | 1 {
		x = append(x, math.Float32frombits(bits), -math.Float32frombits(bits))
	}
	for i := range 200_000 {
		x = append(x, (float32(i)-100_000)/900) // where the functions live
	}
	out := guarded(t, len(x))
	copy(out, x)
	return out
}

func TestVector(t *testing.T) {
	x := everywhere(t)
	y := garbage(t, len(x))
	eachISA(t, func(t *testing.T) {
		for _, f := range vectorFuncs() {
			f.f(y, x)
			worst := 0.0
			for i, v := range x {
				want := f.want(float64(v))
				if math.Abs(want) > math.MaxFloat32 {
					want = math.Copysign(math.Inf(1), want)
				}
				off := math.Abs(float64(y[i]) - want)
				if float64(y[i]) == want || y[i] != y[i] && math.IsNaN(want) {
					off = 0
				}
				_, e := math.Frexp(want)
				ulp := math.Ldexp(1, max(e-24, -149))
				allowed := max(f.ofX*eps*math.Abs(float64(v)), 0x1p-126)
				if !(off <= f.ulps*ulp) && !(off <= allowed) {
					t.Fatalf("%s(%g) is %g, want %g, off by %.3g ulp", f.name, v, y[i], want, off/ulp)
				}
				if off > allowed {
					worst = max(worst, off/ulp)
				}
			}
			t.Logf("%s: %.2f ulp", f.name, worst)
		}
	})
}

func TestVectorSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	at := []float32{inf, -inf, nan, 0}
	eachISA(t, func(t *testing.T) {
		for name, want := range map[string][]float32{
			"relu32": {inf, 0, nan, 0}, "exp32": {inf, 0, nan, 1}, "log32": {inf, nan, nan, -inf}, "erf32": {1, -1, nan, 0}, "tanh32": {1, -1, nan, 0},
			"sigmoid32": {1, 0, nan, .5}, "silu32": {inf, 0, nan, 0}, "gelu32": {inf, 0, nan, 0}, "geluTanh32": {inf, 0, nan, 0},
		} {
			for _, f := range vectorFuncs() {
				if f.name != name {
					continue
				}
				y := make([]float32, len(at))
				f.f(y, at)
				for i := range y {
					if y[i] != want[i] && (y[i] == y[i] || want[i] == want[i]) {
						t.Errorf("%s(%g) is %g, want %g", name, at[i], y[i], want[i])
					}
				}
			}
		}
	})
}

// exactFuncs are those whose variants give the same bits.
func exactFuncs() map[string][2]func(y, x []float32) {
	return map[string][2]func(y, x []float32){
		"abs32": {abs32, abs32Go}, "neg32": {neg32, neg32Go}, "reciprocal32": {reciprocal32, reciprocal32Go}, "sqrt32": {sqrt32, sqrt32Go},
		"floor32": {floor32, floor32Go}, "ceil32": {ceil32, ceil32Go}, "round32": {round32, round32Go},
	}
}

// TestExact runs every function everywhere, on the special numbers, and in
// place on every length up to some vectors.
func TestExact(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := append(everywhere(t), inf, -inf, nan, 0.5, 1.5, 2.5, -0.5, -1.5, 1<<23+1, -(1<<24 + 2))
	eachISA(t, func(t *testing.T) {
		for name, f := range exactFuncs() {
			want, y := make([]float32, len(x)), garbage(t, len(x))
			f[1](want, x)
			f[0](y, x)
			for i, v := range want {
				if math.Float32bits(y[i]) != math.Float32bits(v) && (y[i] == y[i] || v == v) {
					t.Fatalf("%s(%g) is %g, want %g", name, x[i], y[i], v)
				}
			}
			for n := range 140 {
				y := guarded(t, n)
				copy(y, x[40_000:])
				f[0](y, y)
				for i, v := range want[40_000:][:n] {
					if math.Float32bits(y[i]) != math.Float32bits(v) && (y[i] == y[i] || v == v) {
						t.Fatalf("%s: element %d of %d is %g, want %g", name, i, n, y[i], v)
					}
				}
			}
		}
	})
}

// TestVectorTails runs every length up to some vectors, in place, between
// guards: a short slice gives the same bits as the long one it is part of.
func TestVectorTails(t *testing.T) {
	x := random(t, 300, 1)
	eachISA(t, func(t *testing.T) {
		for _, f := range vectorFuncs() {
			all := make([]float32, len(x))
			f.f(all, x)
			for n := range 140 {
				y := guarded(t, n)
				copy(y, x[3:])
				f.f(y, y)
				sameBits(t, fmt.Sprint(f.name, " of ", n), y, all[3:3+n])
			}
		}
	})
}

func TestBinary(t *testing.T) {
	nan := float32(math.NaN())
	funcs := []struct {
		name string
		f    func(y, a, b []float32)
		want func(a, b float32) float32
	}{
		{"add32", add32, func(a, b float32) float32 { return a + b }},
		{"sub32", sub32, func(a, b float32) float32 { return a - b }},
		{"mul32", mul32, func(a, b float32) float32 { return a * b }},
		{"div32", div32, func(a, b float32) float32 { return a / b }},
		{"max32", max32, func(a, b float32) float32 { return max(a, b) }},
		{"min32", min32, func(a, b float32) float32 { return min(a, b) }},
	}
	c := newCtx(3)
	defer c.close()
	eachISA(t, func(t *testing.T) {
		for _, f := range funcs {
			for n := range 70 {
				for _, ones := range [][2]int{{n, n}, {1, n}, {n, 1}, {1, 1}} {
					a, b, y := random(t, ones[0], 1), random(t, ones[1], 2), garbage(t, n)
					if len(a) > 2 {
						a[1] = nan
					}
					if len(b) > 3 {
						b[2] = nan
					}
					f.f(y, a, b)
					for i := range y {
						want := f.want(a[i%len(a)], b[i%len(b)])
						if y[i] != want && (y[i] == y[i] || want == want) {
							t.Fatalf("%s(%g, %g) is %g, want %g, %d of %d with %v", f.name, a[i%len(a)], b[i%len(b)], y[i], want, i, n, ones)
						}
					}
				}
			}
		}
		for _, s := range [][6]int{{40, 700, 700, 700, 0, 700}, {40, 700, 700, 700, 1, 1}, {1, 50_000, 0, 1, 0, 50_000}, {1, 50_000, 0, 50_000, 0, 50_000}, {9, 1, 1, 1, 0, 1}} {
			rows, cols, aRow, aCols, bRow, bCols := s[0], s[1], s[2], s[3], s[4], s[5]
			a, b := random(t, (rows-1)*aRow+aCols, 1), random(t, (rows-1)*bRow+bCols, 2)
			for _, ldy := range []int{cols, cols + 3} {
				y := garbage(t, rows*ldy)
				binary(c, y, ldy, a, b, sub32, rows, cols, aRow, aCols, bRow, bCols)
				for i := range rows * cols {
					got, want := y[i/cols*ldy+i%cols], a[i/cols*aRow+i%cols%aCols]-b[i/cols*bRow+i%cols%bCols]
					if got != want {
						t.Fatalf("binary %v, rows %d apart: element %d is %g, want %g", s, ldy, i, got, want)
					}
				}
			}
		}
	})
}

func TestLeakyRelu(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	c := newCtx(2)
	defer c.close()
	eachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 40, 2048, 2049, 50_000} {
			x := random(t, n, 1)
			copy(x, []float32{inf, -inf, nan})
			y, want := garbage(t, n), make([]float32, n)
			for i, v := range x {
				if want[i] = v; v < 0 {
					want[i] = v * 0.1
				}
			}
			leakyRelu32(c, y, x, 0.1)
			leakyRelu32(c, x, x, 0.1)
			for i, v := range want {
				if y[i] != v && v == v || x[i] != v && v == v || v != v && (y[i] == y[i] || x[i] == x[i]) {
					t.Fatalf("%d of %d is %g, in place %g, want %g", i, n, y[i], x[i], v)
				}
			}
		}
	})
}

func TestAxpby(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for n := range 70 {
			x, y, z := random(t, n, 1), random(t, n, 2), garbage(t, n)
			want := make([]float64, n)
			for i := range want {
				want[i] = 1.5*float64(x[i]) - 2.5*float64(y[i])
			}
			axpby(y, x, 1.5, -2.5)
			near(t, "axpby", y, want, 4*eps)
			for i := range want {
				want[i] = 3 * float64(x[i])
			}
			axpby(z, x, 3, 0)
			near(t, "axpby with beta 0", z, want, 4*eps)
		}
	})
}
