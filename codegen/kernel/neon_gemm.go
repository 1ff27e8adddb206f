package kernel

import "fmt"

// panelMul keeps a tile of up to 6 x 16 elements of y in V0 to V23: each step
// over k loads four vectors of w, and multiplies them with one element of each
// row of x. It passes twice over the rows, for the halves of the panel.
//
//	R0 y  R1 x  R3 m  R5 ldx  R6 sx  R7 add  R8 next  R9 half  R10 to R15 rows of x  R22 rowBias
func (n *neon) panelMul() {
	n.op("MOVD $0, R9")
	n.load("next", "R8")
	n.load("ldx", "R5")
	n.load("sx", "R6")
	n.load("step", "R19")
	n.op("LSL $2, R5")
	n.op("LSL $2, R6")
	n.op("MOVD $%d, R23", panelBytes)
	n.op("MOVD $4, R24")
	n.label("half")
	n.load("m", "R3")
	n.load("x", "R1")
	n.load("y", "R0")
	n.load("add", "R7")
	n.load("rowBias", "R22")
	n.op("ADD R9, R0")
	n.op("ADD R9, R7")
	for _, rows := range []int{6, 4, 2, 1} {
		n.label(fmt.Sprint("rows", rows))
		n.op("CMP $%d, R3", rows)
		n.op("BLT done%d", rows)
		n.tile(rows)
		n.op("SUB $%d, R3", rows)
		n.op("B rows%d", rows)
		n.label(fmt.Sprint("done", rows))
	}
	n.op("ADD $64, R9")
	n.op("CMP $%d, R9", panelBytes)
	n.op("BLT half")
	n.op("RET")
}

// tile computes so many rows and goes on to those below.
func (n *neon) tile(rows int) {
	n.load("w", "R2")
	n.load("k", "R4")
	n.op("ADD R9, R2")
	for v := range 4 * rows {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
	for r := range rows {
		if r == 0 {
			n.op("MOVD R1, R10")
		} else {
			n.op("ADD R5, R%d, R%d", 9+r, 10+r)
		}
	}
	n.label(fmt.Sprint("steps", rows))
	n.op("VLD1.P (R2)(R23), %s", four(24))
	n.op("PRFM (R8), PLDL1KEEP")
	n.op("PRFM 64(R8), PLDL1KEEP")
	n.op("ADD R19, R8")
	for r := range rows {
		x := 28 + r%4
		n.op("VLD1R.P (R%d)(R6), [V%d.S4]", 10+r, x)
		for v := range 4 {
			n.fma(4*r+v, 24+v, x)
		}
	}
	n.op("SUBS $1, R4")
	n.op("BNE steps%d", rows)
	n.finish(rows)
	n.op("MOVD $%d, R20", rows)
	n.op("MADD R20, R1, R5, R1")
}

// finish adds bias, rowBias and add, brings the sums between the limits and
// stores the tile.
func (n *neon) finish(rows int) {
	n.load("bias", "R20")
	n.op("CBZ R20, unbiased%d", rows)
	n.op("ADD R9, R20")
	n.op("VLD1 (R20), %s", four(24))
	for v := range 4 * rows {
		n.add(v, v, 24+v%4)
	}
	n.label(fmt.Sprint("unbiased", rows))
	n.op("CBZ R22, evenly%d", rows)
	for r := range rows {
		n.op("VLD1R.P (R22)(R24), [V24.S4]")
		for v := range 4 {
			n.add(4*r+v, 4*r+v, 24)
		}
	}
	n.label(fmt.Sprint("evenly", rows))
	n.load("add", "R20")
	n.op("CBZ R20, added%d", rows)
	n.load("ldadd", "R21")
	n.op("LSL $2, R21")
	for r := range rows {
		n.op("VLD1 (R7), %s", four(24))
		for v := range 4 {
			n.add(4*r+v, 4*r+v, 24+v)
		}
		n.op("ADD R21, R7")
	}
	n.label(fmt.Sprint("added", rows))
	n.load("limits", "R20")
	n.op("CBZ R20, limited%d", rows)
	n.op("VLD1R.P (R20)(R24), [V24.S4]")
	n.op("VLD1R (R20), [V25.S4]")
	for v := range 4 * rows {
		n.three(fmax4, "FMAX", v, v, 24)
		n.three(fmin4, "FMIN", v, v, 25)
	}
	n.label(fmt.Sprint("limited", rows))
	n.load("ldy", "R21")
	n.op("LSL $2, R21")
	for r := range rows {
		n.op("VST1 %s, (R0)", four(4*r))
		n.op("ADD R21, R0")
	}
}
