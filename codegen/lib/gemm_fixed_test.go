package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// eachFixed is eachPaired for what can be done in fixed point, and what it is done by without pairs.
func eachFixed(t *testing.T, f func(t *testing.T)) {
	eachPaired(t, func(t *testing.T) {
		if fixes() {
			f(t)
		}
	})
	had := pairs
	defer func() { pairs = had }()
	pairs = false
	eachUnpaired(t, f)
}

// plain is g without fixed point.
func (g wordCase) plain() wordCase {
	g.gemm = func(c *ctx, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
		act func(y, x []float32), m, k, n int) {
		gemmWords(c, bf16Format(), y, ldy, x, ldx, w, bias, r, ldr, act, m, k, n)
	}
	return g
}

// newFixedCase is random, with weights in bfloat16 that have scales.
func newFixedCase(t testing.TB, m, k, n, pad int, bias, add bool) wordCase {
	g := wordCase{gemmCase: newGemmCase(t, m, k, n, pad, bias, add), gemm: gemmBF16}
	w := g.unpacked()
	g.words = words(t, packedBF16Len(k, n))
	packBF16(g.words, w, k, n)
	g.want = g.product(func(i, p int) float64 { return float64(g.x[i*(k+pad)+p]) }, g.rounded(w))
	return g
}

// rounded is the weights as bfloat16 has them.
func (g wordCase) rounded(w []float32) func(p, j int) float64 {
	return func(p, j int) float64 { return float64(bf16ToF32(f32ToBF16(w[p*g.n+j]))) }
}

// scales is those of the case's weights.
func (g wordCase) scales() []uint32 { return g.words[bf16Words(g.k, g.n):] }

// rootError is the root of the mean square of y's errors.
func (g wordCase) rootError(y []float32) float64 {
	sum := 0.0
	for i, v := range y {
		sum += (float64(v) - g.want[i]) * (float64(v) - g.want[i])
	}
	return math.Sqrt(sum / float64(len(y)))
}

// TestFixed wants less than half of the error that rows in bfloat16 have.
func TestFixed(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	var cases []wordCase
	for m := fixedMin; m < fixedMin+21; m++ {
		k, n := []int{96, 97, 101, 150, 385}[m%5], []int{32, 70, 96}[m%3]
		cases = append(cases, newFixedCase(t, m, k, n, m%4, m%2 == 0, m%5 < 2))
	}
	for _, s := range [][3]int{{45, 513, 40}, {44, 1700, 32}, {300, 97, 96}, {128, 98, 300}, {700, 99, 320}, {47, 1030, 65}, {250, 1200, 290},
		{1500, 3000, 33}} {
		cases = append(cases, newFixedCase(t, s[0], s[1], s[2], s[0]%3, true, true))
	}
	eachFixed(t, func(t *testing.T) {
		for _, g := range cases {
			if !fixable(g.scales(), g.m) {
				t.Fatalf("%v is not done in fixed point", g)
			}
			y := g.run(t, one, nil, false)
			plain := g.rootError(g.plain().run(t, one, nil, false))
			if e := g.rootError(y); !(e < plain/2) {
				t.Errorf("%v: the error is %.3g, that of bfloat16 %.3g", g, e, plain)
			}
			sameBits(t, g.String()+", three threads", g.run(t, three, nil, false), y)
			sameBits(t, g.String()+", in place", g.run(t, one, nil, true), y)
		}
	})
}

// TestFixedRounding compares errors, those of rounding the weights among them, with those of rows in bfloat16.
func TestFixedRounding(t *testing.T) {
	c := newCtx(1)
	for name, of := range roundingKinds() {
		for _, k := range []int{384, 768, 3072} {
			g := newFixedCase(t, fixedMin, k, 64, 0, false, false)
			w := make([]float32, k*g.n)
			for i := range g.x {
				g.x[i] = float32(of.x(i % k))
			}
			for i := range w {
				w[i] = float32(of.w(i / g.n))
			}
			packBF16(g.words, w, k, g.n)
			g.want = g.product(func(i, p int) float64 { return float64(g.x[i*k+p]) }, func(p, j int) float64 { return float64(w[p*g.n+j]) })
			eachFixed(t, func(t *testing.T) {
				if !fixable(g.scales(), g.m) {
					t.Fatalf("%s, %d steps: not done in fixed point", name, k)
				}
				e := g.rootError(g.run(t, c, nil, false))
				plain := g.rootError(g.plain().run(t, c, nil, false))
				t.Logf("%s, %d steps: %.2f", name, k, e/plain)
				if !(e < 0.9*plain) {
					t.Errorf("%s, %d steps: sums in fixed point are %.2f times as far off as those of bfloat16", name, k, e/plain)
				}
			})
		}
	}
}

