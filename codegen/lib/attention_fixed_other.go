//go:build !amd64 || purego

package lib

func fixColumns(dst []uint32, w []float32, n int) (fine bool) { return fixColumnsGo(dst, w, n) }

func fixRows(dst []uint32, ldd int, x, u []float32, ld int, a, b, back []float32, rows, n int) {
	fixRowsGo(dst, ldd, x, u, ld, a, b, back, rows, n)
}

func rowSquares(dst, x []float32, ld, rows, n int) { rowSquaresGo(dst, x, ld, rows, n) }
