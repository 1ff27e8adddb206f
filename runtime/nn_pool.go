package runtime

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.MaxPool:     maxPool,
		ir.AveragePool: averagePool,
		ir.LpPool:      lpPool,
		ir.MaxUnpool:   maxUnpool,
	})
}

// pool calls f for each element of the result: its number, the channel's image, where that begins in x, and the window's places.
func (c *Call) pool(f func(s *sliding, i, base int, at []int)) (*Tensor, error) {
	x := c.X(0)
	s, err := c.slide(x.Shape[2:], nil, (*ir.Node).Windows)
	if err != nil {
		return nil, err
	}
	y := New(x.Elem, append([]int{x.Shape[0], x.Shape[1]}, s.out...)...)
	at, taps, out, in := s.taps(), size(s.kernel), size(s.out), size(s.in)
	c.Out = []Value{y}
	for i := range y.Len() {
		o := i % out
		f(s, i, i/out*in, at[o*taps:(o+1)*taps])
	}
	return y, nil
}

func maxPool(c *Call) error {
	x := c.X(0)
	var indices []int64
	y, err := c.pool(func(s *sliding, i, base int, at []int) {
		best := -1
		for _, p := range at {
			if p >= 0 && (best < 0 || x.Float(base+p) > x.Float(base+best)) {
				best = p
			}
		}
		y := c.Out[0].(*Tensor)
		if best < 0 {
			y.SetFloat(i, math.Inf(-1)) // a window of nothing but padding
			indices = append(indices, -1)
			return
		}
		y.Set(i, x, base+best)
		if c.Int("storage_order") != 0 {
			best = byColumns(best, s.in)
		}
		indices = append(indices, int64(base+best))
	})
	if err != nil {
		return err
	}
	return c.Return(y, &Tensor{Elem: ir.I64, Shape: y.Shape, I: indices})
}

// byColumns numbers a place counted row by row with the first axis running fastest.
func byColumns(place int, shape []int) int {
	out, step := 0, size(shape)
	for i := len(shape) - 1; i >= 0; i-- {
		step /= shape[i]
		out += place % shape[i] * step
		place /= shape[i]
	}
	return out
}

func averagePool(c *Call) error {
	x, pad := c.X(0), c.Int("count_include_pad") != 0
	var padded []int // for each place of the result, how much of its window is image or padding
	y, err := c.pool(func(s *sliding, i, base int, at []int) {
		if pad && padded == nil {
			padded = s.covered()
		}
		sum, count := 0.0, 0
		for _, p := range at {
			if p >= 0 {
				sum += x.F[base+p]
				count++
			}
		}
		if pad {
			count = padded[i%len(padded)]
		}
		c.Out[0].(*Tensor).F[i] = sum / float64(count)
	})
	if err != nil {
		return err
	}
	return c.Return(y)
}

// covered counts, for each place of the result, the kernel elements that do not hang over the padding's end, as ceil_mode lets them.
func (s *sliding) covered() []int {
	counts := make([]int, size(s.out))
	each(s.out, func(i int, o []int) {
		counts[i] = 1
		for d, w := range s.ws {
			n := 0
			for k := range s.kernel[d] {
				if o[d]*w.Stride+k*w.Dilation-w.Before < s.in[d]+w.After {
					n++
				}
			}
			counts[i] *= n
		}
	})
	return counts
}

func lpPool(c *Call) error {
	x, p := c.X(0), float64(c.Int("p"))
	y, err := c.pool(func(_ *sliding, i, base int, at []int) {
		sum := 0.0
		for _, k := range at {
			if k >= 0 {
				sum += math.Pow(math.Abs(x.F[base+k]), p)
			}
		}
		c.Out[0].(*Tensor).F[i] = math.Pow(sum, 1/p)
	})
	if err != nil {
		return err
	}
	return c.Return(y)
}

// maxUnpool puts x's elements where indices says. These count the places of the size that MaxPool would have had; output_shape may be
// larger.
func maxUnpool(c *Call) error {
	x, indices := c.X(0), c.X(1)
	inner := append([]int{}, x.Shape...)
	for i, k := range c.Ints("kernel_shape") {
		stride, pads := 1, 0
		if s := c.Ints("strides"); s != nil {
			stride = int(s[i])
		}
		if p := c.Ints("pads"); p != nil {
			pads = int(p[i] + p[len(p)/2+i])
		}
		inner[2+i] = (x.Shape[2+i]-1)*stride + int(k) - pads
	}
	outer := inner
	if s := c.X(2); s != nil {
		outer = s.Ints()
	}
	y := New(x.Elem, outer...)
	if len(outer) != len(inner) {
		return fmt.Errorf("output_shape %v for %s", outer, x.Type())
	}
	step := strides(outer)
	for i := range x.Len() {
		rest, place := indices.Int(i), 0
		for d := len(inner) - 1; d >= 0; d-- {
			k := rest % inner[d]
			rest /= inner[d]
			if k < 0 || k >= outer[d] || rest < 0 {
				return fmt.Errorf("index %d is outside of %v", indices.Int(i), outer)
			}
			place += k * step[d]
		}
		if rest != 0 {
			return fmt.Errorf("index %d is outside of %v", indices.Int(i), inner)
		}
		y.Set(place, x, i)
	}
	return c.Return(y)
}
