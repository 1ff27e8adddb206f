package lib

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// blockedWeights are weights of a few bits as a model has them, and the numbers they stand for.
type blockedWeights struct {
	packed []uint32
	w      []float32 // as linear takes them
}

// randomBlocks is a weight of so many bits, row by row, and the scales and zero points of its blocks.
func randomBlocks(bits, k, n, block int, zeros bool) (q []byte, scale []float32, zero []byte) {
	r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	blocks := (k + block - 1) / block
	q, scale, zero = make([]byte, k*n), make([]float32, blocks*n), make([]byte, blocks*n)
	for i := range q {
		q[i] = byte(r.IntN(1 << bits))
	}
	for i := range scale {
		scale[i] = r.Float32() + 0.1
		if zeros {
			zero[i] = byte(r.IntN(1 << bits))
		}
	}
	return q, scale, zero
}

func newBlocked(t testing.TB, bits, k, n, block int, zeros bool) blockedWeights {
	q, scale, zero := randomBlocks(bits, k, n, block, zeros)
	w := make([]float32, k*n)
	for p := range k {
		for j := range n {
			b := p/block*n + j
			w[p*n+j] = (float32(q[p*n+j]) - float32(zero[b])) * scale[b]
		}
	}
	f := blockedWeights{packed: reinterpret[uint32](guarded(t, PackedBlockedLen(bits, k, n, block))), w: make([]float32, linearLen(k, n))}
	clear(f.packed)
	if !zeros {
		zero = nil
	}
	PackBlocked(bits, f.packed, q, scale, zero, k, n, block)
	PackLinear(f.w, w, k, n)
	return f
}

// TestGemmBlocked: the result is that of gemm for the same numbers, to the bit.
func TestGemmBlocked(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, threads := range []int{1, 3} {
			c := newCtx(threads)
			for _, s := range [][4]int{
				{1, 1, 1, 16}, {1, 64, 32, 32}, {1, 90, 300, 32}, {1, 1030, 290, 64}, {1, 520, 128, 16}, {3, 33, 70, 16}, {2, 100, 31, 32}, {4, 1030, 65, 32}, {12, 520, 33, 128}, {23, 90, 64, 64}, {37, 1030, 64, 32}, {250, 48, 100, 16}, {140, 330, 70, 32}, {5, 7, 2100, 256},
			} {
				m, k, n, block := s[0], s[1], s[2], s[3]
				for form := range 24 {
					format := []blockFormat{twoBits, fourBits, eightBits}[form/8]
					f := newBlocked(t, format.bits, k, n, block, form&1 != 0)
					x, y, want := random(t, m*(k+3), 1), garbage(t, m*(n+5)), make([]float32, m*(n+5))
					copy(want, y)
					var bias, r []float32
					var act func(y, x []float32)
					if form&2 != 0 {
						bias, r = random(t, n, 2), random(t, m*n, 3)
					}
					if form&4 != 0 {
						act = relu32
					}
					gemmBlocked(c, format, block, y, n+5, x, k+3, f.packed, bias, r, n, act, m, k, n)
					gemm(c, want, n+5, x, k+3, f.w, bias, r, n, act, m, k, n)
					if !slices.Equal(reinterpret[uint32](y), reinterpret[uint32](want)) {
						t.Errorf("%v, form %d, %d threads: other bits than those of gemm", s, form, threads)
					}
				}
			}
		}
	})
}

// TestGemmBlockedNothing: without rows of w, the result is bias and residual.
func TestGemmBlockedNothing(t *testing.T) {
	c := newCtx(1)
	y := garbage(t, 2*3)
	gemmBlocked(c, fourBits, 16, y, 3, nil, 0, nil, []float32{1, 2, 3}, []float32{1, 1, 1, 2, 2, 2}, 3, nil, 2, 0, 3)
	if want := []float32{2, 3, 4, 3, 4, 5}; !slices.Equal(y, want) {
		t.Errorf("%v, want %v", y, want)
	}
}

func BenchmarkGemmBlocked(b *testing.B) {
	const k, n, block = 2048, 2048, 32
	fours, eights := newBlocked(b, 4, k, n, block, true), newBlocked(b, 8, k, n, block, true)
	for _, m := range []int{1, 2, 4, 16, 128} {
		x, y := random(b, m*k, 1), make([]float32, m*n)
		c := newCtx(1)
		run := map[string]func(){
			"four":    func() { gemmBlocked(c, fourBits, block, y, n, x, k, fours.packed, nil, nil, 0, nil, m, k, n) },
			"eight":   func() { gemmBlocked(c, eightBits, block, y, n, x, k, eights.packed, nil, nil, 0, nil, m, k, n) },
			"float32": func() { gemm(c, y, n, x, k, fours.w, nil, nil, 0, nil, m, k, n) },
		}
		for _, name := range []string{"float32", "four", "eight"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, m, k, n), func(b *testing.B) {
				for b.Loop() {
					run[name]()
				}
				b.ReportMetric(2*float64(m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
