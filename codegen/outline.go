package codegen

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A function becomes a method of the emitted Session. The first is the model; each other is a run of nodes that the model repeats,
// such as its layers, with what differs passed in.
type function struct {
	name     string
	what     string               // for its comment
	params   []*ir.Value          // values of the first repetition that come from outside
	weights  []*ir.Value          // Weights of the first repetition, fields of the function's table
	results  []*ir.Value          // values of the first repetition that somebody outside uses
	steps    []step               // in order
	frame    string               // the field of Session with its buffers
	fields   []*ir.Value          // what the frame holds, in order
	slots    []slot               // of the arena
	calls    []*call              // in the main function, for what is not main
	refs     map[*ir.Value]string // Go expressions of memory that is passed in: params, and what results are stored in
	outs     []string             // Go names of the results
	carried  []int                // for each param the result that the call before hands on, -1 for none
	loop     bool                 // the calls are written as a loop
	labels   []string             // of the steps, with Options.Labels
	prepared int                  // in the main function, how many of the first steps prepare does
}

// A step is a node, or a call of a function.
type step struct {
	node *ir.Node
	call *call
}

// A call is one repetition of a function.
type call struct {
	fn      *function
	args    []*ir.Value // for fn.params
	weights []*ir.Value // for fn.weights
	results []*ir.Value // for fn.results
}

// minRepeat is the number of nodes under which a run is not worth a function.
const minRepeat = 4

// outline cuts f into the main function and functions for what repeats.
func outline(f *ir.Func) []*function {
	main := &function{name: "run", frame: "main"}
	var nodes []*ir.Node
	for _, n := range f.Nodes {
		if !leaf(n) {
			nodes = append(nodes, n)
		}
	}
	o := &outliner{f: f, nodes: nodes, hashes: make([]string, len(nodes)), pos: map[*ir.Node]int{}, uses: f.Uses(),
		given: map[*ir.Value]bool{}}
	for i, n := range nodes {
		o.hashes[i], o.pos[n] = nodeHash(n), i
		given := slices.ContainsFunc(reads(n), func(a *ir.Value) bool { return a != nil && (a.Def == nil || o.given[a]) })
		for _, r := range n.Results {
			o.given[r] = given
		}
	}
	o.isResult = map[*ir.Value]bool{}
	for _, r := range f.Results {
		o.isResult[r] = true
	}
	main.steps = o.cut(0, len(nodes))
	fns := []*function{main}
	for _, s := range main.steps {
		if s.call != nil && !slices.Contains(fns, s.call.fn) {
			fns = append(fns, s.call.fn)
		}
	}
	return fns
}

// leaf reports whether n is data rather than a step.
func leaf(n *ir.Node) bool { return n.Op == ir.Const || n.Op == ir.Weight }

