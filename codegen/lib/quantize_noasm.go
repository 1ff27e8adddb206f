//go:build (!amd64 && !arm64) || purego

package lib

func quantizeBytes(y []uint8, x []float32, scale float32, zero, lo, hi int32) {
	quantizeBytesGo(y, x, scale, zero, lo, hi)
}
