package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// batched undoes what models do that multiply three-dimensional tensors, batch and heads being one axis: the scores are cut apart for the
// mask and put together again. The cutting moves to queries, keys and values, where it meets the putting together.
var batched = []Rule{
	{"scores-cut", "(Reshape s:(Scores q k mask? bias? *=_) d allowzero=_)", func(b *ir.Builder, m *Match) *ir.Value {
		q, k, out := m.V("q"), m.V("k"), m.Root.Out().Type
		if !cutFirst(m.Type("s"), out) || !heads(k).Equal(heads(q)) || k.Type.Rank() != 3 || q.Type.Rank() != 3 {
			return m.No("%s is not %s with its first axis cut in two", out, m.Type("s"))
		}
		return b.New(ir.Scores, m.N("s").Attrs, m.cut(b, q, out), m.cut(b, k, out), m.cutMask(b, m.V("mask"), out), m.cutMask(b, m.V("bias"), out))
	}},
	{"softmax-joined", "(Softmax (Reshape s:(Scores q k mask? bias? *=_) d allowzero=_))", func(b *ir.Builder, m *Match) *ir.Value {
		if !joins(m.Root.Out().Type, m.Type("s")) {
			return m.No("the first two axes are not put together")
		}
		return b.New(ir.Reshape, m.Root.Args[0].Def.Attrs, b.New(ir.Softmax, nil, m.V("s")), m.V("d"))
	}},
	{"values-joined", "(MatMul r:(Reshape p:(Softmax (Scores q k mask? bias? *=_)) d allowzero=_) v)",
		func(b *ir.Builder, m *Match) *ir.Value {
			v := m.V("v")
			if !joins(m.Type("r"), m.Type("p")) || v.Type.Rank() != 3 || !heads(v).Equal(heads(m.V("r"))) {
				return m.No("values %s for %s", v.Type, m.Type("r"))
			}
			return m.reshape(b, b.New(ir.MatMul, nil, m.V("p"), m.cut(b, v, m.Type("p"))), m.Root.Out().Type)
		}},
	{"attention-cut", "(Attention *(Reshape q d1 allowzero=_) *(Reshape k d2 allowzero=_) *(Reshape v d3 allowzero=_) mask? bias? *=_)",
		func(b *ir.Builder, m *Match) *ir.Value {
			for i, name := range []string{"q", "k", "v"} {
				if !cutFirst(m.Root.TypeAt(i), m.Type(name)) || !ir.EqualDims(m.Type(name).Shape[:2], m.Type("q").Shape[:2]) {
					return m.No("%s is not cut as the queries are", name)
				}
			}
			return m.attentionApart(b, m.V("q"), m.V("k"), m.V("v"))
		}},
	{"attention-turned", "(Attention *(Transpose q:*(Reshape x d1 allowzero=_) perm=1,0,2) *(Transpose k:*(Reshape y d2 allowzero=_) perm=1,0,2) " +
		"*(Transpose v:*(Reshape z d3 allowzero=_) perm=1,0,2) mask? bias? *=_)", attentionTurned},
	{"heads-together", "(Transpose r:*(Reshape a:(Attention|DualAttention xs... *=_) d allowzero=_) perm=1,0,2)", func(b *ir.Builder, m *Match) *ir.Value {
		if !cutFirst(m.Type("r"), m.Type("a")) {
			return m.No("the first two axes are not put together")
		}
		return m.reshape(b, b.New(ir.Transpose, ir.Attrs{"perm": []int64{2, 0, 1, 3}}, m.V("a")), m.Root.Out().Type)
	}},
}

// attentionApart is the root, of rank 3, by queries, keys and values whose first axis is cut in two, put together again.
func (m *Match) attentionApart(b *ir.Builder, q, k, v *ir.Value) *ir.Value {
	like := ir.T(q.Type.Elem, append(slices.Clone(q.Type.Shape[:3]), v.Type.Shape[3])...)
	o := b.New(ir.Attention, m.Root.Attrs, q, k, v, m.cutMask(b, m.V("mask"), like), m.cutMask(b, m.V("bias"), like))
	return m.reshape(b, o, m.Root.Out().Type)
}

// attentionTurned reads [length, batch, heads·size], which nn.MultiheadAttention sees as [length, batch·heads, size] and turns, with four axes.
func attentionTurned(b *ir.Builder, m *Match) *ir.Value {
	batch := ir.N(0)
	var apart [3]*ir.Value
	for i, name := range []string{"q", "k", "v"} {
		x, y := m.N(name).TypeAt(0), m.Type(name)
		if x.Rank() != 3 || y.Rank() != 3 || !x.Shape[0].Equal(y.Shape[0]) {
			return m.No("%s is not %s with heads of its own", y, x)
		}
		heads, ok := x.Shape[2].Div(y.Shape[2])
		if !ok || !heads.Mul(y.Shape[2]).Equal(x.Shape[2]) || i > 0 && !x.Shape[1].Equal(batch) || !x.Shape[1].Mul(heads).Equal(y.Shape[1]) {
			return m.No("%s is not %s with heads of its own", y, x)
		}
		batch = x.Shape[1]
		v := m.reshape(b, m.N(name).Args[0], ir.T(x.Elem, x.Shape[0], batch, heads, y.Shape[2]))
		apart[i] = b.New(ir.Transpose, ir.Attrs{"perm": []int64{1, 2, 0, 3}}, v)
	}
	return m.attentionApart(b, apart[0], apart[1], apart[2])
}

// cutFirst reports whether t, of rank 3, has the axes of u, of rank 4, with the first two as one.
func cutFirst(t, u ir.Type) bool { return joins(t, u) && t.Shape[2].Equal(u.Shape[3]) }

// joins reports whether the first two axes of u become one where a Reshape makes t of it. Keys that a mask and the cache of an encoder call
// by different names are as many in both, or the Reshape fails, unless there is nothing in either.
func joins(t, u ir.Type) bool {
	return t.Rank() == 3 && u.Rank() == 4 && t.Shape[1].Equal(u.Shape[2]) && t.Shape[0].Equal(u.Shape[0].Mul(u.Shape[1]))
}

// cut is v [b·h,l,d] as [b,h,l,d], b and h being those of like.
func (m *Match) cut(b *ir.Builder, v *ir.Value, like ir.Type) *ir.Value {
	s := v.Type.Shape
	return m.reshape(b, v, ir.T(v.Type.Elem, like.Shape[0], like.Shape[1], s[1], s[2]))
}

// cutMask is a mask of scores [b·h,l,m] as one of scores like [b,h,l,m].
func (m *Match) cutMask(b *ir.Builder, v *ir.Value, like ir.Type) *ir.Value {
	if v == nil || v.Type.Rank() < 3 || v.Type.Shape[0].Is(1) { // what broadcasts to all heads does so still
		return v
	}
	return m.cut(b, v, like)
}
