package runtime

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.QuantizeLinear:   quantizeLinear,
		ir.DequantizeLinear: dequantizeLinear,
	})
}

// scalesOf lists, for each element of x, the element of s, a scale or a zero point, that goes with it.
func (c *Call) scalesOf(s *Tensor) ([]int, error) {
	x, block := c.X(0), c.Int("block_size")
	if s.Len() == 1 {
		return make([]int, x.Len()), nil
	}
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return nil, err
	}
	shape := make([]int, x.Rank())
	switch {
	case block == 0 && s.Rank() == 1 && s.Shape[0] == x.Shape[axis]:
		for i := range shape {
			shape[i] = 1
		}
		shape[axis] = s.Shape[0]
		return stretched(shape, x.Shape), nil
	case block > 0 && s.Rank() == x.Rank() && (x.Shape[axis]+block-1)/block == s.Shape[axis]:
		copy(shape, s.Shape)
		shape[axis] = x.Shape[axis]
	default:
		return nil, fmt.Errorf("scales %s in blocks of %d do not fit %s", s.Type(), block, x.Type())
	}
	step := strides(s.Shape)
	at := make([]int, x.Len())
	each(x.Shape, func(i int, idx []int) {
		for d, k := range idx {
			switch {
			case d == axis:
				k /= block
			case s.Shape[d] == 1:
				k = 0
			}
			at[i] += k * step[d]
		}
	})
	return at, nil
}

func quantizeLinear(c *Call) error {
	x, scale, zero := c.X(0), c.X(1), c.X(2)
	at, err := c.scalesOf(scale)
	if err != nil {
		return err
	}
	e := c.Results[0].Type.Elem
	precision := scale.Elem // of the quotient, which is rounded to it before it is rounded to an integer
	if p := ir.Elem(c.Int("precision")); p != ir.NoElem {
		precision = p
	} else if x.Elem == ir.F64 {
		precision = ir.F64
	}
	y := New(e, x.Shape...)
	for i := range x.Len() {
		q, z := RoundTo(precision, x.Float(i)/scale.F[at[i]], false), 0.0
		if zero != nil {
			z = zero.Float(at[i])
		}
		if e.IsFloat() {
			y.F[i] = RoundTo(e, q+z, c.Int("saturate") != 0)
			continue
		}
		lo, hi := e.IntRange()
		if q = math.RoundToEven(q); math.IsNaN(q) {
			q = 0
		}
		y.I[i] = int64(min(max(q+z, lo), hi))
	}
	return c.Return(y)
}

func dequantizeLinear(c *Call) error {
	x, scale, zero := c.X(0), c.X(1), c.X(2)
	at, err := c.scalesOf(scale)
	if err != nil {
		return err
	}
	y := New(c.Results[0].Type.Elem, x.Shape...)
	for i := range x.Len() {
		v := x.Float(i)
		if zero != nil {
			v -= zero.Float(at[i])
		}
		y.F[i] = v * scale.F[at[i]]
	}
	return c.Return(y)
}
