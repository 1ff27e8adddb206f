package passes

import (
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// qkv makes one product of those that compute an attention's queries, keys and values from the same input: a larger matrix is read once
// and multiplies better. The weights stand side by side; Split takes the result apart.
func qkv(p *ir.Program, c *Count) bool {
	if c.Off("qkv") {
		return false
	}
	w := &rewriter{graph: newGraph(p), fired: c.fired}
	for _, f := range w.funcs {
		for i := 0; i < len(f.Nodes); i++ {
			if n := f.Nodes[i]; n.Op == ir.Attention || n.Op == ir.DualAttention {
				w.projections(f, n)
				i = slices.Index(f.Nodes, n)
			}
		}
	}
	w.sweep()
	return false
}

// projections finds what computes the arguments of an attention, by what they are computed from.
func (w *rewriter) projections(f *ir.Func, n *ir.Node) {
	var groups [][]*ir.Node
	sides := n.Args[:3]
	if n.Op == ir.DualAttention {
		sides = n.Args[:6]
	}
	for _, v := range sides {
		l := w.projection(f, v)
		if l == nil {
			continue
		}
		i := slices.IndexFunc(groups, func(g []*ir.Node) bool {
			return g[0].Args[0] == l.Args[0] && len(g[0].Args) == len(l.Args) && g[0].TypeAt(1).Elem == l.TypeAt(1).Elem
		})
		switch {
		case i < 0:
			groups = append(groups, []*ir.Node{l})
		case !slices.Contains(groups[i], l):
			groups[i] = append(groups[i], l)
		}
	}
	for _, g := range groups {
		if len(g) > 1 {
			w.join(f, g)
		}
	}
}

// projection is the Linear that v is computed by, but for the cutting and picking of heads, the turning of positions and casts; nil if there is none.
func (w *rewriter) projection(f *ir.Func, v *ir.Value) *ir.Node {
	for v != nil && (v.Is(ir.Reshape) || v.Is(ir.Transpose) || v.Is(ir.Gather) || v.Is(ir.RotaryEmbedding) || v.Is(ir.Cast)) {
		v = v.Def.Args[0]
	}
	if !v.Is(ir.Linear) || w.owner[v.Def] != f || v.Def.Str("act") != "" || v.Def.Arg("r") != nil {
		return nil
	}
	m := &Match{P: w.p}
	for _, a := range v.Def.Args[1:] {
		if d := m.data(a); d == nil || !d.Elem.IsFloat() {
			return nil
		}
	}
	return v.Def
}

// join replaces the Linears, of one input, by one.
func (w *rewriter) join(f *ir.Func, g []*ir.Node) {
	order := func(n *ir.Node) int { return slices.Index(f.Nodes, n) }
	first := slices.MinFunc(g, func(a, b *ir.Node) int { return order(a) - order(b) })
	at := order(first)
	b := &ir.Builder{F: f, At: at, Name: first.Name}
	m := &Match{P: w.p}
	args := []*ir.Value{first.Args[0]}
	for k := 1; k < len(first.Args); k++ {
		var parts []*ir.Data
		var names []string
		for _, n := range g {
			parts = append(parts, m.data(n.Args[k]))
			if n.Args[k].Is(ir.Weight) {
				names = append(names, n.Args[k].Def.Str("name"))
			}
		}
		d := concatData(parts, len(parts[0].Shape)-1)
		name := newName(w.p, strings.Join(names, "+"))
		w.p.Weights[name] = d
		args = append(args, b.New(ir.Weight, ir.Attrs{"name": name, "type": d.Type()}))
	}
	var sizes []int64
	for _, n := range g {
		size, _ := n.TypeAt(1).Shape[1].Const()
		sizes = append(sizes, int64(size))
	}
	y := b.New(ir.Linear, nil, args...)
	parts := b.NewN(ir.Split, len(g), ir.Attrs{"axis": y.Type.Rank() - 1}, y, b.Vector(sizes...))
	for _, n := range f.Nodes[at:b.At] {
		w.add(f, n)
	}
	for i, n := range g {
		refine(parts[i], n.Out().Type)
		w.replace(n.Out(), parts[i])
	}
	w.fired["qkv"]++
}
