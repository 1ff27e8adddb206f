package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// eachISA runs f with every instruction set that this machine has.
func eachISA(t *testing.T, f func(t *testing.T)) {
	has := isa
	defer func() { isa = has }()
	names := []string{"portable", "avx2", "avx512"}
	if runtime.GOARCH == "arm64" {
		names[1] = "neon"
	}
	for level, name := range names {
		if level <= has {
			isa = level
			t.Run(name, f)
		}
	}
}

// random is n guarded floats between -1 and 1.
func random(t testing.TB, n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := guarded(t, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

// garbage is n guarded floats that nobody may use.
func garbage(t testing.TB, n int) []float32 {
	x := guarded(t, n)
	for i := range x {
		x[i] = float32(math.NaN())
	}
	return x
}

// near fails when got is further from want than bound, element by element.
func near(t testing.TB, what string, got []float32, want []float64, bound float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= bound) && !(math.IsNaN(w) && got[i] != got[i]) {
			t.Fatalf("%s: element %d of %d is %g, want %g, off by %g, allowed %g", what, i, len(want), got[i], w, d, bound)
		}
	}
}

// sameBits fails when got and want differ at all.
func sameBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d of %d is %g, want %g", what, i, len(want), got[i], want[i])
		}
	}
}

const eps = 1.0 / (1 << 24)

func TestPackB(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {3, 5}, {7, 32}, {16, 33}, {17, 100}, {33, 64}, {64, 95}, {0, 4}, {4, 0}} {
			k, n := s[0], s[1]
			for _, d := range [][2]int{{n + 3, 1}, {1, k + 2}, {2*n + 1, 2}} {
				sk, sn := d[0], d[1]
				w := random(t, max(0, (k-1)*sk+(n-1)*sn+1)*min(k, 1)*min(n, 1), 1)
				dst := garbage(t, packedLen(k, n))
				packB(dst, w, k, n, sk, sn)
				for p := range k {
					for j := range roundUp(n, 32) {
						want := float32(0)
						if j < n {
							want = w[p*sk+j*sn]
						}
						if got := dst[j/32*32*k+p*32+j%32]; got != want {
							t.Fatalf("k=%d n=%d sk=%d sn=%d: (%d, %d) is %g, want %g", k, n, sk, sn, p, j, got, want)
						}
					}
				}
			}
		}
	})
}

// gemmCase is one call of gemm and its result in float64.
type gemmCase struct {
	m, k, n, pad int
	x, w, b, r   []float32
	bias, add    bool
	want         []float64 // rows next to each other
}

func newGemmCase(t testing.TB, m, k, n, pad int, bias, add bool) gemmCase {
	g := gemmCase{m: m, k: k, n: n, pad: pad, bias: bias, add: add}
	w := random(t, k*n, 2)
	g.x, g.w = random(t, m*(k+pad)-pad*min(m, 1), 1), guarded(t, packedLen(k, n))
	packB(g.w, w, k, n, n, 1)
	if bias {
		g.b = random(t, n, 3)
	}
	if add {
		g.r = random(t, max(0, m*(n+pad)-pad), 4)
	}
	g.want = make([]float64, m*n)
	for i := range m {
		for j := range n {
			s := 0.0
			for p := range k {
				s += float64(g.x[i*(k+pad)+p]) * float64(w[p*n+j])
			}
			if bias {
				s += float64(g.b[j])
			}
			if add {
				s += float64(g.r[i*(n+pad)+j])
			}
			g.want[i*n+j] = s
		}
	}
	return g
}

// run calls gemm on c and gives the rows next to each other; inPlace lets r be y.
func (g gemmCase) run(t testing.TB, c *ctx, inPlace bool) []float32 {
	y, r := garbage(t, max(0, g.m*(g.n+g.pad)-g.pad)), g.r
	if inPlace && g.add {
		copy(y, r)
		r = y
	}
	gemm(c, y, g.n+g.pad, g.x, g.k+g.pad, g.w, g.b, r, g.n+g.pad, nil, g.m, g.k, g.n)
	out := make([]float32, g.m*g.n)
	for i := range g.m {
		copy(out[i*g.n:(i+1)*g.n], y[i*(g.n+g.pad):])
		for j := range g.pad * min(g.m-1-i, 1) {
			if v := y[i*(g.n+g.pad)+g.n+j]; v == v && !(inPlace && g.add) {
				t.Fatalf("gemm %dx%dx%d wrote beyond row %d", g.m, g.k, g.n, i)
			}
		}
	}
	return out
}

