//go:build amd64 && !purego

package lib

// first is the address of x[0], nil if there is none.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

func packColumns(dst, w []float32, k, n, ld int) { packColumnsGo(dst, w, k, n, ld) }

func panelMul(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k int) {
	switch {
	case k == 0 || isa == isaPortable:
		panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case isa == isaAVX512:
		panelMulAVX512(&y[0], &x[0], &w[0], first(bias), first(add), m, k, ldy, ldx, sx, ldadd)
	default:
		panelMulAVX2(&y[0], &x[0], &w[0], first(bias), first(add), m, k, ldy, ldx, sx, ldadd)
	}
}

//go:noescape
func panelMulAVX512(y, x, w, bias, add *float32, m, k, ldy, ldx, sx, ldadd int)

//go:noescape
func panelMulAVX2(y, x, w, bias, add *float32, m, k, ldy, ldx, sx, ldadd int)
