package kernel

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var pairedKernels = map[string]generator{
	"pairedMulAVX512": {
		"func(y, x, w, bias, corners, ends, add, limits, next *float32, m, twice, rest, ldy, ldx, ldadd, step int)",
		pairedMul{wide, []int{10, 8, 4, 2, 1}}.body},
	"rowMomentsAVX512": {"func(x *float32, n, followed int) (squares, corner float32)", rowMoments},
}

// rowMoments takes 48 elements at a time, eight times two pairs, and multiplies
// each with the next one: the pairs begin where the signs are not 0.
func rowMoments(a *asm) {
	const block = 48
	l := &lanes{asm: a, vec: wide}
	x, n, followed := l.param("x"), l.param("n"), l.param("followed")
	var signs, squares, corners [3]reg.VecVirtual
	for v := range signs {
		signs[v], squares[v], corners[v] = l.ZMM(), l.full(0), l.full(0)
		l.VMOVUPS(l.constant(fmt.Sprintf("corner_signs_%d", v), 8, func(i int) uint64 {
			sign := func(at int) uint64 {
				return uint64(math.Float32bits([pairedSteps]float32{1: 1, 4: -1}[at%pairedSteps]))
			}
			return sign(16*v+2*i) | sign(16*v+2*i+1)<<32
		}), signs[v])
	}
	bits, set := l.GP64(), l.K()
	load := func(v int, next bool, count reg.GPVirtual) reg.VecVirtual { // of so many elements of the block
		l.MOVQ(operand.I32(-1), bits)
		l.BZHIQ(count, bits, bits)
		disp := 64 * v
		if v > 0 {
			l.SHRQ(operand.Imm(uint64(16*v)), bits)
		}
		if next {
			disp += 4
		}
		y := l.ZMM()
		l.KMOVW(bits.As32(), set)
		l.VMOVUPS_Z(at(x, disp), set, y)
		return y
	}
	add := func(v int, here, next reg.VecVirtual) {
		l.VFMADD231PS(here, here, squares[v])
		l.VMULPS(signs[v], here, here)
		l.VFMADD231PS(next, here, corners[v])
	}
	butLast, none := l.GP64(), l.GP64()
	l.MOVQ(operand.U32(block-1), butLast)
	l.XORL(none.As32(), none.As32())
	l.Label("loop")
	l.jumpIfLess(n, block, "rest")
	for v := range signs {
		here := reg.VecVirtual(l.set(at(x, 64*v)))
		if v < 2 {
			add(v, here, l.set(at(x, 64*v+4)))
		} else { // what is behind the block is not in it
			add(v, here, load(v, true, butLast))
		}
	}
	l.increaseBy(x, 4*block)
	l.decreaseBy(n, block)
	l.decreaseBy(followed, block)
	l.jump("loop")
	l.Label("rest")
	l.jumpIfZero(n, "end")
	l.TESTQ(followed, followed)
	l.CMOVQLT(none, followed)
	for v := range signs {
		here := load(v, false, n)
		add(v, here, load(v, true, followed))
	}
	l.Label("end")
	for _, s := range [][3]reg.VecVirtual{squares, corners} {
		l.VADDPS(s[1], s[0], s[0])
		l.VADDPS(s[2], s[0], s[0])
	}
	l.results(l.sum(squares[0]), l.sum(corners[0]))
	l.VZEROUPPER()
	l.RET()
}

// pairedMul writes the product of rows with a panel in which of each three
// steps over k one is multiplied and added as ever, and the other two are a
// pair,
//
//	x₁w₁ + x₂w₂ = (x₁ + w₂)(x₂ + w₁) - x₁x₂ - w₁w₂
//
// of which the last two products depend on the row or on the column alone. So
// three steps take two multiplications and two additions, and where a processor
// has adders beside its multipliers, it does them in the time of two. Of two
// pairs that follow each other the second one is
//
//	x₁w₁ + x₂w₂ = (x₁ - w₂)(w₁ - x₂) + x₁x₂ + w₁w₂
//
// so that what has to be taken away in the end does not grow with k.
type pairedMul struct {
	vec
	rows []int // heights of tiles, falling to 1
}

