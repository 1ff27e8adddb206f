package lib

// conv32 is convolve for float32, and a sequel: with few features of few
// channels a sum over the taps, else a product of matrices.
func conv32(c *ctx, y, x, w, b []float32, sy, sx []int, s sliding, group int, then sequel) {
	if len(y) == 0 || len(x) == 0 || len(w) == 0 {
		convolve[float64](y, x, w, b, sy, sx, s, group)
		then.do(y, 0)
		return
	}
	t := task[convTask](c)
	t.lattice = newLattice(spatial(sx), spatial(sy), s)
	t.y, t.x, t.w, t.b, t.then = y, x, w, b, then
	t.limits = t.then.bounds()
	t.channels, t.features, t.group = sx[1]/group, sy[1]/group, group
	if t.cornered = isCornered(w, t.features*t.group, t.channels*volume(s.kernel)); t.cornered {
		t.byPlaces(t.channels)
	} else {
		t.at = t.taps(t.at[:0], t.channels)
	}
	if t.features < 4 {
		t.slide(c, sy[0]*sy[1])
	} else {
		for n := range sx[0] {
			t.multiply(c, n)
		}
	}
	t.y, t.x, t.w, t.b, t.then = nil, nil, nil, nil, sequel{}
}

// convTask is the arguments of conv32.
type convTask struct {
	tapped
	y, x, w, b                []float32
	channels, features, group int // of one group the first two
	then                      sequel
	limits                    []float32 // the sequel's
	runs                      tapRuns
	product                   convProduct
	few                       convFew
	cornered                  bool // the weights
	pairs                     convPairs
}

// slide does so many planes of y, each for itself.
func (t *convTask) slide(c *ctx, planes int) {
	if !t.direct {
		c.reserve(t.channels * t.image)
	}
	t.runs.find(&t.tapped)
	c.split(planes, 1+slideGrain/(volume(t.out)*len(t.at)), t)
}

// slideGrain is how many multiplications of a sum over taps are worth a part.
const slideGrain = 1 << 16

// part does the planes lo to hi of y.
func (t *convTask) part(w *worker, lo, hi int) {
	inSize, outSize := volume(t.in), volume(t.out)
	seen, of := w.scratch, -1
	if !t.direct {
		clear(seen[:t.channels*t.image])
	}
	limits := t.limits
	if t.then.add != nil {
		limits = nil // they come behind the residual
	}
	for u := lo; u < hi; u++ {
		f := u % (t.features * t.group)
		if g := u / t.features; g != of {
			of = g
			x := t.x[g*t.channels*inSize:][:t.channels*inSize]
			if t.direct {
				seen = x
			} else {
				for c := range t.channels {
					t.fill(seen[c*t.image:][:t.image], x[c*inSize:][:inSize])
				}
			}
		}
		var bias float32
		if t.b != nil {
			bias = t.b[f]
		}
		for i := 0; i < t.out[0]*t.out[1]; i += t.out[1] {
			slideRuns(t.y[u*outSize+i*t.out[2]:], seen[t.line(i):], t.w[f*len(t.at):][:len(t.at)], t.at, &t.runs,
				t.out[1], t.out[2], t.out[2], t.lines(), bias, limits)
		}
		if t.then.add != nil {
			t.then.do(t.y[u*outSize:][:outSize], u*outSize)
		}
	}
}

// A convProduct is the part of a convTask that multiplies: for each group of an
// image features x taps by taps x outputs.
type convProduct struct {
	*convTask
	seen             []float32 // what the kernels see of the image
	end              ending    // of all features
	first            int       // where the image begins in y
	rowCuts, colCuts int
	high, tile       int // of blocks of features
	fills            latticeFill
}

