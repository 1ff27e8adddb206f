//go:build amd64 && !purego

package lib

// first is the address of x[0], nil if there is none.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

func packColumns(dst, w []float32, k, n, ld int) {
	rows, cols := k&^7, n&^7
	if isa == isaPortable || rows == 0 || cols == 0 {
		packColumnsGo(dst, w, k, n, ld)
		return
	}
	packBlocksAVX2(&dst[0], &w[0], rows, cols, ld)
	if cols < n {
		packColumnsGo(dst[cols:], w[cols*ld:], k, n-cols, ld)
	}
	if rows < k {
		for j := range cols {
			for p := rows; p < k; p++ {
				dst[p*panelCols+j] = w[j*ld+p]
			}
		}
	}
}

// packBlocksAVX2 is packColumns where k and n are multiples of 8, and not 0.
//
//go:noescape
func packBlocksAVX2(dst, w *float32, k, n, ld int)

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