func TestGemm(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	var cases []gemmCase
	for m := range 14 {
		for _, k := range []int{0, 1, 2, 5, 33} {
			for _, n := range []int{1, 31, 32, 33, 64, 70} {
				cases = append(cases, newGemmCase(t, m, k, n, (m+k+n)%4, m%2 == 0, k%2 == 0))
			}
		}
	}
	for _, s := range [][3]int{{25, 513, 40}, {12, 1100, 32}, {250, 40, 96}, {128, 64, 300}, {1, 600, 129}, {7, 1030, 65}, {0, 3, 4}, {3, 4, 0}} {
		cases = append(cases, newGemmCase(t, s[0], s[1], s[2], s[0]%3, true, true))
	}
	eachISA(t, func(t *testing.T) {
		for _, g := range cases {
			what := fmt.Sprintf("gemm %dx%dx%d pad %d bias %v add %v", g.m, g.k, g.n, g.pad, g.bias, g.add)
			y := g.run(t, one, false)
			near(t, what, y, g.want, 4*eps*(3+math.Sqrt(float64(g.k)))*math.Max(1, math.Sqrt(float64(g.k))/2))
			sameBits(t, what+", three threads", g.run(t, three, false), y)
			sameBits(t, what+", in place", g.run(t, one, true), y)
		}
	})
}

// TestPanelLayouts lays x out by rows, by columns and with gaps, between
// guards: the sums are the same.
func TestPanelLayouts(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for m := 1; m < 20; m++ {
			for _, k := range []int{1, 2, 3, 4, 5, 8, 15, 41} {
				w, x := random(t, k*panelCols, 1), random(t, m*k, 2)
				want, y := garbage(t, m*panelCols), garbage(t, m*panelCols)
				panelMul(want, panelCols, x, k, 1, w, nil, nil, 0, m, k)
				for _, steps := range [][2]int{{1, m}, {1, m + 2}, {3, 3 * m}, {2 * k, 2}} {
					ldx, sx := steps[0], steps[1]
					z := garbage(t, (m-1)*ldx+(k-1)*sx+1)
					for i := range m {
						for p := range k {
							z[i*ldx+p*sx] = x[i*k+p]
						}
					}
					panelMul(y, panelCols, z, ldx, sx, w, nil, nil, 0, m, k)
					sameBits(t, fmt.Sprintf("%d rows, %d steps, x by %d and %d", m, k, ldx, sx), y, want)
				}
			}
		}
	})
}

func TestLinearActivation(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	eachISA(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 40, 33}, {30, 513, 300}, {250, 10, 70}} {
			g := newGemmCase(t, s[0], s[1], s[2], 0, true, false)
			want, r := g.run(t, c, false), random(t, g.m*g.n, 5)
			relu32(want, want)
			y := garbage(t, len(want))
			linear(c, y, g.x, g.w, g.b, nil, relu32, g.m, g.k, g.n)
			sameBits(t, "relu", y, want)
			linear(c, y, g.x, g.w, g.b, r, relu32, g.m, g.k, g.n)
			add32(want, want, r)
			sameBits(t, "relu and residual", y, want)
		}
	})
}

// TestRowsAlone proves that a row's result does not depend on its neighbours.
func TestRowsAlone(t *testing.T) {
	c := newCtx(1)
	eachISA(t, func(t *testing.T) {
		g := newGemmCase(t, 29, 530, 100, 0, true, false)
		all := g.run(t, c, false)
		for i := range g.m {
			y := garbage(t, g.n)
			linear(c, y, g.x[i*g.k:(i+1)*g.k], g.w, g.b, nil, nil, 1, g.k, g.n)
			sameBits(t, fmt.Sprint("row ", i), y, all[i*g.n:(i+1)*g.n])
		}
	})
}

