//go:build !amd64 || purego

package lib

func splitPairs(even, odd, x []float32) { splitPairsGo(even, odd, x) }

func slideSum(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32) {
	slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias)
}

func slideMax(y, x []float32, at []int, rows, cols, yRow, xRow int) {
	slideMaxGo(y, x, at, rows, cols, yRow, xRow)
}

func takePieces(dst, x []float32, at []int, pieces []piece) { takePiecesGo(dst, x, at, pieces) }
