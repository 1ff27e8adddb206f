package lib

import "math"

// Attention in fixed point, as gemm_fixed.go has it: queries are multiplied with
// keys so, and weights with values. A query and a key have a power of two each, a
// row of weights has one for a chunk, and a column of values one for a part of it,
// which is what is added up in one go.
//
// Keys and values are there as float32, too. A head is multiplied so if one of its
// keys that a query sees, or of the columns of its values, cannot be in fixed point,
// and so is a block if one of its queries cannot.
const (
	fixedDepthMost = fixedPart * fixedUnit // elements that are added up in one go
	fixedAlign     = fixedTurn * fixedUnit // parts of a chunk begin at multiples of this
	fixedKeys      = 6 * fixedAlign        // the most keys that go together
	fixedLeast     = 16                    // the least columns of queries for which it pays
	fixedWork      = 1 << 12               // and the least of those times keys
)

// fixedAttention is what attentionShape.format may be.
type fixedAttention struct{}

func (fixedAttention) cut(t *attentionTask) bool {
	least := fixedFew
	if pairs {
		least = fixedMin
	}
	if !multipliesWords() || t.direct || t.dv == 0 || t.rows() < least ||
		t.d < fixedLeast || t.d > fixedDepthMost || t.d*t.seen() < fixedWork {
		return false
	}
	chunks := wordSteps(t.keys, fixedKeys)
	keys := wordSteps(t.keys, chunks)
	parts := wordSteps(keys, fixedDepthMost)
	t.keyPart = roundUp(wordSteps(keys, parts), fixedAlign)
	t.chunk = parts * t.keyPart
	if t.slanted() {
		t.keyPart = fixedAlign // of which rows that do not see all multiply 0
	}
	if pairs {
		t.tall = pairedQueries
		if t.keys > longKeys {
			t.tall = pairedLong
		}
	}
	return true
}

func (fixedAttention) reserve(t *attentionTask) {
	t.weightEnds, t.narrow = t.take(2*t.tall), t.take(narrowRoom)
	for i := range t.count {
		t.kWords[i], t.vWords[i] = t.kWords[0], t.vWords[0]
		if i == 0 || t.k[i] != t.k[0] {
			t.kWords[i] = t.take(wordSteps(t.keys, panelCols) * t.keyPanel())
		}
		if i == 0 || !t.oneV {
			t.vWords[i] = t.take(wordSteps(t.dv, panelCols) * wordSteps(t.keys, t.keyPart) * t.valuePanel())
		}
		t.q[i], t.factors[i] = t.take(t.tall*t.queryWords()), t.take(t.tall)
	}
}

// keyPanel is the words of a panel of keys, valuePanel those of a part of a panel
// of values: of each, scales and corners are behind the steps.
func (t *attentionTask) keyPanel() int {
	return wordSteps(t.d, fixedUnit)*fixedWords*panelCols + fixedColumns
}

func (t *attentionTask) valuePanel() int {
	return t.keyPart/fixedUnit*fixedWords*panelCols + fixedColumns
}

// queryWords is how far from each other words of queries lie.
func (t *attentionTask) queryWords() int { return apart(fixedHead + roundUp(t.d, fixedAlign)/2) }

// valueWords is the words of branch i's values at column j, from the key at on.
func (t *attentionTask) valueWords(scratch []float32, i, j, at int) []uint32 {
	part := j/panelCols*wordSteps(t.keys, t.keyPart) + at/t.keyPart
	return reinterpret[uint32](scratch[t.vWords[i]+part*t.valuePanel():][:t.valuePanel()])
}

func (fixedAttention) pack(t *attentionTask, scratch []float32, from, to int) (done formatted) {
	done.to = to
	for i := range t.count {
		if i > 0 && t.k[i] == t.k[0] {
			done.k[i] = done.k[0]
		} else {
			done.k[i] = t.fixKeys(scratch, i, from, to)
		}
		if i > 0 && t.oneV {
			done.v[i] = done.v[0]
		} else {
			done.v[i] = t.fixValues(scratch, i, from, to)
		}
	}
	return done
}

func (t *attentionTask) fixKeys(scratch []float32, i, from, to int) bool {
	for j := from / panelCols; j*panelCols < to; j++ {
		words := scratch[t.kWords[i]+j*t.keyPanel():][:t.keyPanel()]
		if !fixColumns(reinterpret[uint32](words), scratch[t.k[i]+j*panelCols*t.d:], t.d) {
			return false
		}
	}
	return true
}

func (t *attentionTask) fixValues(scratch []float32, i, from, to int) bool {
	for j := 0; j < t.dv; j += panelCols {
		for at := from / t.keyPart * t.keyPart; at < to; at += t.keyPart {
			if !fixColumns(t.valueWords(scratch, i, j, at), scratch[t.v[i]+j*t.keys+at*panelCols:], min(t.keyPart, to-at)) {
				return false
			}
		}
	}
	return true
}

