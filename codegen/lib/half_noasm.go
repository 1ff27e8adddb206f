//go:build (!amd64 && !arm64) || purego

package lib

func narrowF16(y []float16, x []float32) { apply(y, x, f32ToF16) }

func widenF16(y []float32, x []float16) { apply(y, x, f16ToF32) }
