package kernel

import (
	"fmt"
	"math"
)

// The registers of expRows on arm64: four scores, what belongs to each, and
// what is the same for all.
const (
	scoreV, wholeV, evenV, oddV = 0, 4, 8, 12 // four of each
	coefV                       = 16          // six
	leastV, laneV               = 22, 23
	topV, rateV, sumV           = 24, 25, 26
	goneV                       = 27 // four
	tmpV                        = 31
)

// expRows passes twice over the rows, as for amd64.
//
//	R0 s  R1 bias  R2 rows  R3 ld  R4 seen  R5 cols  R6 step  R7 offset into was, top and sum
//	R8 what is seen of the row  R9 a score  R10 a bias
func (n *neon) expRows() {
	for i, c := range exp2Coefs {
		n.all(c, coefV+i)
	}
	n.all(exp2Least, leastV)
	n.op("MOVD $0x100000000, R9")
	n.op("MOVD $0x300000002, R10")
	n.op("VMOV R9, V%d.D[0]", laneV)
	n.op("VMOV R10, V%d.D[1]", laneV)
	n.load("ldBias", "R16")
	n.op("LSL $2, R16")
	n.rows("top", n.topOfRow)
	n.op("FMOVS $1.0, F%d", rateV)
	n.op("CBNZ R1, rated")
	n.load("scale", fmt.Sprint("F", rateV))
	n.label("rated")
	n.op("MOVW $%d, R9", int32(math.Float32bits(math.Log2E)))
	n.op("VDUP R9, V%d.S4", tmpV)
	n.op("VDUP V%d.S[0], V%d.S4", rateV, rateV)
	n.mul(rateV, rateV, tmpV)
	n.rows("exp", n.weightsOfRow)
	n.op("RET")
}

// all makes every element of vector v a constant.
func (n *neon) all(c float64, v int) {
	n.op("MOVW $%d, R9", int32(math.Float32bits(float32(c))))
	n.op("VDUP R9, V%d.S4", v)
}

