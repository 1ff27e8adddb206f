//go:build !amd64 || purego

package lib

func widenFours(dst []float32, q, head []uint32, rows int) { widenFoursGo(dst, q, head, rows) }

func mulFours(y, x []float32, head []uint32, m, k, block, ldx int) {
	mulFoursGo(y, x, head, m, k, block, ldx)
}
