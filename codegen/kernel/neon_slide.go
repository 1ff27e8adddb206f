package kernel

// takePieces copies whole pieces: what is too much of one, the next piece or
// the next row writes over.
//
//	R0 dst  R1 x  R2 at  R3 k  R4 pieces  R5 n  R6 a row  R7 and R8 pieces and how many are left  R9 and R10 where one lies and goes
func (n *neon) takePieces() {
	for _, p := range [][2]string{{"dst", "R0"}, {"x", "R1"}, {"at", "R2"}, {"k", "R3"}, {"pieces", "R4"}, {"n", "R5"}} {
		n.load(p[0], p[1])
	}
	n.label("rows")
	n.op("MOVD.P 8(R2), R6")
	n.op("ADD R6<<2, R1, R6")
	n.op("MOVD R4, R7")
	n.op("MOVD R5, R8")
	n.label("pieces")
	n.op("LDP.P 16(R7), (R9, R10)")
	n.op("ADD R9<<2, R6, R9")
	n.op("ADD R10<<2, R0, R10")
	n.op("FLDPQ (R9), (F0, F1)")
	n.op("FLDPQ 32(R9), (F2, F3)")
	n.op("FSTPQ (F0, F1), (R10)")
	n.op("FSTPQ (F2, F3), 32(R10)")
	n.op("SUBS $1, R8")
	n.op("BNE pieces")
	n.op("ADD $%d, R0", panelBytes)
	n.op("SUBS $1, R3")
	n.op("BNE rows")
	n.op("RET")
}

