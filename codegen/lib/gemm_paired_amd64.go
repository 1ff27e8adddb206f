//go:build amd64 && !purego

package lib

func rowCorner(dst, x []float32, scale float32) float32 {
	if n := len(x) / pairedTurn * pairedTurn; n > 0 && isa == isaAVX512 {
		return rowCornerAVX512(&dst[0], &x[0], n, scale) + rowCornerGo(dst[n:], x[n:], scale)
	}
	return rowCornerGo(dst, x, scale)
}

// rowCornerAVX512 is rowCornerGo for n elements, a multiple of 48 and not 0.
//
//go:noescape
func rowCornerAVX512(dst, x *float32, n int, scale float32) float32

// pairedMul is pairedMulGo, and brings as much of next as w has from memory to
// the caches meanwhile.
func pairedMul(y []float32, ldy int, x []float32, ldx int, w, bias, corners, ends, add, next []float32, ldadd, m, k int) {
	if isa == isaAVX512 {
		fetch, bytes := &w[0], 0 // what is in the cache anyway
		if len(next) > 0 {
			fetch, bytes = &next[0], 4*pairedUnit*panelCols
		}
		tiles := tiles(m, 8)
		pairedMulAVX512(&y[0], &x[0], &w[0], first(bias), &corners[0], &ends[0], first(add), fetch, m, k, ldy, ldx, ldadd, (bytes+tiles-1)/tiles)
		return
	}
	pairedMulGo(y, ldy, x, ldx, w, bias, corners, ends, add, ldadd, m, k)
}

// pairedMulAVX512 fetches a line from next on at each sixth step over k, and
// goes on by step bytes.
//
//go:noescape
func pairedMulAVX512(y, x, w, bias, corners, ends, add, next *float32, m, k, ldy, ldx, ldadd, step int)
