package ir

import (
	"fmt"
	"math"
	"strings"
)

// Tensors put together and cut.
var (
	// Concat is the arguments one after the other along axis.
	Concat = define(Op{Name: "Concat", Args: "xs...", Attrs: "axis:int", Infer: inferConcat, Example: "Concat(x, y) axis=-1", Inputs: "x f32[2,3] y f32[2,4]"})
	// Split cuts x along axis, into parts of the given sizes or into num_outputs parts, the last of which may be smaller.
	Split = define(Op{Name: "Split", Args: "x split?", Results: "ys...", Attrs: "axis:int=0 num_outputs:int?", Infer: inferSplit,
		Example: "Split(x, [2,4]) axis=1", Inputs: "x f32[2,6]"})
	// Slice is the elements of x from start to before end by step, on each of the axes; negative bounds count from the end.
	Slice = define(Op{Name: "Slice", Args: "x starts ends axes? steps?", Infer: inferSlice, Example: "Slice(x, [1,-1], [3,-9], [0,1], [1,-2])", Inputs: "x f32[4,6]"})
	// Tile is x repeated along each axis.
	Tile = define(Op{Name: "Tile", Args: "x repeats", Infer: inferTile, Example: "Tile(x, [2,3])", Inputs: "x f32[2,3]"})
	// Pad adds elements before and after, on each of the axes: value with mode constant, else the border's (edge), x mirrored at it
	// (reflect), or x's other end (wrap). A negative number takes elements away.
	Pad = define(Op{Name: "Pad", Args: "x pads value? axes?", Attrs: "mode:string=constant", Infer: inferPad, Example: "Pad(x, [1,0,0,2], 0.5)", Inputs: "x f32[2,3]"})
)

// meet is the dimension of tensors that must agree in it: a number if one has it, else a name of the model's own.
func meet(a, b Dim) (Dim, error) {
	switch {
	case a.Equal(b):
		return a, nil
	case a.IsConst() && b.IsConst():
		return a, fmt.Errorf("%s is not %s", a, b)
	case b.IsConst() || a.fresh() && !b.fresh():
		return b, nil
	}
	return a, nil
}

// fresh reports whether d is a name that stands for what only the data decides.
func (d Dim) fresh() bool {
	name, ok := d.Name()
	return ok && strings.HasPrefix(name, "?")
}

func inferConcat(n *Node) ([]Type, error) {
	if len(n.Args) == 0 {
		return nil, fmt.Errorf("no arguments")
	}
	at := make([]int, len(n.Args))
	var out Type
	for i := range n.Args {
		t, err := n.tensorAt(i, anyElem)
		if err != nil {
			return nil, err
		}
		if at[i] = i; t.Ranked() && !out.Ranked() {
			out = t
		}
	}
	e, err := n.SameElem(at...)
	if err != nil {
		return nil, err
	}
	if !out.Ranked() {
		return []Type{Unranked(e)}, nil
	}
	axis, err := Axis(n.Int("axis"), out.Rank())
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, out.Shape...)
	sum, known := N(0), true
	for i := range n.Args {
		t := n.TypeAt(i)
		if !t.Ranked() {
			known = false
			continue
		}
		if t.Rank() != len(shape) {
			return nil, fmt.Errorf("cannot concatenate %s and %s: their ranks differ", out, t)
		}
		for k := range shape {
			if k == axis {
				sum = sum.Add(t.Shape[k])
			} else if shape[k], err = meet(shape[k], t.Shape[k]); err != nil {
				return nil, fmt.Errorf("cannot concatenate %s and %s along axis %d: %w", out, t, axis, err)
			}
		}
	}
	if shape[axis] = sum; !known {
		shape[axis] = n.Fresh(axis)
	}
	return []Type{T(e, shape...)}, nil
}

func inferSplit(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	count := len(n.Results)
	if k, ok := n.Attrs["num_outputs"].(int64); ok && int(k) != count {
		return nil, fmt.Errorf("num_outputs is %d with %d results", k, count)
	}
	out := make([]Type, count)
	if !x.Ranked() {
		for i := range out {
			out[i] = x
		}
		return out, nil
	}
	axis, err := Axis(n.Int("axis"), x.Rank())
	if err != nil {
		return nil, err
	}
	sizes, err := n.splitSizes(x.Shape[axis], count)
	if err != nil {
		return nil, fmt.Errorf("cannot split axis %d of %s: %w", axis, x, err)
	}
	for i := range out {
		shape := append([]Dim{}, x.Shape...)
		shape[axis] = sizes[i]
		out[i] = T(x.Elem, shape...)
	}
	return out, nil
}

