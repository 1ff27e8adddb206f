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
	all := map[string]generator{}
	for _, t := range []map[string]generator{
		onBoth("func(y, x, w *float32, at *int, taps, rows, cols, yRow, xRow int, bias, least, most float32)", map[string]func(*lanes){"slideSum": func(l *lanes) {
			l.slide(slideFold{eight, l.all("bias"), eachTap(func(t reg.Register) reg.Register {
				return l.everywhere(operand.Mem{Base: l.param("w"), Index: t, Scale: 4})
			}, func(sum, w reg.Register, x operand.Mem, last bool) {
				switch {
				case l.arm64():
					l.plusTimes(sum, w, l.load(x, last))
				case !last:
					l.VFMADD231PS(x, w, sum)
				case l.bytes == 64:
					l.VFMADD231PS(x, w, l.bits, sum)
				default:
					l.VFMADD231PS(l.load(x, last), w, sum)
				}
			}), (*lanes).limited})
		}}),
		onBoth("func(y, x, w *float32, at *int, triples, pairs, singles, wStep, rows, cols, yRow, xRow int, bias, least, most float32)", map[string]func(*lanes){"slideRuns": func(l *lanes) {
			l.slide(slideFold{seven, l.all("bias"), (*lanes).runs, (*lanes).limited})
		}}),
		onBoth("func(y, x *float32, at *int, taps, rows, cols, yRow, xRow int)", map[string]func(*lanes){"slideMax": func(l *lanes) {
			least := l.set(l.c(math.Inf(-1)))
			var nan reg.Register
			if l.bytes == 64 {
				nan = l.K()
			}
			l.slide(slideFold{eight, least, eachTap(func(t reg.Register) reg.Register { return nil }, func(most, _ reg.Register, x operand.Mem, last bool) {
				const unordered = 3
				v := l.load(x, last)
				switch {
				case l.arm64():
					l.arm("FMAX", most, most, v)
				case l.bytes == 64:
					l.VCMPPS(operand.Imm(unordered), v, v, nan)
					l.VMAXPS(most, v, most)
					l.VMOVAPS(v, nan, most)
				default:
					l.VMOVAPS(l.orNaN(v, l.max(v, most)), most)
				}
			}), nil})
		}}),
		everyVec(takePiecesSignature, map[string]func(*lanes){"takePieces": (*lanes).takePieces}),
		{"fetchRowsAVX2": {fetchRowsSignature, fetchRows}},
		everyVec(spreadRowsSignature, map[string]func(*lanes){"spreadRows": (*lanes).spreadRows}),
		everyVec(splitRowsSignature, map[string]func(*lanes){"splitRows": (*lanes).splitRows}),
	} {
		maps.Copy(all, t)
	}
	return all
}()

const (
	takePiecesSignature = "func(dst, x *float32, at *int, k int, pieces *int, n int)"
	fetchRowsSignature  = "func(x *float32, rows, cols, xRow int)"
	spreadRowsSignature = "func(to, x *float32, rows, cols, toRow, xRow int)"
	splitRowsSignature  = "func(even, odd, x *float32, rows, cols, toRow, xRow int)"
)

// A slideFold is what becomes of the elements that an output sees: with begin
// it begins, taps takes in what rows see, of which the first is at p and the
// others ld bytes apart, and end changes what has come of it, if it is not nil.
type slideFold struct {
	high  []int // how many rows at a time: the first as often as they fit, then each once
	begin reg.Register
	taps  func(l *lanes, name string, acc []reg.VecVirtual, p, ld, third reg.GPVirtual, last bool)
	end   func(l *lanes, acc []reg.VecVirtual)
}

// Heights of slideFold: so many sums are enough not to wait for each other. The
// images that networks make of 224 x 224 have multiples of seven rows.
var (
	eight = []int{8, 7, 6, 5, 4, 3, 2, 1}
	seven = []int{7, 4, 2, 1}
)

