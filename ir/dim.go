package ir

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A Dim is a dimension: a number, or an integer expression of names. It is a polynomial in canonical form whose atoms are names,
// floor divisions, remainders, minima and maxima; two dimensions are the same expression exactly when Equal says so. The zero Dim
// is the number 0.
type Dim struct {
	c     int64  // the constant term
	terms []term // sorted by key, no zero coefficient
}

// A term is coef times a product of atoms.
type term struct {
	coef  int64
	atoms []atom // sorted by text
}

// An atom is a name, or op applied to two dimensions that did not simplify.
type atom struct {
	name string
	op   string // "", "/", "%", "min", "max"
	x, y *Dim
}

// N is the dimension n.
func N(n int) Dim { return Dim{c: int64(n)} }

// Sym is the dimension of that name.
func Sym(name string) Dim { return Dim{terms: []term{{1, []atom{{name: name}}}}} }

// Dims turns numbers into dimensions.
func Dims(ns ...int) []Dim {
	ds := make([]Dim, len(ns))
	for i, n := range ns {
		ds[i] = N(n)
	}
	return ds
}

// Const returns the dimension's number, if it is one.
func (d Dim) Const() (int, bool) { return int(d.c), len(d.terms) == 0 }

// Is reports whether d is the number n.
func (d Dim) Is(n int) bool { return len(d.terms) == 0 && d.c == int64(n) }

// IsConst reports whether d is a number.
func (d Dim) IsConst() bool { return len(d.terms) == 0 }

// Name returns d's name, if it is a single name.
func (d Dim) Name() (string, bool) {
	if d.c == 0 && len(d.terms) == 1 && d.terms[0].coef == 1 && len(d.terms[0].atoms) == 1 && d.terms[0].atoms[0].op == "" {
		return d.terms[0].atoms[0].name, true
	}
	return "", false
}

// Equal reports whether the two are the same expression.
func (d Dim) Equal(e Dim) bool {
	if d.c != e.c || len(d.terms) != len(e.terms) {
		return false
	}
	return len(d.terms) == 0 || d.String() == e.String()
}

func (a atom) String() string {
	switch a.op {
	case "":
		return a.name
	case "min", "max":
		return a.op + "(" + a.x.String() + "," + a.y.String() + ")"
	}
	return a.x.factor() + a.op + a.y.factor()
}

// factor prints d so that it can stand beside an operator.
func (d Dim) factor() string {
	if _, ok := d.Name(); ok || d.IsConst() && d.c >= 0 {
		return d.String()
	}
	return "(" + d.String() + ")"
}

func (t term) key() string {
	parts := make([]string, len(t.atoms))
	for i, a := range t.atoms {
		parts[i] = a.String()
		if a.op == "/" || a.op == "%" {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, "*")
}

func (d Dim) String() string {
	if len(d.terms) == 0 {
		return strconv.FormatInt(d.c, 10)
	}
	var b strings.Builder
	for i, t := range d.terms {
		switch {
		case t.coef < 0:
			b.WriteByte('-')
		case i > 0:
			b.WriteByte('+')
		}
		if n := max(t.coef, -t.coef); n != 1 {
			b.WriteString(strconv.FormatInt(n, 10))
			b.WriteByte('*')
		}
		key := t.key()
		if len(d.terms) == 1 && d.c == 0 && t.coef == 1 && len(t.atoms) == 1 {
			key = t.atoms[0].String() // a/2 alone needs no parentheses
		}
		b.WriteString(key)
	}
	if d.c != 0 {
		fmt.Fprintf(&b, "%+d", d.c)
	}
	return b.String()
}

// normal sorts the terms, adds up equal ones and drops zeros.
func normal(c int64, terms []term) Dim {
	slices.SortFunc(terms, func(a, b term) int { return cmp.Compare(a.key(), b.key()) })
	out := terms[:0]
	for _, t := range terms {
		if n := len(out); n > 0 && out[n-1].key() == t.key() {
			out[n-1].coef += t.coef
			continue
		}
		out = append(out, t)
	}
	out = slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })
	if len(out) == 0 {
		out = nil
	}
	return Dim{c, out}
}

// Add is d+e.
func (d Dim) Add(e Dim) Dim {
	if d.IsConst() && e.IsConst() {
		return Dim{c: d.c + e.c}
	}
	return normal(d.c+e.c, append(slices.Clone(d.terms), e.terms...))
}

// Neg is -d.
func (d Dim) Neg() Dim { return d.Mul(N(-1)) }

// Sub is d-e.
func (d Dim) Sub(e Dim) Dim { return d.Add(e.Neg()) }

