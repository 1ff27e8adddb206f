//go:build !amd64 || purego

package lib

// choosePairs says no: here nothing is gained.
func choosePairs() bool { return false }

func rowMoments(x []float32) (squares, corner float32) { return rowMomentsGo(x) }

func pairedMul(y []float32, ldy int, x []float32, ldx int, w, bias, corners, ends, add, limits, _ []float32, ldadd, m, k int) {
	pairedMulGo(y, ldy, x, ldx, w, bias, corners, ends, add, limits, ldadd, m, k)
}
