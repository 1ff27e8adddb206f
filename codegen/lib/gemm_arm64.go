//go:build arm64 && !purego

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
	packBlocksNEON(&dst[0], &w[:(n-1)*ld+k][0], rows, cols, ld)
	if cols < n { // the last ones, some of them once more
		packBlocksNEON(&dst[n-8], &w[(n-8)*ld], rows, 8, ld)
	}
	if rows < k {
		packBlocksNEON(&dst[(k-8)*panelCols], &w[k-8], 8, cols, ld)
	}
	if cols < n && rows < k {
		packBlocksNEON(&dst[(k-8)*panelCols+n-8], &w[(n-8)*ld+k-8], 8, 8, ld)
	}
}

// packBlocksNEON is packColumns where k and n are multiples of 8, and not 0.
//
//go:noescape
func packBlocksNEON(dst, w *float32, k, n, ld int)

func panelMul(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k int) {
	panelMulNext(y, ldy, x, ldx, sx, w, bias, add, nil, ldadd, m, k)
}

// panelMulNext is panelMul, and brings as much of next as w has from memory to
// the caches meanwhile.
func panelMulNext(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add, next []float32, ldadd, m, k int) {
	panelMulEnd(y, ldy, x, ldx, sx, w, bias, add, next, ldadd, m, k, ending{})
}

// panelMulEnd is panelMulNext with an ending.
func panelMulEnd(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add, next []float32, ldadd, m, k int, end ending) {
	if k == 0 || m == 0 || isa == isaPortable {
		panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
		end.finish(y, ldy, m, panelCols)
		return
	}
	fetch, step := &w[0], 0 // what is in the cache anyway
	if len(next) > 0 {
		tiles := 2*(m/6) + (m%6+2)/3 // one for each half of the panel, but for the last rows
		fetch, step = &next[0], (4*panelCols+tiles-1)/tiles
	}
	panelMulNEON(&y[0], &x[0], &w[0], first(bias), first(end.rows), first(add), first(end.limits), fetch, m, k, ldy, ldx, sx, ldadd, step)
}

// panelMulNEON fetches lines from next on at each step over k, and goes on by
// step bytes.
//
//go:noescape
func panelMulNEON(y, x, w, bias, rowBias, add, limits, next *float32, m, k, ldy, ldx, sx, ldadd, step int)
