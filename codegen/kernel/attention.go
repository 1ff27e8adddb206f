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
	rate, scale reg.VecVirtual
	ld          operand.Mem   // distance of rows, in bytes
	bias        reg.GPVirtual // of the row whose top is looked for
}

// A softRow is where a row lies.
type softRow struct {
	s, seen reg.GPVirtual
	at      reg.GPVirtual // offset into was, top and sum
}

// topsAhead is how many rows before its exponentials the top of a row, its
// largest element, is looked for. That waits for memory and the exponentials
// for arithmetic, so both go on at once; and no row waits for a top that has
// only just been found.
const topsAhead = 2

// expRows makes exponentials of a row while it looks for the top of a later
// one.
func (l *lanes) expRows() {
	t := &softRows{lanes: l, rate: l.set(l.c(1)), scale: l.all("scale"), ld: l.AllocLocal(8), bias: l.param("bias")}
	l.hold(maxHeld, func() { l.exp2(l.set(l.c(math.Inf(-1)))) })
	ld := l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	l.MOVQ(ld, t.ld)
	l.TESTQ(t.bias, t.bias)
	l.JNZ(operand.LabelRef("rated"))
	l.VMOVUPS(t.scale, t.rate)
	l.Label("rated")
	l.VMULPS(l.c(math.Log2E), t.rate, t.rate)
	here, later := t.first(), t.first()
	rows, tops, ahead := l.counted("rows"), l.counted("rows"), l.AllocLocal(8)
	l.MOVQ(operand.U32(topsAhead), ahead)
	l.Label("row")
	top := t.begin(later, tops)
	l.DECQ(ahead)
	l.JGE(operand.LabelRef("tops"))
	t.exponentials(here, top)
	t.advance(here)
	rows.decreaseBy(1)
	l.Label("tops")
	tops.jumpIfLess(1, "next")
	t.finish(later, top)
	t.advance(later)
	tops.decreaseBy(1)
	l.Label("next")
	rows.jumpIfLess(1, "end")
	l.jump("row")
	l.Label("end")
	l.held = nil
}

// first is the first row.
func (t *softRows) first() softRow {
	r := softRow{t.param("s"), t.param("seen"), t.GP64()}
	t.clear(r.at)
	return r
}

// advance goes on to the next row.
func (t *softRows) advance(r softRow) {
	t.ADDQ(t.ld, r.s)
	t.ADDQ(operand.U32(4), r.at)
	t.ADDQ(t.address(t.Param("step")), r.seen)
}

// start is a pointer to a row and how much is seen of it.
func (t *softRows) start(r softRow) (p, n reg.GPVirtual) {
	p, n = t.GP64(), t.GP64()
	none, cols := t.GP64(), t.param("cols")
	t.MOVQ(r.s, p)
	t.MOVQ(r.seen, n)
	t.CMPQ(n, cols)
	t.CMOVQGT(cols, n)
	t.clear(none)
	t.TESTQ(n, n)
	t.CMOVQLT(none, n)
	return p, n
}

// state is a number of a row: an element of a parameter.
func (t *softRows) state(r softRow, name string) operand.Mem {
	return operand.Mem{Base: t.param(name), Index: r.at, Scale: 1}
}

// many writes a loop that takes as many vectors at a time as there are
// registers for, and then one that takes them one by one. body is given where
// they lie behind the pointers.
func (t *softRows) many(label string, n reg.GPVirtual, pointers []reg.GPVirtual, body func(places []int, last bool)) {
	all := t.places()
	t.Label(label + "_many")
	t.jumpIfLess(n, t.most(), label+"_loop")
	body(all, false)
	t.goOn(pointers, n)
	t.jump(label + "_many")
	t.loop(label, n, pointers, func(last bool) { body(all[:1], last) })
}

// goOn moves pointers behind the vectors that many takes at a time, of which
// the numbers are what is left.
func (t *softRows) goOn(pointers []reg.GPVirtual, left ...reg.GPVirtual) {
	for _, p := range pointers {
		t.increaseBy(p, 4*t.most())
	}
	for _, n := range left {
		t.decreaseBy(n, t.most())
	}
}

// places is where the vectors lie that are worked on at a time, most how many
// elements they have.
func (t *softRows) places() []int {
	if t.bytes == 64 {
		return []int{0, 64, 128, 192}
	}
	return []int{0, 32}
}
func (t *softRows) most() int { return len(t.places()) * t.bytes / 4 }

// A softTop is the top of a row while it is looked for.
type softTop struct {
	p, n, bias reg.GPVirtual // where the search goes on, and for how much
	high       []reg.VecVirtual
}

