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
	all := everyVec(expRowsSignature, map[string]func(*lanes){"expRows": (*lanes).expRows})
	maps.Copy(all, everyVec(blendRowsSignature, map[string]func(*lanes){"blendRows": (*lanes).blendRows}))
	return all
}()

const (
	expRowsSignature   = "func(s, bias, was, top, sum *float32, rows, cols, seen, step, ld, ldBias int, scale float32)"
	blendRowsSignature = "func(s, u, a, b *float32, rows, cols, ld int)"
)

// exp2Coefs is a polynomial for 2ˣ between -1/2 and 1/2, within 2 ulp.
var exp2Coefs = []float64{0.0013276472, 0.00967554133, 0.0555071327, 0.240221197, 0.693146967, 1}

// exp2Least is below what 2ˣ counts as 0.
const exp2Least = -100

// A softRows is the registers of expRows that live from row to row.
type softRows struct {
	*lanes
	s, bias, cols, seen reg.GPVirtual
	row                 reg.GPVirtual // offset into was, top and sum
	rate                reg.VecVirtual
}

// expRows finds the largest element of all rows before it begins with the
// exponentials: what depends on the maximum of one row would keep those of
// others waiting.
func (l *lanes) expRows() {
	t := &softRows{lanes: l, cols: l.param("cols"), rate: l.set(l.c(1))}
	l.hold(maxHeld, func() { l.exp2(l.set(l.c(math.Inf(-1)))) })
	t.rows("top", (*softRows).top)
	l.TESTQ(t.bias, t.bias)
	l.JNZ(operand.LabelRef("rated"))
	l.VBROADCASTSS(l.address(l.Param("scale")), t.rate)
	l.Label("rated")
	l.VMULPS(l.c(math.Log2E), t.rate, t.rate)
	t.rows("exp", (*softRows).exponentials)
	l.held = nil
}

// rows writes a loop over the rows.
func (t *softRows) rows(label string, body func(*softRows)) {
	t.s, t.bias, t.seen, t.row = t.param("s"), t.param("bias"), t.param("seen"), t.GP64()
	rows, ld := t.param("rows"), t.param("ld")
	t.XORQ(t.row, t.row)
	t.SHLQ(operand.Imm(2), ld)
	t.Label(label + "_row")
	body(t)
	t.ADDQ(ld, t.s)
	t.ADDQ(operand.U32(4), t.row)
	t.ADDQ(t.address(t.Param("step")), t.seen)
	t.DECQ(rows)
	t.JNZ(operand.LabelRef(label + "_row"))
}

// start is a pointer to the row and how much is seen of it.
func (t *softRows) start() (p, n reg.GPVirtual) {
	p, n = t.GP64(), t.GP64()
	none := t.GP64()
	t.MOVQ(t.s, p)
	t.MOVQ(t.seen, n)
	t.CMPQ(n, t.cols)
	t.CMOVQGT(t.cols, n)
	t.MOVQ(operand.U32(0), none)
	t.TESTQ(n, n)
	t.CMOVQLT(none, n)
	return p, n
}

// state is a number of the row: an element of a parameter.
func (t *softRows) state(name string) operand.Mem {
	return operand.Mem{Base: t.param(name), Index: t.row, Scale: 1}
}

// many writes a loop that takes as many vectors at a time as there are
// registers for, and then one that takes them one by one. body is given where
// they lie behind the pointers.
func (t *softRows) many(label string, n reg.GPVirtual, pointers []reg.GPVirtual, body func(at []int, last bool)) {
	all := t.places()
	bytes := len(all) * t.bytes
	t.Label(label + "_many")
	t.CMPQ(n, operand.U32(uint32(bytes/4)))
	t.JLT(operand.LabelRef(label + "_loop"))
	body(all, false)
	for _, p := range pointers {
		t.ADDQ(operand.U32(uint32(bytes)), p)
	}
	t.SUBQ(operand.U32(uint32(bytes/4)), n)
	t.JMP(operand.LabelRef(label + "_many"))
	t.loop(label, n, pointers, func(last bool) { body(all[:1], last) })
}

// places is where the vectors lie that are worked on at a time.
func (t *softRows) places() []int {
	if t.bytes == 64 {
		return []int{0, 64, 128, 192}
	}
	return []int{0, 32}
}

