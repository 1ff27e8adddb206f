package onnx

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"FusedGemm":             (*steps).fusedGemm,
		"FusedMatMul":           func(s *steps) []*ir.Value { return []*ir.Value{s.fusedMatMul()} },
		"FusedMatMulActivation": (*steps).fusedMatMulActivation,
		"GemmFastGelu":          (*steps).gemmFastGelu,
		"TransposeMatMul":       func(s *steps) []*ir.Value { return []*ir.Value{s.fusedMatMul()} },
	})
}

// fusedMatMul is alpha·a·b, of which each may be transposed first.
func (s *steps) fusedMatMul() *ir.Value {
	a := s.transposed(s.required(0), s.n.takeInt("transBatchA", 0) != 0, s.n.takeInt("transA", 0) != 0)
	b := s.transposed(s.required(1), s.n.takeInt("transBatchB", 0) != 0, s.n.takeInt("transB", 0) != 0)
	return s.times(s.new("MatMul", nil, a, b), s.n.takeFloat("alpha", 1))
}

// times is x·c.
func (s *steps) times(x *ir.Value, c float64) *ir.Value {
	if c == 1 {
		return x
	}
	return s.new("Mul", nil, x, s.like(x, c))
}

// transposed is x with its first axis behind those of the batch, and then with the last two changed for each other. A vector stays.
func (s *steps) transposed(x *ir.Value, batch, matrix bool) *ir.Value {
	if s.err != nil || !batch && !matrix {
		return x
	}
	rank := x.Type.Rank()
	if rank < 0 {
		s.fail("the number of dimensions of what is to be transposed is not known")
		return x
	}
	if rank < 2 {
		return x
	}
	perm := seq(rank)
	if batch {
		perm = slices.Insert(slices.Delete(perm, 0, 1), rank-2, 0)
	}
	if matrix {
		perm[rank-2], perm[rank-1] = perm[rank-1], perm[rank-2]
	}
	return s.new("Transpose", ir.Attrs{"perm": perm}, x)
}

// fusedMatMulActivation applies the activation to what fusedMatMul is.
func (s *steps) fusedMatMulActivation() []*ir.Value {
	return []*ir.Value{s.activated(s.fusedMatMul(), s.activation())}
}

// gemmFastGelu is the approximate GELU of x·w + bias.
func (s *steps) gemmFastGelu() []*ir.Value {
	x := s.sum(s.new("MatMul", nil, s.required(0), s.required(1)), s.n.input(2))
	return []*ir.Value{s.new("Gelu", ir.Attrs{"approximate": "tanh"}, x)}
}

// fusedGemm is Gemm and an activation.
func (s *steps) fusedGemm() []*ir.Value {
	attrs := ir.Attrs{
		"alpha": s.n.takeFloat("alpha", 1), "beta": s.n.takeFloat("beta", 1),
		"transA": s.n.takeInt("transA", 0), "transB": s.n.takeInt("transB", 0),
	}
	args := []*ir.Value{s.required(0), s.required(1)}
	if c := s.n.input(2); c != nil {
		args = append(args, c)
	}
	return []*ir.Value{s.activated(s.new("Gemm", attrs, args...), s.activation())}
}

// An activation is an operator of one argument, with the attributes that its node had.
type activation struct {
	op    string
	attrs ir.Attrs
}

// activation takes an activation and what its attributes are called there.
func (s *steps) activation() activation {
	a := activation{s.n.takeText("activation", ""), ir.Attrs{}}
	for _, name := range []string{"alpha", "axis", "beta", "gamma"} {
		if v := s.n.take("activation_" + name); v != nil {
			a.attrs[name] = v
		}
	}
	return a
}

// positional takes an activation whose attributes are numbers in a list.
func (s *steps) positional() activation {
	op := s.n.takeText("activation", "")
	params, _ := s.n.take("activation_params").([]float64)
	names := map[string][]string{"Clip": {"min", "max"}, "HardSigmoid": {"alpha", "beta"}, "LeakyRelu": {"alpha"}}[op]
	a := activation{op, ir.Attrs{}}
	if len(names) != len(params) {
		s.fail("activation %q has %d parameters instead of %d", op, len(params), len(names))
		return a
	}
	for i, name := range names {
		a.attrs[name] = params[i]
	}
	return a
}

// activated is the activation a of x.
func (s *steps) activated(x *ir.Value, a activation) *ir.Value {
	switch a.op {
	case "":
		return x
	case "Silu":
		return s.new("Swish", a.attrs, x)
	case "Clip":
		low, _ := a.attrs["min"].(float64)
		high, _ := a.attrs["max"].(float64)
		return s.new("Clip", nil, x, s.like(x, low), s.like(x, high))
	case "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "LogSoftmax", "Relu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
		"ThresholdedRelu":
		return s.new(a.op, s.fitting(a), x)
	}
	s.fail("activation %q is not supported", a.op)
	return x
}

// fitting are those attributes of a that its operator has; its node may have written the others down, too.
func (s *steps) fitting(a activation) ir.Attrs {
	attrs, op := ir.Attrs{}, ir.Lookup(a.op)
	for name, v := range a.attrs {
		if op.HasAttr(name) {
			attrs[name] = v
		}
	}
	return attrs
}
