package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.Gather:          code(anyElem, "gather(y, x0, x1, shape(x0), @axis)"),
	ir.GatherElements:  code(anyElem, "gatherElements(y, x0, x1, shape(x1), shape(x0), @axis)"),
	ir.GatherND:        code(anyElem, "gatherND(y, x0, x1, shape(x1), shape(x0), @batch_dims)"),
	ir.ScatterElements: scattering("scatterElements(y, x0, x1, x2, shape(x1), shape(x0), @axis, %s)"),
	ir.ScatterND:       scattering("scatterND(y, x0, x1, x2, shape(x1), shape(x0), %s)"),
	ir.TensorScatter:   lowerTensorScatter,
	ir.OneHot:          lowerOneHot,
	ir.TopK:            sized(numbers, "int(x1)", "topK(y, y1, x0, shape(x0), @axis, int(x1), bool(@largest))"),
	ir.NonZero:         lowerNonZero,
	ir.Compress:        lowerCompress,
	ir.Unique:          lowerUnique,
	ir.Range:           sized(numbers, "rampSize(x0[0], x1[0], x2[0])", "ramp(y, x0[0], x2[0])"),
	ir.ConstantOfShape: lowerConstantOfShape,
	ir.EyeLike:         lowerEyeLike,
})

// scattering puts the function that the attribute reduction names into a line of code.
func scattering(line string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if n.Str("reduction") == "none" {
			return code(anyElem, fmt.Sprintf(line, "second"))(e, n)
		}
		f := map[string]string{"add": "add", "mul": "mul", "max": "largest", "min": "least"}[n.Str("reduction")]
		if f == "" {
			return fmt.Errorf("reduction %q", n.Str("reduction"))
		}
		return code(numbers, fmt.Sprintf(line, f))(e, n)
	}
}

func lowerTensorScatter(e *emitter, n *ir.Node) error {
	circular := fmt.Sprint(n.Str("mode") == "circular")
	return code(anyElem, "tensorScatter(y, x0, x1, ints(x2), shape(x0), shape(x1), @axis, "+circular+")")(e, n)
}

func lowerOneHot(e *emitter, n *ir.Node) error {
	if err := checkNode(n, numbers); err != nil {
		return err
	}
	axis, err := ir.Axis(n.Int("axis"), n.Out().Type.Rank())
	if err != nil {
		return err
	}
	inner := e.Product(n.TypeAt(0).Shape[axis:])
	return sized(numbers, "int(x1)", "oneHot(y, x0, x2, int(x1), "+inner+")")(e, n)
}

func lowerNonZero(e *emitter, n *ir.Node) error {
	if x := n.TypeAt(0).Elem; x.IsFloat() && !isFloat(x) {
		return fmt.Errorf("elements are %s: float32 is wanted", x)
	}
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	e.CallDyn("nonZero", n, e.X(n, 0), e.Shape(n.Args[0]))
	return nil
}

func lowerCompress(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	if n.Has("axis") {
		e.CallDyn("compress", n, e.X(n, 0), e.X(n, 1), e.Shape(n.Args[0]), n.Int("axis"))
	} else {
		e.CallDyn("compress", n, e.X(n, 0), e.X(n, 1), "[]int{"+e.Size(n.Args[0])+"}", 0)
	}
	return nil
}

// lowerUnique hands over pointers to the results' slices: their sizes are known only afterwards.
func lowerUnique(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	compare := "order"
	switch x := n.TypeAt(0).Elem; {
	case x == ir.Bool:
		compare = "orderBools"
	case x != ir.String && !isNumber(x):
		return fmt.Errorf("elements are %s: a type of Go is wanted", x)
	}
	var out [4]string
	for i := range out {
		out[i] = "nil"
		if i < len(n.Results) {
			out[i] = "&" + e.Val(n.Results[i])
			e.ready[n.Results[i]] = true
		}
	}
	shape, axis := "[]int{"+e.Size(n.Args[0])+"}", 0
	if n.Has("axis") {
		shape, axis = e.Shape(n.Args[0]), n.Int("axis")
	}
	count := callText("unique", []any{out[0], out[1], out[2], out[3], e.X(n, 0), shape, axis, n.Int("sorted") != 0, compare})
	for i, d := range n.Out().Type.Shape {
		if d.Equal(n.Fresh(0)) {
			e.Define(n.Out().Type.Shape[i], count)
			return nil
		}
	}
	return fmt.Errorf("the number of different elements is known: %s", n.Out().Type)
}

// typed is element i of d as a Go expression of its own type.
func typed(d *ir.Data, i int) string { return goType(d.Elem) + "(" + elemLiteral(d, i) + ")" }

func lowerConstantOfShape(e *emitter, n *ir.Node) error {
	value := n.Data("value")
	if value == nil {
		value = ir.Scalar(ir.F32, 0)
	}
	return sized(anyElem, "at(x0)", "fill(y, "+typed(value, 0)+")")(e, n)
}

func lowerEyeLike(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	if n.Out().Type.Elem == ir.String {
		return fmt.Errorf("elements are strings")
	}
	e.Call("eye", e.Y(n, 0), e.Dim(n.Out().Type.Shape[1]), n.Int("k"), typed(ir.Scalar(n.Out().Type.Elem, 1), 0))
	return nil
}
