package passes

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A pattern is what a rule is looking for, written like the text form of a node:
//
//	(Mul s:(Scores q k scale=_) #c)
//
// A parenthesis is a node: an operator (or several, Mul|Div), its arguments, its attributes. Among the arguments
//
//	q      is any value; the same name again must be the same value, or an equal constant
//	s:(..) is a node with a name for its result
//	_      is an absent argument, q? one that may be absent, xs... all that are left
//	#c     is a constant of no dimensions, #0.5 one of that value within rounding, [-1] a vector of integers
//
// A pattern is closed: an attribute that is not mentioned must have its default (scale=_ takes any value, *=_ any of all attributes), and
// a node inside must not be used outside the match nor be a result of the function. A star, *(Transpose k), lifts the second condition
// where computing it twice costs nothing. (Split@1 x) is the second result of Split.
type pattern struct {
	kind   patternKind
	name   string
	ops    []*ir.Op
	result int
	shared bool
	args   []*pattern
	attrs  map[string]any // nil: any value
	open   bool           // all attributes may have any value
	num    float64
	ints   []int64
	text   string
}

type patternKind uint8

const (
	anyValue patternKind = iota
	maybeValue
	restValues
	absentValue
	scalarValue
	numberValue
	intsValue
	nodeValue
)

// parsePattern reads one pattern; rules are the compiler's own, so that it panics when it cannot.
func parsePattern(src string) *pattern {
	s := strings.NewReplacer("(", " ( ", ")", " ) ").Replace(src)
	r := &patternReader{src: src, words: strings.Fields(s)}
	p := r.pattern()
	if len(r.words) > 0 || p.kind != nodeValue {
		r.fail("text after the pattern, or no node")
	}
	return p
}

type patternReader struct {
	src   string
	words []string
}

func (r *patternReader) fail(what string) {
	panic("BUG: pattern " + r.src + ": " + what)
}

func (r *patternReader) next() string {
	if len(r.words) == 0 {
		r.fail("ends too early")
	}
	w := r.words[0]
	r.words = r.words[1:]
	return w
}

func (r *patternReader) pattern() *pattern {
	w := r.next()
	p := &pattern{text: w}
	if rest, ok := strings.CutSuffix(w, "*"); ok && (rest == "" || strings.HasSuffix(rest, ":")) {
		p.shared, w = true, rest
	}
	switch {
	case w == "(":
		r.node(p)
	case w == "" || strings.HasSuffix(w, ":"):
		p.name = strings.TrimSuffix(w, ":")
		if r.next() != "(" {
			r.fail("no node after " + p.text)
		}
		r.node(p)
	case w == "_":
		p.kind = absentValue
	case w[0] == '#':
		r.constant(p, w[1:])
	case w[0] == '[':
		p.kind, p.ints = intsValue, r.ints(w)
	case strings.HasSuffix(w, "?"):
		p.kind, p.name = maybeValue, strings.TrimSuffix(w, "?")
	case strings.HasSuffix(w, "..."):
		p.kind, p.name = restValues, strings.TrimSuffix(w, "...")
	default:
		p.kind, p.name = anyValue, w
	}
	return p
}

func (r *patternReader) constant(p *pattern, w string) {
	x, err := strconv.ParseFloat(w, 64)
	if err != nil || w[0] != '-' && w[0] != '.' && (w[0] < '0' || w[0] > '9') {
		p.kind, p.name = scalarValue, w
		return
	}
	p.kind, p.num = numberValue, x
}

func (r *patternReader) ints(w string) []int64 {
	ns := []int64{}
	for _, s := range strings.FieldsFunc(strings.Trim(w, "[]"), func(c rune) bool { return c == ',' }) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			r.fail(err.Error())
		}
		ns = append(ns, n)
	}
	return ns
}

// node reads what stands in parentheses.
func (r *patternReader) node(p *pattern) {
	p.kind = nodeValue
	names, result, _ := strings.Cut(r.next(), "@")
	p.text = names
	if result != "" {
		p.result, _ = strconv.Atoi(result)
	}
	for _, name := range strings.Split(names, "|") {
		op := ir.Lookup(name)
		if op == nil {
			r.fail("no operator " + name)
		}
		p.ops = append(p.ops, op)
	}
	for len(r.words) == 0 || r.words[0] != ")" {
		if len(r.words) == 0 {
			r.fail("no closing parenthesis")
		}
		if name, val, ok := strings.Cut(r.words[0], "="); ok {
			r.next()
			if name == "*" {
				p.open = true
				continue
			}
			r.attr(p, name, val)
			continue
		}
		p.args = append(p.args, r.pattern())
	}
	r.next()
}

func (r *patternReader) attr(p *pattern, name, val string) {
	kind := ""
	for _, op := range p.ops {
		kind = cmp.Or(kind, op.AttrKind(name))
	}
	if kind == "" {
		r.fail("no attribute " + name)
	}
	if p.attrs == nil {
		p.attrs = map[string]any{}
	}
	var v any
	var err error
	switch {
	case val == "_":
	case kind == "int":
		v, err = strconv.ParseInt(val, 10, 64)
	case kind == "float":
		v, err = strconv.ParseFloat(val, 64)
	case kind == "string":
		v = val
	case kind == "ints":
		v = r.ints(val)
	default:
		err = fmt.Errorf("attribute %s can only be _", name)
	}
	if err != nil {
		r.fail(err.Error())
	}
	p.attrs[name] = v
}

// near reports whether x is want in the precision that constants of type e are written with.
func near(e ir.Elem, x, want float64) bool {
	if math.IsInf(want, 0) || want == 0 {
		return x == want
	}
	eps := 1e-6 // what exporters print
	switch e {
	case ir.F16:
		eps = 0x1p-10
	case ir.BF16:
		eps = 0x1p-7
	}
	return math.Abs(x-want) <= eps*math.Abs(want)
}