// fetchRows brings rows near, but not in the way of what is nearest.
//
//	R0 x  R1 rows  R2 cols  R3 xRow  R4 and R5 a line and what is left
func (n *neon) fetchRows() {
	for _, p := range [][2]string{{"x", "R0"}, {"rows", "R1"}, {"cols", "R2"}, {"xRow", "R3"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R2")
	n.op("LSL $2, R3")
	n.label("rows")
	n.op("MOVD R0, R4")
	n.op("MOVD R2, R5")
	n.label("lines")
	n.op("PRFM (R4), PLDL2KEEP")
	n.op("ADD $%d, R4", lineBytes)
	n.op("SUBS $%d, R5", lineBytes)
	n.op("BGT lines")
	n.op("ADD R3, R0")
	n.op("SUBS $1, R1")
	n.op("BNE rows")
	n.op("RET")
}

// spreadRows copies the last vector of a row, which has one at least, from its
// end: some elements once more.
//
//	R0 to  R1 x  R2 rows  R3 cols  R4 toRow  R5 xRow  R6 and R7 an element of to and x  R8 what is left
func (n *neon) spreadRows() {
	for _, p := range [][2]string{{"to", "R0"}, {"x", "R1"}, {"rows", "R2"}, {"cols", "R3"}, {"toRow", "R4"}, {"xRow", "R5"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R4")
	n.op("LSL $2, R5")
	n.label("rows")
	n.op("MOVD R0, R6")
	n.op("MOVD R1, R7")
	n.op("MOVD R3, R8")
	n.label("fours")
	n.op("CMP $16, R8")
	n.op("BLT ones")
	n.op("VLD1.P 64(R7), %s", four(0))
	n.op("VST1.P %s, 64(R6)", four(0))
	n.op("SUB $16, R8")
	n.op("B fours")
	n.label("ones")
	n.op("CMP $4, R8")
	n.op("BLT rest")
	n.op("FMOVQ.P 16(R7), F0")
	n.op("FMOVQ.P F0, 16(R6)")
	n.op("SUB $4, R8")
	n.op("B ones")
	n.label("rest")
	n.op("CBZ R8, next")
	n.op("ADD R8<<2, R7")
	n.op("ADD R8<<2, R6")
	n.op("FMOVQ -16(R7), F0")
	n.op("FMOVQ F0, -16(R6)")
	n.label("next")
	n.op("ADD R4, R0")
	n.op("ADD R5, R1")
	n.op("SUBS $1, R2")
	n.op("BNE rows")
	n.op("RET")
}

// splitRows takes eight columns at a time, the last of a row, which has eight
// at least, from its end: some once more, and one alone where their number is
// odd.
//
//	R0 even  R1 odd  R2 x  R3 rows  R4 cols  R5 toRow  R6 xRow  R7 to R9 an element of even, odd and x  R10 what is left
func (n *neon) splitRows() {
	for _, p := range [][2]string{{"even", "R0"}, {"odd", "R1"}, {"x", "R2"}, {"rows", "R3"}, {"cols", "R4"}, {"toRow", "R5"}, {"xRow", "R6"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R5")
	n.op("LSL $2, R6")
	n.label("rows")
	n.op("MOVD R0, R7")
	n.op("MOVD R1, R8")
	n.op("MOVD R2, R9")
	n.op("MOVD R4, R10")
	n.op("TBZ $0, R10, eights")
	n.op("SUB $1, R10")
	n.op("FMOVS (R9)(R10<<2), F0")
	n.op("ADD R10<<1, R7, R11")
	n.op("FMOVS F0, (R11)")
	n.label("eights")
	n.pairs()
	n.op("SUB $8, R10")
	n.op("CMP $8, R10")
	n.op("BGE eights")
	n.op("CBZ R10, next")
	n.op("SUB $8, R10, R11")
	n.op("ADD R11<<2, R9")
	n.op("ADD R11<<1, R8")
	n.op("ADD R11<<1, R7")
	n.pairs()
	n.label("next")
	n.op("ADD R5, R0")
	n.op("ADD R5, R1")
	n.op("ADD R6, R2")
	n.op("SUBS $1, R3")
	n.op("BNE rows")
	n.op("RET")
}

// pairs does eight columns of splitRows.
func (n *neon) pairs() {
	n.op("FLDPQ.P 32(R9), (F0, F1)")
	n.op("VUZP1 V1.S4, V0.S4, V2.S4")
	n.op("VUZP2 V1.S4, V0.S4, V3.S4")
	n.op("FMOVQ.P F2, 16(R7)")
	n.op("FMOVQ.P F3, 16(R8)")
}

// sampleRow reads for each tap eight elements of x, from where the first column
// of eight is, and takes from them what each column wants.
//
//	R0 y  R1 x  R2 first  R3 w  R4 n  R5 taps  R6 step  R8 what a tap sees  R9 its weights  R10 taps left
func (n *neon) sampleRow() {
	for _, p := range [][2]string{{"y", "R0"}, {"x", "R1"}, {"first", "R2"}, {"w", "R3"}, {"n", "R4"}, {"taps", "R5"}, {"step", "R6"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R6")
	n.op("MOVD $0x04040404, R7")
	n.op("VDUP R7, V30.S4")
	n.op("MOVD $0x03020100, R7")
	n.op("VDUP R7, V31.S4")
	n.label("columns")
	n.op("MOVW (R2), R8")
	n.op("ADD R8<<2, R1, R8")
	n.op("FLDPQ.P 32(R2), (F0, F1)")
	n.op("VDUP V0.S[0], V2.S4")
	for v := range 2 { // the bytes of an element
		n.op("VSUB V2.S4, V%d.S4, V%d.S4", v, v)
		n.three(mul4, "MUL", v, v, 30)
		n.op("VADD V31.S4, V%d.S4, V%d.S4", v, v)
	}
	n.op("MOVD R3, R9")
	n.op("MOVD R5, R10")
	n.seen()
	n.mul(16, 6, 18)
	n.mul(17, 7, 19)
	n.op("B next")
	n.label("taps")
	n.seen()
	n.fma(16, 6, 18)
	n.fma(17, 7, 19)
	n.label("next")
	n.op("ADD $4, R8")
	n.op("ADD R6, R9")
	n.op("SUBS $1, R10")
	n.op("BNE taps")
	n.op("FSTPQ.P (F16, F17), 32(R0)")
	n.op("ADD $32, R3")
	n.op("SUBS $8, R4")
	n.op("BNE columns")
	n.op("RET")
}

// seen brings what a tap sees of eight columns into V6 and V7, and its weights
// into V18 and V19.
func (n *neon) seen() {
	n.op("FLDPQ (R8), (F4, F5)")
	n.op("FLDPQ (R9), (F18, F19)")
	n.op("VTBL V0.B16, [V4.B16, V5.B16], V6.B16")
	n.op("VTBL V1.B16, [V4.B16, V5.B16], V7.B16")
}
