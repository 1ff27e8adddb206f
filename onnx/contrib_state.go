package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"CausalConvWithState": (*steps).causalConvWithState,
		"LinearAttention":     (*steps).linearAttention,
	})
}

// causalConvWithState is ONNX's, of rows of channels or, turned, of channels last.
func (s *steps) causalConvWithState() []*ir.Value {
	last := s.n.takeInt("channels_last", 0) != 0
	for _, only := range []struct {
		name  string
		value int64
	}{{"ndim", 1}, {"dilation", 1}, {"state_window", 0}} {
		if v := s.n.takeInt(only.name, only.value); v != only.value {
			s.fail("%s %d is not supported", only.name, v)
		}
	}
	turn := func(x *ir.Value) *ir.Value {
		if x == nil || !last {
			return x
		}
		return s.new("Transpose", ir.Attrs{"perm": []int64{0, 2, 1}}, x)
	}
	x, w := turn(s.ranked(0, 3)), s.ranked(1, 3)
	var past *ir.Value
	if s.n.input(3) != nil {
		past = turn(s.ranked(3, 3))
	}
	ys := s.several(ir.CausalConvWithState, 2, ir.Attrs{"activation": s.n.takeText("activation", "none")}, x, w, s.n.input(2), past)
	if s.err != nil {
		return nil
	}
	return []*ir.Value{turn(ys[0]), turn(ys[1])}
}

// linearAttention is ONNX's.
func (s *steps) linearAttention() []*ir.Value {
	attrs := s.taken("chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule")
	return s.several(ir.LinearAttention, 2, attrs, s.ranked(0, 3), s.ranked(1, 3), s.ranked(2, 3), s.n.input(3), s.n.input(4), s.n.input(5))
}

// several are the results of a node that has that many, nil each after an error.
func (s *steps) several(op *ir.Op, results int, attrs ir.Attrs, args ...*ir.Value) []*ir.Value {
	if s.err == nil {
		var ys []*ir.Value
		if ys, s.err = s.n.add(op, results, attrs, nil, args...); s.err == nil {
			return ys
		}
	}
	return make([]*ir.Value, results)
}
