package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// words is n guarded words that nobody may use.
func words(t testing.TB, n int) []uint32 { return reinterpret[uint32](garbage(t, n)) }

// roundingCases are numbers of all sizes, those between two bfloat16, and what is no number.
func roundingCases(t testing.TB, n int, tiny bool) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	x := guarded(t, n)
	for i := range x {
		bits := r.Uint32()
		switch i % 5 {
		case 1:
			bits = bits&^0xffff | 0x8000
		case 2:
			bits = bits&^0xffff | 0x7fff
		case 3:
			bits = []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0, 0x80000000, 0x7f7fffff, 0xff7fffff}[r.IntN(8)]
		}
		if x[i] = math.Float32frombits(bits); !tiny && math.Abs(float64(x[i])) < 2e-38 {
			x[i] = 1
		}
	}
	return x
}

// sameWords compares all bits.
func sameWords(t *testing.T, what string, got, want []uint32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: word %d of %d is %#x, want %#x", what, i, len(want), got[i], want[i])
		}
	}
}

// sameBF16 compares words of so many bfloat16, each in the upper part of its share; one NaN is as good as another.
func sameBF16(t *testing.T, got, want []uint32, each int) {
	t.Helper()
	for i := range want {
		for e := range each {
			g, w := got[i], want[i]
			if each == 2 {
				g, w = g<<(16*(1-e)), w<<(16*(1-e))
				g, w = g&0xffff0000, w&0xffff0000
			}
			a, b := math.Float32frombits(g), math.Float32frombits(w)
			if g != w && (a == a || b == b) {
				t.Fatalf("word %d of %d is %#x, want %#x", i, len(want), got[i], want[i])
			}
		}
	}
}

func TestRoundWords(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 40, 1001} {
			x := roundingCases(t, n, true)
			got, want := words(t, n+n%2), make([]uint32, n+n%2)
			roundWordsBF16(got, x)
			roundWordsGo(want, x)
			sameBF16(t, got, want, 1)
		}
	})
}

type wordGemm func(c *ctx, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int)

// wordCase is one call of gemmBF16 or gemmInt8.
type wordCase struct {
	gemmCase
	words []uint32
	gemm  wordGemm
}

func (g wordCase) String() string {
	return fmt.Sprintf("%dx%dx%d pad %d bias %v add %v", g.m, g.k, g.n, g.pad, g.bias, g.add)
}

// run is gemmCase.run of the narrow format.
func (g wordCase) run(t testing.TB, c *ctx, act func(y, x []float32), inPlace bool) []float32 {
	y, r := garbage(t, max(0, g.m*(g.n+g.pad)-g.pad)), g.r
	if inPlace && g.add {
		copy(y, r)
		r = y
	}
	g.gemm(c, y, g.n+g.pad, g.x, g.k+g.pad, g.words, g.b, r, g.n+g.pad, act, g.m, g.k, g.n)
	out := make([]float32, g.m*g.n)
	for i := range g.m {
		copy(out[i*g.n:(i+1)*g.n], y[i*(g.n+g.pad):])
		for j := range g.pad * min(g.m-1-i, 1) {
			if v := y[i*(g.n+g.pad)+g.n+j]; v == v && !(inPlace && g.add) {
				t.Fatalf("%v: wrote beyond row %d", g, i)
			}
		}
	}
	return out
}

// unpacked is the weights of a case row by row.
func (g wordCase) unpacked() []float32 {
	w := make([]float32, g.k*g.n)
	for p := range g.k {
		for j := range g.n {
			w[p*g.n+j] = g.w[j/panelCols*panelCols*g.k+p*panelCols+j%panelCols]
		}
	}
	return w
}

// product is x·w + bias + r in float64, of x and w as from and to make them.
func (g wordCase) product(x func(i, p int) float64, w func(p, j int) float64) []float64 {
	out := make([]float64, g.m*g.n)
	for i := range g.m {
		for j := range g.n {
			s := 0.0
			for p := range g.k {
				s += x(i, p) * w(p, j)
			}
			if g.bias {
				s += float64(g.b[j])
			}
			if g.add {
				s += float64(g.r[i*(g.n+g.pad)+j])
			}
			out[i*g.n+j] = s
		}
	}
	return out
}

// wordShapes are all heights of tiles, widths of panels and ends of words, and sums that are cut.
func wordShapes() [][3]int {
	var all [][3]int
	for m := range 14 {
		for _, k := range []int{0, 1, 2, 3, 4, 5, 33} {
			for _, n := range []int{1, 31, 32, 33, 70} {
				all = append(all, [3]int{m, k, n})
			}
		}
	}
	return append(all, [][3]int{{24, 1025, 40}, {12, 2200, 32}, {250, 66, 96}, {128, 64, 300}, {1, 1300, 129}, {7, 2062, 65}, {0, 3, 4}, {3, 4, 0}}...)
}

