package kernel

import (
	"maps"
	"math"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowKernels work on one row, and reduce it in a fixed order: element i goes
// to lane i modulo the width, and the lanes are halved until one is left.
var rowKernels = func() map[string]generator {
	all := map[string]generator{}
	for _, t := range []map[string]generator{
		everyVec("func(y, x *float32, n int, alpha, beta float32)", map[string]func(*lanes){"axpby": (*lanes).axpby}),
		everyVec("func(x *float32, n int) float32", map[string]func(*lanes){"rowMax": (*lanes).rowMax}),
		everyVec("func(x, bias *float32, n int, scale float32) float32", map[string]func(*lanes){"scaleAddMax": (*lanes).scaleAddMax}),
		everyVec("func(y, x *float32, n int, m float32) float32", map[string]func(*lanes){"expSum": (*lanes).expSum}),
		everyVec("func(y, x, gamma, beta *float32, n, center int, eps float32)", map[string]func(*lanes){"normRow": (*lanes).normRow}),
		everyVec("func(y, x, cos, sin *float32, half int)", map[string]func(*lanes){"turnHalves": (*lanes).turnHalves}),
		{"fillUnlessAVX2": {"func(x *float32, keep *bool, n int, fill float32)", fillUnless}},
	} {
		maps.Copy(all, t)
	}
	return all
}()

// fillUnless compares eight bytes at a time with 0.
func fillUnless(a *asm) {
	l := &lanes{asm: a, vec: narrow}
	x, keep, n := l.param("x"), l.param("keep"), l.param("n")
	fill, zero := l.all("fill"), l.set(l.c(0))
	l.Label("loop")
	is := l.YMM()
	l.VPMOVZXBD(at(keep, 0), is)
	l.VPCMPEQD(zero, is, is)
	v := l.set(at(x, 0))
	l.VBLENDVPS(is, fill, v, v)
	l.VMOVUPS(v, at(x, 0))
	l.ADDQ(operand.U32(8), keep)
	l.ADDQ(operand.U32(32), x)
	l.SUBQ(operand.U32(8), n)
	l.JNZ(operand.LabelRef("loop"))
	l.VZEROUPPER()
	l.RET()
}

// all is a float32 parameter in every element of a vector.
func (l *lanes) all(name string) reg.VecVirtual {
	y := l.fresh()
	l.VBROADCASTSS(l.address(l.Param(name)), y)
	return y
}

// address is where a parameter or result lies. avo's Load and Store would use
// instructions of SSE, which some processors are slow to mix with AVX.
func (l *lanes) address(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b.Addr
}

// reduce brings all elements of x together in the first, by f on halves. The
// first element of the result counts.
func (l *lanes) reduce(x reg.VecVirtual, f func(b, a, y operand.Op)) reg.VecVirtual {
	if l.bytes == 64 {
		half := l.YMM()
		l.VEXTRACTF32X8(operand.Imm(1), x, half)
		y := l.YMM()
		f(half, x.AsY(), y)
		x = y
	}
	half, y := l.XMM(), l.XMM()
	l.VEXTRACTF128(operand.Imm(1), x.AsY(), half)
	f(half, x.AsX(), y)
	for _, order := range []uint64{0b1110, 0b01} {
		l.VPERMILPS(operand.Imm(order), y, half)
		f(half, y, y)
	}
	return y
}

func (l *lanes) sum(x reg.VecVirtual) reg.VecVirtual {
	return l.reduce(x, func(b, a, y operand.Op) { l.VADDPS(b, a, y) })
}

func (l *lanes) largest(x reg.VecVirtual) reg.VecVirtual {
	return l.reduce(x, func(b, a, y operand.Op) { l.VMAXPS(b, a, y) })
}

// result ends the function: the value is the first element of x.
func (l *lanes) result(x reg.VecVirtual) { l.VMOVSS(x.AsX(), l.address(l.ReturnIndex(0))) }

func (l *lanes) axpby() {
	y, x, n := l.param("y"), l.param("x"), l.param("n")
	alpha, beta := l.all("alpha"), l.all("beta")
	bits := l.GP32()
	l.MOVL(l.address(l.Param("beta")), bits)
	l.SHLL(operand.Imm(1), bits) // so that -0 is 0 as well
	l.JZ(operand.LabelRef("scale_loop"))
	p := []reg.GPVirtual{y, x}
	l.each("both", n, p, func(last bool) {
		s := l.mul(beta, l.load(at(y, 0), last))
		l.VFMADD231PS(l.load(at(x, 0), last), alpha, s)
		l.store(s, at(y, 0), last)
	})
	l.JMP(operand.LabelRef("end"))
	l.each("scale", n, p, func(last bool) {
		l.store(l.mul(alpha, l.load(at(x, 0), last)), at(y, 0), last)
	})
	l.Label("end")
}

func (l *lanes) rowMax() {
	x, n := l.param("x"), l.param("n")
	infinity := l.c(math.Inf(-1))
	m := l.set(infinity)
	l.each("x", n, []reg.GPVirtual{x}, func(last bool) {
		v := l.load(at(x, 0), last)
		if last {
			l.cut(v, infinity)
		}
		l.VMAXPS(m, v, m) // NaN is passed over
	})
	l.result(l.largest(m))
}

func (l *lanes) scaleAddMax() {
	x, bias, n, scale := l.param("x"), l.param("bias"), l.param("n"), l.all("scale")
	infinity := l.c(math.Inf(-1))
	m := l.set(infinity)
	body := func(biased bool) func(last bool) {
		return func(last bool) {
			v := l.mul(scale, l.load(at(x, 0), last))
			if biased {
				v = l.add(v, l.load(at(bias, 0), last))
			}
			l.store(v, at(x, 0), last)
			if last {
				l.cut(v, infinity)
			}
			l.VMAXPS(m, v, m)
		}
	}
	l.TESTQ(bias, bias)
	l.JZ(operand.LabelRef("plain_loop"))
	l.each("biased", n, []reg.GPVirtual{x, bias}, body(true))
	l.JMP(operand.LabelRef("end"))
	l.each("plain", n, []reg.GPVirtual{x}, body(false))
	l.Label("end")
	l.result(l.largest(m))
}

func (l *lanes) expSum() {
	y, x, n, m := l.param("y"), l.param("x"), l.param("n"), l.all("m")
	sum := l.set(l.c(0))
	l.each("x", n, []reg.GPVirtual{y, x}, func(last bool) {
		e := l.exp(l.sub(l.load(at(x, 0), last), m))
		l.store(e, at(y, 0), last)
		if last {
			l.cut(e, l.c(0))
		}
		l.VADDPS(e, sum, sum)
	})
	l.result(l.sum(sum))
}

// normRow passes three times: for the mean, for the squares of what differs
// from it, and for the result. The difference of two large sums would save a
// pass and lose the digits.
func (l *lanes) normRow() {
	x, n := l.param("x"), l.param("n")
	size := l.set(l.c(0)).AsX()
	l.VCVTSI2SSQ(n, size, size)
	mean := l.set(l.c(0))
	center := l.param("center")
	l.TESTQ(center, center)
	l.JZ(operand.LabelRef("centered"))
	sum := l.set(l.c(0))
	l.each("mean", n, []reg.GPVirtual{x}, func(last bool) {
		l.VADDPS(l.load(at(x, 0), last), sum, sum)
	})
	total := l.sum(sum)
	l.VDIVSS(size, total.AsX(), total.AsX())
	l.VBROADCASTSS(total.AsX(), mean)
	l.Label("centered")

	l.Load(l.Param("x"), x)
	l.Load(l.Param("n"), n)
	squares := l.set(l.c(0))
	l.each("squares", n, []reg.GPVirtual{x}, func(last bool) {
		d := l.sub(l.load(at(x, 0), last), mean)
		if last {
			l.cut(d, l.c(0))
		}
		l.VFMADD231PS(d, d, squares)
	})
	variance := l.sum(squares).AsX()
	l.VDIVSS(size, variance, variance)
	l.VADDSS(l.address(l.Param("eps")), variance, variance)
	l.VSQRTSS(variance, variance, variance)
	deviation := l.fresh()
	l.VBROADCASTSS(variance, deviation)
	scale := l.div(l.set(l.c(1)), deviation)

	l.Load(l.Param("x"), x)
	l.Load(l.Param("n"), n)
	y, gamma, beta := l.param("y"), l.param("gamma"), l.param("beta")
	scaled := func(last bool) reg.VecVirtual {
		return l.mul(l.mul(l.sub(l.load(at(x, 0), last), mean), scale), l.load(at(gamma, 0), last))
	}
	l.TESTQ(beta, beta)
	l.JZ(operand.LabelRef("plain_loop"))
	l.each("shifted", n, []reg.GPVirtual{y, x, gamma, beta}, func(last bool) {
		l.store(l.add(scaled(last), l.load(at(beta, 0), last)), at(y, 0), last)
	})
	l.JMP(operand.LabelRef("end"))
	l.each("plain", n, []reg.GPVirtual{y, x, gamma}, func(last bool) {
		l.store(scaled(last), at(y, 0), last)
	})
	l.Label("end")
}

// turnHalves turns the elements of one half with those of the other.
func (l *lanes) turnHalves() {
	y, x, cos, sin, n := l.param("y"), l.param("x"), l.param("cos"), l.param("sin"), l.param("half")
	half := l.GP64()
	l.MOVQ(n, half)
	l.SHLQ(operand.Imm(2), half)
	second := func(base reg.Register) operand.Mem { return operand.Mem{Base: base, Index: half, Scale: 1} }
	l.each("x", n, []reg.GPVirtual{y, x, cos, sin}, func(last bool) {
		a, b := l.load(at(x, 0), last), l.load(second(x), last)
		c, s := l.load(at(cos, 0), last), l.load(at(sin, 0), last)
		y1, y2 := l.mul(b, s), l.mul(b, c)
		l.VFMSUB231PS(a, c, y1)
		l.VFMADD231PS(a, s, y2)
		l.store(y1, at(y, 0), last)
		l.store(y2, second(y), last)
	})
}
