package kernel

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Arithmetic on vectors, for every instruction set.

// timesPlus is p·x + y. It may change p.
func (l *lanes) timesPlus(p, x, y reg.Register) reg.VecVirtual {
	if l.arm64() {
		sum := l.set(y)
		l.plusTimes(sum, p, x)
		return sum
	}
	l.VFMADD213PS(y, x, p)
	return p.(reg.VecVirtual)
}

// timesMinus is a·b - y. It may change y.
func (l *lanes) timesMinus(a, b, y reg.Register) reg.VecVirtual {
	if l.arm64() {
		sum := l.neg(y)
		l.plusTimes(sum, a, b)
		return sum
	}
	l.VFMSUB231PS(a, b, y)
	return y.(reg.VecVirtual)
}

// multiplyAdd is p·x + c. It may change p.
func (l *lanes) multiplyAdd(p, x reg.Register, c float64) reg.VecVirtual {
	bits := math.Float32bits(float32(c))
	switch _, held := l.held[bits]; {
	case l.arm64():
		sum := l.full(c)
		l.plusTimes(sum, p, x)
		return sum
	case held || l.bytes == 32:
		l.VFMADD213PS(l.word(bits), x, p)
	default:
		l.VFMADD213PS_BCST(l.stored(bits), x, p)
	}
	return p.(reg.VecVirtual)
}

// plusTimes changes sum to sum + a·b, minusTimes to sum - a·b.
func (l *lanes) plusTimes(sum, a reg.Register, b operand.Op) {
	if l.arm64() {
		l.arm("FMLA", sum, a, b)
	} else {
		l.VFMADD231PS(b, a, sum)
	}
}

func (l *lanes) minusTimes(sum, a reg.Register, b operand.Op) {
	if l.arm64() {
		l.arm("FMLS", sum, a, b)
	} else {
		l.VFNMADD231PS(b, a, sum)
	}
}

// two writes an instruction with one operand, three one with two, of which amd64's takes the second first.
func (l *lanes) two(amd64 func(x, y operand.Op), arm64 string, x operand.Op) reg.VecVirtual {
	y := l.fresh()
	if l.arm64() {
		l.arm(arm64, y, x)
	} else {
		amd64(x, y)
	}
	return y
}

func (l *lanes) three(amd64 func(ops ...operand.Op), arm64 string, a reg.Register, b operand.Op) reg.VecVirtual {
	y := l.fresh()
	if l.arm64() {
		l.arm(arm64, y, a, b)
	} else {
		amd64(b, a, y)
	}
	return y
}

func (l *lanes) add(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VADDPS, "FADD", a, b)
}
func (l *lanes) sub(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VSUBPS, "FSUB", a, b)
}
func (l *lanes) mul(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VMULPS, "FMUL", a, b)
}
func (l *lanes) div(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VDIVPS, "FDIV", a, b)
}
func (l *lanes) and(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VANDPS, "AND16", a, b)
}
func (l *lanes) or(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VORPS, "ORR16", a, b)
}

// min and max give NaN where b is NaN, and NaN or b where a is.
func (l *lanes) min(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VMINPS, "FMIN", a, b)
}
func (l *lanes) max(a reg.Register, b operand.Op) reg.VecVirtual {
	return l.three(l.VMAXPS, "FMAX", a, b)
}

// abs is |x|, sign the sign of x alone.
func (l *lanes) abs(x reg.Register) reg.VecVirtual  { return l.and(x, l.word(0x7fffffff)) }
func (l *lanes) sign(x reg.Register) reg.VecVirtual { return l.and(x, l.word(0x80000000)) }

// round is the nearest whole number, ties to even; floor is at most x, ceil at
// least.
func (l *lanes) round(x reg.Register) reg.VecVirtual { return l.whole(x, 0) }
func (l *lanes) floor(x reg.Register) reg.VecVirtual { return l.whole(x, 1) }
func (l *lanes) ceil(x reg.Register) reg.VecVirtual  { return l.whole(x, 2) }

// whole rounds in the direction that the instructions give this number.
func (l *lanes) whole(x reg.Register, direction uint8) reg.VecVirtual {
	const quiet = 8
	y := l.fresh()
	switch l.bytes {
	case 64:
		l.VRNDSCALEPS(operand.Imm(uint64(quiet|direction)), x, y)
	case 32:
		l.VROUNDPS(operand.Imm(uint64(quiet|direction)), x, y)
	default:
		l.arm([]string{"FRINTN", "FRINTM", "FRINTP"}[direction], y, x)
	}
	return y
}

// polynomial is the one with the coefficients given, that of the highest power first.
func (l *lanes) polynomial(x reg.Register, coefs ...float64) reg.VecVirtual {
	p := l.full(coefs[0])
	for _, c := range coefs[1:] {
		p = l.multiplyAdd(p, x, c)
	}
	return p
}

// scale2 changes x to x·2ⁿ, n whole and between -252 and 254.
func (l *lanes) scale2(x, n reg.Register) {
	if l.bytes == 64 {
		l.VSCALEFPS(n, x, x)
		return
	}
	// By two factors, either of which can be written down even where the
	// result is subnormal or infinite.
	if l.arm64() {
		whole, half, rest := l.fresh(), l.fresh(), l.fresh()
		l.arm("FCVTNS", whole, n)
		l.arm("SSHR", half, whole, operand.Imm(1))
		l.arm("SUB4", rest, whole, half)
		for _, e := range []reg.Register{half, rest} {
			l.arm("ADD4", e, e, l.word(127))
			l.arm("SHL", e, e, operand.Imm(23))
			l.arm("FMUL", x, x, e)
		}
		return
	}
	i, half := l.YMM(), l.YMM()
	l.VCVTPS2DQ(n, i)
	l.VPSRAD(operand.Imm(1), i, half)
	l.VPSUBD(half, i, i)
	for _, e := range []reg.Register{half, i} {
		l.VPADDD(l.word(127), e, e)
		l.VPSLLD(operand.Imm(23), e, e)
		l.VMULPS(e, x, x)
	}
}

// where is yes where a < b, else no.
func (l *lanes) where(a reg.Register, b operand.Op, yes, no reg.Register) reg.VecVirtual {
	const lessQuiet = 0x11
	y := l.fresh()
	if l.arm64() {
		l.arm("FCMGT", y, b, a)
		l.arm("BSL", y, yes, no)
		return y
	}
	if l.bytes == 64 {
		k := l.K()
		l.VCMPPS(operand.Imm(lessQuiet), b, a, k)
		l.VBLENDMPS(yes, no, k, y)
		return y
	}
	m := l.YMM()
	l.VCMPPS(operand.Imm(lessQuiet), b, a, m)
	l.VBLENDVPS(m, yes, no, y)
	return y
}
