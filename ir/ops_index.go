package ir

import (
	"fmt"
	"slices"
)

// Elements by their indices. A negative index counts from the end of its axis.
var (
	// Gather is x[indices[...]] along axis: the axis makes way for those of indices.
	Gather = define(Op{Name: "Gather", Args: "x indices", Attrs: "axis:int=0", Infer: inferGather, Example: "Gather(x, [2,0]) axis=1", Inputs: "x f32[2,3]"})
	// GatherElements is y[i,j] = x[indices[i,j],j], for axis 0.
	GatherElements = define(Op{Name: "GatherElements", Args: "x indices", Attrs: "axis:int=0", Infer: inferGatherElements,
		Example: "GatherElements(x, k) axis=1", Inputs: "x f32[3,4] k i64[3,2]"})
	// GatherND is y[i] = x[indices[i,:]], after batch_dims axes that both share.
	GatherND = define(Op{Name: "GatherND", Args: "x indices", Attrs: "batch_dims:int=0", Infer: inferGatherND,
		Example: "GatherND(x, i64[2,2]{0,1,1,0})", Inputs: "x f32[2,3,4]"})
	// ScatterElements is x with updates[i,j] at [indices[i,j],j], for axis 0; with a reduction (add, mul, max, min) put together with
	// what is there.
	ScatterElements = define(Op{Name: "ScatterElements", Args: "x indices updates", Attrs: "axis:int=0 reduction:string=none", Infer: inferScatterElements,
		Example: `ScatterElements(x, k, u) axis=1 reduction="add"`, Inputs: "x f32[3,4] k i64[3,2] u f32[3,2]"})
	// Scatter is the old name of ScatterElements.
	Scatter = define(Op{Name: "Scatter", Args: "x indices updates", Attrs: "axis:int=0", Expand: func(b *Builder, n *Node) []*Value {
		return b.New1(ScatterElements, Attrs{"axis": n.Int("axis")}, n.Args...)
	}, Example: "Scatter(x, k, u) axis=1", Inputs: "x f32[3,4] k i64[3,2] u f32[3,2]"})
	// ScatterND is x with updates[i] at [indices[i,:]], reduced as ScatterElements does.
	ScatterND = define(Op{Name: "ScatterND", Args: "x indices updates", Attrs: "reduction:string=none", Infer: inferScatterND,
		Example: "ScatterND(x, i64[2,1]{2,0}, u)", Inputs: "x f32[3,4] u f32[2,4]"})
	// TensorScatter is a cache with update written along axis, for batch element i from write_indices[i] on; circular goes on at the
	// beginning after the end.
	TensorScatter = define(Op{Name: "TensorScatter", Args: "cache update write_indices?", Attrs: "axis:int=-2 mode:string=linear", Infer: inferTensorScatter,
		Example: "TensorScatter(c, u, [1,0])", Inputs: "c f32[2,4,3] u f32[2,2,3]"})
	// Append is the first rows of a cache along axis, length [1] of them, with x among them: for batch element i from begin[i] on, or from
	// begin[0] on for all. Not ONNX's.
	Append = define(Op{Name: "Append", Args: "cache x begin length", Attrs: "axis:int=-2", Infer: inferAppend, Expand: expandAppend,
		Example: "Append(c, x, [1], [3])", Inputs: "c f32[2,4,3] x f32[2,2,3]"})
	// OneHot is values[1] where the index along the new axis is the one of indices, values[0] elsewhere.
	OneHot = define(Op{Name: "OneHot", Args: "indices depth values", Attrs: "axis:int=-1", Infer: inferOneHot,
		Example: "OneHot(k, [4], v)", Inputs: "k i64[2,3] v f32[2]"})
	// TopK is the k greatest elements along axis, or least without largest, and their indices; equals in the order of their indices.
	TopK = define(Op{Name: "TopK", Args: "x k", Results: "values indices", Attrs: "axis:int=-1 largest:int=1 sorted:int=1", Infer: inferTopK,
		Example: "TopK(x, [2])", Inputs: "x f32[2,4]"})
	// NonZero is the indices of the elements that are not zero, one column each.
	NonZero = define(Op{Name: "NonZero", Args: "x", Infer: inferNonZero, Example: "NonZero(x)", Inputs: "x i64[2,3]"})
	// Compress is the slices along axis, or the elements, for which condition holds.
	Compress = define(Op{Name: "Compress", Args: "x condition", Attrs: "axis:int?", Infer: inferCompress, Example: "Compress(x, c) axis=1", Inputs: "x f32[2,3] c bool[3]"})
	// Unique is the different elements, or slices along axis, in order of value if sorted, else of appearance; where each first appears,
	// which one each element of x is, and how often each appears.
	Unique = define(Op{Name: "Unique", Args: "x", Results: "y indices? inverse? counts?", Attrs: "axis:int? sorted:int=1", Infer: inferUnique,
		Example: "Unique(x)", Inputs: "x i64[2,3]"})
	// ReverseSequence turns round the first lens[i] elements along time_axis of batch element i.
	ReverseSequence = define(Op{Name: "ReverseSequence", Args: "x lens", Attrs: "batch_axis:int=1 time_axis:int=0", Infer: inferReverseSequence,
		Example: "ReverseSequence(x, [1,2,2])", Inputs: "x f32[2,3]"})
)

