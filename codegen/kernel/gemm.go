package kernel

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var gemmKernels = map[string]generator{
	"panelMulAVX512": {panelMulSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, float32s}.body},
	"panelMulAVX2":   {panelMulSignature, panelMul{narrow, []int{6, 4, 2, 1}, float32s}.body},
	"halfMulAVX512":  {panelMulSignature, panelMul{wide, []int{12, 10, 8, 4, 2, 1}, float32Half}.body},
	"halfMulAVX2":    {panelMulSignature, panelMul{narrow, []int{6, 4, 2, 1}, float32Half}.body},
}

const panelMulSignature = "func(y, x, w, bias, rowBias, add, limits, next *float32, m, k, ldy, ldx, sx, ldadd, step int)"

// panelMul writes kernels that keep a tile of up to rows[0] x 2 vectors of y in
// registers: each step over k loads two vectors of w, and multiplies them with
// one element of each row of x. With 12 rows and vectors of 16 the 24 sums are
// more than the multipliers need to be busy, and of the three loads for two
// multiplications that a smaller tile would need, hardly more than one is left.
type panelMul struct {
	vec
	rows []int // heights of tiles, falling to 1
	format
}

// A format is how the numbers of x and w are written. A step takes panelBytes
// of w, whatever their format.
type format struct {
	products func(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) // adds those of one step to the sums
	scale    func(t *tile, w reg.GPVirtual)                       // brings the sums to float32, w being behind the last step; nil where they are
	half     bool                                                 // only the first 16 columns of a panel
	slim     bool                                                 // a tile is one vector wide, not two
	blocks   bool                                                 // products goes on to the next step by itself: a step is a block
	ends     bool                                                 // with rowBias
	limits   bool                                                 // with limits
}

var (
	float32s    = format{products: (*tile).multiplyAdd, ends: true, limits: true}
	float32Half = format{products: (*tile).multiplyAdd, half: true, ends: true, limits: true}
)

// body passes over m rows for each two vectors of the panel's width: in tiles
// as high as possible, then in lower ones for what is left.
func (g panelMul) body(a *asm) {
	t := tile{asm: a, vec: g.vec, format: g.format, most: g.rows[0], ldx: a.GP64(), sx: a.GP64(), y: a.GP64(), add: a.GP64(), next: a.GP64()}
	for _, at := range []*operand.Mem{&t.m, &t.x, &t.k, &t.w, &t.bias, &t.ldy, &t.ldadd} {
		*at = a.AllocLocal(8)
	}
	if g.ends {
		t.rowBias = a.AllocLocal(8)
	}
	a.Load(a.Param("next"), t.next)
	t.keep("k", 1, t.k)
	t.keep("w", 1, t.w)
	t.keep("bias", 1, t.bias)
	t.keep("ldy", 4, t.ldy)
	t.keep("ldadd", 4, t.ldadd)
	if t.width() > t.vectors()*g.bytes {
		t.at = a.GP64()
		a.XORL(t.at.As32(), t.at.As32())
		a.Label("half")
	}
	if g.ends {
		t.keep("rowBias", 1, t.rowBias)
	}
	t.keep("m", 1, t.m)
	t.keep("x", 1, t.x)
	a.Load(a.Param("y"), t.y)
	a.Load(a.Param("add"), t.add)
	a.Load(a.Param("ldx"), t.ldx)
	a.Load(a.Param("sx"), t.sx)
	a.SHLQ(operand.Imm(2), t.ldx)
	a.SHLQ(operand.Imm(2), t.sx)
	for _, rows := range g.rows {
		t.rows = rows
		label := fmt.Sprint(rows)
		a.Label("rows" + label)
		a.CMPQ(t.m, operand.U32(uint32(rows)))
		a.JLT(operand.LabelRef("done" + label))
		if rows > rowsInSet {
			a.CMPQ(t.ldx, operand.U32(lineBytes))
			a.JLT(operand.LabelRef("apart" + label)) // all rows in one or two lines
			a.TESTL(operand.U32(4096-lineBytes), t.ldx.As32())
			a.JZ(operand.LabelRef("done" + label))
			a.Label("apart" + label)
		}
		t.multiply(label)
		t.finish(label)
		a.SUBQ(operand.U32(uint32(rows)), t.m)
		a.JMP(operand.LabelRef("rows" + label))
		a.Label("done" + label)
	}
	if t.at != nil {
		a.ADDQ(operand.U32(uint32(t.vectors()*g.bytes)), t.at)
		a.CMPQ(t.at, operand.U32(uint32(t.width())))
		a.JLT(operand.LabelRef("half"))
	}
	a.VZEROUPPER()
	a.RET()
}

// rowsInSet is how many rows whose distance is a multiple of 4096 bytes a tile
// may have. All of them lie in one set of the nearest cache, of twelve lines,
// which the weights pass through as well.
const rowsInSet = 10

// lineBytes is a line of the caches.
const lineBytes = 64

