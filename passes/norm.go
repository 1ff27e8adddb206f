package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// norm recognises Softmax by its parts, and LayerNormalization and RMSNormalization: first without a scale, that is with ones, then its scale, then its bias. The
// mean and the variance are over the last axes.
var norm = []Rule{
	// An epsilon that rounds to 0 in 16 bits is gone.
	{"layernorm", "(Div d:(Sub x (ReduceMean x a?)) (Sqrt (Add v:(ReduceMean (Mul d d) a?) #e)))\n(Div d:(Sub x (ReduceMean x a?)) (Sqrt v:(ReduceMean (Mul d d) a?)))", func(b *ir.Builder, m *Match) *ir.Value {
		return normalized(b, m, ir.LayerNormalization)
	}},
	// As TensorFlow folds it: x·s + (bias - mean·s), where s is scale/√(var+e).
	{"layernorm-folded", "(Add (Mul x s:(Div g (Sqrt (Add (ReduceMean (Mul d:(Sub x u:(ReduceMean x a?)) d) a?) #e)))) (Sub c (Mul u s)))",
		func(b *ir.Builder, m *Match) *ir.Value {
			axis, ok := trailing(m.N("u"))
			if !ok || !overLast(m.V("g"), m.V("x"), axis) || !overLast(m.V("c"), m.V("x"), axis) {
				return m.No("scale, bias and mean are not over the last axes")
			}
			return b.New(ir.LayerNormalization, normAttrs(m, axis), m.V("x"), m.V("g"), m.V("c"))
		}},
	{"rmsnorm", "(Div x (Sqrt (Add v:(ReduceMean (Mul x x) a?) #e)))", func(b *ir.Builder, m *Match) *ir.Value {
		return normalized(b, m, ir.RMSNormalization)
	}},
	{"layernorm-centred", "(RMSNormalization (Sub x u:(ReduceMean x a?)) g axis=_ epsilon=_ stash_type=_)\n" +
		"(RMSNormalization t:(Transpose (Sub x u:(ReduceMean x a?)) perm=_) g axis=_ epsilon=_ stash_type=_)", centredNorm},
	{"layernorm-channels", "(Add (Mul (Div d:(Sub x u:(ReduceMean x a?)) (Sqrt (Add (ReduceMean (Mul d d) a?) #e))) g) c)\n" +
		"(Div d:(Sub x u:(ReduceMean x a?)) (Sqrt (Add (ReduceMean (Mul d d) a?) #e)))", channelNorm},
	{"softmax", "(Div e:(Exp (Sub x u:(ReduceMax x a?))) w:(ReduceSum e b?))", func(b *ir.Builder, m *Match) *ir.Value {
		k, ok := onlyAxis(m.N("u"))
		l, ok2 := onlyAxis(m.N("w"))
		if !ok || !ok2 || k != l {
			return m.No("maximum and sum are not over the same axis")
		}
		return b.New(ir.Softmax, ir.Attrs{"axis": k - m.Type("x").Rank()}, m.V("x"))
	}},
	// A normalisation computes in 32 bits anyway.
	{"norm-cast", "(Cast y:(LayerNormalization|RMSNormalization (Cast x to=_) g c? axis=_ epsilon=_) to=_)", func(b *ir.Builder, m *Match) *ir.Value {
		return m.narrowed(b, m.N("y"), ir.Elem(m.Root.Int("to")))
	}},
	{"norm-scale", "(Mul y:(LayerNormalization|RMSNormalization x one axis=_ epsilon=_ stash_type=_) g)", func(b *ir.Builder, m *Match) *ir.Value {
		n := m.N("y")
		if !ones(m.data(m.V("one"))) || !overLast(m.V("g"), m.V("x"), n.Int("axis")) {
			return m.No("there is a scale, or %s does not fit the axes of the mean", m.Type("g"))
		}
		return b.New(n.Op, n.Attrs, m.V("x"), m.V("g"))
	}},
	{"layernorm-bias", "(Add y:(LayerNormalization x g axis=_ epsilon=_ stash_type=_) c)", func(b *ir.Builder, m *Match) *ir.Value {
		n := m.N("y")
		if !isWeight(m.V("c")) || !overLast(m.V("c"), m.V("x"), n.Int("axis")) {
			return m.No("%s is no bias for the axes of the mean", m.Type("c"))
		}
		return b.New(n.Op, n.Attrs, m.V("x"), m.V("g"), m.V("c"))
	}},
}

// normalized builds a normalisation with ones for a scale.
func normalized(b *ir.Builder, m *Match, op *ir.Op) *ir.Value {
	x := m.V("x")
	axis, ok := trailing(m.N("v"))
	if !ok || !x.Type.Ranked() {
		return m.No("the mean is not over the last axes, or does not keep them")
	}
	shape, static := ir.T(x.Type.Elem, x.Type.Shape[x.Type.Rank()+axis:]...).Static()
	if !static {
		return m.No("the normalised axes have no fixed size")
	}
	return b.New(op, normAttrs(m, axis), x, m.allOnes(b, x.Type.Elem, shape...))
}

// allOnes is a scale that changes nothing.
func (m *Match) allOnes(b *ir.Builder, e ir.Elem, shape ...int) *ir.Value {
	g := ir.NewData(e, shape...)
	for i := range g.Len() {
		g.SetFloat(i, 1)
	}
	return m.constant(b, g)
}

