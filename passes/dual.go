package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

const (
	probs = "(Softmax|MaskedSoftmax (Scores q1 k1 m1? b1?" + form + "))"
	minus = "(Softmax|MaskedSoftmax (Scores q2 k2 m2? b2?" + form + "))"
	plain = "p:(Attention qp kp vp mask? bias? sink?" + form + ")"
	other = "n:(Attention qn kn vn mask? bias? sink?" + form + ")"
)

// dual builds DualAttention from a difference of two attentions. Where the difference is of the probabilities, the product with the values
// is distributed over it first, and then exchanged with the weights of the two.
var dual = []Rule{
	{"dual-distribute", "(MatMul d:(Sub|Add (Mul u " + probs + ") (Mul w " + minus + ")) v)\n(MatMul d:(Sub|Add " + probs + " (Mul w " + minus + ")) v)\n" +
		"(MatMul d:(Sub|Add (Mul u " + probs + ") " + minus + ") v)\n(MatMul d:(Sub|Add " + probs + " " + minus + ") v)", distribute},
	{"dual-weight", "(MatMul (Mul a p:" + probs + ") v)", func(b *ir.Builder, m *Match) *ir.Value {
		if !perRow(m.V("a"), m.Type("p")) {
			return m.No("the weight %s is not one number for a row", m.Type("a"))
		}
		return b.New(ir.Mul, nil, m.V("a"), b.New(ir.MatMul, nil, m.V("p"), m.V("v")))
	}},
	{"dual-attention", "(Sub|Add (Mul a " + plain + ") (Mul b " + other + "))\n(Sub|Add " + plain + " (Mul b " + other + "))\n" +
		"(Sub|Add (Mul a " + plain + ") " + other + ")\n(Sub|Add " + plain + " " + other + ")", dualAttention},
}

// perRow reports whether w is one number for each row of t, or for all of them.
func perRow(w *ir.Value, t ir.Type) bool {
	r := w.Type.Rank()
	return w.Type.Elem == t.Elem && (r == 0 || r > 0 && w.Type.Shape[r-1].Is(1) && fits(w, t))
}

func distribute(b *ir.Builder, m *Match) *ir.Value {
	d, v := m.N("d"), m.V("v")
	for _, name := range []string{"u", "w"} {
		if a := m.V(name); a != nil && !perRow(a, m.Type("d")) {
			return m.No("the weight %s is not one number for a row", a.Type)
		}
	}
	if v.Type.Rank() < 2 || !ir.EqualDims(d.TypeAt(0).Shape, d.TypeAt(1).Shape) {
		return m.No("the two have different shapes")
	}
	return b.New(d.Op, nil, b.New(ir.MatMul, nil, d.Args[0], v), b.New(ir.MatMul, nil, d.Args[1], v))
}

// dualAttention joins two attentions that differ at most in queries, keys, values and scale.
func dualAttention(b *ir.Builder, m *Match) *ir.Value {
	p, n := m.N("p"), m.N("n")
	for _, attr := range []string{"softcap", "fill"} {
		if p.Float(attr) != n.Float(attr) {
			return m.No("the two differ in %s", attr)
		}
	}
	if p.Int("window") != n.Int("window") || p.Str("causal") != n.Str("causal") {
		return m.No("the two differ in what they see")
	}
	if !ir.EqualDims(p.Out().Type.Shape, n.Out().Type.Shape) {
		return m.No("%s and %s have different shapes", p.Out().Type, n.Out().Type)
	}
	e := p.Out().Type.Elem
	weights := [2]*ir.Value{m.V("a"), m.V("b")}
	for i, w := range weights {
		if w == nil {
			weights[i] = b.Scalar(e, 1)
		} else if !perRow(w, p.Out().Type) {
			return m.No("the weight %s is not one number for a row", w.Type)
		}
	}
	if m.Root.Op == ir.Add {
		weights[1] = b.New(ir.Neg, nil, weights[1])
	}
	kn, vn := m.V("kn"), m.V("vn")
	if kn == m.V("kp") {
		kn = nil
	}
	if vn == m.V("vp") {
		vn = nil
	}
	attrs := ir.Attrs{"scale_p": p.Float("scale"), "scale_n": n.Float("scale"), "softcap": p.Float("softcap"), "causal": p.Str("causal"),
		"window": p.Int("window"), "fill": p.Float("fill")}
	return b.New(ir.DualAttention, attrs, slices.Concat([]*ir.Value{m.V("qp"), m.V("kp"), m.V("vp"), m.V("qn"), kn, vn}, weights[:],
		[]*ir.Value{m.V("mask"), m.V("bias"), nil, m.V("sink")})...)
}