// splitSizes are the parts of d that Split makes.
func (n *Node) splitSizes(d Dim, count int) ([]Dim, error) {
	sizes := make([]Dim, count)
	if n.ArgAt(1) == nil {
		chunk, ok := d.Add(N(count - 1)).Div(N(count))
		if !ok {
			return nil, fmt.Errorf("into no parts")
		}
		for i := range sizes {
			sizes[i] = chunk
		}
		if sizes[count-1] = d.Sub(chunk.Mul(N(count - 1))); sizes[count-1].IsConst() && sizes[count-1].c < 0 {
			return nil, fmt.Errorf("into %d parts", count)
		}
		return sizes, nil
	}
	given, ok, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	if ok && len(given) != count {
		return nil, fmt.Errorf("%d sizes for %d results", len(given), count)
	}
	left, open := d, -1
	for i := range sizes {
		if !ok || given[i] == nil {
			if sizes[i] = n.Fresh(i + 1); open >= 0 {
				open = count // two are open
			} else if open < 0 {
				open = i
			}
			continue
		}
		sizes[i] = *given[i]
		left = left.Sub(sizes[i])
	}
	switch {
	case open >= 0 && open < count:
		sizes[open] = left
	case open < 0 && left.IsConst() && !left.Is(0):
		return nil, fmt.Errorf("the sizes do not add up to %s", d)
	}
	return sizes, nil
}

// far is a bound of Slice beyond any dimension: exporters write the largest int32 or int64.
const far = math.MaxInt32

