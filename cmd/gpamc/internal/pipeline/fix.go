package pipeline

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// Fix is a copy of p in which dimensions have the sizes of dims instead of their names.
func Fix(p *ir.Program, dims map[string]int) (*ir.Program, error) {
	q := p.Clone()
	if len(dims) == 0 {
		return q, nil
	}
	x := &fixer{env: map[string]ir.Dim{}, values: map[*ir.Value]*ir.Value{}}
	for name, n := range dims {
		x.env[name] = ir.N(n)
	}
	f := ir.NewFunc(p.Main.Name)
	if err := x.fill(f, p.Main); err != nil {
		return nil, err
	}
	q.Main = f
	return q, nil
}

type fixer struct {
	env    map[string]ir.Dim
	values map[*ir.Value]*ir.Value
}

// fill makes f what old is, but for the sizes.
func (x *fixer) fill(f, old *ir.Func) error {
	for _, v := range old.Params {
		x.values[v] = f.Param(v.Name, v.Type.Subst(x.env))
	}
	b := ir.NewBuilder(f)
	for _, n := range old.Nodes {
		if err := x.node(b, n); err != nil {
			return fmt.Errorf("node %q: with the sizes given, %w", n.Name, err)
		}
	}
	f.ResultNames = old.ResultNames
	f.Return(x.all(old.Results)...)
	return nil
}

func (x *fixer) all(vs []*ir.Value) []*ir.Value {
	out := make([]*ir.Value, len(vs))
	for i, v := range vs {
		out[i] = x.values[v]
	}
	return out
}

func (x *fixer) node(b *ir.Builder, n *ir.Node) error {
	var bodies []*ir.Func
	for _, body := range n.Bodies {
		f := b.F.NewBody(body.Name)
		if err := x.fill(f, body); err != nil {
			return err
		}
		bodies = append(bodies, f)
	}
	b.Name = n.Name
	m, err := b.Add(n.Op, len(n.Results), x.attrs(n.Attrs), bodies, x.all(n.Args)...)
	if err != nil {
		return err
	}
	for i, r := range n.Results {
		v := m.Results[i]
		v.Name = r.Name
		if t := r.Type.Subst(x.env); t.Ranked() && !v.Type.Ranked() { // what the model's own declaration said
			v.Type = t
		}
		x.values[r] = v
	}
	return nil
}

func (x *fixer) attrs(attrs ir.Attrs) ir.Attrs {
	out := ir.Attrs{}
	for name, a := range attrs {
		switch a := a.(type) {
		case ir.Type:
			out[name] = a.Subst(x.env)
		case ir.SymData:
			out[name] = x.data(a)
		default:
			out[name] = a
		}
	}
	return out
}

// data is a constant of dimensions, plain data when none of them is a name any more.
func (x *fixer) data(s ir.SymData) any {
	out := ir.SymData{Scalar: s.Scalar, Dims: make([]ir.Dim, len(s.Dims))}
	numbers := ir.NewData(ir.I64, len(s.Dims))
	if s.Scalar {
		numbers.Shape = nil
	}
	plain := true
	for i, d := range s.Dims {
		out.Dims[i] = d.Subst(x.env)
		n, ok := out.Dims[i].Const()
		plain = plain && ok
		numbers.SetInt(i, int64(n))
	}
	if plain {
		return numbers
	}
	return out
}