// limited brings sums between the limits. NaN stays.
func (l *lanes) limited(sums []reg.VecVirtual) {
	least, most := l.all("least"), l.all("most")
	for _, sum := range sums {
		if l.arm64() {
			l.arm("FMAX", sum, sum, least)
			l.arm("FMIN", sum, sum, most)
			continue
		}
		l.VMAXPS(sum, least, sum)
		l.VMINPS(sum, most, sum)
	}
}

// eachTap takes in one tap after the other: tap is called once for each tap t,
// add takes in a vector at x.
func eachTap(tap func(t reg.Register) reg.Register, add func(acc, tap reg.Register, x operand.Mem, last bool)) func(
	l *lanes, name string, acc []reg.VecVirtual, p, ld, third reg.GPVirtual, last bool) {
	return func(l *lanes, name string, acc []reg.VecVirtual, p, ld, third reg.GPVirtual, last bool) {
		t, at := l.GP64(), l.param("at")
		l.clear(t)
		l.Label(name + "_taps")
		from := l.rowsFrom(p, operand.Mem{Base: at, Index: t, Scale: 8}, third, len(acc))
		w := tap(t)
		for r := range acc {
			add(acc[r], w, rowOf(from, r, ld), last)
		}
		l.countUp(t, "taps", name+"_taps")
	}
}

// rowsFrom is a pointer to each third of so many rows, of which the first is as
// many elements behind p as stands at that place.
func (l *lanes) rowsFrom(p reg.GPVirtual, at operand.Mem, third reg.GPVirtual, rows int) []reg.GPVirtual {
	from := []reg.GPVirtual{l.GP64()}
	l.read(at, from[0])
	l.point(operand.Mem{Base: p, Index: from[0], Scale: 4}, from[0])
	for r := 3; r < rows; r += 3 {
		next := l.GP64()
		l.point(operand.Mem{Base: from[len(from)-1], Index: third, Scale: 1}, next)
		from = append(from, next)
	}
	return from
}

// runs takes in runs of three taps, of two and of one, the taps of a run being
// one row below the other: so each vector that is loaded is for up to three
// sums. Vectors that lie across two lines of the cache, as nearly all do, take
// their time.
func (l *lanes) runs(name string, acc []reg.VecVirtual, p, ld, third reg.GPVirtual, last bool) {
	at, step := l.param("at"), l.param("wStep")
	l.shift(step, 2)
	for i, count := range []string{"singles", "pairs", "triples"} {
		length := i + 1
		left := l.param(count)
		label := name + "_" + count
		l.jumpIfZero(left, label+"_end")
		l.Label(label)
		from, weight := l.rowsFrom(p, operand.Mem{Base: at}, third, len(acc)+i), l.GP64()
		l.read(operand.Mem{Base: at, Disp: 8}, weight)
		l.shift(weight, 2)
		l.increaseByParam(weight, "w")
		w := make([]reg.VecVirtual, length)
		for q := range w {
			m := operand.Mem{Base: weight}
			if q > 0 {
				m.Index, m.Scale = step, uint8(q)
			}
			w[q] = l.everywhere(m)
		}
		for r := range len(acc) + i {
			x := l.load(rowOf(from, r, ld), last)
			for q := range w {
				if r >= q && r-q < len(acc) {
					l.plusTimes(acc[r-q], w[q], x)
				}
			}
		}
		l.increaseBy(at, 16)
		l.countDown(left, label)
		l.Label(label + "_end")
	}
}