func TestMatmul(t *testing.T) {
	one, four := newCtx(1), newCtx(4)
	defer four.close()
	eachISA(t, func(t *testing.T) {
		for _, s := range []product{
			{m: 3, k: 5, n: 7, batch: [3]int{1, 1, 1}, yRow: 7, aRow: 5, aCol: 1, bRow: 7, bCol: 1},
			{m: 13, k: 40, n: 33, batch: [3]int{1, 2, 3}, yBatch: [3]int{0, 3 * 429, 429}, aBatch: [3]int{0, 520, 0},
				bBatch: [3]int{0, 0, 1320}, yRow: 33, aRow: 1, aCol: 13, bRow: 1, bCol: 40},
			{m: 40, k: 600, n: 200, batch: [3]int{1, 1, 1}, yRow: 200, aRow: 600, aCol: 1, bRow: 200, bCol: 1},
			{m: 5, k: 1300, n: 90, batch: [3]int{2, 1, 1}, yBatch: [3]int{450, 0, 0}, aBatch: [3]int{6500, 0, 0}, yRow: 90, aRow: 1300, aCol: 1, bRow: 1, bCol: 1300},
			{m: 2, k: 0, n: 3, batch: [3]int{1, 1, 2}, yBatch: [3]int{0, 0, 6}, yRow: 3, aRow: 0, aCol: 1, bRow: 3, bCol: 1},
			{m: 2, k: 3, n: 3, batch: [3]int{1, 1, 0}, yRow: 3, aRow: 3, aCol: 1, bRow: 3, bCol: 1},
		} {
			checkMatmul(t, one, four, s)
		}
	})
}

func checkMatmul(t *testing.T, one, four *ctx, s product) {
	t.Helper()
	last := func(batch [3]int, row, rows, col, cols int) int {
		n := max(rows-1, 0)*row + max(cols-1, 0)*col + min(rows, cols, 1)
		for d := range batch {
			n += max(s.batch[d]-1, 0) * batch[d]
		}
		return n
	}
	count := s.batch[0] * s.batch[1] * s.batch[2]
	a, b := random(t, last(s.aBatch, s.aRow, s.m, s.aCol, s.k), 1), random(t, last(s.bBatch, s.bRow, s.k, s.bCol, s.n), 2)
	y, z := garbage(t, s.m*s.n*count), garbage(t, s.m*s.n*count)
	want := make([]float64, len(y))
	for e := range count {
		at := [3]int{e / (s.batch[1] * s.batch[2]), e / s.batch[2] % s.batch[1], e % s.batch[2]}
		for i := range s.m * s.n {
			yi, ai, bi := i/s.n*s.yRow+i%s.n, i/s.n*s.aRow, i%s.n*s.bCol
			for d := range at {
				yi, ai, bi = yi+at[d]*s.yBatch[d], ai+at[d]*s.aBatch[d], bi+at[d]*s.bBatch[d]
			}
			for p := range s.k {
				want[yi] += float64(a[ai+p*s.aCol]) * float64(b[bi+p*s.bRow])
			}
		}
	}
	matmul(one, y, a, b, s)
	near(t, fmt.Sprintf("%+v", s), y, want, 4*eps*(1+float64(s.k)))
	matmul(four, z, a, b, s)
	sameBits(t, fmt.Sprintf("%+v, four threads", s), z, y)
}

