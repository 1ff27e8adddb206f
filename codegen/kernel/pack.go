package kernel

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packKernels transpose. Wider vectors would not help: shuffling is the work.
var packKernels = map[string]generator{
	"packBlocksAVX2": {packBlocksSignature, packBlocks},
	"turnBlocksAVX2": {turnBlocksSignature, func(a *asm) { turnBlocks(a, false, false) }},
	"turnAddedAVX2":  {turnAddedSignature, func(a *asm) { turnBlocks(a, true, false) }},
	"turnScaledAVX2": {turnScaledSignature, func(a *asm) { turnBlocks(a, false, true) }},
}

const (
	packBlocksSignature = "func(dst, w *float32, k, n, ld int)"
	turnBlocksSignature = "func(y, x *float32, rows, cols, yRow, xRow int)"
	turnScaledSignature = "func(y, x, scale *float32, rows, cols, yRow, xRow int)"
	turnAddedSignature  = "func(y, x, r *float32, rows, cols, yRow, xRow int, least, most float32)"
)

// packBlocks goes through w in blocks of 8 x 8: down a block of 8 columns,
// then to the next.
func packBlocks(a *asm) {
	dst, w, n, ld := a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.Load(a.Param("dst"), dst)
	a.Load(a.Param("w"), w)
	a.Load(a.Param("n"), n)
	a.Load(a.Param("ld"), ld)
	a.SHLQ(operand.Imm(2), ld)
	a.Label("columns")
	to, from, k := a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(dst, to)
	a.MOVQ(w, from)
	a.Load(a.Param("k"), k)
	a.Label("rows")
	transpose(a, from, ld, nil, func(i int, v reg.VecVirtual) { a.VMOVUPS(v, at(to, i*panelBytes)) })
	a.ADDQ(operand.U32(8*4), from)
	a.ADDQ(operand.U32(8*panelBytes), to)
	a.SUBQ(operand.U32(8), k)
	a.JNZ(operand.LabelRef("rows"))
	a.LEAQ(operand.Mem{Base: w, Index: ld, Scale: 8}, w)
	a.ADDQ(operand.U32(8*4), dst)
	a.SUBQ(operand.U32(8), n)
	a.JNZ(operand.LabelRef("columns"))
	a.VZEROUPPER()
	a.RET()
}

// turnBlocks goes through x in blocks of 8 x 8: down a block of 8 columns,
// whose elements become rows of y, then to the next. added says that r, which
// lies as y does, is added, and the results are brought between limits; scaled,
// that each column of x is multiplied by a number.
func turnBlocks(a *asm, added, scaled bool) {
	y, x, cols, yRow, xRow := a.GP64(), a.GP64(), paramOf(a, "cols"), a.GP64(), a.GP64()
	a.Load(a.Param("y"), y)
	a.Load(a.Param("x"), x)
	a.Load(a.Param("yRow"), yRow)
	a.Load(a.Param("xRow"), xRow)
	a.SHLQ(operand.Imm(2), yRow)
	a.SHLQ(operand.Imm(2), xRow)
	third := a.GP64()
	a.LEAQ(operand.Mem{Base: yRow, Index: yRow, Scale: 2}, third)
	var away reg.GPVirtual // from y to r
	var least, most reg.VecVirtual
	if added {
		away, least, most = a.GP64(), a.YMM(), a.YMM()
		a.Load(a.Param("r"), away)
		a.SUBQ(y, away)
		a.VBROADCASTSS(paramOf(a, "least"), least)
		a.VBROADCASTSS(paramOf(a, "most"), most)
	}
	var scale reg.GPVirtual
	var half []reg.VecVirtual // four scales twice, as transpose loads columns
	if scaled {
		scale, half = a.GP64(), []reg.VecVirtual{a.YMM(), a.YMM()}
		a.Load(a.Param("scale"), scale)
	}
	a.Label("columns")
	for i, v := range half {
		a.VBROADCASTF128(at(scale, 16*i), v)
	}
	to, fourth, from, rows := a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(y, to)
	a.MOVQ(x, from)
	a.Load(a.Param("rows"), rows)
	a.Label("rows")
	a.LEAQ(operand.Mem{Base: to, Index: yRow, Scale: 4}, fourth)
	quads := []reg.GPVirtual{to, fourth}
	r := slices.Clone(quads)
	if added {
		for i := range r {
			r[i] = a.GP64()
			a.LEAQ(operand.Mem{Base: quads[i], Index: away, Scale: 1}, r[i])
		}
	}
	transpose(a, from, xRow, half, func(i int, v reg.VecVirtual) {
		if added {
			a.VADDPS(rowAt(r[i/4], i%4, yRow, third, 0), v, v)
			a.VMAXPS(v, least, v)
			a.VMINPS(v, most, v)
		}
		a.VMOVUPS(v, rowAt(quads[i/4], i%4, yRow, third, 0))
	})
	a.LEAQ(operand.Mem{Base: from, Index: xRow, Scale: 8}, from)
	a.ADDQ(operand.U32(8*4), to)
	a.SUBQ(operand.U32(8), rows)
	a.JNZ(operand.LabelRef("rows"))
	a.ADDQ(operand.U32(8*4), x)
	if scaled {
		a.ADDQ(operand.U32(8*4), scale)
	}
	a.LEAQ(operand.Mem{Base: y, Index: yRow, Scale: 8}, y)
	a.SUBQ(operand.U32(8), cols)
	a.JNZ(operand.LabelRef("columns"))
	a.VZEROUPPER()
	a.RET()
}

// transpose calls to with the columns of the 8 x 8 block at from, its rows ld
// bytes apart. The halves of a vector are loaded from rows 4 apart, so that no
// shuffle has to cross them. What is loaded of columns 0 to 3, and of 4 to 7, is
// multiplied by scale, if there is one.
func transpose(a *asm, from, ld reg.GPVirtual, scale []reg.VecVirtual, to func(i int, v reg.VecVirtual)) {
	fourth := a.GP64()
	a.LEAQ(operand.Mem{Base: from, Index: ld, Scale: 4}, fourth)
	third := a.GP64()
	a.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, third)
	row := func(base reg.GPVirtual, i, disp int) operand.Mem { return rowAt(base, i, ld, third, disp) }
	for half := range 2 {
		var y, t [4]reg.VecVirtual
		for i := range y {
			y[i], t[i] = a.YMM(), a.YMM()
			a.VMOVUPS(row(from, i, 16*half), y[i].AsX())
			a.VINSERTF128(operand.Imm(1), row(fourth, i, 16*half), y[i], y[i])
			if scale != nil {
				a.VMULPS(scale[half], y[i], y[i])
			}
		}
		for i := range 2 {
			a.VUNPCKLPS(y[2*i+1], y[2*i], t[2*i])
			a.VUNPCKHPS(y[2*i+1], y[2*i], t[2*i+1])
		}
		for i := range 4 {
			r := a.YMM()
			a.VSHUFPS(operand.Imm([]uint64{0x44, 0xee}[i%2]), t[2+i/2], t[i/2], r)
			to(4*half+i, r)
		}
	}
}

// rowAt is row i of up to four that are ld bytes apart, third being three times that.
func rowAt(base reg.GPVirtual, i int, ld, third reg.GPVirtual, disp int) operand.Mem {
	m := operand.Mem{Base: base, Disp: disp}
	switch i {
	case 1, 2:
		m.Index, m.Scale = ld, uint8(i)
	case 3:
		m.Index, m.Scale = third, 1
	}
	return m
}
