//go:build (!amd64 && !arm64) || purego

package lib

// halfMul is panelMulEnd for the first 16 columns of a panel.
func halfMul(y []float32, ldy int, x []float32, ldx int, w, add []float32, ldadd, m, k int, end ending) {
	narrow(y, ldy, x, ldx, 1, w, nil, add, ldadd, m, k, halfCols, end)
}
