package passes

import (
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// turned brings a difference of two attentions before the Transpose and the Reshape that put the heads of each together, and the weights
// of the two with it.
var turned = []Rule{
	{"weights-joined", "(Mul (Mul w a:(Attention|Softmax|MaskedSoftmax xs... *=_)) u)", func(b *ir.Builder, m *Match) *ir.Value {
		for _, name := range []string{"w", "u"} {
			if !perRow(m.V(name), m.Type("a")) {
				return m.No("the weight %s is not one number for each row", m.Type(name))
			}
		}
		return b.New(ir.Mul, nil, b.New(ir.Mul, nil, m.V("w"), m.V("u")), m.V("a"))
	}},
	{"merged-again", "(Reshape (Reshape t:(Transpose (Attention|DualAttention xs... *=_) perm=_) d1 allowzero=_) d2 allowzero=_)",
		func(b *ir.Builder, m *Match) *ir.Value { return m.reshape(b, m.V("t"), m.Root.Out().Type) }},
	{"weight-turned", "(Mul w t:(Transpose a:(Attention xs... *=_) perm=_))", weightTurned},
	{"weight-merged", `
		(Mul w r:(Reshape t:(Transpose (Attention xs... *=_) perm=_) d allowzero=_))
		(Mul w r:(Reshape t:(Attention xs... *=_) d allowzero=_))`, func(b *ir.Builder, m *Match) *ir.Value {
		w, t, r := m.V("w"), m.Type("t"), m.Type("r")
		rows := r.Rank() - 1
		switch {
		case !w.Type.Ranked() || w.Type.Rank() > r.Rank():
			return m.No("the weight %s has more axes", w.Type)
		case w.Type.Size().Is(1):
			w = m.scalar(b, w)
		case perRow(w, r) && t.Rank() == r.Rank()+1 && ir.EqualDims(t.Shape[:rows], r.Shape[:rows]):
			w = m.reshape(b, w, ir.T(w.Type.Elem, append(slices.Clone(w.Type.Shape), ir.N(1))...))
		default:
			return m.No("the weight %s is not one number, for all or for each row", w.Type)
		}
		return m.reshape(b, b.New(ir.Mul, nil, w, m.V("t")), m.Root.Out().Type)
	}},
	{"difference-turned", bothBy("(Transpose A perm=_)"), func(b *ir.Builder, m *Match) *ir.Value {
		l, r := m.Root.Args[0].Def, m.Root.Args[1].Def
		if !slices.Equal(permOf(l), permOf(r)) || !ir.EqualDims(l.TypeAt(0).Shape, r.TypeAt(0).Shape) {
			return m.No("the two are not turned in the same way")
		}
		return b.New(ir.Transpose, l.Attrs, b.New(m.Root.Op, nil, l.Args[0], r.Args[0]))
	}},
	{"difference-merged", bothBy("(Reshape (Transpose A perm=_) d allowzero=_)") + "\n" + bothBy("(Reshape A d allowzero=_)"), func(b *ir.Builder, m *Match) *ir.Value {
		l, r := m.Root.Args[0].Def.Args[0], m.Root.Args[1].Def.Args[0]
		if !ir.EqualDims(l.Type.Shape, r.Type.Shape) {
			return m.No("%s and %s have different shapes", l.Type, r.Type)
		}
		return m.reshape(b, b.New(m.Root.Op, nil, l, r), m.Root.Out().Type)
	}},
}

// bothBy are the spellings of a difference of two attentions, with weights or without, to which the same was done.
func bothBy(form string) string {
	var lines []string
	for _, l := range []string{"(Mul a1 (Attention xs... *=_))", "(Attention xs... *=_)"} {
		for _, r := range []string{"(Mul a2 (Attention ys... *=_))", "(Attention ys... *=_)"} {
			left, right := strings.Replace(form, "A", l, 1), strings.Replace(form, "A", r, 1)
			right = strings.Replace(right, " d ", " e ", 1)
			lines = append(lines, "(Sub|Add "+left+" "+right+")")
		}
	}
	return strings.Join(lines, "\n")
}

// scalar is the one number of v as a scalar.
func (m *Match) scalar(b *ir.Builder, v *ir.Value) *ir.Value {
	if v.Type.Rank() == 0 {
		return v
	}
	return m.reshape(b, v, ir.T(v.Type.Elem))
}

// weightTurned weighs an attention before its Transpose, with the weight turned back.
func weightTurned(b *ir.Builder, m *Match) *ir.Value {
	w, t := m.V("w"), m.Type("t")
	perm := permOf(m.N("t"))
	rank := len(perm)
	if !perRow(w, t) || perm[rank-1] != int64(rank-1) {
		return m.No("the weight %s is not one number for each row", w.Type)
	}
	if w.Type.Rank() > 0 && w.Type.Size().Is(1) {
		w = m.scalar(b, w)
	}
	if n := w.Type.Rank(); n > 0 {
		if n < rank {
			w = m.reshape(b, w, ir.T(t.Elem, append(slices.Repeat([]ir.Dim{ir.N(1)}, rank-n), w.Type.Shape...)...))
		}
		back := make([]int64, rank)
		for i, p := range perm {
			back[p] = int64(i)
		}
		w = b.New(ir.Transpose, ir.Attrs{"perm": back}, w)
	}
	return b.New(ir.Transpose, m.N("t").Attrs, b.New(ir.Mul, nil, w, m.V("a")))
}
