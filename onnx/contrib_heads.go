package onnx

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

// mergedAttention is the attention of one product: queries, keys and values are x·weights + bias, side by side, and what is kept for later
// steps is one tensor [2,B,H,M,D] of keys and values.
func (s *steps) mergedAttention() []*ir.Value {
	s.absent(6)
	return s.projected(s.ranked(0, 3), s.ranked(1, 2), 3, 4, s.n.input(5))
}

// quantizedAttention is the same of bytes.
func (s *steps) quantizedAttention() []*ir.Value {
	x, weights := s.dequantized(s.ranked(0, 3), s.required(3), s.n.input(6)), s.dequantized(s.ranked(1, 2), s.required(4), s.n.input(7))
	return s.projected(x, weights, 5, 8, nil)
}

// dequantized are the numbers that bytes stand for, by one scale or that of each column. One zero point may serve all columns.
func (s *steps) dequantized(x, scale, zero *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	if zero == nil {
		return s.new("DequantizeLinear", ir.Attrs{"axis": int64(1)}, x, scale)
	}
	if t := scale.Type; t.Ranked() && t.Rank() == 1 && !t.Shape[0].Is(1) && zero.Type.Ranked() && zero.Type.Size().Is(1) {
		zero = s.new("Expand", nil, zero, s.n.b.Dims(t.Shape...))
	}
	return s.new("DequantizeLinear", ir.Attrs{"axis": int64(1)}, x, scale, zero)
}

// projected is the attention of x·weights + bias with the mask and the past that are inputs of these numbers.
func (s *steps) projected(x, weights *ir.Value, mask, past int, added *ir.Value) []*ir.Value {
	heads := s.count("num_heads")
	s.fixed("do_rotary", 0)
	s.n.take("rotary_embedding_dim")
	s.fixed("past_present_share_buffer", 0)
	sizes := s.hidden(weights)
	if s.err != nil {
		return nil
	}
	p := s.parts(s.sum(s.new("MatMul", nil, x, weights), s.n.input(2)), 2, sizes[:]...)
	a := &attending{steps: s, q: s.split(p[0], heads), k: s.split(p[1], heads), v: s.split(p[2], heads), bias: added, attrs: ir.Attrs{}}
	first, present := a.both(past)
	keep := a.seen(s.n.input(mask))
	a.hide(keep, s.n.takeInt("unidirectional", 0) == 1, first)
	return []*ir.Value{a.attend(), present}
}

// both puts keys and values into one tensor [2,B,H,M,D], behind the first ones of earlier steps, and takes them from it. The input of that
// number holds the earlier ones.
func (a *attending) both(input int) (first ir.Dim, present *ir.Value) {
	past, axis := a.n.input(input), a.ints(0)
	if past == nil && !a.wants(1) {
		return first, nil
	}
	present = a.new("Concat", ir.Attrs{"axis": int64(0)}, a.new("Unsqueeze", nil, a.k, axis), a.new("Unsqueeze", nil, a.v, axis))
	if past == nil {
		return first, present
	}
	past = a.ranked(input, 5)
	present = a.new("Concat", ir.Attrs{"axis": int64(3)}, past, present)
	p := a.parts(present, 0, ir.N(1), ir.N(1))
	a.k, a.v = a.new("Squeeze", nil, p[0], axis), a.new("Squeeze", nil, p[1], axis)
	if a.err == nil {
		first = past.Type.Shape[3]
	}
	return first, present
}

// hidden are the sizes of queries, keys and values that the columns of the weights make.
func (s *steps) hidden(weights *ir.Value) (sizes [3]ir.Dim) {
	given, ok := s.n.take("qkv_hidden_sizes").([]int64)
	switch {
	case s.err != nil:
	case ok && len(given) != 3:
		s.fail("qkv_hidden_sizes=%d: three sizes are wanted", given)
	case ok:
		for i, n := range given {
			sizes[i] = ir.N(int(n))
		}
	default:
		each, _ := s.share(weights.Type.Shape[1], 3)
		sizes = [3]ir.Dim{each, each, each}
	}
	return sizes
}

// wants reports whether somebody uses that output.
func (s *steps) wants(output int) bool { return output < len(s.n.used) && s.n.used[output] }

// fixed takes an attribute that must have the one value that is supported.
func (s *steps) fixed(attr string, want int64) {
	if got := s.n.takeInt(attr, want); got != want {
		s.fail("%s=%d is not supported", attr, got)
	}
}

// multiHeadAttention is the attention of queries, keys and values that were computed before. Keys and values of an encoder may have their
// heads apart already.
func (s *steps) multiHeadAttention() []*ir.Value {
	s.absent(8, 9)
	heads := s.count("num_heads")
	a := &attending{steps: s, bias: s.n.input(5), attrs: ir.Attrs{}}
	a.sides(heads, s.n.input(3))
	first := ir.N(0)
	if past, pastValue := s.n.input(6), s.n.input(7); past != nil || pastValue != nil {
		a.k, a.v = s.appended(s.withHeads(s.ranked(6, 4), heads), a.k), s.appended(s.withHeads(s.ranked(7, 4), heads), a.v)
		if s.err == nil {
			first = past.Type.Shape[2]
		}
	}
	keep := a.seen(s.n.input(4))
	a.hide(keep, s.n.takeInt("unidirectional", 0) == 1, first)
	y := a.attend()
	var scores *ir.Value
	if s.wants(3) {
		scores = a.scores()
	}
	return []*ir.Value{y, a.k, a.v, scores}
}

