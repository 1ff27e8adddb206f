package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func pad(c *Call) error {
	x, pads := c.X(0), c.X(1).Ints()
	axes, err := axesOf(c, 3, len(pads)/2, x.Rank())
	if err != nil {
		return err
	}
	mode := c.Str("mode")
	before, shape := make([]int, x.Rank()), slices.Clone(x.Shape)
	for i, a := range axes {
		before[a] = pads[i]
		shape[a] += pads[i] + pads[i+len(axes)]
		if shape[a] < 0 || mode != "constant" && x.Shape[a] == 0 && shape[a] > 0 {
			return fmt.Errorf("pads %v do not fit %s", pads, x.Type())
		}
	}
	if err := possible(shape); err != nil {
		return err
	}
	at, own := make([]int, size(shape)), strides(x.Shape)
	each(shape, func(i int, idx []int) {
		for k, n := range idx {
			j := padIndex(mode, n-before[k], x.Shape[k])
			if j < 0 {
				at[i] = -1
				return
			}
			at[i] += j * own[k]
		}
	})
	y := x.Take(shape, at)
	if v := c.X(2); v != nil && v.Len() > 0 && mode == "constant" {
		for i, j := range at {
			if j < 0 {
				y.Set(i, v, 0)
			}
		}
	}
	return c.Return(y)
}

// padIndex is which of n elements stands at place i, which may lie outside; -1 is the padding value.
func padIndex(mode string, i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	switch mode {
	case "edge":
		return min(max(i, 0), n-1)
	case "wrap":
		return ((i % n) + n) % n
	case "reflect": // mirrored at the first and the last element, again and again
		if n == 1 {
			return 0
		}
		period := 2 * (n - 1)
		i = ((i % period) + period) % period
		return min(i, period-i)
	}
	return -1
}

// CenterCropPad's difference goes to the end when it is odd, in a crop to the begin.
func centerCropPad(c *Call) error {
	x, want := c.X(0), c.X(1).Ints()
	axes, err := c.CropPadAxes(x.Rank())
	if err != nil {
		return err
	}
	if len(want) != len(axes) {
		return fmt.Errorf("%d dimensions for %d axes", len(want), len(axes))
	}
	before, shape := make([]int, x.Rank()), slices.Clone(x.Shape)
	for i, a := range axes {
		shape[a] = want[i]
		if diff := want[i] - x.Shape[a]; diff > 0 {
			before[a] = diff / 2
		} else {
			before[a] = -(-diff / 2)
		}
	}
	if err := possible(shape); err != nil {
		return err
	}
	at, own := make([]int, size(shape)), strides(x.Shape)
	each(shape, func(i int, idx []int) {
		for k, n := range idx {
			j := n - before[k]
			if j < 0 || j >= x.Shape[k] {
				at[i] = -1
				return
			}
			at[i] += j * own[k]
		}
	})
	return c.Return(x.Take(shape, at))
}

func init() {
	register(map[*ir.Op]kernel{ir.CenterCropPad: centerCropPad})
}
