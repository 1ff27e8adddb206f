package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A plan says for one function which values have memory of their own, and where.
type plan struct {
	g       *generator
	fn      *function
	nodes   map[*ir.Node]bool        // of this function
	layout  map[*ir.Value][]int      // values stored with permuted axes, so that a Transpose of them is nothing
	apart   map[*ir.Value]bool       // values whose rows have a gap behind them
	regions map[*ir.Node]*region     // by their last node, those that are one step
	taken   map[*ir.Node]bool        // nodes of regions
	store   map[*ir.Value]*ir.Value  // values that are other values' memory, whole
	over    map[*ir.Node]bool        // nodes that write into what they read
	needed  map[*ir.Value]bool       // values that must lie in memory, whole and row by row (but for layout)
	live    map[*ir.Node]bool        // nodes that are emitted
	uses    map[*ir.Value][]*ir.Node // within the function
}

func newPlan(g *generator, fn *function) *plan {
	pl := &plan{g: g, fn: fn, nodes: map[*ir.Node]bool{}, layout: map[*ir.Value][]int{}, apart: map[*ir.Value]bool{},
		regions: map[*ir.Node]*region{}, taken: map[*ir.Node]bool{}, store: map[*ir.Value]*ir.Value{}, over: map[*ir.Node]bool{},
		needed: map[*ir.Value]bool{}, live: map[*ir.Node]bool{}, uses: map[*ir.Value][]*ir.Node{}}
	for _, s := range fn.steps {
		if s.node != nil {
			pl.enter(s.node)
		}
	}
	pl.chooseRegions()
	pl.chooseLayouts()
	pl.chooseApart()
	pl.chooseOver()
	pl.chooseNeeded()
	return pl
}

// enter notes a node and, for control flow, those of its bodies.
func (pl *plan) enter(n *ir.Node) {
	pl.nodes[n] = true
	for _, a := range n.Args {
		if a != nil {
			pl.uses[a] = append(pl.uses[a], n)
		}
	}
	for _, b := range n.Bodies {
		for _, m := range b.Nodes {
			if !leaf(m) {
				pl.enter(m)
			}
		}
		for _, r := range b.Results {
			pl.uses[r] = append(pl.uses[r], n)
		}
	}
}

// inside reports whether v is the result of a node of this function.
func (pl *plan) inside(v *ir.Value) bool { return v.Def != nil && pl.nodes[v.Def] }

// isResult reports whether v leaves the function.
func (pl *plan) isResult(v *ir.Value) bool {
	if slices.ContainsFunc(pl.uses[v], func(n *ir.Node) bool { return len(n.Bodies) > 0 }) {
		return true // of a body
	}
	if pl.fn == pl.g.main() {
		return slices.Contains(pl.g.p.Main.Results, v)
	}
	return slices.Contains(pl.fn.results, v)
}

// usedByCall reports whether a call of another function reads v.
func (pl *plan) usedByCall(v *ir.Value) bool {
	for _, s := range pl.fn.steps {
		if s.call != nil && slices.Contains(s.call.args, v) {
			return true
		}
	}
	return false
}

// chooseLayouts lets attention write its result the way the Transpose behind it, which merges the heads, wants it.
func (pl *plan) chooseLayouts() {
	for n := range pl.nodes {
		if n.Op != ir.Attention && n.Op != ir.DualAttention || n.Out().Type.Elem != ir.F32 {
			continue
		}
		v := n.Out()
		var perm []int
		ok := !pl.isResult(v) && !pl.usedByCall(v) && len(pl.uses[v]) > 0
		for _, u := range pl.uses[v] {
			if u.Op != ir.Transpose || perm != nil && !slices.Equal(perm, permutation(u)) {
				ok = false
				break
			}
			perm = permutation(u)
		}
		if ok && perm[len(perm)-1] == len(perm)-1 { // rows stay whole
			pl.layout[v] = perm
			for _, u := range pl.uses[v] {
				pl.store[u.Out()] = v
			}
		}
	}
}

