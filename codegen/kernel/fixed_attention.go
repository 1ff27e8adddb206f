package kernel

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fixedAttentionKernels prepare what an attention multiplies in fixed point.
var fixedAttentionKernels = map[string]generator{
	"fixColumnsAVX512": {fixColumnsSignature, inLanes(wide, fixColumns)},
	"fixColumnsAVX2":   {fixColumnsSignature, inLanes(narrow, fixColumns)},
	"fixRowsAVX512":    {fixRowsSignature, inLanes(wide, fixRows)},
	"fixRowsAVX2":      {fixRowsSignature, inLanes(narrow, fixRowHalves)},
	"rowSquaresAVX512": {rowSquaresSignature, inLanes(wide, rowSquares)},
	"rowSquaresAVX2":   {rowSquaresSignature, inLanes(narrow, rowSquares)},
}

const (
	fixColumnsSignature = "func(dst *uint32, w *float32, n int, mean float32) (coarse int)"
	fixRowsSignature    = "func(dst *uint32, x, u, a, b, back *float32, rows, n, ldd, ld int)"
	rowSquaresSignature = "func(dst, x *float32, rows, n, ld int)"
)

// fixColumns passes over a panel twice, over all columns at once. AVX2, which
// needs no corners, leaves them as they are.
func fixColumns(l *lanes) {
	dst, w, n := l.param("dst"), l.param("w"), l.param("n")
	scales := l.columnScales(w, n)
	l.reload("w", w)
	l.reload("n", n)
	corners := make([]reg.VecVirtual, len(scales))
	if l.bytes == 64 {
		for v := range corners {
			corners[v] = l.full(0)
		}
	}
	merged := l.merged()
	whole := func(x operand.Op, v int) reg.VecVirtual {
		y := l.mul(scales[v], x)
		l.VCVTPS2DQ(y, y)
		return y
	}
	step := func(v int, x [2 * fixedUnit]operand.Op) {
		var word [fixedUnit]reg.VecVirtual
		for i := range word {
			word[i] = whole(x[2*i], v)
			merged(word[i], whole(x[2*i+1], v))
			l.VMOVUPS(word[i], at(dst, i*panelBytes+v*l.bytes))
		}
		if l.bytes == 64 {
			l.VPDPWSSD(word[2], word[1], corners[v])
		}
	}
	l.Label("step")
	l.jumpIfLess(n, 2*fixedUnit, "rest")
	for v := range scales {
		var x [2 * fixedUnit]operand.Op
		for i := range x {
			x[i] = at(w, i*panelBytes+v*l.bytes)
		}
		step(v, x)
	}
	l.increaseBy(w, 2*fixedUnit*panelBytes)
	l.increaseBy(dst, fixedUnit*panelBytes)
	l.decreaseBy(n, 2*fixedUnit)
	l.jump("step")

	l.Label("rest")
	l.jumpIfZero(n, "whole")
	for v := range scales {
		var x [2 * fixedUnit]operand.Op
		for i := range x {
			x[i] = l.full(0)
		}
		there := fmt.Sprint("there", v)
		for i := range x {
			if i > 0 {
				l.jumpIfLess(n, i+1, there)
			}
			l.VMOVUPS(at(w, i*panelBytes+v*l.bytes), x[i])
		}
		l.Label(there)
		step(v, x)
	}
	l.increaseBy(dst, fixedUnit*panelBytes)

	l.Label("whole")
	const power = 254 << 23 // less a power of two: its inverse
	for v, scale := range scales {
		back := l.set(l.word(power))
		l.VPSUBD(scale, back, back)
		l.VMOVUPS(back, at(dst, v*l.bytes))
		if l.bytes == 64 {
			l.VMOVUPS(corners[v], at(dst, panelBytes+v*l.bytes))
		}
	}
}

