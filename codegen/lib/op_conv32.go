package lib

// conv32 is convolve with the product of matrices that matmul computes: of the
// kernels and of what each of them sees, a column for each output.
func conv32(c *ctx, y, x, w, b []float32, sy, sx []int, s sliding, group int) {
	in, out := spatial(sx), spatial(sy)
	channels, features := sx[1]/group, sy[1]/group
	inSize, outSize, taps := volume(in), volume(out), channels*volume(s.kernel)
	if features < 4 { // too few rows for a product of matrices
		convolve[float64](y, x, w, b, sy, sx, s, group)
		return
	}
	t := task[columnsTask](c)
	for i := range sx[0] * group {
		from, to := x[i*channels*inSize:][:channels*inSize], y[i*features*outSize:][:features*outSize]
		g := i % group
		if s.isIdentity() {
			t.columns = from
		} else {
			t.take(c, from, in, out, channels, s)
		}
		matmul(c, to, w[g*features*taps:][:features*taps], t.columns, product{
			m: features, k: taps, n: outSize, batch: [3]int{1, 1, 1}, yRow: outSize, aRow: taps, aCol: 1, bRow: outSize, bCol: 1,
		})
		for f := range features {
			if b == nil {
				break
			}
			row, bias := to[f*outSize:][:outSize], b[g*features+f]
			for j := range row {
				row[j] += bias
			}
		}
		t.columns = nil
	}
}

// isIdentity reports whether each output sees the input at its own place.
func (s *sliding) isIdentity() bool {
	one, zero := [3]int{1, 1, 1}, [3]int{}
	return s.kernel == one && s.stride == one && s.before == zero && s.after == zero
}

// columnsTask lays out what the kernels see: row (channel, tap), column output.
type columnsTask struct {
	columns, memory []float32
	x               []float32
	in, out         [3]int
	s               sliding
}

func (t *columnsTask) take(c *ctx, x []float32, in, out [3]int, channels int, s sliding) {
	rows := channels * volume(s.kernel)
	if n := rows * volume(out); len(t.memory) < n {
		t.memory = make([]float32, n)
	}
	t.columns, t.x, t.in, t.out, t.s = t.memory, x, in, out, s
	c.split(rows, 1+vectorGrain/max(volume(out), 1), t)
	t.x = nil
}

func (t *columnsTask) part(_ *worker, lo, hi int) {
	in, out, k, n := t.in, t.out, t.s.kernel, volume(t.out)
	for row := lo; row < hi; row++ {
		c, tap := row/volume(k), [3]int{row / (k[1] * k[2]) % k[0], row / k[2] % k[1], row % k[2]}
		image := t.x[c*volume(in):][:volume(in)]
		for line := range out[0] * out[1] {
			to := t.columns[row*n+line*out[2]:][:out[2]]
			i := line/out[1]*t.s.stride[0] - t.s.before[0] + tap[0]*t.s.dilation[0]
			j := line%out[1]*t.s.stride[1] - t.s.before[1] + tap[1]*t.s.dilation[1]
			if i < 0 || i >= in[0] || j < 0 || j >= in[1] {
				clear(to)
				continue
			}
			takeLine(to, image[(i*in[1]+j)*in[2]:][:in[2]], tap[2]*t.s.dilation[2]-t.s.before[2], t.s.stride[2])
		}
	}
}

// takeLine is every step-th element of x from at on, 0 outside of it.
func takeLine(y, x []float32, at, step int) {
	lo := min(counted(-at, step), len(y))
	hi := max(min(counted(len(x)-at, step), len(y)), lo)
	clear(y[:lo])
	clear(y[hi:])
	if lo == hi {
		return
	}
	if step == 1 {
		copy(y[lo:hi], x[at+lo:])
		return
	}
	p := at + lo*step
	for i := lo; i < hi; i++ {
		y[i] = x[p]
		p += step
	}
}
