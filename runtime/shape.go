package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Shape:     shapeOf,
		ir.Size:      func(c *Call) error { return c.Return(ScalarInt(ir.I64, int64(c.X(0).Len()))) },
		ir.Reshape:   reshape,
		ir.Flatten:   flatten,
		ir.Squeeze:   squeeze,
		ir.Unsqueeze: unsqueeze,
		ir.Transpose: transpose,
		ir.Expand:    expand,
		ir.Concat:    concat,
		ir.Split:     split,
		ir.Slice:     slice,
		ir.Tile:      tile,
		ir.Pad:       pad,
	})
}

func shapeOf(c *Call) error {
	shape := c.X(0).Shape
	fix := func(i int) int {
		if i < 0 {
			i += len(shape)
		}
		return min(max(i, 0), len(shape))
	}
	lo, hi := fix(c.Int("start")), len(shape)
	if c.Has("end") {
		hi = fix(c.Int("end"))
	}
	return c.Return(Vector(shape[lo:max(lo, hi)]...))
}

func reshape(c *Call) error {
	x := c.X(0)
	shape := c.X(1).Ints()
	open, rest := -1, 1
	for i, n := range shape {
		switch {
		case n == -1 && open >= 0:
			return fmt.Errorf("more than one -1 in the shape %v", shape)
		case n == -1:
			open = i
			continue
		case n == 0 && c.Int("allowzero") == 0:
			if i >= x.Rank() {
				return fmt.Errorf("a 0 at place %d of the shape stands for no dimension of %s", i, x.Type())
			}
			shape[i] = x.Shape[i]
		case n < 0:
			return fmt.Errorf("a dimension of %d in the shape", n)
		}
		rest *= shape[i]
	}
	if open >= 0 {
		if rest == 0 {
			return fmt.Errorf("a -1 in the shape %v stands for any number, another dimension being 0", shape)
		}
		shape[open] = x.Len() / rest
		rest *= shape[open]
	}
	if rest != x.Len() {
		return fmt.Errorf("cannot reshape %s to %v", x.Type(), shape)
	}
	return c.Return(x.Reshape(shape...))
}

func flatten(c *Call) error {
	x := c.X(0)
	axis := c.Int("axis")
	if axis < 0 {
		axis += x.Rank()
	}
	if axis < 0 || axis > x.Rank() {
		return fmt.Errorf("axis %d is not within rank %d", c.Int("axis"), x.Rank())
	}
	return c.Return(x.Reshape(size(x.Shape[:axis]), size(x.Shape[axis:])))
}

func squeeze(c *Call) error {
	x := c.X(0)
	drop := make([]bool, x.Rank())
	if axes := c.X(1); axes != nil {
		for _, a := range axes.Ints() {
			k, err := axisAt(a, x.Rank())
			if err != nil {
				return err
			}
			if x.Shape[k] != 1 {
				return fmt.Errorf("cannot squeeze axis %d of %s", a, x.Type())
			}
			drop[k] = true
		}
	} else {
		for i, n := range x.Shape {
			drop[i] = n == 1
		}
	}
	shape := []int{}
	for i, n := range x.Shape {
		if !drop[i] {
			shape = append(shape, n)
		}
	}
	return c.Return(x.Reshape(shape...))
}

func unsqueeze(c *Call) error {
	x := c.X(0)
	axes := c.X(1).Ints()
	shape := make([]int, x.Rank()+len(axes))
	for _, a := range axes {
		k, err := axisAt(a, len(shape))
		if err != nil {
			return err
		}
		if shape[k] == 1 {
			return fmt.Errorf("axis %d appears twice in axes", a)
		}
		shape[k] = 1
	}
	next := 0
	for i := range shape {
		if shape[i] == 0 {
			shape[i] = x.Shape[next]
			next++
		}
	}
	return c.Return(x.Reshape(shape...))
}

func transpose(c *Call) error {
	x := c.X(0)
	perm, err := c.Perm(x.Rank())
	if err != nil {
		return err
	}
	return c.Return(x.Transpose(perm...))
}

// Transpose has axis perm[i] of t as its axis i.
func (t *Tensor) Transpose(perm ...int) *Tensor {
	own := strides(t.Shape)
	shape, step := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], step[i] = t.Shape[p], own[p]
	}
	return t.Take(shape, view(shape, step, 0))
}

func expand(c *Call) error {
	x := c.X(0)
	shape, err := broadcast(x.Shape, c.X(1).Ints())
	if err != nil {
		return err
	}
	if err := possible(shape); err != nil {
		return err
	}
	return c.Return(x.Stretch(shape))
}