// columnScales is what the columns of a panel are to be multiplied with. The
// function's result is not 0 if one of them is coarse.
func (l *lanes) columnScales(w, n reg.GPVirtual) []reg.VecVirtual {
	const (
		most, norm = 1<<14 - 1, 46000
		least      = 0x1p-49
		large      = 0x1p126 // by which all but 0 is more than a mean that is wanted
		finite     = 0x7f7fffff
		one        = 127
	)
	var largest, squares, sum []reg.VecVirtual
	for range panelBytes / l.bytes {
		largest, squares, sum = append(largest, l.full(0)), append(squares, l.full(0)), append(sum, l.full(0))
	}
	magnitude := l.word(0x7fffffff)
	l.Label("magnitudes")
	for v := range sum {
		x := l.set(at(w, v*l.bytes))
		square := l.mul(x, x)
		l.VADDPS(square, squares[v], squares[v])
		x = l.and(x, magnitude)
		l.VADDPS(x, sum[v], sum[v])
		l.VMAXPS(x, largest[v], largest[v])
	}
	l.increaseBy(w, panelBytes)
	l.countDown(n, "magnitudes")

	exponent := func(above float64, x reg.Register) reg.VecVirtual {
		e := l.div(l.full(above), x)
		l.VPSRLD(operand.Imm(23), e, e)
		l.VPSUBD(l.word(one), e, e)
		return e
	}
	scales, coarse := make([]reg.VecVirtual, len(sum)), l.GP64()
	l.clear(coarse)
	for v := range sum {
		scale, byNorm := exponent(most, l.max(largest[v], l.c(least))), exponent(norm*norm, squares[v])
		l.VPSRAD(operand.Imm(1), byNorm, byNorm)
		l.VPMINSD(byNorm, scale, scale)
		l.VPADDD(l.word(one), scale, scale)
		l.VPSLLD(operand.Imm(23), scale, scale)
		l.flag(coarse, l.mul(sum[v], scale), notAtLeast, l.min(l.all("mean"), l.mul(largest[v], l.c(large))))
		l.flag(coarse, squares[v], notLess, l.word(finite))
		scales[v] = scale
	}
	l.Store(coarse, l.Return("coarse"))
	return scales
}

// Comparisons that are true of NaN.
const (
	notLess    = 0x15
	notAtLeast = 0x19
)

// flag sets bits where a, compared to b, is as the instruction's number says.
func (l *lanes) flag(bits reg.GPVirtual, a reg.Register, is uint64, b operand.Op) {
	some := l.GP32()
	if l.bytes == 64 {
		k := l.K()
		l.VCMPPS(operand.Imm(is), b, a, k)
		l.KMOVW(k, some)
	} else {
		y := l.fresh()
		l.VCMPPS(operand.Imm(is), b, a, y)
		l.VMOVMSKPS(y, some)
	}
	l.ORL(some, bits.As32())
}

