package kernel

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// blockedInt8Kernels are products with weights of a few bits in blocks where
// each block of a row of x is in int8, and bringing rows to that.
var blockedInt8Kernels = func() map[string]generator {
	all := everyVec(quantizeBlocksSignature, map[string]func(*lanes){"quantizeBlocks": (*lanes).quantizeBlocks})
	for width, name := range map[int]string{2: "Twos", 4: "Fours", 8: "Eights"} {
		dot, products := blockDot{width: width, dot: true}, blockDot{width: width}
		all["panelDot"+name+"AVX512"] = generator{panelWordsSignature, panelMul{wide, []int{6, 4, 2, 1}, dot.format(false)}.body}
		all["panelDot"+name+"AVX2"] = generator{panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, dot.format(true)}.body}
		all["panelMul"+name+"AVX2"] = generator{panelWordsSignature, panelMul{narrow, []int{4, 2, 1}, products.format(true)}.body}
	}
	return all
}()

const quantizeBlocksSignature = "func(dst *uint32, x *float32, blocks, block int)"

// A blockDot multiplies weights of so many bits with int8, by fours. A block of
// a panel is the zero points of its columns, words with some steps each, and the
// scales; a block of a row is less its sum, its words, and its scale.
type blockDot struct {
	width int
	dot   bool // with VPDPBUSD
}

func (d blockDot) format(slim bool) format {
	return format{products: d.products, slim: slim, blocks: true}
}

// A bitPlane is what is multiplied at a time of each byte of a word of w.
type bitPlane struct {
	shift, x int // where it begins; which of the words of x goes with it
	times    uint32
}

// planes are those of a word, which hold less than 8 bits where the sum of two
// products has to fit into 16.
func (d blockDot) planes() []bitPlane {
	if d.width == 8 && !d.dot {
		return []bitPlane{{0, 0, 1}, {4, 0, 16}}
	}
	all := make([]bitPlane, 8/d.width)
	for i := range all {
		all[i] = bitPlane{i * d.width, i, 1}
	}
	return all
}

// perWord is how many words of x go with a word of w.
func (d blockDot) perWord() int { return 8 / d.width }

// products adds those of one block to the sums.
func (d blockDot) products(t *tile, rows []reg.GPVirtual, w reg.GPVirtual) {
	vectors := t.vectors()
	whole := func(r, v int) reg.VecPhysical { return t.regs[vectors*(t.most+r)+v] } // the sum of a block
	free := t.regs[2*vectors*t.most:]
	words, b, x, spare := free[:vectors], free[vectors:2*vectors], free[2*vectors], free[2*vectors+1:]
	forward := func(by int) {
		for _, p := range rows {
			t.ADDQ(operand.U32(uint32(by)), p)
		}
	}

	mask := d.mask(t, spare)
	d.zeros(t, w, b)
	for r := range t.rows {
		t.VPBROADCASTD(rowOf(rows, r, t.ldx), x)
		for v := range b {
			t.VPMADDWD(x, b[v], whole(r, v))
		}
	}
	t.ADDQ(operand.U32(blockZeros), w)

	n := t.GP64()
	lead := bits.Len(uint(4*d.perWord())) - 1
	t.MOVQ(t.sx, n)
	t.SHRQ(operand.Imm(uint64(lead)), n)
	if outside := 8 >> lead; outside > 0 { // the sum and the scale of a block of x
		t.SUBQ(operand.U32(uint32(outside)), n)
	}
	label := fmt.Sprintf("words%d", t.rows)
	t.Label(label)
	for v := range words {
		t.PREFETCHT0(t.columns(w, v).Offset(blockAhead))
		t.VMOVUPS(t.columns(w, v), words[v])
	}
	for _, p := range d.planes() {
		for v := range words {
			d.plane(t, p, words[v], b[v], mask)
		}
		for r := range t.rows {
			t.VPBROADCASTD(rowOf(rows, r, t.ldx).Offset(4+4*p.x), x)
			for v := range b {
				d.multiply(t, p, x, b[v], whole(r, v), spare)
			}
		}
	}
	forward(4 * d.perWord())
	t.ADDQ(operand.U32(panelBytes), w)
	t.DECQ(n)
	t.JNZ(operand.LabelRef(label))

	for r := range t.rows {
		t.VBROADCASTSS(rowOf(rows, r, t.ldx).Offset(4), x)
		for v := range vectors {
			t.VCVTDQ2PS(whole(r, v), whole(r, v))
			t.VMULPS(x, whole(r, v), whole(r, v))
			t.VFMADD231PS(t.columns(w, v), whole(r, v), t.sum(r, v))
		}
	}
	t.ADDQ(operand.U32(panelBytes), w)
	forward(8)
}

// zeros widens the zero points of the tile's columns.
func (d blockDot) zeros(t *tile, w reg.GPVirtual, zero []reg.VecPhysical) {
	var column reg.GPVirtual
	if t.at != nil {
		column = t.GP64()
		t.MOVQ(t.at, column)
		t.SHRQ(operand.Imm(2), column)
	}
	for v := range zero {
		m := at(w, v*t.bytes/4)
		if column != nil {
			m.Index, m.Scale = column, 1
		}
		t.VPMOVZXBD(m, zero[v])
	}
}

