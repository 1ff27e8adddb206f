package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Conv:          conv,
		ir.ConvTranspose: convTranspose,
		ir.DeformConv:    deformConv,
	})
}

// A sliding is a node's window with its numbers.
type sliding struct {
	in, kernel, out []int
	ws              []step
}

// A step is an ir.Window in numbers.
type step struct{ Stride, Dilation, Before, After int }

// slide works out how the node's kernel goes over the spatial axes in; the kernel's size is that attribute's or else w's.
func (c *Call) slide(in, w []int, windows func(n *ir.Node, in, kernel []ir.Dim) ([]ir.Window, error)) (*sliding, error) {
	s := &sliding{in: in, kernel: w}
	if k := c.Ints("kernel_shape"); k != nil {
		s.kernel = make([]int, len(k))
		for i, n := range k {
			s.kernel[i] = int(n)
		}
	}
	if w != nil && !slices.Equal(w, s.kernel) {
		return nil, fmt.Errorf("kernel_shape=%v for weights of %v", s.kernel, w)
	}
	ws, err := windows(c.Node, ir.Dims(in...), ir.Dims(s.kernel...))
	if err != nil {
		return nil, err
	}
	for _, w := range ws {
		out, _ := w.Out.Const()
		before, _ := w.Before.Const()
		after, _ := w.After.Const()
		if out < 0 {
			return nil, fmt.Errorf("the padding leaves nothing of axes %v", in)
		}
		s.out = append(s.out, out)
		s.ws = append(s.ws, step{w.Stride, w.Dilation, before, after})
	}
	return s, nil
}

// taps lists, for each place of the result and each of the kernel, the place of the input that they meet, -1 in the padding.
func (s *sliding) taps() []int {
	at := make([]int, 0, size(s.out)*size(s.kernel))
	step := strides(s.in)
	each(s.out, func(_ int, o []int) {
		each(s.kernel, func(_ int, k []int) {
			place := 0
			for i, w := range s.ws {
				p := o[i]*w.Stride + k[i]*w.Dilation - w.Before
				if p < 0 || p >= s.in[i] {
					place = -1
					break
				}
				place += p * step[i]
			}
			at = append(at, place)
		})
	})
	return at
}

func conv(c *Call) error {
	x, w := c.X(0), c.X(1)
	s, err := c.slide(x.Shape[2:], w.Shape[2:], (*ir.Node).Windows)
	if err != nil {
		return err
	}
	group := c.Int("group")
	n, channels, m := x.Shape[0], x.Shape[1], w.Shape[0]
	if channels != w.Shape[1]*group || m%group != 0 {
		return fmt.Errorf("cannot convolve %s with %s in %d groups", x.Type(), w.Type(), group)
	}
	y := New(x.Elem, append([]int{n, m}, s.out...)...)
	g := convSizes{n: n, c: channels / group, m: m / group, groups: group, in: size(s.in), out: size(s.out), taps: size(s.kernel)}
	if y.F != nil {
		convolve(y.F, x.F, w.F, g, s.taps())
	} else {
		convolve(y.I, x.I, w.I, g, s.taps())
	}
	return c.Return(addChannels(y, c.X(2)))
}

// convSizes are the numbers of images, of channels a group in and out, of groups, pixels in and out, and kernel elements.
type convSizes struct{ n, c, m, groups, in, out, taps int }

func convolve[T float64 | int64](y, x, w []T, g convSizes, at []int) {
	for i := range g.n * g.groups * g.m {
		n, mg := i/(g.groups*g.m), i%(g.groups*g.m)
		group := mg / g.m
		for o := range g.out {
			var sum T
			for ch := range g.c {
				image := x[((n*g.groups+group)*g.c+ch)*g.in:]
				weights := w[(mg*g.c+ch)*g.taps:]
				for k, p := range at[o*g.taps : (o+1)*g.taps] {
					if p >= 0 {
						sum += image[p] * weights[k]
					}
				}
			}
			y[i*g.out+o] = sum
		}
	}
}

