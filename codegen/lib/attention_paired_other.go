//go:build !amd64 || purego

package lib

func rowSpread(x []float32, ld, rows, n int) (least, most, sum float32) {
	return rowSpreadGo(x, ld, rows, n)
}

func columnCorners(dst, w []float32, units int) { columnCornersGo(dst, w, units) }

func packCorners(panel, corners, w []float32, units, n, ld int) {
	packCornersGo(panel, corners, w, units, n, ld)
}

func blendCorners(s, u []float32, ld int, a, b, ends []float32, rows, cols int) {
	blendCornersGo(s, u, ld, a, b, ends, rows, cols)
}

func scaleCorners(y []float32, ldy int, x []float32, ldx int, ends []float32, rows, cols int, size float32) bool {
	return scaleCornersGo(y, ldy, x, ldx, ends, rows, cols, size)
}
