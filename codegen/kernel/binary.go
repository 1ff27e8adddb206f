package kernel

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// binaryKernels are y[i] = f(a[i], b[i]); with aStep or bStep 0 the same
// vector of a or b is read again and again.
var binaryKernels = onBoth("func(y, a, b *float32, n, aStep, bStep int)", map[string]func(*lanes){
	"add32": binary((*lanes).addNew),
	"sub32": binary((*lanes).subNew),
	"mul32": binary((*lanes).mulNew),
	"div32": binary((*lanes).divNew),
	"max32": binary(func(l *lanes, a, b reg.Register) reg.VecVirtual { return l.orNaN(a, l.max(a, b)) }),
	"min32": binary(func(l *lanes, a, b reg.Register) reg.VecVirtual { return l.orNaN(a, l.min(a, b)) }),
})

func (l *lanes) addNew(a, b reg.Register) reg.VecVirtual { return l.add(a, b) }
func (l *lanes) subNew(a, b reg.Register) reg.VecVirtual { return l.sub(a, b) }
func (l *lanes) mulNew(a, b reg.Register) reg.VecVirtual { return l.mul(a, b) }
func (l *lanes) divNew(a, b reg.Register) reg.VecVirtual { return l.div(a, b) }

// orNaN is a where that is NaN, else m: the other operand's NaN is in m.
func (l *lanes) orNaN(a, m reg.Register) reg.VecVirtual {
	const unordered = 3
	if l.arm64() {
		return m.(reg.VecVirtual) // in which either's NaN is
	}
	y := l.fresh()
	if l.bytes == 64 {
		k := l.K()
		l.VCMPPS(operand.Imm(unordered), a, a, k)
		l.VBLENDMPS(a, m, k, y)
		return y
	}
	is := l.YMM()
	l.VCMPPS(operand.Imm(unordered), a, a, is)
	l.VBLENDVPS(is, a, m, y)
	return y
}

func binary(f func(l *lanes, a, b reg.Register) reg.VecVirtual) func(*lanes) {
	return func(l *lanes) {
		y, a, b, n := l.param("y"), l.param("a"), l.param("b"), l.param("n")
		aStep, bStep := l.param("aStep"), l.param("bStep")
		for _, step := range []reg.Register{aStep, bStep} {
			l.times(step, l.bytes)
		}
		l.each("x", n, []reg.GPVirtual{y}, func(last bool) {
			l.store(f(l, l.load(at(a, 0), last), l.load(at(b, 0), last)), at(y, 0), last)
			if !last {
				l.increase(a, aStep)
				l.increase(b, bStep)
			}
		})
	}
}
