package kernel

import "fmt"

// panelMul keeps a tile of y in V0 to V23. It passes over the rows six at a
// time, once for each half of the panel: that of w stays in the nearest cache.
// The up to five rows that are left are done three or two at a time, or alone,
// all columns at once: each line of w is then read once.
//
//	R0 y  R1 x  R3 m  R5 ldx  R6 sx  R7 add  R8 next  R9 half  R10 to R15 rows of x  R19 step  R22 rowBias  R25 four steps
func (n *neon) panelMul() {
	n.op("MOVD $0, R9")
	n.load("next", "R8")
	n.load("ldx", "R5")
	n.load("sx", "R6")
	n.load("step", "R19")
	n.op("LSL $2, R5")
	n.op("LSL $2, R6")
	n.op("LSL $2, R19, R25")
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
	n.label("rows6")
	n.op("CMP $6, R3")
	n.op("BLT rest")
	n.tile(6, 4)
	n.op("SUB $6, R3")
	n.op("B rows6")
	n.label("rest")
	n.op("ADD $64, R9")
	n.op("CMP $%d, R9", panelBytes)
	n.op("BLT half")
	n.op("MOVD $0, R9")
	n.op("SUB $64, R0")
	n.op("SUB $64, R7")
	n.label("wide")
	n.op("CBZ R3, end")
	n.op("CMP $2, R3")
	n.op("BLT rows1")
	n.op("BEQ rows2")
	n.op("CMP $4, R3")
	n.op("BEQ rows2")
	for _, rows := range []int{3, 2, 1} {
		n.label(fmt.Sprint("rows", rows))
		n.tile(rows, 8)
		n.op("SUB $%d, R3", rows)
		n.op("B wide")
	}
	n.label("end")
	n.op("RET")
}

// tile computes so many vectors of so many rows and goes on to the rows below.
// Where the elements of a row of x lie side by side, it takes four steps over k
// at a time, and where those of a column do, loads them together: the pipes
// then have nothing but multiplications to do.
func (n *neon) tile(rows, vectors int) {
	n.load("w", "R2")
	n.load("k", "R4")
	n.op("ADD R9, R2")
	n.zero(vectors * rows)
	n.op("MOVD R1, R10")
	for r := 1; r < rows; r++ {
		n.op("ADD R5, R%d, R%d", 9+r, 10+r)
	}
	n.op("CMP $4, R6")
	n.op("BNE each%d", rows)
	n.op("SUBS $4, R4")
	n.op("BLT few%d", rows)
	n.label(fmt.Sprint("fours", rows))
	n.fourSteps(rows, vectors)
	n.op("SUBS $4, R4")
	n.op("BGE fours%d", rows)
	n.label(fmt.Sprint("few", rows))
	n.op("ADD $4, R4")
	n.label(fmt.Sprint("each", rows))
	n.op("CBZ R4, summed%d", rows)
	if rows == 6 {
		n.op("CMP $4, R5")
		n.op("BNE steps6")
		n.label("columns")
		n.columnStep()
		n.op("SUBS $1, R4")
		n.op("BNE columns")
		n.op("B summed6")
	}
	n.label(fmt.Sprint("steps", rows))
	n.oneStep(rows, vectors)
	n.op("SUBS $1, R4")
	n.op("BNE steps%d", rows)
	n.label(fmt.Sprint("summed", rows))
	n.finish(rows, vectors, true)
	n.op("MOVD $%d, R20", rows)
	n.op("MADD R20, R1, R5, R1")
}

// fourSteps loads four elements of each row, and two vectors of w at a time.
func (n *neon) fourSteps(rows, vectors int) {
	for i := range vectors {
		n.op("PRFM %d(R8), PLDL1KEEP", lineBytes*i)
	}
	n.op("ADD R25, R8")
	for r := range rows {
		n.op("FMOVQ.P 16(R%d), F%d", 10+r, 24+r)
	}
	for step := range 4 {
		for v := 0; v < vectors; v += 2 {
			w := 30
			if rows < 6 {
				w -= v & 2
			}
			n.op("FLDPQ %d(R2), (F%d, F%d)", panelBytes*step+16*v, w, w+1)
			for r := range rows {
				n.element(fmla4, "FMLA", vectors*r+v, w, 24+r, step)
				n.element(fmla4, "FMLA", vectors*r+v+1, w+1, 24+r, step)
			}
		}
	}
	n.op("ADD $%d, R2", 4*panelBytes)
}