// nodeHash says what n does, apart from where its arguments come from. What only data decides is never repeated.
func nodeHash(n *ir.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", n.Op.Name)
	for _, name := range n.Op.AttrNames() {
		if v, ok := n.Attrs[name]; ok {
			fmt.Fprintf(&b, " %s=%v", name, attrKey(v))
		}
	}
	for _, a := range n.Args {
		if a == nil {
			b.WriteString(" _")
			continue
		}
		fmt.Fprintf(&b, " %s", a.Type)
		if a.Is(ir.Const) {
			fmt.Fprintf(&b, "=%s", attrKey(a.Def.Attrs["value"]))
		} else if a.Is(ir.Weight) {
			b.WriteString(" w")
		}
	}
	for _, r := range n.Results {
		fmt.Fprintf(&b, " -> %s", r.Type)
	}
	if strings.Contains(b.String(), "?") || len(n.Bodies) > 0 || hasList(n) {
		fmt.Fprintf(&b, " #%d", n.ID)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return string(sum[:])
}

// hasList reports whether n has to do with sequences or optionals, which functions do not take.
func hasList(n *ir.Node) bool {
	is := func(v *ir.Value) bool { return v != nil && isList(v.Type) }
	return slices.ContainsFunc(n.Args, is) || slices.ContainsFunc(n.Results, is)
}

// attrKey is an attribute's value as text that is equal for equal values.
func attrKey(v any) string {
	switch d := v.(type) {
	case *ir.Data:
		sum := sha256.Sum256(append(slices.Clone(d.Bytes()), strings.Join(d.Str, "\x00")...))
		return fmt.Sprintf("%s%x", d.Type(), sum[:8])
	case ir.SymData:
		return fmt.Sprintf("%v[%s]", d.Scalar, ir.JoinDims(d.Dims))
	}
	return fmt.Sprint(v)
}

type outliner struct {
	f        *ir.Func
	nodes    []*ir.Node
	hashes   []string
	pos      map[*ir.Node]int
	isResult map[*ir.Value]bool
	uses     map[*ir.Value]int
	given    map[*ir.Value]bool // results that depend on inputs, not on their sizes alone
	count    int
}

// cut turns nodes lo to hi into steps: the repetition that covers most becomes calls, what is beside it is cut in turn.
func (o *outliner) cut(lo, hi int) []step {
	fn, at, period, times := o.best(lo, hi)
	if fn == nil {
		steps := make([]step, 0, hi-lo)
		for _, n := range o.nodes[lo:hi] {
			steps = append(steps, step{node: n})
		}
		return steps
	}
	steps := o.cut(lo, at)
	for _, c := range fn.calls {
		steps = append(steps, step{call: c})
	}
	return append(steps, o.cut(at+period*times, hi)...)
}

// best finds the run of equal periods within lo to hi that covers the most nodes.
func (o *outliner) best(lo, hi int) (best *function, at, period, times int) {
	covered := 0
	for p := minRepeat; 2*p <= hi-lo; p++ {
		for i := lo; i+2*p <= hi; i++ {
			n := 0
			for i+n+p < hi && o.hashes[i+n] == o.hashes[i+n+p] {
				n++
			}
			if reps := n/p + 1; reps >= 2 && (reps-1)*p > covered {
				if fn, a := o.rotate(i, p, reps, n%p); fn != nil {
					best, at, period, times, covered = fn, a, p, reps, (reps-1)*p
				}
			}
			i += n
		}
	}
	if best != nil {
		o.count++
		best.name = "layer"
		if o.count > 1 {
			best.name = fmt.Sprintf("layer%d", o.count)
		}
		best.frame = best.name
		best.what = fmt.Sprintf("one of %d equal parts of the model", times)
	}
	return best, at, period, times
}

// rotate chooses among the rotations of a run the one with the fewest values going in and out, and then one that does not begin with an
// element-wise node or a normalization that could be part of the step before it.
func (o *outliner) rotate(i, p, reps, slack int) (best *function, at int) {
	cost := 0
	for r := 0; r <= slack; r++ {
		fn := o.extract(i+r, p, reps)
		if fn == nil {
			continue
		}
		c := 2 * (len(fn.params) + len(fn.results))
		first := o.nodes[i+r]
		if fuses(first) || rowSumBefore(first, func(v *ir.Value) bool { return o.given[v] && o.uses[v] == 1 }) != nil {
			c++
		}
		if best == nil || c < cost {
			best, at, cost = fn, i+r, c
		}
	}
	return best, at
}

// extract makes a function of the first of reps runs of p nodes from at, nil when the runs do not use each other's values alike.
func (o *outliner) extract(at, p, reps int) *function {
	fn := &function{refs: map[*ir.Value]string{}}
	for range reps {
		fn.calls = append(fn.calls, &call{fn: fn})
	}
	params, weights := map[string]*ir.Value{}, map[string]*ir.Value{}
	for j := range p {
		for k := range o.nodes[at+j].Args {
			if !o.argument(fn, at, p, at+j, k, params, weights) {
				return nil
			}
		}
	}
	for j := range p {
		for r := range o.nodes[at+j].Results {
			o.result(fn, at, p, at+j, r)
		}
	}
	for _, n := range o.nodes[at : at+p] {
		fn.steps = append(fn.steps, step{node: n})
	}
	return fn
}

// argument classifies argument k of the node at: inside the run, a weight, or a parameter.
func (o *outliner) argument(fn *function, at, p, i, k int, params, weights map[string]*ir.Value) bool {
	first := o.nodes[i].Args[k]
	if first == nil || first.Is(ir.Const) {
		return true
	}
	key := ""
	all := make([]*ir.Value, len(fn.calls))
	for c := range fn.calls {
		all[c] = o.nodes[i+c*p].Args[k]
		key += fmt.Sprintf("%p ", all[c])
	}
	if inside := o.within(first, at, p); inside >= 0 {
		for c, v := range all {
			if o.within(v, at+c*p, p) != inside || v.Index != first.Index {
				return false
			}
		}
		return true
	}
	for c, v := range all {
		if o.within(v, at+c*p, p) >= 0 {
			return false
		}
	}
	table := params
	if first.Is(ir.Weight) {
		table = weights
	}
	if table[key] != nil {
		return true
	}
	for _, other := range table { // one value of the first run, two of a later one
		if other == first {
			return false
		}
	}
	table[key] = first
	if first.Is(ir.Weight) {
		fn.weights = append(fn.weights, first)
	} else {
		fn.params = append(fn.params, first)
	}
	for c, v := range all {
		if first.Is(ir.Weight) {
			fn.calls[c].weights = append(fn.calls[c].weights, v)
		} else {
			fn.calls[c].args = append(fn.calls[c].args, v)
		}
	}
	return true
}

// within is v's node's place in the run of p nodes from at, -1 when it is not of it.
func (o *outliner) within(v *ir.Value, at, p int) int {
	if v.Def == nil {
		return -1
	}
	if i, ok := o.pos[v.Def]; ok && i >= at && i < at+p {
		return i - at
	}
	return -1
}

// result makes result r of the node at i one of the function when a run's value is used outside that run.
func (o *outliner) result(fn *function, at, p, i, r int) {
	outside := false
	for c := range fn.calls {
		v := o.nodes[i+c*p].Results[r]
		if o.isResult[v] || o.usedOutside(v, at+c*p, p) {
			outside = true
		}
	}
	if !outside {
		return
	}
	fn.results = append(fn.results, o.nodes[i].Results[r])
	for c, call := range fn.calls {
		call.results = append(call.results, o.nodes[i+c*p].Results[r])
	}
}

func (o *outliner) usedOutside(v *ir.Value, at, p int) bool {
	for i, n := range o.nodes {
		if (i < at || i >= at+p) && slices.Contains(reads(n), v) {
			return true
		}
	}
	return false
}

// reads are the values that n uses, in its bodies too.
func reads(n *ir.Node) []*ir.Value {
	if len(n.Bodies) == 0 {
		return n.Args
	}
	all := slices.Clone(n.Args)
	for _, b := range n.Bodies {
		all = append(all, b.Results...)
		for _, m := range b.Nodes {
			all = append(all, reads(m)...)
		}
	}
	return all
}
