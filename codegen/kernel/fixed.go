package kernel

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fixedKernels are for bfloat16 in fixed point, by pairs or without.
var fixedKernels = map[string]generator{
	"panelPairFixedAVX512": {panelWordsSignature, panelMul{wide, []int{10, 8, 4, 2, 1}, fixedPairs}.body},
	"panelDotFixedAVX512":  {panelWordsSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, fixedWords((*tile).dotWords)}.body},
	"panelDotFixedAVX2":    {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, fixedWords((*tile).dotWordsVEX)}.body},
	"panelMulFixedAVX2":    {panelWordsSignature, panelMul{narrow, []int{6, 4, 2, 1}, fixedWords((*tile).multiplyWords)}.body},
	"fixPanelAVX512":       {fixPanelSignature, inLanes(wide, fixPanel)},
	"fixPanelAVX2":         {fixPanelSignature, inLanes(narrow, fixPanel)},
	"fixWordsAVX512":       {"func(dst *uint32, x *float32, n, words int, scale float32) int32", inLanes(wide, fixWords)},
	"fixWordsAVX2":         {"func(dst *uint32, x *float32, n int, scale float32)", inLanes(narrow, fixHalves)},
	"magnitudesAVX512":     {magnitudesSignature, inLanes(wide, magnitudes)},
	"magnitudesAVX2":       {magnitudesSignature, inLanes(narrow, magnitudes)},
}

const (
	fixPanelSignature   = "func(dst, w, scales *uint32, n, none int)"
	magnitudesSignature = "func(x *float32, n int) (most, squares, sum float32)"
)

// fixedPairs has two int16 in each word of x and w, and takes three words a
// step: they are multiplied as pairedMul does it, two numbers at a time.
var fixedPairs = format{
	products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
		t.fetchNext(fmt.Sprint(t.rows))
		t.three(rows, w, 0, fixedHead, t.VPADDW, t.VPDPWSSD)
		t.nextWords(rows, w, fixedUnit)
	},
	scale:  func(t *tile, w reg.GPVirtual) { t.scaleFixed(w, true) },
	blocks: true,
}

// fixedWords has the same words, and multiplies each.
func fixedWords(multiplyAdd func(t *tile, w, x, sum reg.VecPhysical)) format {
	return words(fixedUnit, fixedHead, multiplyAdd, func(t *tile, w reg.GPVirtual) { t.scaleFixed(w, false) })
}

// words has two int16 in each word of x, whose first step is behind head bytes,
// and of w. It takes so many words a step, and multiplies each.
func words(n, head int, multiplyAdd func(t *tile, w, x, sum reg.VecPhysical), scale func(t *tile, w reg.GPVirtual)) format {
	return format{
		products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
			t.fetchNext(fmt.Sprint(t.rows))
			b, free := t.regs[2*t.most:2*t.most+2], t.regs[2*t.most+2:]
			for p := range n {
				for v := range b {
					t.VMOVUPS(t.columns(w, v).Offset(p*panelBytes), b[v])
				}
				for r := range t.rows {
					x := free[0]
					if t.bytes == 64 {
						x = free[r%len(free)]
					}
					t.VBROADCASTSS(rowOf(rows, r, t.ldx).Offset(head+4*p), x)
					for v := range b {
						multiplyAdd(t, b[v], x, t.sum(r, v))
					}
				}
			}
			t.nextWords(rows, w, n)
		},
		scale:  scale,
		blocks: true,
	}
}

// dotWords, dotWordsVEX and multiplyWords add the products of int16 to sums, by
// AVX512-VNNI, by AVX-VNNI, and without.
func (t *tile) dotWords(w, x, sum reg.VecPhysical)    { t.VPDPWSSD(w, x, sum) }
func (t *tile) dotWordsVEX(w, x, sum reg.VecPhysical) { t.encodedVEX(vpdpwssd, w, x, sum) }
func (t *tile) multiplyWords(w, x, sum reg.VecPhysical) {
	products := t.regs[len(t.regs)-1]
	t.VPMADDWD(w, x, products)
	t.VPADDD(products, sum, sum)
}

// nextWords goes on to the next step, of so many words.
func (t *tile) nextWords(rows []reg.GPVirtual, w reg.GPVirtual, n int) {
	for _, p := range rows {
		t.ADDQ(t.sx, p)
	}
	t.ADDQ(operand.U32(uint32(n*panelBytes)), w)
}

// fixedUnit is the words of a step, fixedHead the bytes before the first step in
// a row of x: first what its sums are multiplied with, and its corner.
const (
	fixedUnit = 3
	fixedHead = 64
)

