package fuzz

import (
	"github.com/gpamc/gpamc/ir"
	"pgregory.net/rapid"
)

// example adds an operator as its row shows it, with inputs made from what is there.
func (a *author) example() {
	op := rapid.SampledFrom(ir.Ops()).Filter(a.allowed).Draw(a.t, "op")
	f, err := op.ExampleFunc()
	if err != nil || f == nil {
		return // a test of the table says so
	}
	m := map[*ir.Value]*ir.Value{}
	for _, p := range f.Params {
		m[p] = a.supply(p.Type)
	}
	for _, n := range f.Nodes {
		args := make([]*ir.Value, len(n.Args))
		for i, v := range n.Args {
			if v != nil {
				args[i] = m[v]
			}
		}
		var bodies []*ir.Func
		outer := map[*ir.Value]*ir.Value{}
		for from, to := range m {
			outer[from] = to
		}
		for _, body := range n.Bodies {
			bodies = append(bodies, a.body(body, outer))
		}
		c, err := a.b.Add(n.Op, len(n.Results), n.Attrs, bodies, args...)
		if err != nil {
			return // such as a dimension that has become another
		}
		for i, r := range n.Results {
			m[r] = c.Results[i]
		}
	}
	for _, r := range f.Results {
		if v := m[r]; v.Type.Ranked() && v.Type.Elem != ir.String {
			a.keep(v)
		}
	}
}

// body copies the body of an example's node.
func (a *author) body(f *ir.Func, m map[*ir.Value]*ir.Value) *ir.Func {
	g := a.f.NewBody(f.Name)
	b := ir.NewBuilder(g)
	for _, p := range f.Params {
		m[p] = g.Param(p.Name, p.Type)
	}
	for _, n := range f.Nodes {
		args := make([]*ir.Value, len(n.Args))
		for i, v := range n.Args {
			if v != nil {
				args[i] = m[v]
			}
		}
		for i, r := range b.NewN(n.Op, len(n.Results), n.Attrs, args...) {
			m[n.Results[i]] = r
		}
	}
	var results []*ir.Value
	for _, r := range f.Results {
		results = append(results, m[r])
	}
	g.Return(results...)
	return g
}

// supply is a value of type t: one that is there, one made of it, a weight or a new input.
func (a *author) supply(t ir.Type) *ir.Value {
	for _, v := range a.pool {
		if v.Type.Equal(t) && a.flip() {
			return v
		}
	}
	shape, static := t.Static()
	if !static || !t.Elem.IsFloat() {
		return a.param(t)
	}
	x := a.pick()
	if a.int(0, 2) == 0 || !x.Type.Ranked() || !(x.Type.Elem.IsFloat() || x.Type.Elem.IsInt()) {
		return a.param(t)
	}
	b := a.b
	if x.Type.Elem != t.Elem {
		x = b.New(ir.Cast, ir.Attrs{"to": int(t.Elem)}, x)
	}
	count := int64(1)
	for _, n := range shape {
		count *= int64(n)
	}
	if n, ok := x.Type.Size().Const(); ok && int64(n) >= count && a.flip() {
		x = b.New(ir.Reshape, nil, x, b.Vector(-1))
		x = b.New(ir.Slice, nil, x, b.Vector(0), b.Vector(count))
		return b.New(ir.Reshape, nil, x, b.Dims(ir.Dims(shape...)...))
	}
	mean := b.New(ir.ReduceMean, ir.Attrs{"keepdims": 0}, x)
	return b.New(ir.Add, nil, mean, a.param(t))
}