// multiply does image n.
func (t *convTask) multiply(c *ctx, n int) {
	p := &t.product
	p.convTask = t
	channels, features, size := t.channels*t.group, t.features*t.group, volume(t.out)
	p.first, p.end = n*features*size, ending{t.b, t.limits}
	x := t.x[n*channels*volume(t.in):][:channels*volume(t.in)]
	p.seen = x
	if !t.direct {
		p.seen = p.fills.fill(c, &t.lattice, x, channels)
	}
	if size <= fewOutputs() && !t.cornered {
		t.few.multiply(c, p)
		p.seen, p.end = nil, ending{}
		return
	}
	if t.pairs = (convPairs{}); t.cornered && pairs && size > fewPairedCols {
		behind := t.w[features*len(t.at):]
		t.pairs = convPairs{behind, behind[len(behind)-1]}
	}
	p.high, p.tile = mBlock, tileRows
	if p.byPairs() {
		p.high, p.tile = pairedHigh, pairedTile
	}
	p.rowCuts, p.colCuts = 1, 1
	work := mulWork(t.features, len(t.at), size)
	if parts := cutsPerThread * c.threads; c.threads > 1 && t.group < parts {
		parts := min(parts/t.group, work/mulGrain)
		p.rowCuts, p.colCuts = cutGrid(parts, parts, (t.features+p.tile-1)/p.tile, (size+panelCols-1)/panelCols)
	}
	if c.reserve(stackFloats + pieceCols); p.byPairs() {
		c.reserve(convRoom)
	}
	cuts := p.rowCuts * p.colCuts
	c.split(t.group*cuts, mulGrain*cuts/work+1, p)
	p.seen, p.end, p.pairs = nil, ending{}, convPairs{}
}

// fewOutputs is up to how many outputs of an image a convolution is faster by
// dots than by panels, which they fill but in part.
func fewOutputs() int {
	if isa == isaPortable {
		return fewCols
	}
	return 4
}

func (p *convProduct) part(w *worker, lo, hi int) {
	tiles, panels := (p.features+p.tile-1)/p.tile, (volume(p.out)+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j, g := u/p.colCuts%p.rowCuts, u%p.colCuts, u/(p.colCuts*p.rowCuts)
		p.block(w.scratch, g, min(tiles*i/p.rowCuts*p.tile, p.features), min(tiles*(i+1)/p.rowCuts*p.tile, p.features),
			min(panels*j/p.colCuts*panelCols, volume(p.out)), min(panels*(j+1)/p.colCuts*panelCols, volume(p.out)))
	}
}

// block computes features f0 to f1 of group g for the outputs j0 to j1. Of
// what they see it packs so many columns as fit into the scratch, for all the
// taps of one cut.
func (p *convProduct) block(scratch []float32, g, f0, f1, j0, j1 int) {
	k, size := len(p.at), volume(p.out)
	most := stackFloats / p.depth(0) / panelCols * panelCols
	blocks := max((f1-f0+p.high-1)/p.high, 1)
	high := roundUp((f1-f0+blocks-1)/blocks, p.tile)
	seen := p.seen[g*p.channels*p.image:]
	for ; j0 < j1; j0 += most {
		j2 := min(j0+most, j1)
		for q := 0; q < k; {
			depth := p.depth(q)
			for j := j0; j < j2; j += panelCols {
				packed := scratch[(j-j0)*depth:]
				p.pack(packed, seen, q, depth, j, min(j+panelCols, size))
				if p.byPairs() {
					p.pairs.bring(scratch, packed[:depth*panelCols], (j-j0)/panelCols, depth, min(panelCols, size-j))
				}
			}
			for f := f0; f < f1; f += high {
				var had float32
				for j := j0; j < j2; j += panelCols {
					packed, f, rows, cols := scratch[(j-j0)*depth:], g*p.features+f, min(high, f1-f), min(panelCols, size-j)
					if p.byPairs() {
						if known := p.pairs.known(scratch, (j-j0)/panelCols); known.scale[0] != 0 {
							p.pairedPanel(scratch, had, known, packed, f, rows, q, depth, j, cols)
							had = known.scale[0]
							continue
						}
					}
					p.panel(packed, f, rows, q, depth, j, cols)
				}
			}
			q += depth
		}
	}
}

// panel adds the products of some taps to so many features from f on, the first
// ones with the residual, the last ones with bias and limits.
func (p *convProduct) panel(packed []float32, f, rows, q, depth, j, cols int) {
	size := volume(p.out)
	at := p.first + f*size + j
	y, add, end := p.y[at:], p.added(at, q), p.ending(f, q, depth)
	w, ldw := p.rows(f, q, depth)
	if cols < panelCols {
		lastPanel(y, size, w, ldw, packed, add, size, rows, depth, cols, end)
	} else {
		panelMulEnd(y, size, w, ldw, 1, packed, nil, add, packed[min(depth*panelCols, len(packed)):], size, rows, depth, end)
	}
}

