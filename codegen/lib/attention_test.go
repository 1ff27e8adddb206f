package lib

import (
	"fmt"
	"math"
	"testing"
)

// attentionCase is an attention, dual where n.q.x is not nil, and the biggest
// |gain|, which scales its error.
type attentionCase struct {
	name  string
	s     attentionShape
	p, n  branch
	bias  bias
	keep  keep
	scale float64
}

// packedHeads is a random [b, h, rows, d] whose heads lie side by side, as a
// linear layer leaves them.
func packedHeads(t testing.TB, b, h, rows, d int, seed uint64) heads {
	return heads{random(t, b*h*rows*d, seed), rows * h * d, d, h * d}
}

func newAttentionCase(t testing.TB, name string, s attentionShape, dual bool) attentionCase {
	a := attentionCase{name: name, s: s, scale: 1}
	by := score{scale: float32(1 / math.Sqrt(float64(s.d)))}
	a.p = branch{q: packedHeads(t, s.batch, s.heads, s.queries, s.d, 1), k: packedHeads(t, s.batch, s.kvHeads/max(s.kShare, 1), s.keys, s.d, 2),
		v: packedHeads(t, s.batch, s.kvHeads/max(s.vShare, 1), s.keys, s.dv, 3), score: by}
	if dual {
		a.n = a.p
		a.n.q = packedHeads(t, s.batch, s.heads, s.queries, s.d, 4)
		a.p.gain = heads{[]float32{1.5, 2, 1, -1}, 0, 1, 0}
		a.n.gain = heads{random(t, s.batch*s.heads*s.queries, 5), s.heads * s.queries, s.queries, 1}
		a.scale = 3
	}
	return a
}

// reference is the case in float64, [batch, heads, queries, dv].
func (a attentionCase) reference() []float64 {
	s := a.s
	y := make([]float64, s.batch*s.heads*s.queries*s.dv)
	for row := range s.batch * s.heads * s.queries {
		b, h, i := row/(s.heads*s.queries), row/s.queries%s.heads, row%s.queries
		out := y[row*s.dv : (row+1)*s.dv]
		a.referenceRow(out, a.p, 1, b, h, i)
		if a.n.q.x != nil {
			a.referenceRow(out, a.n, -1, b, h, i)
		}
	}
	return y
}

func (a attentionCase) referenceRow(out []float64, r branch, sign float64, b, h, i int) {
	s, g := a.s, h/(a.s.heads/a.s.kvHeads)
	p, sum, top := make([]float64, s.keys), 0.0, math.Inf(-1)
	for j := range p {
		for e := range s.d {
			p[j] += float64(r.q.x[b*r.q.batch+h*r.q.head+i*r.q.row+e]) * float64(r.k.x[b*r.k.batch+g/max(s.kShare, 1)*r.k.head+j*r.k.row+e])
		}
		p[j] *= float64(r.score.scale)
		if c := float64(r.score.cap); c != 0 {
			p[j] = c * math.Tanh(p[j]/c)
		}
		if m := a.bias; m.x != nil {
			p[j] += float64(m.x[b*m.batch+h*m.head+i*m.query+j*m.key])
		}
		if m := a.keep; m.x != nil && !m.x[b*m.batch+h*m.head+i*m.query+j*m.key] {
			if p[j] = float64(s.fill); s.fill == 0 {
				p[j] = math.Inf(-1)
			}
		}
		if far := j - i - s.offset; s.causal && far > 0 || s.window > 0 && (far >= s.window || -far >= s.window) {
			p[j] = math.Inf(-1)
		}
		top = max(top, p[j])
	}
	if m := s.sink; m.x != nil {
		top = max(top, float64(m.x[b*m.batch+h*m.head+i*m.row]))
		sum = math.Exp(float64(m.x[b*m.batch+h*m.head+i*m.row]) - top)
	}
	if math.IsInf(top, -1) {
		return
	}
	for j := range p {
		p[j] = math.Exp(p[j] - top)
		sum += p[j]
	}
	if r.gain.x != nil {
		sign *= float64(r.gain.x[b*r.gain.batch+h*r.gain.head+i*r.gain.row])
	}
	for j := range p {
		for e := range s.dv {
			out[e] += sign * p[j] / sum * float64(r.v.x[b*r.v.batch+g/max(s.vShare, 1)*r.v.head+j*r.v.row+e])
		}
	}
}

