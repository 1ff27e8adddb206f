package lib

import (
	"fmt"
	"math"
	"testing"
)

// dualSetting is one setting in which the identities of dual attention must hold.
type dualSetting struct {
	s          attentionShape
	q, n, k, v heads
	keep       keep
	a, b       float32
	tol        float64
	c          *ctx
}

func newDualSetting(t *testing.T, c *ctx, queries, keys int, kind string) dualSetting {
	s := attentionShape{batch: 1, heads: 2, kvHeads: 2, queries: queries, keys: keys, d: 8, dv: 5}
	x := dualSetting{s: s, a: 1.75, b: .5, c: c}
	switch kind {
	case "causal":
		x.s.causal, x.s.offset = true, keys-queries
	case "grouped":
		x.s.kvHeads = 1
	case "padded":
		x.keep = keep{make([]bool, keys), 0, 0, 0, 1}
		for j := range keys {
			x.keep.x[j] = j%3 != 1 && j < max(1, keys*4/5)
		}
	case "empty":
		x.keep = keep{make([]bool, keys), 0, 0, 0, 1}
	}
	x.q, x.n = packedHeads(t, 1, 2, queries, s.d, 1), packedHeads(t, 1, 2, queries, s.d, 2)
	x.k, x.v = packedHeads(t, 1, x.s.kvHeads, keys, s.d, 3), packedHeads(t, 1, x.s.kvHeads, keys, s.dv, 4)
	x.tol = x.tolerance()
	return x
}

// tolerance is c·eps·(|a| + |b|)·max|v|: a relative bound means nothing where the two branches cancel.
func (x dualSetting) tolerance() float64 {
	top := 1.0
	for _, v := range x.v.x {
		top = max(top, math.Abs(float64(v)))
	}
	return 32 * eps * float64(x.a+x.b) * top
}

func (x dualSetting) score() score { return score{scale: float32(1 / math.Sqrt(float64(x.s.d)))} }

func (x dualSetting) dual(q, n, v heads, a, b float32, add bias) []float32 {
	y := make([]float32, x.s.heads*x.s.queries*x.s.dv)
	branchOf := func(q heads, gain float32) branch { return branch{q, x.k, v, heads{x: []float32{gain}}, x.score()} }
	dualAttention(x.c, x.out(y), branchOf(q, a), branchOf(n, b), add, x.keep, x.s)
	return y
}

func (x dualSetting) single(q heads) []float32 {
	y := make([]float32, x.s.heads*x.s.queries*x.s.dv)
	attention(x.c, x.out(y), q, x.k, x.v, x.score(), bias{}, x.keep, x.s)
	return y
}

func (x dualSetting) out(y []float32) heads {
	return heads{y, 0, x.s.queries * x.s.dv, x.s.dv}
}

// allowed is how many keys query i may see, and their values' sum in column e of head h.
func (x dualSetting) allowed(h, i, e int) (count int, sum float64) {
	g := h / (x.s.heads / x.s.kvHeads)
	for j := range x.s.keys {
		if x.keep.x != nil && !x.keep.x[j] || x.s.causal && j > i+x.s.offset {
			continue
		}
		count++
		sum += float64(x.v.x[g*x.v.head+j*x.v.row+e])
	}
	return count, sum
}

func (x dualSetting) each(f func(h, i, e int) float64) []float64 {
	var want []float64
	for h := range x.s.heads {
		for i := range x.s.queries {
			for e := range x.s.dv {
				want = append(want, f(h, i, e))
			}
		}
	}
	return want
}

func times(x []float32, f float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v) * float64(f)
	}
	return y
}

// TestDualAttentionIdentities checks what must hold whatever the numbers are, for every instruction set and lengths with all tails.
func TestDualAttentionIdentities(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	lengths := []int{1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257, 511, 513, 1023, 1025, 1100}
	eachISA(t, func(t *testing.T) {
		for _, keys := range lengths {
			for _, kind := range []string{"full", "causal", "padded", "grouped", "empty"} {
				x := newDualSetting(t, c, min(keys, 1+keys%41), keys, kind)
				x.check(t, fmt.Sprintf("%s, %d queries, %d keys", kind, x.s.queries, keys))
			}
		}
	})
}

func (x dualSetting) check(t *testing.T, name string) {
	t.Helper()
	near(t, name+": b = 0", x.dual(x.q, x.n, x.v, x.a, 0, bias{}), times(x.single(x.q), x.a), x.tol)
	near(t, name+": equal queries", x.dual(x.q, x.q, x.v, x.a, x.b, bias{}), times(x.single(x.q), x.a-x.b), x.tol)
	ones := heads{make([]float32, len(x.v.x)), x.v.batch, x.v.head, x.v.row}
	for i := range ones.x {
		ones.x[i] = 1
	}
	near(t, name+": row sum", x.dual(x.q, x.n, ones, x.a, x.b, bias{}), x.each(func(h, i, e int) float64 {
		if n, _ := x.allowed(h, i, e); n == 0 {
			return 0
		}
		return float64(x.a - x.b)
	}), x.tol)
	zero := heads{make([]float32, len(x.n.x)), x.n.batch, x.n.head, x.n.row}
	near(t, name+": uniform", x.dual(x.q, zero, x.v, 0, 1, bias{}), x.each(func(h, i, e int) float64 {
		n, sum := x.allowed(h, i, e)
		return -sum / float64(max(n, 1))
	}), x.tol)
	plain := x.dual(x.q, x.n, x.v, x.a, x.b, bias{})
	shift := bias{make([]float32, x.s.queries), 0, 0, 1, 0}
	for i := range shift.x {
		shift.x[i] = float32(i%5) - 2
	}
	near(t, name+": shifted scores", x.dual(x.q, x.n, x.v, x.a, x.b, shift), times(plain, 1), 8*x.tol)
	positive, negative := x.single(x.q), x.single(x.n)
	near(t, name+": two attentions", plain, func() []float64 {
		want := make([]float64, len(plain))
		for i := range want {
			want[i] = float64(x.a)*float64(positive[i]) - float64(x.b)*float64(negative[i])
		}
		return want
	}(), x.tol)
	if x.s.causal && x.s.queries == x.s.keys {
		near(t, name+": first row", plain[:x.s.dv], times(x.v.x[:x.s.dv], x.a-x.b), x.tol)
	}
}
