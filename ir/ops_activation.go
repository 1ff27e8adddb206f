package ir

import (
	"fmt"
	"math"
)

// Activations. Those that are not primitive are ONNX's own function bodies, written so that they do not overflow.
var (
	// Relu is max(x, 0).
	Relu = define(Op{Name: "Relu", Args: "x", Infer: unary(number), Example: "Relu(x)", Inputs: "x f32[2,3]"})

	// Sigmoid is 1/(1+exp(-x)).
	Sigmoid = define(Op{Name: "Sigmoid", Args: "x", Infer: unary(float), Example: "Sigmoid(x)", Inputs: "x f32[2,3]"})

	// LeakyRelu is x, times alpha where it is negative.
	LeakyRelu = define(Op{Name: "LeakyRelu", Args: "x", Attrs: "alpha:float=0.01", Infer: unary(float), Example: "LeakyRelu(x) alpha=0.1", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.ifNegative(x, b.New(Mul, nil, x, b.like(x, n.Float("alpha"))), x)
		})})

	// PRelu is x, times slope where it is negative.
	PRelu = define(Op{Name: "PRelu", Args: "x slope", Infer: inferPRelu, Example: "PRelu(x, s)", Inputs: "x f32[2,3] s f32[3]",
		Expand: func(b *Builder, n *Node) []*Value {
			x := n.Arg("x")
			return []*Value{b.ifNegative(x, b.New(Mul, nil, x, n.Arg("slope")), x)}
		}})

	// Elu is x, and alpha·(exp(x)-1) where it is negative.
	Elu = define(Op{Name: "Elu", Args: "x", Attrs: "alpha:float=1", Infer: unary(float), Example: "Elu(x) alpha=2", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.ifNegative(x, b.New(Mul, nil, b.expm1(x), b.like(x, n.Float("alpha"))), x)
		})})

	// Celu is max(x, 0) + min(alpha·(exp(x/alpha)-1), 0).
	Celu = define(Op{Name: "Celu", Args: "x", Attrs: "alpha:float=1", Infer: unary(float), Example: "Celu(x) alpha=2", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			alpha := b.like(x, n.Float("alpha"))
			return b.ifNegative(x, b.New(Mul, nil, alpha, b.expm1(b.New(Div, nil, x, alpha))), x)
		})})

	// Selu is gamma·x, and gamma·alpha·(exp(x)-1) where x is negative.
	Selu = define(Op{Name: "Selu", Args: "x", Attrs: "alpha:float=1.6732632423543772 gamma:float=1.0507009873554805", Infer: unary(float),
		Example: "Selu(x)", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			y := b.ifNegative(x, b.New(Mul, nil, b.expm1(x), b.like(x, n.Float("alpha"))), x)
			return b.New(Mul, nil, y, b.like(x, n.Float("gamma")))
		})})

	// ThresholdedRelu is x where it is above alpha, else 0.
	ThresholdedRelu = define(Op{Name: "ThresholdedRelu", Args: "x", Attrs: "alpha:float=1", Infer: unary(float), Example: "ThresholdedRelu(x) alpha=0.5", Inputs: "x f32[2,3]",
		Expand: func(b *Builder, n *Node) []*Value {
			x := n.Arg("x")
			return b.New1(Where, nil, b.New(Greater, nil, x, b.like(x, n.Float("alpha"))), x, b.like(x, 0))
		}})

	// Shrink is x+bias below -lambd, x-bias above lambd, else 0.
	Shrink = define(Op{Name: "Shrink", Args: "x", Attrs: "bias:float=0 lambd:float=0.5", Infer: unary(number), Example: "Shrink(x) lambd=0.2 bias=0.1", Inputs: "x f32[2,3]",
		Expand: func(b *Builder, n *Node) []*Value {
			x := n.Arg("x")
			bias, lambd := b.like(x, n.Float("bias")), n.Float("lambd")
			above := b.New(Where, nil, b.New(Greater, nil, x, b.like(x, lambd)), b.New(Sub, nil, x, bias), b.like(x, 0))
			return b.New1(Where, nil, b.New(Less, nil, x, b.like(x, -lambd)), b.New(Add, nil, x, bias), above)
		}})

	// HardSigmoid is alpha·x + beta, cut to 0..1.
	HardSigmoid = define(Op{Name: "HardSigmoid", Args: "x", Attrs: "alpha:float=0.2 beta:float=0.5", Infer: unary(float), Example: "HardSigmoid(x) alpha=0.5", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			line := b.New(Add, nil, b.New(Mul, nil, x, b.like(x, n.Float("alpha"))), b.like(x, n.Float("beta")))
			return b.New(Clip, nil, line, b.like(x, 0), b.like(x, 1))
		})})

	// HardSwish is x·HardSigmoid(x) with alpha = 1/6.
	HardSwish = define(Op{Name: "HardSwish", Args: "x", Infer: unary(float), Example: "HardSwish(x)", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.New(Mul, nil, x, b.New(HardSigmoid, Attrs{"alpha": 1.0 / 6}, x))
		})})

	// Swish is x·Sigmoid(alpha·x); with alpha = 1 it is also called SiLU.
	Swish = define(Op{Name: "Swish", Args: "x", Attrs: "alpha:float=1", Infer: unary(float), Example: "Swish(x) alpha=2", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.New(Mul, nil, x, b.New(Sigmoid, nil, b.scaled(x, n.Float("alpha"))))
		})})

	// SwiGLU is Swish(a)·b.
	SwiGLU = define(Op{Name: "SwiGLU", Args: "a b", Attrs: "alpha:float=1", Infer: inferSwiGLU, Example: "SwiGLU(x, y)", Inputs: "x f32[2,3] y f32[2,3]",
		Expand: func(b *Builder, n *Node) []*Value {
			return b.New1(Mul, nil, b.New(Swish, Attrs{"alpha": n.Float("alpha")}, n.Arg("a")), n.Arg("b"))
		}})

	// Softplus is log(1+exp(x)) = max(x, 0) + log(1+exp(-|x|)).
	Softplus = define(Op{Name: "Softplus", Args: "x", Infer: unary(float), Example: "Softplus(x)", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			small := b.New(Exp, nil, b.New(Neg, nil, b.New(Abs, nil, x)))
			return b.New(Add, nil, b.New(Relu, nil, x), b.New(Log, nil, b.New(Add, nil, small, b.like(x, 1))))
		})})

	// Softsign is x/(1+|x|).
	Softsign = define(Op{Name: "Softsign", Args: "x", Infer: unary(float), Example: "Softsign(x)", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.New(Div, nil, x, b.New(Add, nil, b.New(Abs, nil, x), b.like(x, 1)))
		})})

	// Mish is x·tanh(Softplus(x)).
	Mish = define(Op{Name: "Mish", Args: "x", Infer: unary(float), Example: "Mish(x)", Inputs: "x f32[2,3]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			return b.New(Mul, nil, x, b.New(Tanh, nil, b.New(Softplus, nil, x)))
		})})

	// Gelu is x/2·(1+erf(x/√2)); with approximate="tanh" x/2·(1+tanh(√(2/π)·(x+0.044715·x³))).
	Gelu = define(Op{Name: "Gelu", Args: "x", Attrs: "approximate:string=none", Infer: unary(float), Expand: inSingle(expandGelu),
		Example: `Gelu(x) approximate="tanh"`, Inputs: "x f32[2,3]"})
)