// fixRows takes 96 elements at a time, 16 steps; of those the last ones may be
// missing. What it writes is never ahead of what it reads.
func fixRows(l *lanes) {
	const each = 96
	dst, x, u, rows := l.param("dst"), l.param("x"), l.param("u"), l.param("rows")
	a, b, back := l.param("a"), l.param("b"), l.param("back")
	ldd, ld := l.param("ldd"), l.param("ld")
	l.shift(ldd, 2)
	l.shift(ld, 2)
	lower := l.set(l.lowerHalves())
	there := l.lastOf(each)
	var second [3]reg.VecVirtual // all bits of the second of three words
	var sums [3]reg.VecVirtual
	for v := range second {
		sums[v] = l.fresh()
		second[v] = l.set(l.constant(fmt.Sprintf("second_words_%d", v), 8, func(i int) (bits uint64) {
			for h := range 2 {
				if (16*v+2*i+h)%fixedUnit == 1 {
					bits |= 0xffffffff << (32 * h)
				}
			}
			return bits
		}))
	}
	factor, other := l.fresh(), l.fresh()
	to, from, left := l.GP64(), l.GP64(), l.GP64()
	some := func(both, last bool) {
		var w [4]reg.VecVirtual
		for v := range sums {
			var half [2]reg.VecVirtual
			for h := range half {
				i := 2*v + h
				half[h] = l.fresh()
				here := operand.Mem{Base: x, Index: from, Scale: 1, Disp: 64 * i}
				beside := operand.Mem{Base: u, Index: from, Scale: 1, Disp: 64 * i}
				switch {
				case !last:
					l.VMULPS(here, factor, half[h])
				default:
					l.VMULPS_Z(here, factor, there[i], half[h])
				}
				switch {
				case both && last:
					l.VFMADD231PS(beside, other, there[i], half[h])
				case both:
					l.VFMADD231PS(beside, other, half[h])
				}
				l.VCVTPS2DQ(half[h], half[h])
			}
			w[v] = half[0]
			l.VPERMT2W(half[1], lower, w[v])
			l.VMOVUPS(w[v], at(to, 64*v))
		}
		w[3] = w[2] // the last word is no second one
		for v, sum := range sums {
			third, one := l.fresh(), l.fresh()
			l.VALIGND(operand.Imm(1), w[v], w[v+1], third)
			l.VPANDD(second[v], w[v], one)
			l.VPDPWSSD(third, one, sum)
		}
	}
	row := func(label string, both bool) {
		l.Label(label)
		l.jumpIfLess(left, each, label+"_rest")
		some(both, false)
		l.increaseBy(from, 4*each)
		l.increaseBy(to, 2*each)
		l.decreaseBy(left, each)
		l.jump(label)
		l.Label(label + "_rest")
		l.jumpIfZero(left, "end")
		some(both, true)
		l.jump("end")
	}
	l.Label("row")
	l.VBROADCASTSS(at(a, 0), factor)
	l.clear(from)
	l.LEAQ(at(dst, fixedHead), to)
	l.reload("n", left)
	for _, sum := range sums {
		l.VPXORD(sum, sum, sum)
	}
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("alone"))
	l.VBROADCASTSS(at(b, 0), other)
	row("both", true)
	row("alone", false)
	l.Label("end")
	l.VPADDD(sums[1], sums[0], sums[0])
	l.VPADDD(sums[2], sums[0], sums[0])
	l.VMOVSS(l.reduce(sums[0], func(b, a, y operand.Op) { l.VPADDD(b, a, y) }).AsX(), at(dst, 4))
	l.finishRow(dst, back)
	l.nextRow(rows, dst, x, u, a, b, ldd, ld)
}

// finishRow writes what the sums of a row are multiplied with.
func (l *lanes) finishRow(dst, back reg.GPVirtual) {
	scale := l.GP32()
	l.MOVL(at(back, 0), scale)
	l.MOVL(scale, at(dst, 0))
	l.increaseBy(back, 4)
}

// lowerHalves is how VPERMT2W takes the lower halves of two vectors.
func (l *lanes) lowerHalves() operand.Mem {
	return l.constant("lower_halves", 8, func(i int) uint64 {
		at := 8 * uint64(i)
		return at | (at+2)<<16 | (at+4)<<32 | (at+6)<<48
	})
}

// lastOf is the masks of the vectors of the last of so many elements, of n.
func (l *lanes) lastOf(each uint32) (there []reg.Register) {
	n, size := l.param("n"), l.GP64()
	l.MOVQ(operand.U32(each), size)
	l.Label("last")
	l.CMPQ(n, size)
	l.JLT(operand.LabelRef("lasts"))
	l.SUBQ(size, n)
	l.JMP(operand.LabelRef("last"))
	l.Label("lasts")
	first, more, none := l.GP64(), l.GP64(), l.GP64()
	l.first(n, first)
	l.XORL(none.As32(), none.As32())
	l.SUBQ(operand.U32(64), n)
	l.CMOVQLT(none, n)
	l.first(n, more)
	for i := range int(each) / 16 {
		if i < 4 {
			there = append(there, l.mask(first, 16*i))
		} else {
			there = append(there, l.mask(more, 16*i-64))
		}
	}
	return there
}

