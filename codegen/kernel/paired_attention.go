package kernel

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pairedAttentionKernels prepare what an attention multiplies by pairs.
var pairedAttentionKernels = map[string]generator{
	"rowSquaresAVX512":    {"func(dst, x *float32, rows, n, ld int)", onLanes((*lanes).rowSquares)},
	"columnCornersAVX512": {"func(dst, w *float32, units, step int)", onLanes((*lanes).columnCorners)},
	"blendCornersAVX512":  {"func(y, s, u, a, b, ends *float32, rows, cols, left, inUnits, ldy, lds int)", onLanes((*lanes).blendCorners)},
}

func onLanes(body func(*lanes)) func(*asm) {
	return func(a *asm) {
		body(&lanes{asm: a, vec: wide})
		a.VZEROUPPER()
		a.RET()
	}
}

func (l *lanes) rowSquares() {
	dst, x, rows, ld := l.param("dst"), l.param("x"), l.param("rows"), l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	sum := l.fresh()
	l.Label("row")
	p, n := l.GP64(), l.param("n")
	l.MOVQ(x, p)
	l.VPXORD(sum, sum, sum)
	l.loop("squares", n, []reg.GPVirtual{p}, func(last bool) {
		v := l.load(at(p, 0), last)
		l.VFMADD231PS(v, v, sum)
	})
	l.VMOVSS(l.sum(sum).AsX(), at(dst, 0))
	l.ADDQ(ld, x)
	l.ADDQ(operand.Imm(4), dst)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}

func (l *lanes) columnCorners() {
	dst, w, units, step := l.param("dst"), l.param("w"), l.param("units"), l.param("step")
	l.SHLQ(operand.Imm(2), step)
	sums := []reg.VecVirtual{l.full(0), l.full(0)}
	l.Label("unit")
	for v, sum := range sums {
		here := func(step int) operand.Mem { return at(w, step*panelBytes+v*l.bytes) }
		l.VFMADD231PS(here(2), l.set(here(1)), sum)
		l.VFNMADD231PS(here(5), l.set(here(4)), sum)
		l.VMOVUPS(sum, at(dst, v*l.bytes))
	}
	l.ADDQ(step, dst)
	l.ADDQ(operand.U32(pairedSteps*panelBytes), w)
	l.DECQ(units)
	l.JNZ(operand.LabelRef("unit"))
}

// A cornerGroup is eight units of a row, in three vectors.
type cornerGroup struct {
	signs [3]reg.VecVirtual // of the product of each element with the next one: not 0 where a pair begins
	there [3]reg.Register   // which elements there are, nil where all
}

const groupSteps = 8 * pairedSteps

// blendCorners takes a group of 48 elements at a time, and at the end of a row
// as much of one as there is.
func (l *lanes) blendCorners() {
	y, s, u, a, b, ends := l.param("y"), l.param("s"), l.param("u"), l.param("a"), l.param("b"), l.param("ends")
	rows, ldy, lds := l.param("rows"), l.param("ldy"), l.param("lds")
	l.SHLQ(operand.Imm(2), ldy)
	l.SHLQ(operand.Imm(2), lds)
	whole, last := l.cornerGroups()
	x, z := l.fresh(), l.fresh()
	var sums [3]reg.VecVirtual
	for v := range sums {
		sums[v] = l.fresh()
	}
	l.Label("row")
	offset, left := l.GP64(), l.param("cols")
	l.XORL(offset.As32(), offset.As32())
	l.VBROADCASTSS(at(a, 0), x)
	for _, sum := range sums {
		l.VPXORD(sum, sum, sum)
	}
	here := func(base reg.Register, v int) operand.Mem {
		return operand.Mem{Base: base, Index: offset, Scale: 1, Disp: 64 * v}
	}
	group := func(g cornerGroup, both bool) {
		var ys [4]reg.VecVirtual
		load := func(base reg.Register, v int) reg.VecVirtual {
			to := l.fresh()
			if g.there[v] == nil {
				l.VMOVUPS(here(base, v), to)
			} else {
				l.VMOVUPS_Z(here(base, v), g.there[v], to)
			}
			return to
		}
		for v := range sums {
			ys[v] = load(s, v)
			l.VMULPS(x, ys[v], ys[v])
			if both {
				l.VFMADD231PS(load(u, v), z, ys[v])
			}
		}
		ys[3] = ys[2] // no pair begins with the last element
		for v, sum := range sums {
			if g.there[v] == nil {
				l.VMOVUPS(ys[v], here(y, v))
			} else {
				l.VMOVUPS(ys[v], g.there[v], here(y, v))
			}
			next := l.fresh()
			l.VALIGND(operand.Imm(1), ys[v], ys[v+1], next)
			signed := l.fresh()
			l.VMULPS(g.signs[v], ys[v], signed)
			l.VFMADD231PS(next, signed, sum)
		}
	}
	row := func(label string, both bool) {
		l.Label(label)
		l.SUBQ(operand.Imm(groupSteps), left)
		l.JLT(operand.LabelRef(label + "_rest"))
		group(whole, both)
		l.ADDQ(operand.U32(4*groupSteps), offset)
		l.JMP(operand.LabelRef(label))
		l.Label(label + "_rest")
		l.CMPQ(left, operand.I32(-groupSteps))
		l.JEQ(operand.LabelRef(label + "_end"))
		group(last, both)
		l.Label(label + "_end")
	}
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("alone"))
	l.VBROADCASTSS(at(b, 0), z)
	l.ADDQ(operand.Imm(4), b)
	row("both", true)
	l.ADDQ(lds, u)
	l.JMP(operand.LabelRef("corner"))
	row("alone", false)
	l.Label("corner")
	l.VADDPS(sums[1], sums[0], sums[0])
	l.VADDPS(sums[2], sums[0], sums[0])
	corner, minus := l.sum(sums[0]).AsX(), l.XMM()
	l.VXORPS(minus, minus, minus)
	l.VFNMADD231SS(at(ends, 0), corner, minus)
	l.VMOVSS(minus, at(ends, 4))
	l.ADDQ(ldy, y)
	l.ADDQ(lds, s)
	l.ADDQ(operand.Imm(4), a)
	l.ADDQ(operand.Imm(8), ends)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}

// cornerGroups is a whole group, and what is left of the last one of a row.
func (l *lanes) cornerGroups() (whole, last cornerGroup) {
	left, inUnits, ones := l.param("left"), l.param("inUnits"), l.GP64()
	l.MOVQ(operand.I32(-1), ones)
	l.BZHIQ(left, ones, left)
	l.BZHIQ(inUnits, ones, inUnits)
	for v := range whole.signs {
		signs := l.constant(fmt.Sprintf("corner_signs_%d", v), 8, func(i int) uint64 {
			sign := func(at int) uint64 {
				return uint64(math.Float32bits([pairedSteps]float32{1: 1, 4: -1}[at%pairedSteps]))
			}
			return sign(16*v+2*i) | sign(16*v+2*i+1)<<32
		})
		whole.signs[v], last.signs[v] = l.set(signs), l.fresh()
		there, paired := l.K(), l.K()
		l.KMOVW(left.As32(), there)
		l.KMOVW(inUnits.As32(), paired)
		l.VMOVUPS_Z(signs, paired, last.signs[v])
		last.there[v] = there
		l.SHRQ(operand.Imm(16), left)
		l.SHRQ(operand.Imm(16), inUnits)
	}
	return whole, last
}
