package ir

import "strings"

// Refresh infers the types of n's results anew, after its arguments have become better known, and forgets what Symbolic remembers of
// them. What a type said before and inference leaves open stays.
func (n *Node) Refresh() error {
	ts, err := n.InferTypes()
	if err != nil {
		return err
	}
	for i, v := range n.Results {
		v.sym, v.symOK = nil, false
		if i < len(ts) {
			v.Type = ts[i].keep(v.Type)
		}
	}
	return nil
}

// keep is t with what u knows better.
func (t Type) keep(u Type) Type {
	switch {
	case !u.Known():
		return t
	case t.Kind != Tensor || u.Kind != Tensor || t.Elem == NoElem || !t.Ranked():
		return u
	case !u.Ranked() || u.Rank() != t.Rank():
		return t
	}
	shape := append([]Dim{}, t.Shape...)
	for i, d := range u.Shape {
		if d.IsConst() && !shape[i].IsConst() || shape[i].dataDecides() && !d.dataDecides() {
			shape[i] = d
		}
	}
	return Type{Elem: t.Elem, Shape: shape}
}

// dataDecides reports whether d mentions a name that Fresh gave.
func (d Dim) dataDecides() bool {
	names := map[string]bool{}
	d.Names(names)
	for name := range names {
		if strings.HasPrefix(name, "?") {
			return true
		}
	}
	return false
}
