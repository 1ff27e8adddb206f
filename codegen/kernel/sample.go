package kernel

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sampleKernels read rows at places from a table.
var sampleKernels = everyVec(sampleRowSignature, map[string]func(*lanes){"sampleRow": (*lanes).sampleRow})

const sampleRowSignature = "func(y, x *float32, first *int32, w *float32, n, taps, step int)"

// sampleRow reads for each tap one vector of x, where the first column's is,
// and takes from it what each column wants.
func (l *lanes) sampleRow() {
	y, x, first, w, n := l.param("y"), l.param("x"), l.param("first"), l.param("w"), l.param("n")
	taps, step := l.param("taps"), l.param("step")
	l.SHLQ(operand.Imm(2), step)
	l.loop("x", n, []reg.GPVirtual{y, first, w}, func(last bool) {
		begin, which := l.fresh(), l.load(at(first, 0), last)
		l.VPBROADCASTD(at(first, 0), begin)
		l.VPSUBD(begin, which, which)
		from, weight, left := l.GP64(), l.GP64(), l.GP64()
		l.MOVLQSX(at(first, 0), from)
		l.LEAQ(operand.Mem{Base: x, Index: from, Scale: 4}, from)
		l.MOVQ(w, weight)
		l.MOVQ(taps, left)
		seen := l.fresh()
		l.VPERMPS(at(from, 0), which, seen)
		sum := l.mul(seen, l.load(at(weight, 0), last))
		loop, end := fmt.Sprint("taps_", last), fmt.Sprint("sum_", last)
		l.Label(loop)
		l.DECQ(left)
		l.JZ(operand.LabelRef(end))
		l.ADDQ(operand.Imm(4), from)
		l.ADDQ(step, weight)
		l.VPERMPS(at(from, 0), which, seen)
		l.VFMADD231PS(l.load(at(weight, 0), last), seen, sum)
		l.JMP(operand.LabelRef(loop))
		l.Label(end)
		l.store(sum, at(y, 0), last)
	})
}
