package kernel

import (
	"fmt"
	"maps"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// blockedKernels are products with weights of a few bits in blocks.
var blockedKernels = func() map[string]generator {
	all := map[string]generator{}
	for bits, name := range map[int]string{2: "Twos", 4: "Fours", 8: "Eights"} {
		maps.Copy(all, everyVec(widenSignature, map[string]func(*lanes){
			"widen" + name: func(l *lanes) { l.widenBlock(bits) }}))
		maps.Copy(all, everyVec(mulBlocksSignature, map[string]func(*lanes){
			"mul" + name: func(l *lanes) { l.mulBlocks(bits) }}))
		maps.Copy(all, everyVec(mulRowSignature, map[string]func(*lanes){
			"mulRow" + name: func(l *lanes) { l.mulBlocksRow(bits) }}))
	}
	return all
}()

const (
	widenSignature     = "func(dst *float32, q, head *uint32, rows int)"
	mulBlocksSignature = "func(y, x *float32, q, head *uint32, m, k, first, block, ldx int)"
	mulRowSignature    = "func(y, x *float32, q, head *uint32, size, k, first, block int)"
)

// blockCols is the columns of a panel; the scales of a block and its zero points
// take so many bytes, and a row of it four times as many as an element has bits.
const (
	blockCols   = 32
	blockScales = 4 * blockCols
	blockZeros  = blockCols
)

// blockAhead is how far ahead what comes next of several panels is fetched:
// that many streams at a time are more than the processor follows by itself.
const blockAhead = 2048

// A blockPart is what the elements of some columns of a block have in common:
// vector v of those in the panel's left half, and the same of the right one.
type blockPart struct {
	*lanes
	v, width    int // width is the bits of an element
	panel       panelOf
	mask        reg.VecVirtual
	shift       [2]reg.VecVirtual // of each element of a vector, where a row has fewer bytes than that
	scale, zero [2]reg.VecVirtual
}

func (l *lanes) blockPart(v, width int) *blockPart {
	b := &blockPart{lanes: l, v: v, width: width}
	for i := range b.scale {
		b.scale[i], b.zero[i] = l.fresh(), l.fresh()
	}
	if width < 8 {
		b.mask = l.fresh()
		l.VBROADCASTSS(l.stored(1<<width-1), b.mask)
	}
	if b.mixed() { // then there is one part of a panel
		for i := range b.shift {
			b.shift[i] = l.fresh()
			l.VMOVUPS(l.constant(fmt.Sprintf("block_shift_%d_%d", width, i), b.bytes/8, func(j int) uint64 {
				return uint64(b.shiftOf(b.column(i)+2*j+1))<<32 | uint64(b.shiftOf(b.column(i)+2*j))
			}), b.shift[i])
		}
	}
	return b
}

// A panelOf is how far behind the first of four panels one of them lies; the
// first one if it is zero.
type panelOf struct {
	index reg.Register
	times uint8
}

// at is the memory disp bytes behind what is at base in the first panel.
func (p panelOf) at(base reg.Register, disp int) operand.Mem {
	m := at(base, disp)
	if p.times > 0 {
		m.Index, m.Scale = p.index, p.times
	}
	return m
}

// column is the first of the columns in the half i.
func (b *blockPart) column(i int) int { return b.v*b.bytes/4 + i*blockCols/2 }

// shiftOf is where in its byte the element of a column begins.
func (b *blockPart) shiftOf(column int) int { return column / (4 * b.width) * b.width }

// mixed reports whether a row has fewer bytes than a vector has elements, which
// then begin at different places in them.
func (b *blockPart) mixed() bool { return 4*b.width < b.bytes/4 }

// load reads the scales and zero points of the block at head.
func (b *blockPart) load(head reg.Register) {
	for i := range b.scale {
		b.VMOVUPS(b.panel.at(head, 4*b.column(i)), b.scale[i])
		b.VPMOVZXBD(b.panel.at(head, blockScales+b.column(i)), b.zero[i])
		b.VCVTDQ2PS(b.zero[i], b.zero[i])
		if b.bytes == 64 {
			b.VADDPS_BCST(b.stored(b.above(i)), b.zero[i], b.zero[i])
		}
	}
}

// row is the numbers that the row at q stands for.
func (b *blockPart) row(q reg.Register) [2]reg.VecVirtual {
	x := b.elements(q)
	for i := range x {
		if b.bytes == 64 {
			b.lift(i, x[i])
		} else {
			b.VCVTDQ2PS(x[i], x[i])
		}
		b.VSUBPS(b.zero[i], x[i], x[i])
		b.VMULPS(b.scale[i], x[i], x[i])
	}
	return x
}

// elements is those of the row at q. As many bytes as a vector has elements are
// spread to its elements, or half as many twice. With AVX-512, other bits stay
// beside them, which lift takes away.
func (b *blockPart) elements(q reg.Register) [2]reg.VecVirtual {
	x := [2]reg.VecVirtual{b.fresh(), b.fresh()}
	low, high := x[0], x[1]
	switch from := b.panel.at(q, b.column(0)%(4*b.width)); {
	case b.width == 8:
		b.VPMOVZXBD(from, low)
		b.VPMOVZXBD(b.panel.at(q, b.column(1)), high)
	case b.mixed():
		twice := b.XMM()
		b.VMOVDDUP(from, twice)
		b.VPMOVZXBD(twice, low)
		b.VPSRLVD(b.shift[1], low, high)
		b.VPSRLVD(b.shift[0], low, low)
	case b.bytes == 64:
		b.VPMOVZXBD(from, low)
		b.VMOVDQA32(low, high)
	default:
		b.VPMOVZXBD(from, low)
		for i := 1; i >= 0; i-- {
			shift := b.shiftOf(b.column(i))
			if shift > 0 {
				b.VPSRLD(operand.Imm(uint64(shift)), low, x[i])
			}
			if shift+b.width < 8 {
				b.VPAND(b.mask, x[i], x[i])
			}
		}
	}
	return x
}

// place is the bit at which AVX-512 finds the elements of half i.
func (b *blockPart) place(i int) int {
	if b.mixed() {
		return 0
	}
	return b.shiftOf(b.column(i))
}

// above is the float in whose lowest bits an element of half i may be added.
func (b *blockPart) above(i int) uint32 {
	return math.Float32bits(float32(int(1) << (23 - b.place(i))))
}

// lift makes of the elements x of half i the floats above(i) plus them, for
// zero, in which above(i) is too, to be taken away. That is exact, and less work
// than a conversion; each register counts.
func (b *blockPart) lift(i int, x reg.VecVirtual) {
	const maskOr, elseOr = 0xea, 0xba // x&mask | m, x&^mask | m
	m := b.stored(b.above(i))
	switch {
	case b.width == 8:
		b.VPORD_BCST(m, x, x)
	case b.place(i) > 0:
		b.VPTERNLOGD_BCST(operand.Imm(elseOr), m, b.mask, x)
	default:
		b.VPTERNLOGD_BCST(operand.Imm(maskOr), m, b.mask, x)
	}
}

// widenBlock takes a row at a time.
func (l *lanes) widenBlock(width int) {
	dst, q, head, rows := l.param("dst"), l.param("q"), l.param("head"), l.param("rows")
	var parts []*blockPart
	for v := range 2 * blockCols / l.bytes {
		b := l.blockPart(v, width)
		b.load(head)
		parts = append(parts, b)
	}
	l.Label("row")
	for _, b := range parts {
		for i, x := range b.row(q) {
			l.VMOVUPS(x, at(dst, 4*b.column(i)))
		}
	}
	l.ADDQ(operand.U32(uint32(4*width)), q)
	l.ADDQ(operand.U32(4*blockCols), dst)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}

// mulBlocks does as many rows of x at a time as there are registers for, then
// fewer: the weights are widened for each of these anew, in registers.
func (l *lanes) mulBlocks(width int) {
	y, x, m, ldx := l.param("y"), l.param("x"), l.param("m"), l.param("ldx")
	l.SHLQ(operand.Imm(2), ldx)
	for _, rows := range l.blockRows(width) {
		name := fmt.Sprintf("rows%d", rows)
		l.Label(name)
		l.CMPQ(m, operand.U32(uint32(rows)))
		l.JLT(operand.LabelRef(name + "_end"))
		for v := range 2 * blockCols / l.bytes {
			l.blockSums(fmt.Sprintf("%s_%d", name, v), []*blockPart{l.blockPart(v, width)}, y, x, ldx, rows)
		}
		for range rows {
			l.ADDQ(ldx, x)
		}
		l.ADDQ(operand.U32(uint32(4*blockCols*rows)), y)
		l.SUBQ(operand.U32(uint32(rows)), m)
		l.JMP(operand.LabelRef(name))
		l.Label(name + "_end")
	}
}

// blockRows is how many rows of x mulBlocks takes at a time.
func (l *lanes) blockRows(width int) []int {
	switch {
	case l.bytes == 32:
		return []int{4, 2, 1}
	case width == 2: // which needs two registers more
		return []int{8, 4, 2, 1}
	}
	return []int{12, 8, 4, 2, 1}
}

// mulBlocksRow does four panels for one row, all of them at once if there are
// registers for that: each step of a sum waits for the one before, so that more
// of them than a panel has are needed to be busy.
func (l *lanes) mulBlocksRow(width int) {
	y, x, size, third := l.param("y"), l.param("x"), l.param("size"), l.GP64()
	l.SHLQ(operand.Imm(2), size)
	l.LEAQ(operand.Mem{Base: size, Index: size, Scale: 2}, third)
	var parts []*blockPart
	for i, p := range []panelOf{{}, {size, 1}, {size, 2}, {third, 1}} {
		for v := range 2 * blockCols / l.bytes {
			b := l.blockPart(v, width)
			b.panel = p
			if parts = append(parts, b); len(parts) > 1 {
				b.mask, b.shift = parts[0].mask, parts[0].shift
			}
		}
		if l.bytes == 32 {
			l.blockSums(fmt.Sprintf("panel%d", i), parts, y, x, nil, 1)
			l.ADDQ(operand.U32(4*blockCols), y)
			parts = nil
		}
	}
	if parts != nil {
		l.blockSums("panels", parts, y, x, nil, 1)
	}
}

// blockSums is so many rows from x on times the columns of all parts, of one
// panel or of several for one row.
func (l *lanes) blockSums(name string, parts []*blockPart, y, x, ldx reg.Register, rows int) {
	q, head, k, first := l.param("q"), l.param("head"), l.param("k"), l.param("first")
	from, n := l.rowGroups(x, ldx, rows), l.GP64()
	sums := l.partSums(len(parts) * rows)
	l.Label(name + "_block")
	for _, b := range parts {
		b.load(head)
	}
	l.Load(l.Param("block"), n)
	l.SUBQ(first, n)
	l.CMPQ(k, n)
	l.CMOVQLT(k, n)
	l.SUBQ(n, k)
	l.Label(name + "_row")
	for i, b := range parts {
		if len(parts) > 1 && b.v == 0 {
			l.PREFETCHT0(b.panel.at(q, blockAhead))
		}
		b.addRow(sums[i*rows:][:rows], b.row(q), from)
	}
	for _, p := range from.first {
		l.ADDQ(operand.U32(4), p)
	}
	l.ADDQ(operand.U32(uint32(4*parts[0].width)), q)
	l.DECQ(n)
	l.JNZ(operand.LabelRef(name + "_row"))
	l.MOVQ(q, head) // where the next block begins
	l.ADDQ(operand.U32(blockScales+blockZeros), q)
	l.XORQ(first, first)
	l.TESTQ(k, k)
	l.JNZ(operand.LabelRef(name + "_block"))
	for i, s := range sums {
		part, r := parts[i/rows], i%rows
		panel := i / rows * l.bytes / (2 * blockCols)
		for half, sum := range s {
			l.VMOVUPS(sum, at(y, 4*((panel+r)*blockCols+part.column(half))))
		}
	}
}

// partSums are so many sums that begin at 0.
func (l *lanes) partSums(n int) [][2]reg.VecVirtual {
	sums := make([][2]reg.VecVirtual, n)
	for i := range sums {
		for half := range sums[i] {
			sums[i][half] = l.fresh()
			l.VBROADCASTSS(l.stored(0), sums[i][half])
		}
	}
	return sums
}

// addRow adds to the sums of each row of x its next element times w.
func (b *blockPart) addRow(sums [][2]reg.VecVirtual, w [2]reg.VecVirtual, from rowGroups) {
	for r, s := range sums {
		each := b.fresh()
		b.VBROADCASTSS(from.row(r), each)
		for half := range s {
			b.VFMADD231PS(w[half], each, s[half])
		}
	}
}

// rowGroups is where rows are: the first of each four, and the distances of the
// others from it.
type rowGroups struct {
	first      []reg.GPVirtual
	ldx, third reg.Register
}

func (l *lanes) rowGroups(x, ldx reg.Register, rows int) rowGroups {
	g := rowGroups{ldx: ldx, third: l.GP64()}
	if rows > 3 {
		l.LEAQ(operand.Mem{Base: ldx, Index: ldx, Scale: 2}, g.third)
	}
	for r := 0; r < rows; r += 4 {
		p := l.GP64()
		if r == 0 {
			l.MOVQ(x, p)
		} else {
			l.LEAQ(operand.Mem{Base: g.first[len(g.first)-1], Index: ldx, Scale: 4}, p)
		}
		g.first = append(g.first, p)
	}
	return g
}

// row is the next element of row r.
func (g rowGroups) row(r int) operand.Mem {
	m := operand.Mem{Base: g.first[r/4]}
	switch r % 4 {
	case 1, 2:
		m.Index, m.Scale = g.ldx, uint8(r%4)
	case 3:
		m.Index, m.Scale = g.third, 1
	}
	return m
}
