//go:build (!amd64 && !arm64) || purego

package lib

func rowRange(x []float32) (lo, hi, spoiled float32) { return rowRangeGo(x) }

func quantizeRow(dst []uint32, x []float32, inverse float32, zero int32) {
	quantizeRowGo(dst, x, inverse, zero)
}

func panelMulInt8(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	panelMulInt8Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
}

func panelMulShifted(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	panelMulShiftedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
}
