package codegen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

func lowerConv32(e *emitter, n *ir.Node) error {
	if err := servesConv(n); err != nil {
		return err
	}
	e.conv32(n, n.Out(), "sequel{}")
	return nil
}

// servesConv says why the kernels cannot do n.
func servesConv(n *ir.Node) error {
	if err := cmp.Or(f32(n), checkNode(n, numbers)); err != nil {
		return err
	}
	if n.TypeAt(0).Rank() > 5 {
		return errShape
	}
	_, err := n.Windows(n.TypeAt(0).Shape[2:], n.KernelShape(n.TypeAt(1)))
	return err
}

// behindConv is the region of a convolution, a residual that is added to it and the limits that this is brought between, of which root is
// the last one; nil if root is no such node.
func (pl *plan) behindConv(root *ir.Node) *region {
	r, v := &region{}, root.Out()
	if root.Op == ir.Relu || root.Op == ir.Clip {
		r.nodes, r.args, v = []*ir.Node{root}, root.Args[1:], root.Args[0]
	}
	if n := v.Def; n != nil && n.Op == ir.Add && pl.nodes[n] && fuses(n) && (n == root || pl.within(v, map[*ir.Node]bool{root: true})) {
		at := slices.IndexFunc(n.Args, func(x *ir.Value) bool { return pl.takesIn(x.Def, n, root) })
		if at < 0 || !ir.EqualDims(n.Args[1-at].Type.Shape, n.Out().Type.Shape) {
			return nil
		}
		r.nodes, r.args, v = append([]*ir.Node{n}, r.nodes...), append([]*ir.Value{n.Args[1-at]}, r.args...), n.Args[at]
	}
	if len(r.nodes) == 0 || !pl.takesIn(v.Def, r.nodes[0], root) {
		return nil
	}
	r.conv = v.Def
	r.nodes = append([]*ir.Node{r.conv}, r.nodes...)
	r.args = slices.DeleteFunc(append(slices.Clone(r.conv.Args), r.args...), func(a *ir.Value) bool { return a == nil })
	return r
}

// takesIn reports whether n is a convolution of this function whose kernel can do next, which alone reads it, and what is behind that up to
// root.
func (pl *plan) takesIn(n, next, root *ir.Node) bool {
	if n == nil || n.Op != ir.Conv || !pl.nodes[n] || servesConv(n) != nil || definesDims(n) || len(n.Large()) > 0 || pl.prepares(n.Out()) {
		return false
	}
	return pl.within(n.Out(), map[*ir.Node]bool{next: true}) && len(pl.uses[n.Out()]) == 1 && ir.EqualDims(n.Out().Type.Shape, root.Out().Type.Shape)
}

// sequel is what r does behind its convolution, as a literal.
func (e *emitter) sequel(r *region) string {
	var fields []string
	v := r.conv.Out()
	for _, n := range r.nodes[1:] {
		switch n.Op {
		case ir.Add:
			x := n.Args[0]
			if x == v {
				x = n.Args[1]
			}
			fields = append(fields, "add: "+e.Val(x))
		case ir.Relu:
			fields = append(fields, "least: zero[:]")
		case ir.Clip:
			for i, name := range []string{"least", "most"} {
				if e.Has(n, 1+i) {
					fields = append(fields, name+": "+e.X(n, 1+i))
				}
			}
		}
		v = n.Out()
	}
	return "sequel{" + strings.Join(fields, ", ") + "}"
}

// conv32 writes the call that sets y to what the sequel makes of the convolution n. It takes the weights packed where that is faster,
// else as they are.
func (e *emitter) conv32(n *ir.Node, y *ir.Value, sequel string) {
	s, err := e.windows(n)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	bias := "nil"
	if e.Has(n, 2) {
		bias = e.X(n, 2)
	}
	x := n.TypeAt(0).Shape
	shape := fmt.Sprintf("[]int{%s, %s", e.Dim(x[0]), e.agreed(x[1], n.TypeAt(1).Shape[1].Mul(ir.N(n.Int("group")))))
	for _, d := range x[2:] {
		shape += ", " + e.Dim(d)
	}
	shape += "}"
	w := e.convWeights(n)
	if w == turnedLayout {
		e.Call("convTurned32", e.Ctx(), e.Y(y.Def, 0), e.X(n, 0), e.g.weightExpr(e.fn, n.Args[1], w), bias, e.Shape(y), shape, s, sequel)
		return
	}
	weights := e.X(n, 1)
	if w != plainLayout {
		weights = e.g.weightExpr(e.fn, n.Args[1], w)
	}
	e.Call("conv32", e.Ctx(), e.Y(y.Def, 0), e.X(n, 0), weights, bias, e.Shape(y), shape, s, n.Int("group"), sequel)
}

// convWeights is the layout of n's weights that is best for it, if that is so for every other node that has the same weights: they are
// in the file once.
func (e *emitter) convWeights(n *ir.Node) layout {
	best := bestConvWeights(n)
	if best == plainLayout {
		return best
	}
	uses := e.g.p.Main.Uses()
	e.g.p.Main.Walk(func(_ *ir.Func, user *ir.Node) {
		if user.Op == ir.Conv && bestConvWeights(user) == best {
			uses[user.Args[1]]--
		}
	})
	if slices.ContainsFunc(e.fn.each(n.Args[1]), func(w *ir.Value) bool { return uses[w] > 0 }) {
		return plainLayout
	}
	return best
}

// bestConvWeights is the layout in which the kernels read the weights of n fastest.
func bestConvWeights(n *ir.Node) layout {
	w, y := n.TypeAt(1), n.Out().Type
	shape, known := w.Static()
	if !stored(n.Args[1]) || w.Elem != ir.F32 || !known || y.Rank() < 3 {
		return plainLayout
	}
	if turnable(n) {
		return turnedLayout
	}
	groups := n.Int("group")
	size, constant := ir.Product(y.Shape[2:]).Const()
	if constant && size < 2 || !lib.ConvCornered(shape[0]/groups, (&ir.Data{Shape: shape[1:]}).Len()) {
		return plainLayout
	}
	return corneredLayout(groups)
}

// turnable reports whether n is faster with convTurned32 than with conv32, as measured on AMD Zen 5 with one thread and with two. What it
// gains is that the weights come from memory in one piece, and that no columns are computed beside the image: the more, the more weights
// there are for each output. What it loses is that results have to be turned, and where features do not fill panels.
func turnable(n *ir.Node) bool {
	x, w, y := n.TypeAt(0), n.TypeAt(1), n.Out().Type
	if n.Int("group") != 1 || x.Rank() != y.Rank() {
		return false
	}
	shape, _ := w.Static()
	size, constant := ir.Product(y.Shape[2:]).Const()
	if !constant || size < 2 {
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
