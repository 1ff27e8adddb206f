//go:build amd64 && !purego

package lib

func rowSpread(x []float32, ld, rows, n int) (least, most, sum float32) {
	if isa == isaAVX512 {
		return rowSpreadAVX512(&x[0], rows, n, ld)
	}
	return rowSpreadGo(x, ld, rows, n)
}

//go:noescape
func rowSpreadAVX512(x *float32, rows, n, ld int) (least, most, sum float32)

func columnCorners(dst, w []float32, units int) {
	if isa == isaAVX512 {
		columnCornersAVX512(&dst[0], &w[0], units)
		return
	}
	columnCornersGo(dst, w, units)
}

//go:noescape
func columnCornersAVX512(dst, w *float32, units int)

func packCorners(panel, corners, w []float32, units, n, ld int) {
	if n == panelCols && isa == isaAVX512 {
		packCornersAVX512(&panel[0], &corners[0], &w[0], units, ld)
		return
	}
	packCornersGo(panel, corners, w, units, n, ld)
}

// packCornersAVX512 is packCornersGo for 32 columns.
//
//go:noescape
func packCornersAVX512(panel, corners, w *float32, units, ld int)

func blendCorners(s, u []float32, ld int, a, b, ends []float32, rows, cols int) {
	if isa == isaAVX512 {
		left := cols % pairedTurn
		blendCornersAVX512(&s[0], first(u), &a[0], first(b), &ends[0], rows, cols, left, left/pairedUnit*pairedUnit, ld)
		return
	}
	blendCornersGo(s, u, ld, a, b, ends, rows, cols)
}

// blendCornersAVX512 also is given how many columns are left behind whole turns,
// and how many of those are in units.
//
//go:noescape
func blendCornersAVX512(s, u, a, b, ends *float32, rows, cols, left, inUnits, ld int)

func scaleCorners(y []float32, ldy int, x []float32, ldx int, ends []float32, rows, cols int, size float32) bool {
	if isa == isaAVX512 {
		left := cols % pairedTurn
		return scaleCornersAVX512(&y[0], &x[0], &ends[0], rows, cols, left, left/pairedUnit*pairedUnit, ldy, ldx, size, 1/float32(cols)) == 0
	}
	return scaleCornersGo(y, ldy, x, ldx, ends, rows, cols, size)
}

// scaleCornersAVX512 likewise, and how much of the sum of its squares is a row's
// mean. It is odd where scaleCornersGo is not true.
//
//go:noescape
func scaleCornersAVX512(y, x, ends *float32, rows, cols, left, inUnits, ldy, ldx int, size, per float32) (odd int)
