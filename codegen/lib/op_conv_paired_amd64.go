//go:build amd64 && !purego

package lib

func columnMoments(dst, w []float32, ld, k int) {
	if isa == isaAVX512 {
		columnMomentsAVX512(&dst[0], &w[0], ld, k/pairedUnit, k%pairedUnit)
		return
	}
	columnMomentsGo(dst, w, ld, k)
}

// columnMomentsAVX512 is columnMomentsGo for so many units, and the rest of the
// rows.
//
//go:noescape
func columnMomentsAVX512(dst, w *float32, ld, units, rest int)
