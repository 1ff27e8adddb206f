//go:build (!amd64 && !arm64) || purego

package lib

func bf16Format() wordFormat { return bf16Widened() }

func roundWordsBF16(dst []uint32, x []float32) { roundWordsGo(dst, x) }

func panelMulBF16(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	panelMulBF16Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
}
