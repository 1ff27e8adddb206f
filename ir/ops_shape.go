package ir

import (
	"fmt"
	"slices"
)

// Shapes as data, and the same elements in another shape.
var (
	// Shape is the dimensions of x from start to end.
	Shape = define(Op{Name: "Shape", Args: "x", Attrs: "start:int=0 end:int?", Infer: inferShape, Example: "Shape(x) start=1", Inputs: "x f32[2,3,4]"})
	// Size is the number of elements.
	Size = define(Op{Name: "Size", Args: "x", Infer: func(n *Node) ([]Type, error) {
		_, err := n.tensorAt(0, anyElem)
		return []Type{T(I64)}, err
	}, Example: "Size(x)", Inputs: "x f32[2,3]"})
	// Reshape is x in another shape: -1 stands for what is left over, 0 for x's own dimension unless allowzero.
	Reshape = define(Op{Name: "Reshape", Args: "x shape", Attrs: "allowzero:int=0", Infer: inferReshape,
		Example: "Reshape(x, [0,2,-1])", Inputs: "x f32[2,6,4]"})
	// Flatten is x as a matrix: the axes before axis, and the others.
	Flatten = define(Op{Name: "Flatten", Args: "x", Attrs: "axis:int=1", Infer: inferFlatten, Example: "Flatten(x) axis=2", Inputs: "x f32[2,3,4]"})
	// Squeeze is x without the given axes, which are 1; without all that are 1 when axes is absent.
	Squeeze = define(Op{Name: "Squeeze", Args: "x axes?", Infer: inferSqueeze, Example: "Squeeze(x, [1])", Inputs: "x f32[2,1,4]"})
	// Unsqueeze is x with axes of 1 where the result has the given axes.
	Unsqueeze = define(Op{Name: "Unsqueeze", Args: "x axes", Infer: inferUnsqueeze, Example: "Unsqueeze(x, [0,-1])", Inputs: "x f32[2,4]"})
	// Transpose has axis perm[i] of x as its axis i; the axes in reverse when perm is absent.
	Transpose = define(Op{Name: "Transpose", Args: "x", Attrs: "perm:ints?", Infer: inferTranspose, Example: "Transpose(x) perm=[0,2,1]", Inputs: "x f32[2,3,4]"})
	// Expand is x broadcast with the shape.
	Expand = define(Op{Name: "Expand", Args: "x shape", Infer: inferExpand, Example: "Expand(x, [2,1,3])", Inputs: "x f32[4,1]"})
)

func inferShape(n *Node) ([]Type, error) {
	t, err := n.tensorAt(0, anyElem)
	if err != nil || !t.Ranked() {
		return []Type{T(I64, n.Fresh(0))}, err
	}
	lo, hi := clampRange(n.Int("start"), n.attr("end"), t.Rank())
	return []Type{TN(I64, hi-lo)}, nil
}

// dimsAt is what is known of the vector of dimensions that argument i holds: its elements, nil for one that only the data decides.
// ok is false when not even their number is known.
func (n *Node) dimsAt(i int) (ds []*Dim, ok bool, err error) {
	t, err := n.tensorAt(i, integer)
	if err != nil {
		return nil, false, err
	}
	if t.Rank() > 1 {
		return nil, false, fmt.Errorf("argument %s is %s instead of a vector", n.Op.params[i].name, t)
	}
	if ds := n.ArgAt(i).Symbolic(); ds != nil {
		return ds, true, nil
	}
	if shape, ok := t.Static(); ok && len(shape) == 1 && shape[0] <= maxSymbolic {
		return make([]*Dim, shape[0]), true, nil
	}
	return nil, false, nil
}

func inferReshape(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	want, ok, err := n.dimsAt(1)
	if err != nil || !ok {
		return []Type{Unranked(x.Elem)}, err
	}
	shape, err := n.reshaped(x, want)
	return []Type{T(x.Elem, shape...)}, err
}

// uncommon are the products of two lists of dimensions without the named ones that both have.
func uncommon(xs, ys []Dim) (x, y Dim) {
	xs, y = slices.Clone(xs), N(1)
	for _, d := range ys {
		i := slices.IndexFunc(xs, d.Equal)
		if i < 0 || d.IsConst() {
			y = y.Mul(d)
			continue
		}
		xs = slices.Delete(xs, i, i+1)
	}
	return Product(xs), y
}

// reshaped fills in what want leaves open. One dimension that is not known is decided by the number of elements, whether the data
// will say -1 or a number.
func (n *Node) reshaped(x Type, want []*Dim) ([]Dim, error) {
	shape := make([]Dim, len(want))
	open, rest := -1, N(1)
	for i, d := range want {
		switch {
		case d == nil || d.Is(-1):
			if open >= 0 && d != nil && want[open] != nil {
				return nil, fmt.Errorf("more than one -1 in the shape")
			}
			shape[i] = n.Fresh(i)
			if open >= 0 {
				rest = N(0) // two are open: neither is known
			}
			open = i
			continue
		case d.Is(0) && n.Int("allowzero") == 0:
			if !x.Ranked() {
				shape[i] = n.Fresh(i)
				break
			}
			if i >= x.Rank() {
				return nil, fmt.Errorf("a 0 at place %d of the shape stands for no dimension of %s", i, x)
			}
			shape[i] = x.Shape[i]
		case d.IsConst() && d.c < 0:
			return nil, fmt.Errorf("a dimension of %s", d)
		default:
			shape[i] = *d
		}
		rest = rest.Mul(shape[i])
	}
	if !x.Ranked() || rest.Is(0) && open >= 0 {
		return shape, nil
	}
	total := x.Size()
	if open < 0 {
		if total.IsConst() && rest.IsConst() && !total.Equal(rest) {
			return nil, fmt.Errorf("cannot reshape %s to [%s]: %s elements are not %s", x, JoinDims(shape), total, rest)
		}
		return shape, nil
	}
	total, rest = uncommon(x.Shape, slices.Delete(slices.Clone(shape), open, open+1))
	q, _ := total.Div(rest)
	if r, _ := total.Mod(rest); r.IsConst() && !r.Is(0) {
		return nil, fmt.Errorf("cannot reshape %s: %s elements are no multiple of %s", x, total, rest)
	}
	shape[open] = q
	return shape, nil
}