func inferSlice(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	starts, ok1, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	ends, ok2, err := n.dimsAt(2)
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, x.Shape...)
	axes, known, err := n.axesAt(3, len(starts), x.Rank())
	if err != nil {
		return nil, err
	}
	if !ok1 || !ok2 || !known {
		return []Type{n.freshOf(x.Elem, x.Rank())}, nil
	}
	if len(starts) != len(ends) || len(starts) != len(axes) {
		return nil, fmt.Errorf("%d starts, %d ends and %d axes", len(starts), len(ends), len(axes))
	}
	var steps []*Dim
	if n.ArgAt(4) != nil {
		if steps, _, err = n.dimsAt(4); err != nil {
			return nil, err
		}
	}
	for i, axis := range axes {
		step := N(1)
		if n.ArgAt(4) != nil && (i >= len(steps) || steps[i] == nil) {
			shape[axis] = n.Fresh(axis)
			continue
		} else if i < len(steps) {
			step = *steps[i]
		}
		k, isConst := step.Const()
		if isConst && k == 0 {
			return nil, fmt.Errorf("a step of 0")
		}
		shape[axis] = n.Fresh(axis)
		if !isConst {
			continue
		}
		if length, ok := sliceLength(x.Shape[axis], starts[i], ends[i], k); ok {
			shape[axis] = length
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}

// axesAt are the axes that argument i lists: the first count when it is absent.
func (n *Node) axesAt(i, count, rank int) (axes []int, known bool, err error) {
	if n.ArgAt(i) == nil {
		if count > rank {
			return nil, false, fmt.Errorf("%d axes for rank %d", count, rank)
		}
		for a := range count {
			axes = append(axes, a)
		}
		return axes, true, nil
	}
	given, ok := n.ArgAt(i).ConstInts()
	if !ok {
		return nil, false, nil
	}
	seen := make([]bool, rank)
	for _, a := range given {
		k, err := Axis(int(a), rank)
		if err != nil {
			return nil, false, err
		}
		if seen[k] {
			return nil, false, fmt.Errorf("axis %d appears twice", a)
		}
		seen[k] = true
		axes = append(axes, k)
	}
	return axes, true, nil
}

// sliceLength is how many elements from start to end by step a dimension d has; ok is false when the sign of a bound of a backward slice is
// not known.
func sliceLength(d Dim, start, end *Dim, step int) (length Dim, ok bool) {
	if start == nil || end == nil {
		return Dim{}, false
	}
	if d.IsConst() && start.IsConst() && end.IsConst() {
		_, count := sliceRange(start.c, end.c, int64(step), d.c)
		return N(int(count)), true
	}
	var span Dim
	if step > 0 {
		// A start beyond d needs no clamp: the span is then not positive.
		if d.Sub(*start).Is(0) {
			return N(0), true
		}
		if k, isConst := start.Const(); isConst && k < 0 && end.IsConst() && end.c >= far && step == 1 {
			return d.Min(N(-k)), true // the last few
		}
		lo, ok1 := bound(d, *start, false)
		hi, ok2 := bound(d, *end, true)
		if !ok1 || !ok2 {
			return Dim{}, false
		}
		span = hi.Sub(lo).Max(N(0))
	} else {
		lo, ok1 := backBound(d, *start)
		hi, ok2 := backBound(d, *end)
		if !ok1 || !ok2 {
			return Dim{}, false
		}
		span, step = lo.Sub(hi).Max(N(0)), -step
	}
	return span.Add(N(step - 1)).Div(N(step))
}

// FirstIndex is where a slice of a dimension d begins, which lies in it unless the slice is empty; ok is false when the sign of start is not
// known and step is backward.
func FirstIndex(d, start Dim, step int) (first Dim, ok bool) {
	if step < 0 {
		return backBound(d, start)
	}
	return bound(d, start, true)
}

// bound is where a bound of a forward slice lies, between 0 and d, or beyond when clamp is false.
func bound(d, at Dim, clamp bool) (Dim, bool) {
	switch {
	case at.IsConst() && at.c >= far:
		return d, true
	case at.IsConst() && at.c <= -far:
		return N(0), true
	case at.nonNegative() && !clamp:
		return at, true
	case at.nonNegative():
		return at.Min(d), true
	case at.Neg().nonNegative() && at.c < 0:
		return d.Add(at).Max(N(0)), true
	case at.Neg().nonNegative(): // minus nothing counts from the beginning
		return d.Add(at).Max(N(0)).Mul(at.Neg().Min(N(1))), true
	}
	// The sign is not known: d counts where at is below 0.
	from := at.Add(d.Mul(at.Neg().Max(N(0)).Min(N(1)))).Max(N(0))
	if clamp {
		from = from.Min(d)
	}
	return from, true
}

// backBound is where a bound of a backward slice lies, between -1 and d-1.
func backBound(d, at Dim) (Dim, bool) {
	last := d.Sub(N(1))
	switch {
	case at.IsConst() && at.c >= far:
		return last, true
	case at.IsConst() && at.c <= -far:
		return N(-1), true
	case at.nonNegative():
		return at.Min(last), true
	case at.Is(-1):
		return last, true // at least -1, d being at least 0
	case at.Neg().nonNegative() && at.c < 0:
		return d.Add(at).Max(N(-1)), true
	}
	return Dim{}, false
}

func inferTile(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	repeats, ok, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	if ok && len(repeats) != x.Rank() {
		return nil, fmt.Errorf("%d repeats for %s", len(repeats), x)
	}
	shape := make([]Dim, x.Rank())
	for i, d := range x.Shape {
		shape[i] = n.Fresh(i)
		if ok && repeats[i] != nil {
			shape[i] = d.Mul(*repeats[i])
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}

func inferPad(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	switch n.Str("mode") {
	case "constant", "reflect", "edge", "wrap":
	default:
		return nil, fmt.Errorf("mode %q is not constant, reflect, edge or wrap", n.Str("mode"))
	}
	if _, err := n.SameElem(0, 2); err != nil || !x.Ranked() {
		return []Type{Unranked(x.Elem)}, err
	}
	pads, ok, err := n.dimsAt(1)
	if err != nil {
		return nil, err
	}
	count := x.Rank()
	if ok {
		count = len(pads) / 2
	}
	axes, known, err := n.axesAt(3, count, x.Rank())
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, x.Shape...)
	if !known {
		return []Type{n.freshOf(x.Elem, x.Rank())}, nil
	}
	if ok && len(pads) != 2*len(axes) {
		return nil, fmt.Errorf("%d pads for %d axes", len(pads), len(axes))
	}
	for i, a := range axes {
		if !ok || pads[i] == nil || pads[i+len(axes)] == nil {
			shape[a] = n.Fresh(a)
			continue
		}
		shape[a] = shape[a].Add(*pads[i]).Add(*pads[i+len(axes)])
		if shape[a].IsConst() && shape[a].c < 0 {
			return nil, fmt.Errorf("pads take %s more elements of axis %d than it has", shape[a].Neg(), a)
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}
