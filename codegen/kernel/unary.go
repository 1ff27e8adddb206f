package kernel

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unaryKernels are y[i] = f(x[i]).
var unaryKernels = onBoth("func(y, x *float32, n int)", map[string]func(*lanes){
	"relu32":     unary((*lanes).relu),
	"exp32":      unary((*lanes).exp),
	"log32":      unary((*lanes).log),
	"erf32":      unary((*lanes).erf),
	"tanh32":     unary((*lanes).tanh),
	"sigmoid32":  woven((*lanes).sigmoid),
	"silu32":     woven((*lanes).silu),
	"gelu32":     woven((*lanes).gelu),
	"geluTanh32": woven((*lanes).geluTanh),

	"abs32":        unary(func(l *lanes, x reg.Register) reg.VecVirtual { return l.abs(x) }),
	"neg32":        unary((*lanes).neg),
	"reciprocal32": unary(func(l *lanes, x reg.Register) reg.VecVirtual { return l.div(l.full(1), x) }),
	"sqrt32":       unary((*lanes).sqrt),
	"floor32":      unary((*lanes).floor),
	"ceil32":       unary((*lanes).ceil),
	"round32":      unary(func(l *lanes, x reg.Register) reg.VecVirtual { return l.round(x) }),
})

// onBoth is generators of one signature for amd64 and arm64.
func onBoth(signature string, bodies map[string]func(*lanes)) map[string]generator {
	all := everyVec(signature, bodies)
	for name, body := range bodies {
		all[name+"NEON"] = generator{signature, func(a *asm) { body(&lanes{asm: a, vec: quad}) }}
	}
	return all
}

// everyVec is generators of one signature for every instruction set of amd64.
func everyVec(signature string, bodies map[string]func(*lanes)) map[string]generator {
	all := map[string]generator{}
	for name, body := range bodies {
		for suffix, v := range map[string]vec{"AVX512": wide, "AVX2": narrow} {
			all[name+suffix] = generator{signature, inLanes(v, body)}
		}
	}
	return all
}

// inLanes is what writes a kernel for an instruction set.
func inLanes(v vec, body func(*lanes)) func(*asm) {
	return func(a *asm) {
		body(&lanes{asm: a, vec: v})
		a.VZEROUPPER()
		a.RET()
	}
}

func unary(f func(l *lanes, x reg.Register) reg.VecVirtual) func(*lanes) {
	return func(l *lanes) { l.singles(f, l.param("y"), l.param("x"), l.param("n")) }
}

// singles applies f to one vector after the other.
func (l *lanes) singles(f func(l *lanes, x reg.Register) reg.VecVirtual, y, x, n reg.GPVirtual) {
	l.each("x", n, []reg.GPVirtual{y, x}, func(last bool) {
		l.store(f(l, l.load(at(x, 0), last)), at(y, 0), last)
	})
}

// strands is how many vectors are in work at a time where they are woven.
const strands = 4

// woven is unary for a long chain of steps: with AVX-512 and NEON, which have
// registers for that, it works on four vectors at a time. With AVX-512 masks tell
// what is there of them, so that there is no other loop for what remains.
func woven(f func(l *lanes, x reg.Register) reg.VecVirtual) func(*lanes) {
	return func(l *lanes) {
		if l.bytes == 32 {
			unary(f)(l)
			return
		}
		y, x, n := l.param("y"), l.param("x"), l.param("n")
		if l.arm64() {
			l.fours(f, y, x, n)
			return
		}
		l.hold(heldByWoven, func() { f(l, l.load(at(x, 0), false)) })
		l.Label("loop")
		masks := l.masks(n, strands)
		var in, out [strands]reg.VecVirtual
		for i := range in {
			in[i] = l.fresh()
		}
		l.wholeOrPart("load", n, strands, func(part bool) {
			for i, v := range in {
				if p := at(x, i*l.bytes); part {
					l.VMOVUPS_Z(p, masks[i], v)
				} else {
					l.VMOVUPS(p, v)
				}
			}
		})
		l.weave(strands, func(i int) { out[i] = f(l, in[i]) })
		l.wholeOrPart("store", n, strands, func(part bool) {
			for i, v := range out {
				l.bits = masks[i]
				l.store(v, at(y, i*l.bytes), part)
			}
		})
		l.ADDQ(operand.U32(uint32(strands*l.bytes)), x)
		l.ADDQ(operand.U32(uint32(strands*l.bytes)), y)
		l.SUBQ(operand.U32(uint32(strands*l.bytes/4)), n)
		l.JG(operand.LabelRef("loop"))
		l.held = nil
	}
}

