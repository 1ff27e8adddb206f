//go:build (!amd64 && !arm64) || purego

package lib

// fewRows is up to how many rows of x it is faster to widen w in registers, for
// each tile of them anew.
func fewRows() int { return tileRows }

func mulTwos(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	mulBlocksGo(2, y, x, q, head, m, k, first, block, ldx)
}

func mulRowTwos(y, x []float32, q, head []uint32, size, k, first, block int) {
	mulRowGo(2, y, x, q, head, size, k, first, block)
}

func widenTwos(dst []float32, q, head []uint32, rows int) { widenBlockGo(2, dst, q, head, rows) }

func mulFours(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	mulBlocksGo(4, y, x, q, head, m, k, first, block, ldx)
}

func mulRowFours(y, x []float32, q, head []uint32, size, k, first, block int) {
	mulRowGo(4, y, x, q, head, size, k, first, block)
}

func widenFours(dst []float32, q, head []uint32, rows int) { widenBlockGo(4, dst, q, head, rows) }

func mulEights(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	mulBlocksGo(8, y, x, q, head, m, k, first, block, ldx)
}

func mulRowEights(y, x []float32, q, head []uint32, size, k, first, block int) {
	mulRowGo(8, y, x, q, head, size, k, first, block)
}

func widenEights(dst []float32, q, head []uint32, rows int) { widenBlockGo(8, dst, q, head, rows) }
