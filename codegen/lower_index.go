package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// GatherElements of float32 along the last axis goes row by row, and reads indices that are the same for many rows where they lie.
var _ = register(fast, map[*ir.Op]lowering{ir.GatherElements: func(e *emitter, n *ir.Node) error {
	if err := gathersRows(n); err != nil {
		return err
	}
	index, shape := e.view(n, 1), n.TypeAt(0).Shape
	outer, inner, ok := twoRowSteps(index)
	if !ok {
		return errShape
	}
	last := len(shape) - 1
	e.Call("gatherRows", e.Ctx(), e.Y(n, 0), e.X(n, 0), e.from(index), e.Dim(outer.size), e.Dim(outer.step), e.Dim(inner.size), e.Dim(inner.step),
		e.Dim(index.dims[last]), e.Dim(shape[last]))
	return nil
}})

// gathersRows is nil for a GatherElements whose rows are rows of its data.
func gathersRows(n *ir.Node) error {
	x, index := n.TypeAt(0), n.TypeAt(1)
	if x.Elem != ir.F32 || index.Elem != ir.I64 {
		return errElem
	}
	if !x.Ranked() || !index.Ranked() || x.Rank() != index.Rank() {
		return errShape
	}
	last := x.Rank() - 1
	if axis, err := ir.Axis(n.Int("axis"), x.Rank()); err != nil || axis != last || !ir.EqualDims(x.Shape[:last], index.Shape[:last]) {
		return errShape
	}
	return nil
}

// twoRowSteps sees the rows of a view as two loops, of which the outer may be of one round; ok is false where it takes more, or where
// the elements of a row do not follow each other.
func twoRowSteps(x view) (outer, inner chunk, ok bool) {
	last := len(x.dims) - 1
	if last < 0 || !x.strides[last].Is(1) && !x.dims[last].Is(1) {
		return outer, inner, false
	}
	one := chunk{ir.N(1), ir.N(0)}
	loops := append(view{dims: x.dims[:last], strides: x.strides[:last]}.chunks(), one, one)
	return loops[1], loops[0], len(loops) <= 4
}

var _ = register(portable, map[*ir.Op]lowering{
	ir.Gather:          code(anyElem, "gather(y, x0, x1, shape(x0), @axis)"),
	ir.GatherElements:  code(anyElem, "gatherElements(y, x0, x1, shape(x1), shape(x0), @axis)"),
	ir.GatherND:        sized(anyElem, "gatheredSize(AXIS, rank(y), shape(x1), shape(x0), @batch_dims)", "gatherND(y, x0, x1, shape(x1), shape(x0), @batch_dims)"),
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

// counting is code for a call that counts its results first, with nil for each %s, and then writes them.
func counting(c class, line string, results ...any) lowering {
	none := make([]any, len(results))
	for i := range none {
		none[i] = "nil"
	}
	return sized(c, fmt.Sprintf(line, none...), fmt.Sprintf(line, results...))
}

func lowerNonZero(e *emitter, n *ir.Node) error {
	return counting(comparable, "nonZero(%s, x0, shape(x0))", "y")(e, n)
}

func lowerCompress(e *emitter, n *ir.Node) error {
	if n.Has("axis") {
		return counting(anyElem, "compress(%s, x0, x1, shape(x0), @axis)", "y")(e, n)
	}
	return counting(anyElem, "compress(%s, x0, x1, []int{size(x0)}, 0)", "y")(e, n)
}

func lowerUnique(e *emitter, n *ir.Node) error {
	compare := "order"
	switch x := n.TypeAt(0).Elem; {
	case x == ir.Bool:
		compare = "orderBools"
	case x != ir.String && !isNumber(x):
		return fmt.Errorf("elements are %s: a type of Go is wanted", x)
	}
	along := "[]int{size(x0)}, 0"
	if n.Has("axis") {
		along = "shape(x0), @axis"
	}
	return counting(anyElem, "unique(%s, %s, %s, %s, x0, "+along+", bool(@sorted), "+compare+")", "y", "y1", "y2", "y3")(e, n)
}

// typed is element i of d as a Go expression of its own type.
func typed(d *ir.Data, i int) string { return goType(d.Elem) + "(" + elemLiteral(d, i) + ")" }

func lowerConstantOfShape(e *emitter, n *ir.Node) error {
	value := n.Data("value")
	if value == nil {
		value = ir.Scalar(ir.F32, 0)
	}
	e.checkAxes(n, n.Args[0], n.Out().Type.Rank())
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
