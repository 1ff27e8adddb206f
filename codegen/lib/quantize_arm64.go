//go:build arm64 && !purego

package lib

func quantizeBytes(y []uint8, x []float32, scale float32, zero, lo, hi int32) {
	n := len(x) &^ 31
	if _, _, spoiled := rowRange(x); spoiled != 0 || !(scale > 0) {
		n = 0
	}
	if n == 0 || isa == isaPortable {
		n = 0
	} else {
		quantizeBytesNEON(&y[0], &x[0], n, scale, float32(lo-zero), float32(hi-zero), zero)
	}
	quantizeBytesGo(y[n:], x[n:], scale, zero, lo, hi)
}

// quantizeBytesNEON is quantizeBytes where n is a multiple of 32, and not 0;
// quotients are cut to low and high before zero comes to them.
//
//go:noescape
func quantizeBytesNEON(y *uint8, x *float32, n int, scale, low, high float32, zero int32)
