package passes

import (
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// rows takes rows out of a tensor, such as that of the last token or the pooled one, before they are computed rather than behind: what
// works on each row by itself then works on those alone, back to the keys and values of the last attention.
var rows = []Rule{
	{"rows-elementwise", "(Gather|Slice y:(" + elementwise + " xs... *=_) is... axis=_)", func(b *ir.Builder, m *Match) *ir.Value {
		return m.ofRows(b, m.N("y").Attrs, func(int) bool { return true })
	}},
	{"rows-linear", "(Gather|Slice y:(Linear|BlockedLinear xs... *=_) is... axis=_)", func(b *ir.Builder, m *Match) *ir.Value {
		if m.Root.Out().Type.Rank() < 2 {
			return m.No("a single row is no matrix")
		}
		y := m.N("y")
		names := y.Op.ArgNames()
		return m.ofRows(b, y.Attrs, func(i int) bool { return !slices.Contains([]string{"w", "scale", "zero_point"}, names[i]) })
	}},
	{"rows-norm", "(Gather|Slice y:(LayerNormalization|RMSNormalization|Softmax|LogSoftmax xs... *=_) is... axis=_)",
		func(b *ir.Builder, m *Match) *ir.Value {
			n := m.N("y")
			if axis, err := ir.Axis(n.Int("axis"), n.TypeAt(0).Rank()); err != nil || axis != n.TypeAt(0).Rank()-1 {
				return m.No("axis %d is not the last one", n.Int("axis"))
			}
			attrs := ir.Attrs{"axis": -1}
			for name, v := range n.Attrs {
				if name != "axis" {
					attrs[name] = v
				}
			}
			return m.ofRows(b, attrs, func(int) bool { return true })
		}},
	{"rows-gather", "(Gather|Slice y:(Gather x ids axis=_) is... axis=_)", rowsGather},
	{"rows-reshape", "(Gather|Slice y:(Reshape x s allowzero=_) is... axis=_)", rowsReshape},
	{"rows-transpose", "(Gather|Slice y:(Transpose x perm=_) is... axis=_)", rowsTranspose},
	{"rows-attention", "(Gather|Slice y:(Attention|DualAttention xs... *=_) is... axis=_)", rowsAttention},
}

const elementwise = "Relu|LeakyRelu|Elu|Gelu|Swish|Sigmoid|HardSigmoid|HardSwish|Tanh|Erf|Exp|Log|Sqrt|Reciprocal|Abs|Neg|Cast|" +
	"Add|Sub|Mul|Div|Pow|Max|Min|Where|Less|LessOrEqual|Greater|GreaterOrEqual|Equal|And|Or|Not"

// A selection is what a Gather of one index or a Slice along one axis does, to be done to other tensors.
type selection struct {
	b     *ir.Builder
	root  *ir.Node
	axis  int  // of the tensor that it is from
	back  int  // the same axis, counted from behind the last: 1 is the last
	drops bool // the axis is gone from the result
}

// selection is the match's root as one; nil where it takes elements of rows apart, or no fewer than there are.
func (m *Match) selection(b *ir.Builder) *selection {
	y := m.Type("y")
	if t := m.Root.Out().Type; !y.Ranked() || !t.Ranked() || slices.ContainsFunc(t.Shape, fresh) {
		m.No("the shape of %s or of what is taken from it is not known", y)
		return nil
	}
	s := &selection{b: b, root: m.Root}
	if m.Root.Op == ir.Gather {
		axis, err := ir.Axis(m.Root.Int("axis"), y.Rank())
		index := m.Root.TypeAt(1)
		if err != nil || !index.Ranked() || index.Rank() > 1 || !index.Size().Is(1) {
			m.No("the indices are %s and not one", index)
			return nil
		}
		s.axis, s.drops = axis, index.Rank() == 0
	} else {
		axes := []int64{0}
		if a := m.Root.ArgAt(3); a != nil {
			axes, _ = axesOf(a, y.Rank())
		}
		if starts := m.Root.TypeAt(1); len(axes) != 1 || !starts.Ranked() || !starts.Size().Is(1) {
			m.No("it does not cut along one known axis")
			return nil
		}
		s.axis = int(axes[0])
	}
	if s.back = y.Rank() - s.axis; s.back == 1 {
		m.No("it takes elements of rows")
		return nil
	}
	return s
}

// of is the selection from v along an axis.
func (s *selection) of(v *ir.Value, axis int) *ir.Value {
	if s.root.Op == ir.Gather {
		return s.b.New(ir.Gather, ir.Attrs{"axis": axis}, v, s.root.Args[1])
	}
	return s.b.New(ir.Slice, nil, v, s.root.Args[1], s.root.Args[2], s.b.Vector(int64(axis)), s.root.ArgAt(4))
}

// operand is what v is to a result of shape y when only the selection of that is wanted; nil if it is not known how v broadcasts.
func (s *selection) operand(v *ir.Value, y []ir.Dim) *ir.Value {
	if v == nil || v.Type.Rank() < s.back {
		return v
	}
	axis := v.Type.Rank() - s.back
	switch d := v.Type.Shape[axis]; {
	case d.Equal(y[len(y)-s.back]):
		return s.of(v, axis)
	case !d.Is(1):
		return nil
	case s.drops:
		return s.b.New(ir.Reshape, ir.Attrs{"allowzero": 1}, v, s.b.Dims(slices.Delete(slices.Clone(v.Type.Shape), axis, axis+1)...))
	}
	return v
}

// ofRows builds the node y from the rows of those of its arguments that have rows.
func (m *Match) ofRows(b *ir.Builder, attrs ir.Attrs, has func(i int) bool) *ir.Value {
	s := m.selection(b)
	if s == nil {
		return nil
	}
	n := m.N("y")
	args := slices.Clone(n.Args)
	for i, a := range args {
		if a == nil || !has(i) {
			continue
		}
		if !a.Type.Ranked() || slices.ContainsFunc(a.Type.Shape, fresh) {
			return m.No("the shape of %s is not known", a.Type)
		}
		if args[i] = s.operand(a, n.Out().Type.Shape); args[i] == nil {
			return m.No("it is not known which rows of %s make those of %s", a.Type, n.Out().Type)
		}
	}
	b.Name = n.Name
	return b.New(n.Op, attrs, args...)
}

// rowsGather looks up only what is wanted.
func rowsGather(b *ir.Builder, m *Match) *ir.Value {
	s := m.selection(b)
	if s == nil {
		return nil
	}
	x, ids := m.Type("x"), m.V("ids")
	axis, err := ir.Axis(m.N("y").Int("axis"), x.Rank())
	if at := s.axis - axis; err == nil && at >= 0 && at < ids.Type.Rank() {
		return b.New(ir.Gather, ir.Attrs{"axis": axis}, m.V("x"), s.of(ids, at))
	}
	return m.No("axis %d is none of the indices'", s.axis)
}

// rowsReshape finds the axis in what the Reshape is of: it has as many elements, and as many before it.
func rowsReshape(b *ir.Builder, m *Match) *ir.Value {
	s := m.selection(b)
	if s == nil {
		return nil
	}
	x, y := m.Type("x"), m.Type("y")
	if !x.Ranked() {
		return m.No("the shape of %s is not known", x)
	}
	for axis, d := range x.Shape {
		if d.Equal(y.Shape[s.axis]) && !d.Is(1) && product(x.Shape[:axis]).Equal(product(y.Shape[:s.axis])) {
			return m.reshape(b, s.of(m.V("x"), axis), m.Root.Out().Type)
		}
	}
	return m.No("axis %d of %s is none of %s", s.axis, y, x)
}

func product(dims []ir.Dim) ir.Dim {
	n := ir.N(1)
	for _, d := range dims {
		n = n.Mul(d)
	}
	return n
}

// rowsTranspose takes from the axis that the Transpose moved.
func rowsTranspose(b *ir.Builder, m *Match) *ir.Value {
	s := m.selection(b)
	if s == nil {
		return nil
	}
	var perm []int64
	from := permOf(m.N("y"))[s.axis]
	for i, p := range permOf(m.N("y")) {
		switch {
		case s.drops && i == s.axis:
		case s.drops && p > from:
			perm = append(perm, p-1)
		default:
			perm = append(perm, p)
		}
	}
	x := s.of(m.V("x"), int(from))
	if slices.IsSorted(perm) {
		return x
	}
	return b.New(ir.Transpose, ir.Attrs{"perm": perm}, x)
}

// rowsAttention takes rows of the queries. What a query may see depends on its place where there is a causal frontier, which the last
// one is behind, or a window.
func rowsAttention(b *ir.Builder, m *Match) *ir.Value {
	s := m.selection(b)
	if s == nil {
		return nil
	}
	n := m.N("y")
	q, k := n.TypeAt(0), n.TypeAt(1)
	attrs := maps.Clone(n.Attrs)
	switch causal := n.Str("causal"); {
	case s.back != 2 || n.Int("window") != 0 || n.Op == ir.DualAttention && n.Arg("c") != nil:
		return m.No("it takes no queries, or they need to know their places")
	case causal == "self" && !q.Shape[q.Rank()-2].Equal(k.Shape[k.Rank()-2]), causal != "" && !s.last():
		return m.No("the queries may not see all keys")
	case causal != "":
		delete(attrs, "causal")
	}
	one := *s // keeps the axis
	if s.drops {
		gather := *s.root
		gather.Args = []*ir.Value{nil, b.New(ir.Reshape, nil, s.root.Args[1], b.Vector(1))}
		one.root, one.drops = &gather, false
	}
	rows := map[string]bool{"q": true, "qp": true, "qn": true, "mask": true, "bias": true, "sink": true, "a": true, "b": true}
	args := slices.Clone(n.Args)
	for i, name := range n.Op.ArgNames() {
		if i >= len(args) || args[i] == nil || !rows[name] {
			continue
		}
		if args[i] = one.operand(args[i], n.Out().Type.Shape); args[i] == nil {
			return m.No("it is not known which rows of %s belong to the queries", n.TypeAt(i))
		}
	}
	b.Name = n.Name
	y := b.New(n.Op, attrs, args...)
	if s.drops {
		return m.reshape(b, y, m.Root.Out().Type)
	}
	return y
}

// last reports whether it is the last row alone that is selected, or none.
func (s *selection) last() bool {
	first := s.root.Args[1].Const()
	return first != nil && first.Int(0) == -1 && (s.root.Op == ir.Gather || unitSteps(s.root.ArgAt(4)))
}