// TestFixedISA proves that the kernels give the same bits as their twins, in whole products.
func TestFixedISA(t *testing.T) {
	c := newCtx(1)
	g := newFixedCase(t, 64, 770, 100, 1, true, true)
	for i := range g.x { // sums of squares that are the same in any order
		g.x[i] = float32(math.Round(float64(g.x[i]) * 31))
	}
	var want []float32
	eachFixed(t, func(t *testing.T) {
		y := g.run(t, c, nil, false)
		if want == nil {
			want = y
		}
		sameBits(t, g.String(), y, want)
	})
}

// TestFixedLargest multiplies rows and columns whose norms are as large as they may be, in one element or in all, and of either sign.
func TestFixedLargest(t *testing.T) {
	const m, k, n = fixedMin, fixedPart * fixedUnit, 32
	c := newCtx(1)
	for what, fill := range map[string]func(p int) float32{
		"even":      func(int) float32 { return 1.140625 }, // times a power of two, by the root of k, is just below the norm
		"odd":       func(p int) float32 { return float32(1-p%2*2) * 1.140625 },
		"one":       func(p int) float32 { return float32(0.03) + float32((p+1)/k)*0.97 },
		"few":       func(p int) float32 { return float32(0.0625) - float32(p%48/47)*1.0625 },
		"a pair":    func(p int) float32 { return 0.02 + float32(p/4%2*(p%96/92)) },
		"ascending": func(p int) float32 { return float32(p) - 100 },
	} {
		g := newFixedCase(t, m, k, n, 0, false, false)
		w := make([]float32, k*n)
		for p := range k {
			for i := range m {
				g.x[i*k+p] = fill(p) * float32(1-i%2*2)
			}
			for j := range n {
				w[p*n+j] = fill(p) * float32(1-j%3%2*2)
			}
		}
		packBF16(g.words, w, k, n)
		g.want = g.product(func(i, p int) float64 { return float64(g.x[i*k+p]) }, g.rounded(w))
		eachFixed(t, func(t *testing.T) {
			if !fixable(g.scales(), m) {
				t.Fatalf("%s: not done in fixed point", what)
			}
			sum := 0.0
			for p := range k {
				sum += float64(fill(p)) * float64(fill(p))
			}
			near(t, what, g.run(t, c, nil, false), g.want, sum/(1<<11))
		})
	}
}

// TestFixedScale checks that what is scaled so fits, and that no greater power of two would do.
func TestFixedScale(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	none := 0
	for range 20000 {
		x := make([]float32, 1+r.IntN(fixedPart*fixedUnit))
		spread := r.Float64() * 6
		for i := range x {
			x[i] = float32(r.NormFloat64() * math.Exp(spread*r.NormFloat64()) * 1e-3)
		}
		most, squares, sum := magnitudesGo(x)
		scale := fixedScale(most, squares, sum, len(x))
		if scale == 0 {
			none++
			continue
		}
		fits := func(scale float64) bool {
			norm, fits := 0.0, true
			for _, v := range x {
				a := math.Round(math.Abs(float64(v) * scale))
				norm, fits = norm+a*a, fits && a < 1<<14
			}
			return fits && norm < 1<<31
		}
		if fraction, _ := math.Frexp(float64(scale)); fraction != 0.5 || !fits(float64(scale)) {
			t.Fatalf("%d elements up to %g are scaled by %g", len(x), most, scale)
		}
		if greater := 2 * float64(scale); fits(greater*1.01) && fits(greater) {
			t.Errorf("%d elements up to %g are scaled by no more than %g", len(x), most, scale)
		}
	}
	if none == 0 || none > 19000 {
		t.Errorf("%d of 20000 cannot be scaled", none)
	}
	for what, x := range map[string][]float32{
		"an infinity": {1, float32(math.Inf(-1)), 2}, "NaN": {1, float32(math.NaN()), 3}, "huge": {1e38, 1e38}, "tiny": {1e-44, 1e-44},
		"far from the mean": append(make([]float32, 300), 1),
	} {
		if s := fixedScale(magnitudesOf(x)); s != 0 {
			t.Errorf("%s is scaled by %g", what, s)
		}
	}
	if s := fixedScale(magnitudesOf(make([]float32, 7))); s != 1 {
		t.Errorf("0 is scaled by %g", s)
	}
}