func bf16Cases(t testing.TB) []wordCase {
	var cases []wordCase
	for _, s := range wordShapes() {
		g := wordCase{gemmCase: newGemmCase(t, s[0], s[1], s[2], (s[0]+s[1])%3, s[0]%2 == 0, s[1]%2 == 0), gemm: gemmBF16}
		w := g.unpacked()
		g.words = words(t, packedBF16Len(g.k, g.n))
		packBF16(g.words, w, g.k, g.n)
		round := func(x float32) float64 { return float64(bf16ToF32(f32ToBF16(x))) }
		g.want = g.product(func(i, p int) float64 { return round(g.x[i*(g.k+g.pad)+p]) },
			func(p, j int) float64 { return round(w[p*g.n+j]) })
		cases = append(cases, g)
	}
	return cases
}

func TestGemmBF16(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	cases := bf16Cases(t)
	eachWordISA(t, func(t *testing.T) {
		for _, g := range cases {
			y := g.run(t, one, nil, false)
			near(t, g.String(), y, g.want, 4*eps*(3+math.Sqrt(float64(g.k)))*math.Max(1, math.Sqrt(float64(g.k))/2))
			sameBits(t, g.String()+", three threads", g.run(t, three, nil, false), y)
			sameBits(t, g.String()+", in place", g.run(t, one, nil, true), y)
		}
	})
}

// int8Cases come with what the whole numbers give, and with the product of the numbers that they stand for.
func int8Cases(t testing.TB) (cases []wordCase, exact [][]float64, bounds []float64) {
	for n, s := range wordShapes() {
		g := wordCase{gemmCase: newGemmCase(t, s[0], s[1], s[2], (s[0]+s[1])%3, s[0]%2 == 0, s[1]%2 == 0), gemm: gemmInt8}
		for i := range g.x { // what activations leave is seldom around 0
			g.x[i] += float32(n%3) / 2
		}
		w := g.unpacked()
		g.words = words(t, packedInt8Len(g.k, g.n))
		packInt8(g.words, w, g.k, g.n)
		rows := make([][]uint32, g.m)
		for i := range rows {
			rows[i] = make([]uint32, 2+wordSteps(g.k, 4))
			isaPortably(func() { quantizedRow(rows[i], g.x[i*(g.k+g.pad):][:g.k]) })
		}
		part := func(word uint32, p int) uint8 { return uint8(word >> (8 * (p % 4))) }
		steps := wordSteps(g.k, 4)
		g.want = g.product(func(i, p int) float64 {
			return float64(math.Float32frombits(rows[i][0])) * float64(int32(part(rows[i][2+p/4], p))-int32(rows[i][1]))
		}, func(p, j int) float64 {
			panel := g.words[j/panelCols*(steps+2)*panelCols+j%panelCols:]
			return float64(math.Float32frombits(panel[steps*panelCols])) * float64(int8(part(panel[p/4*panelCols], p)))
		})
		exact = append(exact, g.product(func(i, p int) float64 { return float64(g.x[i*(g.k+g.pad)+p]) },
			func(p, j int) float64 { return float64(w[p*g.n+j]) }))
		// Half a part of a scale is lost of each weight, up to a whole one of each x, which are up to 1 and 2 with ranges of up to 3.
		bounds = append(bounds, float64(g.k)*(2./254+3./255)+1e-5)
		cases = append(cases, g)
	}
	return cases, exact, bounds
}

// isaPortably runs f with the portable kernels.
func isaPortably(f func()) {
	defer func(has int) { isa = has }(isa)
	isa = isaPortable
	f()
}

func TestGemmInt8(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	cases, exact, bounds := int8Cases(t)
	portable := make([][]float32, len(cases))
	eachWordISA(t, func(t *testing.T) {
		for i, g := range cases {
			y := g.run(t, one, nil, false)
			if portable[i] == nil {
				portable[i] = y
			}
			sameBits(t, g.String()+", against the portable twin", y, portable[i])
			near(t, g.String(), y, g.want, 8*eps*math.Max(3, 2*float64(g.k)))
			near(t, g.String()+", against the numbers themselves", y, exact[i], bounds[i])
			sameBits(t, g.String()+", three threads", g.run(t, three, nil, false), y)
			sameBits(t, g.String()+", in place", g.run(t, one, nil, true), y)
		}
	})
}

// TestWordActivation puts an activation, and a residual behind it, on products of either format.
func TestWordActivation(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	bf16 := bf16Cases(t)
	int8s, _, _ := int8Cases(t)
	eachWordISA(t, func(t *testing.T) {
		for _, cases := range [][]wordCase{bf16, int8s} {
			for _, g := range cases[len(cases)-8:] {
				g.add, g.pad = false, 0
				g.x, g.r = g.x[:g.m*g.k], nil
				want := g.run(t, c, nil, false)
				relu32(want, want)
				sameBits(t, g.String()+" relu", g.run(t, c, relu32, false), want)
				g.add, g.r = true, random(t, g.m*g.n, 5)
				if len(want) > 0 {
					add32(want, want, g.r)
				}
				sameBits(t, g.String()+" relu and residual", g.run(t, c, relu32, false), want)
			}
		}
	})
}

