//go:build !amd64 || purego

package lib

func rowSquares(dst, x []float32, ld, rows, n int) { rowSquaresGo(dst, x, ld, rows, n) }

func columnCorners(dst []float32, step int, w []float32, units int) {
	columnCornersGo(dst, step, w, units)
}

func blendCorners(y []float32, ldy int, s, u []float32, lds int, a, b, ends []float32, rows, cols int) {
	blendCornersGo(y, ldy, s, u, lds, a, b, ends, rows, cols)
}