func inferFlatten(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if !x.Ranked() {
		return []Type{T(x.Elem, n.Fresh(0), n.Fresh(1))}, nil
	}
	axis := n.Int("axis")
	if axis < -x.Rank() || axis > x.Rank() {
		return nil, fmt.Errorf("axis %d is not within rank %d", axis, x.Rank())
	}
	if axis < 0 {
		axis += x.Rank()
	}
	return []Type{T(x.Elem, Product(x.Shape[:axis]), Product(x.Shape[axis:]))}, nil
}

func inferSqueeze(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	drop := make([]bool, x.Rank())
	if n.ArgAt(1) == nil {
		for i, d := range x.Shape {
			if !d.IsConst() { // it may be 1 or not
				return []Type{Unranked(x.Elem)}, nil
			}
			drop[i] = d.Is(1)
		}
		return []Type{T(x.Elem, reduceShape(x.Shape, drop, false)...)}, nil
	}
	axes, ok := n.ArgAt(1).ConstInts()
	if !ok {
		if count, ok := n.countAt(1); ok && count <= x.Rank() {
			return []Type{n.freshOf(x.Elem, x.Rank()-count)}, nil
		}
		return []Type{Unranked(x.Elem)}, nil
	}
	for _, a := range axes {
		k, err := Axis(int(a), x.Rank())
		if err != nil {
			return nil, err
		}
		if d := x.Shape[k]; d.IsConst() && !d.Is(1) {
			return nil, fmt.Errorf("cannot squeeze axis %d of %s", a, x)
		}
		drop[k] = true
	}
	return []Type{T(x.Elem, reduceShape(x.Shape, drop, false)...)}, nil
}

func inferUnsqueeze(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	axes, ok := n.ArgAt(1).ConstInts()
	if !ok {
		if count, ok := n.countAt(1); ok {
			return []Type{n.freshOf(x.Elem, x.Rank()+count)}, nil
		}
		return []Type{Unranked(x.Elem)}, nil
	}
	added := make([]bool, x.Rank()+len(axes))
	for _, a := range axes {
		k, err := Axis(int(a), len(added))
		if err != nil {
			return nil, err
		}
		if added[k] {
			return nil, fmt.Errorf("axis %d appears twice in axes", a)
		}
		added[k] = true
	}
	shape, next := make([]Dim, len(added)), 0
	for i := range shape {
		if added[i] {
			shape[i] = N(1)
			continue
		}
		shape[i] = x.Shape[next]
		next++
	}
	return []Type{T(x.Elem, shape...)}, nil
}

// Perm is the permutation of a Transpose of a tensor of that rank.
func (n *Node) Perm(rank int) ([]int, error) {
	perm := make([]int, rank)
	if !n.Has("perm") {
		for i := range perm {
			perm[i] = rank - 1 - i
		}
		return perm, nil
	}
	ps := n.Ints("perm")
	if len(ps) != rank {
		return nil, fmt.Errorf("perm has %d axes for a tensor of rank %d", len(ps), rank)
	}
	seen := make([]bool, rank)
	for i, p := range ps {
		k, err := Axis(int(p), rank)
		if err != nil || seen[k] {
			return nil, fmt.Errorf("perm %v is no permutation", ps)
		}
		seen[k], perm[i] = true, k
	}
	return perm, nil
}

func inferTranspose(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if !x.Ranked() {
		if !n.Has("perm") {
			return []Type{x}, nil
		}
		return []Type{n.freshOf(x.Elem, len(n.Ints("perm")))}, nil
	}
	perm, err := n.Perm(x.Rank())
	if err != nil {
		return nil, err
	}
	shape := make([]Dim, len(perm))
	for i, p := range perm {
		shape[i] = x.Shape[p]
	}
	return []Type{T(x.Elem, shape...)}, nil
}

func inferExpand(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	want, ok, err := n.dimsAt(1)
	if err != nil || !ok || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	shape := make([]Dim, len(want))
	for i, d := range want {
		shape[i] = n.Fresh(i)
		j := i - len(want) + x.Rank()
		switch {
		case d != nil && d.IsConst() && d.c < 0:
			return nil, fmt.Errorf("a dimension of %s", d)
		case d != nil:
			shape[i] = *d
		case j >= 0 && x.Shape[j].IsConst() && !x.Shape[j].Is(1): // then it can be nothing else
			shape[i] = x.Shape[j]
		}
	}
	out, err := Broadcast(x.Shape, shape)
	for i, d := range want { // a dimension that only the data decides stands for the result's own, whatever x has there
		if j := i - len(want) + len(out); d == nil && err == nil && !out[j].IsConst() {
			out[j] = n.Fresh(i)
		}
	}
	return []Type{T(x.Elem, out...)}, err
}
