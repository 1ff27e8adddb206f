package lib

import (
	"math"
	"sync/atomic"
)

// Products of bfloat16 in fixed point. So many steps over k are added up in one
// go, and in these each row of x, and each column of w, has a power of two of its
// own: times this, its elements are whole numbers of at most 15 bits, two of which
// are in a word. Sums fit into 32 bits: they are at most what the norms of row and
// column give, and these are less than 2^15.5 each.
//
// Where that pays they are multiplied by pairs (gemm_paired.go). Whole numbers need
// no care about rounding, and the sums of pairs may be more than 32 bits hold, for
// what they hold beyond the products is taken away again. The results are the same.
//
// Weights come as bfloat16. Each part of a panel becomes whole numbers when it is
// due, and all rows of a block pass over it then. A bfloat16 has 8 bits, of which
// none is lost as a rule down to a 32nd of the largest of its column, and rows keep
// more bits than bfloat16 would leave them.
const (
	fixedWords   = 3             // of a step: one and a pair
	fixedUnit    = 6             // elements of a step
	fixedHead    = 16            // words before each part of a row, lest they begin within a cache line
	fixedTurn    = 16            // steps: k is cut at multiples of this alone
	fixedPart    = 64            // the most steps that are added up in one go
	fixedTile    = 10            // rows of a tile by pairs
	fixedMin     = 25            // rows from which on it pays by pairs, beside bfloat16
	fixedFew     = 16            // and else
	fixedRuns    = 8             // the most runs of rows that are done apart
	fixedMost    = 1<<14 - 1     // of an element, since two are added
	fixedNorm    = 46000         // and of a row or column
	fixedMean    = 1 << 6        // the least that elements are in the mean, lest small ones have no bits
	fixedColumns = 2 * panelCols // words of a part's scales and corners
)

// fixedDepth is how many of the left last of so many steps are added up next.
func fixedDepth(steps, left int) int {
	parts := (steps + fixedPart - 1) / fixedPart
	return min(left, roundUp((steps+parts-1)/parts, fixedTurn))
}

// scalesLen is the number of words of the scales and corners of weights [k, n]:
// for each part of each panel those of its columns. It is 0 where pairs do not pay.
func scalesLen(k, n int) int {
	if k < pairedLeast || n < panelCols {
		return 0
	}
	steps := wordSteps(k, fixedUnit)
	return wordSteps(steps, fixedDepth(steps, steps)) * packedLen(fixedColumns/panelCols, n)
}

// fixedScale is the power of two times which n elements become whole numbers:
// the greatest where the largest of them, and their norm, do not become too
// large. It is 0 if that will not do for elements of such a sum of squares and
// sum of magnitudes: some are far larger than the mean, or not finite.
func fixedScale(most, squares, sum float32, n int) float32 {
	const safe = 0x1p50 // to be squared
	if most == 0 && squares == 0 {
		return 1
	}
	if !(most > 1/safe && most < safe && squares < math.MaxFloat32) {
		return 0
	}
	scale := wholeScale(most, squares)
	if sum*scale < fixedMean*float32(n) {
		return 0
	}
	return scale
}

// wholeScale is the greatest power of two times which neither the largest of some
// elements nor their norm is too large.
func wholeScale(most, squares float32) float32 {
	const one = 127 // the exponent of 1
	byMost := int(math.Float32bits(fixedMost/most)>>23) - one
	byNorm := (int(math.Float32bits(fixedNorm*fixedNorm/squares)>>23) - one) >> 1
	return math.Float32frombits(uint32(min(byMost, byNorm)+one) << 23)
}

// fixScales writes the scales and corners of the packed weights [k, n]: all 0 if
// one part of a column cannot be done in fixed point.
func fixScales(dst, w []uint32, k, n int) {
	rows, steps := wordSteps(k, 2), wordSteps(k, fixedUnit)
	clear(dst)
	if len(dst) == 0 {
		return
	}
	at := 0
	for j := 0; j < n; j += panelCols {
		panel := w[j*rows:][:rows*panelCols]
		for p := 0; p < steps; at += fixedColumns {
			depth := fixedDepth(steps, steps-p)
			words := panel[p*fixedWords*panelCols:]
			words = words[:min(len(words), depth*fixedWords*panelCols)]
			for c := range panelCols {
				scale := fixedScale(columnMagnitudes(words[c:]))
				if scale == 0 {
					clear(dst)
					return
				}
				dst[at+c] = math.Float32bits(scale)
				dst[at+panelCols+c] = uint32(columnCorner(words[c:], scale))
			}
			p += depth
		}
	}
}

