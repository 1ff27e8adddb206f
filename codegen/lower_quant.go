package codegen

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.QuantizeLinear:   lowerQuantize,
	ir.DequantizeLinear: lowerDequantize,
})

// Bytes with one scale for all of them.
var _ = register(fast, map[*ir.Op]lowering{
	ir.QuantizedLinear: lowerQuantizedLinear, ir.BlockedLinear: lowerBlockedLinear, ir.DynamicQuantizeLinear: lowerDynamicQuantize,
	ir.QuantizeLinear: lowerQuantizeBytes, ir.DequantizeLinear: lowerDequantizeBytes,
})

var errBytes = errors.New("no bytes with one scale")

func isByte(v *ir.Value) bool { return v.Type.Elem == ir.U8 || v.Type.Elem == ir.I8 }

// oneF32 reports whether v is one number in float32.
func oneF32(v *ir.Value) bool { return v.Type.Elem == ir.F32 && v.Type.Size().Is(1) }

// stored reports whether what v holds is known now.
func stored(v *ir.Value) bool { return v.Is(ir.Weight) || v.Const() != nil }

func lowerQuantizedLinear(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	w, scale, shift, zero := n.Arg("w"), n.Arg("w_scale"), n.Arg("w_zero_point"), n.Arg("x_zero_point")
	if n.TypeAt(0).Rank() < 2 || w.Type.Rank() != 2 {
		return errShape
	}
	k, cols := w.Type.Shape[0], w.Type.Shape[1]
	depth, _ := k.Const()
	switch {
	case !isByte(n.Args[0]) || w.Type.Elem != ir.I8 || !stored(w) || !stored(scale) || depth > lib.MaxInt8Depth:
		return errBytes
	case !oneF32(n.Arg("x_scale")) || zero != nil && !zero.Type.Size().Is(1) || n.Out().Type.Elem != ir.F32:
		return errBytes
	case !ir.EqualDims(scale.Type.Shape, []ir.Dim{cols}) || shift != nil && !ir.EqualDims(shift.Type.Shape, []ir.Dim{cols}):
		return errShape
	case shift != nil && !stored(shift):
		return errBytes
	}
	format := "symmetric"
	if shift != nil {
		format = "shifted"
	}
	rows, rest, err := e.productOfRows(n, k, cols)
	if err != nil {
		return err
	}
	weight := e.g.scaledExpr(e.fn, w, scale, shift, bytesLayout)
	e.Call("gemmQuantized", e.Ctx(), format, e.Y(n, 0), e.Dim(cols), rows, e.X(n, 1), e.zeroPoint(n), weight, rest)
	return nil
}

// productOfRows is arguments of the functions that multiply the rows of n's first argument with a weight [k, cols]: where the rows are and
// their distance, and, for behind the weight, what is done with the product and the sizes.
func (e *emitter) productOfRows(n *ir.Node, k, cols ir.Dim) (rows, rest string, err error) {
	bias, r, err := e.added(n)
	if err != nil {
		return "", "", err
	}
	x, act := e.view(n, 0), actKernels[n.Str("act")]
	step, ok := rowStride(x)
	if !ok || act == "" {
		return "", "", errShape
	}
	rest = strings.Join([]string{bias, r, e.Dim(cols), act, e.Product(x.dims[:len(x.dims)-1]), e.agreed(x.dims[len(x.dims)-1], k), e.Dim(cols)}, ", ")
	return e.from(x) + ", " + e.Dim(step), rest, nil
}

var errBlocks = errors.New("no weight of 2, 4 or 8 bits without a sign, with scales of blocks")

// blockFormats are the formats of gemmBlocked.
var blockFormats = map[ir.Elem]string{ir.U2: "twoBits", ir.U4: "fourBits", ir.U8: "eightBits"}

func lowerBlockedLinear(e *emitter, n *ir.Node) error {
	if err := servesBlocked(n); err != nil {
		return err
	}
	w, block := n.Arg("w"), n.Int("block_size")
	k, cols := w.Type.Shape[0], w.Type.Shape[1]
	rows, rest, err := e.productOfRows(n, k, cols)
	if err != nil {
		return err
	}
	function, format, as := "gemmBlocked", blockFormats[w.Type.Elem], blockedLayout(w.Type.Elem.Bits(), block)
	if e.g.roundsRows(n) {
		function, format, as = "gemmBlockedInt8", format+"Int8", blockedInt8Layout(w.Type.Elem.Bits(), block)
	}
	weight := e.g.scaledExpr(e.fn, w, n.Arg("scale"), n.Arg("zero_point"), as)
	e.Call(function, e.Ctx(), format, block, e.Y(n, 0), e.Dim(e.rowStep(n.Out())), rows, weight, rest)
	return nil
}

