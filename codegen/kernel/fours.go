package kernel

import (
	"fmt"
	"maps"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// foursKernels are products with weights of four bits.
var foursKernels = func() map[string]generator {
	all := everyVec("func(dst *float32, q, head *uint32, rows int)", map[string]func(*lanes){"widenFours": (*lanes).widenFours})
	maps.Copy(all, everyVec("func(y, x *float32, head *uint32, m, k, block, ldx int)", map[string]func(*lanes){"mulFours": (*lanes).mulFours}))
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

// mulFours does as many rows of x at a time as the registers are enough for.
func (l *lanes) mulFours() {
	y, x, m, ldx := l.param("y"), l.param("x"), l.param("m"), l.param("ldx")
	l.SHLQ(operand.Imm(2), ldx)
	heights := []int{4, 2, 1}
	if l.bytes == 32 {
		heights = heights[1:]
	}
	for _, rows := range heights {
		name := fmt.Sprintf("rows%d", rows)
		l.Label(name)
		l.CMPQ(m, operand.U32(uint32(rows)))
		l.JLT(operand.LabelRef(name + "_end"))
		for v := range foursPanel / 2 * 4 / l.bytes {
			l.foursSums(fmt.Sprintf("%s_%d", name, v), v, y, x, ldx, rows)
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

// A foursSum is what the products of one row of x with the columns of one
// foursBlock are added up in: those of a block before scale and zero point, the
// elements of x, and what is finished.
type foursSum struct {
	block, total [2]reg.VecVirtual
	x            reg.VecVirtual
}

// clear sets x to 0. By exclusive or it would count as read before.
func (l *lanes) clear(x reg.VecVirtual) { l.VBROADCASTSS(l.stored(0), x) }

// foursSums is so many rows from x on times the columns v of each half of a
// panel. Of a single row the products of two steps go into sums of their own,
// since one would wait for the other.
func (l *lanes) foursSums(name string, v int, y, x, ldx reg.GPVirtual, rows int) {
	head, k, block := l.param("head"), l.param("k"), l.param("block")
	p, q, third, n, left := l.GP64(), l.GP64(), l.GP64(), l.GP64(), l.GP64()
	l.MOVQ(x, p)
	l.LEAQ(operand.Mem{Base: ldx, Index: ldx, Scale: 2}, third)
	f := &foursProduct{lanes: l, v: v, bits: l.fresh(), sets: 1}
	if l.bytes == 64 {
		l.VMOVUPS(l.constant("fours", 8, func(i int) uint64 {
			return uint64(math.Float32bits(float32(2*i+1)))<<32 | uint64(math.Float32bits(float32(2*i)))
		}), f.bits)
	} else {
		l.VBROADCASTSS(l.stored(15), f.bits)
	}
	if rows == 1 {
		f.sets = 2
	}
	f.from = []operand.Mem{{Base: p}, {Base: p, Index: ldx, Scale: 1}, {Base: p, Index: ldx, Scale: 2}, {Base: p, Index: third, Scale: 1}}[:rows]
	for range rows * f.sets {
		s := &foursSum{block: [2]reg.VecVirtual{l.fresh(), l.fresh()}, x: l.fresh()}
		if len(f.sums) < rows {
			s.total = [2]reg.VecVirtual{l.fresh(), l.fresh()}
			l.clear(s.total[0])
			l.clear(s.total[1])
		}
		f.sums = append(f.sums, s)
	}
	l.Label(name + "_block")
	for _, s := range f.sums {
		l.clear(s.block[0])
		l.clear(s.block[1])
		l.clear(s.x)
	}
	l.LEAQ(at(head, foursScales+foursZeros), q)
	l.MOVQ(block, n)
	l.CMPQ(k, n)
	l.CMOVQLT(k, n)
	l.SUBQ(n, k)
	l.MOVQ(n, left)
	if f.sets == 2 {
		l.SHRQ(operand.Imm(1), n)
		l.JZ(operand.LabelRef(name + "_single"))
	}
	l.Label(name + "_row")
	for set := range f.sets {
		f.step(q, set)
	}
	l.ADDQ(operand.U32(uint32(4*f.sets)), p)
	l.ADDQ(operand.U32(uint32(foursRow*f.sets)), q)
	l.DECQ(n)
	l.JNZ(operand.LabelRef(name + "_row"))
	if f.sets == 2 {
		l.Label(name + "_single")
		l.TESTQ(operand.U32(1), left)
		l.JZ(operand.LabelRef(name + "_scale"))
		f.step(q, 0)
		l.ADDQ(operand.U32(4), p)
		l.ADDQ(operand.U32(foursRow), q)
		l.Label(name + "_scale")
	}
	f.finish(head)
	l.MOVQ(q, head)
	l.TESTQ(k, k)
	l.JNZ(operand.LabelRef(name + "_block"))
	for r, s := range f.sums[:rows] {
		for i := range s.total {
			l.VMOVUPS(s.total[i], at(y, 4*(r*foursPanel+f.column(i))))
		}
	}
}

// A foursProduct is the products of a few rows with the columns v of each half
// of a panel.
type foursProduct struct {
	*lanes
	v    int
	bits reg.VecVirtual // the numbers from 0 to 15 as floats, which AVX-512 looks up, or what masks four bits
	sets int            // of sums, taken in turns
	from []operand.Mem
	sums []*foursSum // of each row, then once more for the other set
}

func (f *foursProduct) column(i int) int { return f.v*f.bytes/4 + i*foursPanel/2 }

// step adds the products with the row that follows so many others at q.
func (f *foursProduct) step(q reg.Register, others int) {
	low, high := f.fresh(), f.fresh()
	f.VPMOVZXBD(at(q, foursRow*others+f.v*f.bytes/4), low)
	f.VPSRLD(operand.Imm(4), low, high)
	if f.bytes == 64 {
		f.VPERMPS(f.bits, low, low)
		f.VPERMPS(f.bits, high, high)
	} else {
		f.VPAND(f.bits, low, low)
		f.VCVTDQ2PS(low, low)
		f.VCVTDQ2PS(high, high)
	}
	for r, from := range f.from {
		s, each := f.sums[others*len(f.from)+r], f.fresh()
		from.Disp += 4 * others
		f.VBROADCASTSS(from, each)
		f.VFMADD231PS(low, each, s.block[0])
		f.VFMADD231PS(high, each, s.block[1])
		f.VADDPS(each, s.x, s.x)
	}
}

// finish adds what the block at head has summed up: (sum - zero point · sum of
// x) · scale.
func (f *foursProduct) finish(head reg.Register) {
	rows := len(f.from)
	for i := range 2 {
		zero := f.fresh()
		f.VPMOVZXBD(at(head, foursScales+f.column(i)), zero)
		f.VCVTDQ2PS(zero, zero)
		scale := f.set(at(head, 4*f.column(i)))
		for r, s := range f.sums[:rows] {
			if f.sets == 2 {
				other := f.sums[rows+r]
				f.VADDPS(other.block[i], s.block[i], s.block[i])
				if i == 0 {
					f.VADDPS(other.x, s.x, s.x)
				}
			}
			f.VFNMADD231PS(zero, s.x, s.block[i])
			f.VFMADD231PS(scale, s.block[i], s.total[i])
		}
	}
}
