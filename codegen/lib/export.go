package lib

import (
	"fmt"
	"math"
)

// What the compiler itself uses of this package. Nothing here is emitted.

// BlockArgs is how many arguments a region can have, and BlockSpread those of them that are broadcast.
const (
	BlockArgs   = blockArgs
	BlockSpread = blockSpread
)

// MaxAddends is how many rows a step adds up before it normalises them.
const MaxAddends = maxAddends

// PackedLen is the number of floats that PackB fills for a matrix [k, n].
func PackedLen(k, n int) int { return packedLen(k, n) }

// PackB packs the weights w[k, n], element (p, j) at w[p*sk+j*sn], into the
// panels that linear reads: sk, sn = n, 1 as MatMul has them, 1, k transposed.
func PackB(dst, w []float32, k, n, sk, sn int) { packB(dst, w, k, n, sk, sn) }

// LinearLen is the number of floats of weights [k, n] as linear takes them.
func LinearLen(k, n int) int { return linearLen(k, n) }

// PackLinear is PackB for the weights w[k, n] of linear: with what products by
// pairs need behind the panels.
func PackLinear(dst, w []float32, k, n int) {
	size := packedLen(k, n)
	packB(dst[:size], w, k, n, n, 1)
	if len(dst) > size {
		corners(dst[size:], k, n, leastColumn, func(j int) []float32 { return dst[j*k:][:k*panelCols] })
	}
}

// CorneredRowsLen is the number of floats of weights of convolutions by pairs.
func CorneredRowsLen(features, k int) int { return corneredRowsLen(features, k) }

// CornerRows lays out the weights w[groups, features, channels, places] of a
// convolution for conv32 by pairs.
func CornerRows(dst, w []float32, groups, features, channels, places int) {
	cornerRows(dst, w, groups, features, channels, places)
}

// ConvCornered reports whether the weights of a convolution with so many features
// of a group and taps are worth corners.
func ConvCornered(features, k int) bool { return worthCorners(features, k) }

// PackTurned packs the weights w[features, channels, places] of a convolution for
// convTurned32 into LinearLen(channels*places, features) floats.
func PackTurned(dst, w []float32, features, channels, places int) {
	packTurned(dst, w, features, channels, places)
}

// PackedGatesLen is the number of floats that PackGates fills for gates of so
// many rows [rows, k].
func PackedGatesLen(gates, rows, k int) int { return gates * packedLen(k, rows) }

// PackGates packs the weights w[gates, rows, k] of recurrent operators into the
// panels that rnn32, gru32 and lstm32 read: each gate transposed, in panels of
// its own.
func PackGates(dst, w []float32, gates, rows, k int) {
	size := packedLen(k, rows)
	for g := range gates {
		packB(dst[g*size:(g+1)*size], w[g*rows*k:(g+1)*rows*k], k, rows, 1, k)
	}
}

// PackedBF16Len is the number of words that PackBF16 fills for a matrix [k, n].
func PackedBF16Len(k, n int) int { return packedBF16Len(k, n) }

// PackedInt8Len is the number of words that PackInt8 fills for a matrix [k, n].
func PackedInt8Len(k, n int) int { return packedInt8Len(k, n) }

// PackBF16 packs the weights w[k, n] into the panels that gemmBF16 reads.
func PackBF16(dst []uint32, w []float32, k, n int) { packBF16(dst, w, k, n) }

// PackInt8 packs the weights w[k, n] into the panels that gemmInt8 reads.
func PackInt8(dst []uint32, w []float32, k, n int) { packInt8(dst, w, k, n) }

// PackedBytesLen is the number of words that PackBytes fills for a matrix
// [k, n].
func PackedBytesLen(k, n int, zeros bool) int {
	if zeros {
		return packedLen(wordSteps(k, 4)+3, n)
	}
	return packedInt8Len(k, n)
}

