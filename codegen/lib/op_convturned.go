package lib

// convTurned32 is conv32 of one group with weights that lie as linear reads
// them. The product is turned: its rows are what the outputs see, its columns
// the features. So the weights come from memory in one piece and once, and
// tiles of a few rows cover images of which panels of 32 columns would be
// filled but in part.
//
//	y [images, features, ..]
//	x [images, channels, ..]
//	w [places of the kernel, channels, features], packed by packTurned
//	b [features], or nil
func convTurned32(c *ctx, y, x, w, b []float32, sy, sx []int, s sliding, then sequel) {
	if len(y) == 0 {
		return
	}
	t := task[turnedTask](c)
	t.lattice = newLattice(spatial(sx), spatial(sy), s)
	t.byPlaces(sx[1])
	t.y, t.w, t.b, t.channels, t.features, t.then = y, w, b, sx[1], sy[1], then
	t.limits = t.then.bounds()
	t.inPlace = t.direct && volume(s.kernel) == 1 && t.in == t.out
	if t.rows = panelCols; t.inPlace {
		t.rows = 4 * tileRows
	}
	byPairs := paired(w[packedLen(len(t.at), sy[1]):], pairedMin)
	if byPairs {
		t.rows = evenly(volume(t.out), panelCols)
	}
	size, most := volume(t.out), turnedRows/t.rows
	if byPairs {
		most = turnedMost(len(t.at))
	}
	t.high = (size + t.rows - 1) / t.rows
	group := max(most/t.high, 1)
	for n := 0; n < sx[0]; n += group {
		images := min(group, sx[0]-n)
		t.from = n * t.features * size
		t.seen = x[n*t.channels*volume(t.in):][:images*t.channels*volume(t.in)]
		if !t.direct {
			t.seen = t.fills.fill(c, &t.lattice, t.seen, images*t.channels)
		}
		for t.first = 0; t.first < images*t.high; t.first += t.panels {
			t.panels = min(most, images*t.high-t.first)
			if t.pairs.turnedTask = t; !byPairs || !t.pairs.multiply(c) {
				t.multiply(c)
			}
		}
	}
	t.y, t.seen, t.w, t.b = nil, nil, nil, nil
	t.then = sequel{}
}

// turnedRows is how many outputs meet the weights at a time. What they see
// with the steps of one cut stays in the second level cache.
const turnedRows = 8 * panelCols

// turnedTask is the arguments of convTurned32. A panel is some outputs that
// follow each other in an image.
type turnedTask struct {
	tapped
	y, seen, w, b      []float32 // seen of some images
	from               int       // where these begin in y
	channels, features int
	then               sequel
	limits             []float32 // the sequel's
	inPlace            bool      // each output sees one pixel, at its own place: nothing is packed
	rows, high         int       // of a panel, and the panels of an image
	first, panels      int       // those in work
	step, steps        int       // the taps in work
	packed             []float32
	sums               []float32 // [features / 32, panels, rows, 32]
	fills              latticeFill
	pairs              turnedPairs
}

// multiply does the panels in work, some taps at a time: so many as all
// fit into the memory that the most panels need for one cut.
func (t *turnedTask) multiply(c *ctx) {
	k, strips := len(t.at), (t.features+panelCols-1)/panelCols
	depth := kDepth(k, k)
	most := min(max(turnedRows*kBlock/(t.panels*t.rows*depth), 1)*depth, k)
	t.sums = grow(t.sums, strips*t.panels*t.rows*panelCols)
	if !t.inPlace {
		t.packed = grow(t.packed, t.panels*packedTurned(most))
	}
	for t.step = 0; t.step < k; t.step += t.steps {
		t.steps = min(most, k-t.step)
		if !t.inPlace {
			c.split(t.panels, vectorGrain/(t.steps*panelCols)+1, turnedPack{t})
		}
		c.split(strips*t.panels, mulGrain/(t.steps*t.rows*panelCols)+1, t)
	}
}

