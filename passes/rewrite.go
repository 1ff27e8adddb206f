package passes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A Rule says what to build instead of what its pattern matches. Several patterns, one a line, are spellings of the same thing that
// bind the same names; no pattern is any node. Make returns nil, best by way of Match.No, when its conditions do not hold. What it
// builds is never worse than what was there, whoever comes after.
type Rule struct {
	Name    string
	Pattern string
	Make    func(b *ir.Builder, m *Match) *ir.Value
}

type compiled struct {
	*Rule
	patterns []*pattern
}

// A ruleSet is rules ready to match, by the operator at their root.
type ruleSet struct {
	byOp map[*ir.Op][]compiled
	any  []compiled
}

func compileRules(rules []Rule, off map[string]bool) *ruleSet {
	s := &ruleSet{byOp: map[*ir.Op][]compiled{}}
	for i := range rules {
		r := compiled{Rule: &rules[i]}
		if off[r.Name] {
			continue
		}
		var ops []*ir.Op
		for _, line := range strings.Split(strings.TrimSpace(r.Pattern), "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			p := parsePattern(line)
			r.patterns = append(r.patterns, p)
			for _, op := range p.ops {
				if !slices.Contains(ops, op) {
					ops = append(ops, op)
				}
			}
		}
		if len(r.patterns) == 0 {
			s.any = append(s.any, r)
		}
		for _, op := range ops {
			s.byOp[op] = append(s.byOp[op], r)
		}
	}
	return s
}

// A rewriter applies rules to a program until none fires.
type rewriter struct {
	*graph
	rules *ruleSet
	fired map[string]int
	total int
	limit int
	why   *whyLog
}

// maxFires a node is far more than any program needs; two rules that undo each other get there.
const maxFires = 200

func (w *rewriter) run() {
	w.limit = 1000
	for _, f := range w.funcs {
		w.limit += maxFires * len(f.Nodes)
	}
	for again := true; again; {
		before := w.total
		refresh(w.p.Main)
		for _, f := range slices.Clone(w.funcs) {
			w.function(f)
		}
		w.sweep()
		again = w.total > before
	}
}

func (w *rewriter) function(f *ir.Func) {
	for i := 0; i < len(f.Nodes); i++ {
		n := f.Nodes[i]
		for w.alive(n) && w.node(f, i, n) {
			if i >= len(f.Nodes) || f.Nodes[i] != n {
				i-- // what was built before n comes first
				break
			}
		}
	}
}

// node tries all rules on n, the i-th of f, until one fires.
func (w *rewriter) node(f *ir.Func, i int, n *ir.Node) bool {
	for _, r := range w.rules.any {
		m := w.newMatch(f, n)
		if w.uses[n.Out()] > 0 && w.make(r, m, i, n.Out()) {
			return true
		}
	}
	for _, r := range w.rules.byOp[n.Op] {
		for _, p := range r.patterns {
			if p.result < len(n.Results) && w.uses[n.Results[p.result]] > 0 && w.match(r, p, f, i, n.Results[p.result]) {
				return true
			}
		}
	}
	return false
}

func (w *rewriter) newMatch(f *ir.Func, n *ir.Node) *Match {
	return &Match{Root: n, F: f, P: w.p, g: w.graph, vals: map[string]*ir.Value{}, lists: map[string][]*ir.Value{}}
}

func (w *rewriter) match(r compiled, p *pattern, f *ir.Func, i int, v *ir.Value) bool {
	x := &matcher{g: w.graph, m: w.newMatch(f, v.Def)}
	x.m.index = v.Index
	if w.why != nil && w.why.rule == r.Name {
		x.why = w.why
	}
	return x.value(p, v, func() bool {
		if !x.closed() {
			return false
		}
		if w.make(r, x.m, i, v) {
			return true
		}
		return x.miss(nil, "%s", x.m.reason)
	})
}

// make builds a rule's right side before node i and puts it in v's place.
func (w *rewriter) make(r compiled, m *Match, i int, v *ir.Value) bool {
	f := m.F
	m.reason, m.dims = "its conditions do not hold", nil
	b := &ir.Builder{F: f, At: i, Name: m.Root.Name}
	to := r.apply(b, m)
	if to == nil || to == v {
		f.Nodes = slices.Delete(f.Nodes, i, b.At)
		return false
	}
	for _, n := range f.Nodes[i:b.At] {
		w.add(f, n)
	}
	if !refine(to, v.Type) {
		panic(fmt.Sprintf("BUG: rule %s turns %s of type %s into type %s", r.Name, v.Def.Op.Name, v.Type, to.Type))
	}
	if to.Name == "" {
		to.Name = v.Name
	}
	made := slices.Clone(f.Nodes[i:b.At])
	w.replace(v, to)
	for _, n := range slices.Backward(made) {
		w.kill(n)
	}
	w.fired[r.Name]++
	if w.total++; w.total > w.limit {
		panic(fmt.Sprintf("BUG: rewriting does not come to an end: %v", w.fired))
	}
	return true
}

// refine gives v what is known more exactly in t, the type of a value that it stands in for; it reports whether the two can be the
// same tensor.
func refine(v *ir.Value, t ir.Type) bool {
	u := v.Type
	if t.Kind != ir.Tensor || u.Kind != ir.Tensor {
		return t.Kind == u.Kind
	}
	if u.Elem != t.Elem {
		return false
	}
	if !t.Ranked() || v.Def == nil {
		return true
	}
	if !u.Ranked() {
		v.Type = t
		return true
	}
	if u.Rank() != t.Rank() {
		return false
	}
	shape := slices.Clone(u.Shape)
	for k, d := range t.Shape {
		e := shape[k]
		switch {
		case d.IsConst() && e.IsConst() && !d.Equal(e):
			return false
		case d.IsConst(), fresh(e) && !fresh(d):
			shape[k] = d
		}
	}
	v.Type = ir.T(u.Elem, shape...)
	return true
}

// fresh reports whether a dimension mentions what only the data decides.
func fresh(d ir.Dim) bool {
	names := map[string]bool{}
	d.Names(names)
	for name := range names {
		if strings.HasPrefix(name, "?") {
			return true
		}
	}
	return false
}
