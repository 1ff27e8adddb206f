package kernel

import "github.com/mmcloughlin/avo/operand"

// halfKernels convert float16, by instructions that all processors with AVX2
// have, and all of arm64.
var halfKernels = map[string]generator{
	"narrowF16AVX2": {narrowSignature, converter(narrow, 4, 2, (*lanes).narrowF16)},
	"narrowF16NEON": {narrowSignature, converter(quad, 4, 2, (*lanes).narrowF16)},
	"widenF16AVX2":  {widenF16Signature, converter(narrow, 2, 4, (*lanes).widenF16)},
	"widenF16NEON":  {widenF16Signature, converter(quad, 2, 4, (*lanes).widenF16)},
}

const (
	narrowSignature   = "func(y *uint16, x *float32, n int)"
	widenF16Signature = "func(y *float32, x *uint16, n int)"
)

// converter takes eight elements at a time, of so many bytes each.
func converter(v vec, from, to int, convert func(l *lanes, y, x operand.Mem)) func(*asm) {
	return func(a *asm) {
		l := &lanes{asm: a, vec: v}
		y, x, n := l.param("y"), l.param("x"), l.param("n")
		l.Label("loop")
		convert(l, at(y, 0), at(x, 0))
		l.increaseBy(x, 8*from)
		l.increaseBy(y, 8*to)
		l.countDownBy(n, 8, "loop")
		if !l.arm64() {
			l.VZEROUPPER()
			l.RET()
		}
	}
}

func (l *lanes) narrowF16(y, x operand.Mem) {
	const nearestEven = 0
	v := l.load(x, false)
	if l.arm64() {
		l.arm("FCVTN", v, v)
		l.arm("FCVTN2", v, l.load(x.Offset(l.bytes), false))
		l.store(v, y, false)
	} else {
		l.VCVTPS2PH(operand.Imm(nearestEven), v, y)
	}
}

func (l *lanes) widenF16(y, x operand.Mem) {
	if l.arm64() {
		v, high := l.load(x, false), l.fresh()
		l.arm("FCVTL2", high, v)
		l.arm("FCVTL", v, v)
		l.store(v, y, false)
		l.store(high, y.Offset(l.bytes), false)
		return
	}
	v := l.fresh()
	l.VCVTPH2PS(x, v)
	l.store(v, y, false)
}
