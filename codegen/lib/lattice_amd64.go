//go:build amd64 && !purego

package lib

import "unsafe"

func spreadRows(to, x []float32, rows, cols, toRow, xRow int) {
	switch {
	case isa == isaPortable || rows == 0 || cols == 0:
		spreadRowsGo(to, x, rows, cols, toRow, xRow)
	case isa == isaAVX512:
		spreadRowsAVX512(&to[0], &x[0], rows, cols, toRow, xRow)
	default:
		spreadRowsAVX2(&to[0], &x[0], rows, cols, toRow, xRow)
	}
}

//go:noescape
func spreadRowsAVX512(to, x *float32, rows, cols, toRow, xRow int)

//go:noescape
func spreadRowsAVX2(to, x *float32, rows, cols, toRow, xRow int)

// fetchRows brings so many rows of x near, which will be read soon.
func fetchRows(x []float32, rows, cols, xRow int) {
	if isa != isaPortable && rows > 0 && cols > 0 {
		fetchRowsAVX2(&x[0], rows, cols, xRow)
	}
}

//go:noescape
func fetchRowsAVX2(x *float32, rows, cols, xRow int)

func splitRows(even, odd, x []float32, rows, cols, toRow, xRow int) {
	switch {
	case isa == isaPortable || rows == 0 || cols < 2:
		splitRowsGo(even, odd, x, rows, cols, toRow, xRow)
	case isa == isaAVX512:
		splitRowsAVX512(&even[0], &odd[0], &x[0], rows, cols, toRow, xRow)
	default:
		splitRowsAVX2(&even[0], &odd[0], &x[0], rows, cols, toRow, xRow)
	}
}

//go:noescape
func splitRowsAVX512(even, odd, x *float32, rows, cols, toRow, xRow int)

//go:noescape
func splitRowsAVX2(even, odd, x *float32, rows, cols, toRow, xRow int)

func slideSum(y, x, w []float32, at []int, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	least, most := limitsOr(limits)
	switch {
	case isa == isaPortable || rows == 0 || cols == 0 || len(at) == 0:
		slideSumGo(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
	case rows == 1 && cols >= 32: // one after the other, they would wait for their sums
		n := cols &^ 15
		slideSum(y, x, w, at, n/16, 16, 16, 16, bias, limits)
		slideSum(y[n:], x[n:], w, at, 1, cols-n, 0, 0, bias, limits)
	case isa == isaAVX512:
		slideSumAVX512(&y[0], &x[0], &w[0], &at[0], len(at), rows, cols, yRow, xRow, bias, least, most)
	default:
		slideSumAVX2(&y[0], &x[0], &w[0], &at[0], len(at), rows, cols, yRow, xRow, bias, least, most)
	}
}

// slideRuns is slideSum with the same taps in runs.
func slideRuns(y, x, w []float32, at []int, r *tapRuns, rows, cols, yRow, xRow int, bias float32, limits []float32) {
	least, most := limitsOr(limits)
	switch {
	case isa == isaPortable || rows < 2 || cols == 0 || r.count[1]+r.count[2] == 0:
		slideSum(y, x, w, at, rows, cols, yRow, xRow, bias, limits)
	case isa == isaAVX512:
		slideRunsAVX512(&y[0], &x[0], &w[0], &r.at[0], r.count[2], r.count[1], r.count[0], r.step, rows, cols, yRow, xRow, bias, least, most)
	default:
		slideRunsAVX2(&y[0], &x[0], &w[0], &r.at[0], r.count[2], r.count[1], r.count[0], r.step, rows, cols, yRow, xRow, bias, least, most)
	}
}

//go:noescape
func slideRunsAVX512(y, x, w *float32, at *int, triples, pairs, singles, wStep, rows, cols, yRow, xRow int, bias, least, most float32)

//go:noescape
func slideRunsAVX2(y, x, w *float32, at *int, triples, pairs, singles, wStep, rows, cols, yRow, xRow int, bias, least, most float32)

//go:noescape
func slideSumAVX512(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias, least, most float32)

//go:noescape
func slideSumAVX2(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias, least, most float32)

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
