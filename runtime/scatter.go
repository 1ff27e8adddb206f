package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.ScatterElements: scatterElements,
		ir.ScatterND:       scatterND,
		ir.TensorScatter:   tensorScatter,
	})
}

// reductions put an update together with what is there.
var reductions = map[string]arith{
	"add": {f: addFloat, i: addInt},
	"mul": {f: mulFloat, i: mulInt},
	"max": {f: maxFloat, i: maxInt, u: maxUint},
	"min": {f: minFloat, i: minInt, u: minUint},
}

// update stores element j of u at place i of y, reduced.
func update(y *Tensor, i int, u *Tensor, j int, reduction string) {
	a, ok := reductions[reduction]
	if !ok || y.S != nil || y.C != nil {
		y.Set(i, u, j)
		return
	}
	y.combine(a, i, y, i, u, j)
}

func scatterElements(c *Call) error {
	y, idx, u := c.X(0).Clone(), c.X(1), c.X(2)
	axis, err := axisAt(c.Int("axis"), y.Rank())
	if err != nil {
		return err
	}
	if !slices.Equal(idx.Shape, u.Shape) {
		return fmt.Errorf("indices %s and updates %s", idx.Type(), u.Type())
	}
	at, err := alongAxis(y.Shape, idx, axis)
	if err != nil {
		return err
	}
	for j, i := range at {
		update(y, i, u, j, c.Str("reduction"))
	}
	return c.Return(y)
}

func scatterND(c *Call) error {
	y, idx, u := c.X(0).Clone(), c.X(1), c.X(2)
	if idx.Rank() == 0 || idx.Shape[idx.Rank()-1] > y.Rank() {
		return fmt.Errorf("indices %s into %s", idx.Type(), y.Type())
	}
	n := idx.Shape[idx.Rank()-1]
	if !slices.Equal(u.Shape, slices.Concat(idx.Shape[:idx.Rank()-1], y.Shape[n:])) {
		return fmt.Errorf("updates %s at indices %s of %s", u.Type(), idx.Type(), y.Type())
	}
	run := size(y.Shape[n:])
	for i := range size(idx.Shape[:idx.Rank()-1]) {
		begin, err := tupleOffset(idx, i, y.Shape)
		if err != nil {
			return err
		}
		for j := range run {
			update(y, begin+j, u, i*run+j, c.Str("reduction"))
		}
	}
	return c.Return(y)
}

func tensorScatter(c *Call) error {
	y, u, begins := c.X(0).Clone(), c.X(1), c.X(2)
	axis, err := axisAt(c.Int("axis"), y.Rank())
	if err != nil {
		return err
	}
	if axis == 0 || u.Rank() != y.Rank() {
		return fmt.Errorf("update %s of %s along axis %d", u.Type(), y.Type(), axis)
	}
	for k, n := range u.Shape {
		if k != axis && n != y.Shape[k] {
			return fmt.Errorf("update %s of %s along axis %d", u.Type(), y.Type(), axis)
		}
	}
	if begins != nil && begins.Len() != y.Shape[0] {
		return fmt.Errorf("%d write indices for a batch of %d", begins.Len(), y.Shape[0])
	}
	circular, step := c.Str("mode") == "circular", strides(y.Shape)
	var fail error
	each(u.Shape, func(i int, idx []int) {
		at := slices.Clone(idx)
		if begins != nil {
			at[axis] += begins.Int(idx[0])
		}
		if circular {
			at[axis] %= y.Shape[axis]
		}
		if at[axis] < 0 || at[axis] >= y.Shape[axis] {
			fail = fmt.Errorf("position %d is not within axis %d of %s", at[axis], axis, y.Type())
			return
		}
		y.Set(dot(at, step), u, i)
	})
	if fail != nil {
		return fail
	}
	return c.Return(y)
}
