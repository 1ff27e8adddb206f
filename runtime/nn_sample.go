package runtime

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.GridSample: gridSample,
		ir.RoiAlign:   roiAlign,
	})
}

// bilinear reads an image [h,w] between its pixels; outside of it there are zeros.
func bilinear(image []float64, h, w int, y, x float64) float64 {
	y0, x0 := math.Floor(y), math.Floor(x)
	fy, fx := y-y0, x-x0
	sum := 0.0
	for dy, wy := range [2]float64{1 - fy, fy} {
		for dx, wx := range [2]float64{1 - fx, fx} {
			r, col := y0+float64(dy), x0+float64(dx)
			if weight := wy * wx; weight != 0 && r >= 0 && r < float64(h) && col >= 0 && col < float64(w) {
				sum += weight * image[int(r)*w+int(col)]
			}
		}
	}
	return sum
}

// A sampler reads an image of any number of axes.
type sampler struct {
	shape   []int
	step    []int
	padding string
	corners bool
	radius  int // of the kernel: 0 nearest, 1 linear, 2 cubic
}

func gridSample(c *Call) error {
	x, grid := c.X(0), c.X(1)
	s := &sampler{shape: x.Shape[2:], step: strides(x.Shape[2:]), padding: c.Str("padding_mode"), corners: c.Int("align_corners") != 0}
	switch mode := c.Str("mode"); mode {
	case "nearest":
	case "linear", "bilinear":
		s.radius = 1
	case "cubic", "bicubic":
		s.radius = 2
	default:
		return fmt.Errorf("mode %q", mode)
	}
	if p := s.padding; p != "zeros" && p != "border" && p != "reflection" {
		return fmt.Errorf("padding_mode %q", p)
	}
	rank := len(s.shape)
	if grid.Shape[0] != x.Shape[0] || grid.Shape[rank+1] != rank {
		return fmt.Errorf("places %s in images %s", grid.Type(), x.Type())
	}
	y := New(x.Elem, append([]int{x.Shape[0], x.Shape[1]}, grid.Shape[1:rank+1]...)...)
	out, in := size(y.Shape[2:]), size(s.shape)
	at := make([]float64, rank)
	for i := range y.Len() {
		place := (i/(out*x.Shape[1])*out + i%out) * rank
		for d := range at {
			at[d] = s.place(grid.F[place+rank-1-d], d)
		}
		base := i / out * in
		y.SetFloat(i, s.read(func(p int) float64 { return x.Float(base + p) }, at, 0, 0))
	}
	return c.Return(y)
}

// place turns a grid's number from -1..1 into one of axis d's.
func (s *sampler) place(g float64, d int) float64 {
	n := float64(s.shape[d])
	p := ((g+1)*n - 1) / 2
	if s.corners {
		p = (g + 1) / 2 * (n - 1)
	}
	p = float64(float32(p)) // as single precision decides it where the grid meets a border
	if s.radius == 0 {
		p = math.RoundToEven(p)
	}
	switch lo, hi := s.borders(d); {
	case p >= lo && p <= hi || s.padding == "zeros":
	case s.padding == "border":
		p = min(max(p, 0), n-1)
	default:
		p = reflect(p, lo, hi)
	}
	return p
}

func (s *sampler) borders(d int) (lo, hi float64) {
	if s.corners {
		return 0, float64(s.shape[d] - 1)
	}
	return -0.5, float64(s.shape[d]) - 0.5
}

// reflect mirrors p at lo and hi until it lies between.
func reflect(p, lo, hi float64) float64 {
	if hi <= lo {
		return lo
	}
	d := math.Mod(math.Abs(p-lo), 2*(hi-lo))
	return lo + min(d, 2*(hi-lo)-d)
}

// read interpolates along axis d and those behind it; base is the place that the axes before have led to.
func (s *sampler) read(image func(int) float64, at []float64, d, base int) float64 {
	if d == len(at) {
		return image(base)
	}
	if s.radius == 0 {
		return s.pixel(image, at, d, base, int(at[d]))
	}
	left := int(math.Floor(at[d]))
	f := at[d] - float64(left)
	sum := 0.0
	for k := 1 - s.radius; k <= s.radius; k++ {
		w := 0.0
		if distance := math.Abs(float64(k) - f); s.radius == 1 {
			w = 1 - distance
		} else {
			w = keys(distance, -0.75)
		}
		if w != 0 {
			sum += w * s.pixel(image, at, d, base, left+k)
		}
	}
	return sum
}

