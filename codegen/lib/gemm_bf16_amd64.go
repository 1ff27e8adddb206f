//go:build amd64 && !purego

package lib

// hasBF16 tells of the instructions of AVX512-BF16.
var hasBF16 = detectBF16()

func detectBF16() bool {
	if isa < isaAVX512 {
		return false
	}
	const avx512bf16 = 1 << 5 // leaf 7, subleaf 1, eax
	if last, _, _, _ := cpuid(7, 0); last < 1 {
		return false
	}
	a, _, _, _ := cpuid(7, 1)
	return a&avx512bf16 != 0
}

func bf16Format() wordFormat {
	if isa == isaAVX512 && hasBF16 {
		return wordFormat{perStep: 2, perRow: 1, words: panelCols, depth: kDepth, row: roundPairs, mul: panelDot16}
	}
	return bf16Widened()
}

// roundPairs is roundPairsGo; it needs AVX512-BF16.
func roundPairs(dst []uint32, x []float32) {
	n := len(x) &^ 31
	if n > 0 {
		roundPairsBF16(&dst[0], &x[0], n)
	}
	roundPairsGo(dst[n/2:], x[n:])
}

// roundPairsBF16 is roundPairs where n is a multiple of 32, and not 0.
//
//go:noescape
func roundPairsBF16(dst *uint32, x *float32, n int)

func roundWordsBF16(dst []uint32, x []float32) {
	switch {
	case len(x) == 0 || isa == isaPortable:
		roundWordsGo(dst, x)
		return
	case isa == isaAVX512:
		roundWordsAVX512(&dst[0], &x[0], len(x))
	default:
		roundWordsAVX2(&dst[0], &x[0], len(x))
	}
	clear(dst[len(x):])
}

//go:noescape
func roundWordsAVX512(dst *uint32, x *float32, n int)

//go:noescape
func roundWordsAVX2(dst *uint32, x *float32, n int)

// panelDot16 is panelMulBF16 with pairs of bfloat16 in x; it needs
// AVX512-BF16.
func panelDot16(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	if k == 0 || m == 0 {
		panelMulBF16Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
		return
	}
	fetch, step := ahead(w, next, tiles(m, 12))
	panelDotBF16(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
}

//go:noescape
func panelDotBF16(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

func panelMulBF16(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelMulBF16Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
	case isa == isaAVX512:
		fetch, step := ahead(w, next, tiles(m, 12))
		panelMulBF16AVX512(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	default:
		fetch, step := ahead(w, next, 2*tiles(m, 6))
		panelMulBF16AVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
	}
}

//go:noescape
func panelMulBF16AVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulBF16AVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
