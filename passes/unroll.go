package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// maxUnrolled is how many nodes the rounds of one Loop may have together.
const maxUnrolled = 2000

// unroll writes the rounds of a Loop out, one behind the other, where it is known how many there are and lists go in or out: what a list
// has at a place is known of a single round only, and shapes hang on it. PyTorch's exporter takes such a loop for repeat_interleave.
func unroll(f *ir.Func, c *Count) (changed bool) {
	if c.Off("unroll") {
		return false
	}
	for i := 0; i < len(f.Nodes); i++ {
		n := f.Nodes[i]
		for _, b := range n.Bodies {
			changed = unroll(b, c) || changed
		}
		rounds, ok := roundsOf(n)
		if !ok || !listed(n) || rounds*len(n.Bodies[0].Nodes) > maxUnrolled {
			continue
		}
		f.Nodes = slices.Delete(f.Nodes, i, i+1)
		b := &ir.Builder{F: f, At: i, Name: n.Name}
		m := map[*ir.Value]*ir.Value{}
		for k, v := range writeOut(b, n, rounds) {
			m[n.Results[k]] = v
		}
		f.Replace(m)
		c.Add("unroll")
		i, changed = b.At-1, true
	}
	return changed
}

// roundsOf is how often a Loop runs its body, which has no bodies in it, at least once.
func roundsOf(n *ir.Node) (rounds int, ok bool) {
	if n.Op != ir.Loop || slices.ContainsFunc(n.Bodies[0].Nodes, func(n *ir.Node) bool { return len(n.Bodies) > 0 }) {
		return 0, false
	}
	body, holds := n.Bodies[0], func(v *ir.Value) bool {
		d := v.Const()
		return d != nil && d.Len() == 1 && d.Int(0) != 0
	}
	trip, known := n.ArgAt(0).ConstInts()
	if on := body.Results[0]; on != body.Params[1] && !holds(on) || n.ArgAt(1) != nil && !holds(n.Args[1]) {
		return 0, false // something else than the count can end it
	}
	if !known || len(trip) != 1 || trip[0] < 1 || trip[0] > maxUnrolled {
		return 0, false
	}
	return int(trip[0]), true
}

// listed reports whether a Loop carries a list, or its body looks into one.
func listed(n *ir.Node) bool {
	list := func(v *ir.Value) bool { return v != nil && v.Type.Kind != ir.Tensor }
	return slices.ContainsFunc(n.Args, list) || slices.ContainsFunc(n.Bodies[0].Nodes, func(n *ir.Node) bool { return slices.ContainsFunc(n.Args, list) })
}

// writeOut builds the rounds of a Loop, and gives its results.
func writeOut(b *ir.Builder, n *ir.Node, rounds int) []*ir.Value {
	body, carried := n.Bodies[0], n.Args[2:]
	scans := make([][]*ir.Value, len(body.Results)-1-len(carried))
	for round := range rounds {
		m := map[*ir.Value]*ir.Value{body.Params[0]: b.Scalar(ir.I64, float64(round)), body.Params[1]: b.Scalar(ir.Bool, 1)}
		here := func(v *ir.Value) *ir.Value {
			if w, ok := m[v]; ok {
				return w
			}
			return v
		}
		for i, v := range carried {
			m[body.Params[2+i]] = v
		}
		for _, n := range body.Nodes {
			args := make([]*ir.Value, len(n.Args))
			for i, a := range n.Args {
				args[i] = here(a)
			}
			for i, v := range b.NewN(n.Op, len(n.Results), n.Attrs, args...) {
				m[n.Results[i]] = v
			}
		}
		next := make([]*ir.Value, len(carried))
		for i := range next {
			next[i] = here(body.Results[1+i])
		}
		for i := range scans {
			scans[i] = append(scans[i], b.New(ir.Unsqueeze, nil, here(body.Results[1+len(carried)+i]), b.Vector(0)))
		}
		carried = next
	}
	results := slices.Clone(carried)
	for _, s := range scans {
		results = append(results, b.New(ir.Concat, ir.Attrs{"axis": 0}, s...))
	}
	return results
}
