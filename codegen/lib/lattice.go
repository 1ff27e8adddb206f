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
				first, phase, place := c*l.image+i*l.dilation[0]*l.slice+j*l.dilation[1]*l.row, 0, 0
				for range l.kernel[2] {
					at = append(at, first+phase*l.phase+place)
					for phase += l.dilation[2]; phase >= l.stride[2]; phase -= l.stride[2] {
						place++
					}
				}
			}
		}
	}
	return at
}

// A tapped is a lattice with where the first output finds what each tap
// multiplies. The last tap is the furthest.
type tapped struct {
	lattice
	at, places []int
}

// byPlaces finds the taps, channel by channel for each place of the kernel.
func (l *tapped) byPlaces(channels int) {
	l.places, l.at = l.taps(l.places[:0], 1), l.at[:0]
	for _, p := range l.places {
		for c := range channels {
			l.at = append(l.at, p+c*l.image)
		}
	}
}

// tapRuns are taps in runs of up to three. What an output multiplies by the
// second one of a run, the output below it multiplies by the first.
type tapRuns struct {
	at    []int  // where the first output finds the first tap of a run, and which tap it is: those of one, of two, then of three
	count [3]int // the runs of each length
	step  int    // from one tap of a run to the next
}

// find sets r to the taps of l.
func (r *tapRuns) find(l *tapped) {
	height, width, step := l.kernel[1], l.kernel[2], 1
	if r.at = r.at[:0]; l.stride[1]%l.dilation[1] == 0 {
		step = l.stride[1] / l.dilation[1]
	} else {
		step = height // none
	}
	r.step = step * width
	for n := range r.count {
		r.count[n] = 0
		for q := 0; q < len(l.at); q += width {
			i := q / width % height
			place, length := i/step, (height-i%step+step-1)/step
			if place%3 != 0 || min(length-place, 3) != n+1 {
				continue
			}
			for j := range width {
				r.at = append(r.at, l.at[q+j], q+j)
			}
			r.count[n] += width
		}
	}
}

// pack makes a panel of what outputs j to end see at the taps from q on.
func (l *tapped) pack(dst, seen []float32, q, depth, j, end int) {
	var pieces [panelCols]piece
	n, wide := 0, l.out[2]
	for at := j; at < end; {
		line, o := at/wide, at%wide
		next := min(at-o+wide, end)
		for from := l.line(line) + o; at < next; at, from = at+pieceCols, from+pieceCols {
			pieces[n] = piece{from, at - j}
			n++
		}
		at = next
	}
	dst, at := dst[:min(depth*panelCols+pieceCols, len(dst))], l.at[q:q+depth]
	if l.at[len(l.at)-1]+pieces[n-1].from+pieceCols <= len(seen) {
		takePieces(dst, seen, at, pieces[:n])
		return
	}
	for t := 0; t < depth; {
		rising := t + 1
		for rising < depth && at[rising] > at[rising-1] {
			rising++
		}
		takePieces(dst[t*panelCols:min(rising*panelCols+pieceCols, len(dst))], seen, at[t:rising], pieces[:n])
		t = rising
	}
}

// line is where the taps of line i of the output begin.
func (l *lattice) line(i int) int {
	return i/l.out[1]*l.stride[0]*l.slice + i%l.out[1]*l.stride[1]*l.row
}

// lines is the distance of the lines of one slice.
func (l *lattice) lines() int { return l.stride[1] * l.row }

// sees reports whether a kernel comes over place p of the padded axis i.
func (l *lattice) sees(i, p int) bool {
	if l.dilation[i] == 1 {
		return p%l.stride[i] < l.kernel[i]
	}
	for k := range min(l.kernel[i], l.stride[i]) {
		if (p-k*l.dilation[i])%l.stride[i] == 0 {
			return true
		}
	}
	return false
}

// whole reports whether no output sees padding.
func (l *lattice) whole() bool {
	for i := range l.in {
		if l.before[i] > 0 || l.padded[i]-l.before[i] > l.in[i] {
			return false
		}
	}
	return true
}

// fill lays out the image x, the padding being there.
func (l *lattice) fill(to, x []float32) {
	j := max(-l.before[1], 0)
	rows := min(l.in[1], l.padded[1]-l.before[1]) - j
	for i := range l.in[0] {
		a := i + l.before[0]
		if a < 0 || a >= l.padded[0] || !l.sees(0, a) || rows <= 0 {
			continue
		}
		to, x := to[a*l.slice+(j+l.before[1])*l.row:], x[(i*l.in[1]+j)*l.in[2]:]
		if l.kernel[1] >= l.stride[1] {
			l.fillRows(to, x, rows, 1)
			continue
		}
		for b := range min(l.stride[1], rows) {
			if l.sees(1, b+j+l.before[1]) {
				l.fillRows(to[b*l.row:], x[b*l.in[2]:], counted(rows-b, l.stride[1]), l.stride[1])
			}
		}
	}
}

// fillRows lays out so many rows of x, of which only one in every is wanted.
func (l *lattice) fillRows(to, x []float32, rows, every int) {
	before, step := l.before[2], l.stride[2]
	toRow, xRow := every*l.row, every*l.in[2]
	cols := min(l.in[2], l.padded[2]-before)
	if before < 0 {
		x, cols = x[min(-before, len(x)):], cols+before
		before = 0
	}
	switch {
	case cols <= 0:
	case step == 1:
		spreadRows(to[before:], x, rows, cols, toRow, xRow)
	case step == 2:
		even, odd := to[(before+1)/2:], to[l.phase+before/2:]
		if before%2 == 1 {
			even, odd = odd, even
		}
		splitRows(even, odd, x, rows, cols, toRow, xRow)
	default:
		for f := range step {
			if !l.sees(2, f) {
				continue
			}
			q := counted(before-f, step)
			for r := range rows {
				x, to := x[r*xRow:][:cols], to[r*toRow+f*l.phase+q:]
				k := 0
				for p := q*step + f - before; p < len(x); p += step {
					to[k] = x[p]
					k++
				}
			}
		}
	}
}

// spreadRowsGo copies rows of so many columns.
func spreadRowsGo(to, x []float32, rows, cols, toRow, xRow int) {
	for r := range rows {
		copy(to[r*toRow:][:cols], x[r*xRow:])
	}
}

// splitRowsGo puts the elements 0, 2, .. of each row into even, 1, 3, .. into
// odd.
func splitRowsGo(even, odd, x []float32, rows, cols, toRow, xRow int) {
	for r := range rows {
		for i, v := range x[r*xRow:][:cols] {
			if i%2 == 0 {
				even[r*toRow+i/2] = v
			} else {
				odd[r*toRow+i/2] = v
			}
		}
	}
}

// slideSumGo is y[r·yRow+j] = bias + Σ w[t]·x[r·xRow+at[t]+j] between the
// limits, for so many rows r and columns j.
func slideSumGo(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	least, most := limitsOr(limits)
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
		for j, v := range to {
			to[j] = min(max(v, least), most)
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
// x[at[t]:]. Pieces are in rising order, and so is at where one of them may end
// behind x. What is behind the end of a row belongs to the next one or to nobody.
func takePiecesGo(dst, x []float32, at []int, pieces []piece) {
	for t, p := range at {
		for _, q := range pieces {
			copy(dst[t*panelCols+q.to:][:min(pieceCols, panelCols-q.to)], x[p+q.from:])
		}
	}
}
