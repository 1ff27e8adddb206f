package kernel

import (
	"maps"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bf16Kernels are for weights in bfloat16: products, and rounding what they
// are multiplied with.
var bf16Kernels = with(onBoth(roundSignature, map[string]func(*lanes){"roundWords": (*lanes).roundWords}), map[string]generator{
	"panelDotBF16":       {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, bf16Pairs}.body},
	"panelMulBF16AVX512": {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, bf16Widened}.body},
	"panelMulBF16AVX2":   {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, bf16Widened}.body},
	"roundPairsBF16":     {roundSignature, roundPairs},
})

// with joins two tables.
func with(a, b map[string]generator) map[string]generator {
	maps.Copy(a, b)
	return a
}

const (
	panelWordsSignature = "func(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)"
	roundSignature      = "func(dst *uint32, x *float32, n int)"
)

// bf16Pairs has pairs of bfloat16 in x and w, which VDPBF16PS multiplies and
// adds up.
var bf16Pairs = format{products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
	b, free := t.weights(w), t.regs[2*t.most+2:]
	t.fetch()
	for r := range t.rows {
		x := free[r%len(free)]
		t.VBROADCASTSS(rowOf(rows, r, t.ldx), x)
		for v := range b {
			t.encoded(vdpbf16ps, b[v], x, t.sum(r, v))
		}
	}
}}

// bf16Widened has pairs of bfloat16 in w and two float32 for them in x. A
// bfloat16 is the upper half of a float32.
var bf16Widened = format{products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
	const upper = 0xffff0000
	mask := (&lanes{asm: t.asm, vec: narrow}).word(upper)
	free := t.regs[2*t.most+2:]
	t.fetch()
	for odd := range 2 {
		b := t.weights(w)
		for v := range b {
			switch {
			case odd == 0:
				t.VPSLLD(operand.Imm(16), b[v], b[v])
			case t.bytes == 64:
				t.VANDPS_BCST(mask, b[v], b[v])
			default:
				t.VANDPS(mask, b[v], b[v])
			}
		}
		for r := range t.rows {
			x := free[r%len(free)]
			t.VBROADCASTSS(rowOf(rows, r, t.ldx).Offset(4*odd), x)
			for v := range b {
				t.VFMADD231PS(b[v], x, t.sum(r, v))
			}
		}
	}
}}

// An opcode is an instruction of AVX-512 that Go's assembler does not know:
// EVEX, map 0F38, W0, 512 bits.
type opcode struct {
	prefix uint8 // 1 for 66, 2 for F3, 3 for F2
	code   uint8
}

var (
	vdpbf16ps      = opcode{2, 0x52}
	vcvtne2ps2bf16 = opcode{3, 0x72}
)

// encoded writes op with three registers, in the order of Go's assembler: the
// second source, the first, the destination.
func (a *asm) encoded(op opcode, src2, src1, dst reg.VecPhysical) {
	s2, s1, d := number(src2), number(src1), number(dst)
	prefix := 0x62 | (inverted(d, 3, 7)|inverted(s2, 4, 6)|inverted(s2, 3, 5)|inverted(d, 4, 4)|2)<<8 |
		(^s1&15<<3|4|uint32(op.prefix))<<16 | (2<<5|inverted(s1, 4, 3))<<24
	both := []operand.Op{src2, src1}
	a.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(prefix)}, Inputs: both})
	a.Instruction(&ir.Instruction{Opcode: "WORD", Operands: []operand.Op{operand.U16(uint32(op.code) | 0xc000 | (d&7<<3|s2&7)<<8)}, Inputs: both})
}

// number is that of a register in the encoding of an instruction.
func number(r reg.VecPhysical) uint32 { return uint32(reg.ToPhysical(r).PhysicalIndex()) }

// inverted is a bit of a register's number at another place: most are stored so.
func inverted(number uint32, from, to int) uint32 { return ^number >> from & 1 << to }

// roundPairs takes 32 elements at a time.
func roundPairs(a *asm) {
	l := &lanes{asm: a, vec: wide}
	dst, x, n := l.param("dst"), l.param("x"), l.param("n")
	even, odd := reg.Z0, reg.Z1
	l.Label("loop")
	l.VMOVUPS(at(x, 0), even)
	l.VMOVUPS(at(x, 64), odd)
	l.encoded(vcvtne2ps2bf16, even, odd, even)
	l.VMOVUPS(even, at(dst, 0))
	l.ADDQ(operand.U32(128), x)
	l.ADDQ(operand.U32(64), dst)
	l.SUBQ(operand.U32(32), n)
	l.JNZ(operand.LabelRef("loop"))
	l.VZEROUPPER()
	l.RET()
}

// roundWords adds half of what is cut off, less one where the last bit that
// stays is 0, and leaves NaN as it is.
func (l *lanes) roundWords() {
	dst, x, n := l.param("dst"), l.param("x"), l.param("n")
	l.each("x", n, []reg.GPVirtual{dst, x}, func(last bool) {
		v := l.load(at(x, 0), last)
		y := l.fresh()
		if l.arm64() {
			l.arm("USHR", y, v, operand.Imm(16))
		} else {
			l.VPSRLD(operand.Imm(16), v, y)
		}
		y = l.and(y, l.word(1))
		l.plusWhole(y, l.word(0x7fff))
		l.plusWhole(y, v)
		y = l.and(y, l.word(0xffff0000))
		const unordered = 3
		switch {
		case l.arm64():
			number := l.three(nil, "FCMEQ", v, v)
			l.arm("BSL", number, y, v)
			y = number
		case l.bytes == 64:
			k := l.K()
			l.VCMPPS(operand.Imm(unordered), v, v, k)
			l.VBLENDMPS(v, y, k, y)
		default:
			nan := l.fresh()
			l.VCMPPS(operand.Imm(unordered), v, v, nan)
			l.VBLENDVPS(nan, v, y, y)
		}
		l.store(y, at(dst, 0), last)
	})
}
