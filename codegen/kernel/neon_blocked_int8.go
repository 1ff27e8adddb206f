package kernel

import (
	"fmt"
	"math"
)

// A neonBlockDot multiplies weights of so many bits with int8, as blockDot does
// for amd64. Weights of 8 bits have 128 taken, and so have their zero points.
type neonBlockDot struct{ width int }

// dots multiplies with SDOT.
func (d neonBlockDot) dots() neonPanel {
	return neonPanel{heights: []int{3, 2, 1}, steps: d.blocks}
}

// widened is dots for processors that do not have that. Its sums are as those of
// neonProducts; products of few bits are added up before they are widened.
func (d neonBlockDot) widened() neonPanel {
	return neonPanel{heights: []int{1}, steps: d.wideBlocks}
}

// The registers behind the tile's sums: those of a block, the rows of x, and
// what the weights pass through. R16 is how many times 16 elements a block has.
const (
	blockRowV   = 24 // of x, three
	blockWordsV = 27
	blockPlaneV = 28
	blockMaskV  = 29
	blockLowerV = 30 // zero points, in 16 bits
	blockUpperV = 31
)

// eachBlock writes a loop over the blocks. The sums of one are behind those of
// the tile, and begin with what the zero points bring into them: first may spread
// them, products adds those of 16 elements of each row, R2 being at the words of
// w, and last brings them together.
func (d neonBlockDot) eachBlock(n *neon, rows int, first, products, last func()) {
	whole := 4 * rows
	mask := 1<<d.width - 1
	if d.width == 8 {
		mask = 128
	}
	n.op("VMOVI $%d, V%d.B16", mask, blockMaskV)
	n.op("SUB $8, R6, R16")
	n.op("LSR $4, R16")
	n.label(fmt.Sprint("block", rows))
	n.op("SUB R9, R2, R20")
	n.op("ADD R9>>2, R20")
	n.op("FMOVQ (R20), F%d", blockLowerV)
	n.op("ADD $%d, R2", blockZeros)
	widen := []uint32{uxtl8, uxtl8b}
	if d.width == 8 {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", blockMaskV, blockLowerV, blockLowerV)
		widen = []uint32{sxtl8, sxtl8b}
	}
	n.word(widen[1], fmt.Sprintf("XTL2 V%d.8H, V%d.16B", blockUpperV, blockLowerV), blockUpperV, blockLowerV, 0)
	n.word(widen[0], fmt.Sprintf("XTL V%d.8H, V%d.8B", blockLowerV, blockLowerV), blockLowerV, blockLowerV, 0)
	for r := range rows {
		n.op("FMOVS.P 4(R%d), F%d", 10+r, blockRowV)
		n.op("VDUP V%d.H[0], V%d.H8", blockRowV, blockRowV)
		for v := range 4 {
			zero, to := blockLowerV+v/2, whole+4*r+v
			n.word([]uint32{smull4, smull4b}[v%2], fmt.Sprintf("SMULL V%d.4S, V%d, V%d", to, zero, blockRowV), to, zero, blockRowV)
		}
	}
	first()
	n.op("MOVD R16, R17")
	n.label(fmt.Sprint("words", rows))
	products()
	n.op("SUBS $1, R17")
	n.op("BNE words%d", rows)
	last()
	for r := range rows {
		n.op("VLD1R.P 4(R%d), [V%d.S4]", 10+r, blockRowV+r)
	}
	for v := range 4 {
		n.op("FMOVQ %d(R2), F%d", 16*v, blockWordsV)
		for r := range rows {
			s := whole + 4*r + v
			n.two(scvtf4, "SCVTF", s, s)
			n.mul(s, s, blockRowV+r)
			n.fma(4*r+v, s, blockWordsV)
		}
	}
	n.op("ADD $%d, R2", panelBytes)
	n.op("SUBS $1, R4")
	n.op("BNE block%d", rows)
}

// perWord is how many words of x go with a word of w.
func (d neonBlockDot) perWord() int { return 8 / d.width }

// eachPlane writes body for each number of bits in the bytes of blockWordsV,
// which it changes.
func (d neonBlockDot) eachPlane(n *neon, body func(plane, v int)) {
	const words = blockWordsV
	if d.width == 8 {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", blockMaskV, words, words)
		body(0, words)
		return
	}
	for p := range d.perWord() {
		from, shift := words, p*d.width
		if shift > 0 {
			n.op("VUSHR $%d, V%d.B16, V%d.B16", shift, words, blockPlaneV)
			from = blockPlaneV
		}
		if p < d.perWord()-1 {
			n.op("VAND V%d.B16, V%d.B16, V%d.B16", blockMaskV, from, blockPlaneV)
		}
		body(p, blockPlaneV)
	}
}

// blocks takes 16 elements of each row at a time.
func (d neonBlockDot) blocks(n *neon, rows int) {
	whole := 4 * rows
	nothing := func() {}
	d.eachBlock(n, rows, nothing, func() {
		for r := range rows {
			n.op("FMOVQ.P 16(R%d), F%d", 10+r, blockRowV+r)
		}
		for word := 0; word < 4; word += d.perWord() {
			n.op("PRFM %d(R2), PLDL1KEEP", blockAhead)
			for v := range 4 {
				n.op("FMOVQ %d(R2), F%d", 16*v, blockWordsV)
				d.eachPlane(n, func(plane, b int) {
					for r := range rows {
						n.element(sdot4, "SDOT", whole+4*r+v, b, blockRowV+r, word+plane)
					}
				})
			}
			n.op("ADD $%d, R2", panelBytes)
		}
	}, nothing)
}

