//go:build (!amd64 && !arm64) || purego

package lib

func quantizeBlocks(dst []uint32, x []float32, blocks, block int) {
	quantizeBlocksGo(dst, x, blocks, block)
}

func panelMulTwos(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	panelBlocksGo(2, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
}

func panelMulFours(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	panelBlocksGo(4, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
}

func panelMulEights(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	panelBlocksGo(8, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
}
