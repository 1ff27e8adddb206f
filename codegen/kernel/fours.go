package kernel

import (
	"fmt"
	"maps"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// foursKernels are products with weights of four bits.
var foursKernels = func() map[string]generator {
	all := everyVec("func(dst *float32, q, head *uint32, rows int)", map[string]func(*lanes){"widenFours": (*lanes).widenFours})
	maps.Copy(all, everyVec("func(y, x *float32, q, head *uint32, m, k, first, block, ldx int)", map[string]func(*lanes){"mulFours": (*lanes).mulFours}))
	return all
}()

// foursPanel is the columns of a panel; the scales of a block, its zero points
// and a row of it take so many bytes.
const (
	foursPanel  = 32
	foursScales = 4 * foursPanel
	foursZeros  = foursPanel
	foursRow    = foursPanel / 2
)

// A foursBlock is what the elements of some columns have in common: vector v of
// a row's lower half, and the same of its upper one.
type foursBlock struct {
	*lanes
	v           int
	mask        reg.VecVirtual
	scale, zero [2]reg.VecVirtual
}

func (l *lanes) foursBlock(v int) *foursBlock {
	b := &foursBlock{lanes: l, v: v, mask: l.fresh()}
	for i := range b.scale {
		b.scale[i], b.zero[i] = l.fresh(), l.fresh()
	}
	l.VBROADCASTSS(l.stored(15), b.mask)
	return b
}

// column is the first of the columns in the half i.
func (b *foursBlock) column(i int) int { return b.v*b.bytes/4 + i*foursPanel/2 }

// load reads the scales and zero points of the block at head.
func (b *foursBlock) load(head reg.Register) {
	for i := range b.scale {
		b.VMOVUPS(at(head, 4*b.column(i)), b.scale[i])
		b.VPMOVZXBD(at(head, foursScales+b.column(i)), b.zero[i])
		b.VCVTDQ2PS(b.zero[i], b.zero[i])
	}
}

// row is the numbers that the row at q stands for. As many bytes as a vector has
// elements are spread to its elements.
func (b *foursBlock) row(q reg.Register) [2]reg.VecVirtual {
	low, high := b.fresh(), b.fresh()
	b.VPMOVZXBD(at(q, b.v*b.bytes/4), low)
	b.VPSRLD(operand.Imm(4), low, high)
	if b.bytes == 64 {
		b.VPANDD(b.mask, low, low)
	} else {
		b.VPAND(b.mask, low, low)
	}
	x := [2]reg.VecVirtual{low, high}
	for i := range x {
		b.VCVTDQ2PS(x[i], x[i])
		b.VSUBPS(b.zero[i], x[i], x[i])
		b.VMULPS(b.scale[i], x[i], x[i])
	}
	return x
}

// widenFours takes a row at a time.
func (l *lanes) widenFours() {
	dst, q, head, rows := l.param("dst"), l.param("q"), l.param("head"), l.param("rows")
	var blocks []*foursBlock
	for v := range 2 * foursPanel / l.bytes {
		b := l.foursBlock(v)
		b.load(head)
		blocks = append(blocks, b)
	}
	l.Label("row")
	for _, b := range blocks {
		for i, x := range b.row(q) {
			l.VMOVUPS(x, at(dst, 4*b.column(i)))
		}
	}
	l.ADDQ(operand.U32(foursRow), q)
	l.ADDQ(operand.U32(4*foursPanel), dst)
	l.DECQ(rows)
	l.JNZ(operand.LabelRef("row"))
}

// mulFours does four rows of x at a time, then two, then one: the weights are
// widened for each of these anew, in registers.
func (l *lanes) mulFours() {
	y, x, m, ldx := l.param("y"), l.param("x"), l.param("m"), l.param("ldx")
	l.SHLQ(operand.Imm(2), ldx)
	for _, rows := range []int{4, 2, 1} {
		name := fmt.Sprintf("rows%d", rows)
		l.Label(name)
		l.CMPQ(m, operand.U32(uint32(rows)))
		l.JLT(operand.LabelRef(name + "_end"))
		for v := range 2 * foursPanel / l.bytes {
			l.foursSums(fmt.Sprintf("%s_%d", name, v), l.foursBlock(v), y, x, ldx, rows)
		}
		for range rows {
			l.ADDQ(ldx, x)
		}
		l.ADDQ(operand.U32(uint32(4*foursPanel*rows)), y)
		l.SUBQ(operand.U32(uint32(rows)), m)
		l.JMP(operand.LabelRef(name))
		l.Label(name + "_end")
	}
}

// foursSums is so many rows from x on times the columns of b.
func (l *lanes) foursSums(name string, b *foursBlock, y, x, ldx reg.GPVirtual, rows int) {
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
	l.ADDQ(operand.U32(foursRow), q)
	l.DECQ(n)
	l.JNZ(operand.LabelRef(name + "_row"))
	l.MOVQ(q, head) // where the next block begins
	l.ADDQ(operand.U32(foursScales+foursZeros), q)
	l.XORQ(first, first)
	l.TESTQ(k, k)
	l.JNZ(operand.LabelRef(name + "_block"))
	for r, s := range sums {
		for i := range s {
			l.VMOVUPS(s[i], at(y, 4*(r*foursPanel+b.column(i))))
		}
	}
}
