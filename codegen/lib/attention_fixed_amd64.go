//go:build amd64 && !purego

package lib

func fixColumns(dst []uint32, w []float32, n int) (fine bool) {
	mean := fixedMean * float32(n)
	switch {
	case isa == isaAVX512 && hasVNNI:
		return fixColumnsAVX512(&dst[0], &w[0], n, mean) == 0
	case isa == isaAVX2 && !pairs: // which need no corners
		return fixColumnsAVX2(&dst[0], &w[0], n, mean) == 0
	}
	return fixColumnsGo(dst, w, n)
}

// fixColumnsAVX512 is fixColumns where n is not 0, given what the magnitudes of a
// fine column add up to at least. It needs AVX512-VNNI.
//
//go:noescape
func fixColumnsAVX512(dst *uint32, w *float32, n int, mean float32) (coarse int)

//go:noescape
func fixColumnsAVX2(dst *uint32, w *float32, n int, mean float32) (coarse int)

func fixRows(dst []uint32, ldd int, x, u []float32, ld int, a, b, back []float32, rows, n int) {
	switch {
	case isa == isaAVX512 && hasVNNI:
		fixRowsAVX512(&dst[0], &x[0], first(u), &a[0], first(b), &back[0], rows, n, ldd, ld)
	case isa == isaAVX2 && !pairs:
		const each = 32 // elements
		fixRowsAVX2(&dst[0], &x[0], first(u), &a[0], first(b), &back[0], rows, n, ldd, ld)
		if made, all := roundUp(n, each)/2, wordSteps(n, fixedUnit)*fixedWords; made < all {
			for r := range rows {
				clear(dst[r*ldd+fixedHead:][made:all])
			}
		}
	default:
		fixRowsGo(dst, ldd, x, u, ld, a, b, back, rows, n)
	}
}

// fixRowsAVX512 is fixRows where n is not 0; it writes words of a multiple of 96
// elements, and needs AVX512-VNNI. fixRowsAVX2 writes those of a multiple of 32
// elements, and no corner.
//
//go:noescape
func fixRowsAVX512(dst *uint32, x, u, a, b, back *float32, rows, n, ldd, ld int)

//go:noescape
func fixRowsAVX2(dst *uint32, x, u, a, b, back *float32, rows, n, ldd, ld int)

func rowSquares(dst, x []float32, ld, rows, n int) {
	switch isa {
	case isaAVX512:
		rowSquaresAVX512(&dst[0], &x[0], rows, n, ld)
	case isaAVX2:
		rowSquaresAVX2(&dst[0], &x[0], rows, n, ld)
	default:
		rowSquaresGo(dst, x, ld, rows, n)
	}
}

//go:noescape
func rowSquaresAVX512(dst, x *float32, rows, n, ld int)

//go:noescape
func rowSquaresAVX2(dst, x *float32, rows, n, ld int)