// pairedSteps is how many steps over k the loop does at a time.
const pairedSteps = 6

func (g pairedMul) body(a *asm) {
	t := pairedTile{tile{asm: a, vec: g.vec, format: format{limits: true}, most: g.rows[0], ldx: a.GP64(), y: a.GP64(), add: a.GP64(), next: a.GP64()}}
	for _, at := range []*operand.Mem{&t.m, &t.x, &t.k, &t.w, &t.bias, &t.rowBias, &t.ldy, &t.ldadd} {
		*at = a.AllocLocal(8)
	}
	a.Load(a.Param("next"), t.next)
	t.keep("twice", 1, t.k)
	t.keep("w", 1, t.w)
	t.keep("bias", 1, t.bias)
	t.keep("ldy", 4, t.ldy)
	t.keep("ldadd", 4, t.ldadd)
	t.keep("m", 1, t.m)
	t.keep("x", 1, t.x)
	t.keep("ends", 1, t.rowBias)
	a.Load(a.Param("y"), t.y)
	a.Load(a.Param("add"), t.add)
	a.Load(a.Param("ldx"), t.ldx)
	a.SHLQ(operand.Imm(2), t.ldx)
	for _, rows := range g.rows {
		t.rows = rows
		label := fmt.Sprint(rows)
		a.Label("rows" + label)
		a.CMPQ(t.m, operand.U32(uint32(rows)))
		a.JLT(operand.LabelRef("done" + label))
		t.multiply(label)
		t.settle()
		t.finish(label)
		a.SUBQ(operand.U32(uint32(rows)), t.m)
		a.JMP(operand.LabelRef("rows" + label))
		a.Label("done" + label)
	}
	a.VZEROUPPER()
	a.RET()
}

// A pairedTile is a tile whose rowBias is two numbers a row: what its sums
// are multiplied with, and then what is added.
type pairedTile struct{ tile }

// multiply sets the sums to those of the pairs and of the steps beside them.
func (t *pairedTile) multiply(label string) {
	for i := range 2 * t.rows {
		t.zero(t.asm, t.regs[i])
	}
	rows := t.pointers()
	w, left, n, y, add := t.GP64(), t.GP64(), t.GP64(), t.GP64(), t.GP64()
	t.MOVQ(t.w, w)
	t.MOVQ(t.y, y)
	t.MOVQ(t.add, add)
	t.TESTQ(add, add)
	t.CMOVQEQ(y, add) // once more, where there is none
	t.MOVQ(t.k, left)
	t.TESTQ(left, left)
	t.JZ(operand.LabelRef("rest" + label))
	t.Label("fetch" + label)
	t.fetchRow(y, t.ldy)
	t.fetchRow(add, t.ldadd)
	t.IMUL3Q(operand.U32(uint32((1<<16+t.rows-1)/t.rows)), t.k, n)
	t.SHRQ(operand.Imm(16), n)
	t.INCQ(n) // rounds until the next row
	t.CMPQ(left, n)
	t.CMOVQLT(left, n)
	t.SUBQ(n, left)
	t.align()
	t.Label("pairs" + label)
	t.fetchNext(label)
	t.three(rows, w, 0, 0, t.VADDPS, t.VFMADD231PS)
	t.three(rows, w, 3, 0, t.VSUBPS, t.VFMADD231PS)
	for _, p := range rows {
		t.ADDQ(operand.Imm(4*pairedSteps), p)
	}
	t.ADDQ(operand.U32(pairedSteps*panelBytes), w)
	t.DECQ(n)
	t.JNZ(operand.LabelRef("pairs" + label))
	t.TESTQ(left, left)
	t.JNZ(operand.LabelRef("fetch" + label))
	t.Label("rest" + label)
	t.MOVQ(paramOf(t.asm, "rest"), n)
	t.TESTQ(n, n)
	t.JZ(operand.LabelRef("end" + label))
	t.Label("one" + label)
	b, free := t.weights(w), t.regs[2*t.most+2:]
	for r := range t.rows {
		x := free[r%len(free)]
		t.VBROADCASTSS(rowOf(rows, r, t.ldx), x)
		for v := range b {
			t.VFMADD231PS(b[v], x, t.sum(r, v))
		}
	}
	for _, p := range rows {
		t.ADDQ(operand.Imm(4), p)
	}
	t.ADDQ(operand.U32(panelBytes), w)
	t.DECQ(n)
	t.JNZ(operand.LabelRef("one" + label))
	t.Label("end" + label)
}

