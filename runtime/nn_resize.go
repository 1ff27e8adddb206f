package runtime

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{ir.Resize: resize})
}

// resize works axis by axis: interpolation is separable.
func resize(c *Call) error {
	x := c.X(0)
	var scales []float64
	if s := c.X(2); s != nil && s.Len() > 0 {
		scales = s.F
	}
	var sizes []int
	if s := c.X(3); s != nil && s.Len() > 0 {
		sizes = s.Ints()
	}
	rs, err := c.Resized(x.Shape, scales, sizes)
	if err != nil {
		return err
	}
	shape := make([]int, len(rs))
	for axis, r := range rs {
		shape[axis] = r.Out
	}
	if err := possible(shape); err != nil {
		return err
	}
	begin, end, err := c.regions()
	if err != nil {
		return err
	}
	y := New(ir.F64, x.Shape...)
	for i := range y.F {
		y.F[i] = x.Float(i)
	}
	for axis, r := range rs {
		if r.Out == x.Shape[axis] && math.Abs(r.Scale-1) < 1e-9 && begin[axis] == 0 && end[axis] == 1 {
			continue
		}
		taps := make([]tap, r.Out)
		for o := range taps {
			if taps[o], err = c.tapAt(o, x.Shape[axis], r, begin[axis], end[axis]); err != nil {
				return err
			}
		}
		y = applyTaps(y, axis, taps, c.Float("extrapolation_value"))
	}
	return c.Return(saturated(y, x.Elem))
}

// saturated is y, of doubles, in elements e: rounded and kept within the range of integers.
func saturated(y *Tensor, e ir.Elem) *Tensor {
	out := New(e, y.Shape...)
	lo, hi := math.Inf(-1), math.Inf(1)
	if e.IsInt() {
		lo, hi = e.IntRange()
	}
	for i, v := range y.F {
		if e.IsInt() {
			v = math.RoundToEven(v)
		}
		out.SetFloat(i, min(max(v, lo), hi))
	}
	return out
}

// regions are where along each axis, from 0 to 1, the argument roi begins and ends.
func (c *Call) regions() (begin, end []float64, err error) {
	rank := c.X(0).Rank()
	begin, end = make([]float64, rank), slices.Repeat([]float64{1}, rank)
	roi := c.X(1)
	if c.Str("coordinate_transformation_mode") != "tf_crop_and_resize" || roi == nil || roi.Len() == 0 {
		return begin, end, nil
	}
	axes := c.Ints("axes")
	if axes == nil {
		for i := range rank {
			axes = append(axes, int64(i))
		}
	}
	if roi.Len() != 2*len(axes) {
		return nil, nil, fmt.Errorf("roi has %d numbers for %d axes", roi.Len(), len(axes))
	}
	for i, a := range axes {
		k, err := axisAt(int(a), rank)
		if err != nil {
			return nil, nil, err
		}
		begin[k], end[k] = roi.F[i], roi.F[len(axes)+i]
	}
	return begin, end, nil
}

// A tap says what one place of the result is made of: of places of the input from first on, those beyond the edge being the edge's.
type tap struct {
	first   int
	weights []float64
	outside bool // takes extrapolation_value instead
}

// tapAt works out place o of the result along an axis of size in.
func (c *Call) tapAt(o, in int, r ir.Resizing, begin, end float64) (tap, error) {
	x, outside, err := c.origin(float64(o), float64(in), r, begin, end)
	if err != nil {
		return tap{}, err
	}
	left := math.Ceil(x) - 1 // so that the part right of it is in (0, 1]
	t, err := c.weights(x-left, r.Scale)
	if err != nil {
		return tap{}, err
	}
	t.first += int(left)
	t.outside = outside
	if c.Int("exclude_outside") != 0 {
		sum := 0.0
		for i := range t.weights {
			if p := t.first + i; p < 0 || p >= in {
				t.weights[i] = 0
			}
			sum += t.weights[i]
		}
		for i := range t.weights {
			t.weights[i] /= sum
		}
	}
	return t, nil
}

