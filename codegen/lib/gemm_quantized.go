package lib

import (
	"math"
	"unsafe"
)

// gemmQuantized is gemm for what is in bytes already: y is act((x - zero)·w,
// times scale and the scale of the column, + bias) + r. It is exact but for the
// scales.
//
//	x    [m, k], element (i, p) is x[i*ldx+p]
//	zero [1], or nil for 0; scale [1]
//	w    [k, n], packed by PackBytes for the format f, which is symmetric or
//	     shifted; k at most maxInt8Depth
func gemmQuantized[T int8 | uint8](c *ctx, f wordFormat, y []float32, ldy int, x []T, ldx int, scale []float32, zero []T, w []uint32,
	bias, r []float32, ldr int, act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	rows := task[byteRows](c)
	rows.ldx, rows.k, rows.head, rows.size = ldx, k, f.head, f.rowWords(k)
	rows.ldw = apart(rows.size)
	rows.scale, rows.zero, rows.flip = math.Float32bits(scale[0]), 0, 0
	rows.x = reinterpret[uint8](x)
	if zero != nil {
		rows.zero = int32(zero[0])
	}
	if T(0)-1 < 0 { // int8 plus 128 is what the kernels take, of both sides of the difference
		rows.zero, rows.flip = rows.zero-math.MinInt8, 0x80808080
	}
	if len(rows.words) < m*rows.ldw {
		rows.words = make([]uint32, m*rows.ldw)
	}
	c.split(m, 1+4*rowsGrain/(k+1), rows)
	rows.x = nil
	mulWords(c, f, y, ldy, rows.words, w, bias, r, ldr, act, m, k, n)
}

// byteRows is the rows of x while they are put as kernels read them; words
// stays with the ctx.
type byteRows struct {
	words                   []uint32
	x                       []uint8
	ldx, k, head, ldw, size int
	scale, flip             uint32
	zero                    int32
}

func (t *byteRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		dst := t.words[i*t.ldw:][:t.size]
		dst[0], dst[1] = t.scale, uint32(t.zero)
		if t.k == 0 {
			clear(dst[2:])
			continue
		}
		dst[t.size-1] = 0
		fours := dst[t.head:]
		copy(unsafe.Slice((*uint8)(unsafe.Pointer(&fours[0])), t.k), t.x[i*t.ldx:])
		if t.flip != 0 {
			for p := range fours {
				fours[p] ^= t.flip
			}
		}
		if t.head > 2 {
			filled := int32(4*len(fours)-t.k) * int32(t.flip&255)
			dst[2] = uint32(sumBytes(fours) - filled - t.zero*int32(t.k))
		}
	}
}

// sumBytes is the sum of all bytes.
func sumBytes(x []uint32) (sum int32) {
	for len(x) > 0 {
		n := min(len(x), 128) // of which the sums of two fit into 16 bits
		pairs := uint32(0)
		for _, w := range x[:n] {
			pairs += w&0xff00ff + w>>8&0xff00ff
		}
		sum += int32(pairs&0xffff + pairs>>16)
		x = x[n:]
	}
	return sum
}

// shifted is the format of weights that have zero points.
var shifted = wordFormat{perStep: 4, head: 3, perRow: 1, words: panelCols, tail: 3 * panelCols, bytes: true, mul: panelMulShifted}

// panelMulShiftedGo is panelMulInt8Go for rows of x that have their sum, less
// zero, behind zero, and weights with zero points behind their sums.
func panelMulShiftedGo(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	panelBytes(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k, 3)
}
