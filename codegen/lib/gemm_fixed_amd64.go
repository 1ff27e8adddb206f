//go:build amd64 && !purego

package lib

// fixes tells whether the instructions for fixed point are there, or none is
// to be used.
func fixes() bool { return hasVNNI || isa != isaAVX512 }

func magnitudes(x []float32) (most, squares, sum float32) {
	if isa != isaAVX512 {
		return magnitudesGo(x)
	}
	return magnitudesAVX512(&x[0], len(x))
}

// magnitudesAVX512 is magnitudes where n is not 0. The largest is not that of a
// NaN.
//
//go:noescape
func magnitudesAVX512(x *float32, n int) (most, squares, sum float32)

func fixWords(dst []uint32, x []float32, scale float32) (corner int32) {
	const each = fixedTurn * fixedUnit
	if isa != isaAVX512 || !hasVNNI {
		return fixWordsGo(dst, x, scale)
	}
	return fixWordsAVX512(&dst[0], &x[0], len(x), len(dst)-len(x)/each*fixedTurn*fixedWords, scale)
}

// fixWordsAVX512 is fixWords where n is not 0; so many words are written of what
// is behind each 96 elements. It needs AVX512-VNNI.
//
//go:noescape
func fixWordsAVX512(dst *uint32, x *float32, n, words int, scale float32) int32

func fixPanel(dst, w, scales []uint32) {
	if isa != isaAVX512 {
		fixPanelGo(dst, w, scales)
		return
	}
	rows := len(w) / panelCols
	fixPanelAVX512(&dst[0], &w[0], &scales[0], rows, roundUp(rows, fixedWords)-rows)
}

// fixPanelAVX512 is fixPanel for n rows, not 0, and so many rows of 0 behind.
//
//go:noescape
func fixPanelAVX512(dst, w, scales *uint32, n, none int)

func panelMulFixed(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	if isa != isaAVX512 || !hasVNNI {
		panelMulFixedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
		return
	}
	fetch, bytes := &w[0], 0 // what is in the cache anyway
	if len(next) > 0 {
		fetch, bytes = &next[0], 4*fixedWords*panelCols
	}
	tiles := tiles(m, fixedTile)
	panelMulFixedAVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, (bytes+tiles-1)/tiles)
}

// panelMulFixedAVX512 needs AVX512-VNNI. With each step it fetches a line from
// next on, and goes on by step bytes.
//
//go:noescape
func panelMulFixedAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
