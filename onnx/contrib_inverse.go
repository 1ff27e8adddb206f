package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{"Inverse": (*steps).inverse})
}

// maxInverse is the size of matrices up to which elimination is written out column by column.
const maxInverse = 16

// inverse eliminates the columns of each matrix with the identity beside it, the largest element of what is left of each first.
func (s *steps) inverse() []*ir.Value {
	x := s.required(0)
	if s.err != nil {
		return nil
	}
	rank := x.Type.Rank()
	if rank < 2 || !x.Type.Elem.IsFloat() {
		s.fail("%s where matrices are wanted", x.Type)
		return nil
	}
	n, known := x.Type.Shape[rank-1].Const()
	if !known || !x.Type.Shape[rank-2].Is(n) || n < 1 || n > maxInverse {
		s.fail("matrices of %s by %s are not supported", x.Type.Shape[rank-2], x.Type.Shape[rank-1])
		return nil
	}
	zeros := s.new("Mul", nil, x, s.like(x, 0))
	identity := s.new("Add", nil, zeros, s.new("EyeLike", nil, s.new("Const", ir.Attrs{"value": ir.NewData(x.Type.Elem, n, n)})))
	m := s.new("Concat", ir.Attrs{"axis": int64(-1)}, x, identity)
	for k := range n {
		m = s.eliminated(s.pivoted(m, n, k), n, k)
	}
	return []*ir.Value{s.cut(m, n, 2*n, -1)}
}

// cut is x from one place to another of an axis.
func (s *steps) cut(x *ir.Value, from, to, axis int) *ir.Value {
	return s.new("Slice", nil, x, s.ints(int64(from)), s.ints(int64(to)), s.ints(int64(axis)))
}

// pivoted is m with row k and that of the rows from there on changed for each other whose element k is the largest.
func (s *steps) pivoted(m *ir.Value, n, k int) *ir.Value {
	column := s.new("Abs", nil, s.cut(s.cut(m, k, k+1, -1), k, n, -2))
	at := s.new("Add", nil, s.new("ArgMax", ir.Attrs{"axis": int64(-2)}, column), s.ints(int64(k)))
	rows := s.new("Unsqueeze", nil, s.ints(seq(n)...), s.ints(1))
	order := s.new("Where", nil, s.new("Equal", nil, rows, at), s.ints(int64(k)), rows)
	order = s.new("Where", nil, s.new("Equal", nil, rows, s.ints(int64(k))), at, order)
	return s.new("GatherElements", ir.Attrs{"axis": int64(-2)}, m, s.new("Expand", nil, order, s.new("Shape", nil, m)))
}

// eliminated is m with 1 at place k of row k, and 0 in that column otherwise.
func (s *steps) eliminated(m *ir.Value, n, k int) *ir.Value {
	row := s.cut(m, k, k+1, -2)
	row = s.new("Div", nil, row, s.cut(row, k, k+1, -1))
	if s.err != nil {
		return nil
	}
	own := ir.NewData(m.Type.Elem, n, 1)
	own.SetFloat(k, 1)
	factors := s.new("Sub", nil, s.cut(m, k, k+1, -1), s.new("Const", ir.Attrs{"value": own}))
	return s.new("Sub", nil, m, s.new("Mul", nil, factors, row))
}