// run gives y as [batch, heads, queries, dv]; the kernel writes it with the
// heads side by side.
func (a attentionCase) run(t testing.TB, c *ctx) []float32 {
	s := a.s
	y := heads{garbage(t, s.batch*s.heads*s.queries*s.dv), s.queries * s.heads * s.dv, s.dv, s.heads * s.dv}
	if a.n.q.x != nil {
		dualAttention(c, y, a.p, a.n, a.bias, a.keep, s)
	} else {
		attention(c, y, a.p.q, a.p.k, a.p.v, a.p.score, a.bias, a.keep, s)
	}
	out := make([]float32, 0, len(y.x))
	for row := range s.batch * s.heads * s.queries {
		at := row/(s.heads*s.queries)*y.batch + row/s.queries%s.heads*y.head + row%s.queries*y.row
		out = append(out, y.x[at:at+s.dv]...)
	}
	return out
}

func attentionCases(t testing.TB) []attentionCase {
	var all []attentionCase
	add := func(name string, s attentionShape, change func(*attentionCase)) {
		for _, dual := range []bool{false, true} {
			a := newAttentionCase(t, fmt.Sprintf("%s dual %v", name, dual), s, dual)
			if change != nil {
				change(&a)
			}
			all = append(all, a)
		}
	}
	plain := func(s attentionShape) attentionShape { s.batch, s.heads, s.kvHeads = 2, 4, 2; return s }
	add("small", plain(attentionShape{queries: 3, keys: 5, d: 4, dv: 6}), nil)
	add("tails", plain(attentionShape{queries: 37, keys: 45, d: 33, dv: 35}), nil)
	add("panels", plain(attentionShape{queries: 24, keys: 64, d: 32, dv: 64}), nil)
	add("wide heads", plain(attentionShape{queries: 13, keys: 70, d: 256, dv: 200}), nil)
	add("decode", plain(attentionShape{queries: 1, keys: 70, d: 16, dv: 32}), nil)
	add("decode, a head each", attentionShape{batch: 2, heads: 3, kvHeads: 3, queries: 1, keys: 70, d: 19, dv: 100}, nil)
	add("decode, a head each, window", attentionShape{batch: 2, heads: 3, kvHeads: 3, queries: 1, keys: 70, d: 64, dv: 32, offset: 69, window: 33}, nil)
	add("decode causal", plain(attentionShape{queries: 1, keys: 70, d: 16, dv: 32, causal: true, offset: 60}), nil)
	add("fewer heads of keys", attentionShape{batch: 2, heads: 4, kvHeads: 4, kShare: 2, queries: 30, keys: 45, d: 8, dv: 16}, nil)
	add("fewer heads of values", attentionShape{batch: 2, heads: 4, kvHeads: 2, vShare: 2, queries: 30, keys: 45, d: 8, dv: 16}, nil)
	add("decode, fewer heads of keys", attentionShape{batch: 2, heads: 4, kvHeads: 4, kShare: 4, queries: 1, keys: 70, d: 16, dv: 8}, nil)
	add("decode, fewer heads of values", attentionShape{batch: 2, heads: 4, kvHeads: 4, vShare: 2, queries: 1, keys: 70, d: 16, dv: 8}, nil)
	add("one", attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 1, keys: 1, d: 1, dv: 1}, nil)
	add("no keys", plain(attentionShape{queries: 3, keys: 0, d: 4, dv: 4}), nil)
	add("causal", plain(attentionShape{queries: 40, keys: 40, d: 8, dv: 8, causal: true}), nil)
	add("causal, cache", plain(attentionShape{queries: 30, keys: 70, d: 8, dv: 8, causal: true, offset: 40}), nil)
	add("causal, empty rows", plain(attentionShape{queries: 30, keys: 30, d: 8, dv: 8, causal: true, offset: -7}), nil)
	add("bias", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8}), func(a *attentionCase) {
		a.bias = bias{random(t, 2*4*26*39, 9), 4 * 26 * 39, 26 * 39, 39, 1}
	})
	add("bias of a row", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8}), func(a *attentionCase) {
		a.bias = bias{random(t, 26, 9), 0, 0, 1, 0}
		a.bias.x[5] = float32(math.Inf(-1))
	})
	add("keep", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8}), func(a *attentionCase) {
		a.keep = keep{make([]bool, 2*39), 39, 0, 0, 1}
		for j := range 39 {
			a.keep.x[j], a.keep.x[39+j] = j < 20, false // the second batch sees nothing
		}
	})
	add("keep and bias, capped, causal", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8, causal: true, offset: 13}), func(a *attentionCase) {
		a.p.score.cap, a.n.score.cap, a.n.score.scale = 0.5, 2, 0.3
		a.bias = bias{random(t, 39, 9), 0, 0, 0, 1}
		a.keep = keep{make([]bool, 26*39), 0, 0, 39, 1}
		for j := range a.keep.x {
			a.keep.x[j] = j%3 != 0
		}
	})
	add("large negative bias", plain(attentionShape{queries: 3, keys: 9, d: 8, dv: 8}), func(a *attentionCase) {
		a.bias = bias{make([]float32, 27), 0, 0, 9, 1}
		for j := range a.bias.x {
			a.bias.x[j] = []float32{-1e4, -1e9, -math.MaxFloat32}[j/9] * float32(j%2)
		}
	})
	add("window", plain(attentionShape{queries: 50, keys: 130, d: 8, dv: 8, window: 7, offset: 60}), nil)
	add("window at the end, causal", plain(attentionShape{queries: 50, keys: 130, d: 8, dv: 8, causal: true, window: 40, offset: 80}), nil)
	add("window without keys", plain(attentionShape{queries: 50, keys: 20, d: 8, dv: 8, window: 5}), nil)
	add("sink", plain(attentionShape{queries: 30, keys: 30, d: 8, dv: 8, causal: true, offset: -3, sink: heads{[]float32{3, -1, 0.5, float32(math.Inf(-1))}, 0, 1, 0}}), nil)
	add("keep, filled with a number", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8, fill: -2}), func(a *attentionCase) {
		a.bias = bias{random(t, 26, 9), 0, 0, 1, 0}
		a.keep = keep{make([]bool, 39), 0, 0, 0, 1}
		for j := range a.keep.x {
			a.keep.x[j] = j%3 != 0
		}
	})
	add("keep of a row, filled with a number", plain(attentionShape{queries: 26, keys: 39, d: 8, dv: 8, fill: -1e9}), func(a *attentionCase) {
		a.keep = keep{make([]bool, 26), 0, 0, 1, 0}
		a.keep.x[3] = true
	})
	add("padding", plain(attentionShape{queries: 26, keys: 139, d: 8, dv: 8}), func(a *attentionCase) {
		a.bias = bias{make([]float32, 2*139), 139, 0, 0, 1}
		for j := 139 - 50; j < 139; j++ {
			a.bias.x[j], a.bias.x[139+j] = -1e9, []float32{-math.MaxFloat32, 0}[j/120]
		}
	})
	add("all large and negative", plain(attentionShape{queries: 3, keys: 9, d: 8, dv: 8}), func(a *attentionCase) {
		a.bias = bias{make([]float32, 9), 0, 0, 0, 1}
		for j := range a.bias.x {
			a.bias.x[j] = -math.MaxFloat32
		}
	})
	add("scales that are not positive", plain(attentionShape{queries: 30, keys: 45, d: 8, dv: 8, causal: true, offset: 15}), func(a *attentionCase) {
		a.p.score.scale, a.n.score.scale = -0.5, 0
	})
	addLong(plain, add)
	add("own keys", plain(attentionShape{queries: 13, keys: 40, d: 8, dv: 8}), func(a *attentionCase) {
		a.n.k, a.n.v = packedHeads(t, 2, 2, 40, 8, 11), packedHeads(t, 2, 2, 40, 8, 12)
	})
	return all
}

