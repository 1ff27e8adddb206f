package lib

import "math"

// gemmBlockedInt8 is gemmBlocked where each block of a row of x is rounded to
// int8, with a scale that is found here. The sum of a block is a whole number.
//
//	w [k, n], packed by PackBlockedInt8 for the format f, which is twoBitsInt8,
//	  fourBitsInt8 or eightBitsInt8, and blocks of block rows, a multiple of 16
//	  and at most maxInt8Block
func gemmBlockedInt8(c *ctx, f wordFormat, block int, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		ldx = 0 // there is no row of x to find
	}
	f.words = int8BlockHead + f.words*block
	f.perStep, f.perRow = block, int8BlockOutside+block/4
	rows := task[blockRows](c)
	rows.x, rows.ldx, rows.k, rows.block, rows.size = x, ldx, k, block, f.rowWords(k)
	rows.ldw = apart(rows.size)
	if len(rows.words) < m*rows.ldw {
		rows.words = make([]uint32, m*rows.ldw)
	}
	c.split(m, 1+rowsGrain/(k+1), rows)
	rows.x = nil
	mulWords(c, f, y, ldy, rows.words, w, bias, r, ldr, act, m, k, n)
}

// The formats of weights whose rows of x are in int8; words is those of a row of
// a panel, to which blocks come.
var (
	twoBitsInt8   = wordFormat{words: 2, mul: panelMulTwos}
	fourBitsInt8  = wordFormat{words: 4, mul: panelMulFours}
	eightBitsInt8 = wordFormat{words: 8, mul: panelMulEights}
)

// int8BlockHead is the words of a block of a panel beside its numbers: the zero
// points of its columns in front, a byte each, and their scales behind.
// int8BlockOutside is those of a block of x: less its sum, and its scale.
const (
	int8BlockHead    = panelCols/4 + panelCols
	int8BlockOutside = 2
)

// maxInt8Block is how many int8 may add up to a sum that fits into 16 bits.
const maxInt8Block = math.MaxInt16 / math.MaxInt8 &^ 15

// packedBlockedInt8Len is the number of words of a packed matrix [k, n].
func packedBlockedInt8Len(bits, k, n, block int) int {
	return wordSteps(k, block) * (int8BlockHead + bits*block) * (roundUp(n, panelCols) / panelCols)
}

// blockRows is the rows of x while they are rounded; words stays with the ctx.
type blockRows struct {
	words                    []uint32
	x                        []float32
	ldx, k, block, ldw, size int
}

func (t *blockRows) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		dst, x := t.words[i*t.ldw:][:t.size], t.x[i*t.ldx:i*t.ldx+t.k]
		whole := t.k / t.block
		quantizeBlocks(dst, x, whole, t.block)
		if rest := x[whole*t.block:]; len(rest) > 0 {
			quantizeBlockGo(dst[whole*(t.block/4+int8BlockOutside):], rest)
		}
	}
}

// quantizeBlocksGo writes so many blocks of x.
func quantizeBlocksGo(dst []uint32, x []float32, blocks, block int) {
	size := block/4 + int8BlockOutside
	for i := range blocks {
		quantizeBlockGo(dst[i*size:(i+1)*size], x[i*block:(i+1)*block])
	}
}

// quantizeBlockGo writes a block of x, of which some may lack: less the sum of
// its int8, these by fours, and their scale. The element that is furthest from 0
// becomes 127 or -127. A block that is not finite gets NaN for its scale.
func quantizeBlockGo(dst []uint32, x []float32) {
	most, spoiled := float32(0), float32(0)
	for _, v := range x {
		most = max(most, v, -v)
		spoiled += v * 0
	}
	scale := max(most/math.MaxInt8, leastScale)
	inverse := 1 / scale
	clear(dst)
	words, sum := dst[1:len(dst)-1], int32(0)
	for p, v := range x {
		q := nearestInt(v * inverse)
		sum += q
		words[p/4] |= uint32(uint8(q)) << (8 * (p % 4))
	}
	dst[0], dst[len(dst)-1] = uint32(-sum), math.Float32bits(scale+spoiled)
}

// panelBlocksGo is panelMulInt8Go for weights of so many bits in blocks. k counts
// blocks, of which those of x have sx words.
//
//	y    [m, 32], row i at y[i*ldy]
//	x    [m], row i at x[i*ldx]: [k] blocks as quantizeBlockGo writes them
//	w    [k] blocks: [32] zero points, a byte each; words of columns, bits·4 of
//	     them for each fours of x; [32] scales
//	bias [32], or nil
//	add  [m, 32], row i at add[i*ldadd], or nil; may be y
func panelBlocksGo(bits int, y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, ldadd, m, k int) {
	perWord, mask := 8/bits, uint32(1)<<bits-1
	mask |= mask<<8 | mask<<16 | mask<<24
	fours := sx - int8BlockOutside
	size := int8BlockHead + fours/perWord*panelCols
	for j := 0; j < panelCols; j += 4 {
		for i := range m {
			var f [4]float32
			for b := range k {
				row, block := x[i*ldx+b*sx:][:sx], w[b*size:][:size]
				scales, zeros := block[size-panelCols+j:][:4], block[j/4]
				var s [4]int32
				for q := range s {
					s[q] = int32(row[0]) * int32(zeros>>(8*q)&0xff)
				}
				for p := range fours {
					a := row[1+p]
					for q, v := range (*[4]uint32)(block[panelCols/4+p/perWord*panelCols+j:]) {
						v = v >> (p % perWord * bits) & mask
						s[q] += int32(int8(a))*int32(v&255) + int32(int8(a>>8))*int32(v>>8&255) +
							int32(int8(a>>16))*int32(v>>16&255) + int32(int8(a>>24))*int32(v>>24)
					}
				}
				scale := math.Float32frombits(row[sx-1])
				for q := range f {
					f[q] += float32(s[q]) * scale * math.Float32frombits(scales[q])
				}
			}
			putSums(y[i*ldy:], f, bias, add, i*ldadd, j)
		}
	}
}
