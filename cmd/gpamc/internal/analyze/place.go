package analyze

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// A graph knows how the nodes of a function lie to each other.
type graph struct {
	f     *ir.Func
	index map[*ir.Node]int
	after []int // of each node: the next one that everything computed from it goes through; len(f.Nodes) is the end
	depth []int // of each node: how many such follow it
}

func newGraph(f *ir.Func) *graph {
	g := &graph{f: f, index: map[*ir.Node]int{}, after: make([]int, len(f.Nodes)+1), depth: make([]int, len(f.Nodes)+1)}
	users := make([][]int, len(f.Nodes))
	note := func(v *ir.Value, user int) {
		if i, ok := g.index[v.Def]; ok && v.Def != nil {
			users[i] = append(users[i], user)
		}
	}
	for i, n := range f.Nodes {
		uses(n, func(v *ir.Value) { note(v, i) })
		g.index[n] = i
	}
	for _, v := range f.Results {
		note(v, len(f.Nodes))
	}
	end := len(f.Nodes)
	for i := end - 1; i >= 0; i-- {
		meet := -1
		for _, u := range users[i] {
			meet = g.meet(meet, u)
		}
		if meet < 0 {
			meet = end // nobody uses it
		}
		g.after[i], g.depth[i] = meet, g.depth[meet]+1
	}
	return g
}

// meet is the first node that everything from a and everything from b goes through; -1 stands for nothing.
func (g *graph) meet(a, b int) int {
	if a < 0 {
		return b
	}
	for a != b {
		if g.depth[a] >= g.depth[b] {
			a = g.after[a]
		} else {
			b = g.after[b]
		}
	}
	return a
}

// before are the nodes that v is computed from.
func (g *graph) before(v *ir.Value) map[int]bool {
	seen := map[int]bool{}
	todo := []*ir.Value{v}
	for len(todo) > 0 {
		v, todo = todo[len(todo)-1], todo[:len(todo)-1]
		i, ok := g.index[v.Def]
		if v.Def == nil || !ok || seen[i] {
			continue
		}
		seen[i] = true
		uses(v.Def, func(a *ir.Value) { todo = append(todo, a) })
	}
	return seen
}

// outputs are the values that n's layer may end with: n's own and, in order, those that all of n's result goes through.
func (g *graph) outputs(n *ir.Node) []*ir.Value {
	out := []*ir.Value{n.Out()}
	for i := g.after[g.index[n]]; i < len(g.f.Nodes); i = g.after[i] {
		out = append(out, g.f.Nodes[i].Results...)
	}
	return out
}

// isNorm reports whether v comes straight from a normalisation of tokens.
func isNorm(v *ir.Value) bool { return v.Is(ir.LayerNormalization) || v.Is(ir.RMSNormalization) }

// A sizes says how many sequences and tokens an attention's queries have; sequences is 0 when its shape does not tell.
type sizes struct{ sequences, tokens int }

func querySizes(q *runtime.Tensor) sizes {
	s := sizes{tokens: q.Shape[q.Rank()-2]}
	switch q.Rank() {
	case 2:
		s.sequences = 1
	case 4:
		s.sequences = q.Shape[0]
	}
	return s
}

// fits reports whether x has a row for each token: [B,L,d], or [L,d] for one sequence.
func (s sizes) fits(x *runtime.Tensor) bool {
	if x == nil || x.F == nil || x.Len() == 0 {
		return false
	}
	switch x.Rank() {
	case 2:
		return x.Shape[0] == s.tokens && s.sequences <= 1
	case 3:
		return x.Shape[1] == s.tokens && (s.sequences == 0 || x.Shape[0] == s.sequences)
	}
	return false
}

// projection is the product with a weight that v is made of, with what may stand between: the cutting into heads, a scale, a
// normalisation, a rotation. It is nil if there is none.
func projection(v *ir.Value) *ir.Node {
	for v != nil && v.Def != nil {
		n := v.Def
		_, moves := movements[n.Op]
		_, combines := partials[n.Op]
		switch {
		case n.Op == ir.Linear && n.Str("act") == "" && n.Arg("r") == nil:
			return n
		case n.Op == ir.Where || !moves && !combines && !isNorm(v) && !v.Is(ir.RotaryEmbedding) && !v.Is(ir.Neg):
			return nil
		}
		from := slices.IndexFunc(n.Args, func(a *ir.Value) bool { return a != nil && !isConstant(a) })
		if from < 0 {
			return nil
		}
		v = n.Args[from]
	}
	return nil
}

func isConstant(v *ir.Value) bool { return v.Is(ir.Const) || v.Is(ir.Weight) }

// stream is what x, the input of a projection, was before a normalisation that only this layer reads: pre-norm layers add their results
// to what it was before, post-norm layers to x itself.
func (g *graph) stream(x *ir.Value) *ir.Value {
	uses := g.f.Uses()
	for isNorm(x) && uses[x.Def.Args[0]] > 1 {
		x = x.Def.Args[0]
	}
	return x
}
