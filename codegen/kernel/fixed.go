package kernel

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fixedKernels are for bfloat16 in fixed point, by pairs.
var fixedKernels = map[string]generator{
	"panelMulFixedAVX512": {panelWordsSignature, panelMul{wide, []int{10, 8, 4, 2, 1}, fixedWords}.body},
	"fixPanelAVX512":      {"func(dst, w, scales *uint32, n, none int)", inLanes(fixPanel)},
	"fixWordsAVX512":      {"func(dst *uint32, x *float32, n, words int, scale float32) int32", inLanes(fixWords)},
	"magnitudesAVX512":    {"func(x *float32, n int) (most, squares, sum float32)", inLanes(magnitudes)},
}

// inLanes is what writes a kernel for AVX-512.
func inLanes(body func(*lanes)) func(*asm) {
	return func(a *asm) {
		body(&lanes{asm: a, vec: wide})
		a.VZEROUPPER()
		a.RET()
	}
}

// fixedWords has two int16 in each word of x and w, and takes three words a
// step: they are multiplied as pairedMul does it, two numbers at a time.
var fixedWords = format{
	products: func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
		t.fetchNext(fmt.Sprint(t.rows))
		t.three(rows, w, 0, fixedHead, t.VPADDW, t.VPDPWSSD)
		for _, p := range rows {
			t.ADDQ(t.sx, p)
		}
		t.ADDQ(operand.U32(3*panelBytes), w)
	},
	scale:  (*tile).scaleFixed,
	blocks: true,
}

// fixedHead is the bytes before the first step in a row of x: first what its
// sums are multiplied with, and its corner.
const fixedHead = 64

// scaleFixed takes the corners of row and column from the sums, and scales by
// both. Behind the steps of a panel are the scales of its columns, then the corners.
func (t *tile) scaleFixed(w reg.GPVirtual) {
	free := t.regs[2*t.most:]
	scales, corners, free := free[:2], free[2:4], free[4:]
	for v := range 2 {
		t.VMOVUPS(t.columns(w, v), scales[v])
		t.VMOVUPS(t.columns(w, v).Offset(panelBytes), corners[v])
	}
	row := t.GP64()
	t.MOVQ(t.x, row)
	for r := range t.rows {
		scale, corner := free[2*(r%2)], free[2*(r%2)+1]
		t.VBROADCASTSS(at(row, 0), scale)
		t.VBROADCASTSS(at(row, 4), corner)
		for v := range 2 {
			sum, times := t.sum(r, v), free[4+v]
			t.VPSUBD(corners[v], sum, sum)
			t.VPSUBD(corner, sum, sum)
			t.VCVTDQ2PS(sum, sum)
			t.VMULPS(scales[v], scale, times)
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
	mask, shift := l.word(upper).(reg.VecVirtual), l.full(magic)
	lower := l.set(l.constant("lower_halves_by_turns", 8, func(i int) uint64 { // of two vectors
		at := 4 * uint64(i)
		return at | (at+32)<<16 | (at+2)<<32 | (at+34)<<48
	}))
	var scales [2]reg.VecVirtual
	for v := range scales {
		scales[v] = l.set(at(from, 64*v))
	}
	l.Label("rows")
	for v := range scales {
		even, odd := l.ZMM(), l.ZMM()
		l.VMOVUPS(at(w, 64*v), odd)
		l.VPSLLD(operand.Imm(16), odd, even)
		l.VPANDD(odd, mask, odd)
		l.VFMADD213PS(shift, scales[v], even)
		l.VFMADD213PS(shift, scales[v], odd)
		l.VPERMT2W(odd, lower, even)
		l.VMOVUPS(even, at(dst, 64*v))
	}
	l.increaseBy(w, panelBytes)
	l.increaseBy(dst, panelBytes)
	l.countDown(n, "rows")
	l.jumpIfZero(none, "whole")
	zero := l.full(0)
	l.Label("zeros")
	for v := range scales {
		l.VMOVUPS(zero, at(dst, 64*v))
	}
	l.increaseBy(dst, panelBytes)
	l.countDown(none, "zeros")
	l.Label("whole")
	inverse := l.word(power).(reg.VecVirtual)
	for v, s := range scales {
		l.VPSUBD(s, inverse, s)
		l.VMOVUPS(s, at(dst, 64*v))
		l.VMOVUPS(l.set(at(from, panelBytes+64*v)), at(dst, panelBytes+64*v))
	}
}

// fixWords takes 96 elements at a time, 16 steps, and multiplies the second of
// each three words with the third.
func fixWords(l *lanes) {
	dst, x, n, words, scale := l.param("dst"), l.param("x"), l.param("n"), l.param("words"), l.all("scale")
	lower := l.set(l.constant("lower_halves", 8, func(i int) uint64 { // of two vectors
		at := 8 * uint64(i)
		return at | (at+2)<<16 | (at+4)<<32 | (at+6)<<48
	}))
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

// magnitudes takes 64 elements at a time.
func magnitudes(l *lanes) {
	x, n, magnitude := l.param("x"), l.param("n"), l.word(0x7fffffff).(reg.VecVirtual)
	var most, squares, sum [4]reg.VecVirtual
	for v := range most {
		most[v], squares[v], sum[v] = l.full(0), l.full(0), l.full(0)
	}
	some := func(last bool) {
		bits := l.GP64()
		if last {
			l.first(n, bits)
		}
		for v := range most {
			y := l.ZMM()
			if last {
				l.VMOVUPS_Z(at(x, 64*v), l.mask(bits, 16*v), y)
			} else {
				l.VMOVUPS(at(x, 64*v), y)
			}
			l.VFMADD231PS(y, y, squares[v])
			l.VANDPS(magnitude, y, y)
			l.VADDPS(y, sum[v], sum[v])
			l.VMAXPS(y, most[v], most[v])
		}
	}
	l.Label("loop")
	l.jumpIfLess(n, 64, "rest")
	some(false)
	l.increaseBy(x, 256)
	l.decreaseBy(n, 64)
	l.jump("loop")
	l.Label("rest")
	l.jumpIfZero(n, "end")
	some(true)
	l.Label("end")
	for _, step := range []int{2, 1} {
		for v := range step {
			l.VADDPS(squares[v+step], squares[v], squares[v])
			l.VADDPS(sum[v+step], sum[v], sum[v])
			l.VMAXPS(most[v+step], most[v], most[v])
		}
	}
	l.results(l.largest(most[0]), l.sum(squares[0]), l.sum(sum[0]))
}
