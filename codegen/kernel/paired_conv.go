package kernel

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pairedConvKernels prepare what a convolution multiplies by pairs.
var pairedConvKernels = map[string]generator{
	"columnMomentsAVX512": {"func(dst, w *float32, ld, units, rest int)", onLanes((*lanes).columnMoments)},
}

func (l *lanes) columnMoments() {
	dst, w, ld, units, rest := l.param("dst"), l.param("w"), l.param("ld"), l.param("units"), l.param("rest")
	l.SHLQ(operand.Imm(2), ld)
	third, fourth := l.GP64(), l.GP64()
	l.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, third)
	var corners, squares [2]reg.VecVirtual
	for v := range corners {
		corners[v], squares[v] = l.full(0), l.full(0)
	}
	l.TESTQ(units, units)
	l.JZ(operand.LabelRef("rest"))
	l.Label("unit")
	l.LEAQ(operand.Mem{Base: w, Index: ld, Scale: 4}, fourth)
	for v := range corners {
		var x [pairedSteps]reg.VecVirtual
		for i := range x {
			x[i] = l.set(rowAt([]reg.GPVirtual{w, fourth}[i/4], i%4, ld, third, v*l.bytes))
			l.VFMADD231PS(x[i], x[i], squares[v])
		}
		l.VFMADD231PS(x[1], x[2], corners[v])
		l.VFNMADD231PS(x[4], x[5], corners[v])
	}
	l.LEAQ(operand.Mem{Base: fourth, Index: ld, Scale: 2}, w)
	l.DECQ(units)
	l.JNZ(operand.LabelRef("unit"))
	l.Label("rest")
	l.TESTQ(rest, rest)
	l.JZ(operand.LabelRef("end"))
	l.Label("step")
	for v, sum := range squares {
		x := l.set(at(w, v*l.bytes))
		l.VFMADD231PS(x, x, sum)
	}
	l.ADDQ(ld, w)
	l.DECQ(rest)
	l.JNZ(operand.LabelRef("step"))
	l.Label("end")
	for v := range corners {
		l.VMOVUPS(corners[v], at(dst, v*l.bytes))
		l.VMOVUPS(squares[v], at(dst, panelBytes+v*l.bytes))
	}
}
