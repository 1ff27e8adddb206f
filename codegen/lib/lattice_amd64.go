//go:build amd64 && !purego

package lib

import "unsafe"

func splitPairs(even, odd, x []float32) {
	n := len(x) / 2 &^ 7
	if n > 0 && isa != isaPortable {
		splitPairsAVX2(&even[:n][0], &odd[:n][0], &x[0], n)
		even, odd, x = even[n:], odd[n:], x[2*n:]
	}
	splitPairsGo(even, odd, x)
}

// splitPairsAVX2 is splitPairs for n pairs, a multiple of 8 and not 0.
//
//go:noescape
func splitPairsAVX2(even, odd, x *float32, n int)

func slideSum(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32) {
	switch {
	case isa == isaPortable || rows == 0 || cols == 0 || len(at) == 0:
		slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias)
	case rows == 1 && cols >= 32: // one after the other, they would wait for their sums
		n := cols &^ 15
		slideSum(y, x, w, at, n/16, 16, 16, 16, bias)
		slideSum(y[n:], x[n:], w, at, 1, cols-n, 0, 0, bias)
	case isa == isaAVX512:
		slideSumAVX512(&y[0], &x[0], &w[0], &at[0], len(at), rows, cols, yRow, xRow, bias)
	default:
		slideSumAVX2(&y[0], &x[0], &w[0], &at[0], len(at), rows, cols, yRow, xRow, bias)
	}
}

//go:noescape
func slideSumAVX512(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias float32)

//go:noescape
func slideSumAVX2(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias float32)

func slideMax(y, x []float32, at []int, rows, cols, yRow, xRow int) {
	switch {
	case isa == isaPortable || rows == 0 || cols == 0 || len(at) == 0:
		slideMaxGo(y, x, at, rows, cols, yRow, xRow)
	case isa == isaAVX512:
		slideMaxAVX512(&y[0], &x[0], &at[0], len(at), rows, cols, yRow, xRow)
	default:
		slideMaxAVX2(&y[0], &x[0], &at[0], len(at), rows, cols, yRow, xRow)
	}
}

//go:noescape
func slideMaxAVX512(y, x *float32, at *int, taps, rows, cols, yRow, xRow int)

//go:noescape
func slideMaxAVX2(y, x *float32, at *int, taps, rows, cols, yRow, xRow int)

// takePieces copies whole pieces, as long as x and dst have them: of the last
// rows, whose pieces may end behind them, takePiecesGo takes care.
func takePieces(dst, x []float32, at []int, pieces []piece) {
	k := len(at)
	if isa == isaPortable || len(pieces) == 0 {
		k = 0
	}
	for k > 0 && (at[k-1]+pieces[len(pieces)-1].from+pieceCols > len(x) || k*panelCols+pieceCols > len(dst)) {
		k--
	}
	if k > 0 {
		p := (*int)(unsafe.Pointer(&pieces[0]))
		if isa == isaAVX512 {
			takePiecesAVX512(&dst[0], &x[0], &at[0], k, p, len(pieces))
		} else {
			takePiecesAVX2(&dst[0], &x[0], &at[0], k, p, len(pieces))
		}
	}
	takePiecesGo(dst[k*panelCols:], x, at[k:], pieces)
}

//go:noescape
func takePiecesAVX512(dst, x *float32, at *int, k int, pieces *int, n int)

//go:noescape
func takePiecesAVX2(dst, x *float32, at *int, k int, pieces *int, n int)
