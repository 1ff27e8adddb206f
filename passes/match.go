package passes

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gpamc/gpamc/ir"
)

// A Match is what a rule's pattern found.
type Match struct {
	Root *ir.Node
	F    *ir.Func    // the function that Root stands in
	P    *ir.Program // the program around it

	g      *graph
	index  int // of Root's result that was matched
	work   int // done so far on looking at masks
	vals   map[string]*ir.Value
	lists  map[string][]*ir.Value
	dims   map[string]ir.Dim
	reason string
}

// V is the value of that name, nil if it is an argument that may be absent and is.
func (m *Match) V(name string) *ir.Value { return m.vals[name] }

// N is the node that computes the value of that name.
func (m *Match) N(name string) *ir.Node { return m.vals[name].Def }

// List is what a name with three dots stands for.
func (m *Match) List(name string) []*ir.Value { return m.lists[name] }

// Scalar is the constant of that name. Of the numbers that round to one of 32 bits it is the shortest, which is what people wrote.
func (m *Match) Scalar(name string) float64 {
	d := m.vals[name].Const()
	return shortest(d.Elem, d.Float(0))
}

// times is x times the constant of that name, with no more digits than the constant's type has.
func (m *Match) times(x float64, name string) float64 {
	return shortest(m.vals[name].Type.Elem, x*m.Scalar(name))
}

func shortest(e ir.Elem, x float64) float64 {
	if e != ir.F32 {
		return x
	}
	x, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return x
}

// Type is the type of the value of that name.
func (m *Match) Type(name string) ir.Type { return m.vals[name].Type }

// No says why a rule does not apply after all; a rule returns it.
func (m *Match) No(format string, args ...any) *ir.Value {
	m.reason = fmt.Sprintf(format, args...)
	return nil
}

// refusal is what a rule panics with that gives up within a helper, so that no caller goes on with what the helper has not.
type refusal struct{}

// apply is what the rule makes, nil if it does not apply.
func (r Rule) apply(b *ir.Builder, m *Match) (v *ir.Value) {
	defer func() {
		switch p := recover().(type) {
		case nil, refusal:
		case *ir.Misfit: // what a rule leaves out may have known more of its shape than what it came from
			if !m.vague() {
				panic(p)
			}
			m.No("%v", p)
		default:
			panic(p)
		}
	}()
	return r.Make(b, m)
}

// vague reports whether something of the shapes of what was matched is not known.
func (m *Match) vague() bool {
	unknown := func(v *ir.Value) bool {
		return v != nil && v.Type.Kind == ir.Tensor && (!v.Type.Ranked() || slices.ContainsFunc(v.Type.Shape, fresh))
	}
	for _, v := range m.vals {
		if unknown(v) || v != nil && v.Def != nil && slices.ContainsFunc(v.Def.Args, unknown) {
			return true
		}
	}
	for _, vs := range m.lists {
		if slices.ContainsFunc(vs, unknown) {
			return true
		}
	}
	return slices.ContainsFunc(m.Root.Args, unknown) || slices.ContainsFunc(m.Root.Results, unknown)
}

// Shape checks the shape of a value: one word an axis, a number for a number; equal words stand for equal dimensions, also between
// calls, and a question mark for anything.
func (m *Match) Shape(name, axes string) bool { return m.shape(m.vals[name], axes) }

type matcher struct {
	g      *graph
	m      *Match
	nodes  []*ir.Node // matched so far, the root first
	shared []bool
	why    *whyLog
}

// value matches v with p and goes on with k; it comes back with false to try something else.
func (x *matcher) value(p *pattern, v *ir.Value, k func() bool) bool {
	switch p.kind {
	case absentValue:
		return v == nil && k() || v != nil && x.miss(v, "must be absent")
	case maybeValue:
		if v == nil {
			if old, ok := x.m.vals[p.name]; ok && old != nil {
				return x.miss(v, "%s is absent here and present elsewhere", p.name)
			}
			return x.with(p.name, nil, k)
		}
		return x.bind(p.name, v, k)
	case anyValue:
		return v != nil && x.bind(p.name, v, k)
	case scalarValue:
		if d := v.Const(); d == nil || len(d.Shape) != 0 {
			return x.miss(v, "a scalar constant is wanted")
		}
		return x.bind(p.name, v, k)
	case numberValue:
		if d := v.Const(); d == nil || len(d.Shape) != 0 || d.Elem == ir.String || !near(d.Elem, d.Float(0), p.num) {
			return x.miss(v, "the constant %v is wanted", p.num)
		}
		return k()
	case intsValue:
		if ns, ok := v.ConstInts(); !ok || !slices.Equal(ns, p.ints) {
			return x.miss(v, "the constant %v is wanted", p.ints)
		}
		return k()
	}
	return x.node(p, v, k)
}

