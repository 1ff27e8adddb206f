package runtime

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/gpamc/gpamc/ir"
	"gonum.org/v1/gonum/dsp/fourier"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.DFT:             dft,
		ir.STFT:            stft,
		ir.MelWeightMatrix: melWeightMatrix,
	})
}

// transform is the discrete Fourier transform of xs, cut or filled with zeros to n.
func transform(xs []complex128, n int, inverse bool) []complex128 {
	seq := make([]complex128, n)
	copy(seq, xs)
	if n < 2 {
		return seq
	}
	f := fourier.NewCmplxFFT(n)
	if !inverse {
		return f.Coefficients(nil, seq)
	}
	out := f.Sequence(nil, seq)
	for i := range out {
		out[i] /= complex(float64(n), 0)
	}
	return out
}

// mirrored is the whole transform of n real numbers from the half that holds all there is to know.
func mirrored(half []complex128, n int) []complex128 {
	out := make([]complex128, n)
	copy(out, half[:min(len(half), n/2+1)])
	for k := n/2 + 1; k < n; k++ {
		out[k] = cmplx.Conj(out[n-k])
	}
	return out
}

// signalAt reads the complex number i of x, whose last axis has one part or two.
func signalAt(x *Tensor, i int) complex128 {
	if x.Shape[x.Rank()-1] == 1 {
		return complex(x.F[i], 0)
	}
	return complex(x.F[2*i], x.F[2*i+1])
}

func dft(c *Call) error {
	x := c.X(0)
	axis := -2
	if a := c.X(2); a != nil {
		axis = a.Int(0)
	}
	axis, err := axisAt(axis, x.Rank())
	if err != nil {
		return err
	}
	if axis == x.Rank()-1 {
		return fmt.Errorf("axis %d holds the parts of the numbers", axis)
	}
	inverse, onesided := c.Int("inverse") != 0, c.Int("onesided") != 0
	n := x.Shape[axis]
	if inverse && onesided {
		n = 2 * (n - 1)
	}
	if l := c.X(1); l != nil {
		n = l.Int(0)
	}
	if n < 1 {
		return fmt.Errorf("a transform of %d numbers", n)
	}
	outer, in, inner := aroundAxis(x.Shape[:x.Rank()-1], axis)
	shape := append([]int{}, x.Shape...)
	shape[axis], shape[x.Rank()-1] = n, 2
	switch {
	case inverse && onesided:
		shape[x.Rank()-1] = 1
	case onesided:
		shape[axis] = n/2 + 1
	}
	y := New(x.Elem, shape...)
	for o := range outer * inner {
		line := make([]complex128, in)
		for k := range line {
			line[k] = signalAt(x, (o/inner*in+k)*inner+o%inner)
		}
		if inverse && onesided {
			line = mirrored(line, n)
		}
		for k, v := range transform(line, n, inverse)[:shape[axis]] {
			at := (o/inner*shape[axis]+k)*inner + o%inner
			if shape[x.Rank()-1] == 1 {
				y.F[at] = real(v)
			} else {
				y.F[2*at], y.F[2*at+1] = real(v), imag(v)
			}
		}
	}
	return c.Return(y)
}

func stft(c *Call) error {
	x, step, window := c.X(0), c.X(1).Int(0), c.X(2)
	length := x.Shape[1]
	n := length
	switch {
	case c.X(3) != nil:
		n = c.X(3).Int(0)
	case window != nil:
		n = window.Len()
	}
	if step < 1 || n < 1 || n > length {
		return fmt.Errorf("frames of %d every %d in a signal of %d", n, step, length)
	}
	frames, bins := (length-n)/step+1, n
	if c.Int("onesided") != 0 {
		bins = n/2 + 1
	}
	y := New(x.Elem, x.Shape[0], frames, bins, 2)
	for i := range x.Shape[0] * frames {
		b, f := i/frames, i%frames
		frame := make([]complex128, n)
		for k := range frame {
			frame[k] = signalAt(x, b*length+f*step+k)
			if window != nil {
				frame[k] *= complex(window.F[k], 0)
			}
		}
		for k, v := range transform(frame, n, false)[:bins] {
			at := 2 * (i*bins + k)
			y.F[at], y.F[at+1] = real(v), imag(v)
		}
	}
	return c.Return(y)
}

// melWeightMatrix builds one triangle a bin, its corners being those of neighbouring bins.
func melWeightMatrix(c *Call) error {
	bins, n, rate := c.X(0).Int(0), c.X(1).Int(0), c.X(2).Float(0)
	mel := func(hertz float64) float64 { return 2595 * math.Log10(1+hertz/700) }
	low, high := mel(c.X(3).Float(0)), mel(c.X(4).Float(0))
	corner := make([]int, bins+2)
	for i := range corner {
		hertz := 700 * (math.Pow(10, (low+float64(i)*(high-low)/float64(bins+2))/2595) - 1)
		corner[i] = int(math.Floor(float64(n+1) * hertz / rate))
	}
	y := New(c.Results[0].Type.Elem, n/2+1, bins)
	for i := range bins {
		lo, mid, hi := corner[i], corner[i+1], corner[i+2]
		if lo < 0 || hi > n/2+1 {
			return fmt.Errorf("bin %d reaches from %d to %d of %d frequencies", i, lo, hi, n/2+1)
		}
		for j := lo; j < mid; j++ {
			y.SetFloat(j*bins+i, float64(j-lo)/float64(mid-lo))
		}
		if mid <= n/2 {
			y.SetFloat(mid*bins+i, 1)
		}
		for j := mid; j < hi; j++ {
			y.SetFloat(j*bins+i, float64(hi-j)/float64(hi-mid))
		}
	}
	return c.Return(y)
}