// addLong adds cases of more keys than go together, and more queries.
func addLong(plain func(attentionShape) attentionShape, add func(string, attentionShape, func(*attentionCase))) {
	long := plain(attentionShape{queries: 41, keys: 1100, d: 9, dv: 33, offset: 1059})
	long.batch = 1
	add("long", long, nil)
	add("long, scores far apart", long, func(a *attentionCase) {
		a.p.score.scale, a.n.score.scale, a.scale = 12, 7, 3*8
		for j := range 1100 { // the first keys count least
			for e := range 18 {
				a.p.k.x[j*18+e] *= float32(j) / 1100
			}
		}
	})
	add("long, own values", long, func(a *attentionCase) { a.n.v.x = append([]float32(nil), a.p.v.x...) })
	add("long, capped", long, func(a *attentionCase) { a.p.score.cap, a.n.score.cap = 1, 0.25 })
	add("long, keep of one part", long, func(a *attentionCase) {
		a.keep = keep{make([]bool, 1100), 0, 0, 0, 1}
		for j := range a.keep.x {
			a.keep.x[j] = j > 600 && j < 700
		}
	})
	add("long, bias of each", long, func(a *attentionCase) {
		a.bias = bias{make([]float32, 41*1100), 0, 0, 1100, 1}
		for j := range a.bias.x {
			a.bias.x[j] = float32(j%7) / 4
		}
	})
	long.causal = true
	add("long, causal", long, nil)
	long.sink = heads{[]float32{3, -1, 0.5, float32(math.Inf(-1))}, 0, 1, 0}
	long.window = 530
	add("long, window and sink", long, nil)
	decode := plain(attentionShape{queries: 1, keys: 1100, d: 16, dv: 40, causal: true, offset: 1050})
	add("long, decode", decode, nil)
	decode.kvHeads, decode.heads = 3, 3
	add("long, decode, a head each", decode, nil)
}

