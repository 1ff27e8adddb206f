package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A graph knows who uses what in a program and keeps knowing it through rewrites, so that a rewrite does not cost a walk over all nodes.
type graph struct {
	p     *ir.Program
	funcs []*ir.Func
	owner map[*ir.Node]*ir.Func // of the nodes that are alive
	uses  map[*ir.Value]int     // arguments and function results
	users map[*ir.Value][]*ir.Node
	died  bool // nodes without an owner wait to be swept
}

func newGraph(p *ir.Program) *graph {
	g := &graph{p: p, owner: map[*ir.Node]*ir.Func{}, uses: map[*ir.Value]int{}, users: map[*ir.Value][]*ir.Node{}}
	g.addFunc(p.Main)
	return g
}

func (g *graph) addFunc(f *ir.Func) {
	g.funcs = append(g.funcs, f)
	for _, n := range f.Nodes {
		g.add(f, n)
	}
	for _, r := range f.Results {
		g.uses[r]++
	}
}

func (g *graph) add(f *ir.Func, n *ir.Node) {
	g.owner[n] = f
	for _, a := range n.Args {
		if a != nil {
			g.uses[a]++
			g.users[a] = append(g.users[a], n)
		}
	}
	for _, b := range n.Bodies {
		g.addFunc(b)
	}
}

// replace makes all that use old use v, and lets die what nobody needs any more.
func (g *graph) replace(old, v *ir.Value) {
	users := g.users[old]
	delete(g.users, old)
	for _, n := range users {
		for i, a := range n.Args {
			if a == old && g.alive(n) {
				n.Args[i] = v
				g.uses[v]++
				g.uses[old]--
				g.users[v] = append(g.users[v], n)
			}
		}
	}
	for _, f := range g.funcs {
		for i, r := range f.Results {
			if r == old {
				f.Results[i] = v
				g.uses[v]++
				g.uses[old]--
			}
		}
	}
	if old.Def != nil {
		g.kill(old.Def)
	}
}

// kill removes n if nobody uses it, and then what only n used.
func (g *graph) kill(n *ir.Node) {
	if !g.alive(n) || slices.ContainsFunc(n.Results, func(r *ir.Value) bool { return g.uses[r] > 0 }) {
		return
	}
	g.release(n)
}

func (g *graph) alive(n *ir.Node) bool { return g.owner[n] != nil }

func (g *graph) release(n *ir.Node) {
	delete(g.owner, n)
	g.died = true
	drop := func(v *ir.Value) {
		if g.uses[v]--; g.uses[v] == 0 && v.Def != nil {
			g.kill(v.Def)
		}
	}
	for _, a := range n.Args {
		if a != nil {
			drop(a)
		}
	}
	for _, b := range n.Bodies {
		g.funcs = slices.DeleteFunc(g.funcs, func(f *ir.Func) bool { return f == b })
		for _, r := range b.Results {
			drop(r)
		}
		for _, c := range b.Nodes {
			if g.alive(c) {
				g.release(c)
			}
		}
	}
}

// sweep takes the dead nodes out of their functions.
func (g *graph) sweep() {
	if !g.died {
		return
	}
	for _, f := range g.funcs {
		f.Nodes = slices.DeleteFunc(f.Nodes, func(n *ir.Node) bool { return !g.alive(n) })
	}
	g.died = false
}
