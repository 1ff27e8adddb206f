package lib

import "math"

// Attention by pairs, as gemm_paired.go has it: the queries are multiplied with
// the keys so, and the weights with the values. Keys and values have corners
// from when they are packed, queries from the beginning of their block, and
// weights from when they are made of exponentials.
//
// All keys of a head have one size, and so have all its values. What is behind
// a mask may be anything: a head is multiplied step by step if rows of it that
// a query sees are much larger than others, or much smaller and not 0, or NaN.
const (
	pairedKeys    = 2 * pairedBlock // the most keys that go together
	pairedQueries = 5 * pairedTile  // the most queries that do, and the least for which it pays
	pairedLong    = 3 * pairedTile  // that do where there are more keys than longKeys
	pairedCols    = 32              // the least columns of queries for which it pays
	pairedWork    = 1 << 13         // and the least of those times keys
	pairedAlign   = 3 * panelCols   // a multiple of pairedUnit, too
)

// pairedHead is the sizes of keys and values of a head, for each branch. They
// are 0 where there is no product by pairs.
type pairedHead struct{ k, v [2]float32 }

// byPairs tells whether products may be by pairs: where the processor gains by
// it, and there is enough to multiply for the keys that a query sees.
func (t *attentionTask) byPairs() bool {
	return pairs && !t.direct && t.dv > 0 && t.rows() >= pairedQueries && t.d >= pairedCols && t.d <= pairedBlock && t.d*t.seen() >= pairedWork
}

// pairedChunk is how many of so many keys go together.
func pairedChunk(keys int) int {
	chunks := (keys + pairedKeys - 1) / pairedKeys
	return roundUp((keys+chunks-1)/chunks, pairedAlign)
}

// turn is how many keys of a chunk values are added up for at once.
func (t *attentionTask) turn() int { return pairedDepth(t.chunk, t.chunk) }

// layOutPairs is the part of layOut that is about pairs.
func (t *attentionTask) layOutPairs() {
	t.weightEnds, t.corner = t.take(2*t.tall), t.take(panelCols)
	for i := range t.count {
		t.kCorners[i], t.vCorners[i] = t.kCorners[0], t.vCorners[0]
		if i == 0 || t.k[i] != t.k[0] {
			t.kCorners[i] = t.take(roundUp(t.keys, panelCols))
		}
		if i == 0 || !t.oneV {
			t.vCorners[i] = t.take(t.keys / pairedUnit * roundUp(t.dv, panelCols))
		}
		t.factors[i] = t.take(t.tall)
		t.q[i], t.qEnds[i] = t.take(t.tall*t.queryLen()), t.take(2*t.tall)
	}
}

// queryLen is how far from each other scaled queries lie.
func (t *attentionTask) queryLen() int { return apart(roundUp(t.d, cacheLine/4)) }

// pair finds the sizes and corners of key head h, of which the keys from one to
// another are seen.
func (t *attentionTask) pair(scratch []float32, b, h, from, to int) (head pairedHead) {
	for i, br := range t.branches[:t.count] {
		if i > 0 && t.k[i] == t.k[0] {
			head.k[i] = head.k[0]
		} else {
			x := br.k.x[b*br.k.batch+shared(h, t.kShare)*br.k.head+from*br.k.row:]
			if head.k[i] = evenSize(x, br.k.row, to-from, t.d); head.k[i] != 0 {
				for j := 0; j < t.keys; j += panelCols {
					columnCorners(scratch[t.kCorners[i]+j:], scratch[t.k[i]+j*t.d:], t.d/pairedUnit)
				}
			}
		}
		if i > 0 && t.oneV {
			head.v[i] = head.v[0]
		} else {
			x := br.v.x[b*br.v.batch+shared(h, t.vShare)*br.v.head+from*br.v.row:]
			head.v[i] = evenSize(x, br.v.row, to-from, t.dv)
		}
	}
	return head
}