// origin is where in the input place o of the result lies, and whether that is outside of a cropped input.
func (c *Call) origin(o, in float64, r ir.Resizing, begin, end float64) (x float64, outside bool, err error) {
	out := in * r.Scale // the size before it was made a whole number
	switch mode := c.Str("coordinate_transformation_mode"); mode {
	case "align_corners":
		if out != 1 {
			x = o * (in - 1) / (out - 1)
		}
	case "asymmetric":
		x = o / r.Scale
	case "tf_crop_and_resize":
		x = (end - begin) * (in - 1) / 2
		if out != 1 {
			x = o * (end - begin) * (in - 1) / (out - 1)
		}
		x += begin * (in - 1)
		outside = x < 0 || x > in-1
	case "half_pixel", "pytorch_half_pixel":
		if x = (o+0.5)/r.Scale - 0.5; mode != "half_pixel" && out == 1 {
			x = -0.5
		}
	case "half_pixel_symmetric":
		x = in/2*(1-float64(r.Out)/out) + (o+0.5)/r.Scale - 0.5
	default:
		return 0, false, fmt.Errorf("coordinate_transformation_mode %q", mode)
	}
	return x, outside, nil
}

// weights are those of the places around a point that lies ratio, in (0, 1], right of place 0.
func (c *Call) weights(ratio, scale float64) (tap, error) {
	narrow := min(scale, 1)
	if c.Int("antialias") == 0 {
		narrow = 1
	}
	a := c.Float("cubic_coeff_a")
	switch mode := c.Str("mode"); mode {
	case "nearest":
		return c.nearest(ratio)
	case "linear":
		return kernelTap(ratio, narrow, 1, func(d float64) float64 { return max(1-d, 0) }), nil
	case "cubic":
		return kernelTap(ratio, narrow, 2, func(d float64) float64 { return keys(d, a) }), nil
	default:
		return tap{}, fmt.Errorf("mode %q", mode)
	}
}

func (c *Call) nearest(ratio float64) (tap, error) {
	right := ratio == 1
	switch mode := c.Str("nearest_mode"); mode {
	case "round_prefer_floor":
		right = right || ratio > 0.5
	case "round_prefer_ceil":
		right = right || ratio >= 0.5
	case "floor":
	case "ceil":
		right = true
	default:
		return tap{}, fmt.Errorf("nearest_mode %q", mode)
	}
	if right {
		return tap{first: 1, weights: []float64{1}}, nil
	}
	return tap{first: 0, weights: []float64{1}}, nil
}

// kernelTap samples a kernel that is zero from radius on, stretched by 1/narrow; the weights add up to 1.
func kernelTap(ratio, narrow, radius float64, f func(distance float64) float64) tap {
	first := int(math.Floor(-radius/narrow)) + 1
	t := tap{first: first, weights: make([]float64, 2-2*first)}
	sum := 0.0
	for i := range t.weights {
		t.weights[i] = f(math.Abs(narrow * (float64(first+i) - ratio)))
		sum += t.weights[i]
	}
	if narrow < 1 {
		for i := range t.weights {
			t.weights[i] /= sum
		}
	}
	return t
}

// keys is the kernel of cubic convolution (Keys 1981) with parameter a.
func keys(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}

func applyTaps(x *Tensor, axis int, taps []tap, beyond float64) *Tensor {
	shape := slices.Clone(x.Shape)
	shape[axis] = len(taps)
	y := New(ir.F64, shape...)
	outer, n, inner := aroundAxis(x.Shape, axis)
	for o := range outer {
		for k, t := range taps {
			for i := range inner {
				sum := 0.0
				for j, w := range t.weights {
					sum += w * x.F[(o*n+min(max(t.first+j, 0), n-1))*inner+i]
				}
				if t.outside {
					sum = beyond
				}
				y.F[(o*len(taps)+k)*inner+i] = sum
			}
		}
	}
	return y
}
