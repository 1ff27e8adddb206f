//go:build arm64 && !purego

package lib

import "unsafe"

func spreadRows(to, x []float32, rows, cols, toRow, xRow int) {
	if isa == isaPortable || rows == 0 || cols < 4 {
		spreadRowsGo(to, x, rows, cols, toRow, xRow)
		return
	}
	spreadRowsNEON(&to[0], &x[0], rows, cols, toRow, xRow)
}

// spreadRowsNEON is spreadRows where cols is at least 4.
//
//go:noescape
func spreadRowsNEON(to, x *float32, rows, cols, toRow, xRow int)

// fetchRows brings so many rows of x near, which will be read soon.
func fetchRows(x []float32, rows, cols, xRow int) {
	if isa != isaPortable && rows > 0 && cols > 0 {
		fetchRowsNEON(&x[0], rows, cols, xRow)
	}
}

//go:noescape
func fetchRowsNEON(x *float32, rows, cols, xRow int)

func splitRows(even, odd, x []float32, rows, cols, toRow, xRow int) {
	if isa == isaPortable || rows == 0 || cols < 8 {
		splitRowsGo(even, odd, x, rows, cols, toRow, xRow)
		return
	}
	splitRowsNEON(&even[0], &odd[0], &x[0], rows, cols, toRow, xRow)
}

// splitRowsNEON is splitRows where cols is at least 8.
//
//go:noescape
func splitRowsNEON(even, odd, x *float32, rows, cols, toRow, xRow int)

func slideSum(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	least, most := limitsOr(limits)
	switch {
	case isa == isaPortable || rows == 0 || cols == 0 || len(at) == 0:
		slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
	case rows == 1 && cols >= 32: // one after the other, they would wait for their sums
		n := cols &^ 15
		slideSum(y, x, w, at, n/16, 16, 16, 16, bias, limits)
		slideSum(y[n:], x[n:], w, at, 1, cols-n, 0, 0, bias, limits)
	default:
		slideSumNEON(&y[0], &x[0], &w[0], &at[0], len(at), rows, cols, yRow, xRow, bias, least, most)
	}
}

// slideRuns is slideSum with the same taps in runs.
func slideRuns(y, x, w []float32, at []int, r *tapRuns, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	if isa == isaPortable || rows < 2 || cols == 0 || r.count[1]+r.count[2] == 0 {
		slideSum(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
		return
	}
	least, most := limitsOr(limits)
	slideRunsNEON(&y[0], &x[0], &w[0], &r.at[0], r.count[2], r.count[1], r.count[0], r.step, rows, cols, yRow, xRow, bias, least, most)
}

//go:noescape
func slideRunsNEON(y, x, w *float32, at *int, triples, pairs, singles, wStep, rows, cols, yRow, xRow int, bias, least, most float32)

//go:noescape
func slideSumNEON(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias, least, most float32)

func slideMax(y, x []float32, at []int, rows, cols, yRow, xRow int) {
	if isa == isaPortable || rows == 0 || cols == 0 || len(at) == 0 {
		slideMaxGo(y, x, at, rows, cols, yRow, xRow)
		return
	}
	slideMaxNEON(&y[0], &x[0], &at[0], len(at), rows, cols, yRow, xRow)
}

//go:noescape
func slideMaxNEON(y, x *float32, at *int, taps, rows, cols, yRow, xRow int)

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
		takePiecesNEON(&dst[0], &x[0], &at[0], k, (*int)(unsafe.Pointer(&pieces[0])), len(pieces))
	}
	takePiecesGo(dst[k*panelCols:], x, at[k:], pieces)
}

//go:noescape
func takePiecesNEON(dst, x *float32, at *int, k int, pieces *int, n int)
