package kernel

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pairedAttentionKernels prepare what an attention multiplies by pairs.
var pairedAttentionKernels = map[string]generator{
	"rowSpreadAVX512":     {"func(x *float32, rows, n, ld int) (least, most, sum float32)", onLanes((*lanes).rowSpread)},
	"columnCornersAVX512": {"func(dst, w *float32, units int)", onLanes((*lanes).columnCorners)},
	"packCornersAVX512":   {"func(panel, corners, w *float32, units, ld int)", onLanes((*lanes).packCorners)},
	"blendCornersAVX512":  {"func(s, u, a, b, ends *float32, rows, cols, left, inUnits, ld int)", onLanes((*lanes).blendCorners)},
	"scaleCornersAVX512": {
		"func(y, x, ends *float32, rows, cols, left, inUnits, ldy, ldx int, size, per float32) (odd int)",
		onLanes((*lanes).scaleCorners)},
}

// onLanes is a kernel for AVX-512 alone.
func onLanes(body func(*lanes)) func(*asm) {
	return func(a *asm) {
		body(&lanes{asm: a, vec: wide})
		a.VZEROUPPER()
		a.RET()
	}
}

// rowSpread passes over rows of 0 where it looks for the least.
func (l *lanes) rowSpread() {
	x, rows, ld := l.param("x"), l.param("rows"), l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	least, most, all, none, squares := l.full(math.Inf(1)), l.full(0), l.full(0), l.full(0), l.fresh()
	l.Label("row")
	p, n, some := l.GP64(), l.param("n"), l.K()
	l.MOVQ(x, p)
	l.VPXORD(squares, squares, squares)
	l.loop("squares", n, []reg.GPVirtual{p}, func(last bool) {
		v := l.load(at(p, 0), last)
		l.VFMADD231PS(v, v, squares)
	})
	sum := l.sum(squares).AsX()
	l.VCMPSS(operand.Imm(notEqual), none.AsX(), sum, some)
	l.VMINSS(sum, least.AsX(), some, least.AsX())
	l.VMAXSS(sum, most.AsX(), most.AsX())
	l.VADDSS(sum, all.AsX(), all.AsX())
	l.ADDQ(ld, x)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
	l.results(least, most, all)
}

// notEqual is how VCMPSS is told to.
const notEqual = 4

func (l *lanes) columnCorners() {
	dst, w, units := l.param("dst"), l.param("w"), l.param("units")
	sums := []reg.VecVirtual{l.full(0), l.full(0)}
	l.Label("unit")
	for v, sum := range sums {
		here := func(step int) operand.Mem { return at(w, step*panelBytes+v*l.bytes) }
		l.VFMADD231PS(here(2), l.set(here(1)), sum)
		l.VFNMADD231PS(here(5), l.set(here(4)), sum)
	}
	l.ADDQ(operand.U32(pairedSteps*panelBytes), w)
	l.DECQ(units)
	l.JNZ(operand.LabelRef("unit"))
	for v, sum := range sums {
		l.VMOVUPS(sum, at(dst, v*l.bytes))
	}
}

// packCorners stores the sums so far behind each unit.
func (l *lanes) packCorners() {
	panel, corners, w, units, ld := l.param("panel"), l.param("corners"), l.param("w"), l.param("units"), l.param("ld")
	l.SHLQ(operand.Imm(2), ld)
	sums := []reg.VecVirtual{l.full(0), l.full(0)}
	l.Label("unit")
	var x [pairedSteps][2]reg.VecVirtual
	for step := range x {
		for v := range sums {
			x[step][v] = l.set(at(w, v*l.bytes))
			l.VMOVUPS(x[step][v], at(panel, step*panelBytes+v*l.bytes))
		}
		l.ADDQ(ld, w)
	}
	for v, sum := range sums {
		l.VFMADD231PS(x[2][v], x[1][v], sum)
		l.VFNMADD231PS(x[5][v], x[4][v], sum)
		l.VMOVUPS(sum, at(corners, v*l.bytes))
	}
	l.ADDQ(operand.U32(panelBytes), corners)
	l.ADDQ(operand.U32(pairedSteps*panelBytes), panel)
	l.DECQ(units)
	l.JNZ(operand.LabelRef("unit"))
}

// cornerRows passes over rows in groups of eight units, three vectors, and of
// what is left of the last group.
type cornerRows struct {
	*lanes
	whole, last  cornerGroup
	offset, left reg.GPVirtual // in the row, and how many elements there still are
	factor       reg.VecVirtual
	sums         [3]reg.VecVirtual
}

