package onnx

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// automatic are the names that torch.onnx.export makes up for dimensions that it is given as numbers.
var automatic = regexp.MustCompile(`_dynamic_axes_[0-9]+$`)

// broadcasting are the operators at which two dimensions meet that are the same, or one of which is 1.
var broadcasting = []*ir.Op{ir.Add, ir.Sub, ir.Mul, ir.Div, ir.Pow, ir.Where, ir.And, ir.Or, ir.Equal, ir.Less, ir.LessOrEqual, ir.Greater,
	ir.GreaterOrEqual, ir.Min, ir.Max}

// unified finds out which dimensions without a name of their own are the same as others: where exporters leave out names, the lengths of
// tokens and of their mask are two dimensions, and nothing could be known of what is computed from both. Two that meet where tensors are
// added or the like are one; a model whose inputs are 1 there for want of more than 1 must name them. The result is what to put in the
// place of names.
func unified(f *ir.Func, unnamed map[string]bool) map[string]ir.Dim {
	same, at := map[string]ir.Dim{}, map[string]int{}
	for _, p := range f.Params {
		for _, d := range p.Type.Shape {
			if name, ok := d.Name(); ok && at[name] == 0 {
				at[name] = len(at) + 1
			}
		}
	}
	join := func(x, y ir.Dim) {
		x, y = x.Subst(same), y.Subst(same)
		u, ok1 := x.Name()
		v, ok2 := y.Name()
		if !unnamed[u] {
			u, v, y = v, u, x
		}
		if !ok1 || !ok2 || u == v || !unnamed[u] || strings.HasPrefix(v, "?") { // which only the data decides
			return
		}
		if unnamed[v] && at[u] < at[v] { // the one that comes last goes
			u, y = v, ir.Sym(u)
		}
		for name, d := range same {
			same[name] = d.Subst(map[string]ir.Dim{u: y})
		}
		same[u] = y
	}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		for i := range n.Args {
			for k := range i {
				meet(n, n.TypeAt(k), n.TypeAt(i), join)
			}
		}
	})
	return same
}

// meet joins the dimensions of two arguments of n that must be the same.
func meet(n *ir.Node, x, y ir.Type, join func(x, y ir.Dim)) {
	if !x.Ranked() || !y.Ranked() {
		return
	}
	r, s := x.Rank(), y.Rank()
	switch {
	case slices.Contains(broadcasting, n.Op):
		for k := 1; k <= min(r, s); k++ {
			join(x.Shape[r-k], y.Shape[s-k])
		}
	case n.Op == ir.Concat:
		axis, err := ir.Axis(n.Int("axis"), r)
		for k := 0; err == nil && r == s && k < r; k++ {
			if k != axis {
				join(x.Shape[k], y.Shape[k])
			}
		}
	case n.Op == ir.MatMul && r > 1 && s > 1:
		join(x.Shape[r-1], y.Shape[s-2])
		for k := 3; k <= min(r, s); k++ {
			join(x.Shape[r-k], y.Shape[s-k])
		}
	}
}
