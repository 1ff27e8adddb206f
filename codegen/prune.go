package codegen

import (
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// prune drops the nodes that no result of f needs: neither their values nor the sizes that only they find out.
func prune(f *ir.Func) {
	p := &pruner{live: map[*ir.Node]bool{}, sizes: map[string]bool{}}
	for p.grew = true; p.grew; {
		p.grew = false
		p.mark(f, map[*ir.Value]bool{})
	}
	p.sweep(f)
}

type pruner struct {
	live  map[*ir.Node]bool
	sizes map[string]bool // nodes, as freshName has them, that live ones ask for sizes
	grew  bool
}

func (p *pruner) mark(f *ir.Func, values map[*ir.Value]bool) {
	for _, r := range f.Results {
		values[r] = true
	}
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n := f.Nodes[i]
		wanted := slices.ContainsFunc(n.Results, func(v *ir.Value) bool { return values[v] })
		if !wanted && !p.sizes[n.Fresh(0).String()] {
			continue
		}
		if !p.live[n] {
			p.live[n], p.grew = true, true
		}
		sizesOf(n, func(name string) {
			if !p.sizes[name] {
				p.sizes[name], p.grew = true, true
			}
		})
		for _, a := range n.Args {
			values[a] = true
		}
		for _, b := range n.Bodies {
			p.mark(b, values)
		}
	}
}

func (p *pruner) sweep(f *ir.Func) {
	f.Nodes = slices.DeleteFunc(f.Nodes, func(n *ir.Node) bool { return !p.live[n] })
	for _, n := range f.Nodes {
		for _, b := range n.Bodies {
			p.sweep(b)
		}
	}
}

// sizesOf calls use for the first fresh name of each node that finds out a size that n's results have or hold.
func sizesOf(n *ir.Node, use func(name string)) {
	names := map[string]bool{}
	for _, r := range n.Results {
		for _, d := range r.Type.Shape {
			d.Names(names)
		}
	}
	if s, ok := n.Attrs["value"].(ir.SymData); ok {
		for _, d := range s.Dims {
			d.Names(names)
		}
	}
	for name := range names {
		if strings.HasPrefix(name, "?") {
			first, _, _ := strings.Cut(name, ".")
			use(first)
		}
	}
}

// findSizes notes the nodes that others ask for sizes, so that they run even where nobody reads their values.
func (g *generator) findSizes() {
	g.sizes = map[string]bool{}
	g.p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		own := n.Fresh(0).String()
		sizesOf(n, func(name string) {
			if name != own {
				g.sizes[name] = true
			}
		})
	})
}
