package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// general is n with everything left open that its function need not know: sizes have names, and the attributes that it passes on have
// values that occur nowhere else. What remains decides how the expansion looks: ranks, element types, axes of length 1, and which
// numbers of heads are the same.
type general struct {
	f      *ir.Func
	node   *ir.Node
	ratios map[string][2]ir.Dim // sizes that no axis has: how often the second number of heads goes into the first
	passed map[float64]string   // the attribute that a number stands for
}

// probe is the value by which an attribute is found again in the expansion; numbers of 32 bits have it exactly.
func probe(i int) float64 { return float64(7_340_033 + 2*i) }

// generalize is an error where the operator is used in a way that no function can be written for; then the node is expanded in its place.
func (c *custom) generalize(n *ir.Node) (*general, error) {
	if e := n.TypeAt(0).Elem; e != ir.F32 && e != ir.F16 && e != ir.BF16 {
		return nil, fmt.Errorf("elements are %s: attributes have 32 bits", e)
	}
	g := &general{f: ir.NewFunc(n.Op.Name), ratios: map[string][2]ir.Dim{}, passed: map[float64]string{}}
	args, err := g.arguments(c, n)
	if err != nil {
		return nil, err
	}
	attrs := ir.Attrs{}
	maps.Copy(attrs, n.Attrs)
	for i, name := range c.passed {
		_, isInt := attrs[name].(int64)
		switch {
		case isInt:
			attrs[name] = int64(probe(i))
		case always(name) || attrs[name] != nil:
			attrs[name] = probe(i)
		default:
			continue
		}
		g.passed[probe(i)] = name
	}
	g.node, err = ir.NewBuilder(g.f).Add(n.Op, len(n.Results), attrs, nil, args...)
	if err != nil {
		return nil, err
	}
	g.f.Return(g.node.Results...)
	return g, nil
}

// arguments are parameters with general types; nil for those that n has not.
func (g *general) arguments(c *custom, n *ir.Node) ([]*ir.Value, error) {
	sizes, wide, err := g.sizes(c, n)
	if err != nil {
		return nil, err
	}
	args := make([]*ir.Value, len(n.Args))
	for i, name := range n.Op.ArgNames()[:len(n.Args)] {
		a := n.Args[i]
		if a == nil {
			continue
		}
		shape := make([]ir.Dim, a.Type.Rank())
		for k, axis := range axesOf(c.axes[name], a.Type.Rank()) {
			switch shape[k] = sizes[axis]; {
			case !a.Type.Shape[k].Is(1):
			case isHeads(axis) && !broadcasts(c.axes[name]):
				shape[k] = sizes[oneHead]
			case broadcasts(c.axes[name]) || wide[axis]:
				shape[k] = ir.N(1)
			}
		}
		args[i] = g.f.Param(name, ir.T(a.Type.Elem, shape...))
	}
	return args, nil
}

// oneHead is where sizes has what a single head is among others, or alone.
const oneHead = "one head"

// sizes are the general sizes of axes, by name. Wide are those of leading axes that are not 1 everywhere.
func (g *general) sizes(c *custom, n *ir.Node) (sizes map[string]ir.Dim, wide map[string]bool, err error) {
	sizes, wide = map[string]ir.Dim{"1": ir.N(1), oneHead: ir.N(1)}, map[string]bool{}
	count := map[string]ir.Dim{}
	for i, name := range n.Op.ArgNames() {
		t := n.TypeAt(i)
		if n.ArgAt(i) == nil {
			continue
		}
		if !t.Ranked() {
			return nil, nil, fmt.Errorf("the rank of %s is not known", name)
		}
		if !broadcasts(c.axes[name]) && t.Rank() < 2 {
			return nil, nil, fmt.Errorf("%s is %s", name, t)
		}
		for k, axis := range axesOf(c.axes[name], t.Rank()) {
			if _, ok := sizes[axis]; !ok {
				sizes[axis] = ir.Sym(axis)
			}
			if broadcasts(c.axes[name]) {
				continue
			}
			if isHeads(axis) {
				count[axis] = t.Shape[k]
			}
			wide[axis] = wide[axis] || !t.Shape[k].Is(1)
		}
	}
	if n.Op == ir.DualAttention && n.Arg("kn") == nil {
		sizes["Dn"] = sizes["D"]
	}
	return sizes, wide, g.heads(count, sizes)
}

