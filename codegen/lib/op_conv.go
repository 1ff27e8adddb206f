package lib

import "math"

// A sliding says how a kernel moves over up to three spatial axes: output o
// sees input o·stride + k·dilation - before for each k below kernel. Axes that
// are not there come first and have size 1.
type sliding struct {
	kernel, stride, dilation, before, after [3]int
}

// spatial are the sizes of the axes behind batch and channels.
func spatial(shape []int) [3]int {
	s := [3]int{1, 1, 1}
	copy(s[5-len(shape):], shape[2:])
	return s
}

func volume(s [3]int) int { return s[0] * s[1] * s[2] }

// convolve is the cross-correlation of x [batch, channels, ..] with the kernels
// w [features, channels/group, ..], plus b, which may be nil. Sums are of type
// A.
func convolve[A, T number](y, x, w, b []T, sy, sx []int, s sliding, group int) {
	in, out := spatial(sx), spatial(sy)
	channels, features := sx[1]/group, sy[1]/group
	inSize, outSize, taps := volume(in), volume(out), channels*volume(s.kernel)
	for n := range sx[0] {
		for f := range sy[1] {
			var bias A
			if b != nil {
				bias = A(b[f])
			}
			first := n*sx[1] + f/features*channels
			convolvePlane(y[(n*sy[1]+f)*outSize:][:outSize], x[first*inSize:][:channels*inSize], w[f*taps:][:taps],
				bias, in, out, channels, s)
		}
	}
}

// convolvePlane computes one feature of one image, some neighbouring outputs
// at a time.
func convolvePlane[A, T number](y, x, w []T, bias A, in, out [3]int, channels int, s sliding) {
	const width = 64
	var acc [width]A
	for row := range out[0] * out[1] {
		at := [2]int{row/out[1]*s.stride[0] - s.before[0], row%out[1]*s.stride[1] - s.before[1]}
		for o := 0; o < out[2]; o += width {
			sums := acc[:min(width, out[2]-o)]
			for i := range sums {
				sums[i] = bias
			}
			for tap := range channels * s.kernel[0] * s.kernel[1] {
				c := tap / (s.kernel[0] * s.kernel[1])
				i := at[0] + tap/s.kernel[1]%s.kernel[0]*s.dilation[0]
				j := at[1] + tap%s.kernel[1]*s.dilation[1]
				if i < 0 || i >= in[0] || j < 0 || j >= in[1] {
					continue
				}
				line := x[((c*in[0]+i)*in[1]+j)*in[2]:][:in[2]]
				convolveLine(sums, line, w[tap*s.kernel[2]:][:s.kernel[2]], o*s.stride[2]-s.before[2], s.stride[2], s.dilation[2])
			}
			for i, v := range sums {
				y[row*out[2]+o+i] = T(v)
			}
		}
	}
}

// convolveLine adds to each sum the kernel w laid upon x, from at on for the
// first.
func convolveLine[A, T number](sums []A, x, w []T, at, stride, dilation int) {
	for k, v := range w {
		p := at + k*dilation
		lo := 0
		if p < 0 {
			lo = (-p + stride - 1) / stride
		}
		v := A(v)
		p += lo * stride
		for i := lo; i < len(sums) && p < len(x); i++ {
			sums[i] += v * A(x[p])
			p += stride
		}
	}
}

// convolveBack is the transpose of convolve as a linear map: each element of x
// [batch, channels, ..] adds itself times w [channels, features/group, ..] to a
// window of y.
func convolveBack[A, T number](y, x, w, b []T, sy, sx []int, s sliding, group int) {
	in, out := spatial(sx), spatial(sy)
	channels, features := sx[1]/group, sy[1]/group
	inSize, outSize, taps := volume(in), volume(out), volume(s.kernel)
	for p := range y {
		n, f := p/outSize/sy[1], p/outSize%sy[1]
		g := f / features
		at := [3]int{p / (out[1] * out[2]) % out[0], p / out[2] % out[1], p % out[2]}
		var sum A
		if b != nil {
			sum = A(b[f])
		}
		for k := range taps {
			from, ok := s.source(at, [3]int{k / (s.kernel[1] * s.kernel[2]), k / s.kernel[2] % s.kernel[1], k % s.kernel[2]}, in)
			if !ok {
				continue
			}
			for c := g * channels; c < (g+1)*channels; c++ {
				sum += A(x[(n*sx[1]+c)*inSize+from]) * A(w[(c*features+f%features)*taps+k])
			}
		}
		y[p] = T(sum)
	}
}

// source is the input whose window has tap k at output at, if there is one.
func (s *sliding) source(at, k, in [3]int) (p int, ok bool) {
	for i, o := range at {
		q := o + s.before[i] - k[i]*s.dilation[i]
		if q < 0 || q%s.stride[i] != 0 || q/s.stride[i] >= in[i] {
			return 0, false
		}
		p = p*in[i] + q/s.stride[i]
	}
	return p, true
}

// Bounds are the part of an input that one output of a pooling sees: indices
// lo, lo+step, .. below hi of each axis.
type bounds struct {
	lo, hi [3]int
	padded int // how many places there are, those in the padding included
}

