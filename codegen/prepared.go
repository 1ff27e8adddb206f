package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// Steps of the main function that depend on sizes and weights alone, such as the tables of rotary embeddings, the causal masks and
// the relative positions that exporters write out, are done by the emitted prepare, when sizes change: what they compute keeps its
// memory. Within the functions that a model repeats they stay, where each repetition would keep memory of its own.

// prepareFirst moves the steps of main that prepare does to the front, and notes how many they are.
func (g *generator) prepareFirst() {
	main := g.main()
	kept := g.prepared()
	var first, rest []step
	for _, s := range main.steps {
		if s.node != nil && kept[s.node] {
			first = append(first, s)
		} else {
			rest = append(rest, s)
		}
	}
	main.steps, main.prepared = append(first, rest...), len(first)
}

// prepared finds the nodes among main's steps that need nothing of an input but its sizes.
func (g *generator) prepared() map[*ir.Node]bool {
	all := map[*ir.Node]bool{}
	shown := g.shown()
	for _, s := range g.main().steps {
		if s.node != nil && g.canPrepare(s.node, all) && !slices.ContainsFunc(s.node.Results, func(r *ir.Value) bool { return shown[r] }) {
			all[s.node] = true
		}
	}
	for again := true; again; {
		again = false
		for n := range all {
			if n.Op == ir.Expand && !g.feeds(n, all) { // a copy is made as fast as it is read
				delete(all, n)
				again = true
			}
		}
	}
	return all
}

// canPrepare reports whether n can be among the steps of prepare if those nodes are.
func (g *generator) canPrepare(n *ir.Node, others map[*ir.Node]bool) bool {
	if len(n.Bodies) > 0 || n.Op.Random() || len(n.Large()) > 0 || definesDims(n) {
		return false
	}
	for _, r := range n.Results {
		if r.Type.Kind != ir.Tensor || g.onHeap(r) {
			return false
		}
	}
	for _, a := range n.Args {
		if a != nil && (a.Def == nil || !leaf(a.Def) && !others[a.Def]) {
			return false
		}
	}
	return true
}

// feeds reports whether a node of the set reads n.
func (g *generator) feeds(n *ir.Node, set map[*ir.Node]bool) bool {
	for m := range set {
		if slices.ContainsFunc(m.Args, func(a *ir.Value) bool { return a != nil && a.Def == n }) {
			return true
		}
	}
	return false
}

// shown are the values that may be the memory of results, which is the caller's to change until the next run.
func (g *generator) shown() map[*ir.Value]bool {
	shown := map[*ir.Value]bool{}
	for _, v := range g.p.Main.Results {
		for ; v != nil && !shown[v]; v = v.Def.ArgAt(0) {
			shown[v] = true
			if v.Def == nil || !slices.Contains([]*ir.Op{ir.Identity, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten, ir.Transpose}, v.Def.Op) {
				break
			}
		}
	}
	return shown
}
