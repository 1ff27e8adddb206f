package lib

import (
	"math"
	"slices"
)

// A sampler reads images of up to three axes between their pixels.
type sampler struct {
	size    [3]int
	radius  int // of the kernel: 0 nearest, 1 linear, 2 cubic
	padding string
	corners bool // -1 and 1 are the middles of the outermost pixels, not their edges
}

// gridSample reads x [batch, channels, ..] at the places of grid [batch, ..,
// axes], whose numbers, that of the last axis first, go from -1 to 1.
func gridSample[T number, G float](y, x []T, grid []G, sy, sx []int, s sampler) {
	s.size = spatial(sx)
	axes := len(sx) - 2
	in, out := volume(s.size), size(sy[2:])
	for p := range y {
		var at [3]float64
		place := grid[(p/(out*sx[1])*out+p%out)*axes:]
		for d := range axes {
			at[3-axes+d] = s.place(float64(place[axes-1-d]), 3-axes+d)
		}
		y[p] = T(readImage(&s, x[p/out*in:][:in], at, 3-axes, 0))
	}
}

// place turns a grid's number into a place on axis d. It is of float32, as
// single precision decides it where the grid meets a border.
func (s *sampler) place(g float64, d int) float64 {
	n := float64(s.size[d])
	p := ((g+1)*n - 1) / 2
	if s.corners {
		p = (g + 1) / 2 * (n - 1)
	}
	p = float64(float32(p))
	if s.radius == 0 {
		p = math.RoundToEven(p)
	}
	switch lo, hi := s.borders(d); {
	case p >= lo && p <= hi || s.padding == "zeros":
	case s.padding == "border":
		p = min(max(p, 0), n-1)
	default:
		p = mirror(p, lo, hi)
	}
	return p
}

func (s *sampler) borders(d int) (lo, hi float64) {
	if s.corners {
		return 0, float64(s.size[d] - 1)
	}
	return -0.5, float64(s.size[d]) - 0.5
}

// mirror reflects p at lo and hi until it lies between.
func mirror(p, lo, hi float64) float64 {
	if hi <= lo {
		return lo
	}
	d := math.Mod(math.Abs(p-lo), 2*(hi-lo))
	return lo + min(d, 2*(hi-lo)-d)
}

// readImage interpolates along axis d and those behind it; base is where the
// axes before have led to.
func readImage[T number](s *sampler, x []T, at [3]float64, d, base int) float64 {
	if d == len(at) {
		return float64(x[base])
	}
	left := int(math.Floor(at[d]))
	if s.radius == 0 {
		return readPixel(s, x, at, d, base, left)
	}
	var sum float64
	for k := 1 - s.radius; k <= s.radius; k++ {
		distance := math.Abs(float64(left+k) - at[d])
		w := 1 - distance
		if s.radius == 2 {
			w = cubicWeight(distance, -0.75)
		}
		if w != 0 {
			sum += w * readPixel(s, x, at, d, base, left+k)
		}
	}
	return sum
}

// readPixel goes on to the axes behind d at place k of d, which may be beyond
// the edge.
func readPixel[T number](s *sampler, x []T, at [3]float64, d, base, k int) float64 {
	if n := s.size[d]; k < 0 || k >= n {
		switch s.padding {
		case "zeros":
			return 0
		case "border":
			k = edgeIndex(k, n)
		default:
			lo, hi := s.borders(d)
			k = edgeIndex(int(mirror(float64(k), lo, hi)), n)
		}
	}
	return readImage(s, x, at, d+1, base*s.size[d]+k)
}

// A region says how roiAlign reads; with half, pixels are where their middles
// are.
type region struct {
	height, width, samples int // samples 0 takes as many as a bin has pixels
	scale                  float64
	half, greatest         bool
}

// roiAlign pools the regions rois [n, 4] of the images x [batch, channels,
// height, width] that batch names: each bin averages, or takes the greatest of,
// places that are read bilinearly.
func roiAlign[T float, I integer](y, x, rois []T, batch []I, sx []int, r region) {
	h, w, bins := sx[2], sx[3], r.height*r.width
	for p := range y {
		box, c, o := p/bins/sx[1], p/bins%sx[1], p%bins
		image := x[(indexOf(batch[box], sx[0])*sx[1]+c)*h*w:][:h*w]
		top, rowStep, rows := r.bin(float64(rois[box*4+1]), float64(rois[box*4+3]), o/r.width, r.height)
		left, colStep, cols := r.bin(float64(rois[box*4]), float64(rois[box*4+2]), o%r.width, r.width)
		best, sum := math.Inf(-1), 0.0
		for i := range rows {
			for j := range cols {
				v, greatest := cornersOf(image, h, w, top+float64(i)*rowStep, left+float64(j)*colStep)
				sum, best = sum+v, max(best, greatest)
			}
		}
		y[p] = T(sum / float64(max(rows*cols, 1)))
		if r.greatest && rows*cols > 0 {
			y[p] = T(best)
		}
	}
}

