package kernel

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a width of vectors, and with it an instruction set. Vector registers
// are given out by number: avo's allocation takes a register that is cleared
// by XOR with itself for one that is read, and so runs out of them.
type vec struct {
	bytes int
	regs  []reg.VecPhysical
}

var (
	wide = vec{64, []reg.VecPhysical{ // AVX-512
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}}
	narrow = vec{32, []reg.VecPhysical{ // AVX2 and FMA
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}}
)

// zero clears register x.
func (v vec) zero(a *asm, x reg.VecPhysical) {
	if v.bytes == 64 {
		a.VPXORD(x, x, x)
	} else {
		a.VXORPS(x, x, x)
	}
}

// at is the vector at base+disp.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }
