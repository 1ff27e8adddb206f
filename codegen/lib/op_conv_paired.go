package lib

import "math"

// Convolutions by pairs, as gemm_paired.go has it: the weights are the rows, and
// what the outputs see makes the panels. The corners of the weights are computed
// when the package is made; those of a panel, and its size, when it is packed.
// Then the panel is brought to the size of the weights by a power of two.
//
// A panel goes without pairs if one of its outputs sees much less than the others,
// and not nothing: that one's sum would be rounded like those of the others. None
// can see much more, since there are but 32.

// Weights that are cornered are cut into parts over k, as products by pairs are:
// [parts of k, features, steps of the part]. Their taps follow each other channel
// by channel for each place of the kernel, lest two of a channel that is large
// make a pair. Behind them are the corners [parts of k, features], NaN where rows
// must not be done by pairs, and the mean of the weights' squares.

// leastFeature is what part of the size of all weights those of a feature must
// have. It is small, because normalizations make features of many sizes: what
// comes of a small one is as exact as others, if not for its own size.
const leastFeature = 1. / 32

// convLeast is from how many taps on it pays, if there are as many features.
const convLeast = 64

// worthCorners tells whether weights with so many features of a group and taps are.
func worthCorners(features, k int) bool {
	return features >= panelCols && k >= pairedLeast || min(features, k) >= convLeast
}

// corneredRowsLen is the length of cornered weights of so many features and taps.
func corneredRowsLen(features, k int) int {
	return features*(k+pairedParts(k)) + 1
}

// cornerRows makes cornered weights of w [groups, features, channels, places].
// Rows that make a tile are by pairs all or none.
func cornerRows(dst, w []float32, groups, features, channels, places int) {
	all, k := groups*features, channels*places
	mean := squares(w) / float64(all*k)
	size := powerOf(mean)
	behind := dst[all*k:]
	for p, part := 0, 0; p < k; part++ {
		depth := pairedDepth(k, k-p)
		for f := range all {
			row := dst[p*all+f*depth:][:depth]
			for i := range row {
				row[i] = w[f*k+(p+i)%channels*places+(p+i)/channels]
			}
			behind[part*all+f] = corner(row, 1, depth)
		}
		p += depth
	}
	for g := 0; g < all; g += features {
		for f := 0; f < features; f += pairedTile {
			first, rows := g+f, min(pairedTile, features-f)
			for i := range rows {
				if pairable(w[(first+i)*k:], 1, k, size, leastFeature) {
					continue
				}
				for at := first; at < pairedParts(k)*all; at += all {
					fill(behind[at:][:rows], float32(math.NaN()))
				}
				break
			}
		}
	}
	if behind[pairedParts(k)*all] = float32(mean); size == 0 {
		behind[pairedParts(k)*all] = 0
	}
}

// isCornered tells whether weights are.
func isCornered(w []float32, features, k int) bool { return len(w) > features*k }

// convPairs is what a convProduct by pairs has beside others.
type convPairs struct {
	corners []float32 // [parts of k, features of all groups]
	square  float32   // of the weights, the mean
}

// A convPanel is what is known of a panel that is packed.
type convPanel struct {
	corners []float32 // [32]
	scale   []float32 // [1]: what it was multiplied with, 0 if it goes without pairs
}

// The scratch of a convProduct by pairs is, behind what is packed, three vectors for each
// panel, the ends of rows, and one panel as it was.
const (
	convPanels = 3 * panelCols
	convEnds   = stackFloats + pieceCols + (stackFloats/convLeast/panelCols+1)*convPanels
	convPlain  = convEnds + 2*pairedHigh
	convRoom   = convPlain + pairedBlock*panelCols
)

// known is what is known of panel i of those packed.
func (t *convPairs) known(scratch []float32, i int) convPanel {
	at := scratch[stackFloats+pieceCols+i*convPanels:][:convPanels]
	return convPanel{at[:panelCols], at[2*panelCols:][:1]}
}

