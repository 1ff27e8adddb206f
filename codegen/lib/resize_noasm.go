//go:build (!amd64 && !arm64) || purego

package lib

func sampleRow(y, x []float32, first []int32, w []float32, taps, step int) {
	sampleRowGo(y, x, first, w, taps, step)
}