// scaleFixed scales by row and column and, of pairs, takes the corners of both
// from the sums before. Behind the steps of a panel are the scales of its columns,
// then the corners.
func (t *tile) scaleFixed(w reg.GPVirtual, corners bool) {
	free := t.regs[2*t.most:]
	scale, corner, times := free[0], free[1], free[2]
	row := t.GP64()
	t.MOVQ(t.x, row)
	for r := range t.rows {
		t.VBROADCASTSS(at(row, 0), scale)
		if corners {
			t.VBROADCASTSS(at(row, 4), corner)
		}
		for v := range 2 {
			sum := t.sum(r, v)
			if corners {
				t.VPSUBD(t.columns(w, v).Offset(panelBytes), sum, sum)
				t.VPSUBD(corner, sum, sum)
			}
			t.VCVTDQ2PS(sum, sum)
			t.VMULPS(t.columns(w, v), scale, times)
			t.VMULPS(times, sum, sum)
		}
		t.ADDQ(t.ldx, row)
	}
}

// fixPanel adds a number to what it has scaled, by which the whole part comes to
// lie in the last bits.
func fixPanel(l *lanes) {
	const (
		upper = 0xffff0000
		magic = 1.5 * (1 << 23)
		power = 254 << 23 // less a power of two: its inverse
	)
	dst, w, from, n, none := l.param("dst"), l.param("w"), l.param("scales"), l.param("n"), l.param("none")
	mask, shift := l.word(upper), l.c(magic)
	scales := make([]reg.VecVirtual, panelBytes/l.bytes)
	for v := range scales {
		scales[v] = l.set(at(from, l.bytes*v))
	}
	merged := l.merged()
	l.Label("rows")
	for v, scale := range scales {
		even, odd := l.fresh(), l.set(at(w, l.bytes*v))
		l.VPSLLD(operand.Imm(16), odd, even)
		odd = l.and(odd, mask)
		l.VFMADD213PS(shift, scale, even)
		l.VFMADD213PS(shift, scale, odd)
		merged(even, odd)
		l.VMOVUPS(even, at(dst, l.bytes*v))
	}
	l.increaseBy(w, panelBytes)
	l.increaseBy(dst, panelBytes)
	l.countDown(n, "rows")
	l.jumpIfZero(none, "whole")
	zero := l.full(0)
	l.Label("zeros")
	for v := range scales {
		l.VMOVUPS(zero, at(dst, l.bytes*v))
	}
	l.increaseBy(dst, panelBytes)
	l.countDown(none, "zeros")
	l.Label("whole")
	inverse := l.set(l.word(power))
	for v, s := range scales {
		l.VPSUBD(s, inverse, s)
		l.VMOVUPS(s, at(dst, l.bytes*v))
		l.VMOVUPS(l.set(at(from, panelBytes+l.bytes*v)), at(dst, panelBytes+l.bytes*v))
	}
}

// merged is what changes even to its lower halves and those of odd, by turns.
func (l *lanes) merged() func(even, odd reg.VecVirtual) {
	if l.bytes < 64 {
		return func(even, odd reg.VecVirtual) {
			const odds = 0b10101010
			l.VPSLLD(operand.Imm(16), odd, odd)
			l.VPBLENDW(operand.U8(odds), odd, even, even)
		}
	}
	lower := l.set(l.constant("lower_halves_by_turns", 8, func(i int) uint64 {
		at := 4 * uint64(i)
		return at | (at+32)<<16 | (at+2)<<32 | (at+34)<<48
	}))
	return func(even, odd reg.VecVirtual) { l.VPERMT2W(odd, lower, even) }
}

// fixHalves takes 16 elements at a time.
func fixHalves(l *lanes) {
	dst, x, n, scale := l.param("dst"), l.param("x"), l.param("n"), l.all("scale")
	l.Label("loop")
	var half [2]reg.VecVirtual
	for h := range half {
		half[h] = l.mul(scale, at(x, 32*h))
	}
	l.storeHalves(half, at(dst, 0))
	l.increaseBy(x, 64)
	l.increaseBy(dst, 32)
	l.countDownBy(n, 16, "loop")
}

// storeHalves stores 16 elements as whole numbers. It changes them.
func (l *lanes) storeHalves(half [2]reg.VecVirtual, to operand.Mem) {
	for _, y := range half {
		l.VCVTPS2DQ(y, y)
	}
	const turned = 0b11_01_10_00 // halves of vectors were packed by themselves
	l.VPACKSSDW(half[1], half[0], half[0])
	l.VPERMQ(operand.U8(turned), half[0], half[0])
	l.VMOVUPS(half[0], to)
}