// slide goes down the rows for each vector of columns.
func (l *lanes) slide(f slideFold) {
	x, y, cols := l.counting("x"), l.counting("y"), l.counting("cols") // there are too few registers
	rows := l.counter()
	strip := func(label string, last bool) {
		p, q, ld, third, ldy := l.GP64(), l.GP64(), l.GP64(), l.GP64(), l.GP64()
		x.to(p)
		y.to(q)
		l.reload("xRow", ld)
		l.reload("yRow", ldy)
		l.shift(ld, 2)
		l.shift(ldy, 2)
		l.point(operand.Mem{Base: ld, Index: ld, Scale: 2}, third)
		rows.set(l.param("rows"))
		for _, high := range f.high {
			name := fmt.Sprint(label, high)
			l.Label(name)
			rows.jumpIfLess(high, name+"_end")
			l.slideRows(name, f, high, p, q, ld, third, ldy, last)
			rows.decreaseBy(high)
			if high == f.high[0] {
				l.jump(name)
			}
			l.Label(name + "_end")
		}
	}
	l.Label("columns")
	cols.jumpIfLess(l.bytes/4, "rest")
	strip("whole", false)
	x.increaseBy(l.bytes)
	y.increaseBy(l.bytes)
	cols.decreaseBy(l.bytes / 4)
	l.jump("columns")
	l.Label("rest")
	n := l.GP64()
	cols.to(n)
	l.jumpIfZero(n, "end")
	if l.arm64() {
		l.slideAgain(n, x, y, cols)
	}
	l.some(n)
	strip("some", true)
	l.Label("end")
}

// slideAgain does a whole vector for the last n columns, some once more: what
// is loaded and stored by element takes long. It goes on where there are too
// few.
func (l *lanes) slideAgain(n reg.GPVirtual, x, y, cols counter) {
	l.jumpIfLess(l.param("cols"), l.bytes/4, "few")
	back := l.GP64()
	l.copy(n, back)
	l.shift(back, 2)
	for _, p := range []counter{x, y} {
		l.increase(p.r, back)
		p.decreaseBy(l.bytes)
	}
	l.arm("MOVD", cols.r, operand.U32(uint32(l.bytes/4)))
	l.jump("columns")
	l.Label("few")
}