// chooseOver lets new keys and values be written into the cache that was put together for them, if nobody else reads it.
func (pl *plan) chooseOver() {
	made := map[*ir.Value]bool{} // in every run anew
	for i, s := range pl.fn.steps {
		if s.node == nil || i < pl.fn.prepared {
			continue
		}
		n := s.node
		if x := n.ArgAt(0); n.Op == ir.TensorScatter && made[x] && len(pl.uses[x]) == 1 && !pl.isResult(x) && !pl.usedByCall(x) {
			pl.over[n], pl.store[n.Out()] = true, x
		}
		if n.Op == ir.Concat {
			made[n.Out()] = true
		}
	}
}

// chooseNeeded goes backwards: results are needed; a live node needs its arguments in memory, except where it can read a view, which
// needs the view's root.
func (pl *plan) chooseNeeded() {
	results := pl.fn.results
	if pl.fn == pl.g.main() {
		results = pl.g.p.Main.Results
	}
	for _, r := range results {
		pl.need(r)
	}
	for i := len(pl.fn.steps) - 1; i >= 0; i-- {
		s := pl.fn.steps[i]
		if s.call != nil {
			for _, a := range s.call.args {
				pl.need(a)
			}
			continue
		}
		pl.needFor(s.node)
	}
}

// needFor needs what n reads, if anybody needs n.
func (pl *plan) needFor(n *ir.Node) {
	if pl.g.appends(n) { // to what others read in its place
		pl.live[n] = true
		pl.need(n.Args[1])
		pl.need(n.Args[2])
		return
	}
	if pl.taken[n] && pl.regions[n] == nil { // which is part of another step
		return
	}
	if !slices.ContainsFunc(pl.writes(n), func(r *ir.Value) bool { return pl.needed[r] }) {
		if !pl.g.sizes[n.Fresh(0).String()] || len(n.Results) == 0 {
			return
		}
		pl.need(n.Out())
	}
	if root, ok := pl.sharesMemory(n); ok {
		pl.need(root)
		return
	}
	pl.live[n] = true
	if r := pl.regions[n]; r != nil {
		for _, a := range r.args {
			pl.need(a)
		}
		return
	}
	for k, a := range n.Args {
		switch {
		case a == nil || pl.g.readsShapeOnly(n, k):
		case pl.takesView(n, k):
			pl.need(pl.viewOf(a).root)
		default:
			pl.need(a)
		}
	}
	for _, b := range n.Bodies {
		for _, r := range b.Results {
			pl.need(r)
		}
		for i := len(b.Nodes) - 1; i >= 0; i-- {
			if !leaf(b.Nodes[i]) {
				pl.needFor(b.Nodes[i])
			}
		}
	}
}

func (pl *plan) need(v *ir.Value) { pl.needed[v] = true }

// writes are the results of n's step: those of n, and the sum that it normalises if somebody else needs it.
func (pl *plan) writes(n *ir.Node) []*ir.Value {
	if r := pl.regions[n]; r != nil && r.sum != nil && pl.needed[r.sum.sum] {
		return append(slices.Clone(n.Results), r.sum.sum)
	}
	return n.Results
}

// sharesMemory reports that n's result is the memory of another value, which it returns.
func (pl *plan) sharesMemory(n *ir.Node) (*ir.Value, bool) {
	v := n.Out()
	if pl.over[n] {
		return nil, false
	}
	if root := pl.store[v]; root != nil {
		return root, true
	}
	switch n.Op {
	case ir.Identity, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten:
		if definesDims(n) { // which takes a statement
			return nil, false
		}
		pl.store[v] = n.Args[0]
		return n.Args[0], true
	case ir.Transpose:
		if x := pl.viewOf(v); x.root != v && x.plain() && pl.layout[x.root] == nil {
			pl.store[v] = x.root
			return x.root, true
		}
	}
	return nil, false
}

