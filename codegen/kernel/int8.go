package kernel

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// int8Kernels are for weights in int8: products, and bringing what they are
// multiplied with to uint8.
var int8Kernels = with(with(with(
	everyVec("func(y *uint8, x *float32, n int, scale, low, high float32, zero int32)", map[string]func(*lanes){"quantizeBytes": (*lanes).quantizeBytes}),
	everyVec("func(x *float32, n int) (lo, hi, spoiled float32)", map[string]func(*lanes){"rowRange": (*lanes).rowRange})),
	everyVec("func(dst *uint32, x *float32, n int, inverse float32, zero int32)", map[string]func(*lanes){"quantizeRow": (*lanes).quantizeRow})),
	map[string]generator{
		"panelDotInt8AVX512":    {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, int8Format(dotBytes, rowHead)}.body},
		"panelDotInt8AVX2":      {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, int8Format(dotBytes, rowHead)}.body},
		"panelMulInt8AVX2":      {panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, int8Format(widenBytes, rowHead)}.body},
		"panelDotShiftedAVX512": {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, int8Format(dotBytes, shiftedHead)}.body},
		"panelDotShiftedAVX2":   {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, int8Format(dotBytes, shiftedHead)}.body},
		"panelMulShiftedAVX2":   {panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, int8Format(widenBytes, shiftedHead)}.body},
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
		scale:    func(t *tile, w reg.GPVirtual) { t.scaleInt8(w, head == shiftedHead) },
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
				t.dotBytesVEX(b[v], x, t.sum(r, v))
			}
		}
	}
}

// dotBytesVEX is VPDPBUSD as AVX-VNNI has it, which Go's assembler does not
// know: VEX, 66, map 0F38, W0, 256 bits. The operands are in its order.
func (a *asm) dotBytesVEX(src2, src1, dst reg.VecPhysical) {
	s2, s1, d := number(src2), number(src1), number(dst)
	const noIndex, opcode = 1 << 6, 0x50
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
		l.VMINPS(v, lo, lo)
		l.VMAXPS(v, hi, hi)
		l.VFMADD231PS(v, zero, spoiled)
	})
	lo = l.reduce(lo, func(b, a, y operand.Op) { l.VMINPS(b, a, y) })
	for i, v := range []reg.VecVirtual{lo, l.largest(hi), l.sum(spoiled)} {
		l.VMOVSS(v.AsX(), l.address(l.ReturnIndex(i)))
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
		v := l.fresh()
		l.VMULPS(at(x, i*l.bytes), inverse, v)
		l.VCVTPS2DQ(v, v)
		l.VPADDD(zero, v, v)
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

// packBytes stores 32 words as bytes, less than 0 as 0 and more than 255 as
// that. It changes q.
func (l *lanes) packBytes(q []reg.VecVirtual, dst reg.Register) {
	l.VPACKSSDW(q[1], q[0], q[0])
	l.VPACKSSDW(q[3], q[2], q[2])
	l.VPACKUSWB(q[2], q[0], q[0])
	l.VPERMD(q[0], l.set(l.unpacked()), q[0])
	l.VMOVUPS(q[0], at(dst, 0))
}

// next32 goes on to the next 32 elements of x that become bytes, if any are left of n.
func (l *lanes) next32(dst, x, n reg.Register) {
	l.ADDQ(operand.U32(128), x)
	l.ADDQ(operand.U32(32), dst)
	l.SUBQ(operand.U32(32), n)
	l.JNZ(operand.LabelRef("loop"))
}

// quantizeBytes keeps the low byte of words that fit into one, with a sign or
// without.
func (l *lanes) quantizeBytes() {
	y, x, n := l.param("y"), l.param("x"), l.param("n")
	scale, low, high, zero := l.all("scale"), l.all("low"), l.all("high"), l.all("zero")
	l.Label("loop")
	var q []reg.VecVirtual
	for i := range 32 * 4 / l.bytes {
		v := l.fresh()
		l.VMOVUPS(at(x, i*l.bytes), v)
		l.VDIVPS(scale, v, v)
		l.VMAXPS(low, v, v)
		l.VMINPS(high, v, v)
		l.VCVTPS2DQ(v, v)
		l.VPADDD(zero, v, v)
		if l.bytes == 64 {
			l.VPMOVDB(v, at(y, 16*i))
			continue
		}
		l.VPAND(l.word(0xff), v, v)
		q = append(q, v)
	}
	if l.bytes < 64 {
		l.packBytes(q, y)
	}
	l.next32(y, x, n)
}

// unpacked is where the words of 32 bytes are that were packed within halves.
func (l *lanes) unpacked() operand.Mem {
	return l.constant("unpacked", 4, func(i int) uint64 { return uint64(i) | uint64(i+4)<<32 })
}