// PackBytes packs the weights w[k, n], int8 in bytes, with the scales of their
// columns into the panels that gemmQuantized reads: those of gemmInt8 or, where
// columns have zero points, int8 too, with these behind.
func PackBytes(dst []uint32, w []byte, scale []float32, zero []byte, k, n int) {
	steps := wordSteps(k, 4)
	rows := PackedBytesLen(k, panelCols, zero != nil) / panelCols
	for j := range n {
		panel := dst[j/panelCols*rows*panelCols+j%panelCols:]
		sum := int32(0)
		for p := range k {
			q := w[p*n+j]
			sum += int32(int8(q))
			panel[p/4*panelCols] |= uint32(q) << (8 * (p % 4))
		}
		panel[steps*panelCols], panel[(steps+1)*panelCols] = math.Float32bits(scale[j]), uint32(sum)
		if zero != nil {
			panel[(steps+2)*panelCols] = uint32(int8(zero[j]))
		}
	}
}

// MaxInt8Depth is the largest k that gemmInt8 serves.
const MaxInt8Depth = maxInt8Depth

// PackedBlockedLen is the number of words of a matrix [k, n] that PackBlocked packs.
func PackedBlockedLen(bits, k, n, block int) int {
	return packedBlockedLen(bits, k, n, block) + cornersLen(k, n)
}

// PackBlocked packs the weights w[k, n], so many bits in bytes, with the scales
// and zero points [ceil(k/block), n] of their blocks into the panels that
// gemmBlocked reads; zero may be nil.
func PackBlocked(bits int, dst []uint32, w []byte, scale []float32, zero []byte, k, n, block int) {
	size := blockedPanel(bits, k, block)
	for j := range n {
		panel, c := dst[j/panelCols*size:][:size], j%panelCols
		at := c % (4 * bits)
		shift := at%4*8 + c/(4*bits)*bits
		for p := 0; p < k; p += block {
			b := p / block
			part := panel[b*(blockHead+block*bits):]
			part[c] = math.Float32bits(scale[b*n+j])
			if zero != nil {
				part[panelCols+c/4] |= uint32(zero[b*n+j]) << (8 * (c % 4))
			}
			for i := range min(block, k-p) {
				part[blockHead+i*bits+at/4] |= uint32(w[(p+i)*n+j]) << shift
			}
		}
	}
	if behind := reinterpret[float32](dst[packedBlockedLen(bits, k, n, block):]); len(behind) > 0 {
		t, panel := blockedTask{format: formatOf(bits), packed: dst, block: block}, make([]float32, k*panelCols)
		t.k = k
		corners(behind, k, n, leastColumn, func(j int) []float32 {
			t.widen(panel, 0, k, j)
			return panel
		})
	}
}

func formatOf(bits int) blockFormat {
	for _, f := range []blockFormat{twoBits, fourBits, eightBits} {
		if f.bits == bits {
			return f
		}
	}
	panic(fmt.Sprintf("BUG: no weights have %d bits", bits))
}

// MaxInt8Block is the longest block that gemmBlockedInt8 serves.
const MaxInt8Block = maxInt8Block

// PackedBlockedInt8Len is the number of words of a matrix [k, n] that
// PackBlockedInt8 packs.
func PackedBlockedInt8Len(bits, k, n, block int) int { return packedBlockedInt8Len(bits, k, n, block) }

// PackBlockedInt8 is PackBlocked for gemmBlockedInt8: a word of a column holds
// fours that follow each other along k, the first one in the lowest bits of its
// bytes.
func PackBlockedInt8(bits int, dst []uint32, w []byte, scale []float32, zero []byte, k, n, block int) {
	perWord, size := 8/bits, int8BlockHead+bits*block
	for j := range n {
		panel, c := dst[j/panelCols*wordSteps(k, block)*size:], j%panelCols
		for p := 0; p < k; p += block {
			b := p / block
			part := panel[b*size:][:size]
			if zero != nil {
				part[c/4] |= uint32(zero[b*n+j]) << (8 * (c % 4))
			}
			part[size-panelCols+c] = math.Float32bits(scale[b*n+j])
			for i := range min(block, k-p) {
				word, plane := i/4/perWord, i/4%perWord
				part[panelCols/4+word*panelCols+c] |= uint32(w[(p+i)*n+j]) << (i%4*8 + plane*bits)
			}
		}
	}
}