func magnitudesOf(x []float32) (most, squares, sum float32, n int) {
	most, squares, sum = magnitudes(x)
	return most, squares, sum, len(x)
}

// TestCoarseRows proves that rows which fixed point does not do are those of bfloat16, and leave others as they are.
func TestCoarseRows(t *testing.T) {
	c := newCtx(1)
	spoil := []func(row []float32){
		func(row []float32) { row[7] = 5000 },
		func(row []float32) { row[200] = float32(math.NaN()) },
		func(row []float32) { row[399] = float32(math.Inf(1)) },
		func(row []float32) {
			for i := range row {
				row[i] *= 1e-30
			}
		},
	}
	eachFixed(t, func(t *testing.T) {
		for what, at := range map[string][]int{"first": {0}, "last": {65}, "some": {3, 4, 40}, "many": {1, 3, 5, 7, 9, 11, 20, 21}} {
			g := newFixedCase(t, 66, 400, 70, 2, true, true)
			want := g.run(t, c, nil, false)
			for n, i := range at {
				spoil[n%len(spoil)](g.x[i*(g.k+g.pad):][:g.k])
			}
			y := g.run(t, c, nil, false)
			plain := g.plain().run(t, c, nil, false)
			if what == "many" {
				sameBits(t, what, y, plain)
				continue
			}
			for _, i := range at {
				copy(want[i*g.n:][:g.n], plain[i*g.n:])
			}
			sameBits(t, what, y, want)
		}
	})
}

// TestFixedRowsAlone proves that a row's result does not depend on its neighbours.
func TestFixedRowsAlone(t *testing.T) {
	c := newCtx(1)
	eachFixed(t, func(t *testing.T) {
		g := newFixedCase(t, 3*mBlock+7, 430, 70, 0, true, false)
		all := g.run(t, c, nil, false)
		for i := 0; i+fixedMin <= g.m; i += 39 {
			y := garbage(t, fixedMin*g.n)
			gemmBF16(c, y, g.n, g.x[i*g.k:], g.k, g.words, g.b, nil, 0, nil, fixedMin, g.k, g.n)
			sameBits(t, fmt.Sprint("rows from ", i), y, all[i*g.n:(i+fixedMin)*g.n])
		}
	})
}

// TestUnfixable finds no scales for weights of which some are too far from the mean of their column, or not finite.
func TestUnfixable(t *testing.T) {
	const k, n = 500, 100
	for what, spoil := range map[string]float32{"none": 0, "large": 1e4, "infinity": float32(math.Inf(1)), "NaN": float32(math.NaN())} {
		w := random(t, k*n, 1)
		if spoil != 0 {
			w[450*n+99] = spoil
		}
		packed := words(t, packedBF16Len(k, n))
		packBF16(packed, w, k, n)
		if scales := packed[bf16Words(k, n):]; (scales[0] == 0) != (what != "none") {
			t.Errorf("%s: the first scale is %#x", what, scales[0])
		}
	}
}

