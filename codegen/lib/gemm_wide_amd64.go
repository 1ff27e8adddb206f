//go:build amd64 && !purego

package lib

// wideKernels is how words of 16 bits are multiplied, and how panels become them,
// whose columns have zero points or not. It is nothing if bytes are multiplied as
// fast.
func wideKernels(zeros bool) (mul func(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int),
	panel func(dst, w, _ []uint32)) {
	switch {
	case isa != isaAVX2 || hasAVXVNNI:
		return nil, nil
	case zeros:
		return panelMulWideShifted, func(dst, w, _ []uint32) { splitPanel(dst, w, shifted.tail) }
	}
	return panelMulWide, func(dst, w, _ []uint32) { splitPanel(dst, w, symmetric.tail) }
}

// splitRow is splitRowGo; it needs AVX2.
func splitRow(dst, x []uint32) {
	n := len(x) &^ 3
	if n > 0 {
		splitRowAVX2(&dst[0], &x[0], n)
	}
	splitRowGo(dst[2*n:], x[n:])
}

// splitRowAVX2 is splitRow where n is a multiple of 4, and not 0.
//
//go:noescape
func splitRowAVX2(dst, x *uint32, n int)

// splitPanel makes two rows of each row of a panel: even bytes, then odd ones,
// with their signs. The tail behind them stays as it is. It needs AVX2.
func splitPanel(dst, w []uint32, tail int) {
	n := len(w) - tail
	splitPanelAVX2(&dst[0], &w[0], n/panelCols)
	copy(dst[2*n:], w[n:])
}

// splitPanelAVX2 makes 2n rows of n, not 0.
//
//go:noescape
func splitPanelAVX2(dst, w *uint32, n int)

// panelMulWide is panelMulInt8 with two words for each; it needs AVX2.
func panelMulWide(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	fetch, step := ahead(w, next, tiles(m, 6)) // twice, for half of the words
	panelMulWideAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
}

//go:noescape
func panelMulWideAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

// panelMulWideShifted is panelMulShifted with two words for each; it needs AVX2.
func panelMulWideShifted(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, next []uint32, ldadd, m, k int) {
	fetch, step := ahead(w, next, tiles(m, 6))
	panelMulWideShiftedAVX2(&y[0], &x[0], &w[0], first(bias), first(add), fetch, m, k, ldy, ldx, sx, ldadd, step)
}

//go:noescape
func panelMulWideShiftedAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
