//go:build unix

package lib

import (
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what this process has computed: on a machine with other work it
// says more than the clock on the wall.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAttentionLayer is one layer of 8 heads of 64, on one thread. It
// reports the run that computed shortest and
// its rate, counting three products for a difference that shares its values.
func BenchmarkAttentionLayer(b *testing.B) {
	c := newCtx(1)
	for _, tokens := range []int{128, 512, 1024, 2048, 4096} {
		for _, causal := range []bool{false, true} {
			for _, dual := range []bool{false, true} {
				s := attentionShape{batch: 1, heads: 8, kvHeads: 8, queries: tokens, keys: tokens, d: 64, dv: 64, causal: causal}
				b.Run(fmt.Sprintf("tokens=%d/causal=%v/dual=%v", tokens, causal, dual), func(b *testing.B) {
					layer := newAttentionCase(b, "", s, dual)
					y := packedHeads(b, 1, 8, tokens, 64, 9)
					flop := 2 * 2 * 8 * tokens * tokens * 64
					if dual {
						layer.p.gain, layer.n.gain = heads{x: []float32{1.5}}, heads{x: []float32{0.5}}
						flop = flop / 2 * 3
					}
					if causal {
						flop /= 2
					}
					benchmarkLevels(b, func(b *testing.B) {
						best := time.Duration(math.MaxInt64)
						for b.Loop() {
							start := cpuTime(b)
							if dual {
								dualAttention(c, y, layer.p, layer.n, bias{}, keep{}, s)
							} else {
								attention(c, y, layer.p.q, layer.p.k, layer.p.v, layer.p.score, bias{}, keep{}, s)
							}
							best = min(best, cpuTime(b)-start)
						}
						b.ReportMetric(best.Seconds()*1e3, "best-ms")
						b.ReportMetric(float64(flop)/best.Seconds()/1e9, "best-GFLOP/s")
					})
				})
			}
		}
	}
}