func (x *matcher) node(p *pattern, v *ir.Value, k func() bool) bool {
	if v == nil || v.Def == nil || !slices.Contains(p.ops, v.Def.Op) || v.Index != p.result {
		return x.miss(v, "%s is wanted", p.text)
	}
	n := v.Def
	if len(x.nodes) > 0 && x.g.owner[n] != x.m.F {
		return x.miss(v, "stands in the function around")
	}
	for _, name := range n.Op.AttrNames() {
		got, has := n.Attrs[name]
		want, mentioned := p.attrs[name]
		if p.open || mentioned && want == nil || !mentioned && !has {
			continue
		}
		if !mentioned {
			return x.miss(v, "attribute %s is %v, not the default", name, got)
		}
		if !attrIs(n, name, want) {
			return x.miss(v, "attribute %s is not %v", name, want)
		}
	}
	x.nodes, x.shared = append(x.nodes, n), append(x.shared, p.shared)
	depth := len(x.nodes)
	leave := func() bool { x.nodes, x.shared = x.nodes[:depth-1], x.shared[:depth-1]; return false }
	inside := func() bool {
		if x.args(p.args, n.Args, k) {
			return true
		}
		x.nodes, x.shared = x.nodes[:depth], x.shared[:depth]
		if n.Op.Commutes && len(n.Args) >= 2 && n.Args[0] != n.Args[1] {
			swapped := slices.Clone(n.Args)
			swapped[0], swapped[1] = swapped[1], swapped[0]
			return x.args(p.args, swapped, k)
		}
		return false
	}
	if p.name == "" {
		return inside() || leave()
	}
	return x.bind(p.name, v, inside) || leave()
}

func attrIs(n *ir.Node, name string, want any) bool {
	switch w := want.(type) {
	case int64:
		return int64(n.Int(name)) == w
	case float64:
		return n.Float(name) == w
	case string:
		return n.Str(name) == w
	case []int64:
		return slices.Equal(n.Ints(name), w)
	}
	panic(fmt.Sprintf("BUG: attribute pattern %v", want))
}

func (x *matcher) args(ps []*pattern, args []*ir.Value, k func() bool) bool {
	if len(ps) == 0 {
		for _, a := range args {
			if a != nil {
				return x.miss(a, "is an argument too many")
			}
		}
		return k()
	}
	if p := ps[0]; p.kind == restValues {
		x.m.lists[p.name] = args
		return k()
	}
	var a *ir.Value
	if len(args) > 0 {
		a, args = args[0], args[1:]
	}
	return x.value(ps[0], a, func() bool { return x.args(ps[1:], args, k) })
}

// bind gives v a name for the time of k, or checks that it has it.
func (x *matcher) bind(name string, v *ir.Value, k func() bool) bool {
	old, ok := x.m.vals[name]
	if !ok {
		return x.with(name, v, k)
	}
	if old != v {
		c, d := old.Const(), v.Const()
		if c == nil || d == nil || !c.Equal(d) {
			return x.miss(v, "is not the same as the other %s", name)
		}
	}
	return k()
}

func (x *matcher) with(name string, v *ir.Value, k func() bool) bool {
	x.m.vals[name] = v
	if k() {
		return true
	}
	delete(x.m.vals, name)
	return false
}

// closed checks that nothing inside the match is used outside it.
func (x *matcher) closed() bool {
	inside := map[*ir.Value]int{}
	for i, n := range x.nodes {
		if slices.Contains(x.nodes[:i], n) {
			continue
		}
		for _, a := range n.Args {
			if a != nil {
				inside[a]++
			}
		}
	}
	for i, n := range x.nodes {
		if i == 0 || x.shared[i] {
			continue
		}
		for _, r := range n.Results {
			if x.g.uses[r] != inside[r] {
				return x.miss(r, "is also used outside the match")
			}
		}
	}
	return true
}

// miss notes what stopped a match.
func (x *matcher) miss(v *ir.Value, format string, args ...any) bool {
	if x.why != nil {
		x.why.note(x.m.Root, len(x.nodes), v, fmt.Sprintf(format, args...))
	}
	return false
}
