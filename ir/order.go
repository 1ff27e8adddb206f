package ir

import "slices"

// maxCases is how many minima and maxima are looked into for the order of two dimensions.
const maxCases = 4

// neverNegative is nonNegative with a look into minima and maxima: seq-max(0,min(40,past+seq)-past) is at least 0, since the minimum is
// at most past+seq.
func (d Dim) neverNegative() bool { return d.atLeastZero(maxCases) }

func (d Dim) atLeastZero(cases int) bool {
	if d.nonNegative() {
		return true
	}
	if cases == 0 {
		return false
	}
	for i, t := range d.terms {
		if len(t.atoms) != 1 || t.atoms[0].op != "min" && t.atoms[0].op != "max" {
			continue
		}
		a := t.atoms[0]
		rest := Dim{c: d.c, terms: slices.Delete(slices.Clone(d.terms), i, i+1)}
		x := rest.Add(Dim{c: t.coef}.Mul(*a.x)).atLeastZero(cases - 1)
		if either := (a.op == "max") == (t.coef > 0); either == x {
			return x
		}
		return rest.Add(Dim{c: t.coef}.Mul(*a.y)).atLeastZero(cases - 1)
	}
	return false
}
