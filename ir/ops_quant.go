package ir

import "fmt"

var (
	// QuantizeLinear is round(x/scale) + zero_point, to the nearest even, saturated to the type of zero_point, of output_dtype or u8.
	// scale is one number, a vector along axis, or one number for each block of block_size along axis.
	QuantizeLinear = define(Op{Name: "QuantizeLinear", Args: "x scale zero_point?",
		Attrs: "axis:int=1 block_size:int=0 output_dtype:int=0 precision:int=0 saturate:int=1", Infer: inferQuantize,
		Example: "QuantizeLinear(x, 0.02, u8[]{128})", Inputs: "x f32[2,3]"})

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