// panelBytes is the width of a panel.
const panelBytes = 32 * 4

// A tile is rows x 2 vectors of y while they are computed.
type tile struct {
	*asm
	vec
	format
	at   reg.GPVirtual // offset of its columns in the panel, in bytes; nil is 0
	most int           // rows that a tile can have
	rows int           // that this one has

	// Of the parameters, with distances in bytes. m is the rows that are left,
	// x, y, rowBias and add are at the first one of the tile.
	m, x, k, w, bias, rowBias, ldy, ldadd operand.Mem
	ldx, sx, y, add                       reg.GPVirtual
	next                                  reg.GPVirtual // what is to be fetched of the next panel
}

// keep puts a parameter, times 1 or 4, where it is at hand without a register.
func (t *tile) keep(name string, times int, at operand.Mem) {
	r := t.GP64()
	t.Load(t.Param(name), r)
	if times == 4 {
		t.SHLQ(operand.Imm(2), r)
	}
	t.MOVQ(r, at)
}

// width is that of what is read of a panel, in bytes.
func (t *tile) width() int {
	if t.half {
		return panelBytes / 2
	}
	return panelBytes
}

// vectors is how many of a row a tile has.
func (t *tile) vectors() int {
	if t.slim {
		return 1
	}
	return min(2, t.width()/t.bytes)
}

// sum is the register of vector v of row r.
func (t *tile) sum(r, v int) reg.VecPhysical { return t.regs[t.vectors()*r+v] }

// columns is vector v of the tile's columns in the row at base.
func (t *tile) columns(base reg.Register, v int) operand.Mem {
	m := at(base, v*t.bytes)
	if t.at != nil {
		m.Index, m.Scale = t.at, 1
	}
	return m
}

// multiply sets the sums to x·w.
func (t *tile) multiply(label string) {
	for i := range t.vectors() * t.rows {
		t.zero(t.asm, t.regs[i])
	}
	rows := t.pointers()
	w, left, n, y, add := t.GP64(), t.GP64(), t.GP64(), t.GP64(), t.GP64()
	t.MOVQ(t.w, w)
	t.MOVQ(t.k, n)
	t.MOVQ(t.y, y)
	t.MOVQ(t.add, add)
	t.TESTQ(add, add)
	t.CMOVQEQ(y, add) // once more, where there is none
	fetchRow := func() {
		t.fetchRow(y, t.ldy)
		t.fetchRow(add, t.ldadd)
	}
	few := t.rows <= 2
	if few {
		for range t.rows {
			fetchRow()
		}
	} else {
		t.MOVQ(n, left)
		if t.scale == nil { // a product of bytes is done before the hardware has seen where it goes
			t.CMPQ(n, operand.U32(manySteps))
			t.JGE(operand.LabelRef("fetch" + label))
			t.CMPQ(add, y)
			t.JEQ(operand.LabelRef("short" + label))
			for range t.rows { // what is from elsewhere is far
				t.fetchRow(add, t.ldadd)
			}
			t.JMP(operand.LabelRef("short" + label))
		}
		t.Label("fetch" + label)
		fetchRow()
		t.IMUL3Q(operand.U32(uint32((1<<16+t.rows-1)/t.rows)), t.k, n)
		t.SHRQ(operand.Imm(16), n)
		t.INCQ(n) // steps until the next row
		t.CMPQ(left, n)
		t.CMOVQLT(left, n)
		t.Label("short" + label)
		t.SUBQ(n, left)
	}
	t.align()
	t.Label("steps" + label)
	t.step(rows, w)
	t.DECQ(n)
	t.JNZ(operand.LabelRef("steps" + label))
	if !few {
		t.TESTQ(left, left)
		t.JNZ(operand.LabelRef("fetch" + label))
	}
	if t.scale != nil {
		t.scale(t, w)
	}
}

// pointers is one to each three rows: the addressing modes reach two more.
func (t *tile) pointers() []reg.GPVirtual {
	rows := []reg.GPVirtual{t.GP64()}
	t.MOVQ(t.x, rows[0])
	for r := 3; r < t.rows; r += 3 {
		next := t.GP64()
		t.LEAQ(operand.Mem{Base: rows[len(rows)-1], Index: t.ldx, Scale: 2}, next)
		t.ADDQ(t.ldx, next)
		rows = append(rows, next)
	}
	return rows
}

// manySteps is when it is worth to fetch what will be written in the end.
const manySteps = 256

// fetchRow brings the tile's part of a row of y or add near, and goes on to
// the next one. The rows of a tile are fetched one by one while it is
// computed: all at once they would be in the way of what the products read,
// and not at all, the end would wait for each of them.
func (t *tile) fetchRow(row reg.GPVirtual, distance operand.Mem) {
	for v := 0; v < t.vectors(); v += 64 / t.bytes {
		t.PREFETCHT0(t.columns(row, v))
	}
	t.ADDQ(distance, row)
}

