package kernel

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// int8Kernels are for weights in int8: products, and bringing what they are
// multiplied with to uint8.
var int8Kernels = with(with(with(
	onBoth("func(y *uint8, x *float32, n int, scale, low, high float32, zero int32)", map[string]func(*lanes){"quantizeBytes": (*lanes).quantizeBytes}),
	onBoth("func(x *float32, n int) (lo, hi, spoiled float32)", map[string]func(*lanes){"rowRange": (*lanes).rowRange})),
	onBoth("func(dst *uint32, x *float32, n int, inverse float32, zero int32)", map[string]func(*lanes){"quantizeRow": (*lanes).quantizeRow})),
	map[string]generator{
		"panelDotInt8AVX512":      {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, int8Format(dotBytes, rowHead)}.body},
		"panelDotInt8AVX2":        {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, int8Format(dotBytes, rowHead)}.body},
		"panelMulInt8AVX2":        {panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, int8Format(widenBytes, rowHead)}.body},
		"panelDotShiftedAVX512":   {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, int8Format(dotBytes, shiftedHead)}.body},
		"panelDotShiftedAVX2":     {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, int8Format(dotBytes, shiftedHead)}.body},
		"panelMulShiftedAVX2":     {panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, int8Format(widenBytes, shiftedHead)}.body},
		"panelMulWideAVX2":        {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, words(2, rowHead, (*tile).multiplyWords, scaleInt8(false))}.body},
		"panelMulWideShiftedAVX2": {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, words(2, shiftedHead, (*tile).multiplyWords, scaleInt8(true))}.body},
		"splitRowAVX2":            {"func(dst, x *uint32, n int)", inLanes(narrow, splitRow)},
		"splitPanelAVX2":          {"func(dst, w *uint32, n int)", inLanes(narrow, splitPanel)},
	})

// rowHead is the bytes before the first step in a row of x: its scale, and
// what stands for 0; shiftedHead has the row's sum behind them.
const (
	rowHead     = 8
	shiftedHead = 12
)

// int8Format has four uint8 in a word of x and four int8 in one of w.
func int8Format(products func(t *tile, head int, rows []reg.GPVirtual, w reg.GPVirtual), head int) format {
	return format{
		products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) { products(t, head, rows, w) },
		scale:    scaleInt8(head == shiftedHead),
	}
}

// dotBytes adds the products up with VPDPBUSD.
func dotBytes(t *tile, head int, rows []reg.GPVirtual, w reg.GPVirtual) {
	b, free := t.weights(w), t.regs[2*t.most+2:]
	t.fetch()
	for r := range t.rows {
		x := free[r%len(free)]
		t.VBROADCASTSS(rowOf(rows, r, t.ldx).Offset(head), x)
		for v := range b {
			if t.bytes == 64 {
				t.VPDPBUSD(b[v], x, t.sum(r, v))
			} else {
				t.encodedVEX(vpdpbusd, b[v], x, t.sum(r, v))
			}
		}
	}
}

// The opcodes of AVX-VNNI.
const (
	vpdpbusd = 0x50
	vpdpwssd = 0x52
)

// encodedVEX writes an instruction of AVX-VNNI, which Go's assembler does not
// know: VEX, 66, map 0F38, W0, 256 bits. The operands are in its order.
func (a *asm) encodedVEX(opcode uint32, src2, src1, dst reg.VecPhysical) {
	s2, s1, d := number(src2), number(src1), number(dst)
	const noIndex = 1 << 6
	head := 0xc4 | (noIndex|2|inverted(d, 3, 7)|inverted(s2, 3, 5))<<8 | (^s1&15<<3|1<<2|1)<<16 | opcode<<24
	both := []operand.Op{src2, src1, dst}
	a.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(head)}, Inputs: both})
	a.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(0xc0 | d&7<<3 | s2&7)}, Inputs: both})
}

// widenBytes multiplies in 16 bits, where no sum of two products overflows:
// the even bytes of the words, then the odd ones.
func widenBytes(t *tile, head int, rows []reg.GPVirtual, w reg.GPVirtual) {
	b := t.weights(w)
	t.fetch()
	free := t.regs[2*t.most+2:]
	even, x, xEven, p := free[:2], free[2], free[3], free[4]
	for v := range b {
		t.VPSLLW(operand.Imm(8), b[v], even[v])
		t.VPSRAW(operand.Imm(8), even[v], even[v])
		t.VPSRAW(operand.Imm(8), b[v], b[v])
	}
	mask := (&lanes{asm: t.asm, vec: t.vec}).word(0x00ff00ff)
	for r := range t.rows {
		t.VBROADCASTSS(rowOf(rows, r, t.ldx).Offset(head), x)
		t.VPAND(mask, x, xEven)
		t.VPSRLW(operand.Imm(8), x, x)
		for v := range b {
			t.VPMADDWD(even[v], xEven, p)
			t.VPADDD(p, t.sum(r, v), t.sum(r, v))
			t.VPMADDWD(b[v], x, p)
			t.VPADDD(p, t.sum(r, v), t.sum(r, v))
		}
	}
}