// bin is the first place that is read in bin i of n between two numbers, the
// distance of the next, and how many they are.
func (r *region) bin(from, to float64, i, n int) (first, step float64, count int) {
	shift := 0.0
	if r.half {
		shift = 0.5
	}
	from, to = from*r.scale-shift, to*r.scale-shift
	length := to - from
	if !r.half {
		length = max(length, 1)
	}
	length /= float64(n)
	if count = r.samples; count <= 0 {
		count = int(math.Ceil(length))
	}
	step = length / float64(count)
	return from + float64(i)*length + step/2, step, count
}

// cornersOf are the four pixels around a place, each times its weight: their sum
// and the greatest.
func cornersOf[T float](image []T, h, w int, y, x float64) (sum, greatest float64) {
	top, bottom, fy, ok := neighbours(y, h)
	left, right, fx, ok2 := neighbours(x, w)
	if !ok || !ok2 {
		return 0, 0
	}
	a, b := (1-fy)*(1-fx)*float64(image[top*w+left]), (1-fy)*fx*float64(image[top*w+right])
	c, d := fy*(1-fx)*float64(image[bottom*w+left]), fy*fx*float64(image[bottom*w+right])
	return a + b + c + d, max(a, b, c, d)
}

// neighbours are the pixels around p on an axis of n, how far p is from the
// first, and whether p is near the axis at all.
func neighbours(p float64, n int) (lo, hi int, f float64, ok bool) {
	if p < -1 || p > float64(n) {
		return 0, 0, 0, false
	}
	p = max(p, 0)
	if lo = int(p); lo >= n-1 {
		return n - 1, n - 1, 0, true
	}
	return lo, lo + 1, p - float64(lo), true
}

// A suppression is the arguments of nonMaxSuppression that are single numbers.
type suppression struct {
	most           int // boxes of a class
	overlap, least float64
	center         bool // boxes are x y width height of their middles
}

// nonMaxSuppression picks boxes [batch, n, 4] by scores [batch, classes, n],
// greatest first, that overlap none picked before for the class too much: rows
// (batch, class, box), whose number it gives. y may be nil, to be asked for
// that.
func nonMaxSuppression[T float](y []int64, boxes, scores []T, sb, ss []int, s suppression) int {
	n, classes, count := sb[1], ss[1], 0
	corners := make([][4]float64, n)
	for b := range sb[0] {
		for i := range corners {
			corners[i] = cornersOfBox(boxes[(b*n+i)*4:][:4], s.center)
		}
		for c := range classes {
			for _, i := range pick(&s, corners, scores[(b*classes+c)*n:][:n]) {
				if 3*count+2 < len(y) {
					y[3*count], y[3*count+1], y[3*count+2] = int64(b), int64(c), int64(i)
				}
				count++
			}
		}
	}
	checkCount(y, 3*count)
	return count
}

// pick are the boxes of one class that are left over.
func pick[T float](s *suppression, corners [][4]float64, scores []T) (picked []int) {
	var list []int
	for i, v := range scores {
		if float64(v) > s.least {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int) int { return order(scores[j], scores[i]) })
	for _, i := range list {
		if len(picked) < s.most && !slices.ContainsFunc(picked, func(j int) bool { return overlapOf(corners[i], corners[j]) > s.overlap }) {
			picked = append(picked, i)
		}
	}
	return picked
}

// cornersOfBox gives a box by its lesser and greater corner.
func cornersOfBox[T float](box []T, center bool) [4]float64 {
	a, b, c, d := float64(box[0]), float64(box[1]), float64(box[2]), float64(box[3])
	if center {
		return [4]float64{a - c/2, b - d/2, a + c/2, b + d/2}
	}
	return [4]float64{min(a, c), min(b, d), max(a, c), max(b, d)}
}

// overlapOf is what two boxes have in common as a share of what they cover
// together.
func overlapOf(a, b [4]float64) float64 {
	w, h := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	both := w * h
	return both / ((a[2]-a[0])*(a[3]-a[1]) + (b[2]-b[0])*(b[3]-b[1]) - both)
}
