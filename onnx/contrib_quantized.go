package onnx

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"DequantizeLinear":         func(s *steps) []*ir.Value { return s.linear("DequantizeLinear") },
		"DynamicQuantizeMatMul":    (*steps).dynamicQuantizeMatMul,
		"MatMulInteger16":          (*steps).matMulInteger16,
		"MatMulIntegerToFloat":     (*steps).matMulIntegerToFloat,
		"QGemm":                    (*steps).qGemm,
		"QLinearAdd":               func(s *steps) []*ir.Value { return s.qLinearBinary("Add") },
		"QLinearAveragePool":       (*steps).qLinearAveragePool,
		"QLinearConcat":            (*steps).qLinearConcat,
		"QLinearConv":              (*steps).qLinearConv,
		"QLinearGlobalAveragePool": (*steps).qLinearGlobalAveragePool,
		"QLinearLeakyRelu":         (*steps).qLinearLeakyRelu,
		"QLinearMul":               func(s *steps) []*ir.Value { return s.qLinearBinary("Mul") },
		"QLinearSigmoid":           (*steps).qLinearSigmoid,
		"QLinearSoftmax":           (*steps).qLinearSoftmax,
		"QLinearWhere":             (*steps).qLinearWhere,
		"QuantizeLinear":           func(s *steps) []*ir.Value { return s.linear("QuantizeLinear") },
	})
}

// linear is ONNX's operator of that name; ONNX Runtime had it for more element types first.
func (s *steps) linear(op string) []*ir.Value {
	return []*ir.Value{s.new(op, ir.Attrs{"axis": s.n.takeInt("axis", 1)}, s.required(0), s.required(1), s.n.input(2))}
}

// floatsOf is what argument i stands for, whose scale and zero point are the next two.
func (s *steps) floatsOf(i int) *ir.Value {
	return s.new("DequantizeLinear", nil, s.required(i), s.single(i+1), s.zeroPoint(i+2))
}

// bytesOf is y with the scale and zero point that are arguments i and i+1. A zero point that is left out is 0, of type e.
func (s *steps) bytesOf(y *ir.Value, i int, e ir.Elem) []*ir.Value {
	return []*ir.Value{s.new("QuantizeLinear", nil, y, s.single(i), s.zeroOr(i+1, e))}
}

// zeroOr is the zero point that is argument i, or 0 of type e.
func (s *steps) zeroOr(i int, e ir.Elem) *ir.Value {
	if zero := s.zeroPoint(i); zero != nil || s.err != nil {
		return zero
	}
	if e != ir.U8 && e != ir.I8 {
		s.fail("elements are %s: bytes are wanted", e)
		return nil
	}
	return s.new("Const", ir.Attrs{"value": ir.Ints(e, nil, 0)})
}

// single is argument i, of one element.
func (s *steps) single(i int) *ir.Value {
	v := s.required(i)
	if s.err == nil && !isOne(v.Type) {
		s.fail("input %d is %s: one number is wanted", i, v.Type)
	}
	return v
}

// zeroPoint is argument i, of one element if it is there.
func (s *steps) zeroPoint(i int) *ir.Value {
	if s.n.input(i) == nil {
		return nil
	}
	return s.single(i)
}

// isOne reports whether t has one element and no more than one axis.
func isOne(t ir.Type) bool { return t.Ranked() && t.Rank() <= 1 && t.Size().Is(1) }

// elemOf is the element type of argument i.
func (s *steps) elemOf(i int) ir.Elem {
	if v := s.required(i); v != nil {
		return v.Type.Elem
	}
	return ir.NoElem
}

// bytesProduct is the product of a and b in whole numbers, times both scales, plus bias; zero points and bias may be left out. Passes know
// this spelling.
func (s *steps) bytesProduct(a, b, aScale, bScale, aZero, bZero, bias *ir.Value) *ir.Value {
	for _, v := range []*ir.Value{a, b} {
		if s.err == nil && v.Type.Elem != ir.U8 && v.Type.Elem != ir.I8 {
			s.fail("a factor is %s: bytes are wanted", v.Type)
		}
	}
	y := s.new("MatMulInteger", nil, a, b, aZero, bZero)
	if s.err != nil {
		return nil
	}
	y = s.new("Mul", nil, s.cast(y, bScale.Type.Elem), s.new("Mul", nil, aScale, bScale))
	return s.sum(y, bias)
}

