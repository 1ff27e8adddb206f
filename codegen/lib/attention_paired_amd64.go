//go:build amd64 && !purego

package lib

func rowSquares(dst, x []float32, ld, rows, n int) {
	if isa == isaAVX512 {
		rowSquaresAVX512(&dst[0], &x[0], rows, n, ld)
		return
	}
	rowSquaresGo(dst, x, ld, rows, n)
}

//go:noescape
func rowSquaresAVX512(dst, x *float32, rows, n, ld int)

func columnCorners(dst []float32, step int, w []float32, units int) {
	if isa == isaAVX512 {
		columnCornersAVX512(&dst[0], &w[0], units, step)
		return
	}
	columnCornersGo(dst, step, w, units)
}

//go:noescape
func columnCornersAVX512(dst, w *float32, units, step int)

func blendCorners(y []float32, ldy int, s, u []float32, lds int, a, b, ends []float32, rows, cols int) {
	if isa == isaAVX512 {
		left := cols % pairedTurn
		blendCornersAVX512(&y[0], &s[0], first(u), &a[0], first(b), &ends[0], rows, cols, left, left/pairedUnit*pairedUnit, ldy, lds)
		return
	}
	blendCornersGo(y, ldy, s, u, lds, a, b, ends, rows, cols)
}

// blendCornersAVX512 also is given how many columns are left behind whole turns, and how many of those are in units.
//
//go:noescape
func blendCornersAVX512(y, s, u, a, b, ends *float32, rows, cols, left, inUnits, ldy, lds int)
