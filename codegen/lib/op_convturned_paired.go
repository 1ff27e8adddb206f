package lib

// Turned convolutions by pairs, as gemm by pairs: what an output sees is made a
// row, brought to the size of the weights.

// turnedPairs is the part of a turnedTask that multiplies by pairs.
type turnedPairs struct {
	*turnedTask
	rows             pairedRows
	x                []float32 // [m, k], row i at x[i*lds], or nil if all features are done by pairs
	memory           []float32 // for x
	corners          []float32 // of the weights
	before           int       // the outputs of these images before the first row
	rowCuts, colCuts int
}

const (
	turnedHigh   = 2 * pairedHigh // rows that meet the weights of one part at a time
	turnedWide   = 8 * panelCols  // and features
	turnedFloats = 1 << 18        // of rows that are multiplied before the next are made
)

// evenly is the size of the largest of so few equal parts of n that none is more
// than most.
func evenly(n, most int) int {
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

// turnedMost is how many panels go together.
func turnedMost(k int) int { return max(turnedFloats/(apart(k)*panelCols), 2) }

// multiply does the panels in work. It does nothing and is false where there is
// one among them that must not be done by pairs.
func (t *turnedPairs) multiply(c *ctx) bool {
	k, width := len(t.at), roundUp(t.features, panelCols)
	first, o, _ := t.panel(0)
	last, end, rows := t.panel(t.panels - 1)
	t.before = first*volume(t.out) + o
	m := last*volume(t.out) + end + rows - t.before
	if m < pairedMin {
		return false
	}
	t.corners = t.w[packedLen(k, t.features):]
	r := &t.rows
	r.m, r.lds, r.size = m, apart(k), t.corners[pairedParts(k)*width]
	r.reserve(m*r.lds, m*2*pairedParts(k))
	for j := 0; j < width; j += panelCols {
		if t.corners[j] != t.corners[j] {
			t.memory = grow(t.memory, m*r.lds)
			t.x = t.memory
			break
		}
	}
	r.odd.Store(false)
	c.reserve(max(pairedBlock*panelCols+pieceCols, turnedHigh*turnedWide+pairedBlock*panelCols))
	c.split(t.panels, vectorGrain/(k*panelCols)+1, turnedPairsPack{t})
	if !r.odd.Load() {
		t.rowCuts, t.colCuts = 1, 1
		if c.threads > 1 {
			parts := min(cutsPerThread*c.threads, mulWork(m, k, t.features)/mulGrain)
			t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (m+pairedTile-1)/pairedTile, width/panelCols)
		}
		c.split(t.rowCuts*t.colCuts, 1, t)
	}
	t.x, t.corners = nil, nil
	return !r.odd.Load()
}

// A turnedPairsPack makes the rows, one part of k after the other, each with a
// size of its own.
type turnedPairsPack struct{ *turnedPairs }

func (t turnedPairsPack) part(w *worker, lo, hi int) {
	var moments [2 * panelCols]float32
	var scale [panelCols]float32
	k, size, lds := len(t.at), volume(t.out), t.rows.lds
	for u := lo; u < hi; u++ {
		image, o, rows := t.panel(u)
		first, seen := image*size+o-t.before, t.seen[image*t.channels*t.image:]
		for p, end := 0, first; p < k; end += t.rows.m {
			depth := pairedDepth(k, k-p)
			x, ld, skip := w.scratch, panelCols, 0
			if t.inPlace && size >= panelCols {
				skip = max(o+panelCols-size, 0)
				x, ld = seen[p*size+o-skip:], size
			} else {
				t.pack(x, seen, p, depth, o, o+rows)
			}
			columnMoments(moments[:], x, ld, depth)
			x = x[skip:]
			for r := range rows {
				var ok bool
				ends := t.rows.ends[2*(end+r):][:2]
				scale[r], ends[0], ok = bring(float64(moments[panelCols+skip+r])/float64(depth), t.rows.size)
				if !ok || ends[0] == 0 && !zeros(x[r:], ld, depth) {
					t.rows.odd.Store(true)
				}
				ends[1] = -moments[skip+r] * scale[r]
			}
			turnScaled(t.rows.scaled[first*lds+p:], x, scale[:rows], depth, rows, lds, ld)
			if t.x != nil {
				turnBlock(t.x[first*lds+p:], x, depth, rows, lds, ld)
			}
			p += depth
		}
	}
}

// zeros tells whether n elements of x that are step apart are 0, and not only
// their squares.
func zeros(x []float32, step, n int) bool {
	for p := range n {
		if x[p*step] != 0 {
			return false
		}
	}
	return true
}

// part does the parts lo to hi of the grid.
func (t *turnedPairs) part(w *worker, lo, hi int) {
	tiles, panels := (t.rows.m+pairedTile-1)/pairedTile, (t.features+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j := u/t.colCuts, u%t.colCuts
		i1, f1 := min(tiles*(i+1)/t.rowCuts*pairedTile, t.rows.m), min(panels*(j+1)/t.colCuts*panelCols, t.features)
		for i := tiles * i / t.rowCuts * pairedTile; i < i1; i += turnedHigh {
			for f := panels * j / t.colCuts * panelCols; f < f1; f += turnedWide {
				t.block(w.scratch, i, min(turnedHigh, i1-i), f, min(turnedWide, f1-f))
			}
		}
	}
}

// block does some features for so many rows from i on.
func (t *turnedPairs) block(scratch []float32, i, rows, f, features int) {
	var wide [panelCols]float32
	k, room := len(t.at), scratch[turnedHigh*turnedWide:]
	for p, depth := 0, 0; p < k; p += depth {
		depth = pairedDepth(k, k-p)
		part := p / pairedDepth(k, k)
		var limits []float32
		if p+depth == k && t.then.add == nil {
			limits = t.limits
		}
		for j := 0; j < features; j += panelCols {
			sums, w := scratch[j*rows:], t.w[(f+j)*k+p*panelCols:]
			next := t.w[packedLen(k, t.features):] // what is read after this, to be fetched
			switch {
			case j+panelCols < features:
				next = t.w[(f+j+panelCols)*k+p*panelCols:]
			case p+depth < k:
				next = t.w[f*k+(p+depth)*panelCols:]
			}
			var bias, add []float32
			if p > 0 {
				add = sums
			} else if t.b != nil {
				copy(wide[:], t.b[f+j:min(f+j+panelCols, t.features)])
				bias = wide[:]
			}
			corners := t.corners[part*roundUp(t.features, panelCols)+f+j:][:panelCols]
			if corners[0] != corners[0] {
				panelMulEnd(sums, panelCols, t.x[i*t.rows.lds+p:], t.rows.lds, 1, w, bias, add, next, panelCols, rows, depth, ending{limits: limits})
				continue
			}
			if rows >= pairedCopied && misaligned(w) {
				copy(room[:depth*panelCols], w)
				w = room
			}
			pairedMul(sums, panelCols, t.rows.scaled[i*t.rows.lds+p:], t.rows.lds, w, bias, corners, t.rows.ends[2*(part*t.rows.m+i):], add, limits, next, panelCols, rows, depth)
		}
	}
	size := volume(t.out)
	for r := 0; r < rows; {
		image, o := (t.before+i+r)/size, (t.before+i+r)%size
		n := min(rows-r, size-o)
		for j := 0; j < features; j += panelCols {
			t.turnRows(scratch[j*rows+r*panelCols:], image, o, f+j, n)
		}
		r += n
	}
}
