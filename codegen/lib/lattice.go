package lib

// A lattice is how an image is laid out for a kernel to slide over it: with
// the padding around it, and of each row first the elements 0, stride, ..,
// then 1, 1+stride, .., so that what neighbouring outputs see lies side by
// side. What the kernel never sees is not filled.
type lattice struct {
	sliding
	in, out, padded   [3]int
	phase, row, slice int  // distances of a row's parts, of rows and of slices
	image             int  // the distance of images
	direct            bool // it is the image itself
}

func newLattice(in, out [3]int, s sliding) lattice {
	l := lattice{sliding: s, in: in, out: out, direct: s.stride[2] == 1}
	for i := range in {
		l.padded[i] = (out[i]-1)*s.stride[i] + (s.kernel[i]-1)*s.dilation[i] + 1
		l.direct = l.direct && s.before[i] == 0 && l.padded[i] <= in[i]
	}
	if l.direct {
		l.padded = in
	}
	l.phase = counted(l.padded[2], s.stride[2])
	l.row = l.phase * s.stride[2]
	l.slice = l.row * l.padded[1]
	l.image = l.slice * l.padded[0]
	return l
}

// taps appends to at where the first output finds what each tap of the kernel
// multiplies, in so many images.
func (l *lattice) taps(at []int, images int) []int {
	for c := range images {
		for i := range l.kernel[0] {
			for j := range l.kernel[1] {
				for k := range l.kernel[2] {
					p := k * l.dilation[2]
					at = append(at, c*l.image+i*l.dilation[0]*l.slice+j*l.dilation[1]*l.row+p%l.stride[2]*l.phase+p/l.stride[2])
				}
			}
		}
	}
	return at
}

// line is where the taps of line i of the output begin.
func (l *lattice) line(i int) int {
	return i/l.out[1]*l.stride[0]*l.slice + i%l.out[1]*l.stride[1]*l.row
}

// lines is the distance of the lines of one slice.
func (l *lattice) lines() int { return l.stride[1] * l.row }

// sees reports whether a kernel comes over place p of the padded axis i.
func (l *lattice) sees(i, p int) bool {
	for k := range min(l.kernel[i], l.stride[i]) {
		if (p-k*l.dilation[i])%l.stride[i] == 0 {
			return true
		}
	}
	return false
}

// fill lays out the image x, the padding being there.
func (l *lattice) fill(to, x []float32) {
	for i := range l.in[0] {
		a := i + l.before[0]
		if a < 0 || a >= l.padded[0] || !l.sees(0, a) {
			continue
		}
		for j := range l.in[1] {
			b := j + l.before[1]
			if b >= 0 && b < l.padded[1] && l.sees(1, b) {
				l.fillRow(to[a*l.slice+b*l.row:][:l.row], x[(i*l.in[1]+j)*l.in[2]:][:l.in[2]])
			}
		}
	}
}

func (l *lattice) fillRow(to, x []float32) {
	before, step := l.before[2], l.stride[2]
	if before < 0 {
		before, x = 0, x[min(-before, len(x)):]
	}
	x = x[:max(min(len(x), l.padded[2]-before), 0)]
	switch {
	case len(x) == 0:
	case step == 1:
		copy(to[before:], x)
	case step == 2:
		even, odd := to[(before+1)/2:], to[l.phase+before/2:]
		if before%2 == 1 {
			even, odd = odd, even
		}
		splitPairs(even, odd, x)
	default:
		for f := range step {
			if !l.sees(2, f) {
				continue
			}
			q := max(counted(before-f, step), 0)
			for p := q*step + f - before; p < len(x); p += step {
				to[f*l.phase+q] = x[p]
				q++
			}
		}
	}
}

// splitPairsGo puts the elements 0, 2, .. of x into even, 1, 3, .. into odd.
func splitPairsGo(even, odd, x []float32) {
	for i := 1; i < len(x); i += 2 {
		even[i/2], odd[i/2] = x[i-1], x[i]
	}
	if len(x)%2 == 1 {
		even[len(x)/2] = x[len(x)-1]
	}
}

// slideSumGo is y[r·yRow+j] = bias + Σ w[t]·x[r·xRow+at[t]+j] for so many rows
// r and columns j.
func slideSumGo(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32) {
	for r := range rows {
		to := y[r*yRow:][:cols]
		for j := range to {
			to[j] = bias
		}
		for t, p := range at {
			from, v := x[r*xRow+p:][:cols], w[t]
			for j := range to {
				to[j] += v * from[j]
			}
		}
	}
}

// slideMaxGo is the greatest of what slideSum adds up, without weights; NaN
// where there is any.
func slideMaxGo(y, x []float32, at []int, rows, cols, yRow, xRow int) {
	for r := range rows {
		to := y[r*yRow:][:cols]
		for t, p := range at {
			from := x[r*xRow+p:][:cols]
			if t == 0 {
				copy(to, from)
				continue
			}
			for j := range to {
				to[j] = max(to[j], from[j])
			}
		}
	}
}

// A piece says where 16 columns of a panel come from, and to which columns
// they go.
type piece struct{ from, to int }

const pieceCols = 16

// takePiecesGo fills the panel dst [len(at), 32]: its row t with the pieces of
// x[at[t]:], in rising order. What is behind the end of a row belongs to the
// next one or to nobody.
func takePiecesGo(dst, x []float32, at []int, pieces []piece) {
	for t, p := range at {
		for _, q := range pieces {
			copy(dst[t*panelCols+q.to:][:min(pieceCols, panelCols-q.to)], x[p+q.from:])
		}
	}
}
