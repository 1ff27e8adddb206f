package ir

import (
	"fmt"
	"math"
)

// Tensors made from shapes and numbers.
var (
	// Range is start, start+delta, ... to before limit.
	Range = define(Op{Name: "Range", Args: "start limit delta", Attrs: "stash_type:int=1", Infer: inferRange, Example: "Range(1, 9, 3)"})
	// ConstantOfShape is value, one element or 0 as f32, in every place.
	ConstantOfShape = define(Op{Name: "ConstantOfShape", Args: "shape", Attrs: "value:tensor?", Infer: inferConstantOfShape,
		Example: "ConstantOfShape([2,3]) value=i64[1]{7}"})
	// EyeLike is 1 on diagonal k of a matrix of x's shape, 0 elsewhere.
	EyeLike = define(Op{Name: "EyeLike", Args: "x", Attrs: "dtype:int? k:int=0", Infer: inferEyeLike, Example: "EyeLike(x) k=1", Inputs: "x f32[2,3]"})
	// Trilu is x where its last two axes are on diagonal k or above it (below without upper), 0 elsewhere.
	Trilu = define(Op{Name: "Trilu", Args: "x k?", Attrs: "upper:int=1", Infer: inferTrilu, Example: "Trilu(x, i64[]{1})", Inputs: "x f32[2,3,3]"})
	// HannWindow is sin²(πi/(n-1)), periodic with n for n-1.
	HannWindow = define(Op{Name: "HannWindow", Args: "size", Attrs: windowFuncAttrs, Expand: expandWindow(0.5, 0.5, 0),
		Example: "HannWindow(i32[]{5})"})
	// HammingWindow is 25/46 - 21/46·cos(2πi/(n-1)), periodic with n for n-1.
	HammingWindow = define(Op{Name: "HammingWindow", Args: "size", Attrs: windowFuncAttrs, Expand: expandWindow(25./46, 21./46, 0),
		Example: "HammingWindow(i32[]{5}) periodic=0"})
	// BlackmanWindow is 0.42 - 0.5·cos(2πi/(n-1)) + 0.08·cos(4πi/(n-1)), periodic with n for n-1.
	BlackmanWindow = define(Op{Name: "BlackmanWindow", Args: "size", Attrs: windowFuncAttrs, Expand: expandWindow(0.42, 0.5, 0.08),
		Example: "BlackmanWindow(i32[]{5})"})
)

const windowFuncAttrs = "output_datatype:int=1 periodic:int=1"

func inferRange(n *Node) ([]Type, error) {
	for i := range 3 {
		t, err := n.tensorAt(i, number)
		if err != nil {
			return nil, err
		}
		if t.Rank() > 0 && !t.Size().Is(1) {
			return nil, fmt.Errorf("argument %s is %s instead of a scalar", n.Op.params[i].name, t)
		}
	}
	e, err := n.SameElem(0, 1, 2)
	if err != nil {
		return nil, err
	}
	count, err := n.rangeLength()
	return []Type{T(e, count)}, err
}

func (n *Node) rangeLength() (Dim, error) {
	var k [3]*Dim
	var x [3]float64
	constant := true
	for i := range k {
		if s := n.ArgAt(i).Symbolic(); len(s) == 1 {
			k[i] = s[0]
		}
		d := n.ArgAt(i).Const()
		if constant = constant && d != nil && d.Len() == 1; constant {
			x[i] = d.Float(0)
		}
	}
	if constant && n.TypeAt(0).Elem.IsFloat() {
		if x[2] == 0 {
			return Dim{}, fmt.Errorf("a delta of 0")
		}
		return N(int(max(0, math.Ceil((x[1]-x[0])/x[2])))), nil
	}
	if k[0] == nil || k[1] == nil || k[2] == nil || !k[2].IsConst() {
		return n.Fresh(0), nil
	}
	step := *k[2]
	span := k[1].Sub(*k[0])
	switch {
	case step.Is(0):
		return Dim{}, fmt.Errorf("a delta of 0")
	case step.c < 0:
		step, span = step.Neg(), span.Neg()
	}
	length, _ := span.Max(N(0)).Add(step).Sub(N(1)).Div(step)
	return length, nil
}

func inferConstantOfShape(n *Node) ([]Type, error) {
	e := F32
	if d := n.Data("value"); d != nil {
		if e = d.Elem; d.Len() != 1 {
			return nil, fmt.Errorf("value has %d elements instead of one", d.Len())
		}
	}
	want, ok, err := n.dimsAt(0)
	if err != nil || !ok {
		return []Type{Unranked(e)}, err
	}
	shape := make([]Dim, len(want))
	for i, d := range want {
		switch {
		case d == nil:
			shape[i] = n.Fresh(i)
		case d.IsConst() && d.c < 0:
			return nil, fmt.Errorf("a dimension of %s", d)
		default:
			shape[i] = *d
		}
	}
	return []Type{T(e, shape...)}, nil
}

func inferEyeLike(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	e := x.Elem
	if n.Has("dtype") {
		if e, err = n.elemAttr("dtype"); err != nil {
			return nil, err
		}
	}
	if e != NoElem && !ordered.has(e) {
		return nil, fmt.Errorf("there is no identity of %s", e)
	}
	if !x.Ranked() {
		return []Type{T(e, n.Fresh(0), n.Fresh(1))}, nil
	}
	if x.Rank() != 2 {
		return nil, fmt.Errorf("%s is no matrix", x)
	}
	return []Type{x.With(e)}, nil
}

func inferTrilu(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if x.Ranked() && x.Rank() < 2 {
		return nil, fmt.Errorf("%s has fewer than two axes", x)
	}
	_, err = n.tensorAt(1, integer)
	return []Type{x}, err
}

// expandWindow is a - b·cos(2πi/n) + c·cos(4πi/n), which is what the window functions have in common.
func expandWindow(a, b, c float64) func(*Builder, *Node) []*Value {
	return func(bld *Builder, n *Node) []*Value {
		e, err := n.elemAttr("output_datatype")
		if err != nil {
			panic(&Misfit{err})
		}
		num := func(x float64) *Value { return bld.Scalar(F64, x) }
		count := bld.New(Cast, Attrs{"to": I64}, bld.New(Reshape, nil, n.Args[0], bld.Vector()))
		i := bld.New(Cast, Attrs{"to": F64}, bld.New(Range, nil, bld.Scalar(I64, 0), count, bld.Scalar(I64, 1)))
		last := bld.New(Cast, Attrs{"to": F64}, count)
		if n.Int("periodic") == 0 {
			last = bld.New(Sub, nil, last, num(1))
		}
		angle := bld.New(Div, nil, bld.New(Mul, nil, i, num(2*math.Pi)), last)
		y := bld.New(Sub, nil, num(a), bld.New(Mul, nil, bld.New(Cos, nil, angle), num(b)))
		if c != 0 {
			twice := bld.New(Cos, nil, bld.New(Mul, nil, angle, num(2)))
			y = bld.New(Add, nil, y, bld.New(Mul, nil, twice, num(c)))
		}
		return bld.New1(Cast, Attrs{"to": e}, y)
	}
}