// step does one step over k.
func (t *tile) step(rows []reg.GPVirtual, w reg.GPVirtual) {
	t.products(t, rows, w)
	if t.blocks {
		return
	}
	for _, p := range rows {
		t.ADDQ(t.sx, p)
	}
	t.ADDQ(operand.U32(panelBytes), w)
}

// multiplyAdd does the products of float32.
func (t *tile) multiplyAdd(rows []reg.GPVirtual, w reg.GPVirtual) {
	b, free := t.weights(w), t.regs[2*t.most+2:]
	t.fetch()
	for r := range t.rows {
		x := free[r%len(free)]
		t.VBROADCASTSS(rowOf(rows, r, t.ldx), x)
		for v := range b {
			t.VFMADD231PS(b[v], x, t.sum(r, v))
		}
	}
}

// weights loads a step's vectors of w.
func (t *tile) weights(w reg.GPVirtual) []reg.VecPhysical {
	b := t.regs[2*t.most : 2*t.most+t.vectors()]
	for v := range b {
		t.VMOVUPS(t.columns(w, v), b[v])
	}
	return b
}

// fetch brings some of the next panel. Memory has the time that all tiles take
// for that. Without it the first tile waits for all of the panel: the hardware
// does not fetch beyond a page.
func (t *tile) fetch() {
	t.PREFETCHT0(at(t.next, 0))
	t.PREFETCHT0(at(t.next, 64))
	t.ADDQ(paramOf(t.asm, "step"), t.next)
}

// rowOf is where row r begins, given a pointer to each third.
func rowOf(rows []reg.GPVirtual, r int, ld reg.Register) operand.Mem {
	m := operand.Mem{Base: rows[r/3]}
	if r%3 > 0 {
		m.Index, m.Scale = ld, uint8(r%3)
	}
	return m
}

// finish adds bias, rowBias and add, brings the sums between the limits, stores
// the tile and goes on to the rows below it.
func (t *tile) finish(label string) {
	bias := t.GP64()
	t.MOVQ(t.bias, bias)
	t.TESTQ(bias, bias)
	t.JZ(operand.LabelRef("unbiased" + label))
	for v := range t.vectors() {
		b := t.regs[2*t.most]
		t.VMOVUPS(t.columns(bias, v), b)
		for r := range t.rows {
			t.VADDPS(b, t.sum(r, v), t.sum(r, v))
		}
	}
	t.Label("unbiased" + label)
	if t.ends {
		t.addRowBias(label)
	}
	t.TESTQ(t.add, t.add)
	t.JZ(operand.LabelRef("added" + label))
	ld := t.GP64()
	t.MOVQ(t.ldadd, ld)
	for r := range t.rows {
		for v := range t.vectors() {
			t.VADDPS(t.columns(t.add, v), t.sum(r, v), t.sum(r, v))
		}
		t.ADDQ(ld, t.add)
	}
	t.Label("added" + label)
	if t.limits {
		t.limit(label)
	}
	t.MOVQ(t.ldy, ld)
	for r := range t.rows {
		for v := range t.vectors() {
			t.VMOVUPS(t.sum(r, v), t.columns(t.y, v))
		}
		t.ADDQ(ld, t.y)
	}
	down := t.GP64()
	t.IMUL3Q(operand.U32(uint32(t.rows)), t.ldx, down)
	t.ADDQ(down, t.x)
}

// addRowBias adds a number to each row, and goes on to those of the rows below.
func (t *tile) addRowBias(label string) {
	bias := t.GP64()
	t.MOVQ(t.rowBias, bias)
	t.TESTQ(bias, bias)
	t.JZ(operand.LabelRef("evenly" + label))
	for r := range t.rows {
		b := t.regs[2*t.most]
		t.VBROADCASTSS(at(bias, 4*r), b)
		for v := range t.vectors() {
			t.VADDPS(b, t.sum(r, v), t.sum(r, v))
		}
	}
	t.ADDQ(operand.U32(uint32(4*t.rows)), t.rowBias)
	t.Label("evenly" + label)
}

// limit brings the sums between the limits. NaN stays.
func (t *tile) limit(label string) {
	limits, least, most := t.GP64(), t.regs[2*t.most], t.regs[2*t.most+1]
	t.MOVQ(paramOf(t.asm, "limits"), limits)
	t.TESTQ(limits, limits)
	t.JZ(operand.LabelRef("limited" + label))
	t.VBROADCASTSS(at(limits, 0), least)
	t.VBROADCASTSS(at(limits, 4), most)
	for r := range t.rows {
		for v := range t.vectors() {
			t.VMAXPS(t.sum(r, v), least, t.sum(r, v))
			t.VMINPS(t.sum(r, v), most, t.sum(r, v))
		}
	}
	t.Label("limited" + label)
}

// paramOf is where a parameter lies.
func paramOf(a *asm, name string) operand.Mem {
	b, err := a.Param(name).Resolve()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b.Addr
}
