//go:build (!amd64 && !arm64) || purego

package lib

func turnBlock(y, x []float32, rows, cols, yRow, xRow int) { turnBlockGo(y, x, rows, cols, yRow, xRow) }

func turnAdded(y, x, r []float32, rows, cols, yRow, xRow int, limits []float32) {
	turnAddedGo(y, x, r, rows, cols, yRow, xRow, limits)
}

func turnScaled(y, x, scale []float32, rows, cols, yRow, xRow int) {
	turnScaledGo(y, x, scale, rows, cols, yRow, xRow)
}
