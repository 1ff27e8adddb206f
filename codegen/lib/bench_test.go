package lib

import (
	"fmt"
	"testing"
)

// benchmarkLevels runs f with each instruction set that is worth measuring.
func benchmarkLevels(b *testing.B, f func(b *testing.B)) {
	has, had := isa, pairs
	defer func() { isa, pairs = has, had }()
	for level, name := range []string{"portable", "avx2", "avx512"} {
		if level > isaPortable && level <= has {
			isa, pairs = level, had && level == isaAVX512
			b.Run(name, f)
		}
	}
}

// gflops reports the rate of a step that does flop operations.
func gflops(b *testing.B, flop float64) {
	b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
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
					gflops(b, float64(2*m*k*n))
					b.ReportMetric(float64(4*len(w))*float64(b.N)/b.Elapsed().Seconds()/1e9, "weights-GB/s")
				})
			})
			c.close()
		}
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, s := range []attentionShape{
		{batch: 1, heads: 12, kvHeads: 12, queries: 128, keys: 128, d: 32, dv: 32},
		{batch: 1, heads: 12, kvHeads: 12, queries: 128, keys: 128, d: 64, dv: 64},
		{batch: 1, heads: 12, kvHeads: 12, queries: 512, keys: 512, d: 64, dv: 64, causal: true},
		{batch: 1, heads: 12, kvHeads: 12, queries: 2048, keys: 2048, d: 64, dv: 64},
		{batch: 1, heads: 12, kvHeads: 12, queries: 1, keys: 512, d: 64, dv: 64},
		{batch: 1, heads: 32, kvHeads: 8, queries: 1, keys: 1024, d: 64, dv: 64},
	} {
		for _, dual := range []bool{false, true} {
			a := newAttentionCase(b, "", s, dual)
			a.p.gain, a.n.gain = heads{}, heads{}
			y := packedHeads(b, s.batch, s.heads, s.queries, s.dv, 9)
			flop := 2 * s.batch * s.heads * s.queries * s.keys * (s.d + s.dv)
			if s.causal {
				flop /= 2
			}
			for _, threads := range []int{1, 2} {
				c := newCtx(threads)
				b.Run(fmt.Sprintf("%dx%dx%dx%d/dual=%v/threads=%d", s.heads, s.queries, s.keys, s.d, dual, threads), func(b *testing.B) {
					benchmarkLevels(b, func(b *testing.B) {
						for b.Loop() {
							if dual {
								dualAttention(c, y, a.p, a.n, bias{}, keep{}, s)
							} else {
								attention(c, y, a.p.q, a.p.k, a.p.v, a.p.score, bias{}, keep{}, s)
							}
						}
						if dual {
							gflops(b, float64(2*flop))
						} else {
							gflops(b, float64(flop))
						}
					})
				})
				c.close()
			}
		}
	}
}

func BenchmarkVector(b *testing.B) {
	x, y := random(b, 1<<13, 1), random(b, 1<<13, 2)
	for _, f := range vectorFuncs() {
		b.Run(f.name, func(b *testing.B) {
			benchmarkLevels(b, func(b *testing.B) {
				for b.Loop() {
					f.f(y, x)
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(len(x)), "ns/element")
			})
		})
	}
}

func BenchmarkRows(b *testing.B) {
	const rows, cols = 128, 384
	x, y, gamma := random(b, rows*cols, 1), random(b, rows*cols, 2), random(b, cols, 3)
	c := newCtx(1)
	for name, f := range map[string]func(){
		"softmax":   func() { softmax(c, y, x, rows, cols) },
		"columns":   func() { softmaxColumns(c, y, x, 1, rows, cols) },
		"few":       func() { softmaxColumns(c, y, x, rows, cols/8, 8) },
		"layerNorm": func() { layerNorm(c, y, cols, nil, x, y, gamma, gamma, rows, cols, 1e-5) },
		"rmsNorm":   func() { rmsNorm(c, y, cols, nil, x, nil, gamma, rows, cols, 1e-5) },
		"add":       func() { binary(c, y, cols, x, y, add32, rows, cols, cols, cols, cols, cols) },
	} {
		b.Run(name, func(b *testing.B) {
			benchmarkLevels(b, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/rows/cols, "ns/element")
			})
		})
	}
}

// BenchmarkEncoder is six layers of width 384 with 12 heads on 128 tokens.
func BenchmarkEncoder(b *testing.B) {
	const tokens, width, inner, layers = 128, 384, 1536, 6
	matrix := func(k, n int) []float32 { return random(b, packedLen(k, n), uint64(k+n)) }
	vector := func(n int) []float32 { return random(b, n, uint64(n)) }
	type layer struct{ qkv, out, up, down []float32 }
	var ws []layer
	for range layers {
		ws = append(ws, layer{matrix(width, 3*width), matrix(width, width), matrix(width, inner), matrix(inner, width)})
	}
	var noBias bias
	params := vector(inner)
	x, qkv, o, h := vector(tokens*width), vector(tokens*3*width), vector(tokens*width), vector(tokens*inner)
	at := func(i int) heads { return heads{qkv[i*width:], 0, 32, 3 * width} }
	for _, threads := range []int{1, 2} {
		c := newCtx(threads)
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			benchmarkLevels(b, func(b *testing.B) {
				for b.Loop() {
					for _, w := range ws {
						linear(c, qkv, x, w.qkv, params, nil, nil, tokens, width, 3*width)
						attention(c, heads{o, 0, 32, width}, at(0), at(1), at(2), score{scale: 0.17}, noBias, keep{},
							attentionShape{batch: 1, heads: 12, kvHeads: 12, queries: tokens, keys: tokens, d: 32, dv: 32})
						linear(c, x, o, w.out, params, x, nil, tokens, width, width)
						layerNorm(c, x, width, nil, x, nil, params, params, tokens, width, 1e-5)
						linear(c, h, x, w.up, params, nil, gelu32, tokens, width, inner)
						linear(c, x, h, w.down, params, x, nil, tokens, inner, width)
						layerNorm(c, x, width, nil, x, nil, params, params, tokens, width, 1e-5)
					}
				}
				gflops(b, layers*2*tokens*(4*width*width+2*width*inner+2*tokens*width))
			})
		})
		c.close()
	}
}
