package lib

import (
	"fmt"
	"testing"
)

// benchmarkLevels runs f with each instruction set that is worth measuring.
func benchmarkLevels(b *testing.B, f func(b *testing.B)) {
	has := isa
	defer func() { isa = has }()
	for level, name := range []string{"portable", "avx2", "avx512"} {
		if level > isaPortable && level <= has {
			isa = level
			b.Run(name, f)
		}
	}
}

// gflops reports the rate of a step that does flop operations.
func gflops(b *testing.B, flop int) {
	b.ReportMetric(float64(flop)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkLinear(b *testing.B) {
	for _, s := range [][3]int{{128, 384, 384}, {128, 384, 1536}, {128, 1536, 384}, {128, 768, 768}, {128, 768, 3072}, {128, 3072, 768},
		{504, 768, 768}, {16, 768, 768}, {4, 768, 768}, {1, 768, 768}, {1, 768, 3072}, {128, 384, 30522}, {1, 768, 50257}} {
		m, k, n := s[0], s[1], s[2]
		x, w, y := random(b, m*k, 1), random(b, packedLen(k, n), 2), random(b, m*n, 3)
		bias := random(b, n, 4)
		for _, threads := range []int{1, 2} {
			c := newCtx(threads)
			b.Run(fmt.Sprintf("%dx%dx%d/threads=%d", m, k, n, threads), func(b *testing.B) {
				benchmarkLevels(b, func(b *testing.B) {
					for b.Loop() {
						linear(c, y, x, w, bias, nil, nil, m, k, n)
					}
					gflops(b, 2*m*k*n)
					b.ReportMetric(float64(4*len(w))*float64(b.N)/b.Elapsed().Seconds()/1e9, "weights-GB/s")
				})
			})
			c.close()
		}
	}
}
