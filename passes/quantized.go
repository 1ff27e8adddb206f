package passes

import (
	"cmp"
	"math"

	"github.com/gpamc/gpamc/ir"
)

// quantized recognises products of whole numbers that are scaled behind: as quantize_dynamic of ONNX Runtime writes them, and as the
// product of two DequantizeLinear, which is the same but for rounding.
var quantized = []Rule{
	{"quantized-integer", `(Mul (Cast y:(MatMulInteger x w xz? wz?) to=_) *(Mul xs ws))
		(Mul (Mul (Cast y:(MatMulInteger x w xz? wz?) to=_) xs) ws)`, func(b *ir.Builder, m *Match) *ir.Value {
		xs, ws := m.V("xs"), m.V("ws")
		if !isWeight(ws) || !one(xs) {
			xs, ws = ws, xs
		}
		return m.quantizedLinear(b, xs, ws, m.data(m.V("w")))
	}},
	{"quantized-matmul", "(MatMul *(DequantizeLinear x xs xz? axis=_) dw:*(DequantizeLinear w ws wz? axis=_))", func(b *ir.Builder, m *Match) *ir.Value {
		if !m.scalesAlong(1) {
			return nil
		}
		return m.quantizedLinear(b, m.V("xs"), m.V("ws"), m.data(m.V("w")))
	}},
	{"quantized-gemm", "(Gemm *(DequantizeLinear x xs xz? axis=_) dw:*(DequantizeLinear w ws wz? axis=_) c? transB=_)", func(b *ir.Builder, m *Match) *ir.Value {
		w, columns := m.data(m.V("w")), 1
		if w == nil {
			return m.No("the right side is no weight")
		}
		if m.Root.Int("transB") != 0 {
			w, columns = transposeData(w, []int64{1, 0}), 0
		}
		if !m.scalesAlong(columns) {
			return nil
		}
		y := m.quantizedLinear(b, m.V("xs"), m.V("ws"), w)
		if c := m.V("c"); y != nil && c != nil {
			y = b.New(ir.Add, nil, y, c)
		}
		return y
	}},
	{"blocked-matmul", `(MatMul x (DequantizeLinear w s z? axis=_ block_size=_))
		(MatMul x (Transpose (DequantizeLinear w s z? axis=_ block_size=_) perm=_))`, func(b *ir.Builder, m *Match) *ir.Value {
		d := m.Root.Args[1].Def
		turned := d.Op == ir.Transpose
		if turned {
			d = d.Args[0].Def
		}
		return m.blocked(b, d, turned)
	}},
}

// blocked is the product of x and the weight that d stands for, or its transpose, if that has 2, 4 or 8 bits an element and scales
// for blocks of a column.
func (m *Match) blocked(b *ir.Builder, d *ir.Node, turned bool) *ir.Value {
	block, axis := d.Int("block_size"), d.Int("axis")
	x, w, scale, zero := m.V("x"), m.data(m.V("w")), m.data(m.V("s")), m.data(m.V("z"))
	switch {
	case w == nil || len(w.Shape) != 2 || unsignedElems[w.Elem] == ir.NoElem || block < 1:
		return m.No("the right side is no weight of 2, 4 or 8 bits in blocks")
	case !x.Type.Elem.IsFloat() || x.Type.Elem == ir.F64 || x.Type.Rank() < 2 || scale == nil:
		return m.No("x is %s, or the scales are computed", x.Type)
	case m.V("z") != nil && zero == nil:
		return m.No("the zero points are computed")
	case (axis+2)%2 == 1 != turned:
		return m.No("the blocks are not those of columns")
	}
	if turned {
		w, scale = transposeData(w, []int64{1, 0}), transposeData(scale, []int64{1, 0})
		if zero != nil {
			zero = transposeData(zero, []int64{1, 0})
		}
	}
	w, zero = unsigned(w, scale, zero)
	attrs := ir.Attrs{"block_size": block}
	if q := x.Def; q != nil && q.Op == ir.FakeQuantize && q.Int("block_size") == block && block%16 == 0 && block <= maxInt8Block {
		attrs["int8"], x = 1, q.Args[0]
	}
	args := []*ir.Value{x, m.weight(b, "", w), m.weight(b, ".scale", scale)}
	if zero != nil {
		args = append(args, m.weight(b, ".zero", zero))
	}
	return b.New(ir.BlockedLinear, attrs, args...)
}

// maxInt8Block is the longest block for which packages have products of rows in int8.
const maxInt8Block = 256

// unsignedElems are the elements that the weight of a BlockedLinear has instead.
var unsignedElems = map[ir.Elem]ir.Elem{ir.U2: ir.U2, ir.I2: ir.U2, ir.U4: ir.U4, ir.I4: ir.U4, ir.U8: ir.U8, ir.I8: ir.U8}

