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

// fixedRow is where a kernel is in a row that becomes whole numbers.
type fixedRow struct {
	dst, x, u, from, to, left reg.GPVirtual // from is an offset in x and u, left the elements that there still are
	factor, other             reg.VecVirtual
}

// beside is vector v of what is next in x or u.
func (r fixedRow) beside(l *lanes, base reg.Register, v int) operand.Mem {
	return operand.Mem{Base: base, Index: r.from, Scale: 1, Disp: l.bytes * v}
}

// fixedRows writes the code for all rows: begin, some for so many elements at a
// time, with and without u, and for the last of them, and end. What some writes
// must not be ahead of what it reads.
func (l *lanes) fixedRows(each int, begin func(fixedRow), some func(r fixedRow, both, last bool), end func(fixedRow)) {
	r := fixedRow{l.param("dst"), l.param("x"), l.param("u"), l.GP64(), l.GP64(), l.GP64(), l.fresh(), l.fresh()}
	a, b, back, rows := l.param("a"), l.param("b"), l.param("back"), l.param("rows")
	ldd, ld, scale := l.param("ldd"), l.param("ld"), l.GP32()
	l.shift(ldd, 2)
	l.shift(ld, 2)
	row := func(label string, both bool) {
		l.Label(label)
		l.jumpIfLess(r.left, each, label+"_rest")
		some(r, both, false)
		l.increaseBy(r.from, 4*each)
		l.increaseBy(r.to, 2*each)
		l.decreaseBy(r.left, each)
		l.jump(label)
		l.Label(label + "_rest")
		l.jumpIfZero(r.left, "end")
		some(r, both, true)
		l.jump("end")
	}
	l.Label("row")
	l.VBROADCASTSS(at(a, 0), r.factor)
	l.clear(r.from)
	l.LEAQ(at(r.dst, fixedHead), r.to)
	l.reload("n", r.left)
	begin(r)
	l.jumpIfZero(r.u, "alone")
	l.VBROADCASTSS(at(b, 0), r.other)
	row("both", true)
	row("alone", false)
	l.Label("end")
	l.MOVL(at(back, 0), scale) // what the sums of the row are multiplied with
	l.MOVL(scale, at(r.dst, 0))
	end(r)
	l.increaseBy(back, 4)
	l.increase(r.dst, ldd)
	l.increase(r.x, ld)
	l.increaseBy(a, 4)
	l.jumpIfZero(r.u, "next") // there is no b then
	l.increase(r.u, ld)
	l.increaseBy(b, 4)
	l.Label("next")
	l.countDown(rows, "row")
}

// fixRows takes 96 elements at a time, 16 steps.
func fixRows(l *lanes) {
	const each = 96
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
	begin := func(fixedRow) {
		for _, sum := range sums {
			l.VPXORD(sum, sum, sum)
		}
	}
	some := func(r fixedRow, both, last bool) {
		var w [4]reg.VecVirtual
		for v := range sums {
			var half [2]reg.VecVirtual
			for h := range half {
				half[h] = l.fresh()
				i := 2*v + h
				x, u := r.beside(l, r.x, i), r.beside(l, r.u, i)
				if last {
					l.VMULPS_Z(x, r.factor, there[i], half[h])
				} else {
					l.VMULPS(x, r.factor, half[h])
				}
				switch {
				case both && last:
					l.VFMADD231PS(u, r.other, there[i], half[h])
				case both:
					l.VFMADD231PS(u, r.other, half[h])
				}
				l.VCVTPS2DQ(half[h], half[h])
			}
			w[v] = half[0]
			l.VPERMT2W(half[1], lower, w[v])
			l.VMOVUPS(w[v], at(r.to, 64*v))
		}
		w[3] = w[2] // the last word is no second one
		for v, sum := range sums {
			third, one := l.fresh(), l.fresh()
			l.VALIGND(operand.Imm(1), w[v], w[v+1], third)
			l.VPANDD(second[v], w[v], one)
			l.VPDPWSSD(third, one, sum)
		}
	}
	l.fixedRows(each, begin, some, func(r fixedRow) {
		l.VPADDD(sums[1], sums[0], sums[0])
		l.VPADDD(sums[2], sums[0], sums[0])
		corner := l.reduce(sums[0], func(b, a, y operand.Op) { l.VPADDD(b, a, y) })
		l.VMOVSS(corner.AsX(), at(r.dst, 4))
	})
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

// fixRowHalves takes 32 elements at a time: of less the first vector written would
// lie where another is still to be read.
func fixRowHalves(l *lanes) {
	const each = 32
	some := func(r fixedRow, both, last bool) {
		masks, there := l.GP64(), l.fresh()
		if last {
			l.LEAQ(l.constant("ones_zeros_32", each, func(i int) uint64 { return math.MaxUint64 * uint64(1-i/(each/2)) }), masks)
			l.ADDQ(operand.U32(4*each), masks)
			l.shift(r.left, 2)
			l.SUBQ(r.left, masks)
		}
		load := func(base reg.Register, v int) reg.VecVirtual {
			y := l.fresh()
			if last {
				l.VMASKMOVPS(r.beside(l, base, v), there, y)
			} else {
				l.VMOVUPS(r.beside(l, base, v), y)
			}
			return y
		}
		var y [4]reg.VecVirtual
		for v := range y {
			if last {
				l.VMOVUPS(at(masks, 32*v), there)
			}
			y[v] = load(r.x, v)
			l.VMULPS(r.factor, y[v], y[v])
			if both {
				l.VFMADD231PS(load(r.u, v), r.other, y[v])
			}
		}
		l.storeHalves([2]reg.VecVirtual(y[:2]), at(r.to, 0))
		l.storeHalves([2]reg.VecVirtual(y[2:]), at(r.to, 32))
	}
	nothing := func(fixedRow) {}
	l.fixedRows(each, nothing, some, nothing)
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
