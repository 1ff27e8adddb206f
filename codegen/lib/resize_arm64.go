//go:build arm64 && !purego

package lib

func sampleRow(y, x []float32, first []int32, w []float32, taps, step int) {
	n := len(y) &^ 7
	if isa == isaPortable || n == 0 {
		n = 0
	} else {
		sampleRowNEON(&y[0], &x[0], &first[0], &w[0], n, taps, step)
	}
	if n < len(y) {
		sampleRowGo(y[n:], x, first[n:], w[n:], taps, step)
	}
}

// sampleRowNEON is sampleRow where n is a multiple of 8, and not 0.
//
//go:noescape
func sampleRowNEON(y, x *float32, first *int32, w *float32, n, taps, step int)
