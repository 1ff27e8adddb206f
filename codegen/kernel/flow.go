package kernel

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What lanes writes on general registers, for either architecture.

// arm64 reports whether the code is for arm64.
func (l *lanes) arm64() bool { return l.bytes == quad.bytes }

// param is a 64-bit parameter in a fresh register.
func (l *lanes) param(name string) reg.GPVirtual {
	r := l.GP64()
	l.reload(name, r)
	return r
}

// reload changes r to a 64-bit parameter.
func (l *lanes) reload(name string, r reg.GPVirtual) {
	if l.arm64() {
		l.arm("MOVD", r, l.address(l.Param(name)))
	} else {
		l.Load(l.Param(name), r)
	}
}

// read changes r to the 64 bits at m.
func (l *lanes) read(m operand.Mem, r reg.Register) {
	if l.arm64() {
		l.arm("MOVD", r, l.unindexed(m))
	} else {
		l.MOVQ(m, r)
	}
}

// clear changes r to 0.
func (l *lanes) clear(r reg.GPVirtual) {
	if l.arm64() {
		l.arm("MOVD", r, operand.U32(0))
	} else {
		l.XORL(r.As32(), r.As32())
	}
}

func (l *lanes) copy(from, to reg.Register) {
	if l.arm64() {
		l.arm("MOVD", to, from)
	} else {
		l.MOVQ(from, to)
	}
}

// increase adds to r, as increaseBy does; decreaseBy takes from it.
func (l *lanes) increase(r, by reg.Register) {
	if l.arm64() {
		l.arm("ADD", r, by, r)
	} else {
		l.ADDQ(by, r)
	}
}

// increaseByParam adds a 64-bit parameter to r.
func (l *lanes) increaseByParam(r reg.Register, name string) {
	if l.arm64() {
		l.increase(r, l.param(name))
	} else {
		l.ADDQ(paramOf(l.asm, name), r)
	}
}

func (l *lanes) increaseBy(r reg.Register, n int) {
	if l.arm64() {
		l.arm("ADD", r, operand.U32(uint32(n)), r)
	} else {
		l.ADDQ(operand.U32(uint32(n)), r)
	}
}

func (l *lanes) decreaseBy(r reg.Register, n int) {
	if l.arm64() {
		l.arm("SUB", r, operand.U32(uint32(n)), r)
	} else {
		l.SUBQ(operand.U32(uint32(n)), r)
	}
}

// times multiplies r, shift does it with a power of two.
func (l *lanes) times(r reg.Register, n int) { l.multiple(r, r, n) }

// multiple changes to to n times r.
func (l *lanes) multiple(to, r reg.Register, n int) {
	if l.arm64() {
		by := l.GP64()
		l.arm("MOVD", by, operand.U32(uint32(n)))
		l.arm("MUL", to, by, r)
	} else {
		l.IMUL3Q(operand.U32(uint32(n)), r, to)
	}
}

func (l *lanes) shift(r reg.Register, bits int) {
	if l.arm64() {
		l.arm("LSL", r, operand.Imm(uint64(bits)), r)
	} else {
		l.SHLQ(operand.Imm(uint64(bits)), r)
	}
}

// point changes to to where m, which has an index and no distance, lies.
func (l *lanes) point(m operand.Mem, to reg.Register) {
	if !l.arm64() {
		l.LEAQ(m, to)
		return
	}
	l.armIndex(m, to)
}

func (l *lanes) jump(to string) {
	if l.arm64() {
		l.armJump("B", to)
	} else {
		l.JMP(operand.LabelRef(to))
	}
}

// jumpIfLess jumps if r is less than n.
func (l *lanes) jumpIfLess(r reg.Register, n int, to string) {
	if l.arm64() {
		l.armCompare(r, n)
		l.armJump("BLT", to)
	} else {
		l.CMPQ(r, operand.U32(uint32(n)))
		l.JLT(operand.LabelRef(to))
	}
}

