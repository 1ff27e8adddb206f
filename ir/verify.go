package ir

import (
	"errors"
	"fmt"
	"strings"
)

// Verify reports all that is wrong with f. A function that verifies has these properties, which every pass may rely on and must keep:
//
//   - A node comes after those it uses; a body may use what stands before its node, in the function around it.
//   - A value's Def and Index say where it is; no value, node or body stands in two places.
//   - Arguments, results, attributes and bodies are as the operator's row declares them; an attribute at its default is absent, and an
//     absent argument does not come last.
//   - A result's type is the one that inference gives, or agrees with it where only the data, or a model's own declaration, decides.
//   - ResultNames is nil or as long as Results.
func Verify(f *Func) error {
	v := &verifier{seen: map[*Value]bool{}, nodes: map[*Node]bool{}}
	v.fn(f)
	return errors.Join(v.errs...)
}

type verifier struct {
	seen  map[*Value]bool
	nodes map[*Node]bool
	errs  []error
}

func (v *verifier) fail(n *Node, format string, args ...any) {
	where := ""
	if n != nil {
		where = fmt.Sprintf("node %d %q (%s): ", n.ID, n.Name, n.Op.Name)
	}
	v.errs = append(v.errs, errors.New(where+fmt.Sprintf(format, args...)))
}

func (v *verifier) fn(f *Func) {
	var scope []*Value
	for i, p := range f.Params {
		if p.Def != nil || p.Index != i {
			v.fail(nil, "parameter %s does not know its place", p.Name)
		}
		if !p.Type.Known() {
			v.fail(nil, "parameter %s has no type", p.Name)
		}
		v.define(nil, p)
		scope = append(scope, p)
	}
	for _, n := range f.Nodes {
		v.node(n)
		scope = append(scope, n.Results...)
	}
	for i, r := range f.Results {
		if r == nil || !v.seen[r] {
			v.fail(nil, "result %d of %s is not defined", i, f.Name)
		}
	}
	if f.ResultNames != nil && len(f.ResultNames) != len(f.Results) {
		v.fail(nil, "%d names for %d results", len(f.ResultNames), len(f.Results))
	}
	for _, s := range scope { // out of sight outside
		delete(v.seen, s)
	}
}

func (v *verifier) define(n *Node, x *Value) {
	if v.seen[x] {
		v.fail(n, "value %s stands in two places", x.Name)
	}
	v.seen[x] = true
}

func (v *verifier) node(n *Node) {
	if v.nodes[n] {
		v.fail(n, "stands in two places")
		return
	}
	v.nodes[n] = true
	for i, a := range n.Args {
		if a != nil && !v.seen[a] {
			v.fail(n, "argument %d, %q, is not defined before it", i, a.Name)
			return
		}
	}
	before := len(n.Args)
	if err := n.check(); err != nil {
		v.fail(n, "%v", err)
		return
	}
	if len(n.Args) != before {
		v.fail(n, "an absent argument comes last")
	}
	for _, b := range n.Bodies {
		v.fn(b)
	}
	ts, err := n.InferTypes()
	if err != nil {
		v.fail(n, "%v", err)
		return
	}
	for i, r := range n.Results {
		if r.Def != n || r.Index != i {
			v.fail(n, "result %d does not know its place", i)
		}
		if i < len(ts) && !r.Type.agrees(ts[i]) {
			v.fail(n, "result %d has type %s; inference says %s", i, r.Type, ts[i])
		}
		v.define(n, r)
	}
}

// agrees reports whether t may be the type of what is inferred to be u: the same, or more exact where u leaves something open.
func (t Type) agrees(u Type) bool {
	if t.Kind != u.Kind {
		return u.Kind == Tensor && u.Elem == NoElem
	}
	if t.Kind != Tensor {
		return t.Of.agrees(*u.Of) || u.Of.agrees(*t.Of)
	}
	if t.Elem != u.Elem {
		return u.Elem == NoElem || t.Elem == NoElem
	}
	if u.Unranked || t.Unranked {
		return true
	}
	if len(t.Shape) != len(u.Shape) {
		return false
	}
	for i, d := range u.Shape {
		if !t.Shape[i].agrees(d) {
			return false
		}
	}
	return true
}

// agrees: two numbers must be the same; an expression may turn out to be anything that a model's declaration says.
func (d Dim) agrees(e Dim) bool {
	return d.Equal(e) || !e.IsConst() || strings.Contains(d.String(), "?")
}
