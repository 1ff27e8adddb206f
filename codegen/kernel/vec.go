package kernel

import (
	"fmt"
	"maps"
	"math"
	"slices"

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

// each writes a loop over n elements of the pointers, in vectors, with the
// constants of body in registers.
func (l *lanes) each(label string, n reg.Register, pointers []reg.GPVirtual, body func(last bool)) {
	l.hold(maxHeld, func() { body(false) })
	l.loop(label, n, pointers, body)
	l.held = nil
}

// loop writes body for whole vectors and, after the loop, once more with last
// for what remains: there it must load and store by load and store. It changes
// n, of which less than a vector is left, and the pointers.
func (l *lanes) loop(label string, n reg.Register, pointers []reg.GPVirtual, body func(last bool)) {
	l.Label(label + "_loop")
	l.jumpIfLess(n, l.bytes/4, label+"_rest")
	body(false)
	for _, p := range pointers {
		l.increaseBy(p, l.bytes)
	}
	l.decreaseBy(n, l.bytes/4)
	l.jump(label + "_loop")
	l.Label(label + "_rest")
	l.jumpIfZero(n, label+"_done")
	l.some(n)
	body(true)
	l.Label(label + "_done")
}

// maxHeld leaves a dozen of 32 registers for the work itself.
const maxHeld = 20

// hold loads constants that body uses into so many registers; of the 16 that
// AVX2 has none is free. Which constants they are, it learns by writing body in
// vain.
func (l *lanes) hold(most int, body func()) {
	if l.bytes != 64 {
		return
	}
	file := l.asm
	l.asm = newAsm()
	l.Function("rehearsal")
	body()
	used := slices.Sorted(maps.Keys(l.data))
	l.asm = file
	held := map[uint32]reg.Register{}
	for _, name := range used[:min(len(used), most)] {
		var bits uint32
		if _, err := fmt.Sscanf(name, "word_%x", &bits); err != nil {
			panic("BUG: a loop uses " + name)
		}
		held[bits] = l.word(bits).(reg.Register)
	}
	l.held = held
}

// some sets bits for the first n elements of a vector, n less than all.
func (l *lanes) some(n reg.Register) {
	if l.arm64() {
		l.bits = n
		return
	}
	if l.bytes == 64 {
		k, bits := l.K(), l.GP64()
		l.MOVQ(operand.I32(-1), bits)
		l.BZHIQ(n, bits, bits)
		l.KMOVW(bits.As32(), k)
		l.bits = k
		return
	}
	// 8 words of ones, then 8 of zeros: read so that n ones come first.
	m := l.constant("ones_zeros", 8, func(i int) uint64 { return math.MaxUint64 * uint64(1-i/4) })
	p, y := l.GP64(), l.YMM()
	l.LEAQ(m.Offset(32), p)
	l.SHLQ(operand.Imm(2), n)
	l.SUBQ(n, p)
	l.SHRQ(operand.Imm(2), n)
	l.VMOVUPS(at(p, 0), y)
	l.bits = y
}

// load is the vector at p; elements that a last one does not have are 0.
func (l *lanes) load(p operand.Mem, last bool) reg.VecVirtual {
	y := l.fresh()
	switch {
	case l.arm64():
		l.armLoad(y, p, last)
	case !last:
		l.VMOVUPS(p, y)
	case l.bytes == 64:
		l.VMOVUPS_Z(p, l.bits, y)
	default:
		l.VMASKMOVPS(p, l.bits, y)
	}
	return y
}

// everywhere is the number at m in every element.
func (l *lanes) everywhere(m operand.Mem) reg.VecVirtual {
	y := l.fresh()
	if l.arm64() {
		l.arm("VLD1R", y, l.plain(m))
	} else {
		l.VBROADCASTSS(m, y)
	}
	return y
}

// store stores the elements of y that there are.
func (l *lanes) store(y reg.Register, p operand.Mem, last bool) {
	switch {
	case l.arm64():
		l.armStore(y, p, last)
	case !last:
		l.VMOVUPS(y, p)
	case l.bytes == 64:
		l.VMOVUPS(y, l.bits, p)
	default:
		l.VMASKMOVPS(y, l.bits, p)
	}
}

// cut changes the elements of y that a last vector does not have to fill.
func (l *lanes) cut(y reg.Register, fill operand.Op) {
	if l.arm64() {
		there := l.fresh()
		l.arm("VDUP", there, l.bits)
		l.arm("CMGT", there, there, l.fetch([4]uint32{0, 1, 2, 3}))
		l.arm("BSL", there, y, fill)
		l.arm("VMOV", y, there)
		return
	}
	z := l.set(fill)
	if l.bytes == 64 {
		l.VMOVUPS(y, l.bits, z)
		l.VMOVUPS(z, y)
	} else {
		l.VBLENDVPS(l.bits, y, z, y)
	}
}