// Softmax and its relatives work along one axis.
var (
	// Softmax is exp(x) over its sum along axis.
	Softmax = define(Op{Name: "Softmax", Args: "x", Attrs: "axis:int=-1", Infer: sameAlongAxis, Example: "Softmax(x) axis=1", Inputs: "x f32[2,3,4]"})

	// LogSoftmax is x - max - log(Σ exp(x - max)) along axis.
	LogSoftmax = define(Op{Name: "LogSoftmax", Args: "x", Attrs: "axis:int=-1", Infer: sameAlongAxis, Example: "LogSoftmax(x)", Inputs: "x f32[2,3,4]",
		Expand: inSingle(func(b *Builder, n *Node, x *Value) *Value {
			axis := b.Vector(int64(n.Int("axis")))
			x = b.New(Sub, nil, x, b.New(ReduceMax, nil, x, axis))
			return b.New(Sub, nil, x, b.New(Log, nil, b.New(ReduceSum, nil, b.New(Exp, nil, x), axis)))
		})})

	// Hardmax is 1 at the first greatest element along axis, else 0.
	Hardmax = define(Op{Name: "Hardmax", Args: "x", Attrs: "axis:int=-1", Infer: sameAlongAxis, Expand: expandHardmax, Example: "Hardmax(x)", Inputs: "x f32[2,3,4]"})
)