// axisOf is the tensor argument i and the axis attribute resolved against it; ranked is false when its rank is not known.
func (n *Node) axisOf(i int) (x Type, axis int, ranked bool, err error) {
	x, err = n.tensorAt(i, anyElem)
	if err != nil || !x.Ranked() {
		return x, 0, false, err
	}
	axis, err = Axis(n.Int("axis"), x.Rank())
	return x, axis, true, err
}

func inferGather(n *Node) ([]Type, error) {
	x, axis, ranked, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	idx, err := n.tensorAt(1, integer)
	if err != nil || !ranked || !idx.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	shape := append([]Dim{}, x.Shape[:axis]...)
	shape = append(append(shape, idx.Shape...), x.Shape[axis+1:]...)
	return []Type{T(x.Elem, shape...)}, nil
}

func inferGatherElements(n *Node) ([]Type, error) {
	x, _, ranked, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	idx, err := n.tensorAt(1, integer)
	if err != nil {
		return nil, err
	}
	if ranked && idx.Ranked() && x.Rank() != idx.Rank() {
		return nil, fmt.Errorf("indices %s have not the rank of %s", idx, x)
	}
	if !idx.Ranked() {
		return []Type{Unranked(x.Elem)}, nil
	}
	return []Type{idx.With(x.Elem)}, nil
}

func inferGatherND(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	idx, err := n.tensorAt(1, integer)
	if err != nil || !x.Ranked() || !idx.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	batch := n.Int("batch_dims")
	if batch < 0 || batch >= idx.Rank() || batch >= x.Rank() {
		return nil, fmt.Errorf("batch_dims %d with %s and indices %s", batch, x, idx)
	}
	last, ok := idx.Shape[idx.Rank()-1].Const()
	if !ok {
		return []Type{Unranked(x.Elem)}, nil
	}
	if last < 1 || batch+last > x.Rank() {
		return nil, fmt.Errorf("indices of %d axes into %s with batch_dims %d", last, x, batch)
	}
	shape := append([]Dim{}, idx.Shape[:idx.Rank()-1]...)
	return []Type{T(x.Elem, append(shape, x.Shape[batch+last:]...)...)}, nil
}

func (n *Node) checkReduction() error {
	switch n.Str("reduction") {
	case "none", "add", "mul", "max", "min":
		return nil
	}
	return fmt.Errorf("reduction %q is not none, add, mul, max or min", n.Str("reduction"))
}

func inferScatterElements(n *Node) ([]Type, error) {
	x, _, _, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	idx, err := n.tensorAt(1, integer)
	if err != nil {
		return nil, err
	}
	if _, err := n.SameElem(0, 2); err != nil {
		return nil, err
	}
	if x.Ranked() && idx.Ranked() && x.Rank() != idx.Rank() {
		return nil, fmt.Errorf("indices %s have not the rank of %s", idx, x)
	}
	return []Type{x}, n.checkReduction()
}

func inferScatterND(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if _, err := n.tensorAt(1, integer); err != nil {
		return nil, err
	}
	if _, err := n.SameElem(0, 2); err != nil {
		return nil, err
	}
	return []Type{x}, n.checkReduction()
}

func inferTensorScatter(n *Node) ([]Type, error) {
	x, _, ranked, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	u, err := n.tensorAt(1, anyElem)
	if err != nil {
		return nil, err
	}
	if ranked && u.Ranked() && u.Rank() != x.Rank() {
		return nil, fmt.Errorf("update %s has not the rank of %s", u, x)
	}
	if m := n.Str("mode"); m != "linear" && m != "circular" {
		return nil, fmt.Errorf("mode %q is not linear or circular", m)
	}
	_, err = n.SameElem(0, 1)
	return []Type{x}, err
}

