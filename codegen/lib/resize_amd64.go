//go:build amd64 && !purego

package lib

func sampleRow(y, x []float32, first []int32, w []float32, taps, step int) {
	switch {
	case isa == isaPortable || len(y) == 0:
		sampleRowGo(y, x, first, w, taps, step)
	case isa == isaAVX512:
		sampleRowAVX512(&y[0], &x[0], &first[0], &w[0], len(y), taps, step)
	default:
		sampleRowAVX2(&y[0], &x[0], &first[0], &w[0], len(y), taps, step)
	}
}

//go:noescape
func sampleRowAVX512(y, x *float32, first *int32, w *float32, n, taps, step int)

//go:noescape
func sampleRowAVX2(y, x *float32, first *int32, w *float32, n, taps, step int)