func (l *lanes) jumpIfZero(r reg.Register, to string) {
	if l.arm64() {
		l.armJump("CBZ", to, r)
	} else {
		l.TESTQ(r, r)
		l.JZ(operand.LabelRef(to))
	}
}

// countDown takes one from r and jumps if something is left.
func (l *lanes) countDown(r reg.Register, to string) {
	if l.arm64() {
		l.decreaseBy(r, 1)
		l.armJump("CBNZ", to, r)
	} else {
		l.DECQ(r)
		l.JNZ(operand.LabelRef(to))
	}
}

// countUp adds one to r and jumps if that is less than a 64-bit parameter.
func (l *lanes) countUp(r reg.Register, param, to string) {
	if l.arm64() {
		l.increaseBy(r, 1)
		most := l.param(param)
		l.Instruction(&ir.Instruction{Opcode: "CMP", Operands: []operand.Op{most, r}, Inputs: []operand.Op{most, r}})
		l.armJump("BLT", to)
	} else {
		l.INCQ(r)
		l.CMPQ(r, paramOf(l.asm, param))
		l.JLT(operand.LabelRef(to))
	}
}

// countDownBy takes n from r, a multiple of n, and jumps if something is left.
func (l *lanes) countDownBy(r reg.Register, n int, to string) {
	l.decreaseBy(r, n)
	if l.arm64() {
		l.armJump("CBNZ", to, r)
	} else {
		l.JNZ(operand.LabelRef(to))
	}
}

// jumpIfNone jumps if a parameter of type float32 is 0 of either sign.
func (l *lanes) jumpIfNone(param, to string) {
	if l.arm64() {
		bits := l.GP64()
		l.arm("MOVWU", bits, l.address(l.Param(param)))
		l.shift(bits, 64-31)
		l.jumpIfZero(bits, to)
		return
	}
	bits := l.GP32()
	l.MOVL(l.address(l.Param(param)), bits)
	l.SHLL(operand.Imm(1), bits)
	l.JZ(operand.LabelRef(to))
}

// A counter is a number that is seldom looked at: amd64, which has few
// registers, keeps it in memory.
type counter struct {
	l *lanes
	m operand.Mem
	r reg.Register
}

// counter is one without a value.
func (l *lanes) counter() counter {
	if l.arm64() {
		return counter{l: l, r: l.spare()}
	}
	return counter{l: l, m: l.AllocLocal(8)}
}

// counted is a copy of a parameter.
func (l *lanes) counted(param string) counter {
	n, c := l.param(param), l.counter()
	c.set(n)
	return c
}

// counting is a parameter, which amd64 changes where it lies.
func (l *lanes) counting(param string) counter {
	if l.arm64() {
		return l.counted(param)
	}
	return counter{l: l, m: paramOf(l.asm, param)}
}

func (c counter) set(n reg.Register) {
	if c.l.arm64() {
		c.l.copy(n, c.r)
	} else {
		c.l.MOVQ(n, c.m)
	}
}

// to changes r to the number.
func (c counter) to(r reg.Register) {
	if c.l.arm64() {
		c.l.copy(c.r, r)
	} else {
		c.l.MOVQ(c.m, r)
	}
}

func (c counter) jumpIfLess(n int, to string) {
	if c.l.arm64() {
		c.l.jumpIfLess(c.r, n, to)
		return
	}
	c.l.CMPQ(c.m, operand.U32(uint32(n)))
	c.l.JLT(operand.LabelRef(to))
}

func (c counter) increaseBy(n int) {
	if c.l.arm64() {
		c.l.increaseBy(c.r, n)
	} else {
		c.l.ADDQ(operand.U32(uint32(n)), c.m)
	}
}

func (c counter) decreaseBy(n int) {
	if c.l.arm64() {
		c.l.decreaseBy(c.r, n)
	} else {
		c.l.SUBQ(operand.U32(uint32(n)), c.m)
	}
}
