//go:build !amd64 || purego

package lib

// multipliesWords and fixes tell whether fixed point is what a test wants: here
// nothing is gained.
func multipliesWords() bool { return pairs }
func fixes() bool           { return pairs }

func magnitudes(x []float32) (most, squares, sum float32) { return magnitudesGo(x) }

func fixWords(dst []uint32, x []float32, scale float32) (corner int32) {
	return fixWordsGo(dst, x, scale)
}

func fixPanel(dst, w, scales []uint32) { fixPanelGo(dst, w, scales) }

func panelMulFixed(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	panelMulFixedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
}