// inSingle is an expansion that computes half precision, and what is narrower, in single: its steps would each lose more than the
// operator as a whole may.
func inSingle(f func(b *Builder, n *Node, x *Value) *Value) func(b *Builder, n *Node) []*Value {
	return func(b *Builder, n *Node) []*Value {
		x := n.Args[0]
		if e := x.Type.Elem; e.IsFloat() && e.Bits() < 32 {
			return []*Value{b.cast(f(b, n, b.cast(x, F32)), e)}
		}
		return []*Value{f(b, n, x)}
	}
}

// like is a constant of x's element type.
func (b *Builder) like(x *Value, c float64) *Value { return b.Scalar(x.Type.Elem, c) }

// scaled is x·c, and x when c is 1.
func (b *Builder) scaled(x *Value, c float64) *Value {
	if c == 1 {
		return x
	}
	return b.New(Mul, nil, x, b.like(x, c))
}

// expm1 is exp(x)-1.
func (b *Builder) expm1(x *Value) *Value { return b.New(Sub, nil, b.New(Exp, nil, x), b.like(x, 1)) }

// ifNegative is yes where x is below 0, else no.
func (b *Builder) ifNegative(x, yes, no *Value) *Value {
	return b.New(Where, nil, b.New(Less, nil, x, b.like(x, 0)), yes, no)
}

// cast converts x unless it is of type e already.
func (b *Builder) cast(x *Value, e Elem) *Value {
	if x.Type.Elem == e {
		return x
	}
	return b.New(Cast, Attrs{"to": e}, x)
}

// refuse reports, from within an expansion, what is wrong with the arguments of the operator that is expanded.
func refuse(format string, args ...any) { panic(&Misfit{fmt.Errorf(format, args...)}) }

// ranked returns the shape of v in an expansion that cannot do without.
func ranked(v *Value) []Dim {
	if !v.Type.Ranked() {
		refuse("the number of dimensions of %s is not known", v.Type)
	}
	return v.Type.Shape
}

// sameAlongAxis is same for an operator that works along the axis of its attribute.
func sameAlongAxis(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, float)
	if err == nil && t.Ranked() {
		_, err = Axis(n.Int("axis"), t.Rank())
	}
	return []Type{t}, err
}

func inferPRelu(n *Node) ([]Type, error) {
	t, err := n.broadcastArgs(number)
	if x := n.TypeAt(0); err == nil && x.Ranked() && t.Ranked() && t.Rank() != x.Rank() {
		err = fmt.Errorf("slopes %s for %s", n.TypeAt(1), x)
	}
	return []Type{t}, err
}

func inferSwiGLU(n *Node) ([]Type, error) {
	x, y := n.TypeAt(0), n.TypeAt(1)
	if _, err := n.SameElem(0, 1); err != nil {
		return nil, err
	}
	if a, ok := x.Static(); ok {
		if b, ok := y.Static(); ok && fmt.Sprint(a) != fmt.Sprint(b) {
			return nil, fmt.Errorf("%s and %s are not of one shape", x, y)
		}
	}
	return []Type{x}, nil
}

func expandGelu(b *Builder, n *Node, x *Value) *Value {
	var f *Value
	switch a := n.Str("approximate"); a {
	case "none":
		f = b.New(Erf, nil, b.New(Mul, nil, x, b.like(x, math.Sqrt2/2)))
	case "tanh":
		cube := b.New(Mul, nil, b.New(Mul, nil, b.New(Mul, nil, x, x), x), b.like(x, 0.044715))
		f = b.New(Tanh, nil, b.New(Mul, nil, b.New(Add, nil, x, cube), b.like(x, math.Sqrt(2/math.Pi))))
	default:
		refuse("approximate=%q is neither \"none\" nor \"tanh\"", a)
	}
	return b.New(Mul, nil, b.New(Mul, nil, x, b.like(x, 0.5)), b.New(Add, nil, f, b.like(x, 1)))
}

// expandHardmax compares each place along the axis with the place of the first maximum.
func expandHardmax(b *Builder, n *Node) []*Value {
	x := n.Arg("x")
	shape := ranked(x)
	axis, err := Axis(n.Int("axis"), len(shape))
	if err != nil {
		refuse("%v", err)
	}
	at := b.New(ArgMax, Attrs{"axis": axis}, x)
	line := make([]Dim, len(shape)-axis) // [D,1,1..]: the places, the axis in its own position
	for i := range line {
		line[i] = N(1)
	}
	line[0] = shape[axis]
	places := b.New(Reshape, nil, b.New(Range, nil, b.Dim(N(0)), b.Dim(shape[axis]), b.Dim(N(1))), b.Dims(line...))
	return []*Value{b.cast(b.New(Equal, nil, at, places), x.Type.Elem)}
}