func (fixedAttention) queries(k attentionBlock, e int) bool {
	q, step := k.at(k.branches[e].q, 0)
	scales, backs := k.scratch[k.factors[e]:][:k.n], k.scratch[k.weightEnds:][:k.n]
	rowSquares(scales, q, step, k.n, k.d)
	for r, squares := range scales {
		var ok bool
		if scales[r], backs[r], ok = normScale(squares); !ok {
			return false
		}
	}
	fixRows(k.queryRows(e), k.queryWords(), q, nil, step, scales, nil, backs, k.n, k.d)
	return true
}

func (k *attentionBlock) queryRows(e int) []uint32 {
	return reinterpret[uint32](k.scratch[k.q[e]:][:k.tall*k.queryWords()])
}

// normScale is the power of two that brings a row to a norm from 2^13 to 2^14,
// which none of its elements is above then, and what brings it back. It is not ok
// for one that is too far from 1, and 1 for a row of 0.
func normScale(squares float32) (scale, back float32, ok bool) {
	const one, norm, most = 127, 14, 100
	exponent := int(math.Float32bits(squares)>>23) - one
	if exponent < -most || exponent > most {
		return 1, 1, squares == 0
	}
	e := norm - (exponent+2)>>1
	return exp2i(e), exp2i(-e), true
}

// scores does without tiles that no query sees.
func (fixedAttention) scores(k attentionBlock, e, p int) {
	s, at, cols, q, ld := k.chunkOf(e, p), k.first(p), k.cols(p), k.queryRows(e), k.queryWords()
	for j := 0; j < cols; j += panelCols {
		keys, r := k.scratch[k.kWords[e]+(at+j)/panelCols*k.keyPanel():][:k.keyPanel()], 0
		if k.slanted() {
			r = max(at+j-k.i-k.offset, 0) / fixedTile * fixedTile
		}
		panelMulFixed(s[r*k.wide+j:], k.wide, q[r*ld:], ld, fixedWords, reinterpret[uint32](keys), nil, nil, nil, 0,
			k.n-r, wordSteps(k.d, fixedUnit))
	}
}

// values makes whole numbers of the exponentials of chunk p of branch e, and of
// those of the next one if they are together. They lie where exponentials lay that
// have been read: a row's parts behind each other.
func (fixedAttention) values(k attentionBlock, e, together, p int, more bool) bool {
	if !k.weightScales(e, together, p) {
		return false
	}
	cols, s, a, backs := k.cols(p), k.chunkOf(e, p), k.scratch[k.factors[e]:], k.scratch[k.weightEnds:]
	words := reinterpret[uint32](s)
	for at := 0; at < cols; at += k.keyPart {
		n, row := min(k.keyPart, cols-at), words[at/k.keyPart*(fixedHead+k.keyPart/2):]
		var u, b []float32
		if together > 1 {
			u, b = k.chunkOf(e+1, p)[at:], k.scratch[k.factors[e+1]:]
		}
		fixRows(row, k.wide, s[at:], u, k.wide, a, b, backs, k.n, n)
		k.fixedPart(e, k.first(p)+at, n, row, more || at > 0)
	}
	return true
}

// fixedPart multiplies weights of n keys with their values, from the key at on.
func (k *attentionBlock) fixedPart(e, at, n int, words []uint32, more bool) {
	steps, r := wordSteps(min(k.keyPart, k.done.to-at), fixedUnit), 0
	if some := wordSteps(n, fixedUnit); some < steps { // others see more of this part
		for r := range k.n {
			clear(words[r*k.wide+fixedHead:][some*fixedWords : steps*fixedWords])
		}
	}
	if more && k.slanted() {
		r = max(at-k.i-k.offset, 0) / fixedTile * fixedTile
	}
	words = words[r*k.wide:]
	y, step := k.at(k.y, r)
	for j := 0; j < k.dv; j += panelCols {
		v, to := k.valueWords(k.scratch, e, j, at), y[j:]
		var add []float32
		if more {
			add = to
		}
		if cols := k.dv - j; cols < panelCols {
			narrowWords(panelMulFixed, k.scratch[k.narrow:], to, step, words, k.wide, fixedWords, v, nil, add, step, k.n-r, steps, cols)
			continue
		}
		panelMulFixed(to, step, words, k.wide, fixedWords, v, nil, add, nil, step, k.n-r, steps)
	}
}