// depth is how many taps come next behind q.
func (p *convProduct) depth(q int) int {
	k := len(p.at)
	if p.cornered {
		return pairedDepth(k, k-q)
	}
	return kDepth(k, k-q)
}

// rows is the weights of the features from f on for the taps that come next behind
// q, and how far these rows are apart.
func (p *convProduct) rows(f, q, depth int) (w []float32, ld int) {
	if p.cornered {
		return p.w[q*p.features*p.group+f*depth:], depth
	}
	return p.w[f*len(p.at)+q:], len(p.at)
}

// added is what is added to the sums over the taps behind q for y from at on.
func (p *convProduct) added(at, q int) []float32 {
	switch {
	case q > 0:
		return p.y[at:]
	case p.then.add != nil:
		return p.then.add[at:]
	}
	return nil
}

// ending is that of the features from f on if the taps behind q are the last.
func (p *convProduct) ending(f, q, depth int) ending {
	if q+depth < len(p.at) {
		return ending{}
	}
	return p.end.from(f)
}

// byPairs tells whether the product is done by pairs.
func (p *convProduct) byPairs() bool { return p.pairs.square != 0 }

// A convFew is the part of a convTask that multiplies where an image has few
// outputs, up to fewOutputs: what each sees is a row, which meets the weights
// as they are.
type convFew struct {
	*convProduct
	rows []float32 // [group, outputs, taps]
}

// fewFeatures is how many rows of weights stay in the nearest cache for all
// outputs.
const fewFeatures = 16

func (t *convFew) multiply(c *ctx, p *convProduct) {
	t.convProduct = p
	k, size := len(p.at), volume(p.out)
	t.rows = grow(t.rows, p.group*size*k)
	for i := range p.group * size {
		from := p.line(i%size/p.out[2]) + i%size%p.out[2]
		seen, row := p.seen[i/size*p.channels*p.image+from:], t.rows[i*k:(i+1)*k]
		for q, at := range p.at {
			row[q] = seen[at]
		}
	}
	c.split(p.group*t.blocks(), mulGrain/(fewFeatures*k*size)+1, t)
}

// blocks is how many there are in a group.
func (t *convFew) blocks() int { return (t.features + fewFeatures - 1) / fewFeatures }

// part does the blocks lo to hi of features of y.
func (t *convFew) part(_ *worker, lo, hi int) {
	var sums [fewFeatures]float32
	k, size := len(t.at), volume(t.out)
	for u := lo; u < hi; u++ {
		g, first := u/t.blocks(), u%t.blocks()*fewFeatures
		n, f := min(fewFeatures, t.features-first), g*t.features+first
		for o := range size {
			dots(sums[:n], 0, t.rows[(g*size+o)*k:], 0, t.w[f*k:], k, 1, n, k)
			for i, v := range sums[:n] {
				at := t.first + (f+i)*size + o
				if t.then.add != nil {
					v += t.then.add[at]
				}
				t.y[at] = t.end.of(v, f+i)
			}
		}
	}
}

// A latticeFill lays out images on all threads.
type latticeFill struct {
	*lattice
	memory, x []float32
}

// fill gives images of x, each with zeros around it, and some more behind.
func (t *latticeFill) fill(c *ctx, l *lattice, x []float32, images int) []float32 {
	n := images*l.image + panelCols
	if len(t.memory) < n {
		t.memory = make([]float32, n)
	}
	t.lattice, t.x = l, x
	c.split(images, 1+vectorGrain/l.image, t)
	t.x = nil
	return t.memory[:n]
}

func (t *latticeFill) part(_ *worker, lo, hi int) {
	size := volume(t.in)
	for i := lo; i < hi; i++ {
		to := t.memory[i*t.image:][:t.image]
		if !t.whole() {
			clear(to)
		}
		t.lattice.fill(to, t.x[i*size:][:size])
	}
}
