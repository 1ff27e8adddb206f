package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A slot is a piece of the arena that values share whose lives do not overlap.
type slot struct {
	sizes []ir.Dim // in bytes; the slot is as large as the largest
	free  bool
}

// assign gives every value with memory of its own a place in a slot. A slot is free again behind the last step that reads it.
func (pl *plan) assign() {
	last := pl.lastUses()
	at := map[*ir.Value]int{}
	for i, s := range pl.fn.steps {
		for _, v := range pl.defines(s) {
			if _, done := pl.g.slotOf[v]; !done {
				at[v] = pl.takeSlot(v)
				pl.g.slotOf[v] = at[v]
				pl.fn.fields = append(pl.fn.fields, v)
			}
		}
		for _, v := range sortedByField(pl.fn.fields, at) {
			if k := at[v]; last[v] <= i {
				if k >= 0 {
					pl.fn.slots[k].free = true
				}
				delete(at, v)
			}
		}
	}
}

func sortedByField(fields []*ir.Value, at map[*ir.Value]int) (out []*ir.Value) {
	for _, v := range fields {
		if _, ok := at[v]; ok {
			out = append(out, v)
		}
	}
	return out
}

// defines are the values that get memory at s.
func (pl *plan) defines(s step) (out []*ir.Value) {
	if s.call != nil {
		for _, r := range s.call.results {
			out = append(out, pl.g.group(r))
		}
		return out
	}
	if !pl.live[s.node] {
		return nil
	}
	return pl.results(s.node, nil)
}

// results are the values that get memory at n and in its bodies.
func (pl *plan) results(n *ir.Node, out []*ir.Value) []*ir.Value {
	own := func(vs []*ir.Value) {
		for _, v := range vs {
			if pl.storage(v) == v && pl.fn.refs[v] == "" && (pl.needed[v] || !pl.g.appends(n)) {
				out = append(out, v)
			}
		}
	}
	own(pl.writes(n))
	for _, b := range n.Bodies {
		own(b.Params)
		for _, m := range b.Nodes {
			if pl.live[m] {
				out = pl.results(m, out)
			}
		}
	}
	return out
}

// lastUses is the number of the last step that reads each value's memory; results are read at the end, and what prepare has made is
// read again in the next run.
func (pl *plan) lastUses() map[*ir.Value]int {
	last := map[*ir.Value]int{}
	use := func(v *ir.Value, i int) {
		v = pl.g.group(pl.storage(v))
		if i >= pl.fn.prepared && pl.prepares(v) {
			i = len(pl.fn.steps)
		}
		last[v] = max(last[v], i)
	}
	for i, s := range pl.fn.steps {
		if s.call != nil {
			for _, a := range s.call.args {
				use(a, i)
			}
			for _, r := range s.call.results {
				use(r, i)
			}
			continue
		}
		if !pl.live[s.node] {
			continue
		}
		pl.reads(s.node, func(v *ir.Value) { use(v, i) })
	}
	results := pl.fn.results
	if pl.fn == pl.g.main() {
		results = pl.g.p.Main.Results
	}
	for _, r := range results {
		use(r, len(pl.fn.steps))
	}
	return last
}

// prepares reports whether v is the result of a step of prepare.
func (pl *plan) prepares(v *ir.Value) bool {
	return slices.ContainsFunc(pl.fn.steps[:pl.fn.prepared], func(s step) bool { return s.node == v.Def })
}

// reads calls use for what n and its bodies write and read.
func (pl *plan) reads(n *ir.Node, use func(v *ir.Value)) {
	for _, v := range pl.writes(n) {
		use(v)
	}
	if r := pl.regions[n]; r != nil {
		for _, a := range r.args {
			use(a)
		}
		return
	}
	for k, a := range n.Args {
		if a == nil {
			continue
		}
		if pl.takesView(n, k) {
			a = pl.viewOf(a).root
		}
		use(a)
	}
	for _, b := range n.Bodies {
		for _, m := range b.Nodes {
			if pl.live[m] {
				pl.reads(m, use)
			}
		}
		for _, r := range b.Results {
			use(r)
		}
	}
}

// takeSlot finds a free slot for v: one of the same size, else the one whose size at typical dimensions is nearest, else a new one.
func (pl *plan) takeSlot(v *ir.Value) int {
	if pl.g.onHeap(v) {
		return -1
	}
	size := pl.size(v).Mul(ir.N(v.Type.Elem.Size()))
	best, miss := -1, 0
	for i := range pl.fn.slots {
		s := &pl.fn.slots[i]
		if !s.free {
			continue
		}
		if slices.ContainsFunc(s.sizes, size.Equal) {
			best = i
			break
		}
		if d := distance(typical(size), s.typical()); best < 0 || d < miss {
			best, miss = i, d
		}
	}
	if best < 0 {
		pl.fn.slots = append(pl.fn.slots, slot{sizes: []ir.Dim{size}})
		return len(pl.fn.slots) - 1
	}
	s := &pl.fn.slots[best]
	s.free = false
	if !slices.ContainsFunc(s.sizes, size.Equal) {
		s.sizes = append(s.sizes, size)
	}
	return best
}

func distance(a, b int) int { return max(a, b) - min(a, b) }

func (s *slot) typical() int {
	n := 0
	for _, d := range s.sizes {
		n = max(n, typical(d))
	}
	return n
}

// typical is a dimension's value where every name is 64.
func typical(d ir.Dim) int {
	names := map[string]bool{}
	d.Names(names)
	env := map[string]int{}
	for name := range names {
		env[name] = 64
	}
	n, _ := d.Eval(env)
	return n
}