// columnStep multiplies four vectors of w with the six elements of a column of x.
func (n *neon) columnStep() {
	n.fetchNext()
	n.op("FMOVQ (R10), F28")
	n.op("FMOVD 16(R10), F29")
	n.op("ADD R6, R10")
	n.op("FLDPQ (R2), (F24, F25)")
	n.op("FLDPQ 32(R2), (F26, F27)")
	n.op("ADD R23, R2")
	for r := range 6 {
		for v := range 4 {
			n.element(fmla4, "FMLA", 4*r+v, 24+v, 28+r/4, r%4)
		}
	}
}

// fetchNext brings two lines near.
func (n *neon) fetchNext() {
	n.op("PRFM (R8), PLDL1KEEP")
	n.op("PRFM %d(R8), PLDL1KEEP", lineBytes)
	n.op("ADD R19, R8")
}

// oneStep multiplies four vectors of w at a time with one element of each row.
func (n *neon) oneStep(rows, vectors int) {
	n.fetchNext()
	for first := 0; first < vectors; first += 4 {
		if vectors == 4 {
			n.op("VLD1.P (R2)(R23), %s", four(24))
		} else {
			n.op("VLD1.P 64(R2), %s", four(24))
		}
		for r := range rows {
			x := 28 + r%4
			if first == 0 {
				n.op("VLD1R.P (R%d)(R6), [V%d.S4]", 10+r, x)
			}
			for v := range 4 {
				n.fma(vectors*r+first+v, 24+v, x)
			}
		}
	}
}

// finish adds bias, rowBias and add to a tile of so many vectors a row, brings
// the sums between the limits and stores them. Without ends there is no rowBias
// and there are no limits.
func (n *neon) finish(rows, vectors int, ends bool) {
	count := rows * vectors
	n.load("bias", "R20")
	n.op("CBZ R20, unbiased%d", rows)
	n.op("ADD R9, R20")
	for first := 0; first < vectors; first += 4 {
		n.op("VLD1.P 64(R20), %s", four(24))
		for r := range rows {
			for v := range 4 {
				n.add(vectors*r+first+v, vectors*r+first+v, 24+v)
			}
		}
	}
	n.label(fmt.Sprint("unbiased", rows))
	if ends {
		n.op("CBZ R22, evenly%d", rows)
		for r := range rows {
			n.op("VLD1R.P (R22)(R24), [V24.S4]")
			for v := range vectors {
				n.add(vectors*r+v, vectors*r+v, 24)
			}
		}
		n.label(fmt.Sprint("evenly", rows))
	}
	n.load("add", "R20")
	n.op("CBZ R20, added%d", rows)
	n.load("ldadd", "R21")
	n.op("LSL $2, R21")
	n.op("SUB $%d, R21", 16*vectors-64)
	for v := 0; v < count; v += 4 {
		if (v+4)%vectors == 0 {
			n.op("VLD1.P (R7)(R21), %s", four(24))
		} else {
			n.op("VLD1.P 64(R7), %s", four(24))
		}
		for i := range 4 {
			n.add(v+i, v+i, 24+i)
		}
	}
	n.label(fmt.Sprint("added", rows))
	if ends {
		n.load("limits", "R20")
		n.op("CBZ R20, limited%d", rows)
		n.op("VLD1R.P (R20)(R24), [V24.S4]")
		n.op("VLD1R (R20), [V25.S4]")
		for v := range count {
			n.three(fmax4, "FMAX", v, v, 24)
			n.three(fmin4, "FMIN", v, v, 25)
		}
		n.label(fmt.Sprint("limited", rows))
	}
	n.load("ldy", "R21")
	n.op("LSL $2, R21")
	n.op("SUB $%d, R21", 16*vectors-64)
	for v := 0; v < count; v += 4 {
		if (v+4)%vectors == 0 {
			n.op("VST1.P %s, (R0)(R21)", four(v))
		} else {
			n.op("VST1.P %s, 64(R0)", four(v))
		}
	}
}
