package ir

import "fmt"

const reduceAttrs = "keepdims:int=1 noop_with_empty_axes:int=0"

// Reductions over axes: all of them when axes is absent or empty, none with noop_with_empty_axes.
var (
	// ReduceSum is Σ x.
	ReduceSum = define(Op{Name: "ReduceSum", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Example: "ReduceSum(x, [1])", Inputs: "x f32[2,3,4]"})
	// ReduceMean is Σ x over the number of elements.
	ReduceMean = define(Op{Name: "ReduceMean", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Example: "ReduceMean(x, [-1]) keepdims=0", Inputs: "x f32[2,3,4]"})
	// ReduceMax is the greatest element; the least number of the type, or -inf, when there is none.
	ReduceMax = define(Op{Name: "ReduceMax", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(ordered), Example: "ReduceMax(x, [-1])", Inputs: "x f32[2,3,4]"})
	// ReduceMin is the least element; the greatest number of the type, or inf, when there is none.
	ReduceMin = define(Op{Name: "ReduceMin", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(ordered), Example: "ReduceMin(x, [0])", Inputs: "x f32[2,3,4]"})
	// ReduceProd is Π x.
	ReduceProd = define(Op{Name: "ReduceProd", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Example: "ReduceProd(x, [0,2])", Inputs: "x f32[2,3,4]"})
	// ReduceL1 is Σ |x|.
	ReduceL1 = define(Op{Name: "ReduceL1", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Expand: func(b *Builder, n *Node) []*Value {
		return []*Value{b.reduce(n, ReduceSum, b.New(Abs, nil, n.Args[0]))}
	}, Example: "ReduceL1(x, [1])", Inputs: "x f32[2,3,4]"})
	// ReduceSumSquare is Σ x².
	ReduceSumSquare = define(Op{Name: "ReduceSumSquare", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Expand: func(b *Builder, n *Node) []*Value {
		return []*Value{b.reduce(n, ReduceSum, b.New(Mul, nil, n.Args[0], n.Args[0]))}
	}, Example: "ReduceSumSquare(x, [1])", Inputs: "x f32[2,3,4]"})
	// ReduceL2 is √ Σ x².
	ReduceL2 = define(Op{Name: "ReduceL2", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Expand: inDouble(func(b *Builder, n *Node, x *Value) *Value {
		return b.New(Sqrt, nil, b.reduce(n, ReduceSum, b.New(Mul, nil, x, x)))
	}), Example: "ReduceL2(x, [1])", Inputs: "x f32[2,3,4]"})
	// ReduceLogSum is ln Σ x.
	ReduceLogSum = define(Op{Name: "ReduceLogSum", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Expand: inDouble(func(b *Builder, n *Node, x *Value) *Value {
		return b.New(Log, nil, b.reduce(n, ReduceSum, x))
	}), Example: "ReduceLogSum(x, [1])", Inputs: "x u32[2,3,4]"})
	// ReduceLogSumExp is ln Σ eˣ.
	ReduceLogSumExp = define(Op{Name: "ReduceLogSumExp", Args: "x axes?", Attrs: reduceAttrs, Infer: inferReduce(number), Expand: inDouble(func(b *Builder, n *Node, x *Value) *Value {
		return b.New(Log, nil, b.reduce(n, ReduceSum, b.New(Exp, nil, x)))
	}), Example: "ReduceLogSumExp(x, [1])", Inputs: "x f32[2,3,4]"})
	// ArgMax is the index of the greatest element along axis, the first or with select_last_index the last of equals.
	ArgMax = define(Op{Name: "ArgMax", Args: "x", Attrs: "axis:int=0 keepdims:int=1 select_last_index:int=0", Infer: inferArg,
		Example: "ArgMax(x) axis=1", Inputs: "x f32[2,3,4]"})
	// ArgMin is the index of the least element along axis, the first or with select_last_index the last of equals.
	ArgMin = define(Op{Name: "ArgMin", Args: "x", Attrs: "axis:int=0 keepdims:int=1 select_last_index:int=0", Infer: inferArg,
		Example: "ArgMin(x) axis=-1 keepdims=0", Inputs: "x f32[2,3,4]"})
)

// Running sums and products.
var (
	// CumSum is the sum of the elements up to each one along axis, itself left out with exclusive, from the end with reverse.
	CumSum = define(Op{Name: "CumSum", Args: "x axis", Attrs: "exclusive:int=0 reverse:int=0", Infer: inferCumulative,
		Example: "CumSum(x, i32[]{1}) reverse=1", Inputs: "x f32[2,3]"})
	// CumProd is CumSum with products.
	CumProd = define(Op{Name: "CumProd", Args: "x axis", Attrs: "exclusive:int=0 reverse:int=0", Infer: inferCumulative,
		Example: "CumProd(x, i32[]{1}) exclusive=1", Inputs: "x f32[2,3]"})
)

