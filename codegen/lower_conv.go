package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// lowerConv32 takes the weights packed where that is faster, else as they are.
func lowerConv32(e *emitter, n *ir.Node) error {
	if f32(n) != nil || !e.turnsConv(n) {
		return sliding32((*emitter).windows, "conv32(CTX, y, x0, x1, x2, shape(y), shape(x0), SLIDING, @group)")(e, n)
	}
	s, err := e.windows(n)
	if err != nil {
		return err
	}
	bias := "nil"
	if e.Has(n, 2) {
		bias = e.X(n, 2)
	}
	e.Call("convTurned32", e.Ctx(), e.Y(n, 0), e.X(n, 0), e.g.weightExpr(e.fn, n.Args[1], turnedLayout), bias,
		e.Shape(n.Out()), e.Shape(n.Args[0]), s)
	return nil
}

// turnsConv reports whether the kernel convTurned32 serves n and every other node that has the same weights: they are in the file once.
func (e *emitter) turnsConv(n *ir.Node) bool {
	if !turnable(n) {
		return false
	}
	uses := e.g.p.Main.Uses()
	e.g.p.Main.Walk(func(_ *ir.Func, user *ir.Node) {
		if user.Op == ir.Conv && turnable(user) {
			uses[user.Args[1]]--
		}
	})
	return !slices.ContainsFunc(e.fn.each(n.Args[1]), func(w *ir.Value) bool { return uses[w] > 0 })
}

// turnable reports whether n is faster with convTurned32 than with conv32, as measured on AMD Zen 5 with one thread and with two. What it
// gains is that the weights come from memory in one piece, and that no columns are computed beside the image: the more, the more weights
// there are for each output. What it loses is that results have to be turned, and where features do not fill panels.
func turnable(n *ir.Node) bool {
	x, w, y := n.TypeAt(0), n.TypeAt(1), n.Out().Type
	if n.Int("group") != 1 || !stored(n.Args[1]) || w.Elem != ir.F32 || y.Rank() < 3 || x.Rank() != y.Rank() {
		return false
	}
	shape, known := w.Static()
	size, constant := ir.Product(y.Shape[2:]).Const()
	if !known || !constant || size < 2 {
		return false
	}
	features, taps := shape[0], (&ir.Data{Shape: shape[1:]}).Len()
	if features < 32 || 4*features < 3*((features+31)&^31) || taps < 64 {
		return false
	}
	if taps == shape[1] && ir.EqualDims(x.Shape[2:], y.Shape[2:]) { // nothing has to be packed
		return size <= 28*28 || size <= 56*56 && taps >= max(features, 128)
	}
	return size <= 8*8 || size <= 16*16 && features*taps >= 1<<18
}
