package ir

import (
	"fmt"
	"slices"
	"strconv"
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

// SetInput makes a constant of a parameter: all its elements have the value that text says, a number, true, false or a string. The
// parameter goes; another one must know the sizes that it has by name.
func (p *Program) SetInput(name, text string) error {
	f := p.Main
	i := slices.IndexFunc(f.Params, func(v *Value) bool { return v.Name == name })
	if i < 0 {
		var known []string
		for _, v := range f.Params {
			known = append(known, strconv.Quote(v.Name))
		}
		return fmt.Errorf("no input is called %q; there are %s", name, cmpOr(strings.Join(known, ", "), "none"))
	}
	x := f.Params[i]
	if x.Type.Kind != Tensor || !x.Type.Ranked() {
		return fmt.Errorf("input %q is %s: only a tensor of known rank can be set", name, x.Type)
	}
	d, err := parseScalar(x.Type.Elem, text)
	if err != nil {
		return fmt.Errorf("input %q: %w", name, err)
	}
	f.DropParam(i)
	have := map[string]bool{}
	for _, v := range f.Params {
		v.Type.names(have)
	}
	mine := map[string]bool{}
	x.Type.names(mine)
	for dim := range mine {
		if !have[dim] {
			return fmt.Errorf("input %q is %s: only it knows %s, so it cannot be set", name, x.Type, dim)
		}
	}
	b := NewBuilder(f)
	b.At, b.Name = 0, name
	y := b.Const(d)
	if x.Type.Rank() > 0 {
		y = b.New(Expand, nil, y, b.Dims(x.Type.Shape...))
	}
	f.Replace(map[*Value]*Value{x: y})
	return nil
}

// parseScalar reads one number, true or false, or a string as it is.
func parseScalar(e Elem, text string) (*Data, error) {
	d := NewData(e)
	ok := true
	switch {
	case e == String:
		d.Str[0] = text
	case e == Bool:
		yes, err := strconv.ParseBool(text)
		if ok = err == nil; yes {
			d.SetInt(0, 1)
		}
	case e.IsComplex():
		ok = false
	case e.IsFloat():
		x, err := strconv.ParseFloat(text, 64)
		ok = err == nil
		d.SetFloat(0, x)
	case e == U64:
		n, err := strconv.ParseUint(text, 10, 64)
		ok = err == nil
		d.SetInt(0, int64(n))
	default:
		n, err := strconv.ParseInt(text, 10, 64)
		d.SetInt(0, n)
		ok = err == nil && d.Int(0) == n
	}
	if !ok {
		return nil, fmt.Errorf("%q is no value of %s", text, e)
	}
	return d, nil
}
