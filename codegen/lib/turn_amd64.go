//go:build amd64 && !purego

package lib

func turnBlock(y, x []float32, rows, cols, yRow, xRow int) {
	m, n := rows&^7, cols&^7
	if isa == isaPortable || m == 0 || n == 0 {
		turnBlockGo(y, x, rows, cols, yRow, xRow)
		return
	}
	turnBlocksAVX2(&y[0], &x[0], m, n, yRow, xRow)
	if m < rows { // the last ones, some of them once more
		turnBlocksAVX2(&y[rows-8], &x[(rows-8)*xRow], 8, n, yRow, xRow)
	}
	if n < cols {
		turnBlockGo(y[n*yRow:], x[n:], rows, cols-n, yRow, xRow)
	}
}

func turnAdded(y, x, r []float32, rows, cols, yRow, xRow int, limits []float32) {
	m, n := rows&^7, cols&^7
	if isa == isaPortable || m == 0 || n == 0 {
		turnAddedGo(y, x, r, rows, cols, yRow, xRow, limits)
		return
	}
	least, most := limitsOr(limits)
	turnAddedAVX2(&y[0], &x[0], &r[0], m, n, yRow, xRow, least, most)
	if m < rows {
		turnAddedAVX2(&y[rows-8], &x[(rows-8)*xRow], &r[rows-8], 8, n, yRow, xRow, least, most)
	}
	if n < cols {
		turnAddedGo(y[n*yRow:], x[n:], r[n*yRow:], rows, cols-n, yRow, xRow, limits)
	}
}

// turnAddedAVX2 is turnAdded where rows and cols are multiples of 8, and not 0.
//
//go:noescape
func turnAddedAVX2(y, x, r *float32, rows, cols, yRow, xRow int, least, most float32)

// turnBlocksAVX2 is turnBlock where rows and cols are multiples of 8, and not 0.
//
//go:noescape
func turnBlocksAVX2(y, x *float32, rows, cols, yRow, xRow int)

func turnScaled(y, x, scale []float32, rows, cols, yRow, xRow int) {
	if isa == isaPortable || rows < 8 || cols < 8 {
		turnScaledGo(y, x, scale, rows, cols, yRow, xRow)
		return
	}
	// The last ones some of them once more.
	for j, n := 0, cols&^7; j < cols; j, n = cols-8, 8 {
		turnScaledAVX2(&y[j*yRow], &x[j], &scale[j], rows&^7, n, yRow, xRow)
		if rows%8 > 0 {
			turnScaledAVX2(&y[j*yRow+rows-8], &x[(rows-8)*xRow+j], &scale[j], 8, n, yRow, xRow)
		}
		if j+n == cols {
			break
		}
	}
}

// turnScaledAVX2 is turnScaled where rows and cols are multiples of 8, and not 0.
//
//go:noescape
func turnScaledAVX2(y, x, scale *float32, rows, cols, yRow, xRow int)
