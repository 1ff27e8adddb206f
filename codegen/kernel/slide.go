package kernel

import (
	"fmt"
	"maps"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// slideKernels are kernels that slide over images.
var slideKernels = func() map[string]generator {
	all := map[string]generator{
		"splitPairsAVX2": {"func(even, odd, x *float32, n int)", splitPairs},
	}
	for _, t := range []map[string]generator{
		everyVec("func(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias float32)", map[string]func(*lanes){"slideSum": func(l *lanes) {
			bias := l.all("bias")
			l.slide(slideFold{bias, func(t reg.Register) reg.Register {
				w, v := l.param("w"), l.fresh()
				l.VBROADCASTSS(operand.Mem{Base: w, Index: t, Scale: 4}, v)
				return v
			}, func(sum, w reg.Register, x operand.Mem, last bool) {
				switch {
				case !last:
					l.VFMADD231PS(x, w, sum)
				case l.bytes == 64:
					l.VFMADD231PS(x, w, l.bits, sum)
				default:
					l.VFMADD231PS(l.load(x, last), w, sum)
				}
			}})
		}}),
		everyVec("func(y, x *float32, at *int, taps, rows, cols, yRow, xRow int)", map[string]func(*lanes){"slideMax": func(l *lanes) {
			least := l.set(l.c(math.Inf(-1)))
			var nan reg.Register
			if l.bytes == 64 {
				nan = l.K()
			}
			l.slide(slideFold{least, func(t reg.Register) reg.Register { return nil }, func(most, _ reg.Register, x operand.Mem, last bool) {
				const unordered = 3
				v := l.load(x, last)
				if l.bytes == 64 {
					l.VCMPPS(operand.Imm(unordered), v, v, nan)
					l.VMAXPS(most, v, most)
					l.VMOVAPS(v, nan, most)
				} else {
					l.VMOVAPS(l.orNaN(v, l.max(v, most)), most)
				}
			}})
		}}),
		everyVec("func(dst, x *float32, at *int, k int, pieces *int, n int)", map[string]func(*lanes){"takePieces": (*lanes).takePieces}),
	} {
		maps.Copy(all, t)
	}
	return all
}()

// A slideFold is what becomes of the elements that an output sees: with begins
// one, tap is called once for each tap t, and add takes in a vector at x.
type slideFold struct {
	begin reg.Register
	tap   func(t reg.Register) reg.Register
	add   func(acc, tap reg.Register, x operand.Mem, last bool)
}

// slide goes down the rows for each vector of columns, up to eight at a time:
// so many sums are enough not to wait for each other.
func (l *lanes) slide(f slideFold) {
	x, y, cols := paramOf(l.asm, "x"), paramOf(l.asm, "y"), paramOf(l.asm, "cols") // there are too few registers
	rows := l.AllocLocal(8)
	strip := func(label string, last bool) {
		p, q, ld, third, ldy := l.GP64(), l.GP64(), l.GP64(), l.GP64(), l.GP64()
		l.MOVQ(x, p)
		l.MOVQ(y, q)
		l.Load(l.Param("xRow"), ld)
		l.Load(l.Param("yRow"), ldy)
		l.SHLQ(operand.Imm(2), ld)
		l.SHLQ(operand.Imm(2), ldy)
		l.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, third)
		n := l.GP64()
		l.Load(l.Param("rows"), n)
		l.MOVQ(n, rows)
		for _, high := range []int{8, 4, 2, 1} {
			name := fmt.Sprint(label, high)
			l.Label(name)
			l.CMPQ(rows, operand.U32(uint32(high)))
			l.JLT(operand.LabelRef(name + "_end"))
			l.slideRows(name, f, high, p, q, ld, third, ldy, last)
			l.SUBQ(operand.U32(uint32(high)), rows)
			if high == 8 {
				l.JMP(operand.LabelRef(name))
			}
			l.Label(name + "_end")
		}
	}
	l.Label("columns")
	l.CMPQ(cols, operand.U32(uint32(l.bytes/4)))
	l.JLT(operand.LabelRef("rest"))
	strip("whole", false)
	l.ADDQ(operand.U32(uint32(l.bytes)), x)
	l.ADDQ(operand.U32(uint32(l.bytes)), y)
	l.SUBQ(operand.U32(uint32(l.bytes/4)), cols)
	l.JMP(operand.LabelRef("columns"))
	l.Label("rest")
	n := l.param("cols")
	l.TESTQ(n, n)
	l.JZ(operand.LabelRef("end"))
	l.some(n)
	strip("some", true)
	l.Label("end")
}

