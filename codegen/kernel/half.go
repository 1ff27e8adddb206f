package kernel

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halfKernels convert float16, by instructions that all processors with AVX2
// have.
var halfKernels = map[string]generator{
	"narrowF16AVX2": {"func(y *uint16, x *float32, n int)", converter(4, 2, func(l *lanes, y, x operand.Mem, v reg.VecVirtual) {
		const nearestEven = 0
		l.VMOVUPS(x, v)
		l.VCVTPS2PH(operand.Imm(nearestEven), v, y)
	})},
	"widenF16AVX2": {"func(y *float32, x *uint16, n int)", converter(2, 4, func(l *lanes, y, x operand.Mem, v reg.VecVirtual) {
		l.VCVTPH2PS(x, v)
		l.VMOVUPS(v, y)
	})},
}

// converter takes eight elements at a time, of so many bytes each.
func converter(from, to int, convert func(l *lanes, y, x operand.Mem, v reg.VecVirtual)) func(*asm) {
	return func(a *asm) {
		l := &lanes{asm: a, vec: narrow}
		y, x, n := l.param("y"), l.param("x"), l.param("n")
		l.Label("loop")
		convert(l, at(y, 0), at(x, 0), l.YMM())
		l.ADDQ(operand.U32(uint32(8*from)), x)
		l.ADDQ(operand.U32(uint32(8*to)), y)
		l.SUBQ(operand.U32(8), n)
		l.JNZ(operand.LabelRef("loop"))
		l.VZEROUPPER()
		l.RET()
	}
}
