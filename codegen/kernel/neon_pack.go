package kernel

import "fmt"

// The registers of a block of 8 x 8 on arm64: its rows, two vectors each; half
// of its columns, two vectors each; what lies between, and limits.
const (
	rowsV    = 0
	columnsV = 16
	pairsV   = 24 // four
	lowV     = 30
	highV    = 31
)

// packBlocks goes through w in blocks of 8 x 8: down a block of 8 columns,
// then to the next.
//
//	R0 dst  R1 w  R3 n  R4 step of dst  R5 ld  R6 and R7 where a block lies and where it goes  R8 k  R9 and R10 steps of w
func (n *neon) packBlocks() {
	for _, p := range [][2]string{{"dst", "R0"}, {"w", "R1"}, {"n", "R3"}, {"ld", "R5"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R5")
	n.op("MOVD $%d, R4", panelBytes)
	n.op("LSL $3, R5, R9")
	n.op("SUB $32, R9, R10")
	n.label("columns")
	n.op("MOVD R1, R6")
	n.op("MOVD R0, R7")
	n.load("k", "R8")
	n.label("rows")
	n.transpose(false)
	n.op("SUB R10, R6")
	n.op("SUBS $8, R8")
	n.op("BNE rows")
	n.op("ADD R9, R1")
	n.op("ADD $32, R0")
	n.op("SUBS $8, R3")
	n.op("BNE columns")
	n.op("RET")
}

// turnBlocks goes through x in blocks of 8 x 8: down a block of 8 columns,
// whose elements become rows of y, then to the next. added says that r, which
// lies as y does, is added, and the results are brought between limits.
//
//	R0 y  R1 x  R3 cols  R4 yRow  R5 xRow  R6 and R7 where a block lies and where it goes  R8 rows  R9 and R10 steps of y
//	R11 from y to r  R12 a block of r
func (n *neon) turnBlocks(added bool) {
	for _, p := range [][2]string{{"y", "R0"}, {"x", "R1"}, {"cols", "R3"}, {"yRow", "R4"}, {"xRow", "R5"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R4")
	n.op("LSL $2, R5")
	n.op("LSL $3, R4, R9")
	n.op("SUB $32, R9, R10")
	if added {
		n.load("r", "R11")
		n.op("SUB R0, R11")
		n.everywhere("least", lowV)
		n.everywhere("most", highV)
	}
	n.label("columns")
	n.op("MOVD R1, R6")
	n.op("MOVD R0, R7")
	n.load("rows", "R8")
	n.label("rows")
	if added {
		n.op("ADD R7, R11, R12")
	}
	n.transpose(added)
	n.op("SUB R10, R7")
	n.op("SUBS $8, R8")
	n.op("BNE rows")
	n.op("ADD $32, R1")
	n.op("ADD R9, R0")
	n.op("SUBS $8, R3")
	n.op("BNE columns")
	n.op("RET")
}

// transpose turns the 8 x 8 block at R6, whose rows are R5 bytes apart, to R7,
// rows R4 bytes apart, and goes to behind the last row of either.
func (n *neon) transpose(added bool) {
	for i := range 8 {
		n.op("FLDPQ (R6), (F%d, F%d)", rowsV+2*i, rowsV+2*i+1)
		n.op("ADD R5, R6")
	}
	for half := range 2 {
		for quarter := range 2 {
			row := func(i int) int { return rowsV + 2*(4*quarter+i) + half }
			column := func(i int) int { return columnsV + 2*i + quarter }
			for i := range 2 {
				n.op("VTRN1 V%d.S4, V%d.S4, V%d.S4", row(2*i+1), row(2*i), pairsV+i)
				n.op("VTRN2 V%d.S4, V%d.S4, V%d.S4", row(2*i+1), row(2*i), pairsV+2+i)
			}
			for i := range 2 {
				n.op("VTRN1 V%d.D2, V%d.D2, V%d.D2", pairsV+2*i+1, pairsV+2*i, column(i))
				n.op("VTRN2 V%d.D2, V%d.D2, V%d.D2", pairsV+2*i+1, pairsV+2*i, column(i+2))
			}
		}
		for i := columnsV; i < columnsV+8; i += 2 {
			if added {
				n.op("FLDPQ (R12), (F%d, F%d)", pairsV, pairsV+1)
				n.op("ADD R4, R12")
				for v := range 2 {
					n.add(i+v, i+v, pairsV+v)
					n.three(fmax4, "FMAX", i+v, i+v, lowV)
					n.three(fmin4, "FMIN", i+v, i+v, highV)
				}
			}
			n.op("VST1.P [V%d.S4, V%d.S4], (R7)(R4)", i, i+1)
		}
	}
}

// everywhere is a parameter of type float32 in every element of vector v.
func (n *neon) everywhere(name string, v int) {
	n.load(name, fmt.Sprint("F", v))
	n.op("VDUP V%d.S[0], V%d.S4", v, v)
}
