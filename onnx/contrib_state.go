package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

// linearAttention is ONNX's, with one state.
func (s *steps) linearAttention() []*ir.Value {
	s.fixed("state_window", 0)
	attrs := ir.Attrs{"q_num_heads": s.count("q_num_heads"), "kv_num_heads": s.count("kv_num_heads"), "scale": s.n.takeFloat("scale", 0)}
	if rule, ok := s.n.take("update_rule").(string); ok {
		attrs["update_rule"] = rule
	}
	s.n.take("chunk_size")
	return s.several(ir.LinearAttention, 2, attrs, s.required(0), s.required(1), s.required(2), s.n.input(3), s.n.input(4), s.n.input(5))
}

// convolutionWithState is ONNX's CausalConvWithState.
func (s *steps) convolutionWithState() []*ir.Value {
	s.fixed("ndim", 1)
	attrs := ir.Attrs{}
	if f, ok := s.n.take("activation").(string); ok {
		attrs["activation"] = f
	}
	return s.several(ir.CausalConvWithState, 2, attrs, s.required(0), s.required(1), s.n.input(2), s.n.input(3))
}

// several builds a node with so many results.
func (s *steps) several(op *ir.Op, results int, attrs ir.Attrs, args ...*ir.Value) []*ir.Value {
	if s.err != nil {
		return make([]*ir.Value, results)
	}
	built, err := s.n.add(op, results, attrs, nil, args...)
	if s.err = err; err != nil {
		return make([]*ir.Value, results)
	}
	return built
}