// slideRows does so many rows of a vector of columns, and moves p and q below
// them.
func (l *lanes) slideRows(name string, f slideFold, high int, p, q, ld, third, ldy reg.GPVirtual, last bool) {
	acc := make([]reg.VecVirtual, high)
	for i := range acc {
		acc[i] = l.set(f.begin)
	}
	f.taps(l, name, acc, p, ld, third, last)
	if f.end != nil {
		f.end(l, acc)
	}
	for r := range high {
		l.store(acc[r], operand.Mem{Base: q}, last)
		l.increase(q, ldy)
	}
	down := l.GP64()
	l.multiple(down, ld, high)
	l.increase(p, down)
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

// fetchRows brings rows near, but not in the way of what is nearest.
func fetchRows(a *asm) {
	x, rows, cols, ld := a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.Load(a.Param("x"), x)
	a.Load(a.Param("rows"), rows)
	a.Load(a.Param("cols"), cols)
	a.Load(a.Param("xRow"), ld)
	a.SHLQ(operand.Imm(2), cols)
	a.SHLQ(operand.Imm(2), ld)
	a.Label("rows")
	i := a.GP64()
	a.XORL(i.As32(), i.As32())
	a.Label("lines")
	a.PREFETCHT1(operand.Mem{Base: x, Index: i, Scale: 1})
	a.ADDQ(operand.U32(lineBytes), i)
	a.CMPQ(i, cols)
	a.JLT(operand.LabelRef("lines"))
	a.ADDQ(ld, x)
	a.DECQ(rows)
	a.JNZ(operand.LabelRef("rows"))
	a.RET()
}

// spreadRows has one mask for what is left behind the whole vectors of a row.
func (l *lanes) spreadRows() {
	to, x := l.param("to"), l.param("x")
	l.eachRow([]reg.GPVirtual{to}, x, l.bytes, func(i, left reg.GPVirtual) func(last bool) {
		l.some(left)
		return func(last bool) {
			y := l.load(operand.Mem{Base: x, Index: i, Scale: 1}, last)
			l.store(y, operand.Mem{Base: to, Index: i, Scale: 1}, last)
		}
	})
}

// splitRows takes a vector of pairs at a time. Shuffles do not cross the
// quarters of a vector, so that these come in the wrong order first.
func (l *lanes) splitRows() {
	even, odd, x := l.param("even"), l.param("odd"), l.param("x")
	l.eachRow([]reg.GPVirtual{even, odd}, x, 2*l.bytes, func(i, left reg.GPVirtual) func(last bool) {
		mask := func(n reg.Register) reg.Register {
			l.some(n)
			return l.bits
		}
		zero, n, lanes := l.GP64(), l.GP64(), l.GP64()
		l.XORL(zero.As32(), zero.As32())
		l.MOVQ(operand.U32(uint32(l.bytes/4)), lanes)
		l.MOVQ(left, n)
		l.CMPQ(n, lanes)
		l.CMOVQGT(lanes, n)
		low := mask(n)
		l.MOVQ(left, n)
		l.SUBQ(lanes, n)
		l.CMOVQLT(zero, n)
		high := mask(n)
		l.LEAQ(operand.Mem{Base: left, Disp: 1}, n)
		l.SHRQ(operand.Imm(1), n)
		evens := mask(n)
		l.SHRQ(operand.Imm(1), left)
		odds := mask(left)
		var order reg.VecVirtual
		if l.bytes == 64 {
			order = l.set(l.constant("quarters_in_order", 8, func(i int) uint64 { return uint64(2*i%8 + i/4) }))
		}
		return func(last bool) {
			l.bits = low
			a := l.load(operand.Mem{Base: x, Index: i, Scale: 2}, last)
			l.bits = high
			b := l.load(operand.Mem{Base: x, Index: i, Scale: 2, Disp: l.bytes}, last)
			for k, to := range []reg.GPVirtual{even, odd} {
				y := l.fresh()
				l.VSHUFPS(operand.Imm([]uint64{0b10001000, 0b11011101}[k]), b, a, y)
				if l.bytes == 64 {
					l.VPERMPD(y, order, y)
				} else {
					l.VPERMPD(operand.Imm(0b11011000), y, y)
				}
				l.bits = []reg.Register{evens, odds}[k]
				l.store(y, operand.Mem{Base: to, Index: i, Scale: 1}, last)
			}
		}
	})
}

// eachRow goes through rows, each step taking so many bytes of x. start is
// told where the offset of the targets will be and how many columns are left
// for the last step, and gives what a step does.
func (l *lanes) eachRow(to []reg.GPVirtual, x reg.GPVirtual, step int, start func(i, left reg.GPVirtual) func(last bool)) {
	i, left, whole := l.GP64(), l.GP64(), l.GP64()
	l.Load(l.Param("cols"), left)
	l.MOVQ(left, whole)
	l.ANDQ(operand.I32(int32(step/4-1)), left)
	l.SUBQ(left, whole)
	l.SHLQ(operand.Imm(uint64(2)), whole)
	if step == 2*l.bytes {
		l.SHRQ(operand.Imm(1), whole) // of the targets
	}
	rest := l.GP64()
	l.MOVQ(left, rest)
	body := start(i, left)
	toRow, xRow := l.param("toRow"), l.param("xRow")
	l.SHLQ(operand.Imm(2), toRow)
	l.SHLQ(operand.Imm(2), xRow)
	l.Label("rows")
	l.XORL(i.As32(), i.As32())
	l.Label("whole")
	l.CMPQ(i, whole)
	l.JGE(operand.LabelRef("last"))
	body(false)
	l.ADDQ(operand.U32(uint32(l.bytes)), i)
	l.JMP(operand.LabelRef("whole"))
	l.Label("last")
	l.TESTQ(rest, rest)
	l.JZ(operand.LabelRef("next"))
	body(true)
	l.Label("next")
	l.ADDQ(xRow, x)
	for _, p := range to {
		l.ADDQ(toRow, p)
	}
	l.DECQ(paramOf(l.asm, "rows"))
	l.JNZ(operand.LabelRef("rows"))
}
