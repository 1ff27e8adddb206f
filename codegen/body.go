package codegen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// nameFunctions makes the functions' names fit the package.
func (g *generator) nameFunctions() {
	for _, fn := range g.fns[1:] {
		fn.name = g.names.take(fn.name, "layer")
		fn.frame = fn.name
	}
}

// referMain gives the model's inputs their names.
func (g *generator) referMain() {
	main := g.main()
	main.refs = map[*ir.Value]string{}
	g.referStates()
	for i, port := range g.inputs() {
		v := g.params()[i]
		ref := "in." + port.Field
		if t := apiCell(v.Type); t != goCell(v.Type) {
			ref = fmt.Sprintf("reinterpret[%s](%s)", goType(v.Type.Elem), ref)
		}
		main.refs[v] = ref
	}
}

// refer gives the parameters and results of a function their names in it. A result that is another value's memory makes that memory
// the one that the caller passes.
func (g *generator) refer(fn *function) {
	pl := g.plans[fn]
	names := newNamer(map[string]bool{"s": true, "d": true, "f": true, "w": true, "in": true})
	for i, v := range fn.params {
		fn.refs[v] = names.take(fmt.Sprintf("x%d", i), "x")
	}
	for i, v := range fn.results {
		root := pl.storage(v)
		name := names.take(fmt.Sprintf("y%d", i), "y")
		fn.outs = append(fn.outs, name)
		if fn.refs[root] == "" && pl.inside(root) && pl.layout[root] == nil && !pl.apart[root] {
			fn.refs[root] = name
		}
	}
}

// pair finds the values that calls of fn hand on from one to the next and lets them take turns in two places.
func (g *generator) pair(fn *function) {
	fn.carried = make([]int, len(fn.params)) // which result the next call gets here, -1 for none
	loop := len(fn.calls) > 1
	for k := range fn.params {
		fn.carried[k] = -1
		first := fn.calls[0].args[k]
		if slices.ContainsFunc(fn.calls, func(c *call) bool { return c.args[k] != first }) {
			r := handedOn(fn, k)
			loop = loop && r >= 0 && !slices.Contains(fn.carried[:k], r)
			fn.carried[k] = r
		}
	}
	for r := range fn.results {
		for c, call := range fn.calls {
			if c < len(fn.calls)-1 && g.usedBeside(fn, call.results[r], c, r) {
				loop = false
			}
		}
	}
	fn.loop = loop
	if !loop {
		return
	}
	for r := range fn.results {
		turns := 1
		if slices.Contains(fn.carried, r) {
			turns = 2
		}
		for c, call := range fn.calls {
			g.groups[call.results[r]] = fn.calls[c%turns].results[r]
		}
	}
}

// handedOn is the result of each call that is argument k of the next, -1 when there is none.
func handedOn(fn *function, k int) int {
	for r := range fn.results {
		ok := true
		for c := range fn.calls[1:] {
			ok = ok && fn.calls[c+1].args[k] == fn.calls[c].results[r]
		}
		if ok {
			return r
		}
	}
	return -1
}

// usedBeside reports whether v, result r of call c, is used other than as what the next call is handed.
func (g *generator) usedBeside(fn *function, v *ir.Value, c, r int) bool {
	if slices.Contains(g.p.Main.Results, v) {
		return true
	}
	for _, s := range g.main().steps {
		if s.node != nil && slices.Contains(reads(s.node), v) {
			return true
		}
		if s.call == nil {
			continue
		}
		for k, a := range s.call.args {
			if a == v && (s.call != fn.calls[c+1] || fn.carried[k] != r) {
				return true
			}
		}
	}
	return false
}

// body is the statements of fn.
func (g *generator) body(fn *function) string {
	e := &emitter{g: g, fn: fn, ready: map[*ir.Value]bool{}}
	pl := g.plans[fn]
	for i := fn.prepared; i < len(fn.steps); i++ {
		s := fn.steps[i]
		switch {
		case s.call != nil && s.call.fn.loop:
			g.callLoop(e, s.call.fn)
			g.enter(e, "", fn, 0)
			i += len(s.call.fn.calls) - 1
		case s.call != nil:
			g.callOnce(e, s.call)
			g.enter(e, "", fn, 0)
		case pl.live[s.node]:
			g.label(e, s.node.Op.Name, s.node.Name)
			from := g.node(e, s.node)
			g.timed(e, s.node, from)
		}
	}
	for i, r := range fn.results {
		if root := pl.storage(r); fn.refs[root] != fn.outs[i] {
			e.Line("copy(%s, %s)", fn.outs[i], e.Val(r))
		}
	}
	return e.b.String()
}

