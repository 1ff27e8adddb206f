package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// gradient builds the derivatives of y, summed up if it has several elements, by the tensors xs: backwards through the nodes between
// them. The tensors zs and all others count as constant.
func (n *node) gradient() error {
	xs, _ := n.take("xs").([]string)
	zs, _ := n.take("zs").([]string)
	y, ok := n.find(n.takeText("y", ""))
	if !ok || len(xs) == 0 || len(n.args) != len(xs)+len(zs) {
		return errors.New("y is not defined before, or the inputs are not as many as the names in xs and zs")
	}
	for i, name := range slices.Concat(xs, zs) {
		if v, ok := n.find(name); !ok || v != n.args[i] {
			return fmt.Errorf("input %d is not the tensor %q; the gradient at another place is not supported", i, name)
		}
	}
	b := &backwards{steps: steps{n: n}, xs: n.args[:len(xs)], depends: map[*ir.Value]bool{}, adjoint: map[*ir.Value]*ir.Value{}}
	for _, z := range n.args[len(xs):] {
		b.depends[z] = false
	}
	for _, x := range b.xs {
		b.depends[x] = true
	}
	b.visit(y)
	if b.reaches(y) {
		b.adjoint[y] = b.fill(y, 1)
	}
	for _, m := range slices.Backward(b.order) {
		if err := b.through(m); err != nil {
			return err
		}
	}
	for _, x := range b.xs {
		d := b.adjoint[x]
		if d == nil {
			d = b.fill(x, 0)
		}
		n.results = append(n.results, d)
	}
	return b.err
}

// backwards is a gradient in the making.
type backwards struct {
	steps
	xs      []*ir.Value
	depends map[*ir.Value]bool // on one of xs
	order   []*ir.Node         // between xs and y, each behind what it reads
	adjoint map[*ir.Value]*ir.Value
}

func (b *backwards) reaches(v *ir.Value) bool { return v != nil && b.depends[v] }

// visit finds out whether v depends on xs.
func (b *backwards) visit(v *ir.Value) bool {
	if v == nil {
		return false
	}
	if known, ok := b.depends[v]; ok || v.Def == nil {
		return known
	}
	on := false
	for _, a := range v.Def.Args {
		if b.visit(a) {
			on = true
		}
	}
	for _, r := range v.Def.Results {
		b.depends[r] = on
	}
	if on {
		b.order = append(b.order, v.Def)
	}
	return on
}

// fill is a tensor like v of one number.
func (b *backwards) fill(v *ir.Value, x float64) *ir.Value {
	one := b.new("Const", ir.Attrs{"value": ir.Scalar(v.Type.Elem, x)})
	return b.new("Expand", nil, one, b.new("Shape", nil, v))
}

// add adds d to v's adjoint, summed over the axes along which v was broadcast.
func (b *backwards) add(v, d *ir.Value) {
	if !b.reaches(v) || b.err != nil {
		return
	}
	var axes, lead []int64
	more := d.Type.Rank() - v.Type.Rank()
	for i := range d.Type.Rank() {
		switch {
		case i < more:
			lead = append(lead, int64(i))
		case v.Type.Shape[i-more].Is(1) && !d.Type.Shape[i].Is(1):
			axes = append(axes, int64(i))
		case !v.Type.Shape[i-more].Equal(d.Type.Shape[i]):
			b.err = fmt.Errorf("whether %s is broadcast to %s, only the data tell", v.Type, d.Type)
			return
		}
	}
	vector := func(k []int64) *ir.Value { return b.new("Const", ir.Attrs{"value": ir.Vector(k...)}) }
	if len(axes) > 0 {
		d = b.new("ReduceSum", nil, d, vector(axes))
	}
	if len(lead) > 0 {
		d = b.new("ReduceSum", ir.Attrs{"keepdims": 0}, d, vector(lead))
	}
	if old := b.adjoint[v]; old != nil {
		d = b.new("Add", nil, old, d)
	}
	b.adjoint[v] = d
}

// through hands the adjoint of n's result on to what n reads.
func (b *backwards) through(n *ir.Node) error {
	d := b.adjoint[n.Results[0]]
	if d == nil {
		return nil
	}
	x, y, z := n.Args[0], n.ArgAt(1), n.Results[0]
	do := func(op string, v ...*ir.Value) *ir.Value { return b.new(op, nil, v...) }
	switch n.Op {
	case ir.Identity:
		b.add(x, d)
	case ir.Neg:
		b.add(x, do("Neg", d))
	case ir.Add:
		b.add(x, d)
		b.add(y, d)
	case ir.Sub:
		b.add(x, d)
		b.add(y, do("Neg", d))
	case ir.Mul:
		b.add(x, do("Mul", d, y))
		b.add(y, do("Mul", d, x))
	case ir.Div:
		b.add(x, do("Div", d, y))
		b.add(y, do("Neg", do("Div", do("Mul", d, z), y)))
	case ir.Exp:
		b.add(x, do("Mul", d, z))
	case ir.Log:
		b.add(x, do("Div", d, x))
	case ir.Sqrt:
		b.add(x, do("Div", d, do("Add", z, z)))
	case ir.Tanh:
		b.add(x, do("Sub", d, do("Mul", d, do("Mul", z, z))))
	case ir.Sigmoid:
		b.add(x, do("Mul", d, do("Sub", z, do("Mul", z, z))))
	case ir.Relu:
		b.add(x, do("Where", do("Greater", x, b.fill(x, 0)), d, b.fill(x, 0)))
	case ir.MatMul:
		if x.Type.Rank() != 2 || y.Type.Rank() != 2 {
			return fmt.Errorf("the gradient of %s by %s is not supported", x.Type, y.Type)
		}
		b.add(x, do("MatMul", d, do("Transpose", y)))
		b.add(y, do("MatMul", do("Transpose", x), d))
	default:
		return fmt.Errorf("the gradient of %s is not supported", n.Op.Name)
	}
	return b.err
}