// packValues is packB for the values v of branch i, with their corners: for each
// panel and unit of keys those of all units from the last multiple of a turn on.
func (t *attentionTask) packValues(scratch, v []float32, i, ld int) {
	units, turn := t.keys/pairedUnit, t.turn()/pairedUnit
	rest := units * pairedUnit
	for j := 0; j < t.dv; j += panelCols {
		panel, corners, n := scratch[t.v[i]+j*t.keys:], scratch[t.vCorners[i]+j*units:], min(panelCols, t.dv-j)
		for u := 0; u < units; u += turn {
			at := u * pairedUnit
			packCorners(panel[at*panelCols:], corners[u*panelCols:], v[at*ld+j:], min(units-u, turn), n, ld)
		}
		packPanel(panel[rest*panelCols:t.keys*panelCols], v[min(rest*ld+j, len(v)):], t.keys-rest, n, ld, 1)
	}
}

// evenSize is the power of two nearest to the size of the elements of some rows
// of n, 0 if rows differ much.
func evenSize(x []float32, ld, rows, n int) float32 {
	const (
		above = 8 // times the size of all
		below = 32
	)
	least, most, sum := rowSpread(x, ld, rows, n)
	mean := float64(sum) / float64(rows)
	if !(float64(most) <= above*above*mean && float64(least)*below*below >= mean) {
		return 0
	}
	return powerOf(mean / float64(n))
}

// pairQueries brings the queries of a block to the size of the keys. If one of
// them has no size, the block goes step by step.
func (k *attentionBlock) pairQueries(e int) {
	if k.pairs.k[e] == 0 {
		return
	}
	q, step := k.at(k.branches[e].q, 0)
	if !scaleCorners(k.scratch[k.q[e]:], k.queryLen(), q, step, k.scratch[k.qEnds[e]:], k.n, k.d, k.pairs.k[e]) {
		k.pairs.k[e] = 0
	}
}

// bring is the power of two that brings a row to a size, given the mean of its
// squares, and what brings it back: 0 for a row of 0. It is not ok for one that
// is too far from 1, as powerOf has it.
func bring(mean float64, size float32) (scale, back float32, ok bool) {
	const one = 127 << 23
	if exponent := uint32(math.Float64bits(mean)>>52) - (1023 - 80); exponent < 160 {
		more := math.Float32bits(size) - ((exponent+1)>>1-40)<<23
		return math.Float32frombits(more), math.Float32frombits(2*one - more), true
	}
	return 1, 0, mean == 0
}

// pairWeights brings what exponentials of chunk p of branch e, and of the next
// one if they are together, are multiplied with to the size of the values. Of a
// row's weights in a chunk the sum is known, and a bound of the largest one: the
// factor, or that sum. Squares add up to less than the product of both: to a
// quarter, say. But a few weights alone are not brought as far as that, since two
// of them in a pair are a corner that all of the sum has to carry.
func (k *attentionBlock) pairWeights(e, together, p int) bool {
	const alone = 1. / 16 // of the keys
	size, keys := k.pairs.v[e], float64(k.cols(p))
	if size == 0 {
		return false
	}
	var squares [pairedQueries]float64
	for d := e; d < e+together; d++ {
		k.addSquares(squares[:k.n], d, p, alone*keys)
	}
	var scales [pairedQueries]float32
	ends, per := k.scratch[k.weightEnds:][:2*k.n], 1/(4*keys)
	for r, v := range squares[:k.n] {
		var ok bool
		if scales[r], ends[2*r], ok = bring(v*per, size); !ok {
			return false
		}
	}
	for d := e; d < e+together; d++ {
		mul32(k.scratch[k.factors[d]:][:k.n], k.scratch[k.top[d]+(p+1)*k.tall:][:k.n], scales[:k.n])
	}
	return true
}

// addSquares adds to squares what those of the weights of branch e in chunk p add
// up to at most, if there are at least so many as large as the largest one.
func (k *attentionBlock) addSquares(squares []float64, e, p int, least float64) {
	for r := range squares {
		most, sum := k.weightBounds(e, p, r)
		if sum < most*least {
			sum = most * least
		}
		squares[r] += most * sum
	}
}

