package ir

import (
	"fmt"
	"math"
	"slices"
)

var (
	// QuantizeLinear is round(x/scale) + zero_point, to the nearest even, saturated to the type of zero_point, of output_dtype or u8.
	// scale is one number, a vector along axis, or one number for each block of block_size along axis.
	QuantizeLinear = define(Op{Name: "QuantizeLinear", Args: "x scale zero_point?",
		Attrs: "axis:int=1 block_size:int=0 output_dtype:int=0 precision:int=0 saturate:int=1", Infer: inferQuantize,
		Example: "QuantizeLinear(x, 0.02, u8[]{128})", Inputs: "x f32[2,3]"})

	// DynamicQuantizeLinear is x quantized to u8 with the scale and zero point that just hold its elements and 0.
	DynamicQuantizeLinear = define(Op{Name: "DynamicQuantizeLinear", Args: "x", Results: "y scale zero_point", Infer: inferDynamicQuantize,
		Expand: expandDynamicQuantize, Example: "DynamicQuantizeLinear(x)", Inputs: "x f32[2,3]"})

	// MatMulInteger is (a - a_zero_point)·(b - b_zero_point) in i32; a zero point is one for all, for each row of a, or each column of b.
	MatMulInteger = define(Op{Name: "MatMulInteger", Args: "a b a_zero_point? b_zero_point?", Expand: func(b *Builder, n *Node) []*Value {
		x := b.offset(n.Arg("a"), b.rows(n.Arg("a_zero_point")))
		return b.New1(MatMul, nil, x, b.offset(n.Arg("b"), n.Arg("b_zero_point")))
	}, Example: "MatMulInteger(a, b, u8[]{2})", Inputs: "a u8[2,3] b i8[3,4]"})

	// ConvInteger is Conv of x - x_zero_point with w - w_zero_point in i32; the padding is x_zero_point.
	ConvInteger = define(Op{Name: "ConvInteger", Args: "x w x_zero_point? w_zero_point?", Attrs: windowAttrs + " group:int=1",
		Expand: func(b *Builder, n *Node) []*Value {
			return []*Value{b.convInteger(n, n.Arg("x"), n.Arg("w"), n.Arg("x_zero_point"), n.Arg("w_zero_point"), nil)}
		}, Example: "ConvInteger(x, w, u8[]{2})", Inputs: "x u8[1,1,3,3] w u8[1,1,2,2]"})

	// QLinearMatMul is MatMulInteger, times a_scale·b_scale/y_scale, rounded, plus y_zero_point and saturated to its type.
	QLinearMatMul = define(Op{Name: "QLinearMatMul", Args: "a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point", Expand: expandQLinearMatMul,
		Example: "QLinearMatMul(a, f32[]{0.1}, u8[]{1}, b, f32[]{0.2}, i8[]{0}, f32[]{0.3}, u8[]{9})", Inputs: "a u8[2,3] b i8[3,4]"})

	// QLinearConv is ConvInteger + b, times x_scale·w_scale/y_scale, rounded, plus y_zero_point and saturated to its type.
	QLinearConv = define(Op{Name: "QLinearConv", Args: "x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point b?", Attrs: windowAttrs + " group:int=1",
		Expand: expandQLinearConv, Inputs: "x u8[1,1,3,3] w u8[1,1,2,2]",
		Example: "QLinearConv(x, f32[]{0.1}, u8[]{1}, w, f32[]{0.2}, u8[]{2}, f32[]{0.3}, u8[]{9})"})

	// QuantizedLinear is act((x - x_zero_point)·(w - w_zero_point) times x_scale·w_scale + b) + r, the product in i32; act is that of
	// Linear. Not ONNX's.
	QuantizedLinear = define(Op{Name: "QuantizedLinear", Args: "x x_scale x_zero_point? w w_scale w_zero_point? b? r?", Attrs: "act:string=",
		Expand: expandQuantizedLinear, Example: `QuantizedLinear(x, f32[]{0.1}, u8[]{3}, w, s, z, b, r) act="gelu"`,
		Inputs: "x u8[n,2,3] w i8[3,4] s f32[4] z i8[4] b f32[4] r f32[n,2,4]"})

	// BlockedLinear is Linear with w dequantized: each column in blocks of block_size rows, which have a scale and a zero point each. With
	// int8=1, x is FakeQuantize(x). Not ONNX's.
	BlockedLinear = define(Op{Name: "BlockedLinear", Args: "x w scale zero_point? b? r?", Attrs: "block_size:int act:string= int8:int=0",
		Expand:  expandBlockedLinear,
		Example: `BlockedLinear(x, u4[4,3]{0,1,2,3,4,5,6,7,8,9,10,15}, s, u4[2,3]{8,8,7,0,1,2}, b, r) block_size=2 act="gelu"`,
		Inputs:  "x f32[n,2,4] s f32[2,3] b f32[3] r f32[n,2,3]"})

	// FakeQuantize is x where each block of block_size elements along the last axis, the last one maybe shorter, is rounded to whole
	// numbers times a 127th of its greatest: what a product sees that rounds its rows to int8. Not ONNX's.
	FakeQuantize = define(Op{Name: "FakeQuantize", Args: "x", Attrs: "block_size:int", Infer: floats(inferFakeQuantize, 0), Expand: inSingle(expandFakeQuantize),
		Example: "FakeQuantize(x) block_size=4", Inputs: "x f32[n,2,6]"})

	// DequantizeLinear is (x - zero_point)·scale, in scale's type or output_dtype; the scales are as for QuantizeLinear.
	DequantizeLinear = define(Op{Name: "DequantizeLinear", Args: "x scale zero_point?", Attrs: "axis:int=1 block_size:int=0 output_dtype:int=0",
		Infer: inferDequantize, Example: "DequantizeLinear(x, f32[]{0.5}, u8[]{2})", Inputs: "x u8[2,3]"})
)