func TestAttention(t *testing.T) {
	one, four := newCtx(1), newCtx(4)
	defer four.close()
	cases := attentionCases(t)
	var want [][]float64
	for _, a := range cases {
		want = append(want, a.reference())
	}
	eachISA(t, func(t *testing.T) {
		for i, a := range cases {
			y := a.run(t, one)
			near(t, a.name, y, want[i], 32*eps*a.scale)
			sameBits(t, a.name+", four threads", a.run(t, four), y)
			a.s.ends = maskEnds
			near(t, a.name+", ends", a.run(t, one), want[i], 32*eps*a.scale)
		}
	})
}

// TestDualAttentionNumbers checks four results worked out by hand in float64.
func TestDualAttentionNumbers(t *testing.T) {
	at := func(rows int, x ...float32) heads { return heads{x, 0, 0, len(x) / rows} }
	qp, k, v := at(3, 1, -.5, .5, 1, -1, .25), at(3, .5, 1, -1, .5, 1, 1), at(3, 1, 0, 0, 1, 2, -1)
	w := []float32{-1, .5, .25, -1}
	qn := at(3, make([]float32, 6)...)
	for i := range 6 {
		qn.x[i] = max(qp.x[i/2*2], 0)*w[i%2] + max(qp.x[i/2*2+1], 0)*w[2+i%2]
	}
	c := newCtx(1)
	for _, e := range []struct {
		causal bool
		a, b   float32
		want   []float64
	}{
		{false, 2, 1, []float64{2.129374, -1.129374, 1.815544, -.815544, .106444, .893556}},
		{false, 1.5, .25, []float64{1.888649, -.638649, 1.753206, -.503206, .579833, .670167}},
		{true, 2, 1, []float64{1, 0, 1.044813, -.044813, .106444, .893556}},
		{true, 1.5, .25, []float64{1.25, 0, .968830, .281170, .579833, .670167}},
	} {
		eachISA(t, func(t *testing.T) {
			y, by := garbage(t, 6), score{scale: float32(math.Sqrt(.5))}
			dualAttention(c, heads{y, 0, 0, 2}, branch{qp, k, v, heads{x: []float32{e.a}}, by}, branch{qn, k, v, heads{x: []float32{e.b}}, by},
				bias{}, keep{}, attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 3, keys: 3, d: 2, dv: 2, causal: e.causal})
			near(t, fmt.Sprint(e.causal, e.a, e.b), y, e.want, 1e-6)
		})
	}
}

// TestAttentionLengths goes through the tails of blocks, panels and chunks.
func TestAttentionLengths(t *testing.T) {
	c := newCtx(1)
	var cases []attentionCase
	var want [][]float64
	for i, keys := range []int{1, 2, 15, 16, 17, 31, 32, 33, 63, 97, 255, 256, 257, 511, 512, 513, 545, 1023, 1024, 1025, 1100} {
		for j, queries := range []int{1, 2, 11, 12, 13, 25, 35, 36, 37} {
			s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: queries, keys: keys, d: 3 + i%3, dv: 1 + j, causal: (i+j)%2 == 0, offset: keys - queries}
			a := newAttentionCase(t, fmt.Sprintf("%+v", s), s, (i+j)%3 > 0)
			cases, want = append(cases, a), append(want, a.reference())
		}
	}
	eachISA(t, func(t *testing.T) {
		for i, a := range cases {
			near(t, a.name, a.run(t, c), want[i], 32*eps*a.scale)
		}
	})
}