// dynamicQuantizeMatMul quantises a in the run.
func (s *steps) dynamicQuantizeMatMul() []*ir.Value {
	a, b, scale := s.required(0), s.required(1), s.required(2)
	if s.err != nil {
		return nil
	}
	q, err := s.n.add(ir.DynamicQuantizeLinear, 3, nil, nil, a)
	if s.err = err; err != nil {
		return nil
	}
	return []*ir.Value{s.bytesProduct(q[0], b, q[1], scale, q[2], s.n.input(3), s.n.input(4))}
}

func (s *steps) matMulIntegerToFloat() []*ir.Value {
	return []*ir.Value{s.bytesProduct(s.required(0), s.required(1), s.single(2), s.required(3), s.zeroPoint(4), s.n.input(5), s.n.input(6))}
}

// matMulInteger16 is a product of 16 bits in 32: without a sign if none of the factors has one.
func (s *steps) matMulInteger16() []*ir.Value {
	a, b := s.required(0), s.required(1)
	if s.err != nil {
		return nil
	}
	e := ir.I32
	if a.Type.Elem == ir.U16 && b.Type.Elem == ir.U16 {
		e = ir.U32
	}
	return []*ir.Value{s.new("MatMul", nil, s.cast(a, e), s.cast(b, e))}
}

// qGemm is alpha times the product of matrices of bytes plus c, which has the product's scale. With a scale of its own the result is bytes.
func (s *steps) qGemm() []*ir.Value {
	a, b := s.turned("transA", s.ranked(0, 2)), s.turned("transB", s.ranked(3, 2))
	aScale, bScale := s.single(1), s.required(4)
	if alpha := s.n.takeFloat("alpha", 1); alpha != 1 {
		aScale = s.new("Mul", nil, aScale, s.like(aScale, alpha))
	}
	var bias *ir.Value
	if c := s.n.input(6); c != nil && s.err == nil {
		bias = s.new("Mul", nil, s.cast(c, bScale.Type.Elem), s.new("Mul", nil, aScale, bScale))
	}
	y := s.bytesProduct(a, b, aScale, bScale, s.zeroPoint(2), s.required(5), bias)
	if (s.n.input(7) == nil) != (s.n.input(8) == nil) {
		s.fail("y_scale and y_zero_point go together")
	}
	if s.n.input(7) == nil {
		return []*ir.Value{y}
	}
	return s.bytesOf(y, 7, s.elemOf(0))
}

// turned is the matrix x of bytes, transposed if the attribute says so: at once if it is known, since passes look for a weight.
func (s *steps) turned(attr string, x *ir.Value) *ir.Value {
	if s.n.takeInt(attr, 0) == 0 || s.err != nil {
		return x
	}
	d := s.n.data(x)
	if d == nil {
		return s.new("Transpose", ir.Attrs{"perm": []int64{1, 0}}, x)
	}
	rows, columns := d.Shape[0], d.Shape[1]
	out := ir.NewData(d.Elem, columns, rows)
	for i := range rows {
		for j := range columns {
			out.SetInt(j*rows+i, d.Int(i*columns+j))
		}
	}
	var y *ir.Value
	y, s.err = s.n.constant(x.Name+".transposed", out)
	return y
}

func (s *steps) qLinearBinary(op string) []*ir.Value {
	return s.bytesOf(s.new(op, nil, s.floatsOf(0), s.floatsOf(3)), 6, s.elemOf(0))
}

func (s *steps) qLinearLeakyRelu() []*ir.Value {
	attrs := ir.Attrs{"alpha": s.n.takeFloat("alpha", 0.01)}
	return s.bytesOf(s.new("LeakyRelu", attrs, s.floatsOf(0)), 3, s.elemOf(0))
}

func (s *steps) qLinearSigmoid() []*ir.Value {
	return s.bytesOf(s.new("Sigmoid", nil, s.floatsOf(0)), 3, s.elemOf(0))
}

