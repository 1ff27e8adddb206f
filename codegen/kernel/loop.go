package kernel

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