func inferAppend(n *Node) ([]Type, error) {
	c, axis, ranked, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	x, err := n.tensorAt(1, anyElem)
	if err != nil {
		return nil, err
	}
	for i := 2; i < 4; i++ {
		if _, err := n.tensorAt(i, integer); err != nil {
			return nil, err
		}
	}
	if _, err := n.SameElem(0, 1); err != nil || !ranked {
		return []Type{c}, err
	}
	if x.Ranked() && x.Rank() != c.Rank() {
		return nil, fmt.Errorf("x %s has not the rank of %s", x, c)
	}
	shape := slices.Clone(c.Shape)
	if ds, ok := n.Args[3].SymbolicDims(); ok && len(ds) == 1 {
		shape[axis] = ds[0]
	} else {
		shape[axis] = n.Fresh(0)
	}
	return []Type{T(c.Elem, shape...)}, nil
}

func expandAppend(b *Builder, n *Node) []*Value {
	c, at := n.Arg("cache"), Attrs{"axis": n.Int("axis")}
	rows := b.New(Slice, nil, c, b.Vector(0), n.Arg("length"), b.Vector(int64(n.Int("axis"))))
	return b.New1(TensorScatter, at, rows, n.Arg("x"), b.New(Expand, nil, n.Arg("begin"), b.Dims(ranked(c)[0])))
}

func inferOneHot(n *Node) ([]Type, error) {
	idx, err := n.tensorAt(0, number)
	if err != nil {
		return nil, err
	}
	v, err := n.tensorAt(2, anyElem)
	if err != nil || !idx.Ranked() {
		return []Type{Unranked(v.Elem)}, err
	}
	axis, err := Axis(n.Int("axis"), idx.Rank()+1)
	if err != nil {
		return nil, err
	}
	depth := n.Fresh(0)
	if ds := n.ArgAt(1).Symbolic(); len(ds) == 1 && ds[0] != nil {
		depth = *ds[0]
	} else if d := n.ArgAt(1).Const(); d != nil && d.Len() == 1 { // ONNX lets it be a float
		depth = N(int(d.Float(0)))
	}
	shape := append([]Dim{}, idx.Shape[:axis]...)
	return []Type{T(v.Elem, append(append(shape, depth), idx.Shape[axis:]...)...)}, nil
}

func inferTopK(n *Node) ([]Type, error) {
	x, axis, ranked, err := n.axisOf(0)
	if err != nil {
		return nil, err
	}
	if !ranked {
		return []Type{Unranked(x.Elem), Unranked(I64)}, nil
	}
	k, ok, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, x.Shape...)
	if shape[axis] = n.Fresh(axis); ok && len(k) == 1 && k[0] != nil {
		if d := x.Shape[axis].Sub(*k[0]); d.IsConst() && d.c < 0 {
			return nil, fmt.Errorf("k is %s on axis %d of %s", k[0], axis, x)
		}
		shape[axis] = *k[0]
	}
	return []Type{T(x.Elem, shape...), T(I64, shape...)}, nil
}

func inferNonZero(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	rank := n.Fresh(1)
	if x.Ranked() {
		rank = N(x.Rank())
	}
	return []Type{T(I64, rank, n.Fresh(0))}, err
}

func inferCompress(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if _, err := n.tensorAt(1, boolean); err != nil {
		return nil, err
	}
	if !n.Has("axis") {
		return []Type{T(x.Elem, n.Fresh(0))}, nil
	}
	if !x.Ranked() {
		return []Type{Unranked(x.Elem)}, nil
	}
	axis, err := Axis(n.Int("axis"), x.Rank())
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, x.Shape...)
	shape[axis] = n.Fresh(0)
	return []Type{T(x.Elem, shape...)}, nil
}

func inferUnique(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	count := n.Fresh(0)
	y, all := T(x.Elem, count), n.Fresh(1)
	switch {
	case !n.Has("axis"):
		if x.Ranked() {
			all = x.Size()
		}
	case !x.Ranked():
		y = Unranked(x.Elem)
	default:
		axis, err := Axis(n.Int("axis"), x.Rank())
		if err != nil {
			return nil, err
		}
		all = x.Shape[axis]
		y.Shape = append([]Dim{}, x.Shape...)
		y.Shape[axis] = count
	}
	return []Type{y, T(I64, count), T(I64, all), T(I64, count)}, nil
}

func inferReverseSequence(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	if _, err := n.tensorAt(1, integer); err != nil {
		return nil, err
	}
	b, t := n.Int("batch_axis"), n.Int("time_axis")
	if x.Ranked() && x.Rank() < 2 || b == t || b < 0 || b > 1 || t < 0 || t > 1 {
		return nil, fmt.Errorf("batch axis %d and time axis %d of %s: they must be 0 and 1", b, t, x)
	}
	return []Type{x}, nil
}