// weightBounds is the most that the largest of the weights of row r of branch e in
// chunk p may be, and what all of them add up to.
func (k *attentionBlock) weightBounds(e, p, r int) (most, sum float64) {
	const rounded = 1. / (1 << 20)
	top, sums := k.scratch[k.top[e]+p*k.tall+r:], k.scratch[k.sum[e]+p*k.tall+r:]
	factor := float64(top[k.tall])
	all := factor * float64(sums[k.tall])
	if sum = all; p > 0 {
		sum -= float64(top[0]) * float64(sums[0])
	}
	sum, most = math.Abs(sum), math.Abs(factor)
	if least := math.Abs(all) * rounded; sum < least {
		sum = least
	}
	if sum < most {
		most = sum
	}
	return most, sum
}

// pairedScores is scores by pairs, without tiles that no query sees.
func (k *attentionBlock) pairedScores(e, p int) {
	s, at, cols := k.chunkOf(e, p), k.first(p), k.cols(p)
	q, ends, ld := k.scratch[k.q[e]:], k.scratch[k.qEnds[e]:], k.queryLen()
	for j := 0; j < cols; j += panelCols {
		keys, corners, r := k.scratch[k.k[e]+(at+j)*k.d:], k.scratch[k.kCorners[e]+at+j:], 0
		if k.slanted() {
			r = max(at+j-k.i-k.offset, 0) / pairedTile * pairedTile
		}
		pairedMul(s[r*k.wide+j:], k.wide, q[r*ld:], ld, keys, nil, corners, ends[2*r:], nil, nil, nil, 0, k.n-r, k.d)
	}
}

// pairedValues makes weights of the exponentials of chunk p of branch e, blended
// with those of the next one if they are together, and multiplies them with the
// values, in parts.
func (k *attentionBlock) pairedValues(e, together, p int, more bool) {
	turn, cols, s, a := k.turn(), k.cols(p), k.chunkOf(e, p), k.scratch[k.factors[e]:]
	for at := 0; at < cols; at += turn {
		n := min(turn, cols-at)
		var u, b []float32
		if together > 1 {
			u, b = k.chunkOf(e+1, p)[at:], k.scratch[k.factors[e+1]:]
		}
		blendCorners(s[at:], u, k.wide, a, b, k.scratch[k.weightEnds:], k.n, n)
		k.pairedPart(e, k.first(p)+at, n, s[at:], more || at > 0)
	}
}

// pairedPart multiplies weights s with the values of n keys from the key at on.
// Where rows see less than all of those, they go in tiles, each with the units of
// keys that it sees.
func (k *attentionBlock) pairedPart(e, at, n int, s []float32, more bool) {
	high := k.n
	seen := func(r int) int { return k.i + r + k.offset + 1 - at }
	if k.slanted() && seen(0) < n {
		high = pairedTile
	}
	for r := 0; r < k.n; r += high {
		rows, some := min(high, k.n-r), n
		if high < k.n {
			some = min(n, max(roundUp(seen(r+rows-1), pairedUnit), pairedUnit))
		}
		k.pairedTiles(e, r, rows, at, some, s[r*k.wide:], more)
	}
}

// pairedTiles is pairedPart for the rows from r on.
func (k *attentionBlock) pairedTiles(e, r, rows, at, n int, s []float32, more bool) {
	ends := k.scratch[k.weightEnds+2*r:]
	y, step := k.at(k.y, r)
	for j := 0; j < k.dv; j += panelCols {
		v, corners, to := k.scratch[k.v[e]+j*k.keys+at*panelCols:], k.valueCorners(e, j, at, n), y[j:]
		var add []float32
		if more {
			add = to
		}
		if cols := k.dv - j; cols < panelCols {
			narrowPaired(to, step, s, k.wide, v, corners, ends, add, nil, step, rows, n, cols)
			continue
		}
		pairedMul(to, step, s, k.wide, v, nil, corners, ends, add, nil, nil, step, rows, n)
	}
}

