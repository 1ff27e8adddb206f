package lib

// convBack32 is convolveBack for float32: a product of matrices says what each
// element of x adds to its window, the rest is adding up.
func convBack32(c *ctx, y, x, w, b []float32, sy, sx []int, s sliding, group int) {
	if len(y) == 0 || len(x) == 0 || len(w) == 0 {
		convolveBack[float64](y, x, w, b, sy, sx, s, group)
		return
	}
	t := task[windowsTask](c)
	t.sliding, t.in, t.out, t.features = s, spatial(sx), spatial(sy), sy[1]/group
	channels, size, width := sx[1]/group, volume(t.in), t.features*volume(s.kernel)
	most := max(windowFloats/(width*group)/tileRows*tileRows, 8*tileRows)
	for n := range sx[0] {
		t.y, t.b = y[n*sy[1]*volume(t.out):][:sy[1]*volume(t.out)], b
		for t.first = 0; t.first < size; t.first = t.end {
			t.end = min(t.first+most, size)
			m := t.end - t.first
			if len(t.windows) < m*width*group {
				t.windows = make([]float32, m*width*group)
			}
			matmul(c, t.windows, x[n*sx[1]*size+t.first:], w, product{
				m: m, k: channels, n: width, batch: [3]int{1, 1, group},
				yBatch: [3]int{0, 0, m * width}, aBatch: [3]int{0, 0, channels * size}, bBatch: [3]int{0, 0, channels * width},
				yRow: width, aRow: 1, aCol: size, bRow: width, bCol: 1,
			})
			c.split(sy[1], 1+vectorGrain/(m*volume(s.kernel)), t)
		}
	}
	t.y, t.b = nil, nil
}

// windowFloats is about how much is added up at a time.
const windowFloats = 1 << 20

// windowsTask adds windows [group, end-first, features, kernel] of the elements
// first to end of x to an image.
type windowsTask struct {
	sliding
	in, out    [3]int
	features   int // of one group
	first, end int
	y, b       []float32
	windows    []float32
}

// part does the features lo to hi.
func (t *windowsTask) part(_ *worker, lo, hi int) {
	size, taps := volume(t.out), volume(t.kernel)
	for f := lo; f < hi; f++ {
		y := t.y[f*size:][:size]
		if t.first == 0 {
			var bias float32
			if t.b != nil {
				bias = t.b[f]
			}
			for i := range y {
				y[i] = bias
			}
		}
		windows := t.windows[f/t.features*t.features*(t.end-t.first)*taps+f%t.features*taps:]
		for p := t.first; p < t.end; {
			line, k := p/t.in[2], p%t.in[2]
			n := min(t.in[2]-k, t.end-p)
			for row := range t.kernel[0] * t.kernel[1] {
				i := line/t.in[1]*t.stride[0] - t.before[0] + row/t.kernel[1]*t.dilation[0]
				j := line%t.in[1]*t.stride[1] - t.before[1] + row%t.kernel[1]*t.dilation[1]
				if i >= 0 && i < t.out[0] && j >= 0 && j < t.out[1] {
					t.add(y[(i*t.out[1]+j)*t.out[2]:][:t.out[2]], windows[(p-t.first)*t.features*taps+row*t.kernel[2]:], k, n)
				}
			}
			p += n
		}
	}
}

// add adds one row of n windows to the row y, the first being that of element
// k of a row of x.
func (t *windowsTask) add(y, windows []float32, k, n int) {
	width, step, next := t.kernel[2], t.dilation[2], t.features*volume(t.kernel)
	for w := range n {
		window, at := windows[w*next:][:width], (k+w)*t.stride[2]-t.before[2]
		if step == 1 && at >= 0 && at+width <= len(y) {
			to := y[at:][:width]
			for i, v := range window {
				to[i] += v
			}
			continue
		}
		for _, v := range window {
			if at >= 0 && at < len(y) {
				y[at] += v
			}
			at += step
		}
	}
}
