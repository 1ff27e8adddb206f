package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.Identity:      code(anyElem, "copy(y, x0)"),
	ir.Flatten:       sized(anyElem, "size(x0)", "copy(y, x0)"),
	ir.Squeeze:       sized(anyElem, "squeezedSize(shape(x0), ints(x1), AXIS, rank(y))", "copy(y, x0)"),
	ir.Unsqueeze:     sized(anyElem, "unsqueezedSize(shape(x0), ints(x1), AXIS, rank(y))", "copy(y, x0)"),
	ir.Reshape:       lowerReshape,
	ir.Shape:         lowerShape,
	ir.Size:          lowerShape,
	ir.Transpose:     lowerTranspose,
	ir.Expand:        lowerExpand,
	ir.Concat:        lowerConcat,
	ir.Split:         lowerSplit,
	ir.Slice:         sized(anyElem, "sliceSize(dim(x0), AXIS, rank(x0), ints(x1), ints(x2), ints(x3), ints(x4))", "slice(y, x0, shape(y), shape(x0), ints(x1), ints(x3), ints(x4))"),
	ir.Tile:          sized(anyElem, "dim(x0)*at(x1)", "tile(y, x0, shape(y), shape(x0))"),
	ir.Pad:           lowerPad,
	ir.CenterCropPad: lowerCenterCropPad,
	ir.Col2Im:        lowerCol2Im,
	ir.Trilu:         lowerTrilu,
	ir.Det:           lowerDet,

	ir.OptionalHasElement: lowerHasElement,
	ir.OptionalGetElement: code(anyElem, "copy(y, x0)"), // of a tensor, which is there

	ir.ReverseSequence: code(anyElem, "reverseSequence(y, x0, shape(x0), x1, @time_axis)"),
})

// lowerHasElement knows the answer for a tensor, and for nothing.
func lowerHasElement(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	e.Call("fill", e.Y(n, 0), e.Has(n, 0))
	return nil
}

func lowerReshape(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	e.checkAxes(n, n.Args[1], n.Out().Type.Rank())
	e.DefineFresh(n, 0, func(axis int) string {
		return callText("reshapeSize", []any{e.Vector(n.Args[1]), axis, e.Shape(n.Args[0]), n.Int("allowzero") != 0})
	})
	e.Call("copyAll", e.Y(n, 0), e.X(n, 0))
	return nil
}

// checkAxes writes, where only the run can tell how many dimensions v lists, the check that they are as many as the model says that n's
// result has.
func (e *emitter) checkAxes(n *ir.Node, v *ir.Value, count int) {
	if definesDims(n) && v.Type.Rank() == 1 && !v.Type.Shape[0].IsConst() {
		e.Call("checkAxes", e.Dim(v.Type.Shape[0]), count)
	}
}

// lowerShape writes the dimensions, or their product.
func lowerShape(e *emitter, n *ir.Node) error {
	ds, ok := n.Out().SymbolicDims()
	if !ok {
		return fmt.Errorf("the rank of %s is not known", n.TypeAt(0))
	}
	text := make([]string, len(ds))
	for i, d := range ds {
		text[i] = "int64(" + e.Dim(d) + ")"
	}
	e.Line("copy(%s, []int64{%s})", e.Y(n, 0), strings.Join(text, ", "))
	return nil
}

func lowerTranspose(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	e.Call("transpose", e.Y(n, 0), e.X(n, 0), e.Shape(n.Args[0]), permutation(n))
	return nil
}

func lowerExpand(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	x, want := n.Args[0], n.Args[1]
	count, ok := want.Type.Static()
	e.DefineFresh(n, 0, func(axis int) string {
		own, to := "1", "1"
		if i := axis - n.Out().Type.Rank() + x.Type.Rank(); i >= 0 {
			own = e.Dim(x.Type.Shape[i])
		}
		if !ok {
			to = callText("alignedAt", []any{e.Vector(want), axis, n.Out().Type.Rank(), x.Type.Rank()})
		} else if i := axis - n.Out().Type.Rank() + count[0]; i >= 0 {
			to = e.At(want, i)
		}
		return callText("broadcastSize", []any{own, to})
	})
	e.Call("expand", e.Y(n, 0), e.X(n, 0), e.Shape(n.Out()), e.Shape(x))
	return nil
}

func lowerConcat(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	e.DefineFresh(n, 0, func(axis int) string { panic("BUG: the arguments of Concat are ranked") })
	out := n.Out().Type.Shape
	axis, err := ir.Axis(n.Int("axis"), len(out))
	if err != nil {
		return err
	}
	inner := ir.Product(out[axis+1:])
	at := ir.N(0)
	for i, x := range n.Args {
		row := x.Type.Shape[axis].Mul(inner)
		e.Call("copyRows", e.Y(n, 0), e.Dim(at), e.Dim(out[axis].Mul(inner)), e.X(n, i), 0, e.Dim(row), e.Product(out[:axis]), e.Dim(row))
		at = at.Add(row)
	}
	return nil
}