// wideBlocks has one row, words of it in V16 to V19, and takes as many elements
// at a time.
func (d neonBlockDot) wideBlocks(n *neon, rows int) {
	const x, p, none = 16, 20, 22
	whole := 4 * rows
	spread := func() {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", none, none, none)
		for v := 3; v >= 0; v-- {
			for i := 1; i >= 0; i-- {
				n.op("VZIP%d V%d.S4, V%d.S4, V%d.S4", 1+i, none, whole+v, whole+2*v+i)
			}
		}
	}
	products := func() {
		for word := 0; word < 4; word += d.perWord() {
			n.op("PRFM %d(R2), PLDL1KEEP", blockAhead)
			for i := range d.perWord() {
				n.op("VLD1R.P 4(R10), [V%d.S4]", x+i)
			}
			for v := range 4 {
				n.op("FMOVQ %d(R2), F%d", 16*v, blockWordsV)
				d.eachPlane(n, func(plane, b int) {
					codes, name := []uint32{smull8, smull8b}, "SMULL"
					if plane > 0 {
						codes, name = []uint32{smlal8, smlal8b}, "SMLAL"
					}
					for i, code := range codes {
						n.word(code, fmt.Sprintf("%s V%d.8H, V%d, V%d", name, p+i, b, x+plane), p+i, b, x+plane)
					}
				})
				for i := range 2 {
					s := whole + 2*v + i
					n.word(sadalp8, fmt.Sprintf("SADALP V%d.4S, V%d.8H", s, p+i), s, p+i, 0)
				}
			}
			n.op("ADD $%d, R2", panelBytes)
		}
	}
	d.eachBlock(n, rows, spread, products, func() { n.addPairs(whole, 4) })
}

// quantizeBlocks takes whole blocks, 16 elements at a time, as for amd64.
//
//	R0 dst  R1 x  R2 blocks  R3 block  R4 and R5 x and what is left of the block  R6 where it begins in dst
func (n *neon) quantizeBlocks() {
	const greatest, scale, inverse, spoiled, sum = 0, 1, 2, 3, 4
	const top, least, one = 28, 29, 30
	for _, p := range [][2]string{{"dst", "R0"}, {"x", "R1"}, {"blocks", "R2"}, {"block", "R3"}} {
		n.load(p[0], p[1])
	}
	n.all(math.MaxInt8, top)
	n.all(leastBlockScale, least)
	n.all(1, one)
	again := func(label string, body func()) {
		n.op("MOVD R1, R4")
		n.op("MOVD R3, R5")
		n.label(label)
		n.op("VLD1.P 64(R4), %s", four(16))
		body()
		n.op("SUBS $16, R5")
		n.op("BNE %s", label)
	}
	n.label("block")
	n.op("VEOR V%d.B16, V%d.B16, V%d.B16", greatest, greatest, greatest)
	again("most", func() {
		for i := range 4 {
			n.two(fabs4, "FABS", 16+i, 16+i)
		}
		n.three(smax4, "SMAX", 16, 16, 17)
		n.three(smax4, "SMAX", 18, 18, 19)
		n.three(smax4, "SMAX", greatest, greatest, 16)
		n.three(smax4, "SMAX", greatest, greatest, 18)
	})
	n.word(smaxv4, fmt.Sprintf("SMAXV S%d, V%d.4S", greatest, greatest), greatest, greatest, 0)
	n.op("FDIVS F%d, F%d, F%d", top, greatest, scale)
	n.op("FMAXS F%d, F%d, F%d", least, scale, scale)
	n.op("FDIVS F%d, F%d, F%d", scale, one, inverse)
	n.op("FSUBS F%d, F%d, F%d", greatest, greatest, spoiled) // NaN if greatest is not finite
	n.op("FADDS F%d, F%d, F%d", spoiled, scale, scale)
	n.op("VDUP V%d.S[0], V%d.S4", inverse, inverse)
	n.op("VEOR V%d.B16, V%d.B16, V%d.B16", sum, sum, sum)
	n.op("MOVD R0, R6")
	n.op("ADD $4, R0")
	again("round", func() {
		for i := range 4 {
			n.mul(16+i, 16+i, inverse)
			n.two(fcvtns4, "FCVTNS", 16+i, 16+i)
			n.op("VADD V%d.S4, V%d.S4, V%d.S4", 16+i, sum, sum)
		}
		n.op("VUZP1 V17.H8, V16.H8, V16.H8")
		n.op("VUZP1 V19.H8, V18.H8, V18.H8")
		n.op("VUZP1 V18.B16, V16.B16, V16.B16")
		n.op("VST1.P [V16.B16], 16(R0)")
	})
	n.op("VADDV V%d.S4, V%d", sum, sum)
	n.op("FMOVS F%d, R7", sum)
	n.op("NEGW R7, R7")
	n.op("MOVW R7, (R6)")
	n.op("FMOVS.P F%d, 4(R0)", scale)
	n.op("MOVD R4, R1")
	n.op("SUBS $1, R2")
	n.op("BNE block")
	n.op("RET")
}