func inferQuantize(n *Node) ([]Type, error) {
	e := Elem(n.Int("output_dtype"))
	if z := n.TypeAt(2).Elem; z != NoElem {
		if e != NoElem && e != z {
			return nil, fmt.Errorf("output_dtype is %s but zero_point %s", e, z)
		}
		e = z
	}
	if e == NoElem {
		e = U8
	}
	if !e.Valid() || e.Bits() > 16 || !e.IsInt() && !e.IsFloat() {
		return nil, fmt.Errorf("cannot quantize to %s", e)
	}
	return quantized(n, e)
}

func inferDequantize(n *Node) ([]Type, error) {
	e := Elem(n.Int("output_dtype"))
	if e == NoElem {
		e = n.TypeAt(1).Elem
	}
	if x, z := n.TypeAt(0).Elem, n.TypeAt(2).Elem; x != NoElem && z != NoElem && x != z {
		return nil, fmt.Errorf("x is %s but zero_point %s", x, z)
	}
	return quantized(n, e)
}

// quantized checks the scale against x and gives x's type with elements e.
func quantized(n *Node, e Elem) ([]Type, error) {
	x, s := n.TypeAt(0), n.TypeAt(1)
	if !x.Ranked() || !s.Ranked() {
		return []Type{x.With(e)}, nil
	}
	if n.Int("block_size") < 0 {
		return nil, fmt.Errorf("block_size=%d", n.Int("block_size"))
	}
	if s.Rank() == 0 || s.Rank() == 1 && s.Shape[0].Is(1) && n.Int("block_size") == 0 {
		return []Type{x.With(e)}, nil
	}
	axis, err := Axis(n.Int("axis"), x.Rank())
	if err != nil {
		return nil, err
	}
	if n.Int("block_size") > 0 {
		if s.Rank() != x.Rank() {
			return nil, fmt.Errorf("scales %s for blocks of %s: as many axes are wanted", s, x)
		}
		return []Type{x.With(e)}, nil
	}
	if s.Rank() != 1 {
		return nil, fmt.Errorf("scale is %s: a number or a vector along axis %d is wanted", s, axis)
	}
	if d := x.Shape[axis]; d.IsConst() && s.Shape[0].IsConst() && !d.Equal(s.Shape[0]) {
		return nil, fmt.Errorf("%s scales for an axis of %s", s.Shape[0], d)
	}
	return []Type{x.With(e)}, nil
}

func inferDynamicQuantize(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	return []Type{x.With(U8), T(F32), T(U8)}, err
}

func expandDynamicQuantize(b *Builder, n *Node) []*Value {
	x := n.Arg("x")
	zero := b.like(x, 0)
	lo := b.New(Min, nil, b.New(ReduceMin, Attrs{"keepdims": 0}, x), zero)
	hi := b.New(Max, nil, b.New(ReduceMax, Attrs{"keepdims": 0}, x), zero)
	scale := b.New(Div, nil, b.New(Sub, nil, hi, lo), b.like(x, 255))
	scale = b.New(Where, nil, b.New(Equal, nil, scale, zero), b.like(x, 1), scale) // all of x is 0
	place := b.New(Round, nil, b.New(Clip, nil, b.New(Neg, nil, b.New(Div, nil, lo, scale)), zero, b.like(x, 255)))
	z := b.cast(place, U8)
	return []*Value{b.New(QuantizeLinear, nil, x, scale, z), b.cast(scale, F32), z}
}

// offset is x - zero in i32.
func (b *Builder) offset(x, zero *Value) *Value {
	x = b.cast(x, I32)
	if zero == nil {
		return x
	}
	return b.New(Sub, nil, x, b.cast(zero, I32))
}

// rows makes a vector that has a number for each row a column; one that has a single number is for all.
func (b *Builder) rows(v *Value) *Value {
	if v == nil || len(ranked(v)) != 1 || v.Type.Shape[0].Is(1) {
		return v
	}
	return b.New(Unsqueeze, nil, v, b.Vector(1))
}

// outChannels makes a vector [M] that has a number for each output channel one for weights or results of that many axes.
func (b *Builder) outChannels(v *Value, behind int) *Value {
	if v == nil || len(ranked(v)) != 1 || v.Type.Shape[0].Is(1) {
		return v
	}
	return b.New(Unsqueeze, nil, v, b.Vector(axesFrom(1, behind+1)...))
}