// prepareBody is the statements of prepare.
func (g *generator) prepareBody() string {
	main := g.main()
	e := &emitter{g: g, fn: main, ready: map[*ir.Value]bool{}}
	for _, s := range main.steps[:main.prepared] {
		if g.plans[main].live[s.node] {
			g.node(e, s.node)
		}
	}
	return e.b.String()
}

// node writes the statements of n, with a comment, and says where they begin.
func (g *generator) node(e *emitter, n *ir.Node) (from int) {
	g.comment(e, n)
	from = e.b.Len()
	switch r := g.plans[e.fn].regions[n]; {
	case r == nil:
		g.lower(e, n)
	case r.conv != nil:
		e.conv32(r.conv, n.Out(), e.sequel(r))
	case r.sum != nil:
		e.sumNorm(r)
	default:
		e.lowerRegion(r)
	}
	return from
}

var spaces = regexp.MustCompile(`\s+`)

func (g *generator) comment(e *emitter, n *ir.Node) {
	text := n.Op.Name
	if r := g.plans[e.fn].regions[n]; r != nil {
		text = r.String()
	}
	text += " " + g.typeText(n.Out())
	if n.Name != "" {
		text += "  " + oneLine(n.Name)
	}
	e.Line("// %s", text)
}

func (g *generator) typeText(v *ir.Value) string {
	t := v.Type
	if v.Type.Kind == ir.Tensor {
		env := map[string]ir.Dim{}
		for old, name := range g.dimName {
			env[old] = ir.Sym(name)
		}
		t = t.Subst(env)
	}
	return t.String()
}

func (g *generator) callOnce(e *emitter, c *call) {
	args := []string{}
	if st := g.hasWeights(c.fn); st {
		args = append(args, fmt.Sprintf("&w.%s[%d]", c.fn.name, slices.Index(c.fn.calls, c)))
	}
	for _, r := range c.results {
		args = append(args, e.Val(r))
	}
	for _, a := range c.args {
		args = append(args, e.Val(a))
	}
	g.enter(e, "", c.fn, slices.Index(c.fn.calls, c))
	e.Line("s.%s(%s)", c.fn.name, strings.Join(args, ", "))
}

// hasWeights reports whether fn has a table; its parameter is declared even when the body reads none of it.
func (g *generator) hasWeights(fn *function) bool { return len(fn.weights) > 0 }

// callLoop writes the calls of fn as a loop. What one call hands to the next takes turns in two buffers, the first of which the
// first call fills.
func (g *generator) callLoop(e *emitter, fn *function) {
	first, second := fn.calls[0], fn.calls[1]
	args := []string{}
	if g.hasWeights(fn) {
		args = append(args, fmt.Sprintf("&w.%s[i]", fn.name))
	}
	var names, turn, vars, from []string
	for r, v := range first.results {
		k := slices.Index(fn.carried, r)
		if k < 0 {
			args = append(args, e.Val(v))
			continue
		}
		x, y, z := fmt.Sprintf("x%d", k), fmt.Sprintf("y%d", r), fmt.Sprintf("z%d", r)
		names = append(names, x, y, z)
		vars = append(vars, e.Val(first.args[k]), e.Val(v), e.Val(second.results[r]))
		turn, from = append(turn, x, y, z), append(from, y, z, y)
		args = append(args, y)
	}
	for k, v := range first.args {
		if r := fn.carried[k]; r >= 0 {
			args = append(args, fmt.Sprintf("x%d", slices.Index(fn.carried, r)))
		} else {
			args = append(args, e.Val(v))
		}
	}
	count := fmt.Sprint(len(fn.calls))
	if g.hasWeights(fn) {
		count = fmt.Sprintf("len(w.%s)", fn.name)
	}
	join := func(first string, rest []string) string { return strings.Join(append([]string{first}, rest...), ", ") }
	e.Line("for %s := %s; i < %s; %s = %s {", join("i", names), join("0", vars), count, join("i", turn), join("i+1", from))
	g.enter(e, "\t", fn, "i")
	e.Line("\ts.%s(%s)", fn.name, strings.Join(args, ", "))
	e.Line("}")
}