// fixRowHalves takes 32 elements at a time, so that what it writes is not ahead of
// what it reads.
func fixRowHalves(l *lanes) {
	const each = 32
	dst, x, u, rows := l.param("dst"), l.param("x"), l.param("u"), l.param("rows")
	a, b, back := l.param("a"), l.param("b"), l.param("back")
	ldd, ld := l.param("ldd"), l.param("ld")
	l.shift(ldd, 2)
	l.shift(ld, 2)
	factor, other := l.fresh(), l.fresh()
	to, from, left, masks := l.GP64(), l.GP64(), l.GP64(), l.GP64()
	some := func(both, last bool) {
		there := l.fresh()
		load := func(base reg.Register, v int) reg.VecVirtual {
			y, here := l.fresh(), operand.Mem{Base: base, Index: from, Scale: 1, Disp: 32 * v}
			if last {
				l.VMASKMOVPS(here, there, y)
			} else {
				l.VMOVUPS(here, y)
			}
			return y
		}
		var y [4]reg.VecVirtual
		for v := range y {
			if last {
				l.VMOVUPS(at(masks, 32*v), there)
			}
			y[v] = load(x, v)
			l.VMULPS(factor, y[v], y[v])
			if both {
				l.VFMADD231PS(load(u, v), other, y[v])
			}
		}
		l.storeHalves([2]reg.VecVirtual(y[:2]), at(to, 0))
		l.storeHalves([2]reg.VecVirtual(y[2:]), at(to, 32))
	}
	row := func(label string, both bool) {
		l.Label(label)
		l.jumpIfLess(left, each, label+"_rest")
		some(both, false)
		l.increaseBy(from, 4*each)
		l.increaseBy(to, 2*each)
		l.decreaseBy(left, each)
		l.jump(label)
		l.Label(label + "_rest")
		l.jumpIfZero(left, "end")
		l.LEAQ(l.constant("ones_zeros_32", each, func(i int) uint64 { return math.MaxUint64 * uint64(1-i/(each/2)) }), masks)
		l.ADDQ(operand.U32(4*each), masks)
		l.shift(left, 2)
		l.SUBQ(left, masks)
		some(both, true)
		l.jump("end")
	}
	l.Label("row")
	l.VBROADCASTSS(at(a, 0), factor)
	l.clear(from)
	l.LEAQ(at(dst, fixedHead), to)
	l.reload("n", left)
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("alone"))
	l.VBROADCASTSS(at(b, 0), other)
	row("both", true)
	row("alone", false)
	l.Label("end")
	l.finishRow(dst, back)
	l.nextRow(rows, dst, x, u, a, b, ldd, ld)
}

// nextRow goes on with the next one. Where there is no u there is no b.
func (l *lanes) nextRow(rows, dst, x, u, a, b, ldd, ld reg.GPVirtual) {
	l.increase(dst, ldd)
	l.increase(x, ld)
	l.increaseBy(a, 4)
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("next"))
	l.increase(u, ld)
	l.increaseBy(b, 4)
	l.Label("next")
	l.countDown(rows, "row")
}

// rowSquares adds up the squares of each row.
func rowSquares(l *lanes) {
	dst, x, rows, ld := l.param("dst"), l.param("x"), l.param("rows"), l.param("ld")
	l.shift(ld, 2)
	l.Label("row")
	p, n, squares := l.GP64(), l.param("n"), l.full(0)
	l.copy(x, p)
	l.loop("squares", n, []reg.GPVirtual{p}, func(last bool) {
		v := l.load(at(p, 0), last)
		l.plusTimes(squares, v, v)
	})
	l.VMOVSS(l.sum(squares).AsX(), at(dst, 0))
	l.increaseBy(dst, 4)
	l.increase(x, ld)
	l.countDown(rows, "row")
}
