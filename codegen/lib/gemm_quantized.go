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
//	w    [k, n], packed by PackBytes; k at most maxInt8Depth
func gemmQuantized[T int8 | uint8](c *ctx, y []float32, ldy int, x []T, ldx int, scale []float32, zero []T, w []uint32,
	bias, r []float32, ldr int, act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	rows := task[byteRows](c)
	rows.ldx, rows.k, rows.ldw, rows.scale, rows.zero, rows.flip = ldx, k, 2+wordSteps(k, 4), math.Float32bits(scale[0]), 0, 0
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
	mulWords(c, formatInt8(nil), y, ldy, rows.words, w, bias, r, ldr, act, m, k, n)
}

// byteRows is the rows of x while they are put as kernels read them; words
// stays with the ctx.
type byteRows struct {
	words       []uint32
	x           []uint8
	ldx, k, ldw int
	scale, flip uint32
	zero        int32
}

func (t *byteRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		dst := t.words[i*t.ldw : (i+1)*t.ldw]
		dst[0], dst[1] = t.scale, uint32(t.zero)
		if t.k == 0 {
			continue
		}
		dst[t.ldw-1] = 0
		copy(unsafe.Slice((*uint8)(unsafe.Pointer(&dst[2])), t.k), t.x[i*t.ldx:])
		if t.flip != 0 {
			for p := range dst[2:] {
				dst[2+p] ^= t.flip
			}
		}
	}
}