// rows writes a loop over the rows, each of which finds in R8 how much is seen.
func (n *neon) rows(label string, body func()) {
	for _, p := range [][2]string{{"s", "R0"}, {"bias", "R1"}, {"rows", "R2"}, {"ld", "R3"}, {"seen", "R4"}, {"cols", "R5"}, {"step", "R6"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R3")
	n.op("MOVD $0, R7")
	n.label(label + "_row")
	n.op("CMP R5, R4")
	n.op("CSEL LT, R4, R5, R8")
	n.op("CMP $0, R8")
	n.op("CSEL LT, ZR, R8, R8")
	body()
	n.op("ADD R3, R0")
	n.op("ADD $4, R7")
	n.op("ADD R6, R4")
	n.op("SUBS $1, R2")
	n.op("BNE %s_row", label)
}

// state brings the place of the row's element of a parameter into R11.
func (n *neon) state(name string) {
	n.load(name, "R11")
	n.op("ADD R7, R11")
}

// topOfRow adds the bias, if there is one, and finds the largest score.
func (n *neon) topOfRow() {
	n.state("was")
	n.op("VLD1R (R11), [V%d.S4]", topV)
	n.load("scale", "F1")
	n.op("VDUP V1.S[0], V%d.S4", rateV)
	n.op("MOVD R0, R9")
	n.op("MOVD R1, R10")
	n.op("CBZ R1, plain")
	n.op("ADD R16, R1")
	for _, p := range []struct {
		label  string
		biased bool
	}{{"biased", true}, {"plain", false}} {
		n.label(p.label)
		n.op("CMP $4, R8")
		n.op("BLT %s_rest", p.label)
		n.op("VLD1 (R9), [V2.S4]")
		if p.biased {
			n.op("VLD1.P 16(R10), [V3.S4]")
			n.fma(3, 2, rateV)
			n.op("VST1 [V3.S4], (R9)")
			n.larger(topV, topV, 3)
		} else {
			n.larger(topV, topV, 2)
		}
		n.op("ADD $16, R9")
		n.op("SUB $4, R8")
		n.op("B %s", p.label)
		n.label(p.label + "_rest")
		n.op("CBZ R8, topped")
		n.op("FMOVS (R9), F2")
		if p.biased {
			n.op("FMOVS.P 4(R10), F3")
			n.op("FMADDS F1, F3, F2, F2")
			n.op("FMOVS F2, (R9)")
		}
		n.op("VDUP V2.S[0], V2.S4")
		n.larger(topV, topV, 2)
		n.op("ADD $4, R9")
		n.op("SUB $1, R8")
		n.op("B %s_rest", p.label)
	}
	n.label("topped")
	n.word(fmaxnmv4, fmt.Sprintf("FMAXNMV S%d, V%d.4S", topV, topV), topV, topV, 0)
	n.state("top")
	n.op("FMOVS F%d, (R11)", topV)
}

// weightsOfRow makes exponentials, sixteen at a time: a row has room for them.
func (n *neon) weightsOfRow() {
	n.state("was")
	n.op("VLD1R (R11), [V%d.S4]", scoreV)
	n.state("top")
	n.op("VLD1R (R11), [V%d.S4]", topV)
	n.exp2(1)
	n.state("sum")
	n.op("FMOVS (R11), F%d", sumV)
	n.op("FMULS F%d, F%d, F%d", oddV, sumV, sumV) // the other elements become 0
	n.op("MOVD R0, R9")
	n.op("MOVD R5, R12")
	n.label("exp_some")
	n.op("VLD1 (R9), %s", four(scoreV))
	n.exp2(4)
	n.op("CMP $16, R8")
	n.op("BGE exp_all")
	for i := range 4 {
		n.op("SUB $%d, R8, R13", 4*i)
		n.op("VDUP R13, V%d.S4", tmpV)
		n.three(cmgt4, "CMGT", goneV, tmpV, laneV)
		n.op("VAND V%d.B16, V%d.B16, V%d.B16", goneV, oddV+i, oddV+i)
	}
	n.label("exp_all")
	n.op("VST1.P %s, 64(R9)", four(oddV))
	for i := range 4 {
		n.add(sumV, sumV, oddV+i)
	}
	n.op("SUB $16, R8")
	n.op("SUBS $16, R12")
	n.op("BGT exp_some")
	n.three(faddp4, "FADDP", sumV, sumV, sumV)
	n.three(faddp4, "FADDP", sumV, sumV, sumV)
	n.op("FMOVS F%d, (R11)", sumV)
}

// exp2 makes 2ˣ of so many scores, x being their distance from the top times
// the rate. The results lie from oddV on.
func (n *neon) exp2(count int) {
	for i := range count {
		n.sub(scoreV+i, scoreV+i, topV)
		n.mul(scoreV+i, scoreV+i, rateV)
	}
	for i := range count {
		n.two(frintn4, "FRINTN", wholeV+i, scoreV+i)
		n.greater(goneV+i, leastV, scoreV+i) // not so for NaN, which stays
	}
	for i := range count {
		n.sub(scoreV+i, scoreV+i, wholeV+i)
		n.two(fcvtns4, "FCVTNS", wholeV+i, wholeV+i)
		n.op("VSHL $23, V%d.S4, V%d.S4", wholeV+i, wholeV+i)
		n.op("VMOV V%d.B16, V%d.B16", coefV, evenV+i)
	}
	for c := 1; c < len(exp2Coefs); c++ {
		from, to := evenV, oddV
		if c%2 == 0 {
			from, to = to, from
		}
		for i := range count {
			n.op("VMOV V%d.B16, V%d.B16", coefV+c, to+i)
			n.fma(to+i, from+i, scoreV+i)
		}
	}
	for i := range count {
		n.op("VADD V%d.S4, V%d.S4, V%d.S4", wholeV+i, oddV+i, oddV+i) // to the exponent
		n.word(bic16, fmt.Sprintf("BIC V%d.16B, V%d.16B, V%d.16B", oddV+i, oddV+i, goneV+i), oddV+i, oddV+i, goneV+i)
	}
}

// blendRows takes sixteen elements at a time: a row has room for them.
//
//	R0 s  R1 u  R2 a  R3 b  R4 rows  R5 cols  R6 ld  R7 and R8 an element of s and u
func (n *neon) blendRows() {
	for _, p := range [][2]string{{"s", "R0"}, {"u", "R1"}, {"a", "R2"}, {"b", "R3"}, {"rows", "R4"}, {"ld", "R6"}} {
		n.load(p[0], p[1])
	}
	n.op("LSL $2, R6")
	n.label("row")
	n.op("VLD1R.P 4(R2), [V16.S4]")
	n.op("MOVD R0, R7")
	n.op("MOVD R1, R8")
	n.load("cols", "R5")
	n.op("CBZ R1, alone")
	n.op("VLD1R.P 4(R3), [V17.S4]")
	n.label("both")
	n.op("VLD1 (R7), %s", four(0))
	n.op("VLD1.P 64(R8), %s", four(4))
	for i := range 4 {
		n.mul(i, i, 16)
		n.fma(i, 4+i, 17)
	}
	n.op("VST1.P %s, 64(R7)", four(0))
	n.op("SUBS $16, R5")
	n.op("BGT both")
	n.op("ADD R6, R1")
	n.op("B next")
	n.label("alone")
	n.op("VLD1 (R7), %s", four(0))
	for i := range 4 {
		n.mul(i, i, 16)
	}
	n.op("VST1.P %s, 64(R7)", four(0))
	n.op("SUBS $16, R5")
	n.op("BGT alone")
	n.label("next")
	n.op("ADD R6, R0")
	n.op("SUBS $1, R4")
	n.op("BNE row")
	n.op("RET")
}

// fillUnless makes masks of eight bytes at a time, by doubling them twice.
//
//	R0 x  R1 keep  R2 n
func (n *neon) fillUnless() {
	for _, p := range [][2]string{{"x", "R0"}, {"keep", "R1"}, {"n", "R2"}} {
		n.load(p[0], p[1])
	}
	n.everywhere("fill", 0)
	n.label("loop")
	n.op("VLD1.P 8(R1), [V1.B8]")
	n.op("VLD1 (R0), [V4.S4, V5.S4]")
	n.op("VCMTST V1.B8, V1.B8, V1.B8")
	n.op("VZIP1 V1.B16, V1.B16, V1.B16")
	n.op("VZIP1 V1.H8, V1.H8, V2.H8")
	n.op("VZIP2 V1.H8, V1.H8, V3.H8")
	n.op("VBIF V2.B16, V0.B16, V4.B16")
	n.op("VBIF V3.B16, V0.B16, V5.B16")
	n.op("VST1 [V4.S4, V5.S4], (R0)")
	n.op("ADD $32, R0")
	n.op("SUBS $8, R2")
	n.op("BNE loop")
	n.op("RET")
}
