package codegen

import (
	"errors"
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var (
	_ = register(fast, each(unaryBlocks, lowerUnary))
	_ = register(fast, each(binaryBlocks, lowerBinary))
)

// each is the same lowering for all operators of a table.
func each(table map[*ir.Op]string, low lowering) map[*ir.Op]lowering {
	all := map[*ir.Op]lowering{}
	for op := range table {
		all[op] = low
	}
	return all
}

func lowerUnary(e *emitter, n *ir.Node) error {
	if err := f32(n); err != nil {
		return err
	}
	kernel := blockFunction(n)
	if kernel == "" {
		return fmt.Errorf("attributes %v", n.Attrs)
	}
	e.Call("unary", e.Ctx(), e.Y(n, 0), e.X(n, 0), kernel)
	return nil
}

func lowerLeakyRelu(e *emitter, n *ir.Node) error {
	alpha := n.Float("alpha")
	if !(alpha > 0 && alpha <= 1) {
		return errors.New("alpha is not between 0 and 1")
	}
	if err := f32(n); err != nil {
		return err
	}
	e.Call("leakyRelu32", e.Ctx(), e.Y(n, 0), e.X(n, 0), fmt.Sprint(alpha))
	return nil
}

// lowerBinary serves what is rows of equal length of which one operand may repeat one row, or one element a row, and else goes block by
// block.
func lowerBinary(e *emitter, n *ir.Node) error {
	if err := f32(n); err != nil {
		return err
	}
	kernel, shape := blockFunction(n), n.Out().Type.Shape
	if kernel == "" {
		return fmt.Errorf("%d arguments", len(n.Args))
	}
	cut, ldy := 0, ir.Dim{}
	if e.g.plans[e.fn].apart[n.Out()] {
		cut, ldy = len(shape)-1, e.rowStep(n.Out())
	}
	for ; cut <= len(shape); cut++ {
		a, b, ok := operandsOf(n, cut)
		if !ok {
			continue
		}
		cols := ir.Product(shape[cut:])
		if ldy.Is(0) {
			ldy = cols
		}
		e.Call("binary", e.Ctx(), e.Y(n, 0), e.Dim(ldy), e.X(n, 0), e.X(n, 1), kernel, e.Product(shape[:cut]), e.Dim(cols),
			e.Dim(a.row), e.Dim(a.cols), e.Dim(b.row), e.Dim(b.cols))
		return nil
	}
	e.lowerRegion(alone(n))
	return nil
}

// lowerClip serves bounds that are single numbers, as all are.
func lowerClip(e *emitter, n *ir.Node) error {
	if err := f32(n); err != nil {
		return err
	}
	bounds := []string{"nil", "nil"}
	for i := range bounds {
		if e.Has(n, i+1) {
			bounds[i] = e.X(n, i+1)
		}
	}
	if bounds[0] == "nil" && bounds[1] == "nil" {
		return errShape
	}
	e.Call("clip32", e.Ctx(), e.Y(n, 0), e.X(n, 0), bounds[0], bounds[1])
	return nil
}

type operandRows struct{ row, cols ir.Dim }

// operandsOf sees both operands as rows, of the axes from cut on.
func operandsOf(n *ir.Node, cut int) (a, b operandRows, ok bool) {
	shape := n.Out().Type.Shape
	a, ok = rowsOf(n.TypeAt(0).Shape, shape, cut)
	if ok {
		b, ok = rowsOf(n.TypeAt(1).Shape, shape, cut)
	}
	return a, b, ok
}

// rowsOf sees an operand of a broadcast as rows: the axes before cut are rows, the others columns; each of the two is there whole or
// not at all.
func rowsOf(own, shape []ir.Dim, cut int) (operandRows, bool) {
	full := make([]ir.Dim, len(shape))
	for i := range full {
		full[i] = ir.N(1)
		if j := i - len(shape) + len(own); j >= 0 {
			full[i] = own[j]
		}
	}
	r := operandRows{cols: ir.Product(full[cut:])}
	if !ir.EqualDims(full[cut:], shape[cut:]) && !r.cols.Is(1) {
		return r, false
	}
	switch rows := ir.Product(full[:cut]); {
	case ir.EqualDims(full[:cut], shape[:cut]):
		r.row = r.cols
	case rows.Is(1):
		r.row = ir.N(0)
	default:
		return r, false
	}
	return r, true
}
