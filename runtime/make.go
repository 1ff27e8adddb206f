package runtime

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Range:           rangeOf,
		ir.ConstantOfShape: constantOfShape,
		ir.EyeLike:         eyeLike,
		ir.Trilu:           trilu,
		ir.Det:             det,
		ir.Col2Im:          col2im,
	})
}

func rangeOf(c *Call) error {
	var arg [3]*Tensor
	for i := range arg {
		var err error
		if arg[i], err = c.One(i); err != nil {
			return err
		}
	}
	start, limit, delta := arg[0], arg[1], arg[2]
	e := start.Elem
	if delta.Float(0) == 0 {
		return fmt.Errorf("a delta of 0")
	}
	var n float64
	if start.I != nil {
		span, by := limit.I[0]-start.I[0], delta.I[0]
		if by < 0 {
			span, by = -span, -by
		}
		n = float64((max(span, 0) + by - 1) / by)
	} else {
		n = max(0, math.Ceil((limit.F[0]-start.F[0])/delta.F[0]))
	}
	if !(n < maxElements) {
		return fmt.Errorf("%v elements", n)
	}
	y := New(e, int(n))
	for i := range y.I {
		y.I[i] = start.I[0] + int64(i)*delta.I[0]
	}
	for i := range y.F {
		y.F[i] = start.F[0] + float64(i)*delta.F[0]
	}
	return c.Return(y)
}

func constantOfShape(c *Call) error {
	shape := c.X(0).Ints()
	if err := possible(shape); err != nil {
		return err
	}
	value := New(ir.F32, 1)
	if d := c.Data("value"); d != nil {
		value = FromData(d)
	}
	return c.Return(value.Take(shape, make([]int, size(shape))))
}

func eyeLike(c *Call) error {
	x := c.X(0)
	if x.Rank() != 2 {
		return fmt.Errorf("%s is no matrix", x.Type())
	}
	e := x.Elem
	if c.Has("dtype") {
		e = ir.Elem(c.Int("dtype"))
	}
	y := New(e, x.Shape...)
	each(x.Shape, func(i int, idx []int) {
		if idx[1]-idx[0] == c.Int("k") {
			y.SetInt(i, 1)
		}
	})
	return c.Return(y)
}

func trilu(c *Call) error {
	x := c.X(0)
	r := x.Rank()
	if r < 2 {
		return fmt.Errorf("%s has fewer than two axes", x.Type())
	}
	k := 0
	if c.X(1) != nil {
		x, err := c.One(1)
		if err != nil {
			return err
		}
		k = min(max(x.Int(0), -c.X(0).Shape[r-2]), c.X(0).Shape[r-1]) // beyond which all is as there
	}
	upper := c.Int("upper") != 0
	y := New(x.Elem, x.Shape...)
	each(x.Shape, func(i int, idx []int) {
		if d := idx[r-1] - idx[r-2] - k; d == 0 || (d > 0) == upper {
			y.Set(i, x, i)
		}
	})
	return c.Return(y)
}

func det(c *Call) error {
	x := c.X(0)
	r := x.Rank()
	if r < 2 || x.Shape[r-1] != x.Shape[r-2] {
		return fmt.Errorf("%s is no square matrix", x.Type())
	}
	n := x.Shape[r-1]
	y := New(x.Elem, x.Shape[:r-2]...)
	for i := range y.Len() {
		y.F[i] = determinant(slices.Clone(x.F[i*n*n:(i+1)*n*n]), n)
	}
	return c.Return(y)
}

// determinant eliminates with partial pivoting, in place.
func determinant(a []float64, n int) float64 {
	d := 1.0
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[p*n+k]) {
				p = i
			}
		}
		if a[p*n+k] == 0 {
			return 0
		}
		if p != k {
			for j := range n {
				a[p*n+j], a[k*n+j] = a[k*n+j], a[p*n+j]
			}
			d = -d
		}
		d *= a[k*n+k]
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / a[k*n+k]
			for j := k; j < n; j++ {
				a[i*n+j] -= f * a[k*n+j]
			}
		}
	}
	return d
}

// intsOr is an attribute of integers, or as many of what it is by default.
func intsOr(c *Call, name string, count, def int) []int {
	out := make([]int, count)
	for i := range out {
		out[i] = def
	}
	for i, v := range c.Ints(name) {
		if i < count {
			out[i] = int(v)
		}
	}
	return out
}

// col2im adds element [b, channel and place in the block, block] to the pixel that it was taken from.
func col2im(c *Call) error {
	x, image, block := c.X(0), c.X(1).Ints(), c.X(2).Ints()
	r := len(image)
	if len(block) != r || x.Rank() != 3 {
		return fmt.Errorf("blocks %v of an image %v in %s", block, image, x.Type())
	}
	dilation, stride, pads := intsOr(c, "dilations", r, 1), intsOr(c, "strides", r, 1), intsOr(c, "pads", 2*r, 0)
	blocks := make([]int, r) // how many fit along each axis
	for i := range blocks {
		blocks[i] = (image[i]+pads[i]+pads[i+r]-dilation[i]*(block[i]-1)-1)/stride[i] + 1
	}
	if x.Shape[1]%size(block) != 0 || x.Shape[2] != size(blocks) {
		return fmt.Errorf("%s is not made of %d blocks of %v", x.Type(), size(blocks), block)
	}
	y := New(x.Elem, append([]int{x.Shape[0], x.Shape[1] / size(block)}, image...)...)
	step, planes := strides(image), y.Shape[0]*y.Shape[1]
	all := slices.Concat([]int{planes}, block, blocks)
	each(all, func(i int, idx []int) {
		at := idx[0] * size(image)
		for k := range r {
			p := idx[1+r+k]*stride[k] - pads[k] + idx[1+k]*dilation[k]
			if p < 0 || p >= image[k] {
				return
			}
			at += p * step[k]
		}
		y.combine(arith{f: addFloat, i: addInt}, at, y, at, x, i)
	})
	return c.Return(y)
}
