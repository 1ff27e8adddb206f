package onnx

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"MoE":  (*steps).moe,
		"QMoE": (*steps).qMoE,
	})
}

// experts are layers of two products each, of which every token goes through a few: up [E,F,H] and down [E,H,I], with biases that may be
// left out.
type experts struct {
	up, upBias, down, downBias *ir.Value
	activation                 string
	alpha, beta, limit         float64 // of swiglu
}

// moe chooses among experts whose weights are floats.
func (s *steps) moe() []*ir.Value {
	k, normalise := s.n.takeInt("k", 1), s.n.takeInt("normalize_routing_weights", 0) != 0
	e := s.experts()
	s.refuseInputs("fc3", 6, 7)
	x, router := s.tokens(), s.ranked(1, 2)
	e.up, e.upBias, e.down, e.downBias = s.ranked(2, 3), s.n.input(3), s.ranked(4, 3), s.n.input(5)
	chances, chosen := s.topK(s.new("Softmax", nil, router), k)
	if normalise {
		chances = s.shares(chances)
	}
	return s.through(e, x, s.routes(router, chosen, chances))
}

// qMoE chooses among experts whose weights are bytes, or packed into them. Unlike those of MoE, the chances of what is chosen always
// have the sum 1.
func (s *steps) qMoE() []*ir.Value {
	k, normalise := s.n.takeInt("k", 1), s.n.takeInt("normalize_routing_weights", 0) != 0
	bits, size := s.n.takeInt("expert_weight_bits", 4), s.n.takeInt("block_size", 0)
	s.n.take("accuracy_level") // how exactly at least
	if kind, ok := s.n.take("quant_type").(string); ok && kind != "int" {
		s.fail("quant_type %q is not supported", kind)
	}
	if s.n.takeInt("weights_prepacked", -1) > 0 {
		s.fail("weights that are packed for a device are not supported")
	}
	e := s.experts()
	s.refuseInputs("fc3", 8, 9, 10, 13)
	s.refuseInputs("a scale of floats of 8 or 4 bits", 15, 16, 17, 18, 19, 20)
	x, router := s.tokens(), s.ranked(1, 2)
	e.up, e.upBias = s.expertWeight(s.ranked(2, 3), s.ranked(3, 2, 3), s.n.input(11), bits, size), s.n.input(4)
	e.down, e.downBias = s.expertWeight(s.ranked(5, 3), s.ranked(6, 2, 3), s.n.input(12), bits, size), s.n.input(7)
	chances, chosen := s.topK(router, k)
	if weights := s.n.input(14); weights == nil {
		chances = s.new("Softmax", nil, chances)
	} else {
		chances = s.new("GatherElements", ir.Attrs{"axis": int64(1)}, weights, chosen)
		if normalise {
			chances = s.shares(chances)
		}
		chances = s.new("Relu", nil, chances) // an expert with less than nothing is not asked
	}
	return s.through(e, x, s.routes(router, chosen, chances))
}

// refuseInputs makes it an error that one of these inputs is there.
func (s *steps) refuseInputs(what string, inputs ...int) {
	for _, i := range inputs {
		if s.n.input(i) != nil {
			s.fail("%s is not supported (input %d)", what, i)
		}
	}
}

// experts are those of the attributes, without weights.
func (s *steps) experts() experts {
	e := experts{activation: "relu", alpha: s.n.takeFloat("activation_alpha", 1), beta: s.n.takeFloat("activation_beta", 0),
		limit: s.n.takeFloat("swiglu_limit", math.Inf(1))}
	if name, ok := s.n.take("activation_type").(string); ok {
		e.activation = name
	}
	if fusion := s.n.takeInt("swiglu_fusion", 0); e.activation == "swiglu" && fusion != 1 {
		s.fail("swiglu_fusion=%d is not supported", fusion)
	}
	if s.n.takeInt("use_sparse_mixer", 0) != 0 {
		s.fail("use_sparse_mixer=1 is not supported")
	}
	return e
}

// tokens is the first input as rows [T,H].
func (s *steps) tokens() *ir.Value {
	x := s.ranked(0, 2, 3)
	if s.err != nil || x.Type.Rank() == 2 {
		return x
	}
	d := x.Type.Shape
	return s.new("Reshape", nil, x, s.n.b.Dims(d[0].Mul(d[1]), d[2]))
}

// topK are the k greatest elements of each row, and where they are.
func (s *steps) topK(x *ir.Value, k int64) (values, places *ir.Value) {
	if k < 1 {
		s.fail("k is %d: at least 1 is wanted", k)
	}
	count := s.ints(k)
	if s.err != nil {
		return nil, nil
	}
	r, err := s.n.add(ir.Lookup("TopK"), 2, nil, nil, x, count)
	if s.err = err; err != nil {
		return nil, nil
	}
	return r[0], r[1]
}

