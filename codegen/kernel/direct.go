package kernel

import (
	"fmt"
	"maps"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// directKernels are the two products of an attention of one query, which are
// a matter of reading k and v once.
var directKernels = func() map[string]generator {
	all := everyVec("func(s, q, k *float32, n, d, ld int)", map[string]func(*lanes){"dots": (*lanes).dots})
	maps.Copy(all, everyVec("func(y, p, v *float32, n, d, ld int)", map[string]func(*lanes){"mix": (*lanes).mix}))
	return all
}()

// dots takes four rows of k at a time, whose sums come together in the end.
func (l *lanes) dots() {
	s, k, n, ld := l.param("s"), l.param("k"), l.param("n"), l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	for _, rows := range []int{4, 1} {
		name := fmt.Sprintf("rows%d", rows)
		l.Label(name)
		l.CMPQ(n, operand.U32(uint32(rows)))
		l.JLT(operand.LabelRef(name + "_end"))
		sums := l.rowDots(name, k, ld, rows)
		if rows == 4 {
			l.VMOVUPS(l.four(sums), at(s, 0))
			l.LEAQ(operand.Mem{Base: k, Index: ld, Scale: 4}, k)
		} else {
			l.VMOVSS(l.sum(sums[0]).AsX(), at(s, 0))
			l.ADDQ(ld, k)
		}
		l.ADDQ(operand.U32(uint32(4*rows)), s)
		l.SUBQ(operand.U32(uint32(rows)), n)
		l.JMP(operand.LabelRef(name))
		l.Label(name + "_end")
	}
}

// rowDots is the products of q with so many rows from k on, to be added up.
func (l *lanes) rowDots(name string, k, ld reg.GPVirtual, rows int) []reg.VecVirtual {
	var sums []reg.VecVirtual
	for range rows {
		sums = append(sums, l.set(l.c(0)))
	}
	q, d, p, third := l.param("q"), l.param("d"), l.GP64(), l.GP64()
	l.MOVQ(k, p)
	l.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, third)
	l.each(name, d, []reg.GPVirtual{q, p}, func(last bool) {
		x := l.load(at(q, 0), last)
		for r := range rows {
			from := []operand.Mem{{Base: p}, {Base: p, Index: ld, Scale: 1}, {Base: p, Index: ld, Scale: 2}, {Base: p, Index: third, Scale: 1}}[r]
			if last {
				l.VFMADD231PS(l.load(from, last), x, sums[r])
			} else {
				l.VFMADD231PS(from, x, sums[r])
			}
		}
	})
	return sums
}

// four is the sums of four vectors in one of four elements.
func (l *lanes) four(sums []reg.VecVirtual) reg.Register {
	var x [4]reg.Register
	for i, s := range sums {
		if l.bytes == 64 {
			half, y := l.YMM(), l.YMM()
			l.VEXTRACTF32X8(operand.Imm(1), s, half)
			l.VADDPS(half, s.AsY(), y)
			s = y
		}
		half, y := l.XMM(), l.XMM()
		l.VEXTRACTF128(operand.Imm(1), s.AsY(), half)
		l.VADDPS(half, s.AsX(), y)
		x[i] = y
	}
	a, b := l.XMM(), l.XMM()
	l.VHADDPS(x[1], x[0], a)
	l.VHADDPS(x[3], x[2], b)
	l.VHADDPS(b, a, a)
	return a
}

// mix takes four vectors of columns at a time down all rows of v, then one.
func (l *lanes) mix() {
	y, v, d, ld := l.param("y"), l.param("v"), l.param("d"), l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	for _, vectors := range []int{4, 1} {
		name := fmt.Sprintf("columns%d", vectors)
		l.Label(name)
		l.CMPQ(d, operand.U32(uint32(vectors*l.bytes/4)))
		l.JLT(operand.LabelRef(name + "_end"))
		l.mixColumns(name, y, v, ld, vectors, false)
		l.ADDQ(operand.U32(uint32(vectors*l.bytes)), y)
		l.ADDQ(operand.U32(uint32(vectors*l.bytes)), v)
		l.SUBQ(operand.U32(uint32(vectors*l.bytes/4)), d)
		l.JMP(operand.LabelRef(name))
		l.Label(name + "_end")
	}
	l.TESTQ(d, d)
	l.JZ(operand.LabelRef("end"))
	l.some(d)
	l.mixColumns("rest", y, v, ld, 1, true)
	l.Label("end")
}

func (l *lanes) mixColumns(name string, y, v, ld reg.GPVirtual, vectors int, last bool) {
	var sums []reg.VecVirtual
	for range vectors {
		sums = append(sums, l.set(l.c(0)))
	}
	p, n, from := l.param("p"), l.param("n"), l.GP64()
	l.MOVQ(v, from)
	l.Label(name + "_rows")
	w := l.fresh()
	l.VBROADCASTSS(at(p, 0), w)
	for i, sum := range sums {
		if last {
			l.VFMADD231PS(l.load(at(from, i*l.bytes), last), w, sum)
		} else {
			l.VFMADD231PS(at(from, i*l.bytes), w, sum)
		}
	}
	l.ADDQ(operand.U32(4), p)
	l.ADDQ(ld, from)
	l.DECQ(n)
	l.JNZ(operand.LabelRef(name + "_rows"))
	for i, sum := range sums {
		l.store(sum, at(y, i*l.bytes), last)
	}
}