// addChannels adds b [C], if there is one, to y [N,C,..].
func addChannels(y, b *Tensor) *Tensor {
	if b == nil {
		return y
	}
	inner := size(y.Shape[2:])
	for i := range y.Len() {
		m := i / inner % y.Shape[1]
		if y.F != nil {
			y.F[i] += b.F[m]
		} else {
			y.I[i] += b.I[m]
		}
	}
	return y
}

// convTranspose adds each element of x, times the kernel, to the window of y that starts where it says.
func convTranspose(c *Call) error {
	x, w := c.X(0), c.X(1)
	s, err := c.slide(x.Shape[2:], w.Shape[2:], (*ir.Node).TransposedWindows)
	if err != nil {
		return err
	}
	group := c.Int("group")
	n, channels, m := x.Shape[0], x.Shape[1], w.Shape[1]
	if channels != w.Shape[0] || channels%group != 0 {
		return fmt.Errorf("cannot convolve %s with %s in %d groups", x.Type(), w.Type(), group)
	}
	y := New(x.Elem, append([]int{n, m * group}, s.out...)...)
	reversed := &sliding{in: s.out, kernel: s.kernel, out: s.in, ws: s.ws}
	at, taps := reversed.taps(), size(s.kernel)
	in, out := size(s.in), size(s.out)
	for i := range n * channels {
		ch := i % channels
		for k := range m {
			target := y.F[(i/channels*m*group+ch/(channels/group)*m+k)*out:]
			weights := w.F[(ch*m+k)*taps:]
			for p := range in {
				for t, o := range at[p*taps : (p+1)*taps] {
					if o >= 0 {
						target[o] += x.F[i*in+p] * weights[t]
					}
				}
			}
		}
	}
	return c.Return(addChannels(y, c.X(2)))
}

// deformConv reads each kernel element at its place plus the offset that the result's pixel has for it.
func deformConv(c *Call) error {
	x, w, offset, mask := c.X(0), c.X(1), c.X(2), c.X(4)
	if x.Rank() != 4 {
		return c.Unsupported("%d spatial axes", x.Rank()-2)
	}
	s, err := c.slide(x.Shape[2:], w.Shape[2:], (*ir.Node).Windows)
	if err != nil {
		return err
	}
	n, channels, m, group, og := x.Shape[0], x.Shape[1], w.Shape[0], c.Int("group"), c.Int("offset_group")
	y := New(x.Elem, n, m, s.out[0], s.out[1])
	taps, out, in := size(s.kernel), size(s.out), size(s.in)
	if channels != w.Shape[1]*group || channels%og != 0 || m%group != 0 || !slices.Equal(offset.Shape, []int{n, og * 2 * taps, s.out[0], s.out[1]}) {
		return fmt.Errorf("offsets %s do not fit %s, %s in %d groups, %d of them for offsets", offset.Type(), x.Type(), w.Type(), group, og)
	}
	if b := c.X(3); b != nil && b.Len() != m || mask != nil && !slices.Equal(mask.Shape, []int{n, og * taps, s.out[0], s.out[1]}) {
		return fmt.Errorf("a bias or a mask does not fit %s", offset.Type())
	}
	perGroup := channels / group
	each(y.Shape, func(i int, at []int) {
		b, o, sum := at[0], at[2]*s.out[1]+at[3], 0.0
		for ch := range perGroup {
			from := at[1]/(m/group)*perGroup + ch
			image := x.F[(b*channels+from)*in:][:in]
			og0 := b*og + from/(channels/og)
			for k := range taps {
				py := float64(at[2]*s.ws[0].Stride+k/s.kernel[1]*s.ws[0].Dilation-s.ws[0].Before) + offset.F[((og0*taps+k)*2)*out+o]
				px := float64(at[3]*s.ws[1].Stride+k%s.kernel[1]*s.ws[1].Dilation-s.ws[1].Before) + offset.F[((og0*taps+k)*2+1)*out+o]
				v := bilinear(image, s.in[0], s.in[1], py, px)
				if mask != nil {
					v *= mask.F[(og0*taps+k)*out+o]
				}
				sum += v * w.F[(at[1]*perGroup+ch)*taps+k]
			}
		}
		y.F[i] = sum
	})
	return c.Return(addChannels(y, c.X(3)))
}