// qLinearSoftmax goes along one axis, or before opset 13 along all from there on. ONNX Runtime multiplies by the whole part of one over
// the scale.
func (s *steps) qLinearSoftmax() []*ir.Value {
	opset, ok := s.n.take("opset").(int64)
	if !ok {
		s.fail("attribute %q is missing", "opset")
	}
	axis := s.n.takeInt("axis", -1)
	x := s.floatsOf(0)
	if s.err != nil {
		return nil
	}
	p := s.softmax(x, axis, opset < 13)
	whole := s.new("Floor", nil, s.new("Reciprocal", nil, s.single(3)))
	return []*ir.Value{s.new("QuantizeLinear", nil, p, s.new("Reciprocal", nil, whole), s.zeroOr(4, s.elemOf(0)))}
}

// softmax goes along an axis of x, or all from there on as if they were one.
func (s *steps) softmax(x *ir.Value, axis int64, flat bool) *ir.Value {
	last := axis == -1 || x.Type.Ranked() && axis == int64(x.Type.Rank())-1
	if !flat || last {
		return s.new("Softmax", ir.Attrs{"axis": axis}, x)
	}
	rows := s.new("Flatten", ir.Attrs{"axis": axis}, x)
	shape := s.new("Shape", nil, x)
	return s.new("Reshape", nil, s.new("Softmax", ir.Attrs{"axis": int64(-1)}, rows), shape)
}

// qLinearConcat has its inputs in threes from the third on.
func (s *steps) qLinearConcat() []*ir.Value {
	if len(s.n.args) < 5 || len(s.n.args)%3 != 2 {
		s.fail("%d inputs: two, and three for each part are wanted", len(s.n.args))
		return nil
	}
	axis, ok := s.n.take("axis").(int64)
	if !ok {
		s.fail("attribute %q is missing", "axis")
	}
	var parts []*ir.Value
	for i := 2; i < len(s.n.args); i += 3 {
		parts = append(parts, s.floatsOf(i))
	}
	return s.bytesOf(s.new("Concat", ir.Attrs{"axis": axis}, parts...), 0, s.elemOf(2))
}

func (s *steps) qLinearWhere() []*ir.Value {
	return s.bytesOf(s.new("Where", nil, s.required(0), s.floatsOf(1), s.floatsOf(4)), 7, s.elemOf(1))
}

// images calls f with an image whose channels are its second axis, where they may be the last one.
func (s *steps) images(x *ir.Value, f func(x *ir.Value) *ir.Value) *ir.Value {
	if s.n.takeInt("channels_last", 0) == 0 || s.err != nil {
		return f(x)
	}
	rank := x.Type.Rank()
	if rank < 3 {
		s.fail("%s is no image", x.Type)
		return nil
	}
	first, last := []int64{0, int64(rank) - 1}, []int64{0}
	for i := 1; i < rank-1; i++ {
		first, last = append(first, int64(i)), append(last, int64(i)+1)
	}
	y := f(s.new("Transpose", ir.Attrs{"perm": first}, x))
	return s.new("Transpose", ir.Attrs{"perm": append(last, 1)}, y)
}

// attrsOf are the attributes of these names that are there.
func (s *steps) attrsOf(names ...string) ir.Attrs {
	attrs := ir.Attrs{}
	for _, name := range names {
		if v := s.n.take(name); v != nil {
			attrs[name] = v
		}
	}
	return attrs
}

func (s *steps) qLinearAveragePool() []*ir.Value {
	attrs := s.attrsOf("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
	y := s.images(s.floatsOf(0), func(x *ir.Value) *ir.Value { return s.new("AveragePool", attrs, x) })
	return s.bytesOf(y, 3, s.elemOf(0))
}

func (s *steps) qLinearGlobalAveragePool() []*ir.Value {
	y := s.images(s.floatsOf(0), func(x *ir.Value) *ir.Value { return s.new("GlobalAveragePool", nil, x) })
	return s.bytesOf(y, 3, s.elemOf(0))
}

// qLinearConv is ONNX's, but that the channels may be the last axis of what goes in and comes out.
func (s *steps) qLinearConv() []*ir.Value {
	attrs := s.attrsOf("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
	args := slices.Clone(s.n.args)
	y := s.images(s.required(0), func(x *ir.Value) *ir.Value {
		if len(args) > 0 {
			args[0] = x
		}
		return s.new("QLinearConv", attrs, args...)
	})
	return []*ir.Value{y}
}