// reduce builds the reduction of x over n's axes.
func (b *Builder) reduce(n *Node, op *Op, x *Value) *Value {
	return b.New(op, Attrs{"keepdims": n.Int("keepdims"), "noop_with_empty_axes": n.Int("noop_with_empty_axes")}, x, n.ArgAt(1))
}

// inDouble is an expansion whose inner part is computed in double precision, which also makes it right for integers.
func inDouble(f func(b *Builder, n *Node, x *Value) *Value) func(b *Builder, n *Node) []*Value {
	return func(b *Builder, n *Node) []*Value {
		x, e := n.Args[0], n.TypeAt(0).Elem
		if e == F64 {
			return []*Value{f(b, n, x)}
		}
		return b.New1(Cast, Attrs{"to": e}, f(b, n, b.New(Cast, Attrs{"to": F64}, x)))
	}
}

// ReducedAxes are the axes that a reduction of a tensor of that rank goes over, as a mask; ok is false when only the data decides.
func (n *Node) ReducedAxes(rank int) (reduced []bool, ok bool, err error) {
	reduced = make([]bool, rank)
	var axes []int64
	if a := n.ArgAt(1); a != nil {
		if axes, ok = a.ConstInts(); !ok {
			return nil, false, nil
		}
	}
	for _, a := range axes {
		k, err := Axis(int(a), rank)
		if err != nil {
			return nil, false, err
		}
		reduced[k] = true
	}
	if len(axes) == 0 && n.Int("noop_with_empty_axes") == 0 {
		for i := range reduced {
			reduced[i] = true
		}
	}
	return reduced, true, nil
}

func inferReduce(c class) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		t, err := n.tensorAt(0, c)
		if err != nil || !t.Ranked() {
			return []Type{Unranked(t.Elem)}, err
		}
		reduced, ok, err := n.ReducedAxes(t.Rank())
		if err != nil {
			return nil, err
		}
		if !ok {
			return []Type{n.unknownReduction(t)}, nil
		}
		return []Type{T(t.Elem, reduceShape(t.Shape, reduced, n.Int("keepdims") != 0)...)}, nil
	}
}

func reduceShape(shape []Dim, reduced []bool, keep bool) []Dim {
	out := []Dim{}
	for i, d := range shape {
		switch {
		case !reduced[i]:
			out = append(out, d)
		case keep:
			out = append(out, N(1))
		}
	}
	return out
}

// unknownReduction is the type of a reduction over axes that only the data knows.
func (n *Node) unknownReduction(t Type) Type {
	rank := t.Rank()
	if n.Int("keepdims") == 0 {
		count, ok := n.countAt(1)
		if !ok || count == 0 || count > rank {
			return Unranked(t.Elem)
		}
		rank -= count
	}
	return n.freshOf(t.Elem, rank)
}

// countAt is the number of elements of argument i, if its type says it.
func (n *Node) countAt(i int) (count int, ok bool) {
	shape, ok := n.TypeAt(i).Static()
	if !ok || len(shape) > 1 {
		return 0, false
	}
	for _, k := range shape {
		return k, true
	}
	return 1, true
}

// freshOf is the type of a result of which only the rank is known.
func (n *Node) freshOf(e Elem, rank int) Type {
	shape := make([]Dim, rank)
	for i := range shape {
		shape[i] = n.Fresh(i)
	}
	return T(e, shape...)
}

func inferArg(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, number)
	if err != nil || !t.Ranked() {
		return []Type{Unranked(I64)}, err
	}
	axis, err := Axis(n.Int("axis"), t.Rank())
	if err != nil {
		return nil, err
	}
	if t.Shape[axis].Is(0) {
		return nil, fmt.Errorf("axis %d of %s is empty", axis, t)
	}
	reduced := make([]bool, t.Rank())
	reduced[axis] = true
	return []Type{T(I64, reduceShape(t.Shape, reduced, n.Int("keepdims") != 0)...)}, nil
}

func inferCumulative(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, number)
	if err != nil || !t.Ranked() {
		return []Type{t}, err
	}
	if _, err := n.tensorAt(1, integer); err != nil {
		return nil, err
	}
	if axis, ok := n.ArgAt(1).ConstInts(); ok && len(axis) == 1 {
		if _, err := Axis(int(axis[0]), t.Rank()); err != nil {
			return nil, err
		}
	}
	return []Type{t}, nil
}
