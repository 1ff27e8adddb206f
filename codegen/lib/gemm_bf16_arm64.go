//go:build arm64 && !purego

package lib

func bf16Format() wordFormat { return bf16Widened() }

func roundWordsBF16(dst []uint32, x []float32) {
	if len(x) == 0 || isa == isaPortable {
		roundWordsGo(dst, x)
		return
	}
	roundWordsNEON(&dst[0], &x[0], len(x))
	clear(dst[len(x):])
}

//go:noescape
func roundWordsNEON(dst *uint32, x *float32, n int)

// panelMulBF16 wants rows of x whose steps follow each other: sx is 2.
func panelMulBF16(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	if k == 0 || m == 0 || isa == isaPortable {
		panelMulBF16Go(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k)
		return
	}
	fetch, step := ahead(w, next, 2*((m+5)/6))
	panelMulBF16NEON(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
}

//go:noescape
func panelMulBF16NEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