// TestQuantizedRow compares rows as every instruction set makes them with the portable ones, and checks what they stand for.
func TestQuantizedRow(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, x := range map[string][]float32{
		"none": {}, "zero": make([]float32, 67), "one": {3}, "negative": {-3, -1, -2}, "tiny": {1e-44, -1e-44}, "huge": {math.MaxFloat32, -math.MaxFloat32, 0},
		"ties": {0, .5, 1.5, 2.5, 255, 254.5, 127.5}, "random": random(t, 1000, 3), "shifted": append(random(t, 100, 4), 40),
	} {
		want := make([]uint32, 2+wordSteps(len(x), 4))
		isaPortably(func() { quantizedRow(want, x) })
		scale := float64(math.Float32frombits(want[0]))
		for i, v := range x {
			got := scale * float64(int32(want[2+i/4]>>(8*(i%4))&255)-int32(want[1]))
			if d := math.Abs(got - float64(v)); !(d <= 1.001*scale) {
				t.Errorf("%s: element %d is %g, stands for %g; the scale is %g", name, i, v, got, scale)
			}
		}
		eachISA(t, func(t *testing.T) {
			got := words(t, len(want))
			from := guarded(t, len(x))
			copy(from, x)
			quantizedRow(got, from)
			sameWords(t, name, got, want)
		})
	}
	eachISA(t, func(t *testing.T) {
		for _, bad := range []float32{inf, -inf, float32(math.NaN())} {
			x := random(t, 50, 5)
			x[37] = bad
			got := words(t, 2+13)
			quantizedRow(got, x)
			if s := math.Float32frombits(got[0]); s == s {
				t.Errorf("a row with %g has the scale %g, want NaN", bad, s)
			}
		}
	})
}

// TestWordRowsApart proves that a row that is not finite spoils no other.
func TestWordRowsApart(t *testing.T) {
	c := newCtx(1)
	bf16 := bf16Cases(t)
	int8s, _, _ := int8Cases(t)
	eachWordISA(t, func(t *testing.T) {
		for _, cases := range [][]wordCase{bf16, int8s} {
			g := cases[len(cases)-3] // 7x2062x65
			want := g.run(t, c, nil, false)
			at := 3*(g.k+g.pad) + 100
			before := g.x[at]
			g.x[at] = float32(math.NaN())
			got := g.run(t, c, nil, false)
			g.x[at] = before
			for j := range g.n {
				if v := got[3*g.n+j]; v == v {
					t.Fatalf("%v: NaN became %g", g, v)
				}
			}
			copy(got[3*g.n:4*g.n], want[3*g.n:])
			sameBits(t, g.String()+" beside NaN", got, want)
		}
	})
}

func TestWordsDoNotAllocate(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	x, y := make([]float32, 128*130), make([]float32, 128*130)
	bf16, int8s := make([]uint32, packedBF16Len(130, 130)), make([]uint32, packedInt8Len(130, 130))
	step := func() {
		gemmBF16(c, y, 130, x, 130, bf16, nil, nil, 0, gelu32, 128, 130, 130)
		gemmInt8(c, y, 130, x, 130, int8s, x, x, 130, nil, 128, 130, 130)
	}
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%v allocations in a step that has none", n)
	}
}

func BenchmarkWords(b *testing.B) {
	for _, s := range [][3]int{{128, 384, 384}, {128, 384, 1536}, {128, 1536, 384}, {128, 768, 3072}, {128, 3072, 768}, {1, 768, 3072}, {1, 768, 50257}} {
		m, k, n := s[0], s[1], s[2]
		x, y, bias := random(b, m*k, 1), random(b, m*n, 3), random(b, n, 4)
		w := random(b, k*n, 2)
		bf16, int8s := words(b, packedBF16Len(k, n)), words(b, packedInt8Len(k, n))
		packBF16(bf16, w, k, n)
		packInt8(int8s, w, k, n)
		c := newCtx(1)
		for name, f := range map[string]func(){
			"bf16": func() { gemmBF16(c, y, n, x, k, bf16, bias, nil, 0, nil, m, k, n) },
			"int8": func() { gemmInt8(c, y, n, x, k, int8s, bias, nil, 0, nil, m, k, n) },
		} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, k, n, name), func(b *testing.B) {
				benchmarkLevels(b, func(b *testing.B) {
					for b.Loop() {
						f()
					}
					gflops(b, float64(2*m*k*n))
				})
			})
		}
	}
}
