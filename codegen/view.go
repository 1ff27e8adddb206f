package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A view says where the elements of a value lie in the memory of another: element (i, j, ...) of it is element
// offset + i*strides[0] + j*strides[1] + ... of root. Splitting heads, taking apart a product that computes queries, keys and values
// together, slicing and transposing are all views, so that kernels which take strides read them without a copy.
type view struct {
	root    *ir.Value
	offset  ir.Dim
	dims    []ir.Dim
	strides []ir.Dim
}

// contiguous are the strides of a tensor row by row.
func contiguous(dims []ir.Dim) []ir.Dim {
	strides := make([]ir.Dim, len(dims))
	step := ir.N(1)
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = step
		step = step.Mul(dims[i])
	}
	return strides
}

// plain reports whether the view is its root, whole and row by row.
func (v view) plain() bool {
	return v.offset.Is(0) && sameStrides(v.dims, v.strides, contiguous(v.dims)) && ir.Product(v.dims).Equal(v.root.Type.Size())
}

// sameStrides compares strides where they matter.
func sameStrides(dims, a, b []ir.Dim) bool {
	for i, d := range dims {
		if !d.Is(1) && !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

// viewOf follows v through nodes of fn that only change how memory is seen.
func (pl *plan) viewOf(v *ir.Value) view {
	self := pl.stored(v)
	if !pl.inside(v) || !v.Type.Ranked() {
		return self
	}
	n := v.Def
	if len(n.Args) == 0 || n.Args[0] == nil || !n.Args[0].Type.Ranked() || definesDims(n) { // which takes a statement
		return self
	}
	switch n.Op {
	case ir.Identity, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten:
		if x, ok := pl.viewOf(n.Args[0]).reshape(v.Type.Shape); ok {
			return x
		}
	case ir.Transpose:
		return pl.viewOf(n.Args[0]).transpose(permutation(n))
	case ir.Split:
		if x, ok := splitView(pl.viewOf(n.Args[0]), n, v.Index); ok {
			return x
		}
	case ir.Slice:
		if x, ok := sliceView(pl.viewOf(n.Args[0]), n); ok {
			return x
		}
	case ir.Expand:
		if x, ok := pl.viewOf(n.Args[0]).expand(v.Type.Shape); ok {
			return x
		}
	case ir.Append:
		if pl.g.appends(n) {
			return view{root: n.Args[0], dims: v.Type.Shape, strides: contiguous(n.TypeAt(0).Shape)}
		}
	}
	return self
}

// stored is v in its own memory.
func (pl *plan) stored(v *ir.Value) view {
	self := view{root: v, dims: v.Type.Shape, strides: contiguous(v.Type.Shape)}
	if perm := pl.layout[v]; perm != nil {
		dims := make([]ir.Dim, len(perm))
		for i, p := range perm {
			dims[i] = v.Type.Shape[p]
		}
		strides := contiguous(dims)
		for i, p := range perm {
			self.strides[p] = strides[i]
		}
	}
	if pl.apart[v] {
		last := len(self.dims) - 1
		copy(self.strides, contiguous(append(slices.Clone(self.dims[:last]), self.dims[last].Add(ir.N(rowGap)))))
	}
	return self
}

// permutation is Transpose's perm, reversal when absent.
func permutation(n *ir.Node) []int {
	rank := n.TypeAt(0).Rank()
	perm := make([]int, rank)
	given := n.Ints("perm")
	for i := range perm {
		perm[i] = rank - 1 - i
		if given != nil {
			perm[i] = int(given[i])
		}
	}
	return perm
}

func (v view) transpose(perm []int) view {
	out := view{root: v.root, offset: v.offset}
	for _, p := range perm {
		out.dims = append(out.dims, v.dims[p])
		out.strides = append(out.strides, v.strides[p])
	}
	return out
}

// expand broadcasts to shape; ok is false where only the run decides what is broadcast.
func (v view) expand(shape []ir.Dim) (view, bool) {
	out := view{root: v.root, offset: v.offset, dims: shape, strides: make([]ir.Dim, len(shape))}
	for i := range shape {
		j := i - len(shape) + len(v.dims)
		switch {
		case j < 0 || v.dims[j].Is(1):
		case v.dims[j].Equal(shape[i]):
			out.strides[i] = v.strides[j]
		default:
			return view{}, false
		}
	}
	return out, true
}

// reshape sees the same elements in the same order with other dimensions. ok is false where that takes a copy: where a new dimension
// would join two old ones that do not follow each other in memory.
func (v view) reshape(shape []ir.Dim) (view, bool) {
	if ir.EqualDims(v.dims, shape) {
		return v, true
	}
	out := view{root: v.root, offset: v.offset, dims: shape, strides: make([]ir.Dim, len(shape))}
	if sameStrides(v.dims, v.strides, contiguous(v.dims)) {
		out.strides = contiguous(shape)
		return out, true
	}
	j := len(shape) - 1
	for _, c := range v.chunks() {
		size, step := ir.N(1), c.step
		for !size.Equal(c.size) {
			if j < 0 {
				return view{}, false
			}
			size = size.Mul(shape[j])
			if _, rest := divides(c.size, size); !rest {
				return view{}, false
			}
			out.strides[j] = step
			step = step.Mul(shape[j])
			j--
		}
	}
	for ; j >= 0; j-- {
		if !shape[j].Is(1) {
			return view{}, false
		}
	}
	return out, true
}

// divides reports whether b divides a without remainder.
func divides(a, b ir.Dim) (ir.Dim, bool) {
	if b.Is(0) {
		return ir.Dim{}, false
	}
	q, ok := a.Div(b)
	return q, ok && q.Mul(b).Equal(a)
}

type chunk struct{ size, step ir.Dim }

// chunks are the runs of dimensions that follow each other in memory, from the last to the first.
func (v view) chunks() []chunk {
	var out []chunk
	for i := len(v.dims) - 1; i >= 0; i-- {
		if v.dims[i].Is(1) {
			continue
		}
		if k := len(out) - 1; k >= 0 && v.strides[i].Equal(out[k].step.Mul(out[k].size)) {
			out[k].size = out[k].size.Mul(v.dims[i])
		} else {
			out = append(out, chunk{v.dims[i], v.strides[i]})
		}
	}
	return out
}

func splitView(x view, n *ir.Node, index int) (view, bool) {
	axis, err := ir.Axis(n.Int("axis"), len(x.dims))
	if err != nil {
		return view{}, false
	}
	at := ir.N(0)
	for _, r := range n.Results[:index] {
		at = at.Add(r.Type.Shape[axis])
	}
	out := view{root: x.root, dims: n.Results[index].Type.Shape, strides: x.strides}
	out.offset = x.offset.Add(at.Mul(x.strides[axis]))
	return out, true
}

// sliceView serves slices whose beginnings are known numbers or names.
func sliceView(x view, n *ir.Node) (view, bool) {
	starts, ok1 := n.ArgAt(1).SymbolicDims()
	axes := make([]int64, len(starts))
	steps := make([]int64, len(starts))
	for i := range axes {
		axes[i], steps[i] = int64(i), 1
	}
	ok2, ok3 := true, true
	if a := n.ArgAt(3); a != nil {
		axes, ok2 = a.ConstInts()
	}
	if s := n.ArgAt(4); s != nil {
		steps, ok3 = s.ConstInts()
	}
	if !ok1 || !ok2 || !ok3 {
		return view{}, false
	}
	out := view{root: x.root, offset: x.offset, dims: n.Out().Type.Shape, strides: slices.Clone(x.strides)}
	for i := range starts {
		axis, err := ir.Axis(int(axes[i]), len(x.dims))
		first, ok := ir.FirstIndex(x.dims[axis], starts[i], int(steps[i]))
		if err != nil || !ok {
			return view{}, false
		}
		out.offset = out.offset.Add(first.Mul(x.strides[axis]))
		out.strides[axis] = x.strides[axis].Mul(ir.N(int(steps[i])))
	}
	return out, true
}