// fours is woven for arm64, as long as there are as many vectors.
func (l *lanes) fours(f func(l *lanes, x reg.Register) reg.VecVirtual, y, x, n reg.GPVirtual) {
	l.Label("loop")
	l.jumpIfLess(n, strands*l.bytes/4, "x_loop")
	var in, out [strands]reg.VecVirtual
	for i := range in {
		in[i] = l.load(at(x, i*l.bytes), false)
	}
	l.weave(strands, func(i int) { out[i] = f(l, in[i]) })
	for i, v := range out {
		l.store(v, at(y, i*l.bytes), false)
	}
	l.increaseBy(x, strands*l.bytes)
	l.increaseBy(y, strands*l.bytes)
	l.decreaseBy(n, strands*l.bytes/4)
	l.jump("loop")
	l.singles(f, y, x, n)
}

// wholeOrPart writes body for so many whole vectors, and again for fewer than n
// elements of them: what is masked takes several times as long where it is not
// in the nearest cache.
func (l *lanes) wholeOrPart(name string, n reg.Register, vectors int, body func(part bool)) {
	l.CMPQ(n, operand.U32(uint32(vectors*l.bytes/4)))
	l.JL(operand.LabelRef(name + "_part"))
	body(false)
	l.JMP(operand.LabelRef(name + "_end"))
	l.Label(name + "_part")
	body(true)
	l.Label(name + "_end")
}

// heldByWoven is how many constants find a register beside four vectors.
const heldByWoven = 8

// masks is the masks of so many vectors, at most four, of which n elements are
// there.
func (l *lanes) masks(n reg.Register, vectors int) []reg.Register {
	bits, most := l.GP64(), l.GP64()
	l.MOVQ(operand.U32(64), most)
	l.CMPQ(n, most)
	l.CMOVQLT(n, most)
	l.MOVQ(operand.I32(-1), bits)
	l.BZHIQ(most, bits, bits)
	var all []reg.Register
	for i := range vectors {
		if i > 0 {
			l.SHRQ(operand.Imm(16), bits)
		}
		k := l.K()
		l.KMOVW(bits.As32(), k)
		all = append(all, k)
	}
	return all
}

// The polynomials of this file were fitted to have the least largest error
// over their interval, relative to the function they stand for; with exact
// arithmetic that error would be below 0.3 of half an ulp.

func (l *lanes) neg(x reg.Register) reg.VecVirtual {
	return l.three(l.VXORPS, "EOR16", x, l.word(0x80000000))
}

func (l *lanes) sqrt(x reg.Register) reg.VecVirtual {
	return l.two(func(x, y operand.Op) { l.VSQRTPS(x, y) }, "FSQRT", x)
}

func (l *lanes) relu(x reg.Register) reg.VecVirtual {
	return l.max(l.full(0), x)
}

// exp is 2ⁿ·exp(r), n whole and |r| at most ln(2)/2.
func (l *lanes) exp(x reg.Register) reg.VecVirtual {
	// Beyond these bounds it is infinite or 0. x comes second, so that NaN stays.
	x = l.max(l.full(-104), x)
	x = l.min(l.full(89), x)
	n := l.round(l.mul(x, l.c(math.Log2E)))
	high := float64(float32(math.Ln2))
	r := l.set(x)
	l.minusTimes(r, n, l.c(high))
	l.minusTimes(r, n, l.c(math.Ln2-high))
	p := l.polynomial(r, 0.00138141913, 0.00836891402, 0.0416684076, 0.166665196, 0.49999994)
	p = l.timesPlus(l.mul(p, r), r, r)
	p = l.add(p, l.c(1))
	l.scale2(p, n)
	return p
}

