//go:build (!amd64 && !arm64) || purego

package lib

func expRows(s []float32, ld int, bias []float32, ldBias int, was, top, sum []float32, rows, cols, seen, step int, scale float32) {
	expRowsGo(s, ld, bias, ldBias, was, top, sum, rows, cols, seen, step, scale)
}

func blendRows(s, u []float32, ld int, a, b []float32, rows, cols int) {
	blendRowsGo(s, u, ld, a, b, rows, cols)
}
