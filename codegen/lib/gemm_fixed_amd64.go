//go:build amd64 && !purego

package lib

// multipliesWords tells whether products of int16 are faster than those of float32:
// where two are one instruction, and with AVX2, which takes two for them.
func multipliesWords() bool {
	if isa == isaAVX512 {
		return hasVNNI
	}
	return pairs || isa == isaAVX2
}

// fixes tells whether fixed point is faster than what else there is for bfloat16:
// by pairs it is, and where no instruction multiplies that.
func fixes() bool { return multipliesWords() && (pairs || isa == isaAVX2 || !hasBF16) }

func magnitudes(x []float32) (most, squares, sum float32) {
	const each = 32 // elements
	switch n := len(x) / each * each; {
	case isa == isaAVX512:
		return magnitudesAVX512(&x[0], len(x))
	case isa == isaAVX2 && n > 0:
		most, squares, sum = magnitudesAVX2(&x[0], n)
		restMost, restSquares, restSum := magnitudesGo(x[n:])
		return max(most, restMost), squares + restSquares, sum + restSum
	}
	return magnitudesGo(x)
}

// magnitudesAVX512 is magnitudes where n is not 0, magnitudesAVX2 where it is a
// multiple of 32 as well. The largest is not that of a NaN.
//
//go:noescape
func magnitudesAVX512(x *float32, n int) (most, squares, sum float32)

//go:noescape
func magnitudesAVX2(x *float32, n int) (most, squares, sum float32)

func fixWords(dst []uint32, x []float32, scale float32) (corner int32) {
	const each, eachAVX2 = fixedTurn * fixedUnit, 16 // elements
	switch n := len(x) / eachAVX2 * eachAVX2; {
	case isa == isaAVX512 && hasVNNI:
		return fixWordsAVX512(&dst[0], &x[0], len(x), len(dst)-len(x)/each*fixedTurn*fixedWords, scale)
	case isa == isaAVX2 && n > 0 && !pairs: // which need no corner
		fixWordsAVX2(&dst[0], &x[0], n, scale)
		fixElements(dst[n/2:], x[n:], scale)
		return 0
	}
	return fixWordsGo(dst, x, scale)
}

// fixWordsAVX512 is fixWords where n is not 0; so many words are written of what
// is behind each 96 elements. It needs AVX512-VNNI.
//
//go:noescape
func fixWordsAVX512(dst *uint32, x *float32, n, words int, scale float32) int32

// fixWordsAVX2 is fixWords where n is a multiple of 16, and not 0.
//
//go:noescape
func fixWordsAVX2(dst *uint32, x *float32, n int, scale float32)

func fixPanel(dst, w, scales []uint32) {
	rows := len(w) / panelCols
	none := roundUp(rows, fixedWords) - rows
	switch isa {
	case isaAVX512:
		fixPanelAVX512(&dst[0], &w[0], &scales[0], rows, none)
	case isaAVX2:
		fixPanelAVX2(&dst[0], &w[0], &scales[0], rows, none)
	default:
		fixPanelGo(dst, w, scales)
	}
}

// fixPanelAVX512 is fixPanel for n rows, not 0, and so many rows of 0 behind.
//
//go:noescape
func fixPanelAVX512(dst, w, scales *uint32, n, none int)

//go:noescape
func fixPanelAVX2(dst, w, scales *uint32, n, none int)

func panelMulFixed(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case isa == isaAVX512 && hasVNNI && pairs:
		fetch, step := aheadFixed(w, next, tiles(m, fixedTile))
		panelPairFixedAVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	case isa == isaAVX512 && hasVNNI:
		fetch, step := aheadFixed(w, next, tiles(m, 12))
		panelDotFixedAVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	case isa == isaAVX2 && hasAVXVNNI && !pairs:
		fetch, step := aheadFixed(w, next, 2*tiles(m, 6))
		panelDotFixedAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	case isa == isaAVX2 && !pairs:
		fetch, step := aheadFixed(w, next, 2*tiles(m, 6))
		panelMulFixedAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		panelMulFixedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	}
}

// aheadFixed is ahead, of three words of a row at a time.
func aheadFixed(w, next []uint32, tiles int) (fetch *uint32, step int) {
	fetch, step = ahead(w, next, tiles)
	return fetch, fixedWords * step
}

// panelPairFixedAVX512 is panelMulFixed by pairs; panelDotFixed does without, and
// without corners. Both need AVX512-VNNI, or AVX-VNNI. With each step they fetch
// some lines from next on, and go on by step bytes.
//
//go:noescape
func panelPairFixedAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotFixedAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotFixedAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

// panelMulFixedAVX2 is panelDotFixedAVX2 without AVX-VNNI.
//
//go:noescape
func panelMulFixedAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