func concat(c *Call) error {
	first := c.X(0)
	axis, err := axisAt(c.Int("axis"), first.Rank())
	if err != nil {
		return err
	}
	shape := slices.Clone(first.Shape)
	shape[axis] = 0
	for i := range c.Len() {
		x := c.X(i)
		if x.Rank() != len(shape) {
			return fmt.Errorf("cannot concatenate %s and %s: their ranks differ", first.Type(), x.Type())
		}
		for k, n := range x.Shape {
			if k == axis {
				shape[k] += n
			} else if n != shape[k] {
				return fmt.Errorf("cannot concatenate %s and %s along axis %d", first.Type(), x.Type(), axis)
			}
		}
	}
	y := New(first.Elem, shape...)
	outer, total, inner := aroundAxis(shape, axis)
	begin := 0
	for i := range c.Len() {
		x := c.X(i)
		run := x.Shape[axis] * inner
		for o := range outer {
			for k := range run {
				y.Set(o*total*inner+begin+k, x, o*run+k)
			}
		}
		begin += run
	}
	return c.Return(y)
}

func split(c *Call) error {
	x := c.X(0)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	count := len(c.Results)
	var sizes []int
	if c.X(1) != nil {
		sizes = c.X(1).Ints()
	} else {
		chunk := (x.Shape[axis] + count - 1) / count
		for i := range count {
			sizes = append(sizes, min(chunk, max(0, x.Shape[axis]-i*chunk)))
		}
	}
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	if len(sizes) != count || sum != x.Shape[axis] || slices.Min(sizes) < 0 {
		return fmt.Errorf("cannot split axis %d of %s into %d parts of sizes %v", axis, x.Type(), count, sizes)
	}
	begin := 0
	for _, n := range sizes {
		shape := slices.Clone(x.Shape)
		shape[axis] = n
		step := strides(x.Shape)
		c.Out = append(c.Out, x.Take(shape, view(shape, step, begin*step[axis])))
		begin += n
	}
	return nil
}

// axesOf are the axes that argument i of the call lists, the first count when it is absent.
func axesOf(c *Call, i, count, rank int) ([]int, error) {
	if c.X(i) == nil {
		if count > rank {
			return nil, fmt.Errorf("%d axes for rank %d", count, rank)
		}
		axes := make([]int, count)
		for a := range axes {
			axes[a] = a
		}
		return axes, nil
	}
	axes := c.X(i).Ints()
	for k, a := range axes {
		var err error
		if axes[k], err = axisAt(a, rank); err != nil {
			return nil, err
		}
	}
	if len(axes) != count {
		return nil, fmt.Errorf("%d axes instead of %d", len(axes), count)
	}
	for k, a := range axes {
		if slices.Contains(axes[:k], a) {
			return nil, fmt.Errorf("axis %d twice", a)
		}
	}
	return axes, nil
}

func slice(c *Call) error {
	x, starts, ends := c.X(0), c.X(1).Ints(), c.X(2).Ints()
	axes, err := axesOf(c, 3, len(starts), x.Rank())
	if err != nil {
		return err
	}
	if len(ends) != len(starts) || c.X(4) != nil && c.X(4).Len() != len(starts) {
		return fmt.Errorf("starts, ends and steps differ in number")
	}
	shape, step := slices.Clone(x.Shape), strides(x.Shape)
	base := 0
	for i, a := range axes {
		by := 1
		if c.X(4) != nil {
			by = c.X(4).Int(i)
		}
		if by == 0 {
			return fmt.Errorf("a step of 0")
		}
		first, count := sliceBounds(starts[i], ends[i], by, x.Shape[a])
		base += first * step[a]
		shape[a] = count
		step[a] *= by
	}
	return c.Return(x.Take(shape, view(shape, step, base)))
}

// sliceBounds gives the first index and the number of elements that Slice takes from n.
func sliceBounds(start, end, step, n int) (first, count int) {
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if start >= end {
			return 0, 0
		}
		return start, (end-start-1)/step + 1
	}
	start, end = min(max(start, -1), n-1), min(max(end, -1), n-1)
	if start <= end {
		return 0, 0
	}
	return start, (start-end-1)/-step + 1
}

func tile(c *Call) error {
	x, repeats := c.X(0), c.X(1).Ints()
	if len(repeats) != x.Rank() {
		return fmt.Errorf("%d repeats for %s", len(repeats), x.Type())
	}
	shape := make([]int, x.Rank())
	for i, n := range x.Shape {
		if shape[i] = n * repeats[i]; repeats[i] < 0 {
			return fmt.Errorf("axis %d repeated %d times", i, repeats[i])
		}
	}
	if err := possible(shape); err != nil {
		return err
	}
	at, own := make([]int, size(shape)), strides(x.Shape)
	each(shape, func(i int, idx []int) {
		for k, n := range idx {
			at[i] += n % x.Shape[k] * own[k]
		}
	})
	return c.Return(x.Take(shape, at))
}
