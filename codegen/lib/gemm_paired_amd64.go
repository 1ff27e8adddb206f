//go:build amd64 && !purego

package lib

func rowMoments(x []float32) (squares, corner float32) {
	if len(x) > 0 && isa == isaAVX512 {
		return rowMomentsAVX512(&x[0], len(x), max(len(x)/pairedUnit*pairedUnit-1, 0))
	}
	return rowMomentsGo(x)
}

// rowMomentsAVX512 is rowMomentsGo for n elements, not 0, of which so many are
// followed by another one of a pair.
//
//go:noescape
func rowMomentsAVX512(x *float32, n, followed int) (squares, corner float32)

// pairedMul is pairedMulGo, and brings as much of next as w has from memory to
// the caches meanwhile.
func pairedMul(y []float32, ldy int, x []float32, ldx int, w, bias, corners, ends, add, limits, next []float32, ldadd, m, k int) {
	if isa == isaAVX512 {
		fetch, bytes := &w[0], 0 // what is in the cache anyway
		if len(next) > 0 {
			fetch, bytes = &next[0], 4*pairedUnit*panelCols
		}
		tiles := tiles(m, pairedTile)
		pairedMulAVX512(&y[0], &x[0], &w[0], first(bias), &corners[0], &ends[0], first(add), first(limits), fetch, m, k/pairedUnit, k%pairedUnit, ldy, ldx, ldadd, (bytes+tiles-1)/tiles)
		return
	}
	pairedMulGo(y, ldy, x, ldx, w, bias, corners, ends, add, limits, ldadd, m, k)
}

// pairedMulAVX512 does so many times two pairs and the rest of the steps. With
// each two pairs it fetches a line from next on, and goes on by step bytes.
//
//go:noescape
func pairedMulAVX512(y, x, w, bias, corners, ends, add, limits, next *float32, m, twice, rest, ldy, ldx, ldadd, step int)