// columnMagnitudes is what fixedScale asks for, of the first of 32 columns.
func columnMagnitudes(w []uint32) (most, squares, sum float32, n int) {
	var all, size float64
	for p := 0; p < len(w); p += panelCols {
		for _, v := range [2]float32{math.Float32frombits(w[p] << 16), math.Float32frombits(w[p] & 0xffff0000)} {
			a := math.Abs(float64(v))
			all, size, most, n = all+a*a, size+a, max(most, float32(a)), n+1
		}
	}
	return most, float32(all), float32(size), n
}

// columnCorner is the corner of the first of 32 columns.
func columnCorner(w []uint32, scale float32) (sum int32) {
	for ; len(w) > 2*panelCols; w = w[min(fixedWords*panelCols, len(w)):] {
		sum += dot16(fixBF16(w[panelCols], scale), fixBF16(w[2*panelCols], scale))
	}
	return sum
}

// fixBF16 is the whole numbers of a word of bfloat16.
func fixBF16(word uint32, scale float32) uint32 {
	return fixed(math.Float32frombits(word<<16), scale) | fixed(math.Float32frombits(word&0xffff0000), scale)<<16
}

// fixed is the lower half of a word, x times a scale, to the nearest.
func fixed(x, scale float32) uint32 {
	return uint32(uint16(int16(math.RoundToEven(float64(x * scale)))))
}

// dot16 adds the products of the halves of two words.
func dot16(a, b uint32) int32 {
	return int32(int16(a))*int32(int16(b)) + int32(int16(a>>16))*int32(int16(b>>16))
}

// add16 adds the halves of two words.
func add16(a, b uint32) uint32 {
	return uint32(uint16(a)+uint16(b)) | uint32(uint16(a>>16)+uint16(b>>16))<<16
}

// fixable tells whether a product of m rows is done in fixed point.
func fixable(scales []uint32, m int) bool {
	if m < fixedFew || pairs && m < fixedMin {
		return false
	}
	return len(scales) > 0 && scales[0] != 0 && fixes()
}

// gemmFixed is gemmBF16 for weights whose scales are given. So many rows are done
// at a time that their words stay in a cache. Those that cannot be done in fixed
// point are done in bfloat16, or all, where these do not follow each other.
func gemmFixed(c *ctx, y []float32, ldy int, x []float32, ldx int, w, scales []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	f := wordFormat{perStep: fixedUnit, head: fixedHead, perRow: fixedWords, words: fixedWords * panelCols,
		depth: fixedDepth, mul: panelMulFixed,
		making: making{make: fixPanel, scales: scales, each: fixedColumns, stored: bf16Words(k, panelCols),
			room: fixedPart*fixedWords*panelCols + fixedColumns, tile: tileRows}}
	if pairs {
		f.tile = fixedTile
	}
	rows, size := task[fixedRows](c), apart(f.rowWords(k))
	high := min(max(pairedRoom/size/mBlock, 1)*mBlock, m)
	rows.reserve(high, size)
	for done := 0; done < m; done += rows.m {
		rows.x, rows.ldx, rows.m, rows.k = x[done*ldx:], ldx, min(high, m-done), k
		rows.any.Store(false)
		c.split(rows.m, 1+rowsGrain/k, rows)
		few := rows.runs() <= fixedRuns
		for i, end := 0, 0; i < rows.m; i = end {
			coarse := true
			if end = rows.m; few {
				end, coarse = rows.run(i)
			}
			at := done + i
			var some []float32
			if r != nil {
				some = r[at*ldr:]
			}
			if coarse {
				gemmWords(c, bf16Format(), y[at*ldy:], ldy, x[at*ldx:], ldx, w, bias, some, ldr, act, end-i, k, n)
			} else {
				mulWords(c, f, y[at*ldy:], ldy, rows.words[i*size:], w, bias, some, ldr, act, end-i, k, n)
			}
		}
	}
	rows.x = nil
}

// fixedRows is the rows of x while they become whole numbers. Those that cannot
// are coarse.
type fixedRows struct {
	words           []uint32 // [m, size]
	coarse          []bool
	any             atomic.Bool // whether one is
	x               []float32
	ldx, m, k, size int
}

func (t *fixedRows) reserve(m, size int) {
	if len(t.words) < m*size {
		t.words = make([]uint32, m*size)
	}
	if len(t.coarse) < m {
		t.coarse = make([]bool, m)
	}
	t.size = size
}

func (t *fixedRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		if t.coarse[i] = !fixRow(t.words[i*t.size:], t.x[i*t.ldx:][:t.k]); t.coarse[i] {
			t.any.Store(true)
		}
	}
}

