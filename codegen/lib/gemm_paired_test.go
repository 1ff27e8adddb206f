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
	w := guarded(t, packedLen(k, n)+cornersLen(k, n))
	copy(w, g.w)
	corners(w[len(g.w):], g.w, k, n)
	g.w = w
	return g
}

func TestPaired(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	var cases []gemmCase
	for m := pairedMin; m < pairedMin+25; m++ {
		for _, k := range []int{5, 6, 47, 48, 96, 101, 250} {
			cases = append(cases, newPairedCase(t, m, k, []int{32, 70, 96}[m%3], (m+k)%4, m%2 == 0, k%2 == 0))
		}
	}
	for _, s := range [][3]int{{25, 513, 40}, {24, 1700, 32}, {300, 64, 96}, {128, 64, 300}, {700, 60, 320}, {37, 1030, 65}} {
		cases = append(cases, newPairedCase(t, s[0], s[1], s[2], s[0]%3, true, true))
	}
	eachPaired(t, func(t *testing.T) {
		for _, g := range cases {
			what := fmt.Sprintf("gemm %dx%dx%d pad %d bias %v add %v", g.m, g.k, g.n, g.pad, g.bias, g.add)
			if !paired(g.w, g.m, g.k, g.n) {
				t.Fatalf("%s is not done by pairs", what)
			}
			y := g.run(t, one, false)
			near(t, what, y, g.want, 4*eps*(3+math.Sqrt(float64(g.k)))*math.Max(1, math.Sqrt(float64(g.k))/2))
			sameBits(t, what+", three threads", g.run(t, three, false), y)
			sameBits(t, what+", in place", g.run(t, one, true), y)
		}
	})
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
