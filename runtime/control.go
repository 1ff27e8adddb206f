package runtime

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.If:          ifElse,
		ir.Loop:        loop,
		ir.Scan:        scan,
		ir.SequenceMap: sequenceMap,
	})
}

func ifElse(c *Call) error {
	cond := c.X(0)
	if cond.Len() != 1 {
		return fmt.Errorf("the condition is %s, not one boolean", cond.Type())
	}
	branch := 1
	if cond.I[0] != 0 {
		branch = 0
	}
	out, err := c.Run(branch)
	if err != nil {
		return err
	}
	return c.Return(out...)
}

// maxRounds bounds a loop that has neither a trip count nor a condition that ends it.
const maxRounds = 1 << 24

func loop(c *Call) error {
	trip, on := maxRounds, true
	if t := c.X(0); t != nil {
		trip = t.Int(0)
	}
	if t := c.X(1); t != nil {
		on = t.I[0] != 0
	}
	values := append([]Value{}, c.Args[min(2, c.Len()):]...)
	carried := len(values)
	outputs := len(c.Bodies[0].Results) - 1 - carried
	rounds := make([][]*Tensor, outputs)
	for i := 0; i < trip && on; i++ {
		if i == maxRounds-1 {
			return fmt.Errorf("no end after %d rounds", maxRounds)
		}
		args := append([]Value{ScalarInt(ir.I64, int64(i)), boolean(on)}, values...)
		out, err := c.Run(0, args...)
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		on = out[0].(*Tensor).I[0] != 0
		values = append([]Value{}, out[1:1+carried]...)
		for k := range rounds {
			rounds[k] = append(rounds[k], out[1+carried+k].(*Tensor))
		}
	}
	for k, ts := range rounds {
		y, err := stack(ts, 0, c.Bodies[0].Results[1+carried+k].Type)
		if err != nil {
			return err
		}
		values = append(values, y)
	}
	return c.Return(values...)
}

func boolean(b bool) *Tensor {
	if b {
		return ScalarInt(ir.Bool, 1)
	}
	return ScalarInt(ir.Bool, 0)
}

// stack puts tensors of one shape together along a new axis; t is their type, for when there is none.
func stack(ts []*Tensor, axis int, t ir.Type) (*Tensor, error) {
	if len(ts) == 0 {
		shape := make([]int, len(t.Shape))
		for i, d := range t.Shape {
			shape[i], _ = d.Const()
		}
		ts = []*Tensor{New(t.Elem, shape...)}
		return join(ts, axis, true, 0)
	}
	return join(ts, axis, true, len(ts))
}

// join puts the first n tensors together along an axis, a new one if fresh.
func join(ts []*Tensor, axis int, fresh bool, n int) (*Tensor, error) {
	rank := ts[0].Rank()
	if fresh {
		rank++
	}
	axis, err := axisAt(axis, rank)
	if err != nil {
		return nil, err
	}
	parts := make([]*Tensor, n)
	shape := append([]int{}, ts[0].Shape...)
	if fresh {
		shape = append(append(append([]int{}, ts[0].Shape[:axis]...), 1), ts[0].Shape[axis:]...)
	}
	total := 0
	for i := range parts {
		own := ts[i].Shape
		if fresh {
			own = append(append(append([]int{}, own[:min(axis, len(own))]...), 1), own[min(axis, len(own)):]...)
		}
		for d := range shape {
			if len(own) != len(shape) || d != axis && own[d] != shape[d] {
				return nil, fmt.Errorf("cannot put %s and %s together along axis %d", ts[0].Type(), ts[i].Type(), axis)
			}
		}
		parts[i] = ts[i].Reshape(own...)
		total += own[axis]
	}
	shape[axis] = total
	y := New(ts[0].Elem, shape...)
	outer, _, inner := aroundAxis(shape, axis)
	at := 0
	for _, p := range parts {
		run := p.Shape[axis] * inner
		for o := range outer {
			for k := range run {
				y.Set(o*total*inner+at+k, p, o*run+k)
			}
		}
		at += run
	}
	return y, nil
}

// sliceAt is x without an axis, at its place k.
func sliceAt(x *Tensor, axis, k int) *Tensor {
	outer, n, inner := aroundAxis(x.Shape, axis)
	shape := append(append([]int{}, x.Shape[:axis]...), x.Shape[axis+1:]...)
	at := make([]int, 0, outer*inner)
	for o := range outer {
		for i := range inner {
			at = append(at, (o*n+k)*inner+i)
		}
	}
	return x.Take(shape, at)
}

// scanned are the axes and the directions of Scan's inputs.
func (c *Call) scanned(states, scans int) (axes []int, length int, err error) {
	length = -1
	for i := range scans {
		x := c.X(states + i)
		axis, err := axisAt(c.ScanAxis("scan_input_axes", i), x.Rank())
		if err != nil {
			return nil, 0, err
		}
		if length >= 0 && x.Shape[axis] != length {
			return nil, 0, fmt.Errorf("scanned axes of %d and %d", length, x.Shape[axis])
		}
		length = x.Shape[axis]
		axes = append(axes, axis)
	}
	return axes, length, nil
}

func scan(c *Call) error {
	scans := c.Int("num_scan_inputs")
	states := c.Len() - scans
	axes, length, err := c.scanned(states, scans)
	if err != nil {
		return err
	}
	values := append([]Value{}, c.Args[:states]...)
	results := c.Bodies[0].Results
	rounds := make([][]*Tensor, len(results)-states)
	for i := range length {
		args := append([]Value{}, values...)
		for k, axis := range axes {
			at := i
			if c.ScanAxis("scan_input_directions", k) != 0 {
				at = length - 1 - i
			}
			args = append(args, sliceAt(c.X(states+k), axis, at))
		}
		out, err := c.Run(0, args...)
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		values = append([]Value{}, out[:states]...)
		for k := range rounds {
			t := out[states+k].(*Tensor)
			if c.ScanAxis("scan_output_directions", k) != 0 {
				rounds[k] = append([]*Tensor{t}, rounds[k]...)
			} else {
				rounds[k] = append(rounds[k], t)
			}
		}
	}
	for k, ts := range rounds {
		y, err := stack(ts, c.ScanAxis("scan_output_axes", k), results[states+k].Type)
		if err != nil {
			return err
		}
		values = append(values, y)
	}
	return c.Return(values...)
}

func sequenceMap(c *Call) error {
	items := c.Value(0).(*Sequence).Items
	out := make([]Value, len(c.Bodies[0].Results))
	for k, r := range c.Bodies[0].Results {
		out[k] = &Sequence{Of: r.Type}
	}
	for i := range items {
		args := make([]Value, c.Len())
		for k := range args {
			args[k] = c.Value(k)
			if s, ok := args[k].(*Sequence); ok {
				if i >= len(s.Items) {
					return fmt.Errorf("argument %d has %d items, the first one %d", k, len(s.Items), len(items))
				}
				args[k] = s.Items[i]
			}
		}
		got, err := c.Run(0, args...)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		for k, v := range got {
			s := out[k].(*Sequence)
			s.Items = append(s.Items, v)
		}
	}
	return c.Return(out...)
}