// scaleInt8 is what scales where columns are shifted, or are not.
func scaleInt8(shifted bool) func(t *tile, w reg.GPVirtual) {
	return func(t *tile, w reg.GPVirtual) { t.scaleInt8(w, shifted) }
}

// splitRow makes two words of one, of its even bytes and of its odd ones, without
// a sign. It takes four at a time.
func splitRow(l *lanes) {
	dst, x, n := l.param("dst"), l.param("x"), l.param("n")
	mask := l.set(l.word(0x00ff00ff))
	l.Label("loop")
	even, odd := l.YMM(), l.YMM()
	l.VPMOVZXDQ(at(x, 0), even)
	l.VPSLLQ(operand.Imm(24), even, odd) // to the upper half, less the first byte
	l.VPOR(odd, even, even)
	l.VPAND(mask, even, even)
	l.VMOVUPS(even, at(dst, 0))
	l.increaseBy(x, 16)
	l.increaseBy(dst, 32)
	l.countDownBy(n, 4, "loop")
}

// splitPanel makes two rows of one of 32 words, of the even bytes and of the odd
// ones, with a sign.
func splitPanel(l *lanes) {
	dst, w, n := l.param("dst"), l.param("w"), l.param("n")
	l.Label("loop")
	for v := range panelBytes / l.bytes {
		odd, even := l.set(at(w, l.bytes*v)), l.fresh()
		l.VPSLLW(operand.Imm(8), odd, even)
		l.VPSRAW(operand.Imm(8), even, even)
		l.VPSRAW(operand.Imm(8), odd, odd)
		l.VMOVUPS(even, at(dst, l.bytes*v))
		l.VMOVUPS(odd, at(dst, panelBytes+l.bytes*v))
	}
	l.increaseBy(w, panelBytes)
	l.increaseBy(dst, 2*panelBytes)
	l.countDown(n, "loop")
}

// scaleInt8 takes from each sum what the row's 0 has brought into it, zero
// times the sum of the column's weights, and scales by row and column. Behind
// the steps of a panel are the scales of its columns, then the sums. Columns
// that are shifted have zero points behind these, times the sum of the row.
func (t *tile) scaleInt8(w reg.GPVirtual, shifted bool) {
	free := t.regs[2*t.most:]
	zero, scale, s, sum := free[0], free[1], free[2], free[3]
	row := t.GP64()
	t.MOVQ(t.x, row)
	for r := range t.rows {
		t.VBROADCASTSS(at(row, 0), scale)
		t.VBROADCASTSS(at(row, 4), zero)
		if shifted {
			t.VBROADCASTSS(at(row, 8), sum)
		}
		for v := range 2 {
			t.VPMULLD(t.columns(w, v).Offset(panelBytes), zero, s)
			t.VPSUBD(s, t.sum(r, v), s)
			if shifted {
				t.VPMULLD(t.columns(w, v).Offset(2*panelBytes), sum, t.sum(r, v))
				t.VPSUBD(t.sum(r, v), s, s)
			}
			t.VCVTDQ2PS(s, s)
			t.VMULPS(t.columns(w, v), scale, t.sum(r, v))
			t.VMULPS(s, t.sum(r, v), t.sum(r, v))
		}
		t.ADDQ(t.ldx, row)
	}
}

// rowRange is the least and the greatest element, 0 among them; 0 times what
// is not finite, added up, tells of that.
func (l *lanes) rowRange() {
	x, n := l.param("x"), l.param("n")
	zero := l.set(l.c(0))
	lo, hi, spoiled := l.set(l.c(0)), l.set(l.c(0)), l.set(l.c(0))
	l.each("x", n, []reg.GPVirtual{x}, func(last bool) {
		v := l.load(at(x, 0), last)
		l.lower(lo, v)
		l.higher(hi, v)
		l.plusTimes(spoiled, zero, v)
	})
	l.results(l.least(lo), l.largest(hi), l.sum(spoiled))
}

