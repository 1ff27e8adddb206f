package kernel

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a width of vectors in bytes, and with it an instruction set.
type vec struct {
	bytes int
	regs  []reg.VecPhysical // for kernels that use them all, by number
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
	quad = vec{bytes: 16} // NEON
)

// at is the memory at base+disp.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// zero clears register x.
func (v vec) zero(a *asm, x reg.VecPhysical) {
	if v.bytes == 64 {
		a.VPXORD(x, x, x)
	} else {
		a.VXORPS(x, x, x)
	}
}

// lanes writes code on vectors in registers that avo allocates. Its methods
// give a fresh register unless they say that they change one.
type lanes struct {
	*asm
	vec
	bits reg.Register // which elements of a last, short vector there are: k or ymm, for arm64 their number

	rests int                     // how many times a last vector was loaded or stored for arm64
	held  map[uint32]reg.Register // constants in registers, while a loop is written
}

func (l *lanes) fresh() reg.VecVirtual {
	switch l.bytes {
	case 64:
		return l.ZMM()
	case 32:
		return l.YMM()
	}
	return l.XMM()
}

// c is a constant, all elements of a vector: for AVX2 in memory, else in a
// register, which must not change.
func (l *lanes) c(x float64) operand.Op { return l.word(math.Float32bits(float32(x))) }

// word is c for any 32 bits.
func (l *lanes) word(bits uint32) operand.Op {
	if r, ok := l.held[bits]; ok {
		return r
	}
	if l.arm64() {
		return l.fetch([4]uint32{bits, bits, bits, bits})
	}
	m := l.stored(bits)
	if l.bytes == 32 {
		return m
	}
	r := l.ZMM()
	l.VBROADCASTSS(m, r)
	return r
}

// stored is word in memory.
func (l *lanes) stored(bits uint32) operand.Mem {
	return l.constant(fmt.Sprintf("word_%08x", bits), 4, func(int) uint64 { return uint64(bits)<<32 | uint64(bits) })
}

// set is a register of its own with operand x in it.
func (l *lanes) set(x operand.Op) reg.VecVirtual {
	y := l.fresh()
	if l.arm64() {
		l.arm("VMOV", y, x)
	} else {
		l.VMOVUPS(x, y)
	}
	return y
}

// full is a constant in a register of its own.
func (l *lanes) full(x float64) reg.VecVirtual {
	if l.arm64() {
		return l.c(x).(reg.VecVirtual)
	}
	return l.set(l.c(x))
}
