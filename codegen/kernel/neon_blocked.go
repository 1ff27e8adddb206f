package kernel

import "fmt"

// neonBlocks writes kernels for weights of so many bits in blocks. To be a
// float32, an element less its zero point is put into the lowest bits of 2²³,
// with as much more as it takes not to be less than 0, and all that is taken
// away again. That is exact, and faster than a conversion on many processors.
type neonBlocks int

// aboveBits is the upper half of 2²³, and what comes to the lower half: so a
// vector of nothing else is what is to be taken away.
const aboveBits = 0x4B00

// A blockTile is the registers for so many rows of x and 16 or all 32 columns of
// a panel: the groups 0 and 1. Of each vector there are four to a group: the
// first has columns 0 to 3.
type blockTile struct {
	*neon
	width  int
	groups []int
	rows   int

	scale, less  int // four and two to each group; less is what the elements are added to, in 16 bits
	above, mask  int
	shift        int // of each byte of a group, where a row has fewer than that
	q, w, h0, h1 int // the row; four vectors of its elements
	x            int // an element of a row of x
}

// newBlockTile sets the registers that do not change. All are behind those of
// the sums.
func (n *neon) newBlockTile(width, sums, rows int, groups ...int) *blockTile {
	t, next := &blockTile{neon: n, width: width, groups: groups, rows: rows}, sums
	take := func(count int) int {
		next += count
		return next - count
	}
	t.scale, t.less, t.above = take(4*len(groups)), take(2*len(groups)), take(1)
	t.op("MOVD $%#x, R19", aboveBits)
	t.op("VDUP R19, V%d.H8", t.above)
	if width < 8 {
		t.mask = take(1)
		t.op("VMOVI $%d, V%d.B16", 1<<width-1, t.mask)
	}
	if width == 2 {
		t.shift = take(len(groups))
		for i, g := range groups {
			for half := range 2 {
				t.op("MOVD $%d, R19", int64(uint64(uint8(-4*g-2*half))*0x0101010101010101)) // to the right
				t.op("VMOV R19, V%d.D[%d]", t.shift+i, half)
			}
		}
	}
	t.w, t.h0, t.h1, t.x = take(4), take(1), take(1), take(1)
	if t.q = t.w + 3; len(groups) > 1 {
		t.q = take(1)
	}
	return t
}

// sum is vector v of a row in the group i of the tile's.
func (t *blockTile) sum(i, r, v int) int { return 4*(i*t.rows+r) + v }

// begin reads the scales and zero points of the block at R6.
func (t *blockTile) begin() {
	for i, g := range t.groups {
		t.op("ADD $%d, R6, R19", 64*g)
		t.op("VLD1 (R19), %s", four(t.scale+4*i))
		t.op("FMOVQ %d(R6), F%d", blockScales+16*g, t.x)
		for half, code := range []uint32{usubw8, usubw8b} {
			d := t.less + 2*i + half
			t.word(code, fmt.Sprintf("USUBW V%d.8H, V%d.8H, V%d", d, t.above, t.x), d, t.above, t.x)
		}
	}
}

// row reads the row at R2.
func (t *blockTile) row() {
	switch {
	case t.width == 4:
		t.op("FMOVQ (R2), F%d", t.q)
	case t.width == 2:
		t.op("VLD1R (R2), [V%d.D2]", t.q)
	}
}

// elements makes of the row the numbers that it stands for, in the columns of
// group i.
func (t *blockTile) elements(i int) {
	b := t.w + 3
	switch {
	case t.width == 8:
		t.op("FMOVQ %d(R2), F%d", 16*t.groups[i], b)
	case t.width == 2:
		t.word(ushl16, fmt.Sprintf("USHL V%d.16B, V%d.16B, V%d.16B", b, t.q, t.shift+i), b, t.q, t.shift+i)
		t.op("VAND V%d.B16, V%d.B16, V%d.B16", t.mask, b, b)
	case t.groups[i] == 0:
		t.op("VAND V%d.B16, V%d.B16, V%d.B16", t.mask, t.q, b)
	default:
		t.op("VUSHR $4, V%d.B16, V%d.B16", t.q, b)
	}
	t.op("VUADDW V%d.B8, V%d.H8, V%d.H8", b, t.less+2*i, t.h0)
	t.op("VUADDW2 V%d.B16, V%d.H8, V%d.H8", b, t.less+2*i+1, t.h1)
	for v, h := range []int{t.h0, t.h0, t.h1, t.h1} {
		t.op("VZIP%d V%d.H8, V%d.H8, V%d.H8", 1+v%2, t.above, h, t.w+v)
	}
	for v := range 4 {
		t.sub(t.w+v, t.w+v, t.above)
	}
	for v := range 4 {
		t.mul(t.w+v, t.w+v, t.scale+4*i+v)
	}
}

