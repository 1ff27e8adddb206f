package lib

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fourier is the discrete Fourier transform of x in place, or its inverse
// without the division: by halves where the length is a power of two, else as
// the sum that it is.
func fourier(x []complex128, inverse bool) {
	n := len(x)
	turn := -2 * math.Pi / float64(n)
	if inverse {
		turn = -turn
	}
	if n&(n-1) != 0 {
		from := append([]complex128(nil), x...)
		for k := range x {
			x[k] = 0
			for t, v := range from {
				x[k] += v * cmplx.Rect(1, turn*float64(k*t%n))
			}
		}
		return
	}
	shift := 64 - bits.Len(uint(n)) + 1
	for i := 1; i < n; i++ {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		for i := 0; i < n; i += 2 * half {
			for k := range half {
				v := x[i+half+k] * cmplx.Rect(1, turn*float64(k*(n/(2*half))))
				x[i+half+k], x[i+k] = x[i+k]-v, x[i+k]+v
			}
		}
	}
}

// dftLength is n, or what to transform of an axis of size in if n is 0.
func dftLength(n, in int, real bool) int {
	switch {
	case n == 0 && real:
		return 2 * (in - 1)
	case n == 0:
		return in
	}
	return n
}

// dftSize is the dimension of axis k of a transform of x [.., 1 or 2] along axis.
func dftSize(k int, sx []int, axis, n int, inverse, onesided bool) int {
	switch n = dftLength(n, sx[k], inverse && onesided); {
	case k == len(sx)-1 && inverse && onesided:
		return 1
	case k == len(sx)-1:
		return 2
	case k != axisOf(axis, len(sx)):
		return sx[k]
	case onesided && !inverse:
		return n/2 + 1
	}
	return n
}

// dft transforms x [.., 1 or 2] along axis, cut or filled with zeros to n unless
// that is 0; y's size along it may be less. An inverse of one side gives real
// numbers.
func dft[T float](y, x []T, sy, sx []int, axis, n int, inverse, onesided bool) {
	rank := len(sx) - 1
	axis = axisOf(axis, len(sx))
	bins := sy[axis]
	n = dftLength(n, sx[axis], inverse && onesided)
	outer, in, inner := around(sx[:rank], axis)
	parts := 2
	if inverse && onesided {
		parts = 1
	}
	if n < 1 {
		panic(inputError("a Fourier transform of nothing"))
	}
	line := make([]complex128, n)
	for o := range outer * inner {
		clear(line)
		for k := range min(in, n) {
			line[k] = complexAt(x, (o/inner*in+k)*inner+o%inner, sx[rank])
		}
		if inverse && onesided {
			for k := n/2 + 1; k < n; k++ {
				line[k] = cmplx.Conj(line[n-k])
			}
		}
		fourier(line, inverse)
		for k, v := range line[:bins] {
			if inverse {
				v /= complex(float64(n), 0)
			}
			setComplex(y, (o/inner*bins+k)*inner+o%inner, parts, v)
		}
	}
}

// complexAt is element i of x, whose elements have one part or two.
func complexAt[T float](x []T, i, parts int) complex128 {
	if parts == 1 {
		return complex(float64(x[i]), 0)
	}
	return complex(float64(x[2*i]), float64(x[2*i+1]))
}

func setComplex[T float](y []T, i, parts int, v complex128) {
	y[i*parts] = T(real(v))
	if parts == 2 {
		y[2*i+1] = T(imag(v))
	}
}

// stft transforms each frame of n of the signals x [batch, length, 1 or 2],
// times window, which may be nil: y [batch, frames, bins, 2].
func stft[T float](y, x, window []T, sx []int, n, step, frames, bins int) {
	frame := make([]complex128, n)
	for i := range sx[0] * frames {
		for k := range frame {
			frame[k] = complexAt(x, i/frames*sx[1]+i%frames*step+k, sx[2])
			if window != nil {
				frame[k] *= complex(float64(window[k]), 0)
			}
		}
		fourier(frame, false)
		for k, v := range frame[:bins] {
			setComplex(y, i*bins+k, 2, v)
		}
	}
}

// melWeights [n/2+1, bins] sum the frequencies of a spectrum of n into
// triangles that are evenly spaced on the mel scale.
func melWeights[T number](y []T, bins, n, rate int, low, high float64) {
	clear(y)
	low, high = 2595*math.Log10(1+low/700), 2595*math.Log10(1+high/700)
	corner := func(i int) int {
		hertz := 700 * (math.Pow(10, (low+float64(i)*(high-low)/float64(bins+2))/2595) - 1)
		return int(math.Floor(float64(n+1) * hertz / float64(rate)))
	}
	for i := range bins {
		from, top, to := corner(i), corner(i+1), corner(i+2)
		if from < 0 || to > n/2+1 {
			panic(inputError("mel bins reach beyond the spectrum"))
		}
		for j := from; j < top; j++ {
			y[j*bins+i] = T(float64(j-from) / float64(top-from))
		}
		if top <= n/2 {
			y[top*bins+i] = 1
		}
		for j := top; j < to; j++ {
			y[j*bins+i] = T(float64(to-j) / float64(to-top))
		}
	}
}