// bring brings panel i, packed for so many taps and with so many columns, to the
// size of the weights.
func (t *convPairs) bring(scratch, packed []float32, i, depth, cols int) {
	known := t.known(scratch, i)
	moments := known.corners[:2*panelCols]
	known.scale[0] = 0
	if cols <= fewPairedCols {
		return
	}
	columnMoments(moments, packed, panelCols, depth)
	scale := t.scale(moments[panelCols:][:cols], depth)
	known.scale[0] = scale
	if scale != 0 && scale != 1 {
		mul32(packed, packed, known.scale)
		scale *= scale
		for c := range known.corners {
			known.corners[c] *= scale
		}
	}
}

// fewPairedCols is up to how many columns a panel is faster without pairs, as
// lastPanel does it.
const fewPairedCols = panelCols/2 + fewCols

// scale is the power of two that brings a panel of so many rows to the size of the
// weights, given the sums of the squares of its columns; 0 if one column is much
// smaller than the others, but not 0.
func (t *convPairs) scale(squares []float32, rows int) float32 {
	const least = 1. / 32
	sum, low := float32(0), float32(math.Inf(1))
	for _, v := range squares {
		if sum += v; v != 0 && v < low {
			low = v
		}
	}
	mean := float64(sum) / float64(len(squares))
	if !(float64(low) >= least*least*mean) {
		return 0
	}
	if mean /= float64(rows); powerOf(mean) == 0 {
		return 0
	}
	return powerOf(float64(t.square) / mean)
}

// pairedPanel is panel where rows are done by pairs if their weights allow it.
// Their ends are in the scratch already if had is this panel's scale.
func (p *convProduct) pairedPanel(scratch []float32, had float32, known convPanel, packed []float32, f, rows, q, depth, j, cols int) {
	part, all, size := q/pairedDepth(len(p.at), len(p.at)), p.features*p.group, volume(p.out)
	corners, ends := p.pairs.corners[part*all:][:all], scratch[convEnds:][:2*rows]
	if had != known.scale[0] {
		rowEnds(ends, corners[f:f+rows], p.ending(f, q, depth).rows, 1/known.scale[0])
	}
	for first, end := f, f+rows; f < end; {
		odd, to := corners[f] != corners[f], f
		for to < end && odd == (corners[to] != corners[to]) {
			to += pairedTile
		}
		to = min(to, end)
		if odd {
			was, back := scratch[convPlain:][:depth*panelCols], [1]float32{1 / known.scale[0]}
			mul32(was, packed[:depth*panelCols], back[:])
			p.panel(was, f, to-f, q, depth, j, cols)
		} else {
			at := p.first + f*size + j
			y, add, limits, ends := p.y[at:], p.added(at, q), p.ending(f, q, depth).limits, ends[2*(f-first):]
			w, ldw := p.rows(f, q, depth)
			if cols < panelCols {
				narrowPaired(y, size, w, ldw, packed, known.corners, ends, add, limits, size, to-f, depth, cols)
			} else {
				pairedMul(y, size, w, ldw, packed, nil, known.corners, ends, add, limits, nil, size, to-f, depth)
			}
		}
		f = to
	}
}

// rowEnds is the ends of rows whose corners and, unless it is nil, bias are given.
func rowEnds(ends, corners, bias []float32, times float32) {
	for i, corner := range corners {
		ends[2*i], ends[2*i+1] = times, -corner*times
	}
	if bias != nil {
		for i, b := range bias[:len(corners)] {
			ends[2*i+1] += b
		}
	}
}

// columnMomentsGo is the corners of a panel, and the sums of its squares.
//
//	dst [2, 32]
//	w   [k, 32], row p at w[p*ld]
func columnMomentsGo(dst, w []float32, ld, k int) {
	clear(dst[:2*panelCols])
	for p := range k {
		row := w[p*ld:][:panelCols]
		for c, v := range row {
			dst[panelCols+c] += v * v
		}
		if i := p % pairedUnit; (i == 1 || i == 4) && p/pairedUnit < k/pairedUnit {
			for c, v := range w[(p+1)*ld:][:panelCols] {
				if i == 1 {
					dst[c] += row[c] * v
				} else {
					dst[c] -= row[c] * v
				}
			}
		}
	}
}