// widen takes a row at a time.
//
//	R0 dst  R2 q  R3 rows  R6 head
func (b neonBlocks) widen(n *neon) {
	n.load("dst", "R0")
	n.load("q", "R2")
	n.load("head", "R6")
	n.load("rows", "R3")
	t := n.newBlockTile(int(b), 0, 0, 0, 1)
	t.begin()
	n.label("row")
	t.row()
	for i := range t.groups {
		t.elements(i)
		n.op("VST1.P %s, 64(R0)", four(t.w))
	}
	n.op("ADD $%d, R2", 4*b)
	n.op("SUBS $1, R3")
	n.op("BNE row")
	n.op("RET")
}

// mul does as many rows of x at a time as there are registers for, then fewer,
// for each half of the panel: the weights are widened for each of these anew.
//
//	R0 y  R1 x  R2 q  R3 m  R4 k  R5 ldx  R6 head  R7 rows left in the block  R8 first  R10 to R13 rows of x
func (b neonBlocks) mul(n *neon) {
	n.load("y", "R0")
	n.load("x", "R1")
	n.load("m", "R3")
	n.load("ldx", "R5")
	n.op("LSL $2, R5")
	for _, rows := range []int{4, 2, 1} {
		n.label(fmt.Sprint("rows", rows))
		n.op("CMP $%d, R3", rows)
		n.op("BLT done%d", rows)
		for g := range 2 {
			n.load("q", "R2")
			n.load("head", "R6")
			n.newBlockTile(int(b), 4*rows, rows, g).sums(fmt.Sprintf("%d_%d", rows, g))
		}
		n.op("MOVD $%d, R19", rows)
		n.op("MADD R19, R1, R5, R1")
		n.op("ADD $%d, R0", blockScales*rows)
		n.op("SUB $%d, R3", rows)
		n.op("B rows%d", rows)
		n.label(fmt.Sprint("done", rows))
	}
	n.op("RET")
}

// mulRow does one panel after the other, all columns of it at once, and fetches
// what is as far in the next.
//
//	R3 panels  R14 size  R16 q of the panel  R17 head of it; the others as for mul
func (b neonBlocks) mulRow(n *neon) {
	n.load("y", "R0")
	n.load("x", "R1")
	n.load("q", "R16")
	n.load("head", "R17")
	n.load("size", "R14")
	n.op("LSL $2, R14")
	n.op("MOVD $4, R3")
	n.label("panel")
	n.op("MOVD R16, R2")
	n.op("MOVD R17, R6")
	n.newBlockTile(int(b), 8, 1, 0, 1).sums("row")
	n.op("ADD $%d, R0", blockScales)
	n.op("ADD R14, R16")
	n.op("ADD R14, R17")
	n.op("SUBS $1, R3")
	n.op("BNE panel")
	n.op("RET")
}

// sums multiplies the tile's rows of x from R1 on, and stores what becomes of
// them from R0 on.
func (t *blockTile) sums(name string) {
	t.load("k", "R4")
	t.load("first", "R8")
	t.op("MOVD R1, R10")
	for r := 1; r < t.rows; r++ {
		t.op("ADD R5, R%d, R%d", 9+r, 10+r)
	}
	t.zero(4 * t.rows * len(t.groups))
	t.label("block" + name)
	t.begin()
	t.load("block", "R7")
	t.op("SUB R8, R7")
	t.op("CMP R4, R7")
	t.op("CSEL LT, R7, R4, R7")
	t.op("SUB R7, R4")
	t.label("step" + name)
	if len(t.groups) > 1 {
		t.op("WORD $%#08x /* PRFM (R2)(R14) */", prfm|14<<16|2<<5)
	}
	t.row()
	for i := range t.groups {
		t.elements(i)
		for r := range t.rows {
			if i == 0 {
				t.op("FMOVS.P 4(R%d), F%d", 10+r, t.x)
			}
			for v := range 4 {
				t.element(fmla4, "FMLA", t.sum(i, r, v), t.w+v, t.x, 0)
			}
		}
	}
	t.op("ADD $%d, R2", 4*t.width)
	t.op("SUBS $1, R7")
	t.op("BNE step%s", name)
	t.op("MOVD R2, R6") // where the next block begins
	t.op("ADD $%d, R2", blockScales+blockZeros)
	t.op("MOVD $0, R8")
	t.op("CBNZ R4, block%s", name)
	for i, g := range t.groups {
		for r := range t.rows {
			t.op("ADD $%d, R0, R19", blockScales*r+64*g)
			t.op("VST1 %s, (R19)", four(t.sum(i, r, 0)))
		}
	}
}
