package kernel

import (
	"fmt"
	"math/bits"
)

// x is uint8 and w int8. No instruction that all processors have multiplies
// these: 128 less of each x goes in, and 128 less of what stands for 0 comes
// out in the end.

// neonDots multiplies with SDOT, four steps at a time.
func neonDots(head int) neonPanel {
	return neonPanel{heights: []int{6, 4, 2, 1}, head: head, steps: (*neon).dotSteps, scale: scaleNEON(head)}
}

// neonProducts is neonDots for processors that do not have it. There are twice
// as many sums, each of half of the products of a step.
func neonProducts(head int) neonPanel {
	return neonPanel{heights: []int{3, 2, 1}, head: head, steps: (*neon).widenSteps, scale: scaleNEON(head)}
}

// turn takes 128 of each byte of so many vectors from V24 on. It changes V30.
func (n *neon) turn(vectors int) {
	n.op("VMOVI $128, V30.B16")
	for v := range vectors {
		n.op("VEOR V30.B16, V%d.B16, V%d.B16", 24+v, 24+v)
	}
}

// fetchSteps brings what goes with so many steps, a power of two, of the next
// panel.
func (n *neon) fetchSteps(steps int) {
	for i := range steps {
		n.op("PRFM %d(R8), PLDL1KEEP", lineBytes*i)
	}
	n.op("ADD R19<<%d, R8", bits.TrailingZeros(uint(steps)))
}

// dotSteps has the rows of x in V24 to V29.
func (n *neon) dotSteps(rows int) {
	dots := func(steps int) {
		n.turn(rows)
		n.fetchSteps(steps)
		for s := range steps {
			for v := 0; v < 4; v += 2 {
				n.op("FLDPQ %d(R2), (F30, F31)", panelBytes*s+16*v)
				for i := range 2 {
					for r := range rows {
						n.element(sdot4, "SDOT", 4*r+v+i, 30+i, 24+r, s)
					}
				}
			}
		}
		n.op("ADD $%d, R2", panelBytes*steps)
	}
	n.op("SUBS $4, R4")
	n.op("BLT few%d", rows)
	n.label(fmt.Sprint("steps", rows))
	for r := range rows {
		n.op("FMOVQ.P 16(R%d), F%d", 10+r, 24+r)
	}
	dots(4)
	n.op("SUBS $4, R4")
	n.op("BGE steps%d", rows)
	n.label(fmt.Sprint("few", rows))
	n.op("ADDS $4, R4")
	n.op("BEQ summed%d", rows)
	n.label(fmt.Sprint("step", rows))
	for r := range rows {
		n.op("FMOVS.P 4(R%d), F%d", 10+r, 24+r)
	}
	dots(1)
	n.op("SUBS $1, R4")
	n.op("BNE step%d", rows)
	n.label(fmt.Sprint("summed", rows))
}

// widenSteps adds the products of each two columns to a vector of its own.
func (n *neon) widenSteps(rows int) {
	const p, w = 27, 31
	for v := 4 * rows; v < 8*rows; v++ {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
	n.label(fmt.Sprint("steps", rows))
	for r := range rows {
		n.op("VLD1R.P 4(R%d), [V%d.S4]", 10+r, 24+r)
	}
	n.turn(rows)
	n.fetchSteps(1)
	for v := range 4 {
		n.op("FMOVQ %d(R2), F%d", 16*v, w)
		for r := range rows {
			n.addProducts(2*(4*r+v), p, w, 24+r)
		}
	}
	n.op("ADD $%d, R2", panelBytes)
	n.op("SUBS $1, R4")
	n.op("BNE steps%d", rows)
	n.addPairs(0, 4*rows)
}

// addProducts adds to vector sum, and to the one behind it, those of w and x,
// by way of p and p+1.
func (n *neon) addProducts(sum, p, w, x int) {
	n.word(smull8, fmt.Sprintf("SMULL V%d.8H, V%d.8B, V%d.8B", p, w, x), p, w, x)
	n.word(smull8b, fmt.Sprintf("SMULL2 V%d.8H, V%d.16B, V%d.16B", p+1, w, x), p+1, w, x)
	for i := range 2 {
		n.word(sadalp8, fmt.Sprintf("SADALP V%d.4S, V%d.8H", sum+i, p+i), sum+i, p+i, 0)
	}
}

// addPairs makes of each two vectors from first on the sums of their pairs.
func (n *neon) addPairs(first, sums int) {
	for s := range sums {
		n.three(addp4, "ADDP", first+s, first+2*s, first+2*s+1)
	}
}

// scaleNEON is scaleInt8 for x of which 128 was taken.
func scaleNEON(head int) func(n *neon, rows int) {
	return func(n *neon, rows int) {
		const scale, zero, sum, column = 24, 25, 26, 27
		n.op("MOVD R1, R20")
		for r := range rows {
			n.op("VLD1R (R20), [V%d.S4]", scale)
			n.op("MOVW 4(R20), R21")
			n.op("SUB $128, R21")
			n.op("VDUP R21, V%d.S4", zero)
			if head == shiftedHead {
				n.op("MOVW 8(R20), R21")
				n.op("VDUP R21, V%d.S4", sum)
			}
			n.op("ADD R5, R20")
			for v := range 4 {
				s := 4*r + v
				n.op("FMOVQ %d(R2), F%d", panelBytes+16*v, column)
				n.three(mls4, "MLS", s, column, zero)
				if head == shiftedHead {
					n.op("FMOVQ %d(R2), F%d", 2*panelBytes+16*v, column+1)
					n.three(mls4, "MLS", s, column+1, sum)
				}
				n.two(scvtf4, "SCVTF", s, s)
				n.op("FMOVQ %d(R2), F%d", 16*v, column+2)
				n.mul(column+2, column+2, scale)
				n.mul(s, s, column+2)
			}
		}
	}
}
