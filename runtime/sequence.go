package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.SequenceConstruct: func(c *Call) error {
			return c.Return(&Sequence{*c.Results[0].Type.Of, slices.Clone(c.Args)})
		},
		ir.SequenceEmpty: func(c *Call) error { return c.Return(&Sequence{Of: *c.Results[0].Type.Of}) },
		ir.SequenceLength: func(c *Call) error {
			return c.Return(ScalarInt(ir.I64, int64(len(c.items()))))
		},
		ir.SequenceAt:         sequenceAt,
		ir.SequenceErase:      sequenceErase,
		ir.SequenceInsert:     sequenceInsert,
		ir.SplitToSequence:    splitToSequence,
		ir.ConcatFromSequence: concatFromSequence,
		ir.OptionalNew: func(c *Call) error {
			return c.Return(&Optional{*c.Results[0].Type.Of, c.Value(0)})
		},
		ir.OptionalGetElement: optionalGetElement,
		ir.OptionalHasElement: func(c *Call) error {
			o, ok := c.Value(0).(*Optional)
			return c.Return(boolean(c.Value(0) != nil && (!ok || o.Value != nil)))
		},
	})
}

// items are the items of the sequence that is argument 0.
func (c *Call) items() []Value { return c.Value(0).(*Sequence).Items }

// position is the place that argument i names among n, def when it is absent.
func (c *Call) position(i, n, def int) (int, error) {
	if p := c.X(i); p != nil {
		return indexAt(p.Int(0), n)
	}
	if def < 0 {
		return 0, fmt.Errorf("the sequence is empty")
	}
	return def, nil
}

func sequenceAt(c *Call) error {
	items := c.items()
	k, err := c.position(1, len(items), 0)
	if err != nil {
		return err
	}
	return c.Return(items[k])
}

func sequenceErase(c *Call) error {
	items := c.items()
	k, err := c.position(1, len(items), len(items)-1)
	if err != nil {
		return err
	}
	return c.Return(&Sequence{*c.Results[0].Type.Of, slices.Delete(slices.Clone(items), k, k+1)})
}

func sequenceInsert(c *Call) error {
	items := c.items()
	k := len(items)
	if p := c.X(2); p != nil && p.Int(0) != k { // the place behind the last item is one, too
		var err error
		if k, err = indexAt(p.Int(0), len(items)); err != nil {
			return err
		}
	}
	return c.Return(&Sequence{*c.Results[0].Type.Of, slices.Insert(slices.Clone(items), k, c.Value(1))})
}

func splitToSequence(c *Call) error {
	x, split := c.X(0), c.X(1)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	out := &Sequence{Of: *c.Results[0].Type.Of}
	n := x.Shape[axis]
	if split == nil && c.Int("keepdims") == 0 {
		for k := range n {
			out.Items = append(out.Items, sliceAt(x, axis, k))
		}
		return c.Return(out)
	}
	var sizes []int
	if split != nil && split.Rank() > 0 {
		sizes = split.Ints()
	} else {
		one := 1
		if split != nil {
			one = split.Int(0)
		}
		if one < 1 {
			return fmt.Errorf("pieces of %d", one)
		}
		for left := n; left > 0; left -= one {
			sizes = append(sizes, min(one, left))
		}
	}
	begin := 0
	for _, k := range sizes {
		if k < 0 || begin+k > n {
			return fmt.Errorf("pieces %v of an axis of %d", sizes, n)
		}
		shape := slices.Clone(x.Shape)
		shape[axis] = k
		step := strides(x.Shape)
		out.Items = append(out.Items, x.Take(shape, view(shape, step, begin*step[axis])))
		begin += k
	}
	return c.Return(out)
}

func concatFromSequence(c *Call) error {
	var ts []*Tensor
	for _, v := range c.items() {
		ts = append(ts, v.(*Tensor))
	}
	if len(ts) == 0 {
		return fmt.Errorf("the sequence is empty")
	}
	y, err := join(ts, c.Int("axis"), c.Int("new_axis") != 0, len(ts))
	if err != nil {
		return err
	}
	return c.Return(y)
}

func optionalGetElement(c *Call) error {
	o, ok := c.Value(0).(*Optional)
	switch {
	case !ok:
		return c.Return(c.Value(0))
	case o.Value == nil:
		return fmt.Errorf("the optional holds nothing")
	}
	return c.Return(o.Value)
}