// weightScales brings what exponentials of chunk p of branch e, and of the next one
// if they are together, are multiplied with to what whole numbers may be.
func (k *attentionBlock) weightScales(e, together, p int) bool {
	var most, squares [pairedQueries]float64
	for d := e; d < e+together; d++ {
		for r := range k.n {
			largest, sum := k.weightBounds(d, p, r)
			most[r] += largest
			squares[r] += float64(together) * largest * sum // the square of a sum is at most twice the sum of squares
		}
	}
	backs, scales := k.scratch[k.weightEnds:][:k.n], k.scratch[k.weightEnds+k.tall:][:k.n]
	for r := range scales {
		var ok bool
		if scales[r], backs[r], ok = weightScale(most[r], squares[r]); !ok {
			return false
		}
	}
	for d := e; d < e+together; d++ {
		mul32(k.scratch[k.factors[d]:][:k.n], k.scratch[k.top[d]+(p+1)*k.tall:][:k.n], scales)
	}
	return true
}

// weightScale is the power of two by which the largest of a row comes below 2^14,
// and its norm below 2^15.5, and what brings them back. It is not ok for one that is
// too far from 1, and 1 for a row of 0.
func weightScale(most, squares float64) (scale, back float32, ok bool) {
	const one, large, norm, far = 1023, 14, 31, 100
	byMost := large - 1 - (int(math.Float64bits(most)>>52) - one)
	byNorm := (norm - 1 - (int(math.Float64bits(squares)>>52) - one)) >> 1
	e := min(byMost, byNorm)
	if e < -far || e > far {
		return 1, 1, most == 0
	}
	return exp2i(e), exp2i(-e), true
}

// exp2i is 2^e, for e from -126 to 127.
func exp2i(e int) float32 { return math.Float32frombits(uint32(127+e) << 23) }

// fixRowsGo writes rows of whole numbers, a·x + b·u, a and b being one number a
// row; without u it is a·x. A row begins with what its sums are multiplied with,
// and its corner. Its words may lie where x did.
//
//	dst  [rows], row r at dst[r*ldd]: behind 16 words those of whole steps, and maybe more up to the next multiple of 48
//	x, u [rows, n], row r at x[r*ld]
//	back [rows]
func fixRowsGo(dst []uint32, ldd int, x, u []float32, ld int, a, b, back []float32, rows, n int) {
	var some [fixedAlign]float32
	for r := range rows {
		to, from, corner := dst[r*ldd:][:fixedHead+wordSteps(n, fixedUnit)*fixedWords], x[r*ld:][:n], int32(0)
		words := to[fixedHead:]
		for at := 0; at < n; at += fixedAlign {
			part := some[:copy(some[:], from[at:])]
			for j := range part {
				part[j] *= a[r]
				if u != nil {
					part[j] += b[r] * u[r*ld+at+j]
				}
			}
			corner += fixWordsGo(words[at/2:][:wordSteps(len(part), fixedUnit)*fixedWords], part, 1)
		}
		to[0], to[1] = math.Float32bits(back[r]), uint32(corner)
	}
}

// fixColumnsGo makes what panelMulFixed reads of a panel of n rows: steps of three
// words, what sums are multiplied with, corners. It reports whether that is
// possible: none of the columns is coarse, as fixedScale has it.
func fixColumnsGo(dst []uint32, w []float32, n int) (fine bool) {
	const (
		least = 0x1p-49
		large = 0x1p126 // by which all but 0 is more than a mean that is wanted
	)
	fine = true
	steps := wordSteps(n, fixedUnit)
	behind := dst[steps*fixedWords*panelCols:][:fixedColumns]
	for c := range panelCols {
		var most, squares, sum float32
		for p := range n {
			v := w[p*panelCols+c]
			most, squares, sum = max(most, absolute(v)), squares+float32(v*v), sum+absolute(v)
		}
		scale := wholeScale(max(most, least), squares)
		if !(squares < math.MaxFloat32) || !(sum*scale >= min(most*large, fixedMean*float32(n))) {
			fine = false
		}
		corner := int32(0)
		for s := range steps {
			var words [fixedWords]uint32
			for i := range 2 * fixedWords {
				if p := s*fixedUnit + i; p < n {
					words[i/2] |= fixed(w[p*panelCols+c], scale) << (16 * (i % 2))
				}
			}
			for i, word := range words {
				dst[(s*fixedWords+i)*panelCols+c] = word
			}
			corner += dot16(words[1], words[2])
		}
		behind[c], behind[panelCols+c] = math.Float32bits(1/scale), uint32(corner)
	}
	return fine
}

// rowSquaresGo is what the squares of each row add up to.
//
//	x [rows, n], row r at x[r*ld]
func rowSquaresGo(dst, x []float32, ld, rows, n int) {
	for r := range rows {
		dst[r], _ = rowMomentsGo(x[r*ld:][:n])
	}
}
