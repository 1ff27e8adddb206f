package onnx

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// previewDomain is where ONNX tries out operators. Of these FlexAttention is known, by what it stands for.
const previewDomain = "ai.onnx.preview"

// isFlexAttention reports whether the operator is that of the preview domain.
func isFlexAttention(domain, op string) bool { return domain == previewDomain && op == "FlexAttention" }

// flexAttention builds prob_mod(softmax(score_mod(q·kᵀ·scale)))·v with the nodes of the two graphs in their places.
func (n *node) flexAttention() error {
	q, k, v := n.input(0), n.input(1), n.input(2)
	if q == nil || k == nil || v == nil || q.Type.Rank() != 4 || k.Type.Rank() != 4 || v.Type.Rank() != 4 {
		return fmt.Errorf("inputs of four axes are wanted")
	}
	scale, ok := n.take("scale").(float64)
	d, known := q.Type.Shape[3].Const()
	switch {
	case !ok && known:
		scale = 1 / math.Sqrt(float64(d))
	case !ok:
		scale = 1
	}
	precision := ir.F32
	if q.Type.Elem == ir.F64 {
		precision = ir.F64
	}
	if e := n.takeInt("softmax_precision", 0); e != 0 {
		precision = ir.Elem(e)
	}
	s := &steps{n: n}
	if !ok && !known {
		q = s.overRoot(q)
	}
	if h := q.Type.Shape[1]; !h.IsConst() || !k.Type.Shape[1].IsConst() {
		k = s.repeated(k, q) // Scores must know how many heads share one
	}
	p := s.cast(s.new("Scores", ir.Attrs{"scale": scale}, q, k), precision)
	p = s.modified("score_mod", p)
	p = s.modified("prob_mod", s.new("Softmax", nil, p))
	y := s.new("MatMul", nil, p, s.cast(s.repeated(v, q), precision))
	n.results = []*ir.Value{s.cast(y, q.Type.Elem)}
	return s.err
}

// steps builds nodes until one fails.
type steps struct {
	n   *node
	err error
}

func (s *steps) new(op string, attrs ir.Attrs, args ...*ir.Value) (v *ir.Value) {
	if s.err == nil {
		v, s.err = s.n.new(op, attrs, args...)
	}
	return v
}

// overRoot is x over the root of its last dimension, in double precision before it is rounded.
func (s *steps) overRoot(x *ir.Value) *ir.Value {
	size := s.cast(s.n.b.Dim(x.Type.Shape[x.Type.Rank()-1]), ir.F64)
	return s.cast(s.new("Div", nil, s.cast(x, ir.F64), s.new("Sqrt", nil, size)), x.Type.Elem)
}

func (s *steps) cast(x *ir.Value, e ir.Elem) *ir.Value {
	if s.err != nil || x.Type.Elem == e {
		return x
	}
	return s.new("Cast", ir.Attrs{"to": e}, x)
}

// modified is what the graph of that attribute makes of x: x itself when there is none.
func (s *steps) modified(attr string, x *ir.Value) *ir.Value {
	g, ok := s.n.take(attr).(*pb.GraphProto)
	if s.err != nil || !ok {
		return x
	}
	if len(g.Input) != 1 || len(g.Output) != 1 {
		s.err = fmt.Errorf("%s has %d inputs and %d outputs instead of one", attr, len(g.Input), len(g.Output))
		return x
	}
	in := s.n.inside(s.n.b)
	if s.err = in.define(g.Input[0].GetName(), x); s.err != nil {
		return x
	}
	if s.err = in.graph(g); s.err != nil {
		return x
	}
	out, err := in.results(g)
	if s.err = err; err != nil {
		return x
	}
	return out[0]
}

// repeated gives each query head of q its own copy of the head of v that it shares.
func (s *steps) repeated(v, q *ir.Value) *ir.Value {
	t, heads := v.Type.Shape, q.Type.Shape[1]
	if s.err != nil || t[1].Equal(heads) {
		return v
	}
	group, ok := heads.Div(t[1])
	if !ok {
		s.err = fmt.Errorf("%s query heads cannot share %s heads", heads, t[1])
		return v
	}
	axis, err := s.n.vector(2)
	if s.err = err; err != nil {
		return v
	}
	wide := s.new("Expand", nil, s.new("Unsqueeze", nil, v, axis), s.n.b.Dims(t[0], t[1], group, t[2], t[3]))
	return s.new("Reshape", nil, wide, s.n.b.Dims(t[0], heads, t[2], t[3]))
}
