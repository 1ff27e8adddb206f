package kernel

import (
	"fmt"
	"maps"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// blockedKernels are products with weights of a few bits in blocks.
var blockedKernels = func() map[string]generator {
	all := map[string]generator{}
	for bits, name := range map[int]string{2: "Twos", 4: "Fours", 8: "Eights"} {
		maps.Copy(all, everyVec("func(dst *float32, q, head *uint32, rows int)", map[string]func(*lanes){
			"widen" + name: func(l *lanes) { l.widenBlock(bits) }}))
		maps.Copy(all, everyVec("func(y, x *float32, q, head *uint32, m, k, first, block, ldx int)", map[string]func(*lanes){
			"mul" + name: func(l *lanes) { l.mulBlocks(bits) }}))
	}
	return all
}()

// blockCols is the columns of a panel; the scales of a block and its zero points
// take so many bytes, and a row of it four times as many as an element has bits.
const (
	blockCols   = 32
	blockScales = 4 * blockCols
	blockZeros  = blockCols
)

// A blockPart is what the elements of some columns of a block have in common:
// vector v of those in the panel's left half, and the same of the right one.
type blockPart struct {
	*lanes
	v, width    int // width is the bits of an element
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
	if b.mixed() {
		for i := range b.shift {
			b.shift[i] = l.fresh()
			l.VMOVUPS(l.constant(fmt.Sprintf("block_shift_%d_%d", width, i), b.bytes/8, func(j int) uint64 {
				return uint64(b.shiftOf(b.column(i)+2*j+1))<<32 | uint64(b.shiftOf(b.column(i)+2*j))
			}), b.shift[i])
		}
	}
	return b
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
		b.VMOVUPS(at(head, 4*b.column(i)), b.scale[i])
		b.VPMOVZXBD(at(head, blockScales+b.column(i)), b.zero[i])
		b.VCVTDQ2PS(b.zero[i], b.zero[i])
	}
}

// row is the numbers that the row at q stands for.
func (b *blockPart) row(q reg.Register) [2]reg.VecVirtual {
	x := b.elements(q)
	for i := range x {
		b.VCVTDQ2PS(x[i], x[i])
		b.VSUBPS(b.zero[i], x[i], x[i])
		b.VMULPS(b.scale[i], x[i], x[i])
	}
	return x
}

// elements is those of the row at q. As many bytes as a vector has elements are
// spread to its elements, or half as many twice.
func (b *blockPart) elements(q reg.Register) [2]reg.VecVirtual {
	x := [2]reg.VecVirtual{b.fresh(), b.fresh()}
	low, high := x[0], x[1]
	switch from := at(q, b.column(0)%(4*b.width)); {
	case b.width == 8:
		b.VPMOVZXBD(from, low)
		b.VPMOVZXBD(at(q, b.column(1)), high)
		return x
	case b.mixed():
		twice := b.XMM()
		b.VMOVDDUP(from, twice)
		b.VPMOVZXBD(twice, low)
		b.VPSRLVD(b.shift[1], low, high)
		b.VPSRLVD(b.shift[0], low, low)
	default:
		b.VPMOVZXBD(from, low)
		b.VPSRLD(operand.Imm(uint64(b.shiftOf(b.column(1)))), low, high)
		if shift := b.shiftOf(b.column(0)); shift > 0 {
			b.VPSRLD(operand.Imm(uint64(shift)), low, low)
		}
	}
	b.masked(low)
	if b.mixed() || b.shiftOf(b.column(1))+b.width < 8 {
		b.masked(high)
	}
	return x
}

// masked leaves of the elements of x the bits of one.
func (b *blockPart) masked(x reg.VecVirtual) {
	if b.bytes == 64 {
		b.VPANDD(b.mask, x, x)
	} else {
		b.VPAND(b.mask, x, x)
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

// mulBlocks does four rows of x at a time, then two, then one: the weights are
// widened for each of these anew, in registers.
func (l *lanes) mulBlocks(width int) {
	y, x, m, ldx := l.param("y"), l.param("x"), l.param("m"), l.param("ldx")
	l.SHLQ(operand.Imm(2), ldx)
	for _, rows := range []int{4, 2, 1} {
		name := fmt.Sprintf("rows%d", rows)
		l.Label(name)
		l.CMPQ(m, operand.U32(uint32(rows)))
		l.JLT(operand.LabelRef(name + "_end"))
		for v := range 2 * blockCols / l.bytes {
			l.blockSums(fmt.Sprintf("%s_%d", name, v), l.blockPart(v, width), y, x, ldx, rows)
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

// blockSums is so many rows from x on times the columns of b.
func (l *lanes) blockSums(name string, b *blockPart, y, x, ldx reg.GPVirtual, rows int) {
	q, head, k, first, block := l.param("q"), l.param("head"), l.param("k"), l.param("first"), l.param("block")
	p, third, n := l.GP64(), l.GP64(), l.GP64()
	l.MOVQ(x, p)
	l.LEAQ(operand.Mem{Base: ldx, Index: ldx, Scale: 2}, third)
	sums := make([][2]reg.VecVirtual, rows)
	for r := range sums {
		sums[r] = [2]reg.VecVirtual{l.set(l.c(0)), l.set(l.c(0))}
	}
	l.Label(name + "_block")
	b.load(head)
	l.MOVQ(block, n)
	l.SUBQ(first, n)
	l.CMPQ(k, n)
	l.CMOVQLT(k, n)
	l.SUBQ(n, k)
	l.Label(name + "_row")
	w := b.row(q)
	for r, s := range sums {
		from := []operand.Mem{{Base: p}, {Base: p, Index: ldx, Scale: 1}, {Base: p, Index: ldx, Scale: 2}, {Base: p, Index: third, Scale: 1}}[r]
		each := l.fresh()
		l.VBROADCASTSS(from, each)
		for i := range s {
			l.VFMADD231PS(w[i], each, s[i])
		}
	}
	l.ADDQ(operand.U32(4), p)
	l.ADDQ(operand.U32(uint32(4*b.width)), q)
	l.DECQ(n)
	l.JNZ(operand.LabelRef(name + "_row"))
	l.MOVQ(q, head) // where the next block begins
	l.ADDQ(operand.U32(blockScales+blockZeros), q)
	l.XORQ(first, first)
	l.TESTQ(k, k)
	l.JNZ(operand.LabelRef(name + "_block"))
	for r, s := range sums {
		for i := range s {
			l.VMOVUPS(s[i], at(y, 4*(r*blockCols+b.column(i))))
		}
	}
}