// Mul is d*e.
func (d Dim) Mul(e Dim) Dim {
	if d.IsConst() && e.IsConst() {
		return Dim{c: d.c * e.c}
	}
	if (len(d.terms)+1)*(len(e.terms)+1) > maxTerms {
		return opaque(d, e)
	}
	var terms []term
	all := func(d Dim) []term {
		if d.c == 0 {
			return d.terms
		}
		return append(slices.Clone(d.terms), term{coef: d.c})
	}
	var c int64
	for _, s := range all(d) {
		for _, t := range all(e) {
			atoms := append(slices.Clone(s.atoms), t.atoms...)
			if len(atoms) == 0 {
				c += s.coef * t.coef
				continue
			}
			sort.Slice(atoms, func(i, j int) bool { return atoms[i].String() < atoms[j].String() })
			terms = append(terms, term{s.coef * t.coef, atoms})
		}
	}
	return normal(c, terms)
}

// Div is d/e rounded down; ok is false when e is the number 0.
func (d Dim) Div(e Dim) (q Dim, ok bool) {
	if e.Is(0) {
		return Dim{}, false
	}
	if q, ok := d.divExact(e); ok {
		return q, true
	}
	if d.IsConst() && e.IsConst() {
		return Dim{c: floorDiv(d.c, e.c)}, true
	}
	if e.IsConst() && e.c > 0 { // (4*a+r)/4 is a + r/4
		var whole, rest Dim
		for _, t := range d.terms {
			if t.coef%e.c == 0 {
				whole = whole.Add(Dim{terms: []term{{t.coef / e.c, t.atoms}}})
			} else {
				rest = rest.Add(Dim{terms: []term{t}})
			}
		}
		whole, rest.c = whole.Add(Dim{c: floorDiv(d.c, e.c)}), d.c-floorDiv(d.c, e.c)*e.c
		if rest.IsConst() {
			return whole, true
		}
		g := e.c // (6*a+5)/4 is (3*a+2)/2
		for _, t := range rest.terms {
			g = gcd(g, t.coef)
		}
		if g > 1 {
			rest, e = rest.over(g), Dim{c: e.c / g}
		}
		return whole.Add(rest.op("/", e)), true
	}
	return d.op("/", e), true
}