// slideRows does so many rows of a vector of columns, and moves p and q below
// them.
func (l *lanes) slideRows(name string, f slideFold, high int, p, q, ld, third, ldy reg.GPVirtual, last bool) {
	acc := make([]reg.VecVirtual, high)
	for i := range acc {
		acc[i] = l.set(f.begin)
	}
	t, at := l.GP64(), l.param("at")
	l.XORL(t.As32(), t.As32())
	l.Label(name + "_taps")
	from := []reg.GPVirtual{l.GP64()}
	l.MOVQ(operand.Mem{Base: at, Index: t, Scale: 8}, from[0])
	l.LEAQ(operand.Mem{Base: p, Index: from[0], Scale: 4}, from[0])
	for r := 3; r < high; r += 3 {
		next := l.GP64()
		l.LEAQ(operand.Mem{Base: from[len(from)-1], Index: third, Scale: 1}, next)
		from = append(from, next)
	}
	tap := f.tap(t)
	for r := range high {
		f.add(acc[r], tap, rowOf(from, r, ld), last)
	}
	l.INCQ(t)
	l.CMPQ(t, paramOf(l.asm, "taps"))
	l.JLT(operand.LabelRef(name + "_taps"))
	for r := range high {
		l.store(acc[r], operand.Mem{Base: q}, last)
		l.ADDQ(ldy, q)
	}
	l.LEAQ(operand.Mem{Base: p, Index: ld, Scale: uint8(min(high, 8))}, p)
}

// takePieces copies whole vectors: what is too much of one, the next piece or
// the next row writes over.
func (l *lanes) takePieces() {
	dst, x, at, k := l.param("dst"), l.param("x"), l.param("at"), l.param("k")
	pieces, n := l.param("pieces"), l.param("n")
	l.SHLQ(operand.Imm(4), n)
	l.Label("rows")
	from, i := l.GP64(), l.GP64()
	l.MOVQ(operand.Mem{Base: at}, from)
	l.LEAQ(operand.Mem{Base: x, Index: from, Scale: 4}, from)
	l.XORL(i.As32(), i.As32())
	l.Label("pieces")
	a, b := l.GP64(), l.GP64()
	l.MOVQ(operand.Mem{Base: pieces, Index: i, Scale: 1}, a)
	l.MOVQ(operand.Mem{Base: pieces, Index: i, Scale: 1, Disp: 8}, b)
	var v []reg.VecVirtual
	for d := 0; d < pieceBytes; d += l.bytes {
		v = append(v, l.set(operand.Mem{Base: from, Index: a, Scale: 4, Disp: d}))
	}
	for j := range v {
		l.VMOVUPS(v[j], operand.Mem{Base: dst, Index: b, Scale: 4, Disp: j * l.bytes})
	}
	l.ADDQ(operand.U32(16), i)
	l.CMPQ(i, n)
	l.JLT(operand.LabelRef("pieces"))
	l.ADDQ(operand.U32(8), at)
	l.ADDQ(operand.U32(panelBytes), dst)
	l.DECQ(k)
	l.JNZ(operand.LabelRef("rows"))
}

// pieceBytes is what takePieces copies at a time.
const pieceBytes = 16 * 4

// splitPairs takes eight pairs at a time. Shuffles do not cross the halves of
// a vector, so that the quarters come in the wrong order first.
func splitPairs(a *asm) {
	l := &lanes{asm: a, vec: narrow}
	even, odd, x, n := l.param("even"), l.param("odd"), l.param("x"), l.param("n")
	l.Label("loop")
	low, high := l.set(at(x, 0)), l.set(at(x, 32))
	for i, to := range []reg.GPVirtual{even, odd} {
		y := l.YMM()
		l.VSHUFPS(operand.Imm([]uint64{0b10001000, 0b11011101}[i]), high, low, y)
		l.VPERMPD(operand.Imm(0b11011000), y, y)
		l.VMOVUPS(y, at(to, 0))
		l.ADDQ(operand.U32(32), to)
	}
	l.ADDQ(operand.U32(64), x)
	l.SUBQ(operand.U32(8), n)
	l.JNZ(operand.LabelRef("loop"))
	l.VZEROUPPER()
	l.RET()
}
