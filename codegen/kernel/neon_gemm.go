package kernel

import "fmt"

// A neonPanel writes kernels that keep a tile of up to 6 x 16 elements of y in
// V0 to V23, which they call the sums: each step over k loads four vectors of w,
// and multiplies them with one element, or word, of each row of x. They pass
// twice over the rows, for the halves of the panel.
//
//	R0 y  R1 x  R2 w  R3 m  R4 k  R5 ldx  R6 sx  R7 add  R8 next  R9 half  R10 to R15 rows of x  R19 step  R22 rowBias
type neonPanel struct {
	heights []int                   // of tiles, falling to 1
	head    int                     // bytes of a row of x before the first step
	steps   func(n *neon, rows int) // adds the products of all steps to the sums, which are 0
	scale   func(n *neon, rows int) // brings the sums to float32, R2 being behind the last step; nil where they are
	half    bool                    // only the first 16 columns of a panel
	ends    bool                    // with rowBias and limits
}

var (
	neonHalf = neonPanel{heights: []int{6, 4, 2, 1}, steps: (*neon).floatSteps, half: true, ends: true}
	neonBF16 = neonPanel{heights: []int{6, 4, 2, 1}, steps: (*neon).bf16Steps}
)

func (p neonPanel) body(n *neon) {
	n.op("MOVD $0, R9")
	n.load("next", "R8")
	n.load("ldx", "R5")
	n.load("sx", "R6")
	n.load("step", "R19")
	n.op("LSL $2, R5")
	n.op("LSL $2, R6")
	n.op("MOVD $%d, R23", panelBytes)
	n.op("MOVD $4, R24")
	if !p.half {
		n.label("half")
	}
	n.load("m", "R3")
	n.load("x", "R1")
	n.load("y", "R0")
	n.load("add", "R7")
	if p.ends {
		n.load("rowBias", "R22")
	}
	n.op("ADD R9, R0")
	n.op("ADD R9, R7")
	for _, rows := range p.heights {
		n.label(fmt.Sprint("rows", rows))
		n.op("CMP $%d, R3", rows)
		n.op("BLT done%d", rows)
		p.tile(n, rows)
		n.op("SUB $%d, R3", rows)
		n.op("B rows%d", rows)
		n.label(fmt.Sprint("done", rows))
	}
	if !p.half {
		n.op("ADD $64, R9")
		n.op("CMP $%d, R9", panelBytes)
		n.op("BLT half")
	}
	n.op("RET")
}

// tile computes so many rows and goes on to those below.
func (p neonPanel) tile(n *neon, rows int) {
	n.load("w", "R2")
	n.load("k", "R4")
	n.op("ADD R9, R2")
	n.zero(4 * rows)
	for r := range rows {
		switch {
		case r > 0:
			n.op("ADD R5, R%d, R%d", 9+r, 10+r)
		case p.head > 0:
			n.op("ADD $%d, R1, R10", p.head)
		default:
			n.op("MOVD R1, R10")
		}
	}
	p.steps(n, rows)
	if p.scale != nil {
		p.scale(n, rows)
	}
	n.finish(rows, 4, p.ends)
	n.op("MOVD $%d, R20", rows)
	n.op("MADD R20, R1, R5, R1")
}

// zero clears the first vectors.
func (n *neon) zero(vectors int) {
	for v := range vectors {
		n.op("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v)
	}
}

func (n *neon) floatSteps(rows int) {
	n.label(fmt.Sprint("steps", rows))
	n.op("VLD1.P (R2)(R23), %s", four(24))
	n.op("PRFM (R8), PLDL1KEEP")
	n.op("PRFM 64(R8), PLDL1KEEP")
	n.op("ADD R19, R8")
	for r := range rows {
		x := 28 + r%4
		n.op("FMOVS (R%d), F%d", 10+r, x)
		n.op("ADD R6, R%d", 10+r)
		for v := range 4 {
			n.element(fmla4, "FMLA", 4*r+v, 24+v, x, 0)
		}
	}
	n.op("SUBS $1, R4")
	n.op("BNE steps%d", rows)
}

// bf16Steps has pairs of bfloat16 in w and two float32 for them in x, all pairs
// side by side.
func (n *neon) bf16Steps(rows int) {
	const upper = 31
	n.op("MOVW $%d, R20", -1<<16)
	n.op("VDUP R20, V%d.S4", upper)
	n.label(fmt.Sprint("steps", rows))
	n.fetchSteps(1)
	for odd := range 2 {
		n.op("VLD1 (R2), %s", four(24))
		for v := 24; v < 28; v++ {
			if odd == 0 {
				n.op("VSHL $16, V%d.S4, V%d.S4", v, v)
			} else {
				n.op("VAND V%d.B16, V%d.B16, V%d.B16", upper, v, v)
			}
		}
		for r := range rows {
			x := 28 + r%3
			n.op("FMOVS.P 4(R%d), F%d", 10+r, x)
			for v := range 4 {
				n.element(fmla4, "FMLA", 4*r+v, 24+v, x, 0)
			}
		}
	}
	n.op("ADD $%d, R2", panelBytes)
	n.op("SUBS $1, R4")
	n.op("BNE steps%d", rows)
}