// top adds the bias to what is seen of a row, if there is one, and finds the
// largest element.
func (t *softRows) top() {
	p, n := t.start()
	infinity := t.c(math.Inf(-1))
	var high []reg.VecVirtual
	for range t.places() {
		high = append(high, t.set(infinity))
	}
	larger := func(i int, v reg.VecVirtual, last bool) {
		if last {
			t.cut(v, infinity)
		}
		t.VMAXPS(high[i], v, high[i]) // NaN is passed over
	}
	t.TESTQ(t.bias, t.bias)
	t.JZ(operand.LabelRef("plain_many"))
	q, ld, scale := t.GP64(), t.param("ldBias"), t.all("scale")
	t.MOVQ(t.bias, q)
	t.LEAQ(operand.Mem{Base: t.bias, Index: ld, Scale: 4}, t.bias)
	t.many("biased", n, []reg.GPVirtual{p, q}, func(places []int, last bool) {
		for i, x := range places {
			v := t.load(at(p, x), last)
			t.VFMADD213PS(t.load(at(q, x), last), scale, v)
			t.store(v, at(p, x), last)
			larger(i, v, last)
		}
	})
	t.JMP(operand.LabelRef("topped"))
	t.many("plain", n, []reg.GPVirtual{p}, func(places []int, last bool) {
		for i, x := range places {
			larger(i, t.load(at(p, x), last), last)
		}
	})
	t.Label("topped")
	for _, h := range high[1:] {
		t.VMAXPS(h, high[0], high[0])
	}
	top := t.largest(high[0]).AsX()
	t.VMAXSS(t.state("was"), top, top)
	t.VMOVSS(top, t.state("top"))
}

// exponentials makes weights of a row and adds them to its sum.
func (t *softRows) exponentials() {
	fade, top, sum := t.fresh(), t.fresh(), t.fresh()
	t.VBROADCASTSS(t.state("was"), fade)
	t.VBROADCASTSS(t.state("top"), top)
	t.weights(top, fade)
	t.VMOVSS(t.state("sum"), sum.AsX())
	t.VMULSS(fade.AsX(), sum.AsX(), sum.AsX()) // the other elements are 0
	p, n := t.start()
	t.many("exp", n, []reg.GPVirtual{p}, func(places []int, last bool) {
		var xs []reg.VecVirtual
		for _, x := range places {
			xs = append(xs, t.load(at(p, x), last))
		}
		t.weights(top, xs...)
		for i, x := range xs {
			if last {
				t.cut(x, t.c(0))
			}
			t.VMOVUPS(x, at(p, places[i]))
			t.VADDPS(x, sum, sum)
		}
	})
	t.VMOVSS(t.sum(sum).AsX(), t.state("sum"))
	t.clear(p, n)
}

// weights makes exponentials of scores.
func (t *softRows) weights(top reg.Register, xs ...reg.VecVirtual) {
	t.weave(len(xs), func(i int) {
		t.VSUBPS(top, xs[i], xs[i])
		t.VMULPS(t.rate, xs[i], xs[i])
		t.exp2(xs[i])
	})
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

// exp2 makes 2ˣ of x, for x not above 127, within 2 ulp, and 0 below
// exp2Least: weights so small change no sum, but many processors are slow with
// subnormal numbers.
func (l *lanes) exp2(x reg.VecVirtual) {
	const notLess = 0x15 // so that NaN stays
	n := l.round(x)
	var there reg.Register = l.YMM()
	if l.bytes == 64 {
		there = l.K()
	}
	l.VCMPPS(operand.Imm(notLess), l.c(exp2Least), x, there)
	l.VSUBPS(n, x, x)
	l.scaled(l.polynomial(x, exp2Coefs...), n, there, x)
}

// scaled is y = x·2ⁿ where there is one, else 0.
func (l *lanes) scaled(x, n, there reg.Register, y reg.VecVirtual) {
	if l.bytes == 64 {
		l.VSCALEFPS_Z(n, x, there, y)
		return
	}
	l.VCVTPS2DQ(n, n)
	l.VPADDD(l.word(127), n, n)
	l.VPSLLD(operand.Imm(23), n, n)
	l.VMULPS(n, x, y)
	l.VANDPS(there, y, y)
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