type cornerGroup struct {
	signs [3]reg.VecVirtual // of the product of each element with the next one: not 0 where a pair begins
	there [3]reg.Register   // which elements there are, nil where all
	end   string            // where the code for the last group ends
}

// groupSteps is how many elements a group has.
const groupSteps = 8 * pairedSteps

// cornerRows is told by two parameters how much is left behind whole groups, and
// how much of that is in units.
func (l *lanes) cornerRows() *cornerRows {
	t := &cornerRows{lanes: l, offset: l.GP64(), left: l.GP64(), factor: l.fresh()}
	left, inUnits, ones := l.param("left"), l.param("inUnits"), l.GP64()
	l.MOVQ(operand.I32(-1), ones)
	l.BZHIQ(left, ones, left)
	l.BZHIQ(inUnits, ones, inUnits)
	for v := range t.sums {
		t.sums[v] = l.fresh()
		signs := l.constant(fmt.Sprintf("corner_signs_%d", v), 8, func(i int) uint64 {
			sign := func(at int) uint64 {
				return uint64(math.Float32bits([pairedSteps]float32{1: 1, 4: -1}[at%pairedSteps]))
			}
			return sign(16*v+2*i) | sign(16*v+2*i+1)<<32
		})
		t.whole.signs[v], t.last.signs[v] = l.set(signs), l.fresh()
		there, paired := l.K(), l.K()
		l.KMOVW(left.As32(), there)
		l.KMOVW(inUnits.As32(), paired)
		l.VMOVUPS_Z(signs, paired, t.last.signs[v])
		t.last.there[v] = there
		l.SHRQ(operand.Imm(16), left)
		l.SHRQ(operand.Imm(16), inUnits)
	}
	return t
}

// row writes body for whole groups and for the last one of a row, with sums
// that begin with 0.
func (t *cornerRows) row(label string, body func(g cornerGroup)) {
	t.XORL(t.offset.As32(), t.offset.As32())
	t.reload("cols", t.left)
	for _, sum := range t.sums {
		t.VPXORD(sum, sum, sum)
	}
	t.Label(label)
	t.SUBQ(operand.Imm(groupSteps), t.left)
	t.JLT(operand.LabelRef(label + "_rest"))
	body(t.whole)
	t.ADDQ(operand.U32(4*groupSteps), t.offset)
	t.JMP(operand.LabelRef(label))
	t.Label(label + "_rest")
	t.CMPQ(t.left, operand.I32(-groupSteps))
	t.JEQ(operand.LabelRef(label + "_end"))
	t.last.end = label + "_end"
	body(t.last)
	t.Label(t.last.end)
}

// here is vector v of the group in the row at base.
func (t *cornerRows) here(base reg.Register, v int) operand.Mem {
	return operand.Mem{Base: base, Index: t.offset, Scale: 1, Disp: 64 * v}
}

// vector is what there is of that.
func (t *cornerRows) vector(g cornerGroup, base reg.Register, v int) reg.VecVirtual {
	x := t.fresh()
	if g.there[v] == nil {
		t.VMOVUPS(t.here(base, v), x)
	} else {
		t.VMOVUPS_Z(t.here(base, v), g.there[v], x)
	}
	return x
}

// blend stores a group of s times the factor, plus u times another one if there
// is one, in y, and adds its corner to the sums. Vectors of which there is a part
// are stored whole: processors take their time to store a part.
func (t *cornerRows) blend(g cornerGroup, y, s, u, other reg.Register) {
	var ys [4]reg.VecVirtual
	for v := range t.sums {
		ys[v] = t.vector(g, s, v)
		t.VMULPS(t.factor, ys[v], ys[v])
		if u != nil {
			t.VFMADD231PS(t.vector(g, u, v), other, ys[v])
		}
	}
	ys[3] = ys[2] // no pair begins with the last element
	for v, sum := range t.sums {
		next, signed := t.fresh(), t.fresh()
		t.VALIGND(operand.Imm(1), ys[v], ys[v+1], next)
		t.VMULPS(g.signs[v], ys[v], signed)
		t.VFMADD231PS(next, signed, sum)
	}
	for v := range t.sums {
		if v > 0 && g.end != "" {
			t.CMPQ(t.left, operand.I32(int32(16*v-groupSteps)))
			t.JLE(operand.LabelRef(g.end))
		}
		t.VMOVUPS(ys[v], t.here(y, v))
	}
}