// pixel goes on to the axes behind d at place k of d, which may be beyond the edge.
func (s *sampler) pixel(image func(int) float64, at []float64, d, base, k int) float64 {
	if k < 0 || k >= s.shape[d] {
		switch s.padding {
		case "zeros":
			return 0
		case "border":
			k = min(max(k, 0), s.shape[d]-1)
		default:
			lo, hi := s.borders(d)
			k = min(max(int(reflect(float64(k), lo, hi)), 0), s.shape[d]-1)
		}
	}
	return s.read(image, at, d+1, base+k*s.step[d])
}

// roiAlign reads sampling_ratio² places in each bin; 0 takes as many as the bin has pixels.
func roiAlign(c *Call) error {
	x, rois, batch := c.X(0), c.X(1), c.X(2)
	h, w := x.Shape[2], x.Shape[3]
	oh, ow := c.Int("output_height"), c.Int("output_width")
	mode := c.Str("mode")
	if mode != "avg" && mode != "max" {
		return fmt.Errorf("mode %q", mode)
	}
	if rois.Shape[1] != 4 || batch.Len() != rois.Shape[0] {
		return fmt.Errorf("regions %s of the images %s: each has four numbers and one image", rois.Type(), batch.Type())
	}
	y := New(x.Elem, rois.Shape[0], x.Shape[1], oh, ow)
	for r := range rois.Shape[0] {
		b, err := indexAt(batch.Int(r), x.Shape[0])
		if err != nil {
			return err
		}
		box := rois.F[r*rois.Shape[1]:][:4]
		rowBins := c.bins(box[1], box[3], oh)
		colBins := c.bins(box[0], box[2], ow)
		for ch := range x.Shape[1] {
			image := x.F[(b*x.Shape[1]+ch)*h*w:][:h*w]
			for o := range oh * ow {
				y.F[(r*x.Shape[1]+ch)*oh*ow+o] = poolBin(image, h, w, rowBins[o/ow], colBins[o%ow], mode == "max")
			}
		}
	}
	return c.Return(y)
}

// bins are the places that are read along one axis of a region, for each of n bins.
func (c *Call) bins(from, to float64, n int) [][]float64 {
	scale, shift := c.Float("spatial_scale"), 0.0
	half := c.Str("coordinate_transformation_mode") == "half_pixel"
	if half {
		shift = 0.5
	}
	from, to = from*scale-shift, to*scale-shift
	length := to - from
	if !half {
		length = max(length, 1)
	}
	bin := length / float64(n)
	count := c.Int("sampling_ratio")
	if count <= 0 {
		count = int(math.Ceil(bin))
	}
	out := make([][]float64, n)
	for i := range out {
		for k := range count {
			out[i] = append(out[i], from+float64(i)*bin+(float64(k)+0.5)*bin/float64(count))
		}
	}
	return out
}

// poolBin is the mean of what is read at the places, or the greatest weighted pixel among what they are read from.
func poolBin(image []float64, h, w int, ys, xs []float64, greatest bool) float64 {
	sum, best, first := 0.0, 0.0, true
	for _, y := range ys {
		for _, x := range xs {
			y0, y1, fy, inY := neighbours(y, h)
			x0, x1, fx, inX := neighbours(x, w)
			var v [4]float64
			if inY && inX {
				v = [4]float64{(1 - fy) * (1 - fx) * image[y0*w+x0], (1 - fy) * fx * image[y0*w+x1], fy * (1 - fx) * image[y1*w+x0], fy * fx * image[y1*w+x1]}
			}
			sum += v[0] + v[1] + v[2] + v[3]
			if top := max(v[0], v[1], v[2], v[3]); first || top > best {
				best, first = top, false
			}
		}
	}
	if greatest {
		return best
	}
	return sum / float64(max(len(ys)*len(xs), 1))
}

// neighbours are the pixels around p on an axis of n, how far p is from the first, and whether p is near the axis at all.
func neighbours(p float64, n int) (lo, hi int, f float64, in bool) {
	if p < -1 || p > float64(n) {
		return 0, 0, 0, false
	}
	p = max(p, 0)
	if lo = int(p); lo >= n-1 {
		return n - 1, n - 1, 0, true
	}
	return lo, lo + 1, p - float64(lo), true
}