// over is d/g rounded down, for g that divides every coefficient.
func (d Dim) over(g int64) Dim {
	q := Dim{c: floorDiv(d.c, g)}
	for _, t := range d.terms {
		q.terms = append(q.terms, term{t.coef / g, t.atoms})
	}
	return q
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// Mod is d - d/e*e; ok is false when e is the number 0.
func (d Dim) Mod(e Dim) (Dim, bool) {
	if e.Is(0) {
		return Dim{}, false
	}
	if _, ok := d.divExact(e); ok {
		return Dim{}, true
	}
	if d.IsConst() && e.IsConst() {
		return Dim{c: d.c - floorDiv(d.c, e.c)*e.c}, true
	}
	return d.op("%", e), true
}

func (d Dim) op(op string, e Dim) Dim {
	return Dim{terms: []term{{1, []atom{{op: op, x: &d, y: &e}}}}}
}

// divExact is d/e when that leaves no remainder whatever the names stand for: schoolbook division by the leading term.
func (d Dim) divExact(e Dim) (Dim, bool) {
	if e.IsConst() {
		if e.c == 0 || d.c%e.c != 0 {
			return Dim{}, false
		}
		q := Dim{c: d.c / e.c}
		for _, t := range d.terms {
			if t.coef%e.c != 0 {
				return Dim{}, false
			}
			q.terms = append(q.terms, term{t.coef / e.c, t.atoms})
		}
		return q, true
	}
	var q Dim
	for rest := d; ; {
		if rest.Is(0) {
			return q, true
		}
		if len(rest.terms) == 0 {
			return Dim{}, false
		}
		t, ok := rest.lead().over(e.lead())
		if !ok {
			return Dim{}, false
		}
		step := Dim{terms: []term{t}}
		if len(t.atoms) == 0 {
			step = Dim{c: t.coef}
		}
		next := rest.Sub(step.Mul(e))
		if len(next.terms) >= len(rest.terms)+len(e.terms) {
			return Dim{}, false
		}
		if len(q.terms) > 8 {
			return Dim{}, false
		}
		q, rest = q.Add(step), next
	}
}

// lead is the term with the most atoms, the last in order among those.
func (d Dim) lead() term {
	best := d.terms[0]
	for _, t := range d.terms[1:] {
		if len(t.atoms) >= len(best.atoms) {
			best = t
		}
	}
	return best
}

func (t term) over(u term) (term, bool) {
	if t.coef%u.coef != 0 {
		return term{}, false
	}
	atoms := slices.Clone(t.atoms)
	for _, a := range u.atoms {
		i := slices.IndexFunc(atoms, func(b atom) bool { return a.String() == b.String() })
		if i < 0 {
			return term{}, false
		}
		atoms = slices.Delete(atoms, i, i+1)
	}
	return term{t.coef / u.coef, atoms}, true
}

// Min is the lesser of the two.
func (d Dim) Min(e Dim) Dim { return d.pick("min", e) }

// Max is the greater of the two.
func (d Dim) Max(e Dim) Dim { return d.pick("max", e) }

func (d Dim) pick(op string, e Dim) Dim {
	switch diff := d.Sub(e); { // names are not negative, so that min(past+seq, seq) is seq
	case diff.NeverNegative() && op == "max", diff.Neg().NeverNegative() && op == "min":
		return d
	case diff.NeverNegative(), diff.Neg().NeverNegative():
		return e
	}
	switch { // max(a, min(a,b)) is a
	case e.absorbedBy(d, op):
		return d
	case d.absorbedBy(e, op):
		return e
	}
	if d.String() > e.String() {
		d, e = e, d
	}
	return d.op(op, e)
}

// absorbedBy reports whether d is the other of min and max than op, of e and something.
func (d Dim) absorbedBy(e Dim, op string) bool {
	if d.c != 0 || len(d.terms) != 1 || d.terms[0].coef != 1 || len(d.terms[0].atoms) != 1 {
		return false
	}
	a := d.terms[0].atoms[0]
	return (a.op == "min" && op == "max" || a.op == "max" && op == "min") && (a.x.Equal(e) || a.y.Equal(e))
}

// Names adds the names that d mentions to set.
func (d Dim) Names(set map[string]bool) {
	for _, t := range d.terms {
		for _, a := range t.atoms {
			if a.op == "" {
				set[a.name] = true
				continue
			}
			a.x.Names(set)
			a.y.Names(set)
		}
	}
}

// Subst replaces names by what env has for them.
func (d Dim) Subst(env map[string]Dim) Dim {
	if d.IsConst() || len(env) == 0 {
		return d
	}
	out := Dim{c: d.c}
	for _, t := range d.terms {
		p := Dim{c: t.coef}
		for _, a := range t.atoms {
			p = p.Mul(a.subst(env))
		}
		out = out.Add(p)
	}
	return out
}

func (a atom) subst(env map[string]Dim) Dim {
	if a.op == "" {
		if e, ok := env[a.name]; ok {
			return e
		}
		return Sym(a.name)
	}
	x, y := a.x.Subst(env), a.y.Subst(env)
	switch a.op {
	case "min":
		return x.Min(y)
	case "max":
		return x.Max(y)
	case "/":
		if q, ok := x.Div(y); ok {
			return q
		}
	case "%":
		if r, ok := x.Mod(y); ok {
			return r
		}
	}
	return x.op(a.op, y)
}

// Eval is d's number when the names have those of env; ok is false when one is missing or a division is by zero.
func (d Dim) Eval(env map[string]int) (n int, ok bool) {
	dims := make(map[string]Dim, len(env))
	for name, v := range env {
		dims[name] = N(v)
	}
	return d.Subst(dims).Const()
}

// A Walker sees a dimension's structure from outside the package, as a code printer needs it.
type Walker[T any] struct {
	Num  func(int) T
	Name func(string) T
	Bin  func(op string, x, y T) T // op is one of + - * / % min max; / and % are of non-negative numbers rounded down
}

// Walk folds d with w.
func Walk[T any](d Dim, w Walker[T]) T {
	var acc T
	has := false
	join := func(op string, x T) {
		if !has {
			acc, has = x, true
			return
		}
		acc = w.Bin(op, acc, x)
	}
	terms := slices.Clone(d.terms)
	slices.SortStableFunc(terms, func(a, b term) int { // a positive one first
		return cmp.Compare(min(b.coef, 0), min(a.coef, 0))
	})
	if d.c != 0 && (len(terms) == 0 || terms[0].coef < 0) || len(terms) == 0 {
		join("+", w.Num(int(d.c)))
		d.c = 0
	}
	if !has && terms[0].coef < 0 {
		join("+", w.Num(0))
	}
	for _, t := range terms {
		if t.coef < 0 {
			join("-", walkTerm(term{-t.coef, t.atoms}, w))
		} else {
			join("+", walkTerm(t, w))
		}
	}
	if d.c < 0 {
		join("-", w.Num(int(-d.c)))
	} else if d.c > 0 {
		join("+", w.Num(int(d.c)))
	}
	return acc
}

func walkTerm[T any](t term, w Walker[T]) T {
	var acc T
	has := false
	if t.coef != 1 {
		acc, has = w.Num(int(t.coef)), true
	}
	for _, a := range t.atoms {
		var x T
		if a.op == "" {
			x = w.Name(a.name)
		} else {
			x = w.Bin(a.op, Walk(*a.x, w), Walk(*a.y, w))
		}
		if has {
			acc = w.Bin("*", acc, x)
		} else {
			acc, has = x, true
		}
	}
	return acc
}