// lower changes m to the lesser of m and v, higher to the greater. NaN in v
// stays: raise passes it over.
func (l *lanes) lower(m, v reg.Register) {
	if l.arm64() {
		l.arm("FMIN", m, m, v)
	} else {
		l.VMINPS(v, m, m)
	}
}

func (l *lanes) higher(m, v reg.Register) {
	if l.arm64() {
		l.arm("FMAX", m, m, v)
	} else {
		l.VMAXPS(v, m, m)
	}
}

// quantizeRow takes 32 elements at a time.
func (l *lanes) quantizeRow() {
	dst, x, n := l.param("dst"), l.param("x"), l.param("n")
	inverse, zero := l.all("inverse"), l.all("zero")
	none := l.set(l.c(0))
	l.Label("loop")
	var q []reg.VecVirtual
	for i := range 32 * 4 / l.bytes {
		v := l.mul(inverse, l.source(at(x, i*l.bytes), false, false))
		l.nearest(v)
		l.plusWhole(v, zero)
		q = append(q, v)
	}
	if l.bytes == 64 {
		for i, v := range q {
			l.VPMAXSD(none, v, v)
			l.VPMOVUSDB(v, at(dst, 16*i))
		}
	} else {
		l.packBytes(q, dst)
	}
	l.next32(dst, x, n)
}

// nearest changes x to whole numbers, ties to even; plusWhole adds some.
func (l *lanes) nearest(x reg.Register) {
	if l.arm64() {
		l.arm("FCVTNS", x, x)
	} else {
		l.VCVTPS2DQ(x, x)
	}
}

func (l *lanes) plusWhole(x reg.Register, by operand.Op) {
	if l.arm64() {
		l.arm("ADD4", x, x, by)
	} else {
		l.VPADDD(by, x, x)
	}
}

// packBytes stores 32 words as bytes, less than 0 as 0 and more than 255 as
// that. It changes q.
func (l *lanes) packBytes(q []reg.VecVirtual, dst reg.Register) {
	if l.arm64() {
		for i := range 4 {
			low, high := q[2*i], q[2*i+1]
			l.arm("SQXTUN", low, low)
			l.arm("SQXTUN2", low, high)
		}
		for i := range 2 {
			low, high := q[4*i], q[4*i+2]
			l.arm("UQXTN", low, low)
			l.arm("UQXTN2", low, high)
			l.store(low, at(dst, 16*i), false)
		}
		return
	}
	l.VPACKSSDW(q[1], q[0], q[0])
	l.VPACKSSDW(q[3], q[2], q[2])
	l.VPACKUSWB(q[2], q[0], q[0])
	l.VPERMD(q[0], l.set(l.unpacked()), q[0])
	l.VMOVUPS(q[0], at(dst, 0))
}

// next32 goes on to the next 32 elements of x that become bytes, if any are left of n.
func (l *lanes) next32(dst, x, n reg.Register) {
	l.increaseBy(x, 128)
	l.increaseBy(dst, 32)
	l.countDownBy(n, 32, "loop")
}

// quantizeBytes keeps the low byte of words that fit into one, with a sign or
// without.
func (l *lanes) quantizeBytes() {
	y, x, n := l.param("y"), l.param("x"), l.param("n")
	scale, low, high, zero := l.all("scale"), l.all("low"), l.all("high"), l.all("zero")
	l.Label("loop")
	var q []reg.VecVirtual
	for i := range 32 * 4 / l.bytes {
		v := l.load(at(x, i*l.bytes), false)
		l.divide(v, scale)
		l.higher(v, low)
		l.lower(v, high)
		l.nearest(v)
		l.plusWhole(v, zero)
		if l.bytes == 64 {
			l.VPMOVDB(v, at(y, 16*i))
			continue
		}
		l.keep(v, l.word(0xff))
		q = append(q, v)
	}
	if l.bytes < 64 {
		l.packBytes(q, y)
	}
	l.next32(y, x, n)
}

// divide changes x to its quotient with by, keep to the bits that mask has.
func (l *lanes) divide(x, by reg.Register) {
	if l.arm64() {
		l.arm("FDIV", x, x, by)
	} else {
		l.VDIVPS(by, x, x)
	}
}

func (l *lanes) keep(x reg.Register, mask operand.Op) {
	if l.arm64() {
		l.arm("AND16", x, x, mask)
	} else {
		l.VPAND(mask, x, x)
	}
}

// unpacked is where the words of 32 bytes are that were packed within halves.
func (l *lanes) unpacked() operand.Mem {
	return l.constant("unpacked", 4, func(i int) uint64 { return uint64(i) | uint64(i+4)<<32 })
}
