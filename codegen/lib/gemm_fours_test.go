package lib

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// fours are weights of four bits as a model has them, and the numbers they stand for.
type fours struct {
	packed []uint32
	w      []float32 // packed by packB
}

func newFours(t testing.TB, k, n, block int, zeros bool) fours {
	r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	blocks := (k + block - 1) / block
	q, scale, zero := make([]byte, k*n), make([]float32, blocks*n), make([]byte, blocks*n)
	for i := range q {
		q[i] = byte(r.IntN(16))
	}
	for i := range scale {
		scale[i] = r.Float32() + 0.1
		if zeros {
			zero[i] = byte(r.IntN(16))
		}
	}
	w := make([]float32, k*n)
	for p := range k {
		for j := range n {
			b := p/block*n + j
			w[p*n+j] = (float32(q[p*n+j]) - float32(zero[b])) * scale[b]
		}
	}
	f := fours{packed: reinterpret[uint32](guarded(t, packedFoursLen(k, n, block))), w: make([]float32, packedLen(k, n))}
	clear(f.packed)
	if !zeros {
		zero = nil
	}
	PackFours(f.packed, q, scale, zero, k, n, block)
	packB(f.w, w, k, n, n, 1)
	return f
}

// TestGemmFours: the result is that of gemm for the same numbers, to the bit where there are more than a few rows, and does not depend on
// the number of threads.
func TestGemmFours(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		one, three := newCtx(1), newCtx(3)
		for _, s := range [][4]int{
			{1, 1, 1, 16}, {1, 64, 32, 32}, {3, 33, 70, 16}, {2, 100, 31, 32}, {1, 37, 40, 5}, {12, 520, 33, 128}, {13, 1030, 64, 32}, {250, 48, 100, 16},
			{5, 7, 2100, 256}, {15, 7, 2100, 256},
		} {
			m, k, n, block := s[0], s[1], s[2], s[3]
			for form := range 8 {
				f := newFours(t, k, n, block, form&1 != 0)
				x, y, again, want := random(t, (m-1)*(k+3)+k, 1), garbage(t, m*(n+5)), make([]float32, m*(n+5)), make([]float32, m*(n+5))
				copy(want, y)
				copy(again, y)
				var bias, r []float32
				var act func(y, x []float32)
				if form&2 != 0 {
					bias, r = random(t, n, 2), random(t, m*n, 3)
				}
				if form&4 != 0 {
					act = relu32
				}
				gemmFours(one, block, y, n+5, x, k+3, f.packed, bias, r, n, act, m, k, n)
				gemmFours(three, block, again, n+5, x, k+3, f.packed, bias, r, n, act, m, k, n)
				gemm(one, want, n+5, x, k+3, f.w, bias, r, n, act, m, k, n)
				name := fmt.Sprintf("%v, form %d", s, form)
				if !slices.Equal(reinterpret[uint32](y), reinterpret[uint32](again)) {
					t.Errorf("%s: other bits on three threads", name)
				}
				if m > fewRows {
					if !slices.Equal(reinterpret[uint32](y), reinterpret[uint32](want)) {
						t.Errorf("%s: other bits than those of gemm", name)
					}
					continue
				}
				wide := make([]float64, len(want))
				for i, v := range want {
					wide[i] = float64(v)
				}
				near(t, name, y, wide, 16*eps*float64(16+k))
			}
		}
	})
}

// TestGemmFoursNothing: without rows of w, the result is bias and residual.
func TestGemmFoursNothing(t *testing.T) {
	c := newCtx(1)
	y := garbage(t, 2*3)
	gemmFours(c, 16, y, 3, nil, 0, nil, []float32{1, 2, 3}, []float32{1, 1, 1, 2, 2, 2}, 3, nil, 2, 0, 3)
	if want := []float32{2, 3, 4, 3, 4, 5}; !slices.Equal(y, want) {
		t.Errorf("%v, want %v", y, want)
	}
}

func BenchmarkGemmFours(b *testing.B) {
	const k, n, block = 2048, 2048, 32
	f := newFours(b, k, n, block, true)
	for _, m := range []int{1, 4, 16, 128} {
		x, y := random(b, m*k, 1), make([]float32, m*n)
		c := newCtx(1)
		run := map[string]func(){
			"four":    func() { gemmFours(c, block, y, n, x, k, f.packed, nil, nil, 0, nil, m, k, n) },
			"float32": func() { gemm(c, y, n, x, k, f.w, nil, nil, 0, nil, m, k, n) },
		}
		for _, name := range []string{"float32", "four"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, m, k, n), func(b *testing.B) {
				for b.Loop() {
					run[name]()
				}
				b.ReportMetric(2*float64(m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
