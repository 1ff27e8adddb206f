package analyze

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// apply evaluates one operator; a nil argument is absent. Small tensors of integers are constants to it, because shapes and axes are.
func apply(op *ir.Op, results int, attrs ir.Attrs, args ...*runtime.Tensor) ([]*runtime.Tensor, error) {
	f := ir.NewFunc(op.Name)
	b := ir.NewBuilder(f)
	vs := make([]*ir.Value, len(args))
	var inputs []runtime.Value
	for i, x := range args {
		switch {
		case x == nil:
		case x.I != nil && x.Rank() <= 1:
			vs[i] = b.Const(x.Data())
		default:
			vs[i] = f.Param(fmt.Sprint("x", i), x.Type())
			inputs = append(inputs, x)
		}
	}
	n, err := b.Add(op, results, attrs, nil, vs...)
	if err != nil {
		return nil, err
	}
	f.Return(n.Results...)
	out, err := runtime.Eval(ir.NewProgram(f), inputs, runtime.Options{})
	if err != nil {
		return nil, err
	}
	ys := make([]*runtime.Tensor, len(out))
	for i, v := range out {
		ys[i], _ = v.(*runtime.Tensor)
	}
	return ys, nil
}

// apply1 is apply for one result.
func apply1(op *ir.Op, attrs ir.Attrs, args ...*runtime.Tensor) (*runtime.Tensor, error) {
	ys, err := apply(op, 1, attrs, args...)
	if err != nil {
		return nil, err
	}
	return ys[0], nil
}

// wide is a tensor of floats as one of float64, with the same elements; others stay what they are.
func wide(t *runtime.Tensor) *runtime.Tensor {
	if t == nil || t.F == nil {
		return t
	}
	return &runtime.Tensor{Elem: ir.F64, Shape: t.Shape, F: t.F}
}

// zeros is a float64 tensor of the shape.
func zeros(shape []int) *runtime.Tensor { return runtime.New(ir.F64, slices.Clone(shape)...) }

// counting numbers its elements, from first on.
func counting(shape []int, first int) *runtime.Tensor {
	t := zeros(shape)
	for i := range t.F {
		t.F[i] = float64(first + i)
	}
	return t
}

// sources says, for each element of a tensor of shape full, which element of one of shape it is made from by broadcasting.
func sources(shape, full []int) []int {
	n := 1
	for _, k := range full {
		n *= k
	}
	out := make([]int, n)
	lead := len(full) - len(shape)
	for i := range out {
		rest, at, stride := i, 0, 1
		for axis := len(full) - 1; axis >= lead; axis-- {
			k := rest % full[axis]
			rest /= full[axis]
			if shape[axis-lead] != 1 {
				at += k * stride
			}
			stride *= shape[axis-lead]
		}
		out[i] = at
	}
	return out
}

// reduceTo sums g over what an argument of that shape was broadcast along.
func reduceTo(g *runtime.Tensor, shape []int) *runtime.Tensor {
	if slices.Equal(g.Shape, shape) {
		return g
	}
	out := zeros(shape)
	for i, j := range sources(shape, g.Shape) {
		out.F[j] += g.F[i]
	}
	return out
}

// plus is the sum of two gradients of the same shape, of which the first may be nil.
func plus(a, b *runtime.Tensor) *runtime.Tensor {
	if a == nil {
		return b
	}
	out := zeros(a.Shape)
	for i := range out.F {
		out.F[i] = a.F[i] + b.F[i]
	}
	return out
}

// transposed has the last two axes exchanged.
func transposed(t *runtime.Tensor) (*runtime.Tensor, error) {
	perm := make([]int, t.Rank())
	for i := range perm {
		perm[i] = i
	}
	r := len(perm)
	perm[r-2], perm[r-1] = r-1, r-2
	return apply1(ir.Transpose, ir.Attrs{"perm": perm}, t)
}