// roundsRows reports whether the product n, a BlockedLinear, rounds its rows to int8: the model says so, or the user where that can be.
func (g *generator) roundsRows(n *ir.Node) bool {
	return n.Int("int8") != 0 || g.opts.Precision == Int8 && canRoundRows(n)
}

func canRoundRows(n *ir.Node) bool {
	block := n.Int("block_size")
	return block%16 == 0 && block <= lib.MaxInt8Block
}

// servesBlocked says why the kernel cannot do n, of which only the distances of rows are not looked at.
func servesBlocked(n *ir.Node) error {
	w, scale, zero, block := n.Arg("w"), n.Arg("scale"), n.Arg("zero_point"), n.Int("block_size")
	if err := checkNode(n, anyElem); err != nil || n.TypeAt(0).Rank() < 2 || w.Type.Rank() != 2 {
		return cmp.Or(err, errShape)
	}
	k, cols := w.Type.Shape[0], w.Type.Shape[1]
	depth, ok := k.Const()
	blocks := []ir.Dim{ir.N((depth + block - 1) / max(block, 1)), cols}
	switch {
	case n.TypeAt(0).Elem != ir.F32 || blockFormats[w.Type.Elem] == "" || scale.Type.Elem != ir.F32 || !stored(w) || !stored(scale) || block < 1:
		return errBlocks
	case !ok || !ir.EqualDims(scale.Type.Shape, blocks):
		return errShape
	case zero != nil && (!stored(zero) || !ir.EqualDims(zero.Type.Shape, blocks)):
		return errBlocks
	case actKernels[n.Str("act")] == "":
		return errShape
	case n.Int("int8") != 0 && !canRoundRows(n):
		return errBlocks
	}
	return fitsAdded(n)
}

func lowerDynamicQuantize(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil || n.TypeAt(0).Elem != ir.F32 {
		return cmp.Or(err, errElem)
	}
	e.Call("dynamicQuantize", e.Ctx(), e.Y(n, 0), e.Y(n, 1), e.Y(n, 2), e.X(n, 0))
	return nil
}

func lowerQuantizeBytes(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	if p := n.Int("precision"); n.TypeAt(0).Elem != ir.F32 || !isByte(n.Out()) || !oneF32(n.Args[1]) || p != 0 && ir.Elem(p) != ir.F32 {
		return errBytes
	}
	e.Call("quantizeAll", e.Ctx(), e.Y(n, 0), e.X(n, 0), e.X(n, 1), e.zeroPoint(n))
	return nil
}

func lowerDequantizeBytes(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil || !isByte(n.Args[0]) || n.Out().Type.Elem != ir.F32 || !oneF32(n.Args[1]) {
		return cmp.Or(err, errBytes)
	}
	e.Call("dequantizeAll", e.Ctx(), e.Y(n, 0), e.X(n, 0), e.X(n, 1), e.zeroPoint(n))
	return nil
}

func lowerQuantize(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	to := n.Out().Type.Elem
	value, err1 := toFloat64(n.TypeAt(0).Elem)
	unit, err2 := toFloat64(n.TypeAt(1).Elem)
	level, err3 := toFloat64(to)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return err
		}
	}
	var round string
	switch to {
	case ir.I4, ir.U4, ir.I2, ir.U2:
		round = map[ir.Elem]string{ir.I4: "clampInt4", ir.U4: "clampUint4", ir.I2: "clampInt2", ir.U2: "clampUint2"}[to]
	default:
		small := false
		if round, small, err1 = fromFloat64(to, "nearest"); err1 != nil {
			return err1
		}
		if isNumber(to) && to.IsInt() {
			round, small = "clampInteger", true
		}
		if !small {
			return fmt.Errorf("elements are quantized to %s", to)
		}
	}
	e.Call("quantize", e.Y(n, 0), e.X(n, 0), e.X(n, 1), e.zeroPoint(n), e.scalesOf(n), value, unit, level, round,
		n.Int("saturate") != 0, to.IsInt())
	return nil
}

// zeroPoint is the third argument, nil when it is absent.
func (e *emitter) zeroPoint(n *ir.Node) string {
	if e.Has(n, 2) {
		return e.X(n, 2)
	}
	return "nil"
}

func (e *emitter) scalesOf(n *ir.Node) string {
	return callText("scalesOf", []any{e.Shape(n.Args[0]), e.Shape(n.Args[1]), n.Int("axis"), n.Int("block_size")})
}

func lowerDequantize(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	level, err1 := toFloat64(n.TypeAt(0).Elem)
	unit, err2 := toFloat64(n.TypeAt(1).Elem)
	round, small, err3 := fromFloat64(n.Out().Type.Elem, "nearest")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return err
		}
	}
	if small {
		return fmt.Errorf("elements are dequantized to %s", n.Out().Type.Elem)
	}
	e.Call("dequantize", e.Y(n, 0), e.X(n, 0), e.X(n, 1), e.zeroPoint(n), e.scalesOf(n), level, unit, round)
	return nil
}
