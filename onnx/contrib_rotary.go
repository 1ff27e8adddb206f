package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

// rotaryEmbedding turns heads by the angles of their positions: one for each token, or that of the first, from which on they count.
func (s *steps) rotaryEmbedding() []*ir.Value {
	x, positions, cos, sin := s.ranked(0, 3, 4), s.ranked(1, 1, 2), s.ranked(2, 2), s.ranked(3, 2)
	heads, turned := s.n.takeInt("num_heads", 0), s.n.takeInt("rotary_embedding_dim", 0)
	attrs := ir.Attrs{"interleaved": s.n.takeInt("interleaved", 0), "rotary_embedding_dim": turned}
	s.n.take("scale")              // of positions that are not in the tables
	s.n.take("is_packed_batching") // which allows for more tokens than positions
	if s.err != nil {
		return nil
	}
	positions = s.cast(positions, ir.I64)
	apart := x
	if heads > 0 && x.Type.Rank() == 3 {
		apart = s.split(x, heads)
	} else if x.Type.Rank() == 3 { // as large as the tables of angles are for
		size := cos.Type.Shape[1].Mul(ir.N(2))
		count, _ := s.quotient(x.Type.Shape[2], size)
		apart = s.apart(x, count, size)
	}
	if s.err != nil {
		return nil
	}
	if shape := apart.Type.Shape; positions.Type.Rank() == 1 {
		positions = s.new("Expand", nil, s.new("Add", nil, s.row(shape[2]), positions), s.n.b.Dims(shape[0], shape[2]))
	}
	y := s.new("RotaryEmbedding", attrs, apart, cos, sin, positions)
	if x.Type.Rank() == 3 {
		y = s.merged(y)
	}
	return []*ir.Value{y}
}
