//go:build amd64 && !purego

package lib

// hasVNNI tells of the instructions of AVX512-VNNI, hasAVXVNNI of those for
// the vectors of AVX2, which processors without AVX-512 may have.
var hasVNNI, hasAVXVNNI = detectVNNI()

func detectVNNI() (avx512, avx bool) {
	const (
		avx512vnni = 1 << 11 // leaf 7, ecx
		avxvnni    = 1 << 4  // leaf 7, subleaf 1, eax
	)
	if isa == isaPortable {
		return false, false
	}
	highest, _, c, _ := cpuid(7, 0)
	if highest > 0 {
		a, _, _, _ := cpuid(7, 1)
		avx = a&avxvnni != 0
	}
	return c&avx512vnni != 0, avx
}

func rowRange(x []float32) (lo, hi, spoiled float32) {
	switch {
	case len(x) == 0 || isa == isaPortable:
		return rowRangeGo(x)
	case isa == isaAVX512:
		return rowRangeAVX512(&x[0], len(x))
	}
	return rowRangeAVX2(&x[0], len(x))
}

//go:noescape
func rowRangeAVX512(x *float32, n int) (lo, hi, spoiled float32)

//go:noescape
func rowRangeAVX2(x *float32, n int) (lo, hi, spoiled float32)

func quantizeRow(dst []uint32, x []float32, inverse float32, zero int32) {
	n := len(x) &^ 31
	switch {
	case n == 0 || isa == isaPortable:
		n = 0
	case isa == isaAVX512:
		quantizeRowAVX512(&dst[0], &x[0], n, inverse, zero)
	default:
		quantizeRowAVX2(&dst[0], &x[0], n, inverse, zero)
	}
	quantizeRowGo(dst[n/4:], x[n:], inverse, zero)
}

// quantizeRowAVX512 is quantizeRow where n is a multiple of 32, and not 0.
//
//go:noescape
func quantizeRowAVX512(dst *uint32, x *float32, n int, inverse float32, zero int32)

//go:noescape
func quantizeRowAVX2(dst *uint32, x *float32, n int, inverse float32, zero int32)

func panelMulInt8(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelMulInt8Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	case isa == isaAVX512 && hasVNNI:
		fetch, step := ahead(w, next, tiles(m, 12))
		panelDotInt8AVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	case hasAVXVNNI:
		fetch, step := ahead(w, next, 2*tiles(m, 6))
		panelDotInt8AVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		fetch, step := ahead(w, next, 2*tiles(m, 4))
		panelMulInt8AVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	}
}

//go:noescape
func panelDotInt8AVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotInt8AVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulInt8AVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

func panelMulShifted(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelMulShiftedGo(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	case isa == isaAVX512 && hasVNNI:
		fetch, step := ahead(w, next, tiles(m, 12))
		panelDotShiftedAVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	case hasAVXVNNI:
		fetch, step := ahead(w, next, 2*tiles(m, 6))
		panelDotShiftedAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		fetch, step := ahead(w, next, 2*tiles(m, 4))
		panelMulShiftedAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	}
}

//go:noescape
func panelDotShiftedAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotShiftedAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulShiftedAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
