package lib

import "math"

// gemmBF16 is gemm with weights and x rounded to bfloat16, to the nearest, and
// sums in float32; or else in fixed point, where x keeps more bits.
//
//	w [k, n], packed by packBF16
func gemmBF16(c *ctx, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	if scales := w[bf16Words(k, n):]; fixable(scales, m) {
		gemmFixed(c, y, ldy, x, ldx, w, scales, bias, r, ldr, act, m, k, n)
		return
	}
	gemmWords(c, bf16Format(), y, ldy, x, ldx, w, bias, r, ldr, act, m, k, n)
}

// bf16Widened multiplies in float32: a step of x is two float32 without the
// bits that bfloat16 has not.
func bf16Widened() wordFormat {
	return wordFormat{perStep: 2, perRow: 2, words: panelCols, depth: kDepth, row: roundWordsBF16, mul: panelMulBF16}
}

// packedBF16Len is the number of words of a matrix [k, n] packed by packBF16,
// bf16Words that without the scales behind it.
func packedBF16Len(k, n int) int { return bf16Words(k, n) + scalesLen(k, n) }
func bf16Words(k, n int) int     { return packedLen(wordSteps(k, 2), n) }

// packBF16 packs the matrix w[k, n] into panels of 32 columns, as packB does,
// but each word holds two rows of a column: the even row in the lower half.
// Behind all panels are the scales for fixed point.
func packBF16(dst []uint32, w []float32, k, n int) {
	steps := wordSteps(k, 2)
	clear(dst)
	defer func() { fixScales(dst[bf16Words(k, n):][:scalesLen(k, n)], dst, k, n) }()
	for p := range k {
		for j := range n {
			at := (j/panelCols*steps+p/2)*panelCols + j%panelCols
			dst[at] |= uint32(f32ToBF16(w[p*n+j])) << (16 * (p % 2))
		}
	}
}

// roundPairsGo writes bfloat16 in pairs; an odd one gets a 0.
func roundPairsGo(dst []uint32, x []float32) {
	for i := range dst {
		dst[i] = uint32(f32ToBF16(x[2*i]))
		if 2*i+1 < len(x) {
			dst[i] |= uint32(f32ToBF16(x[2*i+1])) << 16
		}
	}
}

// roundWordsGo writes float32 whose lower half is 0.
func roundWordsGo(dst []uint32, x []float32) {
	for i, v := range x {
		dst[i] = uint32(f32ToBF16(v)) << 16
	}
	clear(dst[len(x):])
}

// panelMulBF16Go is y = add + bias + x·w for one panel, the twin of the
// assembly kernels. k counts pairs.
//
//	y    [m, 32], row i at y[i*ldy]
//	x    [m, k, 2] float32, step (i, p) at x[i*ldx+p*sx]
//	w    [k, 32] pairs of bfloat16
//	bias [32], or nil
//	add  [m, 32], row i at add[i*ldadd], or nil; may be y
func panelMulBF16Go(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	for j := 0; j < panelCols; j += 4 { // so few columns of w stay in cache for all rows
		for i := range m {
			var s [4]float32
			at := i * ldx
			for p := range k {
				even, odd := math.Float32frombits(x[at]), math.Float32frombits(x[at+1])
				for q, b := range (*[4]uint32)(w[p*panelCols+j:]) {
					s[q] += even * math.Float32frombits(b<<16)
					s[q] += odd * math.Float32frombits(b&0xffff0000)
				}
				at += sx
			}
			putSums(y[i*ldy:], s, bias, add, i*ldadd, j)
		}
	}
}

// putSums stores sums as the columns from j of a row of y, with bias and the
// row at of add.
func putSums(y []float32, s [4]float32, bias, add []float32, at, j int) {
	for q := range s {
		if bias != nil {
			s[q] += bias[j+q]
		}
		if add != nil {
			s[q] += add[at+j+q]
		}
	}
	copy(y[j:j+4], s[:])
}