// convInteger is the convolution of x - xz with w - wz plus bias in i32, with n's attributes.
func (b *Builder) convInteger(n *Node, x, w, xz, wz, bias *Value) *Value {
	attrs := Attrs{}
	for name, v := range n.Attrs {
		attrs[name] = v
	}
	return b.New(Conv, attrs, b.offset(x, xz), b.offset(w, b.outChannels(wz, len(ranked(w))-1)), bias)
}

// requantized is acc·(x·y/z) rounded, plus zero and saturated to its type. In double precision, which holds every i32.
func (b *Builder) requantized(acc, x, y, z, zero *Value) *Value {
	e := zero.Type.Elem
	lo, hi := e.IntRange()
	factor := b.New(Div, nil, b.New(Mul, nil, x, y), z)
	v := b.New(Round, nil, b.New(Mul, nil, b.cast(acc, F64), b.cast(factor, F64)))
	v = b.New(Add, nil, v, b.cast(zero, F64))
	return b.cast(b.New(Clip, nil, v, b.Scalar(F64, lo), b.Scalar(F64, hi)), e)
}

// IntRange are the least and the greatest number of an integer type.
func (e Elem) IntRange() (lo, hi float64) {
	if e.IsUnsigned() {
		return 0, math.Ldexp(1, e.Bits()) - 1
	}
	return -math.Ldexp(1, e.Bits()-1), math.Ldexp(1, e.Bits()-1) - 1
}

func expandQLinearMatMul(b *Builder, n *Node) []*Value {
	x := b.offset(n.Arg("a"), b.rows(n.Arg("a_zero_point")))
	acc := b.New(MatMul, nil, x, b.offset(n.Arg("b"), n.Arg("b_zero_point")))
	return []*Value{b.requantized(acc, b.rows(n.Arg("a_scale")), n.Arg("b_scale"), b.rows(n.Arg("y_scale")), b.rows(n.Arg("y_zero_point")))}
}

func expandQuantizedLinear(b *Builder, n *Node) []*Value {
	s := n.Arg("w_scale")
	y := b.cast(b.New(MatMulInteger, nil, n.Arg("x"), n.Arg("w"), n.Arg("x_zero_point"), n.Arg("w_zero_point")), s.Type.Elem)
	return []*Value{b.epilogue(n, b.New(Mul, nil, y, b.New(Mul, nil, n.Arg("x_scale"), s)))}
}

func expandBlockedLinear(b *Builder, n *Node) []*Value {
	w := b.New(DequantizeLinear, Attrs{"axis": 0, "block_size": n.Int("block_size")}, n.Arg("w"), n.Arg("scale"), n.Arg("zero_point"))
	x := n.Arg("x")
	if n.Int("int8") != 0 {
		x = b.New(FakeQuantize, Attrs{"block_size": n.Int("block_size")}, x)
	}
	return []*Value{b.epilogue(n, b.New(MatMul, nil, x, w))}
}

func inferFakeQuantize(n *Node) ([]Type, error) {
	x, block := n.TypeAt(0), n.Int("block_size")
	if block < 1 {
		return nil, fmt.Errorf("block_size=%d", block)
	}
	if x.Ranked() && (x.Rank() < 1 || !x.Shape[x.Rank()-1].IsConst()) {
		return nil, fmt.Errorf("x is %s: a last axis of known size is wanted", x)
	}
	return []Type{x}, nil
}

func expandFakeQuantize(b *Builder, n *Node, x *Value) *Value {
	t, block, last := x.Type, n.Int("block_size"), len(ranked(x))-1
	k, _ := t.Shape[last].Const()
	blocks := (k + block - 1) / block
	if lack := blocks*block - k; lack > 0 {
		pads := make([]int64, 2*(last+1))
		pads[len(pads)-1] = int64(lack)
		x = b.New(Pad, nil, x, b.Vector(pads...))
	}
	rows := t.Shape[:last]
	x = b.New(Reshape, nil, x, b.Dims(append(slices.Clone(rows), N(blocks), N(block))...))
	scale := b.New(Div, nil, b.New(ReduceMax, nil, b.New(Abs, nil, x), b.Vector(-1)), b.like(x, math.MaxInt8))
	scale = b.New(Max, nil, scale, b.like(x, 1e-35)) // whose inverse is finite
	x = b.New(Round, nil, b.New(Mul, nil, x, b.New(Reciprocal, nil, scale)))
	x = b.New(Reshape, nil, b.New(Mul, nil, x, scale), b.Dims(append(slices.Clone(rows), N(blocks*block))...))
	if blocks*block > k {
		x = b.part(x, N(0), N(k), 1)
	}
	return x
}

func expandQLinearConv(b *Builder, n *Node) []*Value {
	x, w := n.Arg("x"), n.Arg("w")
	acc := b.convInteger(n, x, w, n.Arg("x_zero_point"), n.Arg("w_zero_point"), n.Arg("b"))
	return []*Value{b.requantized(acc, n.Arg("x_scale"), b.outChannels(n.Arg("w_scale"), len(ranked(x))-2), n.Arg("y_scale"), n.Arg("y_zero_point"))}
}
