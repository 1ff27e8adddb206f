//go:build (!amd64 && !arm64) || purego

package lib

func spreadRows(to, x []float32, rows, cols, toRow, xRow int) {
	spreadRowsGo(to, x, rows, cols, toRow, xRow)
}

func fetchRows(x []float32, rows, cols, xRow int) {}

func splitRows(even, odd, x []float32, rows, cols, toRow, xRow int) {
	splitRowsGo(even, odd, x, rows, cols, toRow, xRow)
}

func slideSum(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
}

func slideRuns(y, x, w []float32, at []int, _ *tapRuns, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
}

func slideMax(y, x []float32, at []int, rows, cols, yRow, xRow int) {
	slideMaxGo(y, x, at, rows, cols, yRow, xRow)
}

func takePieces(dst, x []float32, at []int, pieces []piece) { takePiecesGo(dst, x, at, pieces) }