// fetchNext brings as many lines of the next panel as step goes on by, up to
// six: more at once than it takes would keep others waiting.
func (t *tile) fetchNext(label string) {
	step, line := t.GP64(), 0
	t.MOVQ(paramOf(t.asm, "step"), step)
	for _, lines := range []int{1, 2, 6} {
		for ; line < lines; line++ {
			t.PREFETCHT1(at(t.next, line*lineBytes))
		}
		if lines < 6 {
			t.CMPQ(step, operand.U32(uint32(lines*lineBytes)))
			t.JLE(operand.LabelRef("fetched" + label))
		}
	}
	t.Label("fetched" + label)
	t.ADDQ(step, t.next)
}

// three does three steps from step on, the words of a row being behind so many
// bytes: first the one, then the pair, whose two factors are x₁ ± w₂ and w₁ ± x₂.
func (t *tile) three(rows []reg.GPVirtual, w reg.GPVirtual, step, head int, plusMinus, multiplyAdd func(...operand.Op)) {
	var b [3][2]reg.VecPhysical
	free := t.regs[2*t.most:]
	for p := range b {
		for v := range b[p] {
			b[p][v], free = free[0], free[1:]
			t.VMOVUPS(at(w, (step+p)*panelBytes+v*t.bytes), b[p][v])
		}
	}
	used := 0
	fresh := func() reg.VecPhysical {
		used++
		return free[used%len(free)]
	}
	for r := range t.rows {
		var x [3]reg.VecPhysical
		for p := range x {
			m := rowOf(rows, r, t.ldx)
			m.Disp = head + 4*(step+p)
			x[p] = fresh()
			t.VBROADCASTSS(m, x[p])
		}
		for v := range 2 {
			f, g := fresh(), fresh()
			plusMinus(b[2][v], x[1], f)
			multiplyAdd(b[0][v], x[0], t.sum(r, v))
			plusMinus(x[2], b[1][v], g)
			multiplyAdd(f, g, t.sum(r, v))
		}
	}
}

// settle takes away what the pairs have brought in beside the products, and
// goes on to the ends of the rows below.
func (t *pairedTile) settle() {
	corners, ends := t.GP64(), t.GP64()
	t.MOVQ(paramOf(t.asm, "corners"), corners)
	t.MOVQ(t.rowBias, ends)
	c := t.regs[2*t.most : 2*t.most+2]
	for v := range c {
		t.VMOVUPS(at(corners, v*t.bytes), c[v])
	}
	for r := range t.rows {
		times, plus := t.regs[2*t.most+2+2*(r%2)], t.regs[2*t.most+3+2*(r%2)]
		t.VBROADCASTSS(at(ends, 8*r), times)
		t.VBROADCASTSS(at(ends, 8*r+4), plus)
		for v := range c {
			t.VSUBPS(c[v], t.sum(r, v), t.sum(r, v))
			t.VFMADD213PS(plus, times, t.sum(r, v))
		}
	}
	t.ADDQ(operand.U32(uint32(8*t.rows)), t.rowBias)
}