// total is that of the three sums.
func (t *cornerRows) total() reg.Register {
	t.VADDPS(t.sums[1], t.sums[0], t.sums[0])
	t.VADDPS(t.sums[2], t.sums[0], t.sums[0])
	return t.sum(t.sums[0]).AsX()
}

// finish makes of the corner the second end of a row, given the first one.
func (t *cornerRows) finish(ends reg.Register) {
	minus := t.XMM()
	t.VXORPS(minus, minus, minus)
	t.VFNMADD231SS(at(ends, 0), t.total(), minus)
	t.VMOVSS(minus, at(ends, 4))
	t.ADDQ(operand.Imm(8), ends)
}

// blendCorners adds up the corner of a row while it is in registers.
func (l *lanes) blendCorners() {
	s, u, a, b, ends := l.param("s"), l.param("u"), l.param("a"), l.param("b"), l.param("ends")
	rows, ld, other := l.param("rows"), l.param("ld"), l.fresh()
	l.SHLQ(operand.Imm(2), ld)
	t := l.cornerRows()
	l.Label("row")
	l.VBROADCASTSS(at(a, 0), t.factor)
	l.TESTQ(u, u)
	l.JZ(operand.LabelRef("alone_row"))
	l.VBROADCASTSS(at(b, 0), other)
	t.row("both", func(g cornerGroup) { t.blend(g, s, s, u, other) })
	l.ADDQ(ld, u)
	l.ADDQ(operand.Imm(4), b)
	l.JMP(operand.LabelRef("corner"))
	l.Label("alone_row")
	t.row("alone", func(g cornerGroup) { t.blend(g, s, s, nil, nil) })
	l.Label("corner")
	t.finish(ends)
	l.ADDQ(ld, s)
	l.ADDQ(operand.Imm(4), a)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}

// scaleCorners finds what all rows are to be multiplied with before it does so: a
// row alone would have to wait for its sum.
func (l *lanes) scaleCorners() {
	x, ends, rows, ldx, odd := l.param("x"), l.param("ends"), l.param("rows"), l.param("ldx"), l.GP64()
	l.SHLQ(operand.Imm(2), ldx)
	l.XORL(odd.As32(), odd.As32())
	t := l.cornerRows()
	l.Label("size")
	t.row("squares", func(g cornerGroup) {
		for v, sum := range t.sums {
			e := t.vector(g, x, v)
			l.VFMADD231PS(e, e, sum)
		}
	})
	mean, scale, back := t.total(), l.GP32(), l.GP32()
	l.VMULSS(l.address(l.Param("per")), mean, mean)
	l.VMOVD(mean, scale)
	l.XORL(back, back)
	l.TESTL(scale, scale)
	l.JZ(operand.LabelRef("zero"))
	l.SUBL(operand.U32((127-sizeRange)<<23), scale)
	l.CMPL(scale, operand.U32(2*sizeRange<<23))
	l.JAE(operand.LabelRef("odd"))
	l.ADDL(operand.U32(1<<23), scale) // half the exponent, rounded, is that of the root
	l.SHRL(operand.Imm(24), scale)
	l.SHLL(operand.Imm(23), scale)
	l.MOVL(l.address(l.Param("size")), back)
	l.ADDL(operand.U32(sizeRange/2<<23), back)
	l.SUBL(scale, back)
	l.MOVL(back, scale)
	l.MOVL(operand.U32(2*127<<23), back)
	l.SUBL(scale, back)
	l.JMP(operand.LabelRef("sized"))
	l.Label("zero")
	l.MOVL(operand.U32(127<<23), scale)
	l.Label("sized")
	l.MOVL(back, at(ends, 0))
	l.MOVL(scale, at(ends, 4))
	l.ADDQ(operand.Imm(8), ends)
	l.ADDQ(ldx, x)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("size"))

	y, ldy := l.param("y"), l.param("ldy")
	l.SHLQ(operand.Imm(2), ldy)
	l.reload("x", x)
	l.reload("ends", ends)
	l.reload("rows", rows)
	l.Label("row")
	l.VBROADCASTSS(at(ends, 4), t.factor)
	t.row("scaled", func(g cornerGroup) { t.blend(g, y, x, nil, nil) })
	t.finish(ends)
	l.ADDQ(ldy, y)
	l.ADDQ(ldx, x)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
	l.JMP(operand.LabelRef("end"))
	l.Label("odd")
	l.INCQ(odd)
	l.Label("end")
	l.Store(odd, l.Return("odd"))
}

// sizeRange is the exponents that means of squares may have, on both sides of 1.
const sizeRange = 80