// shares is each element over the sum of its row.
func (s *steps) shares(x *ir.Value) *ir.Value {
	return s.new("Div", nil, x, s.new("ReduceSum", nil, x, s.ints(-1)))
}

// routes is what counts of each expert for each token [E,T,1], 0 for those that are not chosen.
func (s *steps) routes(router, chosen, chances *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	none := s.new("Expand", nil, s.like(router, 0), s.n.b.Dims(router.Type.Shape...))
	all := s.new("ScatterElements", ir.Attrs{"axis": int64(1)}, none, chosen, chances)
	return s.new("Unsqueeze", nil, s.new("Transpose", ir.Attrs{"perm": []int64{1, 0}}, all), s.ints(-1))
}

// through is what the experts make of x, in the shape of the first input.
func (s *steps) through(e experts, x, routes *ir.Value) []*ir.Value {
	h := s.perExpert(s.new("Unsqueeze", nil, x, s.ints(0)), e.up, e.upBias, routes)
	y := s.perExpert(s.expertActivation(e, h), e.down, e.downBias, routes)
	y = s.new("ReduceSum", ir.Attrs{"keepdims": int64(0)}, s.new("Mul", nil, y, routes), s.ints(0))
	if s.err != nil || s.n.input(0).Type.Rank() == 2 {
		return []*ir.Value{y}
	}
	return []*ir.Value{s.new("Reshape", nil, y, s.n.b.Dims(s.n.input(0).Type.Shape...))}
}

// perExpert is the product of x with the transpose of each expert's weight, for the tokens that go through it, plus its bias.
func (s *steps) perExpert(x, w, bias, routes *ir.Value) *ir.Value {
	y := s.new("RoutedMatMul", nil, x, s.new("Transpose", ir.Attrs{"perm": []int64{0, 2, 1}}, w), routes)
	if bias != nil {
		bias = s.new("Unsqueeze", nil, bias, s.ints(1))
	}
	return s.sum(y, bias)
}

func (s *steps) expertActivation(e experts, x *ir.Value) *ir.Value {
	switch e.activation {
	case "relu":
		return s.new("Relu", nil, x)
	case "gelu":
		return s.new("Gelu", ir.Attrs{"approximate": "tanh"}, x)
	case "silu":
		return s.new("Swish", nil, x)
	case "identity":
		return x
	case "swiglu":
		return s.swiglu(e, x)
	}
	s.fail("activation_type %q is not supported", e.activation)
	return nil
}

// swiglu is the swish of every even column times the odd one behind it plus beta.
func (s *steps) swiglu(e experts, x *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	half := func(first int64) *ir.Value {
		return s.new("Slice", nil, x, s.ints(first), s.ints(math.MaxInt32), s.ints(-1), s.ints(2))
	}
	gate, linear := half(0), half(1)
	if !math.IsInf(e.limit, 1) {
		gate = s.new("Min", nil, gate, s.like(gate, e.limit))
		linear = s.new("Clip", nil, linear, s.like(linear, -e.limit), s.like(linear, e.limit))
	}
	gate = s.new("Swish", ir.Attrs{"alpha": e.alpha}, gate)
	if e.beta != 0 {
		linear = s.new("Add", nil, linear, s.like(linear, e.beta))
	}
	return s.new("Mul", nil, gate, linear)
}

// expertWeight is a weight [E,N,K] of numbers of so many bits, with a scale for each row, or for each block of a row. The zero points of
// rows are packed in one row for each expert.
func (s *steps) expertWeight(q, scale, zero *ir.Value, bits, size int64) *ir.Value {
	if s.err != nil || narrowElems[bits][0] == ir.NoElem {
		s.fail("weights of %d bits are not supported", bits)
		return nil
	}
	var d [3]int64
	for i := range d {
		n, ok := q.Type.Shape[i].Const()
		if !ok || n < 1 || n > maxSize {
			s.fail("experts of %s are not supported", q.Type)
			return nil
		}
		d[i] = int64(n)
	}
	d[2] *= 8 / bits
	rows := d[0] * d[1]
	if size > 0 {
		w := blocks{rows: rows, depth: d[2], size: size, bits: bits}
		s.check(w)
		return s.reshaped(s.blockWeight(w, q, scale, zero, nil), d[:]...)
	}
	q, zero = s.unpackedPair(bits, q, []int64{rows, d[2]}, zero, d[:2])
	if zero != nil {
		zero = s.reshaped(zero, rows)
	}
	w := s.new("DequantizeLinear", ir.Attrs{"axis": int64(0)}, q, s.reshaped(scale, rows), zero)
	return s.reshaped(w, d[:]...)
}