func normAttrs(m *Match, axis int) ir.Attrs {
	attrs := ir.Attrs{"axis": axis, "epsilon": 0.0}
	if m.V("e") != nil {
		attrs["epsilon"] = m.Scalar("e")
	}
	if m.Type("x").Elem == ir.F64 {
		attrs["stash_type"] = ir.F64
	}
	return attrs
}

// centredNorm makes a LayerNormalization of an RMSNormalization whose argument has no mean any more.
func centredNorm(b *ir.Builder, m *Match) *ir.Value {
	x := m.V("x")
	if !x.Type.Ranked() {
		return m.No("the rank is not known")
	}
	perm := seq(x.Type.Rank())
	if m.V("t") != nil {
		perm = permOf(m.N("t"))
	}
	axis, ok := trailingOf(m.N("u"), perm)
	from, err := ir.Axis(m.Root.Int("axis"), x.Type.Rank())
	if !ok || err != nil || from-x.Type.Rank() != axis {
		return m.No("the mean is not over the normalised axes")
	}
	if m.V("t") != nil {
		x = b.New(ir.Transpose, m.N("t").Attrs, x)
	}
	return b.New(ir.LayerNormalization, m.Root.Attrs, x, m.V("g"))
}

// channelNorm is a normalisation over one axis that others follow, such as an image's channels: it is turned to the end for it.
func channelNorm(b *ir.Builder, m *Match) *ir.Value {
	x := m.V("x")
	k, ok := onlyAxis(m.N("u"))
	if !ok || k == x.Type.Rank()-1 || !x.Type.Shape[k].IsConst() {
		return m.No("the mean is not over one axis of fixed size that others follow")
	}
	rank := x.Type.Rank()
	perm := append(slices.Delete(seq(rank), k, k+1), int64(k))
	back := slices.Insert(seq(rank-1), k, int64(rank-1))
	scale := m.channelScale(b, x.Type, k)
	if scale == nil {
		return nil
	}
	y := b.New(ir.LayerNormalization, normAttrs(m, -1), append([]*ir.Value{b.New(ir.Transpose, ir.Attrs{"perm": perm}, x)}, scale...)...)
	return b.New(ir.Transpose, ir.Attrs{"perm": back}, y)
}

// channelScale are scale and bias, one number for each place on axis k of x, or ones where neither was matched nor follows.
func (m *Match) channelScale(b *ir.Builder, x ir.Type, k int) []*ir.Value {
	size, rank := x.Shape[k], x.Rank()
	if m.V("g") == nil {
		if slices.ContainsFunc(m.g.users[m.Root.Out()], func(n *ir.Node) bool { return m.g.alive(n) && n.Op == ir.Mul }) {
			m.No("a scale follows")
			return nil
		}
		n, _ := size.Const()
		return []*ir.Value{m.allOnes(b, x.Elem, n)}
	}
	for _, name := range []string{"g", "c"} {
		if t := m.Type(name); !t.Ranked() || t.Rank() > rank || t.Rank() < rank-k || !t.Shape[k-rank+t.Rank()].Equal(size) || !t.Size().Equal(size) {
			m.No("%s is not one number for each channel", t)
			return nil
		}
	}
	vector := ir.T(x.Elem, size)
	return []*ir.Value{m.reshape(b, m.V("g"), vector), m.reshape(b, m.V("c"), vector)}
}

// onlyAxis is the axis of a reduction that goes over a single one and keeps it.
func onlyAxis(n *ir.Node) (axis int, ok bool) {
	rank := n.TypeAt(0).Rank()
	if rank < 1 || n.Int("keepdims") == 0 {
		return 0, false
	}
	reduced, ok, err := n.ReducedAxes(rank)
	if err != nil || !ok {
		return 0, false
	}
	axis = slices.Index(reduced, true)
	return axis, axis >= 0 && !slices.Contains(reduced[axis+1:], true)
}

// seq are the numbers below n.
func seq(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

// trailing is the axis, counted from the end, from which on a ReduceMean goes, if it goes over all axes from there and keeps them.
func trailing(n *ir.Node) (axis int, ok bool) {
	return trailingOf(n, seq(max(n.TypeAt(0).Rank(), 0)))
}

// trailingOf is trailing once the axes are in the order perm.
func trailingOf(n *ir.Node, perm []int64) (axis int, ok bool) {
	rank := n.TypeAt(0).Rank()
	if n.Op != ir.ReduceMean || rank < 1 || n.Int("keepdims") == 0 {
		return 0, false
	}
	before, ok, err := n.ReducedAxes(rank)
	if err != nil || !ok {
		return 0, false
	}
	reduced := make([]bool, rank)
	for i, p := range perm {
		reduced[i] = before[p]
	}
	first := slices.Index(reduced, true)
	if first < 0 || slices.Contains(reduced[first:], false) {
		return 0, false
	}
	return first - rank, true
}

// overLast reports whether v has exactly x's dimensions from axis, counted from the end, on.
func overLast(v, x *ir.Value, axis int) bool {
	if !v.Type.Ranked() || !x.Type.Ranked() || v.Type.Elem != x.Type.Elem || v.Type.Rank() > x.Type.Rank() {
		return false
	}
	if axis >= 0 {
		axis -= x.Type.Rank()
	}
	return ir.EqualDims(v.Type.Shape, x.Type.Shape[x.Type.Rank()+axis:])
}

func ones(d *ir.Data) bool {
	if d == nil {
		return false
	}
	for i := range d.Len() {
		if d.Float(i) != 1 {
			return false
		}
	}
	return true
}