// heads gives equal numbers of heads the same name, and makes each a multiple of the next smaller one.
func (g *general) heads(count, sizes map[string]ir.Dim) error {
	var distinct []ir.Dim
	for _, axis := range slices.Sorted(maps.Keys(count)) {
		if d := count[axis]; !slices.ContainsFunc(distinct, d.Equal) {
			distinct = append(distinct, d)
		}
	}
	if len(distinct) > 1 {
		distinct = slices.DeleteFunc(distinct, func(d ir.Dim) bool { return d.Is(1) })
	} else if len(distinct) == 1 && distinct[0].Is(1) {
		sizes[oneHead] = ir.Sym("H") // it may as well be more
	}
	for _, d := range distinct {
		if !d.IsConst() && len(distinct) > 1 {
			return fmt.Errorf("%s heads and others", d)
		}
	}
	slices.SortFunc(distinct, func(d, e ir.Dim) int { x, _ := d.Const(); y, _ := e.Const(); return x - y })
	of := make([]ir.Dim, len(distinct))
	for i, d := range distinct {
		if i == 0 {
			of[0] = ir.Sym("H")
			continue
		}
		x, _ := d.Const()
		if y, _ := distinct[i-1].Const(); y == 0 || x%y != 0 {
			return fmt.Errorf("%s heads and %s", distinct[i-1], d)
		}
		name := fmt.Sprintf("R%d", i)
		of[i] = ir.Sym(name).Mul(of[i-1])
		g.ratios[name] = [2]ir.Dim{of[i], of[i-1]}
	}
	for axis, d := range count {
		if k := slices.IndexFunc(distinct, d.Equal); k >= 0 {
			sizes[axis] = of[k]
		}
	}
	return nil
}

func isHeads(axis string) bool { return axis[0] == 'H' }

func broadcasts(axes string) bool { return axes[0] == '~' }

// axesOf are the names of all axes of a tensor whose last ones have names; those before are B1, B2 ... from the back.
func axesOf(names string, rank int) []string {
	last := strings.Fields(strings.TrimPrefix(names, "~"))
	axes := make([]string, rank)
	for i := range axes {
		if k := i + len(last) - rank; k >= 0 {
			axes[i] = last[k]
		} else {
			axes[i] = fmt.Sprintf("B%d", -k)
		}
	}
	return axes
}

// ratio is the numbers of heads whose quotient that name stands for.
func (g *general) ratio(name string) (r [2]ir.Dim, ok bool) {
	if g != nil {
		r, ok = g.ratios[name]
	}
	return r, ok
}

// ratio writes how often one number of heads goes into another. The larger one cannot be computed from its name, for that has the
// quotient in it; it is read where an argument has it.
func (w *graphWriter) ratio(name string, r [2]ir.Dim) (string, error) {
	for _, p := range w.general.f.Params {
		for axis, d := range p.Type.Shape {
			if !d.Equal(r[0]) {
				continue
			}
			small, err := w.dim(r[1])
			out := w.unique(name)
			w.node("Div", "", []string{w.axis(extent{w.names[p], axis}, "heads"), small}, []string{out})
			return out, err
		}
	}
	return "", fmt.Errorf("no argument has %s heads", r[0])
}

// passOn makes an attribute refer to that of the function if its value stands for one.
func (w *graphWriter) passOn(a *pb.AttributeProto, v any) *pb.AttributeProto {
	if ref := w.general.attr(v); ref != "" {
		return &pb.AttributeProto{Name: a.Name, Type: a.Type, RefAttrName: ref}
	}
	return a
}

// passedConstant writes a constant whose value stands for an attribute of the function.
func (w *graphWriter) passedConstant(name string, d *ir.Data) bool {
	if w.general == nil || d.Len() != 1 || len(d.Shape) != 0 || !d.Elem.IsFloat() && d.Elem != ir.I64 {
		return false
	}
	ref := w.general.attr(d.Float(0))
	if ref == "" {
		return false
	}
	a := &pb.AttributeProto{Name: "value_float", Type: pb.AttributeProto_FLOAT, RefAttrName: ref}
	if d.Elem == ir.I64 {
		a.Name, a.Type = "value_int", pb.AttributeProto_INT
	}
	w.node("Constant", "", nil, []string{name}).Attribute = []*pb.AttributeProto{a}
	return true
}

// attr is the name of the attribute that a value stands for, "" if it stands for itself.
func (g *general) attr(v any) string {
	if g == nil {
		return ""
	}
	switch v := v.(type) {
	case float64:
		return g.passed[v]
	case int64:
		return g.passed[float64(v)]
	}
	return ""
}