// decoderAttention is multiHeadAttention of one new query. Its keys and values are written into those of earlier steps, which have room
// for them, behind the first ones that are in use; what stands behind is not defined. Or they are those of an encoder, with heads apart.
func (s *steps) decoderAttention() []*ir.Value {
	s.absent(8, 9) // beams
	shared := s.n.takeInt("past_present_share_buffer", 0) != 0
	s.n.take("output_qk")
	heads := s.count("num_heads")
	a := &attending{steps: s, bias: s.n.input(4), attrs: ir.Attrs{}}
	a.sides(heads, s.n.input(10))
	if s.n.input(5) == nil && s.n.input(6) == nil {
		a.hide(a.seen(s.n.input(3)), false, ir.N(0))
		return []*ir.Value{a.attend(), nil, nil, a.scores()}
	}
	past, pastValue, length := s.withHeads(s.ranked(5, 4), heads), s.withHeads(s.ranked(6, 4), heads), s.required(7)
	if !shared {
		s.fail("a past without past_present_share_buffer is not supported")
	}
	if s.err != nil {
		return nil
	}
	one := s.n.b.Dims(ir.N(1))
	length = s.new("Reshape", nil, s.cast(length, ir.I64), one)
	begin := s.new("Expand", nil, length, s.n.b.Dims(a.q.Type.Shape[0]))
	a.k, a.v = s.new("TensorScatter", nil, past, a.k, begin), s.new("TensorScatter", nil, pastValue, a.v, begin)
	end := s.new("Add", nil, length, one)
	a.hideRest(end)
	y := a.attend()
	var scores *ir.Value
	if s.wants(3) {
		scores = s.new("Slice", nil, a.scores(), s.ints(0), end, s.ints(3))
	}
	return []*ir.Value{y, a.k, a.v, scores}
}

// hideRest hides the keys from end on, and those that the mask hides.
func (a *attending) hideRest(end *ir.Value) {
	filter := a.n.takeFloat("mask_filter_value", -10000)
	a.bias = a.long(a.bias)
	rest := a.new("Less", nil, a.numbers(), end)
	if keep := a.seen(a.long(a.n.input(3))); keep != nil {
		hidden := a.new("Where", nil, keep, a.like(a.q, 0), a.like(a.q, filter))
		a.mask = a.new("Where", nil, rest, hidden, a.like(a.q, math.Inf(-1)))
		return
	}
	a.mask = rest
}

// long is a mask, or what is added to scores, for as many keys as there are: nobody sees those that it has no place for.
func (a *attending) long(mask *ir.Value) *ir.Value {
	if mask == nil || a.err != nil {
		return nil
	}
	rank := mask.Type.Rank()
	if !mask.Type.Ranked() || rank < 1 {
		a.fail("a mask %s is not supported", mask.Type)
		return nil
	}
	lacking := a.k.Type.Shape[2].Sub(mask.Type.Shape[rank-1])
	if lacking.Is(0) {
		return mask
	}
	pads := make([]ir.Dim, 2*rank)
	pads[2*rank-1] = lacking
	return a.new("Pad", nil, mask, a.n.b.Dims(pads...))
}

// sides are the queries, keys and values with their heads apart, biases added. They may come in one tensor [B,L,H,3,D], or keys and values
// in one [B,M,H,2,D].
func (a *attending) sides(heads int64, bias *ir.Value) {
	q, k := a.ranked(0, 3, 5), a.n.input(1)
	if a.err != nil {
		return
	}
	var v *ir.Value
	switch {
	case q.Type.Rank() == 5:
		p := a.interlaced(q, 3)
		q, k, v = p[0], p[1], p[2]
	case k != nil && k.Type.Ranked() && k.Type.Rank() == 5:
		p := a.interlaced(k, 2)
		k, v = p[0], p[1]
	default:
		k, v = a.ranked(1, 3, 4), a.ranked(2, 3, 4)
	}
	if a.err == nil {
		a.biased(q, k, v, bias, heads)
	}
}

// interlaced are the parts of x [B,L,H,parts,D] as [B,L,H·D].
func (a *attending) interlaced(x *ir.Value, parts int) []*ir.Value {
	shape, each := x.Type.Shape, make([]ir.Dim, parts)
	for i := range each {
		each[i] = ir.N(1)
	}
	out := make([]*ir.Value, parts)
	for i, part := range a.parts(x, 3, each...) {
		out[i] = a.new("Reshape", nil, part, a.n.b.Dims(shape[0], shape[1], shape[2].Mul(shape[4])))
	}
	return out
}

// biased adds the biases, which stand side by side in one vector, and puts heads apart. Keys and values whose heads are apart have theirs.
func (a *attending) biased(q, k, v, bias *ir.Value, heads int64) {
	apart := k.Type.Rank() == 4
	switch {
	case apart != (v.Type.Rank() == 4):
		a.fail("keys %s and values %s: the same number of dimensions is wanted", k.Type, v.Type)
		return
	case bias != nil && apart:
		q = a.sum(q, a.part(bias, 0, ir.N(0), q.Type.Shape[2]))
	case bias != nil:
		b := a.parts(bias, 0, q.Type.Shape[2], k.Type.Shape[2], v.Type.Shape[2])
		q, k, v = a.sum(q, b[0]), a.sum(k, b[1]), a.sum(v, b[2])
	}
	a.q = a.split(q, heads)
	if apart {
		a.k, a.v = a.withHeads(k, heads), a.withHeads(v, heads)
	} else {
		a.k, a.v = a.split(k, heads), a.split(v, heads)
	}
}
