package lib

import "math"

// gemmInt8 is gemm with weights in int8, which a scale for each column
// multiplies, and each row of x in uint8, with a scale and a 0 of its own that
// are found here. Sums are whole numbers: the same on every processor.
//
//	w [k, n], packed by packInt8; k at most maxInt8Depth
func gemmInt8(c *ctx, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	f := symmetric
	f.row = quantizedRow
	gemmWords(c, f, y, ldy, x, ldx, w, bias, r, ldr, act, m, k, n)
}

// symmetric is the format of weights whose 0 is 0.
var symmetric = wordFormat{perStep: 4, head: 2, perRow: 1, words: panelCols, tail: 2 * panelCols, bytes: true, mul: panelMulInt8}

// maxInt8Depth is how many products of an uint8 and an int8 fit into an int32.
const maxInt8Depth = math.MaxInt32 / (math.MaxUint8 * -math.MinInt8)

// packedInt8Len is the number of words of a matrix [k, n] packed by packInt8.
func packedInt8Len(k, n int) int { return packedLen(wordSteps(k, 4)+2, n) }

// packInt8 packs the matrix w[k, n] into panels of 32 columns, as packB does,
// but each word holds four rows of a column, in whole parts of the column's
// scale. Two more words for each column are behind a panel's last row: the
// scale, and the sum of the parts.
func packInt8(dst []uint32, w []float32, k, n int) {
	steps := wordSteps(k, 4)
	clear(dst)
	for j := range n {
		most := float32(0)
		for p := range k {
			most = max(most, max(w[p*n+j], -w[p*n+j])) // NaN stays
		}
		scale := max(most/math.MaxInt8, leastScale)
		panel := dst[j/panelCols*(steps+2)*panelCols+j%panelCols:]
		sum := int32(0)
		for p := range k {
			q := nearestInt(w[p*n+j] / scale)
			sum += q
			panel[p/4*panelCols] |= uint32(uint8(q)) << (8 * (p % 4))
		}
		panel[steps*panelCols], panel[(steps+1)*panelCols] = math.Float32bits(scale), uint32(sum)
	}
}

// leastScale is that of a row or column of nothing but 0; its inverse is
// finite.
const leastScale = 1e-35

// nearestInt rounds a number of few bits, ties to even; what is none is 0.
func nearestInt(x float32) int32 {
	if !(x >= -256 && x <= 256) {
		return 0
	}
	return int32(math.RoundToEven(float64(x)))
}

// quantizedRow writes a row of x: its scale, the number that stands for 0, and
// uint8 by fours. The least and the greatest element, 0 among them, become 0
// and 255. A row that is not finite gets NaN for its scale, and so all of its
// results are NaN.
func quantizedRow(dst []uint32, x []float32) {
	lo, hi, spoiled := rowRange(x)
	scale := max(hi/math.MaxUint8-lo/math.MaxUint8, leastScale)
	inverse := 1 / scale
	if spoiled != 0 {
		scale, inverse = float32(math.NaN()), 0
		clear(dst)
		dst[0] = math.Float32bits(scale)
		return
	}
	zero := nearestInt(-lo * inverse)
	dst[0], dst[1] = math.Float32bits(scale), uint32(zero)
	quantizeRow(dst[2:], x, inverse, zero)
}

// rowRangeGo is the least and the greatest element, 0 among them; spoiled is
// not 0, but NaN, if an element is not finite.
func rowRangeGo(x []float32) (lo, hi, spoiled float32) {
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		spoiled += v * 0
	}
	return lo, hi, spoiled
}

// quantizeRowGo writes x·inverse + zero, by fours.
func quantizeRowGo(dst []uint32, x []float32, inverse float32, zero int32) {
	for i := range dst {
		word := uint32(0)
		for q, v := range x[4*i : min(4*i+4, len(x))] {
			word |= uint32(min(max(nearestInt(v*inverse)+zero, 0), math.MaxUint8)) << (8 * q)
		}
		dst[i] = word
	}
}

// panelMulInt8Go is y = add + bias + x·w for one panel, the twin of the
// assembly kernels. k counts fours.
//
//	y    [m, 32], row i at y[i*ldy]
//	x    [m], row i at x[i*ldx]: scale, zero, [k] fours of uint8
//	w    [k, 32] fours of int8, [32] scales, [32] sums
//	bias [32], or nil
//	add  [m, 32], row i at add[i*ldadd], or nil; may be y
func panelMulInt8Go(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	panelBytes(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k, 2)
}

// panelBytes is for rows of x with so many words before the fours: scale,
// zero and, of three, the sum of what is less zero, which goes with another 32
// words of w behind the sums, the zero points of the columns.
func panelBytes(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, ldadd, m, k, head int) {
	scales, sums := w[k*panelCols:], w[(k+1)*panelCols:]
	for j := 0; j < panelCols; j += 4 {
		for i := range m {
			row := x[i*ldx : i*ldx+head+k*sx]
			scale, zero := math.Float32frombits(row[0]), int32(row[1])
			var s [4]int32
			for p := range k {
				a := row[head+p*sx]
				for q, b := range (*[4]uint32)(w[p*panelCols+j:]) {
					s[q] += int32(a&255)*int32(int8(b)) + int32(a>>8&255)*int32(int8(b>>8)) +
						int32(a>>16&255)*int32(int8(b>>16)) + int32(a>>24)*int32(int8(b>>24))
				}
			}
			var f [4]float32
			for q := range s {
				s[q] -= zero * int32(sums[j+q])
				if head == 3 {
					s[q] -= int32(row[2]) * int32(w[(k+2)*panelCols+j+q])
				}
				by := float32(scale * math.Float32frombits(scales[j+q]))
				f[q] = float32(float32(s[q]) * by)
			}
			putSums(y[i*ldy:], f, bias, add, i*ldadd, j)
		}
	}
}
