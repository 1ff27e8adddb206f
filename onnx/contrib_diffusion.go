package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"BiasAdd":        (*steps).biasAdd,
		"BiasDropout":    (*steps).biasDropout,
		"BiasSoftmax":    (*steps).biasSoftmax,
		"BiasSplitGelu":  (*steps).biasSplitGelu,
		"ComplexMul":     func(s *steps) []*ir.Value { return s.complexMul(1) },
		"ComplexMulConj": func(s *steps) []*ir.Value { return s.complexMul(-1) },
		"GatedAdd":       (*steps).gatedAdd,
		"GatedRMSNorm":   (*steps).gatedRMSNorm,
	})
}

// biasAdd is x + bias + skip.
func (s *steps) biasAdd() []*ir.Value {
	return []*ir.Value{s.new("Add", nil, s.new("Add", nil, s.required(0), s.required(1)), s.required(2))}
}

// biasDropout is x + bias + residual, of which nothing is dropped but in training. The second result says so.
func (s *steps) biasDropout() []*ir.Value {
	x := s.sum(s.sum(s.required(0), s.required(1)), s.n.input(2))
	s.n.take("seed")
	if training := s.n.input(4); training != nil {
		if d := s.n.data(training); d == nil || d.Len() != 1 || d.Int(0) != 0 {
			s.fail("training is not supported")
		}
	}
	if s.err != nil {
		return nil
	}
	kept := s.new("Const", ir.Attrs{"value": ir.Ints(ir.Bool, nil, 1)})
	return []*ir.Value{x, s.new("Expand", nil, kept, s.new("Shape", nil, s.required(0)))}
}

// biasSoftmax is the softmax of x + bias. Where bias has fewer axes of its own, it is the same for the first ones, or for those between
// axis and the heads before it.
func (s *steps) biasSoftmax() []*ir.Value {
	x, bias := s.required(0), s.required(1)
	axis := s.n.takeInt("axis", 1)
	inner := s.n.takeInt("is_inner_broadcast", 0) != 0
	if s.err != nil {
		return nil
	}
	rank := x.Type.Rank()
	last, err := ir.Axis(int(axis), rank)
	switch {
	case rank < 0 || err != nil || last != rank-1:
		s.fail("axis %d of %s is not supported: the last one is", axis, x.Type)
	case inner && bias.Type.Rank() != rank:
		s.fail("an inner broadcast of %s to %s is not supported", bias.Type, x.Type)
	}
	return []*ir.Value{s.new("Softmax", ir.Attrs{"axis": int64(-1)}, s.new("Add", nil, x, bias))}
}

// biasSplitGelu is the first half of x + bias times the GELU of the second.
func (s *steps) biasSplitGelu() []*ir.Value {
	x := s.new("Add", nil, s.required(0), s.required(1))
	left, right := s.halves(x)
	return []*ir.Value{s.new("Mul", nil, left, s.new("Gelu", nil, right))}
}

// halves are the two of x's last axis.
func (s *steps) halves(x *ir.Value) (left, right *ir.Value) {
	if ys := s.several(ir.Split, 2, ir.Attrs{"axis": int64(-1), "num_outputs": int64(2)}, x); s.err == nil {
		return ys[0], ys[1]
	}
	return nil, nil
}

// complexMul is the product of complex numbers, the real part of each before the imaginary on the last axis. The sign is that of b's.
func (s *steps) complexMul(sign float64) []*ir.Value {
	ar, ai := s.halves(s.required(0))
	br, bi := s.halves(s.required(1))
	bi = s.times(bi, sign)
	re := s.new("Sub", nil, s.new("Mul", nil, ar, br), s.new("Mul", nil, ai, bi))
	im := s.new("Add", nil, s.new("Mul", nil, ar, bi), s.new("Mul", nil, ai, br))
	return []*ir.Value{s.new("Concat", ir.Attrs{"axis": int64(-1)}, re, im)}
}

// gatedAdd is x + y·gate.
func (s *steps) gatedAdd() []*ir.Value {
	return []*ir.Value{s.new("Add", nil, s.required(0), s.new("Mul", nil, s.required(1), s.required(2)))}
}

// gatedRMSNorm normalises x by the root of the mean square of each group of as many elements as scale has, times gate·sigmoid(gate).
func (s *steps) gatedRMSNorm() []*ir.Value {
	x, scale, gate := s.required(0), s.ranked(1, 1), s.required(2)
	if s.err != nil {
		return nil
	}
	epsilon := s.n.takeFloat("epsilon", 1e-6)
	rank := x.Type.Rank()
	if rank < 1 {
		s.fail("%s where rows are wanted", x.Type)
		return nil
	}
	y := x
	if width := scale.Type.Shape[0]; !width.Equal(x.Type.Shape[rank-1]) {
		groups, ok := x.Type.Shape[rank-1].Div(width)
		if !ok {
			s.fail("a scale of no elements")
			return nil
		}
		parts := append(append([]ir.Dim{}, x.Type.Shape[:rank-1]...), groups, width)
		y = s.new("Reshape", nil, x, s.n.b.Dims(parts...))
	}
	y = s.rmsNormalization(y, scale, epsilon)
	if y != nil && y.Type.Rank() > rank {
		y = s.new("Reshape", nil, y, s.n.b.Dims(x.Type.Shape...))
	}
	return []*ir.Value{s.new("Mul", nil, y, s.new("Swish", nil, gate))}
}
