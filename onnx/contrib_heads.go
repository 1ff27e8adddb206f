package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

// mergedAttention is the attention of one product: queries, keys and values are x·weights + bias, side by side, and what is kept for later
// steps is one tensor [2,B,H,M,D] of keys and values.
func (s *steps) mergedAttention() []*ir.Value {
	heads := s.count("num_heads")
	x, weights := s.ranked(0, 3), s.ranked(1, 2)
	s.fixed("do_rotary", 0)
	s.fixed("past_present_share_buffer", 0)
	s.absent(6)
	sizes := s.hidden(weights)
	if s.err != nil {
		return nil
	}
	p := s.parts(s.sum(s.new("MatMul", nil, x, weights), s.n.input(2)), 2, sizes[:]...)
	a := &attending{steps: s, q: s.split(p[0], heads), k: s.split(p[1], heads), v: s.split(p[2], heads), bias: s.n.input(5), attrs: ir.Attrs{}}
	first, present := a.both()
	keep := a.seen(s.n.input(3))
	a.hide(keep, s.n.takeInt("unidirectional", 0) == 1, first)
	return []*ir.Value{a.attend(), present}
}

// both puts keys and values into one tensor [2,B,H,M,D], behind those of earlier steps, of which there are first, and takes them from it.
func (a *attending) both() (first ir.Dim, present *ir.Value) {
	past, axis := a.n.input(4), a.ints(0)
	if past == nil && !a.wants(1) {
		return first, nil
	}
	present = a.new("Concat", ir.Attrs{"axis": int64(0)}, a.new("Unsqueeze", nil, a.k, axis), a.new("Unsqueeze", nil, a.v, axis))
	if past == nil {
		return first, present
	}
	past = a.ranked(4, 5)
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
	heads := s.count("num_heads")
	s.absent(8, 9)
	a := &attending{steps: s, bias: s.n.input(5), attrs: ir.Attrs{}}
	a.sides(heads)
	first := ir.N(0)
	if past, pastValue := s.n.input(6), s.n.input(7); past != nil || pastValue != nil {
		a.k, a.v = s.appended(s.ranked(6, 4), a.k), s.appended(s.ranked(7, 4), a.v)
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

// sides are the queries, keys and values with their heads apart, biases added.
func (a *attending) sides(heads int64) {
	q, k, v := a.ranked(0, 3), a.ranked(1, 3, 4), a.ranked(2, 3, 4)
	if a.err != nil {
		return
	}
	apart := k.Type.Rank() == 4
	if apart != (v.Type.Rank() == 4) {
		a.fail("keys %s and values %s: the same number of dimensions is wanted", k.Type, v.Type)
		return
	}
	if bias := a.n.input(3); bias != nil {
		if apart {
			a.fail("a bias with keys %s is not supported", k.Type)
			return
		}
		b := a.parts(bias, 0, q.Type.Shape[2], k.Type.Shape[2], v.Type.Shape[2])
		q, k, v = a.sum(q, b[0]), a.sum(k, b[1]), a.sum(v, b[2])
	}
	a.q, a.k, a.v = a.split(q, heads), k, v
	if !apart {
		a.k, a.v = a.split(k, heads), a.split(v, heads)
	}
}