// run is the end of the run of rows of a kind that row i begins.
func (t *fixedRows) run(i int) (end int, coarse bool) {
	if !t.any.Load() {
		return t.m, false
	}
	coarse = t.coarse[i]
	for end = i + 1; end < t.m && t.coarse[end] == coarse; end++ {
	}
	return end, coarse
}

// runs is how many there are.
func (t *fixedRows) runs() (n int) {
	for i := 0; i < t.m; n++ {
		i, _ = t.run(i)
	}
	return n
}

// fixRow writes a row: for each part what its sums are multiplied with, its
// corner, and its words. It reports whether that is possible. What all parts are
// scaled by is found first, so that none waits for that.
func fixRow(dst []uint32, x []float32) bool {
	steps := wordSteps(len(x), fixedUnit)
	depth := fixedDepth(steps, steps)
	each, apart := depth*fixedUnit, fixedHead+depth*fixedWords
	for part := 0; part*each < len(x); part++ {
		some := x[part*each : min((part+1)*each, len(x))]
		most, squares, sum := magnitudes(some)
		scale := fixedScale(most, squares, sum, len(some))
		if scale == 0 {
			return false
		}
		dst[part*apart] = math.Float32bits(scale)
	}
	for part := 0; part*each < len(x); part++ {
		some, to := x[part*each:min((part+1)*each, len(x))], dst[part*apart:]
		scale := math.Float32frombits(to[0])
		corner := fixWords(to[fixedHead:][:wordSteps(len(some), fixedUnit)*fixedWords], some, scale)
		to[0], to[1] = math.Float32bits(1/scale), uint32(corner)
	}
	return true
}

// magnitudesGo is the largest magnitude of x, and the sums of their squares and of
// themselves. One of the sums is not finite if x is not.
func magnitudesGo(x []float32) (most, squares, sum float32) {
	for _, v := range x {
		a := absolute(v)
		most, squares, sum = max(most, a), squares+v*v, sum+a
	}
	return most, squares, sum
}

// fixWordsGo writes x times a scale as whole numbers, two to a word, and 0 behind.
// The corner is of each three words the second times the third.
func fixWordsGo(dst []uint32, x []float32, scale float32) (corner int32) {
	fixElements(dst, x, scale)
	for ; len(dst) > 0; dst = dst[fixedWords:] {
		corner += dot16(dst[1], dst[2])
	}
	return corner
}

// fixElements is fixWordsGo without a corner.
func fixElements(dst []uint32, x []float32, scale float32) {
	clear(dst)
	for i, v := range x {
		dst[i/2] |= fixed(v, scale) << (16 * (i % 2))
	}
}

// fixPanelGo makes what panelMulFixed reads of some rows of a panel. The last
// step may lack some.
//
//	dst    [steps, 3, 32], [32] what sums are multiplied with, [32] corners
//	w      [rows, 32] pairs of bfloat16
//	scales [32], [32] corners
func fixPanelGo(dst, w, scales []uint32) {
	for i, word := range w {
		dst[i] = fixBF16(word, math.Float32frombits(scales[i%panelCols]))
	}
	all := dst[:roundUp(len(w), fixedWords*panelCols)]
	clear(all[len(w):])
	for c := range panelCols {
		dst[len(all)+c] = math.Float32bits(1 / math.Float32frombits(scales[c]))
	}
	copy(dst[len(all)+panelCols:], scales[panelCols:fixedColumns])
}

// panelMulFixedGo is y = add + bias + x·w for one panel, the twin of the assembly
// kernel. k counts steps.
//
//	y    [m, 32], row i at y[i*ldy]
//	x    [m], row i at x[i*ldx]: what sums are multiplied with, corner, behind 16 words [k, 3] pairs of int16
//	w    [k, 3, 32] pairs of int16, [32] what sums are multiplied with, [32] corners
//	bias [32], or nil
//	add  [m, 32], row i at add[i*ldadd], or nil; may be y
func panelMulFixedGo(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	scales, corners := w[k*sx*panelCols:], w[(k*sx+1)*panelCols:]
	for j := 0; j < panelCols; j += 4 {
		for i := range m {
			row := x[i*ldx:]
			var s [4]int32
			for p := range k {
				a, b := row[fixedHead+p*sx:][:fixedWords], w[p*sx*panelCols+j:]
				for q := range s {
					s[q] += dot16(a[0], b[q])
					s[q] += dot16(add16(a[1], b[2*panelCols+q]), add16(a[2], b[panelCols+q]))
				}
			}
			var f [4]float32
			for q := range s {
				times := float32(math.Float32frombits(row[0]) * math.Float32frombits(scales[j+q]))
				f[q] = float32(float32(s[q]-int32(corners[j+q])-int32(row[1])) * times)
			}
			putSums(y[i*ldy:], f, bias, add, i*ldadd, j)
		}
	}
}
