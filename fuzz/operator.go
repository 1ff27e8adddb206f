package fuzz

import (
	"math"

	"github.com/gpamc/gpamc/ir"
	"pgregory.net/rapid"
)

// numbers are those that rules look for, and those that trip arithmetic.
var numbers = []float64{0, 1, -1, 2, 3, 0.5, -0.5, 0.7071067811865476, 1e-5, -1e9, 0.044715, 0.7978845608028654, 8, 100, math.Inf(-1)}

// operator adds an operator of arguments at random, if they fit.
func (a *author) operator() {
	for range 4 {
		if a.tryOperator() {
			return
		}
	}
}

func (a *author) tryOperator() bool {
	x := a.pick()
	var op *ir.Op
	args, attrs := []*ir.Value{x}, ir.Attrs{}
	switch a.int(0, 9) {
	case 0, 1:
		op = one(a, ir.Add, ir.Sub, ir.Mul, ir.Div, ir.MatMul, ir.Pow, ir.Max, ir.Min, ir.PRelu, ir.Mod)
		args = append(args, a.like(x))
		if a.flip() {
			args[0], args[1] = args[1], args[0]
		}
		if op == ir.Mod && x.Type.Elem.IsFloat() {
			attrs["fmod"] = 1 // as ONNX wants it
		}
	case 2:
		op = one(a, ir.Equal, ir.Less, ir.GreaterOrEqual, ir.And, ir.Or, ir.Xor)
		args = append(args, a.like(x))
	case 3, 4:
		op = a.unary()
	case 5:
		op = one(a, ir.ReduceMean, ir.ReduceSum, ir.ReduceMax, ir.ReduceMin, ir.ReduceL2, ir.ReduceSumSquare)
		args = append(args, a.b.Vector(one(a, int64(-1), 0, 1)))
		attrs["keepdims"] = a.int(0, 1)
	case 6:
		op, args, attrs = a.movement(x)
	case 7:
		op = one(a, ir.Softmax, ir.LogSoftmax, ir.CumSum, ir.ArgMax, ir.Concat)
		switch op {
		case ir.CumSum:
			args = append(args, a.b.Const(ir.Ints(ir.I64, nil, int64(-1))))
		case ir.Concat:
			args, attrs["axis"] = append(args, a.like(x)), a.int(-2, 1)
		default:
			attrs["axis"] = one(a, -1, 0, 1)
		}
	case 8:
		op = ir.Cast
		attrs["to"] = int(one(a, ir.F32, ir.F64, ir.I64, ir.I32, ir.Bool, ir.F16))
	default:
		op, args = ir.Where, []*ir.Value{a.condition(), x, a.like(x)}
	}
	return a.add(op, attrs, args...)
}

// unary is an operator of one argument, from the whole table.
func (a *author) unary() *ir.Op {
	if a.flip() {
		return one(a, ir.Neg, ir.Reciprocal, ir.Sqrt, ir.Erf, ir.Tanh, ir.Sigmoid, ir.Relu, ir.Exp, ir.Not, ir.Abs)
	}
	return rapid.SampledFrom(ir.Ops()).Filter(func(op *ir.Op) bool { return len(op.ArgNames()) > 0 && !op.Variadic() && len(op.BodyNames()) == 0 }).Draw(a.t, "op")
}

// like is a value that probably fits beside x: a number, x itself, or any.
func (a *author) like(x *ir.Value) *ir.Value {
	switch a.int(0, 4) {
	case 0:
		return x
	case 1, 2:
		if x.Type.Elem.IsFloat() {
			return a.b.Scalar(x.Type.Elem, rapid.SampledFrom(numbers).Draw(a.t, "number"))
		}
		if x.Type.Elem.IsInt() {
			return a.b.Scalar(x.Type.Elem, float64(a.int(0, 3)))
		}
	}
	for range 4 {
		if y := a.pick(); y.Type.Elem == x.Type.Elem {
			return y
		}
	}
	return x
}

func (a *author) condition() *ir.Value {
	for range 3 {
		if c := a.pick(); c.Type.Elem == ir.Bool {
			return c
		}
	}
	return a.param(ir.T(ir.Bool, ir.Sym("s"), one(a, ir.N(8), ir.N(1))))
}

// movement moves the elements of x.
func (a *author) movement(x *ir.Value) (*ir.Op, []*ir.Value, ir.Attrs) {
	b := a.b
	args := func(vs ...*ir.Value) []*ir.Value { return append([]*ir.Value{x}, vs...) }
	switch a.int(0, 7) {
	case 0:
		perm := rapid.Permutation(indices(x.Type.Rank())).Draw(a.t, "perm")
		return ir.Transpose, args(), ir.Attrs{"perm": perm}
	case 1:
		return ir.Reshape, args(b.Vector(one(a, []int64{0, -1}, []int64{-1}, []int64{-1, 2, 4}, []int64{0, 0, 2, -1}, []int64{-1, 8})...)), nil
	case 2:
		return ir.Unsqueeze, args(b.Vector(one(a, int64(0), 1, -1))), nil
	case 3:
		start, end, step := one(a, int64(0), 1, -1, -3), one(a, int64(1), 2, 4, -1, math.MaxInt64), one(a, int64(1), 1, 2)
		return ir.Slice, args(b.Vector(start), b.Vector(end), b.Vector(one(a, int64(0), 1, -1)), b.Vector(step)), nil
	case 4:
		return ir.Expand, args(b.Dims(ir.N(2), ir.N(1), ir.N(1), ir.N(1))), nil
	case 5:
		return ir.Gather, args(b.Vector(one(a, []int64{0}, []int64{0, 0}, []int64{-1, 0})...)), ir.Attrs{"axis": one(a, 0, 1, -1)}
	case 6:
		return ir.Squeeze, args(b.Vector(one(a, int64(0), 1, -1))), nil
	}
	return ir.Flatten, args(), ir.Attrs{"axis": a.int(0, 2)}
}

func indices(n int) []int64 {
	is := make([]int64, max(n, 0))
	for i := range is {
		is[i] = int64(i)
	}
	return is
}

// add adds a node, unless it does not fit or would make the program slow.
func (a *author) add(op *ir.Op, attrs ir.Attrs, args ...*ir.Value) bool {
	if !a.allowed(op) {
		return false
	}
	before := len(a.f.Nodes)
	n, err := a.b.Add(op, 1, attrs, nil, args...)
	if err != nil || !n.Out().Type.Ranked() || n.Out().Type.Rank() > 5 || !a.small(n.Out().Type) {
		a.f.Nodes = a.f.Nodes[:min(before, len(a.f.Nodes))]
		return false
	}
	a.keep(n.Out())
	return true
}

// small reports whether a tensor stays below some thousands of elements.
func (a *author) small(t ir.Type) bool {
	n, ok := t.Size().Eval(map[string]int{"b": 3, "s": 9, "n": 9, "t": 9})
	return !ok || n <= 1<<15
}
