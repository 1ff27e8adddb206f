package kernel

import (
	"maps"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// attentionKernels are what an attention does with the scores of some rows
// while they are in cache.
var attentionKernels = func() map[string]generator {
	all := everyVec("func(s, bias, was, top, sum *float32, rows, cols, seen, step, ld, ldBias int, scale float32)",
		map[string]func(*lanes){"expRows": (*lanes).expRows})
	maps.Copy(all, everyVec("func(s, u, a, b *float32, rows, cols, ld int)", map[string]func(*lanes){"blendRows": (*lanes).blendRows}))
	return all
}()

// A softRows is the registers of expRows that live from row to row.
type softRows struct {
	*lanes
	s, bias, cols, seen reg.GPVirtual
	row                 reg.GPVirtual // offset into was, top and sum
	rate                reg.VecVirtual
}

// expRows passes over a row twice, for its largest element and for the
// exponentials; the second pass finds the row in the first-level cache.
func (l *lanes) expRows() {
	t := &softRows{lanes: l, s: l.param("s"), bias: l.param("bias"), cols: l.param("cols"), seen: l.param("seen"), row: l.GP64(), rate: l.set(l.c(1))}
	rows, ld, ldBias := l.param("rows"), l.param("ld"), l.param("ldBias")
	l.SHLQ(operand.Imm(2), ld)
	l.SHLQ(operand.Imm(2), ldBias)
	l.XORQ(t.row, t.row)
	l.TESTQ(t.bias, t.bias)
	l.JNZ(operand.LabelRef("rated"))
	l.VBROADCASTSS(l.address(l.Param("scale")), t.rate)
	l.Label("rated")
	l.VMULPS(l.c(math.Log2E), t.rate, t.rate)
	l.hold(func() { l.exp2(l.set(l.c(math.Inf(-1)))) })
	l.Label("row")
	t.softRow()
	l.ADDQ(ld, t.s)
	l.ADDQ(ldBias, t.bias)
	l.ADDQ(operand.U32(4), t.row)
	l.ADDQ(l.address(l.Param("step")), t.seen)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
	l.held = nil
}

// softRow does one row.
func (t *softRows) softRow() {
	seen, none := t.GP64(), t.GP64()
	t.MOVQ(t.seen, seen)
	t.CMPQ(seen, t.cols)
	t.CMOVQGT(t.cols, seen)
	t.MOVQ(operand.U32(0), none)
	t.TESTQ(seen, seen)
	t.CMOVQLT(none, seen)

	high := t.largest(t.scores(seen))
	was, top, both := t.fresh(), t.XMM(), t.fresh()
	t.VBROADCASTSS(t.state("was"), was)
	t.VMAXSS(high.AsX(), was.AsX(), top)
	t.VMOVSS(top, t.state("top"))
	t.VBROADCASTSS(top, both)
	t.VSUBPS(both, was, was)
	t.VMULPS(t.rate, was, was)
	fade := t.exp2(was)
	sum := t.fresh()
	t.VMOVSS(t.state("sum"), sum.AsX())
	t.VMULSS(fade.AsX(), sum.AsX(), sum.AsX()) // the other elements are 0

	p, n := t.GP64(), t.GP64()
	t.MOVQ(t.s, p)
	t.MOVQ(seen, n)
	t.loop("exp", n, []reg.GPVirtual{p}, func(last bool) {
		e := t.exp2(t.mul(t.sub(t.load(at(p, 0), last), both), t.rate))
		if last {
			t.cut(e, t.c(0))
		}
		t.VMOVUPS(e, at(p, 0))
		t.VADDPS(e, sum, sum)
	})
	t.VMOVSS(t.sum(sum).AsX(), t.state("sum"))
	t.clear(p, n)
}

// state is a number of the row: an element of a parameter.
func (t *softRows) state(name string) operand.Mem {
	return operand.Mem{Base: t.param(name), Index: t.row, Scale: 1}
}

// scores adds the bias to what is seen of the row, if there is one, and gives
// the largest elements.
func (t *softRows) scores(seen reg.Register) reg.VecVirtual {
	infinity := t.c(math.Inf(-1))
	m, scale := t.set(infinity), t.all("scale")
	p, q, n := t.GP64(), t.GP64(), t.GP64()
	t.MOVQ(t.s, p)
	t.MOVQ(seen, n)
	larger := func(v reg.VecVirtual, last bool) {
		if last {
			t.cut(v, infinity)
		}
		t.VMAXPS(m, v, m) // NaN is passed over
	}
	t.TESTQ(t.bias, t.bias)
	t.JZ(operand.LabelRef("plain_loop"))
	t.MOVQ(t.bias, q)
	t.loop("biased", n, []reg.GPVirtual{p, q}, func(last bool) {
		v := t.load(at(p, 0), last)
		t.VFMADD213PS(t.load(at(q, 0), last), scale, v)
		t.store(v, at(p, 0), last)
		larger(v, last)
	})
	t.JMP(operand.LabelRef("largest"))
	t.loop("plain", n, []reg.GPVirtual{p}, func(last bool) { larger(t.load(at(p, 0), last), last) })
	t.Label("largest")
	return m
}

// clear makes 0 of the vectors of the row behind the one at p, or from that on
// where n is 0.
func (t *softRows) clear(p, n reg.Register) {
	end, zero := t.GP64(), t.set(t.c(0))
	t.LEAQ(operand.Mem{Base: t.s, Index: t.cols, Scale: 4}, end)
	t.TESTQ(n, n)
	t.JZ(operand.LabelRef("clear"))
	t.ADDQ(operand.U32(uint32(t.bytes)), p)
	t.Label("clear")
	t.CMPQ(p, end)
	t.JGE(operand.LabelRef("cleared"))
	t.VMOVUPS(zero, at(p, 0))
	t.ADDQ(operand.U32(uint32(t.bytes)), p)
	t.JMP(operand.LabelRef("clear"))
	t.Label("cleared")
}

// exp2 is 2ˣ for x not above 127, within 2 ulp, and 0 below 2⁻¹⁰⁰: weights so
// small change no sum, but many processors are slow with subnormal numbers.
func (l *lanes) exp2(x reg.Register) reg.VecVirtual {
	const notLess = 0x15 // so that NaN stays
	n := l.round(x)
	f := l.sub(x, n)
	p := l.polynomial(f, 0.0013276472, 0.00967554133, 0.0555071327, 0.240221197, 0.693146967, 1)
	if l.bytes == 64 {
		k := l.K()
		l.VCMPPS(operand.Imm(notLess), l.c(-100), x, k)
		l.VSCALEFPS_Z(n, p, k, p)
		return p
	}
	there, e := l.YMM(), l.YMM()
	l.VCMPPS(operand.Imm(notLess), l.c(-100), x, there)
	l.VCVTPS2DQ(n, e)
	l.VPADDD(l.word(127), e, e)
	l.VPSLLD(operand.Imm(23), e, e)
	l.VMULPS(e, p, p)
	l.VANDPS(there, p, p)
	return p
}

// blendRows works on whole vectors: a row has room for the last one.
func (l *lanes) blendRows() {
	s, u, rows, cols, ld := l.param("s"), l.param("u"), l.param("rows"), l.param("cols"), l.param("ld")
	a, b := l.param("a"), l.param("b")
	l.SHLQ(operand.Imm(2), ld)
	l.SHLQ(operand.Imm(2), cols)
	at0, x, y := l.GP64(), l.fresh(), l.fresh()
	here := func(base reg.Register) operand.Mem { return operand.Mem{Base: base, Index: at0, Scale: 1} }
	l.Label("row")
	l.XORQ(at0, at0)
	l.VBROADCASTSS(at(a, 0), x)
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("alone"))
	l.VBROADCASTSS(at(b, 0), y)
	l.Label("both")
	v := l.mul(x, here(s))
	l.VFMADD231PS(here(u), y, v)
	l.VMOVUPS(v, here(s))
	l.ADDQ(operand.U32(uint32(l.bytes)), at0)
	l.CMPQ(at0, cols)
	l.JLT(operand.LabelRef("both"))
	l.ADDQ(ld, u)
	l.ADDQ(operand.U32(4), b)
	l.JMP(operand.LabelRef("next"))
	l.Label("alone")
	l.VMOVUPS(l.mul(x, here(s)), here(s))
	l.ADDQ(operand.U32(uint32(l.bytes)), at0)
	l.CMPQ(at0, cols)
	l.JLT(operand.LabelRef("alone"))
	l.Label("next")
	l.ADDQ(ld, s)
	l.ADDQ(operand.U32(4), a)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}
