package passes

import (
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// fold computes what does not depend on the inputs: the shape arithmetic that exporters write down, and arithmetic on weights.
var fold = []Rule{
	{"fold-shape", "", foldShape},
	{"fold-weight", "(Weight name=_ type=_)", foldWeight},
	{"fold-const", "", foldConst},
	{"fold-fill", "(" + elementwise + " xs... *=_)\n(Slice|Transpose xs... *=_)", foldFill},
}

// foldShape puts a constant in the place of integers that the shapes decide: Shape, Gather, Concat, Where and all the others that
// ir.Value.Symbolic follows.
func foldShape(b *ir.Builder, m *Match) *ir.Value {
	n := m.Root
	if n.Op == ir.Const || n.Op == ir.Weight || len(n.Results) != 1 {
		return nil
	}
	v := n.Out()
	dims, ok := v.SymbolicDims()
	if !ok || !v.Type.Ranked() || slices.ContainsFunc(dims, fresh) {
		return nil
	}
	shape, static := v.Type.Static()
	if !static {
		return nil
	}
	if ns, ok := v.ConstInts(); ok {
		d := ir.NewData(v.Type.Elem, shape...)
		if d.Len() != len(ns) {
			return nil
		}
		for i, x := range ns {
			d.SetInt(i, x)
		}
		return b.Const(d)
	}
	switch {
	case v.Type.Elem != ir.I64 || len(shape) > 1:
		return nil
	case len(shape) == 0:
		return b.Dim(dims[0])
	}
	return b.Dims(dims...)
}

// maxInline is the number of elements that the text form shows in place; maxConst that of integers up to which a weight becomes a
// constant, so that shapes can depend on it; maxSmall that of elements which a computed constant may always have.
const (
	maxInline = 8
	maxConst  = 256
	maxSmall  = 4096
)

func foldWeight(b *ir.Builder, m *Match) *ir.Value {
	d := m.P.Weights[m.Root.Str("name")]
	if d == nil || d.Len() > 1 && !(d.Elem.IsInt() && d.Len() <= maxConst) {
		return nil
	}
	return b.Const(d)
}

// foldConst evaluates a node whose arguments are constants, where the result is no larger than they are, or small.
func foldConst(b *ir.Builder, m *Match) *ir.Value {
	n := m.Root
	if len(n.Args) == 0 || n.Op == ir.Identity || len(n.Results) != 1 || len(n.Bodies) > 0 || n.Op.Random() {
		return nil
	}
	args := make([]*ir.Data, len(n.Args))
	in := 0
	for i, a := range n.Args {
		if a == nil {
			continue
		}
		if args[i] = m.data(a); args[i] == nil {
			return nil
		}
		in += args[i].Len()
	}
	size, ok := n.Out().Type.Size().Const()
	if !n.Out().Type.Ranked() || !ok || size > max(in, maxSmall) {
		return nil
	}
	d := moveData(n, args)
	if d == nil {
		d = evaluate(n, args, in, size)
	}
	if d == nil {
		return nil
	}
	return m.constant(b, d)
}

// foldFill computes a tensor of one number, and takes parts of it, as that number.
func foldFill(b *ir.Builder, m *Match) *ir.Value {
	n, t := m.Root, m.Root.Out().Type
	if !t.Ranked() || slices.ContainsFunc(t.Shape, fresh) {
		return m.No("the shape is not known")
	}
	filled, moved := n.Args, n.Op == ir.Slice || n.Op == ir.Transpose
	if moved {
		filled = n.Args[:1]
	}
	stretched := false
	cs := make([]*ir.Value, len(filled))
	for i, a := range filled {
		if a.Is(ir.Expand) {
			a, stretched = a.Def.Args[0], true
		}
		d := a.Const()
		if d == nil || d.Len() != 1 || d.Elem == ir.String {
			return m.No("argument %d is no single number", i)
		}
		cs[i] = b.Const(d.Reshaped())
	}
	if !stretched {
		return m.No("there is nothing larger")
	}
	c := cs[0]
	if !moved {
		c = b.New(n.Op, n.Attrs, cs...)
	}
	return b.New(ir.Expand, nil, c, b.Dims(t.Shape...))
}

// data is what v holds if it is a constant or a weight whose data is there; nil if it is not.
func (m *Match) data(v *ir.Value) *ir.Data {
	if d := v.Const(); d != nil || v == nil {
		return d
	}
	if v.Is(ir.Weight) {
		return m.P.Weights[v.Def.Str("name")]
	}
	return nil
}

// isWeight reports whether v is a constant or a weight, whether or not its data is there.
func isWeight(v *ir.Value) bool { return v.Is(ir.Weight) || v.Const() != nil }

// constant makes a value that holds d: a constant if it is small, else a new weight.
func (m *Match) constant(b *ir.Builder, d *ir.Data) *ir.Value {
	if d.Len() <= maxInline || d.Elem == ir.String || d.Elem.IsInt() && d.Len() <= maxConst {
		return b.Const(d)
	}
	name := newName(m.P, m.weightName())
	m.P.Weights[name] = d
	return b.New(ir.Weight, ir.Attrs{"name": name, "type": d.Type()})
}

// weightName is a name for a weight computed by the root: that of the weight it comes from, and what was done.
func (m *Match) weightName() string {
	for _, a := range m.Root.Args {
		if a.Is(ir.Weight) {
			return a.Def.Str("name") + "." + m.Root.Op.Name
		}
	}
	if m.Root.Name != "" {
		return m.Root.Name
	}
	return m.Root.Op.Name
}

// newName is name, or name with a number behind that makes it new among the weights.
func newName(p *ir.Program, name string) string {
	if p.Weights[name] == nil {
		return name
	}
	for i := 2; ; i++ {
		if s := name + "." + itoa(i); p.Weights[s] == nil {
			return s
		}
	}
}

// maxWork is the time, in nanoseconds, about, that the reference may spend on one node, elementWork what an element of a tensor takes.
const (
	maxWork     = 2e9
	elementWork = 30
)

// evaluate computes a node by the reference; nil when it would take long or cannot be done.
func evaluate(n *ir.Node, args []*ir.Data, in, out int) *ir.Data {
	work := elementWork * float64(in+out)
	switch n.Op {
	case ir.MatMul, ir.Linear, ir.Gemm, ir.Einsum, ir.Conv:
		work += float64(in) * math.Sqrt(float64(out))
	case ir.DequantizeLinear, ir.Cast, ir.Slice, ir.Gather, ir.Mul, ir.Add, ir.Sub, ir.Div, ir.Neg:
		work = 0 // else every run would do it, and the product with these weights would not know that they are weights
	}
	if work > maxWork {
		return nil
	}
	f := ir.NewFunc("fold")
	b := ir.NewBuilder(f)
	vals := make([]*ir.Value, len(args))
	for i, d := range args {
		if d != nil {
			vals[i] = b.Const(d)
		}
	}
	c, err := b.Add(n.Op, 1, n.Attrs, nil, vals...)
	if err != nil {
		return nil
	}
	f.Return(c.Out())
	got, err := runtime.Eval(ir.NewProgram(f), nil, runtime.Options{})
	if err != nil {
		return nil // the program says so when it runs
	}
	if t, ok := got[0].(*runtime.Tensor); ok {
		return t.Data()
	}
	return nil
}
