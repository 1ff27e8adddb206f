package runtime

import (
	"fmt"
	"slices"
	"sort"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Gather:          gather,
		ir.GatherElements:  gatherElements,
		ir.GatherND:        gatherND,
		ir.OneHot:          oneHot,
		ir.TopK:            topK,
		ir.NonZero:         nonZero,
		ir.Compress:        compress,
		ir.Unique:          unique,
		ir.ReverseSequence: reverseSequence,
	})
}

func gather(c *Call) error {
	x, idx := c.X(0), c.X(1)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	outer, n, inner := aroundAxis(x.Shape, axis)
	shape := slices.Concat(x.Shape[:axis], idx.Shape, x.Shape[axis+1:])
	at := make([]int, 0, size(shape))
	for o := range outer {
		for i := range idx.Len() {
			k, err := indexAt(idx.Int(i), n)
			if err != nil {
				return fmt.Errorf("axis %d of %s: %w", axis, x.Type(), err)
			}
			for j := range inner {
				at = append(at, (o*n+k)*inner+j)
			}
		}
	}
	return c.Return(x.Take(shape, at))
}

// alongAxis lists, for each element of indices, the place in a tensor of shape x that its own index names, with the index along axis
// replaced by its value.
func alongAxis(x []int, indices *Tensor, axis int) ([]int, error) {
	if len(x) != indices.Rank() {
		return nil, fmt.Errorf("indices %s have not the rank of %v", indices.Type(), x)
	}
	at, step := make([]int, indices.Len()), strides(x)
	var fail error
	each(indices.Shape, func(i int, idx []int) {
		for k, n := range idx {
			if k == axis {
				n = indices.Int(i)
			}
			n, err := indexAt(n, x[k])
			if err != nil && fail == nil {
				fail = fmt.Errorf("axis %d: %w", k, err)
			}
			at[i] += n * step[k]
		}
	})
	return at, fail
}

func gatherElements(c *Call) error {
	x, idx := c.X(0), c.X(1)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	at, err := alongAxis(x.Shape, idx, axis)
	if err != nil {
		return err
	}
	return c.Return(x.Take(idx.Shape, at))
}

// tupleOffset is where in a tensor of the given shape the slice begins that the tuple of indices number i of idx names.
func tupleOffset(idx *Tensor, i int, shape []int) (int, error) {
	n := idx.Shape[idx.Rank()-1]
	step := strides(shape)
	at := 0
	for k := range n {
		j, err := indexAt(idx.Int(i*n+k), shape[k])
		if err != nil {
			return 0, fmt.Errorf("axis %d: %w", k, err)
		}
		at += j * step[k]
	}
	return at, nil
}

func gatherND(c *Call) error {
	x, idx := c.X(0), c.X(1)
	batch := c.Int("batch_dims")
	if batch < 0 || batch >= idx.Rank() || batch >= x.Rank() || !slices.Equal(x.Shape[:batch], idx.Shape[:batch]) {
		return fmt.Errorf("batch_dims %d with %s and indices %s", batch, x.Type(), idx.Type())
	}
	n := idx.Shape[idx.Rank()-1]
	if n < 1 || batch+n > x.Rank() {
		return fmt.Errorf("indices of %d axes into %s with batch_dims %d", n, x.Type(), batch)
	}
	inner := x.Shape[batch:]
	run := size(inner[n:])
	shape := slices.Concat(idx.Shape[:idx.Rank()-1], inner[n:])
	tuples := size(idx.Shape[:idx.Rank()-1])
	perBatch := 1
	if b := size(x.Shape[:batch]); b > 0 {
		perBatch = tuples / b
	}
	at := make([]int, 0, size(shape))
	for i := range tuples {
		begin, err := tupleOffset(idx, i, inner)
		if err != nil {
			return err
		}
		begin += i / perBatch * size(inner)
		for j := range run {
			at = append(at, begin+j)
		}
	}
	return c.Return(x.Take(shape, at))
}

func oneHot(c *Call) error {
	idx, values := c.X(0), c.X(2)
	count, err := c.One(1)
	if err != nil {
		return err
	}
	depth := count.Int(0)
	axis, err := axisAt(c.Int("axis"), idx.Rank()+1)
	if err != nil {
		return err
	}
	if values.Len() != 2 || depth < 0 {
		return fmt.Errorf("depth %d and values %s", depth, values.Type())
	}
	shape := slices.Insert(slices.Clone(idx.Shape), axis, depth)
	if err := possible(shape); err != nil {
		return err
	}
	y := New(values.Elem, shape...)
	outer, _, inner := aroundAxis(y.Shape, axis)
	for o := range outer {
		for k := range depth {
			for i := range inner {
				hot := idx.Int(o*inner + i)
				if hot < 0 {
					hot += depth
				}
				y.Set((o*depth+k)*inner+i, values, int(b2i(hot == k)))
			}
		}
	}
	return c.Return(y)
}

