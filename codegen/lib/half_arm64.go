//go:build arm64 && !purego

package lib

func narrowF16(y []float16, x []float32) {
	n := len(y) &^ 7
	if n > 0 && isa != isaPortable {
		narrowF16NEON((*uint16)(&y[0]), &x[0], n)
		y, x = y[n:], x[n:]
	}
	apply(y, x, f32ToF16)
}

func widenF16(y []float32, x []float16) {
	n := len(y) &^ 7
	if n > 0 && isa != isaPortable {
		widenF16NEON(&y[0], (*uint16)(&x[0]), n)
		y, x = y[n:], x[n:]
	}
	apply(y, x, f16ToF32)
}

// narrowF16NEON is narrowF16 where n is a multiple of 8, and not 0.
//
//go:noescape
func narrowF16NEON(y *uint16, x *float32, n int)

//go:noescape
func widenF16NEON(y *float32, x *uint16, n int)
