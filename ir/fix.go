package ir

import (
	"fmt"
	"slices"
	"strings"
)

// FixDims gives dimensions that have names a number each, everywhere in the program. A name that no parameter mentions is an error.
func (p *Program) FixDims(dims map[string]int) error {
	if len(dims) == 0 {
		return nil
	}
	have := map[string]bool{}
	for _, v := range p.Main.Params {
		v.Type.names(have)
	}
	env := map[string]Dim{}
	for name, n := range dims {
		if !have[name] {
			known := make([]string, 0, len(have))
			for s := range have {
				known = append(known, s)
			}
			slices.Sort(known)
			return fmt.Errorf("no dimension is called %q; there is %s", name, cmpOr(strings.Join(known, ", "), "none with a name"))
		}
		if n < 0 {
			return fmt.Errorf("dimension %s cannot be %d", name, n)
		}
		env[name] = N(n)
	}
	return p.Main.substitute(env)
}

// names adds the names of t's dimensions to set.
func (t Type) names(set map[string]bool) {
	for _, d := range t.Shape {
		d.Names(set)
	}
	if t.Of != nil {
		t.Of.names(set)
	}
}

func (f *Func) substitute(env map[string]Dim) error {
	for _, v := range f.Params {
		v.Type = v.Type.Subst(env)
	}
	for _, n := range f.Nodes {
		if s, ok := n.Attrs["value"].(SymData); ok {
			ds := make([]Dim, len(s.Dims))
			for i, d := range s.Dims {
				ds[i] = d.Subst(env)
			}
			n.Attrs = Attrs{"value": symData(ds, s.Scalar)}
		}
		for _, r := range n.Results {
			r.Type = r.Type.Subst(env)
		}
		for _, b := range n.Bodies {
			if err := b.substitute(env); err != nil {
				return err
			}
		}
		if err := n.Refresh(); err != nil {
			return fmt.Errorf("node %q (%s): %w", n.Name, n.Op.Name, err)
		}
	}
	return nil
}