// fixWords takes 96 elements at a time, 16 steps, and multiplies the second of
// each three words with the third.
func fixWords(l *lanes) {
	dst, x, n, words, scale := l.param("dst"), l.param("x"), l.param("n"), l.param("words"), l.all("scale")
	lower := l.set(l.lowerHalves()) // of two vectors
	var second [3]reg.Register
	var sums [3]reg.VecVirtual
	for v := range second {
		set := uint32(0)
		for i := range 16 {
			if (16*v+i)%3 == 1 {
				set |= 1 << i
			}
		}
		bits := l.GP32()
		l.MOVL(operand.U32(set), bits)
		second[v], sums[v] = l.mask(bits.As64(), 0), l.full(0)
	}
	some := func(last bool) {
		first, more, stored := l.GP64(), l.GP64(), l.GP64()
		if last {
			l.first(n, first)
			l.first(words, stored)
			l.XORL(more.As32(), more.As32())
			l.SUBQ(operand.U32(64), n)
			l.CMOVQLT(more, n)
			l.first(n, more)
		}
		var w [3]reg.VecVirtual
		for v := range w {
			var half [2]reg.VecVirtual
			for h := range half {
				half[h] = l.ZMM()
				if i := 2*v + h; !last {
					l.VMULPS(at(x, 64*i), scale, half[h])
				} else if i < 4 {
					l.VMULPS_Z(at(x, 64*i), scale, l.mask(first, 16*i), half[h])
				} else {
					l.VMULPS_Z(at(x, 64*i), scale, l.mask(more, 16*i-64), half[h])
				}
				l.VCVTPS2DQ(half[h], half[h])
			}
			w[v] = half[0]
			l.VPERMT2W(half[1], lower, w[v])
			if last {
				l.VMOVDQU32(w[v], l.mask(stored, 16*v), at(dst, 64*v))
			} else {
				l.VMOVDQU32(w[v], at(dst, 64*v))
			}
		}
		for v := range w {
			third := l.ZMM()
			l.VALIGND_Z(operand.Imm(1), w[v], w[(v+1)%3], second[v], third)
			l.VPDPWSSD(third, w[v], sums[v])
		}
	}
	l.Label("loop")
	l.jumpIfLess(n, 96, "rest")
	some(false)
	l.increaseBy(x, 384)
	l.increaseBy(dst, 192)
	l.decreaseBy(n, 96)
	l.jump("loop")
	l.Label("rest")
	l.jumpIfZero(n, "end")
	some(true)
	l.Label("end")
	l.VPADDD(sums[1], sums[0], sums[0])
	l.VPADDD(sums[2], sums[0], sums[0])
	l.results(l.reduce(sums[0], func(b, a, y operand.Op) { l.VPADDD(b, a, y) }))
}

// first sets the first n bits, all from 64 on.
func (l *lanes) first(n, bits reg.GPVirtual) {
	ones := l.GP64()
	l.MOVQ(operand.I32(-1), ones)
	l.BZHIQ(n, ones, bits)
}

// mask is 16 of the bits, from one on.
func (l *lanes) mask(bits reg.Register, from int) reg.Register {
	some, k := l.GP64(), l.K()
	l.MOVQ(bits, some)
	if from > 0 {
		l.SHRQ(operand.Imm(uint64(from)), some)
	}
	l.KMOVW(some.As32(), k)
	return k
}

// magnitudes takes four vectors at a time, which are as many elements as one has
// bytes. The rest, for AVX-512, is one more time what is there of them.
func magnitudes(l *lanes) {
	x, n, magnitude := l.param("x"), l.param("n"), l.word(0x7fffffff)
	var most, squares, sum [4]reg.VecVirtual
	for v := range most {
		most[v], squares[v], sum[v] = l.full(0), l.full(0), l.full(0)
	}
	add := func(v int, y reg.VecVirtual) {
		l.VFMADD231PS(y, y, squares[v])
		y = l.and(y, magnitude)
		l.VADDPS(y, sum[v], sum[v])
		l.VMAXPS(y, most[v], most[v])
	}
	l.Label("loop")
	if l.bytes == 64 {
		l.jumpIfLess(n, l.bytes, "rest")
	}
	for v := range most {
		add(v, l.set(at(x, l.bytes*v)))
	}
	l.increaseBy(x, 4*l.bytes)
	if l.bytes == 64 {
		l.decreaseBy(n, l.bytes)
		l.jump("loop")
		l.Label("rest")
		l.jumpIfZero(n, "end")
		bits := l.GP64()
		l.first(n, bits)
		for v := range most {
			y := l.fresh()
			l.VMOVUPS_Z(at(x, l.bytes*v), l.mask(bits, 16*v), y)
			add(v, y)
		}
		l.Label("end")
	} else {
		l.countDownBy(n, l.bytes, "loop")
	}
	for _, step := range []int{2, 1} {
		for v := range step {
			l.VADDPS(squares[v+step], squares[v], squares[v])
			l.VADDPS(sum[v+step], sum[v], sum[v])
			l.VMAXPS(most[v+step], most[v], most[v])
		}
	}
	l.results(l.largest(most[0]), l.sum(squares[0]), l.sum(sum[0]))
}