// definesDims reports whether n brings dimensions into being that only its data decides.
func definesDims(n *ir.Node) bool {
	for _, r := range n.Results {
		set := map[string]bool{}
		for _, d := range r.Type.Shape {
			d.Names(set)
		}
		for name := range set {
			if owns(n, name) {
				return true
			}
		}
	}
	return false
}

// storage is the value whose memory v is.
func (pl *plan) storage(v *ir.Value) *ir.Value {
	for pl.store[v] != nil {
		v = pl.store[v]
	}
	return v
}

// takesView reports whether n reads its argument k where it lies, so that the argument itself need not be in memory.
func (pl *plan) takesView(n *ir.Node, k int) bool {
	x := pl.viewOf(n.Args[k])
	if x.root == n.Args[k] && pl.layout[x.root] == nil && !pl.apart[x.root] {
		return false
	}
	accepts := viewReaders[n.Op]
	return accepts != nil && !pl.g.whole[n.ID] && accepts(n, k, x)
}

// takesViews reports whether n reads an argument where it lies.
func (pl *plan) takesViews(n *ir.Node) bool {
	for k, a := range n.Args {
		if a != nil && a.Type.Ranked() && pl.takesView(n, k) {
			return true
		}
	}
	return false
}

// viewReaders say of the operators whose lowerings take strides which views of an argument they can read.
var viewReaders map[*ir.Op]func(n *ir.Node, k int, x view) bool

func init() {
	any0 := func(_ *ir.Node, k int, _ view) bool { return k == 0 }
	heads := func(last int) func(n *ir.Node, k int, x view) bool {
		return func(n *ir.Node, k int, x view) bool {
			return k < last && n.Args[k].Type.Elem == ir.F32 && len(x.dims) == 4 && (x.strides[3].Is(1) || x.dims[3].Is(1))
		}
	}
	rows := func(_ *ir.Node, k int, x view) bool {
		_, ok := rowStride(x)
		return k == 0 && ok
	}
	viewReaders = map[*ir.Op]func(n *ir.Node, k int, x view) bool{
		ir.Transpose: any0, ir.Split: any0, ir.Slice: any0, ir.Expand: any0,
		ir.Attention: heads(3), ir.DualAttention: heads(6), ir.RotaryEmbedding: heads(1),
		ir.MatMul: func(n *ir.Node, _ int, x view) bool {
			return n.Args[0].Type.Elem == ir.F32 && len(x.dims) >= 2 && len(x.dims) <= 5
		},
		ir.Linear: rows, ir.QuantizedLinear: rows, ir.BlockedLinear: rows,
		ir.GatherElements: func(n *ir.Node, k int, x view) bool {
			_, _, ok := twoRowSteps(x)
			return k == 1 && ok && gathersRows(n) == nil
		},
	}
}

// rowStride is the distance of rows, all leading dimensions counted as one; ok is false where there is no one distance, or where the
// columns of a row do not follow each other.
func rowStride(x view) (ir.Dim, bool) {
	k := len(x.dims)
	if k == 0 || !x.strides[k-1].Is(1) && !x.dims[k-1].Is(1) {
		return ir.Dim{}, false
	}
	rows := view{dims: x.dims[:k-1], strides: x.strides[:k-1]}
	switch c := rows.chunks(); len(c) {
	case 0:
		return x.dims[k-1], true
	case 1:
		return c[0].step, true
	}
	return ir.Dim{}, false
}

// readsShapeOnly reports whether lowering n does not read argument k: shapes decide it, or it is a constant that the lowering writes
// into the call.
func (g *generator) readsShapeOnly(n *ir.Node, k int) bool {
	switch n.Op {
	case ir.Shape, ir.Size:
		return true
	case ir.Reshape, ir.Expand, ir.Squeeze, ir.Unsqueeze:
		return k > 0 && !definesDims(n)
	}
	return false
}