// TestFixedKernels compares each kernel with its twin, between guards.
func TestFixedKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	whole := func(n int) []uint32 { // pairs of whole numbers
		w := words(t, n)
		for i := range w {
			w[i] = fixed(float32(r.IntN(2*fixedMost)-fixedMost), 1) | fixed(float32(r.IntN(2*fixedMost)-fixedMost), 1)<<16
		}
		return w
	}
	corner := func(words []uint32, step int) (sum int32) { // of words that are step apart
		for ; len(words) > 2*step; words = words[min(fixedWords*step, len(words)):] {
			sum += dot16(words[step], words[2*step])
		}
		return sum
	}
	eachFixed(t, func(t *testing.T) {
		for n := 1; n < 400; n += 1 + n/20 {
			x := random(t, n, uint64(n))
			most, squares, sum := magnitudes(x)
			wantMost, wantSquares, wantSum := magnitudesGo(x)
			want64 := []float64{float64(wantMost), float64(wantSquares), float64(wantSum)}
			near(t, fmt.Sprint("magnitudes of ", n), []float32{most, squares, sum}, want64, eps*float64(8*n))

			size := wordSteps(n, fixedUnit) * fixedWords
			got, want := words(t, size), make([]uint32, size)
			corner, wantCorner := fixWords(got, x, 1<<12), fixWordsGo(want, x, 1<<12)
			sameWords(t, fmt.Sprint("words of ", n), got, want)
			if pairs && corner != wantCorner {
				t.Errorf("the corner of %d is %d, want %d", n, corner, wantCorner)
			}
		}
		for rows := 1; rows < 20; rows++ {
			w, scales := words(t, rows*panelCols), words(t, fixedColumns)
			for i := range w {
				w[i] = uint32(f32ToBF16(r.Float32()-0.5)) | uint32(f32ToBF16(r.Float32()-0.5))<<16
			}
			for c := range panelCols {
				scales[c], scales[panelCols+c] = math.Float32bits(float32(int(1)<<(10+c%5))), r.Uint32()
			}
			size := roundUp(rows, fixedWords)*panelCols + fixedColumns
			got, want := words(t, size), make([]uint32, size)
			fixPanel(got, w, scales)
			fixPanelGo(want, w, scales)
			sameWords(t, fmt.Sprint("a panel of ", rows), got, want)
		}
		for m := 1; m < 24; m++ {
			for _, k := range []int{1, 2, 3, 11, 64} {
				ldx, ldy, ldadd := fixedHead+fixedWords*k+m%3, panelCols+m%2, panelCols+k%2
				x, w := whole((m-1)*ldx+fixedHead+fixedWords*k), whole((fixedWords*k+2)*panelCols)
				for i := range m {
					row := x[i*ldx:]
					row[0], row[1] = math.Float32bits(r.Float32()), uint32(corner(row[fixedHead:][:fixedWords*k], 1))
				}
				for c := range panelCols {
					words, ends := w[:fixedWords*k*panelCols], w[fixedWords*k*panelCols:]
					ends[c], ends[panelCols+c] = math.Float32bits(r.Float32()), uint32(corner(words[c:], panelCols))
				}
				bias, add := random(t, panelCols, 5), random(t, (m-1)*ldadd+panelCols, 6)
				if m%3 == 0 {
					bias = nil
				}
				if m%5 == 0 {
					add = nil
				}
				got, want := garbage(t, (m-1)*ldy+panelCols), make([]float32, (m-1)*ldy+panelCols)
				panelMulFixed(got, ldy, x, ldx, fixedWords, w, bias, add, nil, ldadd, m, k)
				panelMulFixedGo(want, ldy, x, ldx, fixedWords, w, bias, add, nil, ldadd, m, k)
				for i := range m {
					sameBits(t, fmt.Sprintf("row %d of %d, %d steps", i, m, k), got[i*ldy:][:panelCols], want[i*ldy:][:panelCols])
				}
			}
		}
	})
}

func TestFixedDoesNotAllocate(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	g := newFixedCase(t, 128, 130, 130, 0, false, false)
	g.x[1000] = 1e6
	y := make([]float32, g.m*g.n)
	had := pairs
	defer func() { pairs = had }()
	pairs = true
	step := func() { gemmBF16(c, y, g.n, g.x, g.k, g.words, nil, nil, 0, gelu32, g.m, g.k, g.n) }
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%v allocations in a step that has none", n)
	}
}