// log is n·ln(2) + log(m), n whole and m between √½ and √2.
func (l *lanes) log(x reg.Register) reg.VecVirtual {
	// A subnormal number is first multiplied by 2²⁴.
	big := l.where(x, l.c(0x1p-126), l.mul(x, l.c(0x1p24)), x)
	scaled := l.where(x, l.c(0x1p-126), l.full(24), l.full(0))
	e := l.three(l.VPSRAD, "SSHR", l.three(l.VPSUBD, "SUB4", big, l.word(math.Float32bits(math.Sqrt2/2))), operand.Imm(23))
	n := l.sub(l.two(func(x, y operand.Op) { l.VCVTDQ2PS(x, y) }, "SCVTF", e), scaled)
	m := l.three(l.VPSUBD, "SUB4", big, l.three(l.VPSLLD, "SHL", e, operand.Imm(23)))
	f := l.sub(m, l.c(1))
	s := l.mul(f, f)
	// The coefficients are those of Cephes' logf (Moshier).
	p := l.polynomial(f, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
		2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	p = l.mul(l.mul(p, f), s)
	const high = 0.693359375 // ln(2) in so few bits that its product with n is exact
	l.plusTimes(p, n, l.c(math.Ln2-high))
	l.minusTimes(p, s, l.c(0.5))
	p = l.add(p, f)
	l.plusTimes(p, n, l.c(high))
	p = l.max(p, l.add(x, l.c(-math.MaxFloat32))) // which is not above 0, or else infinite or NaN
	// 0 of either sign gives -Inf, and what is below all ones, which are NaN.
	below := l.three(l.VPSRAD, "SSHR", l.add(x, l.c(0)), operand.Imm(31))
	return l.where(x, l.c(0x1p-149), l.or(below, l.c(math.Inf(-1))), p)
}

// tanh is a polynomial near 0, where the quotient would cancel, and else
// 1-2/(exp(2x)+1).
func (l *lanes) tanh(x reg.Register) reg.VecVirtual {
	t := l.abs(x)
	s := l.mul(x, x)
	near := l.polynomial(s, -0.00589515828, 0.0207959712, -0.0537838303, 0.133319244, -0.333332986)
	near = l.timesPlus(l.mul(near, s), x, x)
	e := l.add(l.exp(l.add(t, t)), l.c(1))
	far := l.sub(l.full(1), l.div(l.full(2), e))
	return l.where(t, l.c(0.6), near, l.or(far, l.sign(x)))
}

// erf is a polynomial near 0 and else 1 - exp(log(erfc)), the logarithm being
// a polynomial.
func (l *lanes) erf(x reg.Register) reg.VecVirtual {
	t := l.abs(x)
	t = l.min(l.full(4), t) // erf(4) rounds to 1
	s := l.mul(t, t)
	near := l.polynomial(s, -0.000595373916, 0.00498594018, -0.02676172, 0.112816826, -0.376124799, 0.128379151)
	near = l.timesPlus(near, x, x)
	e := l.exp(l.polynomial(t, 0.000198219655, -0.00306549016, 0.0223152135, -0.104113676, -0.636976063, -1.12779725, -0.00016644776))
	far := l.sub(l.full(1), e)
	return l.where(t, l.c(0.93), near, l.or(far, l.sign(x)))
}

// onePlusExpMinus is 1+exp(-x).
func (l *lanes) onePlusExpMinus(x reg.Register) reg.VecVirtual {
	e := l.exp(l.sub(l.full(0), x))
	return l.add(e, l.c(1))
}

func (l *lanes) sigmoid(x reg.Register) reg.VecVirtual {
	return l.div(l.full(1), l.onePlusExpMinus(x))
}

func (l *lanes) silu(x reg.Register) reg.VecVirtual {
	return l.div(l.max(x, l.c(-math.MaxFloat32)), l.onePlusExpMinus(x))
}

// geluTanh is x/(1+exp(-2u)), which is x/2·(1+tanh(u)) without cancellation.
func (l *lanes) geluTanh(x reg.Register) reg.VecVirtual {
	c := 2 * math.Sqrt(2/math.Pi)
	u := l.polynomial(l.mul(x, x), 0.044715*c, c)
	return l.div(l.max(x, l.c(-math.MaxFloat32)), l.onePlusExpMinus(l.mul(u, x)))
}

// gelu is max(x, 0) - t·Q(t), where t is |x| and Q the tail of the normal
// distribution, 2 to the power of -t²/2·log2(e) and a polynomial. There is no
// cancellation for negative x, and no difference of cases.
func (l *lanes) gelu(x reg.Register) reg.VecVirtual {
	t := l.abs(x)
	t = l.min(l.full(14.5), t) // where Q is 0
	e := l.polynomial(l.min(l.full(6), t), -2.84918205e-08, 8.52610412e-07, -1.09120601e-05, 7.60895346e-05,
		-0.000277817191, -5.83438396e-06, 0.00695710676, -0.0524504073, 0.262130409, -1.15110469, -1)
	l.plusTimes(e, t, l.mul(t, l.c(-math.Log2E/2)))
	n := l.round(e)
	f := l.sub(e, n)
	q := l.polynomial(f, 0.00015353362, 0.00133988739, 0.00961843692, 0.0555033237, 0.240226477, 0.693147182, 1)
	l.scale2(q, n)
	y := l.max(x, l.c(0))
	l.minusTimes(y, t, q)
	return y
}