// packedTurned is the distance of panels packed for so many taps: the last
// piece of one may reach behind its end.
func packedTurned(steps int) int { return steps*panelCols + pieceCols }

// A turnedPack packs the panels of a turnedTask.
type turnedPack struct{ *turnedTask }

func (t turnedPack) part(_ *worker, lo, hi int) {
	for u := lo; u < hi; u++ {
		image, o, rows := t.panel(u)
		t.pack(t.packed[u*packedTurned(t.steps):], t.seen[image*t.channels*t.image:], t.step, t.steps, o, o+rows)
	}
}

// panel says which outputs of which image panel u of those in work is.
func (t *turnedTask) panel(u int) (image, o, rows int) {
	image = (t.first + u) / t.high
	o = (t.first + u - image*t.high) * t.rows
	return image, o, min(t.rows, volume(t.out)-o)
}

// part does the items lo to hi: all panels for each 32 features.
func (t *turnedTask) part(_ *worker, lo, hi int) {
	for lo < hi {
		f, u := lo/t.panels*panelCols, lo%t.panels
		end := min(t.panels, u+hi-lo)
		if t.then.add != nil && t.step+t.steps == len(t.at) {
			t.fetch(f, u, end)
		}
		t.add(f, u, end)
		if t.step+t.steps == len(t.at) {
			t.turn(f, u, end)
		}
		lo += end - u
	}
}

// add adds the products of the taps in work to the sums of the 32 features
// from f on for the panels u0 to u1.
func (t *turnedTask) add(f, u0, u1 int) {
	var wide [panelCols]float32
	var bias []float32
	if t.b != nil && t.step == 0 {
		copy(wide[:], t.b[f:min(f+panelCols, t.features)])
		bias = wide[:]
	}
	k, size := len(t.at), volume(t.out)
	for q, depth := t.step, 0; q < t.step+t.steps; q += depth {
		depth = kDepth(k, k-q)
		w := t.w[f*k+q*panelCols:]
		next := w[min(depth*panelCols, len(w)):] // the first panel fetches it for all
		for u := u0; u < u1; u++ {
			image, o, rows := t.panel(u)
			x, from, sx := t.packed, u*packedTurned(t.steps)+(q-t.step)*panelCols, panelCols
			if t.inPlace {
				x, from, sx = t.seen, (image*t.channels+q)*size+o, size
			}
			sums := t.tile(f, u)
			var add []float32
			if q > 0 {
				add = sums
			}
			var end ending
			if q+depth == k && t.then.add == nil {
				end.limits = t.limits
			}
			panelMulEnd(sums, panelCols, x[from:], 1, sx, w, bias, add, next, panelCols, rows, depth, end)
			next = nil
		}
		bias = nil
	}
}

// fetch brings the residual near that turn will add.
func (t *turnedTask) fetch(f, u0, u1 int) {
	size := volume(t.out)
	for u := u0; u < u1; u++ {
		image, o, rows := t.panel(u)
		fetchRows(t.then.add[t.from+(image*t.features+f)*size+o:], min(panelCols, t.features-f), rows, size)
	}
}

// tile is where the sums of 32 features of panel u begin.
func (t *turnedTask) tile(f, u int) []float32 { return t.sums[(f*t.panels+u*panelCols)*t.rows:] }

// turn brings the sums to y, with the residual.
func (t *turnedTask) turn(f, u0, u1 int) {
	for u := u0; u < u1; u++ {
		image, o, rows := t.panel(u)
		t.turnRows(t.tile(f, u), image, o, f, rows)
	}
}

// turnRows brings the sums of so many outputs of an image from o on, of up to 32
// features from f on, to y.
func (t *turnedTask) turnRows(sums []float32, image, o, f, rows int) {
	size, cols := volume(t.out), min(panelCols, t.features-f)
	at := t.from + (image*t.features+f)*size + o
	if t.then.add == nil {
		turnBlock(t.y[at:], sums, rows, cols, size, panelCols)
	} else {
		turnAdded(t.y[at:], sums, t.then.add[at:], rows, cols, size, panelCols, t.limits)
	}
}
