package lib

import "math"

// A resizing is how resize samples; the strings are those of ONNX's operator.
type resizing struct {
	mode, nearest, coordinates, policy string
	cubic, beyond                      float64
	antialias, within                  bool // within leaves out what is beyond the edge
}

// rescale gives for each axis of a tensor of shape sx the size that it gets and
// by how much it is scaled; of scales and sizes, which are for axes (all of
// them if that is nil), one is empty.
func rescale[S float, I integer](sx []int, scales []S, sizes []I, axes []int, policy string) (size [maxRank]int, scale [maxRank]float64) {
	for i, n := range sx {
		size[i], scale[i] = n, 1
	}
	count := max(len(scales), len(sizes))
	axis := func(i int) int {
		if axes == nil {
			return i
		}
		return axisOf(axes[i], len(sx))
	}
	if len(sizes) == 0 {
		for i, s := range scales {
			size[axis(i)], scale[axis(i)] = int(math.Floor(float64(sx[axis(i)])*float64(s))), float64(s)
		}
		return size, scale
	}
	one := float64(sizes[0]) / float64(sx[axis(0)])
	for i, n := range sizes {
		a := axis(i)
		size[a], scale[a] = int(n), float64(n)/float64(sx[a])
		if policy == "not_larger" {
			one = min(one, scale[a])
		} else {
			one = max(one, scale[a])
		}
	}
	if policy != "stretch" {
		for i := range count {
			a := axis(i)
			size[a], scale[a] = int(math.Floor(one*float64(sx[a])+0.5)), one
		}
	}
	return size, scale
}

// resizedSize is what a resizing makes of one axis.
func resizedSize[S float, I integer](axis int, sx []int, scales []S, sizes []I, axes []int, policy string) int {
	size, _ := rescale(sx, scales, sizes, axes, policy)
	return size[axis]
}

// resize samples x anew, one axis after the other. roi, nil or where along each
// of axes a window begins and then where each ends, is for tf_crop_and_resize.
func resize[T number, R float, S float, I integer](y, x []T, sx []int, roi []R, scales []S, sizes []I, axes []int, s resizing) {
	size, scale := rescale(sx, scales, sizes, axes, s.policy)
	var begin, end [maxRank]float64
	for i := range sx {
		end[i] = 1
	}
	if s.coordinates == "tf_crop_and_resize" {
		for i := range len(roi) / 2 {
			a := i
			if axes != nil {
				a = axisOf(axes[i], len(sx))
			}
			begin[a], end[a] = float64(roi[i]), float64(roi[len(roi)/2+i])
		}
	}
	from := make([]float64, len(x))
	for i, v := range x {
		from[i] = float64(v)
	}
	var weights []float64
	var shape [maxRank]int
	copy(shape[:], sx)
	for a := range sx {
		if unscaled(sx[a], size[a], scale[a]) && begin[a] == 0 && end[a] == 1 {
			continue
		}
		outer, n, inner := around(shape[:len(sx)], a)
		to := make([]float64, outer*size[a]*inner)
		for o := range size[a] {
			at, outside := s.origin(float64(o), float64(n), float64(size[a]), scale[a], begin[a], end[a])
			var first int
			first, weights = s.taps(weights[:0], at, n, scale[a])
			for u := range outer {
				for i := range inner {
					sum := s.beyond
					if !outside {
						sum = 0
						for k, w := range weights {
							sum += w * from[(u*n+edgeIndex(first+k, n))*inner+i]
						}
					}
					to[(u*size[a]+o)*inner+i] = sum
				}
			}
		}
		from, shape[a] = to, size[a]
	}
	for i := range y {
		y[i] = nearestNumber[T](from[i])
	}
}

// unscaled reports whether an axis stays as it is.
func unscaled(in, out int, scale float64) bool { return in == out && math.Abs(scale-1) < 1e-9 }

// nearestNumber rounds x to the type, integers to the nearest even and within
// their range.
func nearestNumber[T number](x float64) T {
	if half := T(1) / 2; half != 0 {
		return T(x)
	}
	x = math.RoundToEven(x)
	switch {
	case x <= float64(lowest[T]()):
		return lowest[T]()
	case x >= float64(highest[T]()):
		return highest[T]()
	}
	return T(x)
}

// origin is where in an axis of size in place o of the result, of size out,
// lies, and whether that is outside of a cropped input.
func (s *resizing) origin(o, in, out, scale, begin, end float64) (x float64, outside bool) {
	exact := in * scale // the size before it was made a whole number
	switch s.coordinates {
	case "align_corners":
		if exact != 1 {
			x = o * (in - 1) / (exact - 1)
		}
	case "asymmetric":
		x = o / scale
	case "tf_crop_and_resize":
		x = (end - begin) * (in - 1) / 2
		if exact != 1 {
			x = o * (end - begin) * (in - 1) / (exact - 1)
		}
		x += begin * (in - 1)
		outside = x < 0 || x > in-1
	case "half_pixel_symmetric":
		x = in/2*(1-out/exact) + (o+0.5)/scale - 0.5
	case "pytorch_half_pixel":
		if x = -0.5; exact != 1 {
			x = (o+0.5)/scale - 0.5
		}
	default:
		x = (o+0.5)/scale - 0.5
	}
	return x, outside
}

// taps are the weights of places around x, beginning with first, on an axis of
// size n, in the memory of weights, which is empty.
func (s *resizing) taps(weights []float64, x float64, n int, scale float64) (first int, _ []float64) {
	left := math.Ceil(x) - 1
	ratio := x - left // in (0, 1]
	if s.mode == "nearest" {
		if ratio == 1 || s.nearest == "ceil" || s.nearest == "round_prefer_floor" && ratio > 0.5 || s.nearest == "round_prefer_ceil" && ratio >= 0.5 {
			left++
		}
		return int(left), append(weights, 1)
	}
	narrow, radius := 1.0, 1.0
	if s.antialias {
		narrow = min(scale, 1)
	}
	if s.mode == "cubic" {
		radius = 2
	}
	begin := int(math.Floor(-radius/narrow)) + 1
	first = int(left) + begin
	var sum float64
	for k := begin; k <= 1-begin; k++ {
		d := math.Abs(narrow * (float64(k) - ratio))
		w := max(1-d, 0)
		if s.mode == "cubic" {
			w = cubicWeight(d, s.cubic)
		}
		if p := int(left) + k; s.within && (p < 0 || p >= n) {
			w = 0
		}
		weights = append(weights, w)
		sum += w
	}
	if narrow < 1 || s.within {
		for i := range weights {
			weights[i] /= sum
		}
	}
	return first, weights
}

// cubicWeight is the kernel of cubic convolution (Keys, 1981) with parameter a
// at a distance.
func cubicWeight(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