// window is what output at sees of an input of that size.
func (s *sliding) window(at, in [3]int) (w bounds) {
	w.padded = 1
	for i, o := range at {
		first := o*s.stride[i] - s.before[i]
		end := first + (s.kernel[i]-1)*s.dilation[i] + 1
		w.padded *= counted(min(end, in[i]+s.after[i])-first, s.dilation[i])
		if first < 0 {
			first += (-first + s.dilation[i] - 1) / s.dilation[i] * s.dilation[i]
		}
		w.lo[i], w.hi[i] = first, min(end, in[i])
	}
	return w
}

// poolWindows folds each window of x: step takes in one element after the other,
// beginning with init, and finish makes a result of that and of the number of
// elements, those of the padding counted if padding says so.
func poolWindows[T, A any](y, x []T, sy, sx []int, s sliding, padding bool, init A, step func(A, T) A, finish func(A, int) T) {
	in, out := spatial(sx), spatial(sy)
	inSize, outSize := volume(in), volume(out)
	for p := range y {
		w := s.window([3]int{p / (out[1] * out[2]) % out[0], p / out[2] % out[1], p % out[2]}, in)
		plane := x[p/outSize*inSize:][:inSize]
		acc, count := init, 0
		for i := w.lo[0]; i < w.hi[0]; i += s.dilation[0] {
			for j := w.lo[1]; j < w.hi[1]; j += s.dilation[1] {
				for k := w.lo[2]; k < w.hi[2]; k += s.dilation[2] {
					acc = step(acc, plane[(i*in[1]+j)*in[2]+k])
					count++
				}
			}
		}
		if padding {
			count = w.padded
		}
		y[p] = finish(acc, count)
	}
}

// lpPool is (Σ|x|^q)^(1/q) over each window.
func lpPool[T float](y, x []T, sy, sx []int, s sliding, q int) {
	e := float64(q)
	poolWindows(y, x, sy, sx, s, false, 0.0,
		func(sum float64, v T) float64 { return sum + math.Pow(math.Abs(float64(v)), e) },
		func(sum float64, _ int) T { return T(math.Pow(sum, 1/e)) })
}

// maxPool is the greatest element of each window of x and, unless index is
// nil, where in x it is; with columns, as if the first spatial axis were the
// innermost.
func maxPool[T number](y []T, index []int64, x []T, sy, sx []int, s sliding, columns bool) {
	in, out := spatial(sx), spatial(sy)
	inSize, outSize := volume(in), volume(out)
	for p := range y {
		w := s.window([3]int{p / (out[1] * out[2]) % out[0], p / out[2] % out[1], p % out[2]}, in)
		base := p / outSize * inSize
		best, at := lowest[T](), -1
		for i := w.lo[0]; i < w.hi[0]; i += s.dilation[0] {
			for j := w.lo[1]; j < w.hi[1]; j += s.dilation[1] {
				for k := w.lo[2]; k < w.hi[2]; k += s.dilation[2] {
					v := x[base+(i*in[1]+j)*in[2]+k]
					if at >= 0 && !(v > best) && (v == v || best != best) {
						continue
					}
					best, at = v, (i*in[1]+j)*in[2]+k
					if columns {
						at = (k*in[1]+j)*in[0] + i
					}
				}
			}
		}
		y[p] = best
		if index != nil {
			index[p] = int64(base + at)
		}
	}
}

// unpool puts each element of x where index, which counts in planes of size
// from, says, into zeros: planes of size to.
func unpool[T any](y, x []T, index []int64, from, to []int) {
	clear(y)
	in, out := spatial(from), spatial(to)
	for p, k := range index {
		plane, i := int(k)/volume(in), int(k)%volume(in)
		at := [3]int{i / (in[1] * in[2]), i / in[2] % in[1], i % in[2]}
		y[((plane*out[0]+at[0])*out[1]+at[1])*out[2]+at[2]] = x[p]
	}
}

// col2im adds up the columns x [batch, channels·block, blocks] to the image y:
// what im2col would have taken them from.
func col2im[A, T number, I integer](y, x []T, sy []int, block []I, blocks int, strides, dilations, pads []int) {
	s := sliding{kernel: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1}}
	in, out := [3]int{1, 1, 1}, spatial(sy)
	k := len(sy) - 2
	for i := range k {
		a := 3 - k + i
		s.kernel[a] = int(block[i])
		if len(strides) > 0 {
			s.stride[a] = strides[i]
		}
		if len(dilations) > 0 {
			s.dilation[a] = dilations[i]
		}
		after := 0
		if len(pads) > 0 {
			s.before[a], after = pads[i], pads[k+i]
		}
		in[a] = (out[a]+s.before[a]+after-(s.kernel[a]-1)*s.dilation[a]-1)/s.stride[a] + 1
	}
	taps, outSize := volume(s.kernel), volume(out)
	for p := range y {
		at := [3]int{p / (out[1] * out[2]) % out[0], p / out[2] % out[1], p % out[2]}
		var sum A
		for t := range taps {
			tap := [3]int{t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]}
			if from, ok := s.source(at, tap, in); ok {
				sum += A(x[(p/outSize*taps+t)*blocks+from])
			}
		}
		y[p] = T(sum)
	}
}