// mask keeps the lowest bits of each byte that a plane has.
func (d blockDot) mask(t *tile, spare []reg.VecPhysical) operand.Op {
	mask := uint32(1)<<min(d.width, 4) - 1
	stored := (&lanes{asm: t.asm, vec: t.vec}).stored(mask | mask<<8 | mask<<16 | mask<<24)
	if t.bytes < 64 || len(d.planes()) == 1 {
		return stored
	}
	t.VPBROADCASTD(stored, spare[0])
	return spare[0]
}

// plane sets b to p of the words.
func (d blockDot) plane(t *tile, p bitPlane, words, b reg.VecPhysical, mask operand.Op) {
	from := words
	if p.shift > 0 {
		t.VPSRLD(operand.Imm(uint64(p.shift)), words, b)
		from = b
	}
	switch {
	case len(d.planes()) == 1:
		t.VMOVAPS(words, b)
	case t.bytes == 64:
		t.VPANDD(mask, from, b)
	default:
		t.VPAND(mask, from, b)
	}
}

// multiply adds to sum the products of the bytes of b and the int8 of x.
func (d blockDot) multiply(t *tile, p bitPlane, x, b, sum reg.VecPhysical, spare []reg.VecPhysical) {
	switch {
	case d.dot && t.bytes == 64:
		t.VPDPBUSD(x, b, sum)
	case d.dot:
		t.encodedVEX(vpdpbusd, x, b, sum)
	default:
		times := (&lanes{asm: t.asm, vec: t.vec}).stored(p.times<<16 | p.times)
		t.VPMADDUBSW(x, b, spare[0])
		t.VPMADDWD(times, spare[0], spare[0])
		t.VPADDD(spare[0], sum, sum)
	}
}

// quantizeBlocks takes whole blocks, of a multiple of 16 elements. What is not
// finite makes the greatest bits of all, and the scale of its block NaN.
func (l *lanes) quantizeBlocks() {
	dst, x, blocks, block := l.param("dst"), l.param("x"), l.param("blocks"), l.param("block")
	p, n := l.GP64(), l.GP64()
	absolute := l.set(l.word(0x7fffffff))
	l.Label("block")
	most, sum := l.set(l.c(0)), l.set(l.c(0))
	again := func(label string, body func()) {
		l.MOVQ(x, p)
		l.MOVQ(block, n)
		l.Label(label)
		body()
		l.ADDQ(operand.U32(uint32(l.bytes)), p)
		l.SUBQ(operand.U32(uint32(l.bytes/4)), n)
		l.JNZ(operand.LabelRef(label))
	}
	again("most", func() {
		v := l.fresh()
		l.VANDPS(at(p, 0), absolute, v)
		l.VPMAXSD(v, most, most)
	})
	greatest := l.reduce(most, func(b, a, y operand.Op) { l.VPMAXSD(b, a, y) }).AsX()
	scale, inverse, none := l.XMM(), l.XMM(), l.XMM()
	l.VDIVSS(l.stored(math.Float32bits(127)), greatest, scale)
	l.VMAXSS(l.stored(math.Float32bits(leastBlockScale)), scale, scale)
	l.VMOVSS(l.stored(math.Float32bits(1)), inverse)
	l.VDIVSS(scale, inverse, inverse)
	l.VSUBSS(greatest, greatest, none) // NaN if greatest is not finite
	l.VADDSS(none, scale, scale)
	by := l.fresh()
	l.VBROADCASTSS(inverse, by)
	l.ADDQ(operand.U32(4), dst)
	again("round", func() {
		v := l.fresh()
		l.VMULPS(at(p, 0), by, v)
		l.VCVTPS2DQ(v, v)
		l.VPADDD(v, sum, sum)
		if l.bytes == 64 {
			l.VPMOVSDB(v, at(dst, 0))
		} else {
			high := l.XMM()
			l.VEXTRACTI128(operand.Imm(1), v, high)
			l.VPACKSSDW(high, v.AsX(), high)
			l.VPACKSSWB(high, high, high)
			l.VMOVQ(high, at(dst, 0))
		}
		l.ADDQ(operand.U32(uint32(l.bytes/4)), dst)
	})
	total := l.reduce(sum, func(b, a, y operand.Op) { l.VPADDD(b, a, y) }).AsX()
	less := l.XMM()
	l.VPXOR(less, less, less)
	l.VPSUBD(total, less, less)
	l.MOVQ(dst, n)
	l.SUBQ(block, n)
	l.VMOVD(less, at(n, -4))
	l.VMOVSS(scale, at(dst, 0))
	l.ADDQ(operand.U32(4), dst)
	l.MOVQ(p, x)
	l.DECQ(blocks)
	l.JNZ(operand.LabelRef("block"))
}

// leastBlockScale is that of a block of nothing but 0; its inverse is finite.
const leastBlockScale = 1e-35
