package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// narrow makes of one operator between casts, from 16 bits and back, the operator of 16 bits: converters write so what they keep from
// being computed in them. Kernels compute in 32 bits anyway, and the one rounding stays where it is.
var narrow = []Rule{
	{"narrow", "(Cast y:(" + roundsOnce + " xs... *=_) to=_)", func(b *ir.Builder, m *Match) *ir.Value {
		return m.narrowed(b, m.N("y"), ir.Elem(m.Root.Int("to")))
	}},
}

// roundsOnce are operators whose result in 16 bits is that in 32 bits, rounded.
const roundsOnce = "Add|Sub|Mul|Div|Pow|Sqrt|Reciprocal|Neg|Abs|Exp|Log|Erf|Tanh|Sigmoid|Gelu|Swish|Relu|Softmax|LogSoftmax|MaskedSoftmax|" +
	"ReduceMean|ReduceSum|ReduceMax|ReduceMin|LayerNormalization|RMSNormalization"

// narrowed is n, which is computed in 32 bits and then rounded to e, in e from the start: its arguments are of e, or constants that e holds.
func (m *Match) narrowed(b *ir.Builder, n *ir.Node, e ir.Elem) *ir.Value {
	if !e.IsFloat() || e.Size() != 2 || n.Out().Type.Elem != ir.F32 {
		return m.No("it is not rounded from 32 bits to 16")
	}
	args, casts := slices.Clone(n.Args), 0
	for i, a := range args {
		switch {
		case a == nil || !a.Type.Elem.IsFloat():
		case a.Is(ir.Cast) && a.Def.TypeAt(0).Elem == e:
			args[i] = a.Def.Args[0]
			casts++
		default:
			if args[i] = m.converted(b, e, a); args[i] == nil {
				return m.No("%s is not all of %s", a.Type, e)
			}
		}
	}
	if casts == 0 {
		return m.No("no argument is %s", e)
	}
	return b.New(n.Op, n.Attrs, args...)
}

// converted is the constant v in e, nil if it is none or e does not hold all of its numbers.
func (m *Match) converted(b *ir.Builder, e ir.Elem, v *ir.Value) *ir.Value {
	d := m.data(v)
	if d == nil {
		return nil
	}
	c, d := ir.NewData(e, d.Shape...), d.Made()
	for i := range d.Len() {
		if c.SetFloat(i, d.Float(i)); c.Float(i) != d.Float(i) {
			return nil
		}
	}
	return m.constant(b, c)
}
