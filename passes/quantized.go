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
		return m.quantizedLinear(b, xs, ws)
	}},
	{"quantized-matmul", "(MatMul *(DequantizeLinear x xs xz? axis=_) dw:*(DequantizeLinear w ws wz? axis=_))", func(b *ir.Builder, m *Match) *ir.Value {
		if axis := m.N("dw").Int("axis"); axis != 1 && axis != -1 && !one(m.V("ws")) {
			return m.No("the scales are not those of columns")
		}
		return m.quantizedLinear(b, m.V("xs"), m.V("ws"))
	}},
}

// one reports whether v has one element and no more than one axis.
func one(v *ir.Value) bool { return v.Type.Ranked() && v.Type.Rank() <= 1 && v.Type.Size().Is(1) }

// quantizedLinear is the product of x and w with these scales, if x has one and w one, or one a column.
func (m *Match) quantizedLinear(b *ir.Builder, xs, ws *ir.Value) *ir.Value {
	x, w, xz := m.V("x"), m.data(m.V("w")), m.V("xz")
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
	bytes := ir.NewData(ir.I8, w.Shape...)
	for i := range w.Len() {
		v := w.Int(i)
		if zero != nil {
			v -= zero.Int(i % n % zero.Len())
		}
		if v < math.MinInt8 || v > math.MaxInt8 {
			return m.No("the weight less its zero point is not all within 8 bits")
		}
		bytes.SetInt(i, v)
	}
	columns := ir.NewData(ir.F32, n)
	for j := range n {
		columns.SetFloat(j, scale.Float(j%scale.Len()))
	}
	return b.New(ir.QuantizedLinear, nil, x, xs, xz, m.weight(b, "w", "", bytes), m.weight(b, "w", ".scale", columns))
}

// maxQuantizedDepth is how many products of bytes fit into an i32, whatever their signs.
const maxQuantizedDepth = math.MaxInt32 / (math.MaxUint8 * -math.MinInt8)

// weight is a weight that holds d, named after the value of that name, in whose place it may be.
func (m *Match) weight(b *ir.Builder, of, suffix string, d *ir.Data) *ir.Value {
	name := cmp.Or(m.Root.Name, "quantized") + suffix
	if v := m.V(of); v.Is(ir.Weight) {
		name = v.Def.Str("name") + suffix
	}
	if old := m.P.Weights[name]; old == nil || !old.Equal(d) {
		name = newName(m.P, name)
		m.P.Weights[name] = d
	}
	return b.New(ir.Weight, ir.Attrs{"name": name, "type": d.Type()})
}
