package runtime

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.ReduceSum:  reduction(fold{f: addFloat, i: addInt}, func(ir.Elem) (float64, int64) { return 0, 0 }),
		ir.ReduceProd: reduction(fold{f: mulFloat, i: mulInt}, func(ir.Elem) (float64, int64) { return 1, 1 }),
		ir.ReduceMean: reduceMean,
		ir.ReduceMax:  reduction(fold{f: maxFloat, i: maxInt, u: maxUint}, lowest),
		ir.ReduceMin:  reduction(fold{f: minFloat, i: minInt, u: minUint}, highest),
		ir.ArgMax:     argBest(1),
		ir.ArgMin:     argBest(-1),
		ir.CumSum:     cumulative(fold{f: addFloat, i: addInt}, 0),
		ir.CumProd:    cumulative(fold{f: mulFloat, i: mulInt}, 1),
	})
}

// fold is a function that puts two numbers together, as in a sum.
type fold = arith

func addFloat(x, y float64) float64 { return x + y }
func addInt(x, y int64) int64       { return x + y }
func mulFloat(x, y float64) float64 { return x * y }
func mulInt(x, y int64) int64       { return x * y }

// lowest is what the maximum of nothing is.
func lowest(e ir.Elem) (float64, int64) {
	if e.IsSigned() {
		return math.Inf(-1), -1 << (e.Bits() - 1)
	}
	return math.Inf(-1), 0
}

// highest is what the minimum of nothing is.
func highest(e ir.Elem) (float64, int64) {
	switch {
	case e == ir.Bool:
		return 0, 1
	case e.IsSigned():
		return math.Inf(1), 1<<(e.Bits()-1) - 1
	}
	return math.Inf(1), int64(uint64(math.MaxUint64) >> (64 - e.Bits()))
}

// reducedAxes are the axes that the call's reduction goes over.
func reducedAxes(c *Call, rank int) ([]bool, error) {
	reduced := make([]bool, rank)
	axes := c.X(1)
	if axes == nil || axes.Len() == 0 {
		for i := range reduced {
			reduced[i] = c.Int("noop_with_empty_axes") == 0
		}
		return reduced, nil
	}
	for _, a := range axes.Ints() {
		k, err := axisAt(a, rank)
		if err != nil {
			return nil, err
		}
		reduced[k] = true
	}
	return reduced, nil
}

// reducedView is the shape of a reduction of x, and for each element of x the element of the result that it goes to.
func reducedView(c *Call, x *Tensor) (shape, to []int, err error) {
	reduced, err := reducedAxes(c, x.Rank())
	if err != nil {
		return nil, nil, err
	}
	kept := make([]int, x.Rank())
	for i, n := range x.Shape {
		if kept[i] = n; reduced[i] {
			kept[i] = 1
		}
		if !reduced[i] || c.Int("keepdims") != 0 {
			shape = append(shape, kept[i])
		}
	}
	return shape, stretched(kept, x.Shape), nil
}

// reduction folds the elements that go to the same place, in order, beginning with what start gives for floats and integers.
func reduction(a fold, start func(ir.Elem) (float64, int64)) kernel {
	return func(c *Call) error {
		x := c.X(0)
		shape, to, err := reducedView(c, x)
		if err != nil {
			return err
		}
		y := New(x.Elem, shape...)
		f, i := start(x.Elem)
		for k := range y.F {
			y.F[k] = f
		}
		for k := range y.I {
			y.I[k] = i
		}
		for k, j := range to {
			y.combine(a, j, y, j, x, k)
		}
		return c.Return(y)
	}
}

func reduceMean(c *Call) error {
	x := c.X(0)
	if err := reduction(fold{f: addFloat, i: addInt}, func(ir.Elem) (float64, int64) { return 0, 0 })(c); err != nil {
		return err
	}
	y := c.Out[0].(*Tensor)
	n := 0
	if y.Len() > 0 {
		n = x.Len() / y.Len()
	}
	for i := range y.F {
		y.F[i] /= float64(n)
	}
	for i := range y.I {
		if n > 0 { // the mean of no integers is 0
			y.I[i] /= int64(n)
		}
	}
	return nil
}

// argBest finds the index of the element that compares with the others as sign says.
func argBest(sign int) kernel {
	return func(c *Call) error {
		x := c.X(0)
		axis, err := axisAt(c.Int("axis"), x.Rank())
		if err != nil {
			return err
		}
		outer, n, inner := aroundAxis(x.Shape, axis)
		if n == 0 {
			return fmt.Errorf("axis %d of %s is empty", axis, x.Type())
		}
		last := c.Int("select_last_index") != 0
		var shape []int
		for i, k := range x.Shape {
			if i != axis {
				shape = append(shape, k)
			} else if c.Int("keepdims") != 0 {
				shape = append(shape, 1)
			}
		}
		y := New(ir.I64, shape...)
		for o := range outer {
			for i := range inner {
				at := func(k int) int { return (o*n+k)*inner + i }
				best := 0
				for k := 1; k < n; k++ {
					if cmp := order(x, at(k), x, at(best)); cmp == sign || cmp == 0 && last || cmp == 2 && isNaN(x, at(k)) && !isNaN(x, at(best)) {
						best = k
					}
				}
				y.I[o*inner+i] = int64(best)
			}
		}
		return c.Return(y)
	}
}

func isNaN(x *Tensor, i int) bool { return x.F != nil && math.IsNaN(x.F[i]) }

func cumulative(a fold, start int64) kernel {
	return func(c *Call) error {
		x := c.X(0)
		at, err := c.One(1)
		if err != nil {
			return err
		}
		axis, err := axisAt(at.Int(0), x.Rank())
		if err != nil {
			return err
		}
		exclusive, reverse := c.Int("exclusive") != 0, c.Int("reverse") != 0
		y := New(x.Elem, x.Shape...)
		outer, n, inner := aroundAxis(x.Shape, axis)
		for o := range outer {
			for i := range inner {
				sum := New(x.Elem, 1)
				sum.SetInt(0, start)
				for k := range n {
					if reverse {
						k = n - 1 - k
					}
					at := (o*n+k)*inner + i
					if exclusive {
						y.Set(at, sum, 0)
					}
					sum.combine(a, 0, sum, 0, x, at)
					if !exclusive {
						y.Set(at, sum, 0)
					}
				}
			}
		}
		return c.Return(y)
	}
}