// unsigned is the weight w and its zero points, nil for 0, without a sign.
func unsigned(w, scale, zero *ir.Data) (_, _ *ir.Data) {
	e := unsignedElems[w.Elem]
	if w.Elem == e {
		return w, zero
	}
	w = w.Made()
	shift := int64(1) << (e.Bits() - 1)
	numbers, zeros := ir.NewData(e, w.Shape...), ir.NewData(e, scale.Shape...)
	for i := range w.Len() {
		numbers.SetInt(i, w.Int(i)+shift)
	}
	for i := range scale.Len() {
		z := shift
		if zero != nil {
			z += zero.Int(i)
		}
		zeros.SetInt(i, z)
	}
	return numbers, zeros
}

// scalesAlong reports whether w, that dw stands for, has its scales along an axis, unless it has only one.
func (m *Match) scalesAlong(axis int) bool {
	if at := m.N("dw").Int("axis"); at != axis && at != axis-2 && !one(m.V("ws")) {
		m.No("the scales are not those of columns")
		return false
	}
	return true
}

// one reports whether v has one element and no more than one axis.
func one(v *ir.Value) bool { return v.Type.Ranked() && v.Type.Rank() <= 1 && v.Type.Size().Is(1) }

// quantizedLinear is the product of x and w with these scales, if x has one and w one, or one a column.
func (m *Match) quantizedLinear(b *ir.Builder, xs, ws *ir.Value, w *ir.Data) *ir.Value {
	x, xz := m.V("x"), m.V("xz")
	if e := x.Type.Elem; e != ir.U8 && e != ir.I8 || x.Type.Rank() < 2 {
		return m.No("x is %s: rows of u8 or i8 are wanted", x.Type)
	}
	if !one(xs) || xs.Type.Elem != ir.F32 || xz != nil && !one(xz) || m.Root.Out().Type.Elem != ir.F32 {
		return m.No("x has not one scale and one zero point in f32")
	}
	if w == nil || w.Elem != ir.U8 && w.Elem != ir.I8 || len(w.Shape) != 2 || w.Shape[0] > maxQuantizedDepth {
		return m.No("the right side is no weight of bytes, of two dimensions and at most %d rows", maxQuantizedDepth)
	}
	scale, zero, n := m.data(ws), m.data(m.V("wz")), w.Shape[1]
	if scale == nil || scale.Elem != ir.F32 || len(scale.Shape) > 1 || scale.Len() != 1 && scale.Len() != n {
		return m.No("the weight has not one scale, or one a column")
	}
	if m.V("wz") != nil && (zero == nil || len(zero.Shape) > 1 || zero.Len() != 1 && zero.Len() != n) {
		return m.No("the weight has not one zero point, or one a column")
	}
	bytes, zeros := signed(w, zero)
	if zeros != nil && w.Shape[0] > maxShiftedDepth {
		return m.No("a sum of %d terms may not fit into an i32", w.Shape[0])
	}
	columns := ir.NewData(ir.F32, n)
	for j := range n {
		columns.SetFloat(j, scale.Float(j%scale.Len()))
	}
	args := []*ir.Value{x, xs, xz, m.weight(b, "", bytes), m.weight(b, ".scale", columns)}
	if zeros != nil {
		args = append(args, m.weight(b, ".zero", zeros))
	}
	return b.New(ir.QuantizedLinear, nil, args...)
}

// signed is the weight w and its zero points, if it has any, with a sign: w less these, and no zero points, where that fits into 8 bits.
func signed(w, zero *ir.Data) (bytes, zeros *ir.Data) {
	w = w.Made()
	n, shift := w.Shape[1], int64(0)
	bytes, zeros = ir.NewData(ir.I8, w.Shape...), ir.NewData(ir.I8, n)
	if w.Elem == ir.U8 {
		shift = math.MinInt8
	}
	at := func(j int) int64 {
		if zero == nil {
			return 0
		}
		return zero.Int(j % zero.Len())
	}
	fits := true
	for i := range w.Len() {
		v := w.Int(i) - at(i%n)
		fits = fits && v >= math.MinInt8 && v <= math.MaxInt8
	}
	for i := range w.Len() {
		if fits {
			bytes.SetInt(i, w.Int(i)-at(i%n))
		} else {
			bytes.SetInt(i, w.Int(i)+shift)
		}
	}
	if fits {
		return bytes, nil
	}
	for j := range n {
		zeros.SetInt(j, at(j)+shift)
	}
	return bytes, zeros
}

// maxQuantizedDepth is how many products of bytes fit into an i32, whatever their signs.
const maxQuantizedDepth = math.MaxInt32 / (math.MaxUint8 * -math.MinInt8)

// maxShiftedDepth is the same where both have zero points.
const maxShiftedDepth = math.MaxInt32 / (math.MaxUint8 * math.MaxUint8)

// weight is a weight that holds d, named after w, in whose place it may be.
func (m *Match) weight(b *ir.Builder, suffix string, d *ir.Data) *ir.Value {
	name := cmp.Or(m.Root.Name, "quantized") + suffix
	if v := m.V("w"); v.Is(ir.Weight) {
		name = v.Def.Str("name") + suffix
	}
	if old := m.P.Weights[name]; old == nil || !old.Equal(d) {
		name = newName(m.P, name)
		m.P.Weights[name] = d
	}
	return b.New(ir.Weight, ir.Attrs{"name": name, "type": d.Type()})
}