// begin is the search before it has looked at anything; where no tops are left
// there is nothing to look at.
func (t *softRows) begin(r softRow, tops counter) softTop {
	p, n := t.start(r)
	top := softTop{p: p, n: n, bias: t.GP64()}
	t.MOVQ(t.bias, top.bias)
	none := t.GP64()
	t.clear(none)
	t.CMPQ(tops.m, operand.Imm(0))
	t.CMOVQEQ(none, n)
	for range t.places() {
		top.high = append(top.high, t.set(t.c(math.Inf(-1))))
	}
	return top
}

// look adds the bias, if there is one, to some vectors and compares them.
func (t *softRows) look(top softTop, biased bool, places []int, last bool) {
	for i, x := range places {
		v := t.load(at(top.p, x), last)
		if biased {
			t.VFMADD213PS(t.load(at(top.bias, x), last), t.scale, v)
			t.store(v, at(top.p, x), last)
		}
		if last {
			t.cut(v, t.c(math.Inf(-1)))
		}
		t.VMAXPS(top.high[i], v, top.high[i]) // NaN is passed over
	}
}

// finish looks at what is left of the row.
func (t *softRows) finish(r softRow, top softTop) {
	t.TESTQ(t.bias, t.bias)
	t.JZ(operand.LabelRef("plain_many"))
	t.LEAQ(operand.Mem{Base: t.bias, Index: t.param("ldBias"), Scale: 4}, t.bias)
	t.many("biased", top.n, []reg.GPVirtual{top.p, top.bias}, func(places []int, last bool) { t.look(top, true, places, last) })
	t.jump("topped")
	t.many("plain", top.n, []reg.GPVirtual{top.p}, func(places []int, last bool) { t.look(top, false, places, last) })
	t.Label("topped")
	for _, h := range top.high[1:] {
		t.VMAXPS(h, top.high[0], top.high[0])
	}
	most := t.largest(top.high[0]).AsX()
	t.VMAXSS(t.state(r, "was"), most, most)
	t.VMOVSS(most, t.state(r, "top"))
}

// exponentials makes weights of a row and adds them to its sum. As long as
// there is much of both, it looks for the top of a later row as well.
func (t *softRows) exponentials(r softRow, later softTop) {
	top := t.fresh()
	t.VBROADCASTSS(t.state(r, "top"), top)
	var sums []reg.VecVirtual
	for range t.places() {
		sums = append(sums, t.set(t.c(0)))
	}
	p, n := t.start(r)
	weigh := func(places []int, last bool) {
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
			t.VADDPS(x, sums[i], sums[i])
		}
	}
	both := func(label string, biased bool, pointers ...reg.GPVirtual) {
		t.Label(label)
		t.jumpIfLess(n, t.most(), "exp_many")
		t.jumpIfLess(later.n, t.most(), "exp_many")
		weigh(t.places(), false)
		t.look(later, biased, t.places(), false)
		t.goOn(pointers, n, later.n)
		t.jump(label)
	}
	t.TESTQ(t.bias, t.bias)
	t.JZ(operand.LabelRef("plain_both"))
	both("biased_both", true, p, later.p, later.bias)
	both("plain_both", false, p, later.p)
	t.many("exp", n, []reg.GPVirtual{p}, weigh)
	for _, s := range sums[1:] {
		t.VADDPS(s, sums[0], sums[0])
	}
	total, fade := t.sum(sums[0]).AsX(), t.fresh()
	t.VBROADCASTSS(t.state(r, "was"), fade)
	t.weights(top, fade)
	t.VFMADD231SS(t.state(r, "sum"), fade.AsX(), total)
	t.VMOVSS(total, t.state(r, "sum"))
	t.clearRest(r, p, n)
}

// weights makes exponentials of scores.
func (t *softRows) weights(top reg.Register, xs ...reg.VecVirtual) {
	t.weave(len(xs), func(i int) {
		t.VSUBPS(top, xs[i], xs[i])
		t.VMULPS(t.rate, xs[i], xs[i])
		t.exp2(xs[i])
	})
}

// clearRest makes 0 of the vectors of a row behind the one at p, or from that
// on where n is 0.
func (t *softRows) clearRest(r softRow, p, n reg.Register) {
	end, zero := t.param("cols"), t.set(t.c(0))
	t.LEAQ(operand.Mem{Base: r.s, Index: end, Scale: 4}, end)
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
	n := l.round(x)
	var there reg.Register = l.YMM()
	if l.bytes == 64 {
		there = l.K()
	}
	l.VCMPPS(operand.Imm(notLess), l.c(exp2Least), x, there) // so that NaN stays
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
