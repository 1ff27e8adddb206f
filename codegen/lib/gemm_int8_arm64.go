//go:build arm64 && !purego

package lib

func rowRange(x []float32) (lo, hi, spoiled float32) {
	if len(x) == 0 || isa == isaPortable {
		return rowRangeGo(x)
	}
	return rowRangeNEON(&x[0], len(x))
}

//go:noescape
func rowRangeNEON(x *float32, n int) (lo, hi, spoiled float32)

func quantizeRow(dst []uint32, x []float32, inverse float32, zero int32) {
	n := len(x) &^ 31
	if n == 0 || isa == isaPortable {
		n = 0
	} else {
		quantizeRowNEON(&dst[0], &x[0], n, inverse, zero)
	}
	quantizeRowGo(dst[n/4:], x[n:], inverse, zero)
}

// quantizeRowNEON is quantizeRow where n is a multiple of 32, and not 0.
//
//go:noescape
func quantizeRowNEON(dst *uint32, x *float32, n int, inverse float32, zero int32)

// panelMulInt8 wants rows of x whose words follow each other, as those of all
// rows do: sx is 1.
func panelMulInt8(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelMulInt8Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	case hasDot:
		fetch, step := ahead(w, next, 2*((m+5)/6))
		panelDotInt8NEON(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		fetch, step := ahead(w, next, 2*((m+2)/3))
		panelMulInt8NEON(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	}
}

//go:noescape
func panelDotInt8NEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulInt8NEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

func panelMulShifted(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelMulShiftedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	case hasDot:
		fetch, step := ahead(w, next, 2*((m+5)/6))
		panelDotShiftedNEON(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		fetch, step := ahead(w, next, 2*((m+2)/3))
		panelMulShiftedNEON(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	}
}

//go:noescape
func panelDotShiftedNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulShiftedNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
