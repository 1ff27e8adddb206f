//go:build (!amd64 && !arm64) || purego

package lib

func packColumns(dst, w []float32, k, n, ld int) { packColumnsGo(dst, w, k, n, ld) }

func panelMul(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k int) {
	panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
}

func panelMulNext(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add, _ []float32, ldadd, m, k int) {
	panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
}

func panelMulEnd(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add, _ []float32, ldadd, m, k int, end ending) {
	panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	end.finish(y, ldy, m, panelCols)
}