func lowerSplit(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	in := n.TypeAt(0).Shape
	axis, err := ir.Axis(n.Int("axis"), len(in))
	if err != nil {
		return err
	}
	inner := ir.Product(in[axis+1:])
	at := ir.N(0)
	for i := range n.Results {
		e.DefineFresh(n, i, func(int) string { return e.At(n.Args[1], i) })
	}
	if slices.ContainsFunc(n.Results, func(y *ir.Value) bool { return own(n, y.Type.Shape[axis]) }) {
		parts := make([]ir.Dim, len(n.Results))
		for i, y := range n.Results {
			parts[i] = y.Type.Shape[axis]
		}
		e.Call("checkParts", e.Dim(in[axis]), e.Dims(parts))
	}
	for i, y := range n.Results {
		row := y.Type.Shape[axis].Mul(inner)
		e.Call("copyRows", e.Y(n, i), 0, e.Dim(row), e.X(n, 0), e.Dim(at), e.Dim(in[axis].Mul(inner)), e.Product(in[:axis]), e.Dim(row))
		at = at.Add(row)
	}
	return nil
}

func lowerPad(e *emitter, n *ir.Node) error {
	const size = "padSize(dim(x0), AXIS, rank(x0), ints(x1), ints(x3))"
	index := map[string]string{"edge": "edgeIndex", "reflect": "reflectIndex", "wrap": "wrapIndex"}[n.Str("mode")]
	switch {
	case n.Str("mode") == "constant":
		return sized(anyElem, size, "pad(y, x0, shape(y), shape(x0), ints(x1), ints(x3), x2)")(e, n)
	case index == "":
		return fmt.Errorf("mode %q", n.Str("mode"))
	}
	return sized(anyElem, size, "padBy(y, x0, shape(y), shape(x0), ints(x1), ints(x3), "+index+")")(e, n)
}

// lowerCenterCropPad pads, where it crops by negative numbers.
func lowerCenterCropPad(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	x := n.TypeAt(0).Shape
	axes, err := n.CropPadAxes(len(x))
	if err != nil {
		return err
	}
	e.DefineFresh(n, 0, func(axis int) string {
		for i, a := range axes {
			if a == axis {
				return e.At(n.Args[1], i)
			}
		}
		panic("BUG: CenterCropPad brings a dimension into being that it leaves alone")
	})
	pads := make([]string, 2*len(x)) // those behind do not matter: y's shape says them
	for i, d := range n.Out().Type.Shape {
		pads[i], pads[len(x)+i] = "("+e.Dim(d.Sub(x[i]))+")/2", "0"
		if k, ok := d.Sub(x[i]).Const(); ok {
			pads[i] = fmt.Sprint(k / 2)
		}
	}
	none := "nil" // what is nil infers no type
	none = "[]" + e.Elem(n.Args[0]) + "(" + none + ")"
	e.Call("pad", e.Y(n, 0), e.X(n, 0), e.Shape(n.Out()), e.Shape(n.Args[0]), "[]int{"+strings.Join(pads, ", ")+"}", "[]int(nil)", none)
	return nil
}

func lowerCol2Im(e *emitter, n *ir.Node) error {
	if err := checkNode(n, numbers); err != nil {
		return err
	}
	e.checkAxes(n, n.Args[1], n.Out().Type.Rank()-2)
	e.DefineFresh(n, 0, func(axis int) string {
		switch axis {
		case 0:
			return e.Dim(n.TypeAt(0).Shape[0])
		case 1:
			return fmt.Sprintf("%s/productOf(%s)", e.Dim(n.TypeAt(0).Shape[1]), e.Vector(n.Args[2]))
		}
		return e.At(n.Args[1], axis-2)
	})
	acc := accumulator(n.TypeAt(0).Elem)
	if n.Out().Type.Rank() > 5 {
		return fmt.Errorf("an image of %d axes", n.Out().Type.Rank()-2)
	}
	e.Call("col2im["+acc+"]", e.Y(n, 0), e.X(n, 0), e.Shape(n.Out()), e.Vector(n.Args[2]), e.Dim(n.TypeAt(0).Shape[2]),
		e.Ints(n.Ints("strides")), e.Ints(n.Ints("dilations")), e.Ints(n.Ints("pads")))
	return nil
}

func lowerTrilu(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	k := "0"
	if e.Has(n, 1) {
		k = e.Scalar(n.Args[1])
	}
	s := n.TypeAt(0).Shape
	e.Call("trilu", e.Y(n, 0), e.X(n, 0), e.Dim(s[len(s)-2]), e.Dim(s[len(s)-1]), k, n.Int("upper") != 0)
	return nil
}

func lowerDet(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil {
		return err
	}
	s := n.TypeAt(0).Shape
	e.Call("det", e.Y(n, 0), e.X(n, 0), e.Dim(s[len(s)-1]))
	return nil
}
