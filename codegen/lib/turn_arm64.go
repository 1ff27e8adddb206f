//go:build arm64 && !purego

package lib

func turnBlock(y, x []float32, rows, cols, yRow, xRow int) {
	m, n := rows&^7, cols&^7
	if isa == isaPortable || m == 0 || n == 0 {
		turnBlockGo(y, x, rows, cols, yRow, xRow)
		return
	}
	turnBlocksNEON(&y[0], &x[0], m, n, yRow, xRow)
	if m < rows { // the last ones, some of them once more
		turnBlocksNEON(&y[rows-8], &x[(rows-8)*xRow], 8, n, yRow, xRow)
	}
	if n < cols {
		turnBlocksNEON(&y[(cols-8)*yRow], &x[cols-8], m, 8, yRow, xRow)
	}
	if m < rows && n < cols {
		turnBlocksNEON(&y[(cols-8)*yRow+rows-8], &x[(rows-8)*xRow+cols-8], 8, 8, yRow, xRow)
	}
}

func turnAdded(y, x, r []float32, rows, cols, yRow, xRow int, limits []float32) {
	m, n := rows&^7, cols&^7
	if isa == isaPortable || m == 0 || n == 0 {
		turnAddedGo(y, x, r, rows, cols, yRow, xRow, limits)
		return
	}
	least, most := limitsOr(limits)
	turnAddedNEON(&y[0], &x[0], &r[0], m, n, yRow, xRow, least, most)
	if m < rows {
		turnAddedNEON(&y[rows-8], &x[(rows-8)*xRow], &r[rows-8], 8, n, yRow, xRow, least, most)
	}
	if n < cols {
		turnAddedGo(y[n*yRow:], x[n:], r[n*yRow:], rows, cols-n, yRow, xRow, limits)
	}
}

// turnAddedNEON is turnAdded where rows and cols are multiples of 8, and not 0.
//
//go:noescape
func turnAddedNEON(y, x, r *float32, rows, cols, yRow, xRow int, least, most float32)

// turnBlocksNEON is turnBlock where rows and cols are multiples of 8, and not 0.
//
//go:noescape
func turnBlocksNEON(y, x *float32, rows, cols, yRow, xRow int)

func turnScaled(y, x, scale []float32, rows, cols, yRow, xRow int) {
	turnScaledGo(y, x, scale, rows, cols, yRow, xRow)
}