func TestThreads(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, n := range []int{1, 2, 5} {
		c := newCtx(n)
		x := make([]float32, 100_003)
		for round := range 200 {
			unary(c, x, x, func(y, x []float32) {
				for i := range y {
					y[i] = x[i] + 1
				}
			})
			for i := range x {
				if x[i] != float32(round+1) {
					t.Fatalf("%d threads, round %d: element %d is %g", n, round, i, x[i])
				}
			}
		}
		c.close()
		c.close()
		unary(c, x, x, relu32)
	}
	for range 1000 { // the machine may be busy with others
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after close", before, runtime.NumGoroutine())
}

// TestForgotten drops contexts without closing them.
func TestForgotten(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 4 {
		x := make([]float32, 1<<15)
		unary(newCtx(2), x, x, relu32)
	}
	for range 2000 {
		if runtime.GC(); runtime.NumGoroutine() <= before {
			return
		}
	}
	t.Errorf("%d goroutines before, %d after all contexts were forgotten", before, runtime.NumGoroutine())
}

func TestNoAllocations(t *testing.T) {
	had := pairs
	defer func() { pairs = had }()
	pairs = true
	c := newCtx(2)
	defer c.close()
	paired := newPairedCase(t, 128, 128, 128, 0, true, true)
	turned := turnedWeights(t, random(t, 32*144, 1), 144, 32, 9)
	cornered := corneredWeights(t, random(t, 32*144, 1), 1, 32, 144, 9)
	x, w, y := make([]float32, 128*128), make([]float32, packedLen(128, 128)), make([]float32, 128*128)
	h := heads{x, 0, 32, 128}
	residual := func(n int) sequel { return sequel{add: x[:n], least: zero[:]} }
	step := func() {
		linear(c, y, x, w, x, x, gelu32, 128, 128, 128)
		linear(c, y, paired.x, paired.w, paired.b, paired.r, gelu32, 128, 128, 128)
		attention(c, heads{y, 0, 32, 128}, h, h, h, score{scale: .5}, bias{}, keep{}, attentionShape{batch: 1, heads: 4, kvHeads: 4, queries: 128, keys: 128, d: 32, dv: 32, causal: true})
		matmul(c, y, x, x, product{m: 128, k: 128, n: 128, batch: [3]int{1, 1, 1}, yRow: 128, aRow: 128, aCol: 1, bRow: 1, bCol: 128})
		softmax(c, y, x, 128, 128)
		softmaxColumns(c, y, x, 1, 128, 128)
		softmaxColumns(c, y, x, 8, 256, 8)
		layerNorm(c, y, 128, nil, x, x, x[:128], x[:128], 128, 128, 1e-5)
		rmsNorm(c, y, 128, x, x, x, w[:128], 128, 128, 1e-5)
		binary(c, y, 128, x, x, add32, 128, 128, 128, 128, 0, 1)
		unary(c, y, x, exp32)
		blockwise(c, y, addGelu, 1, []int{4, 32, 128}, parts{x[:512], x[:32]}, [blockSpread][]int{{4, 1, 128}, {32, 1}})
		clip32(c, y, x, x[:1], x[:1])
		reduceRows(c, y[:128], x, largestRow, 128)
		sumRows(c, y[:128], x, true, rootOf, 128)
		sumColumns(c, y[:128], x, true, meanOf, 1, 128, 128)
		instanceNorm(c, y, x, w[:4], w[:4], 128, 128, 1e-5)
		transpose32(c, y, x, []int{128, 128}, []int{1, 128}, 0)
		three := sliding{kernel: [3]int{1, 3, 3}, stride: [3]int{1, 2, 2}, dilation: [3]int{1, 1, 1}, before: [3]int{0, 1, 1}}
		conv32(c, y[:1024], x[:4096], w, x[:16], []int{1, 16, 8, 8}, []int{1, 16, 16, 16}, three, 1, residual(1024))
		conv32(c, y[:1024], x[:4096], w, x[:16], []int{1, 16, 8, 8}, []int{1, 16, 16, 16}, three, 16, residual(1024))
		conv32(c, y[:2048], x[:4096], cornered, x[:32], []int{1, 32, 8, 8}, []int{1, 16, 16, 16}, three, 1, residual(2048))
		one := sliding{kernel: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1}}
		convTurned32(c, y[:2048], x[:4096], w, x[:32], []int{1, 32, 8, 8}, []int{1, 16, 16, 16}, three, residual(2048))
		convTurned32(c, y[:4096], x[:8192], w, x[:16], []int{2, 16, 8, 16}, []int{2, 32, 8, 16}, one, residual(4096))
		convTurned32(c, y[:2048], x[:4096], turned, x[:32], []int{1, 32, 8, 8}, []int{1, 16, 16, 16}, three, residual(2048))
		convBack32(c, y[:4096], x[:1024], w, nil, []int{1, 16, 16, 16}, []int{1, 16, 8, 8}, three, 1)
		maxPool32(c, y[:1024], x[:4096], []int{1, 16, 8, 8}, []int{1, 16, 16, 16}, three)
		averagePool32(c, y[:1024], x[:4096], []int{1, 16, 8, 8}, []int{1, 16, 16, 16}, three, false)
		resize32(c, y[:4096], x[:1024], []int{1, 16, 8, 8}, []float32{1, 1, 2, 2}, []int(nil), nil, resizing{mode: "cubic", coordinates: "half_pixel", cubic: -0.75})
	}
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%v allocations in a step that has none", n)
	}
}