func topK(c *Call) error {
	x := c.X(0)
	count, err := c.One(1)
	if err != nil {
		return err
	}
	k := count.Int(0)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	outer, n, inner := aroundAxis(x.Shape, axis)
	if k < 0 || k > n {
		return fmt.Errorf("k is %d on axis %d of %s", k, axis, x.Type())
	}
	first := -1
	if c.Int("largest") != 0 {
		first = 1
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = k
	values, indices := New(x.Elem, shape...), New(ir.I64, shape...)
	by := make([]int, n)
	for o := range outer {
		for i := range inner {
			for j := range by {
				by[j] = j
			}
			sort.SliceStable(by, func(a, b int) bool {
				return order(x, (o*n+by[a])*inner+i, x, (o*n+by[b])*inner+i) == first
			})
			for j := range k {
				to := (o*k+j)*inner + i
				values.Set(to, x, (o*n+by[j])*inner+i)
				indices.I[to] = int64(by[j])
			}
		}
	}
	return c.Return(values, indices)
}

// truth reports whether element i is not zero, or not empty.
func truth(x *Tensor, i int) bool {
	switch {
	case x.S != nil:
		return x.S[i] != ""
	case x.C != nil:
		return x.C[i] != 0
	}
	return x.Float(i) != 0
}

func nonZero(c *Call) error {
	x := c.X(0)
	var found [][]int
	each(x.Shape, func(i int, idx []int) {
		if truth(x, i) {
			found = append(found, slices.Clone(idx))
		}
	})
	y := New(ir.I64, x.Rank(), len(found))
	for i, idx := range found {
		for k, n := range idx {
			y.I[k*len(found)+i] = int64(n)
		}
	}
	return c.Return(y)
}

func compress(c *Call) error {
	x, cond := c.X(0), c.X(1)
	axis := 0
	if !c.Has("axis") {
		x = x.Reshape(x.Len())
	} else {
		var err error
		if axis, err = axisAt(c.Int("axis"), x.Rank()); err != nil {
			return err
		}
	}
	var keep []int
	for i := range min(cond.Len(), x.Shape[axis]) {
		if cond.I[i] != 0 {
			keep = append(keep, i)
		}
	}
	return c.Return(x.pick(axis, keep))
}

// pick is the slices of t along an axis that the list names.
func (t *Tensor) pick(axis int, list []int) *Tensor {
	outer, n, inner := aroundAxis(t.Shape, axis)
	shape := slices.Clone(t.Shape)
	shape[axis] = len(list)
	at := make([]int, 0, size(shape))
	for o := range outer {
		for _, k := range list {
			for i := range inner {
				at = append(at, (o*n+k)*inner+i)
			}
		}
	}
	return t.Take(shape, at)
}

func unique(c *Call) error {
	x := c.X(0)
	axis := 0
	if !c.Has("axis") {
		x = x.Reshape(x.Len())
	} else {
		var err error
		if axis, err = axisAt(c.Int("axis"), x.Rank()); err != nil {
			return err
		}
	}
	outer, n, inner := aroundAxis(x.Shape, axis)
	cmp := func(a, b int) int { // slices a and b, element by element
		for o := range outer {
			for i := range inner {
				if r := order(x, (o*n+a)*inner+i, x, (o*n+b)*inner+i); r != 0 {
					return r
				}
			}
		}
		return 0
	}
	by := make([]int, n)
	for i := range by {
		by[i] = i
	}
	sort.SliceStable(by, func(i, j int) bool { return cmp(by[i], by[j]) == -1 })
	group := make([]int, n) // the first slice equal to each one
	var firsts []int
	for i, k := range by {
		if i > 0 && cmp(by[i-1], k) == 0 {
			group[k] = group[by[i-1]]
			continue
		}
		group[k] = k
		firsts = append(firsts, k)
	}
	if c.Int("sorted") == 0 {
		slices.Sort(firsts)
	}
	place := map[int]int{}
	for i, k := range firsts {
		place[k] = i
	}
	inverse, counts := make([]int, n), make([]int, len(firsts))
	for k := range n {
		inverse[k] = place[group[k]]
		counts[inverse[k]]++
	}
	return c.Return(x.pick(axis, firsts), Vector(firsts...), Vector(inverse...), Vector(counts...))
}

func reverseSequence(c *Call) error {
	x, lens := c.X(0), c.X(1)
	batch, time := c.Int("batch_axis"), c.Int("time_axis")
	if x.Rank() < 2 || lens.Len() != x.Shape[batch] {
		return fmt.Errorf("%d lengths for axis %d of %s", lens.Len(), batch, x.Type())
	}
	at, step := make([]int, x.Len()), strides(x.Shape)
	each(x.Shape, func(i int, idx []int) {
		at[i] = i
		if n := lens.Int(idx[batch]); idx[time] < n {
			at[i] += (n - 1 - 2*idx[time]) * step[time]
		}
	})
	for i := range lens.Len() {
		if n := lens.Int(i); n < 0 || n > x.Shape[time] {
			return fmt.Errorf("length %d of a sequence of %d", n, x.Shape[time])
		}
	}
	return c.Return(x.Take(x.Shape, at))
}
