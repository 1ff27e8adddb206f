//go:build arm64 && !purego

package lib

// halfMul is panelMulEnd for the first 16 columns of a panel.
func halfMul(y []float32, ldy int, x []float32, ldx int, w, add []float32, ldadd, m, k int, end ending) {
	if k == 0 || m == 0 || isa == isaPortable {
		narrow(y, ldy, x, ldx, 1, w, nil, add, ldadd, m, k, halfCols, end)
		return
	}
	halfMulNEON(&y[0], &x[0], &w[0], nil, first(end.rows), first(add), first(end.limits), &w[0], m, k, ldy, ldx, 1, ldadd, 0)
}

//go:noescape
func halfMulNEON(y, x, w, bias, rowBias, add, limits, next *float32, m, k, ldy, ldx, sx, ldadd, step int)