// valueCorners is the corners of the values of n keys from the key at on, for
// the panel of column j.
func (k *attentionBlock) valueCorners(e, j, at, n int) []float32 {
	turn := k.turn() / pairedUnit
	sums := k.scratch[k.vCorners[e]+j*(k.keys/pairedUnit):]
	first, last := at/pairedUnit, (at+n)/pairedUnit
	if first%turn == 0 && first < last && last <= first+turn {
		return sums[(last-1)*panelCols:]
	}
	corner := k.scratch[k.corner:][:panelCols]
	clear(corner)
	for u := first; u < last; {
		end := min(last, (u/turn+1)*turn)
		for c := range corner {
			corner[c] += sums[(end-1)*panelCols+c]
			if u%turn > 0 {
				corner[c] -= sums[(u-1)*panelCols+c]
			}
		}
		u = end
	}
	return corner
}

// rowSpreadGo is the least, the most and the sum of what the squares of rows add
// up to. A row of 0 is not the least, which is infinite if there is no other.
//
//	x [rows, n], row r at x[r*ld]
func rowSpreadGo(x []float32, ld, rows, n int) (least, most, sum float32) {
	least = float32(math.Inf(1))
	for r := range rows {
		var s float32
		for _, v := range x[r*ld:][:n] {
			s += v * v
		}
		if s != 0 {
			least = min(least, s)
		}
		most = max(most, s)
		sum += s
	}
	return least, most, sum
}

// columnCornersGo is the corners of a panel.
//
//	dst [32]
//	w   [6*units, 32]
func columnCornersGo(dst, w []float32, units int) {
	var sums [panelCols]float32
	for ; units > 0; units-- {
		for c := range sums {
			sums[c] += w[panelCols+c]*w[2*panelCols+c] - w[4*panelCols+c]*w[5*panelCols+c]
		}
		w = w[pairedUnit*panelCols:]
	}
	copy(dst, sums[:])
}

// packCornersGo is packPanel for n columns of which 6 units of rows lie each in
// one piece, and the corners of the first unit, of the first two and so on.
//
//	panel   [6*units, 32]
//	corners [units, 32]
//	w       [6*units, n], row p at w[p*ld]
func packCornersGo(panel, corners, w []float32, units, n, ld int) {
	packPanel(panel[:units*pairedUnit*panelCols], w, units*pairedUnit, n, ld, 1)
	for u := range units {
		x, sums := panel[u*pairedUnit*panelCols:], corners[u*panelCols:][:panelCols]
		for c := range sums {
			sums[c] = x[panelCols+c]*x[2*panelCols+c] - x[4*panelCols+c]*x[5*panelCols+c]
			if u > 0 {
				sums[c] += corners[(u-1)*panelCols+c]
			}
		}
	}
}

// blendCornersGo is s = a·s + b·u for rows of cols columns, a and b being one
// number a row; without u it is s = a·s. Behind each row there is room up to the
// next multiple of 16. Of the ends of a row, the first is what its product is
// multiplied with, and the second becomes what is added: the corner of s times
// that.
//
//	s, u [rows, cols], row r at s[r*ld]
//	ends [rows, 2]
func blendCornersGo(s, u []float32, ld int, a, b, ends []float32, rows, cols int) {
	for r := range rows {
		x := s[r*ld:][:cols]
		for j := range x {
			x[j] *= a[r]
		}
		if u != nil {
			for j, v := range u[r*ld:][:cols] {
				x[j] += b[r] * v
			}
		}
		ends[2*r+1] = -ends[2*r] * rowCorner(x)
	}
}

// rowCorner is the corner of a row.
func rowCorner(x []float32) float32 {
	_, corner := rowMomentsGo(x)
	return corner
}

// scaleCornersGo is y = x, each row brought to a size by a power of two, and the
// ends that take that out again. It is not true if a row has no size.
//
//	y    [rows, cols], row r at y[r*ldy]; behind each there is room up to the next multiple of 16
//	x    [rows, cols], row r at x[r*ldx]
//	ends [rows, 2]
func scaleCornersGo(y []float32, ldy int, x []float32, ldx int, ends []float32, rows, cols int, size float32) bool {
	for r := range rows {
		to, from := y[r*ldy:][:cols], x[r*ldx:][:cols]
		squares, _ := rowMomentsGo(from)
		scale, back, ok := bring(float64(squares)/float64(cols), size)
		if !ok {
			return false
		}
		for j, v := range from {
			to[j] = v * scale
		}
		ends[2*r], ends[2*r+1] = back, -back*rowCorner(to)
	}
	return true
}
