package ir

import (
	"strconv"
	"strings"
)

// What follows reads the text form of dimensions, types, constants and attributes.

func (p *parser) dims(open, end byte) (ds []Dim) {
	p.want(open)
	for !p.accept(end) {
		ds = append(ds, p.dim())
		if p.tok().kind != end {
			p.want(',')
		}
	}
	if open == '(' && len(ds) != 1 {
		p.fail("one dimension is wanted")
	}
	return ds
}

// dim reads a sum; term reads a product; dimAtom what stands between the signs.
func (p *parser) dim() Dim {
	if p.depth++; p.depth > 200 {
		p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	d := p.term()
	for {
		switch {
		case p.accept('+'):
			d = d.Add(p.term())
		case p.accept('-'):
			d = d.Sub(p.term())
		default:
			return p.bounded(d)
		}
	}
}

func (p *parser) term() Dim {
	d := p.dimAtom()
	for {
		ok := true
		switch {
		case p.accept('*'):
			d = p.bounded(d.Mul(p.dimAtom()))
		case p.accept('/'):
			d, ok = d.Div(p.dimAtom())
		case p.accept('%'):
			d, ok = d.Mod(p.dimAtom())
		default:
			return d
		}
		if !ok {
			p.fail("division by zero")
		}
	}
}

// bounded refuses expressions that no shape has and that would take long.
func (p *parser) bounded(d Dim) Dim {
	if len(d.terms) > 64 {
		p.fail("a dimension of more than 64 terms")
	}
	return d
}

func (p *parser) dimAtom() Dim {
	switch t := p.next(); {
	case t.kind == '-' && p.tok().kind == '0': // the least integer has no positive counterpart
		n, err := strconv.ParseInt("-"+p.tok().text, 10, 64)
		if err != nil {
			p.fail("-%s is no integer", p.tok().text)
		}
		p.next()
		return Dim{c: n}
	case t.kind == '-':
		if p.depth++; p.depth > 200 {
			p.fail("nested too deeply")
		}
		defer func() { p.depth-- }()
		return p.dimAtom().Neg()
	case t.kind == '(':
		d := p.dim()
		p.want(')')
		return d
	case t.kind == '0':
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			p.at--
			p.fail("%s is no integer", t.text)
		}
		return Dim{c: n}
	case t.kind == 'i' && (t.text == "min" || t.text == "max") && p.tok().kind == '(':
		p.next()
		x := p.dim()
		p.want(',')
		y := p.dim()
		p.want(')')
		if t.text == "min" {
			return x.Min(y)
		}
		return x.Max(y)
	case t.kind == 'i' || t.kind == '"':
		return Sym(t.text)
	}
	p.at--
	p.fail("%s instead of a dimension", p.tok())
	return Dim{}
}

func (p *parser) typ() Type {
	if p.depth++; p.depth > 100 {
		p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	name := p.name()
	if (name == "seq" || name == "opt") && p.accept('(') {
		of := p.typ()
		p.want(')')
		if name == "seq" {
			return SequenceOf(of)
		}
		return OptionalOf(of)
	}
	e, ok := ParseElem(name)
	if !ok {
		p.at--
		p.fail("%s is no type", name)
	}
	if p.toks[p.at+1].kind == '.' {
		p.next()
		p.next()
		p.want(']')
		return Unranked(e)
	}
	return T(e, p.dims('[', ']')...)
}

// data reads f32[2]{1,2}.
func (p *parser) data() *Data {
	t := p.typ()
	shape, ok := t.Static()
	if !ok {
		p.fail("a constant of type %s", t)
	}
	size := 1
	for _, n := range shape {
		if n < 0 || n > len(p.toks) || size*n > len(p.toks) {
			p.fail("a constant of type %s without so many elements", t)
		}
		size *= n
	}
	d := NewData(t.Elem, shape...)
	p.want('{')
	for i := range size {
		if i > 0 {
			p.want(',')
		}
		p.elem(d, i)
	}
	p.want('}')
	return d
}

func (p *parser) elem(d *Data, i int) {
	switch e := d.Elem; {
	case e == String:
		d.Str[i] = p.want('"').text
	case e.IsComplex():
		re := p.float()
		p.want('|')
		d.SetComplex(i, complex(re, p.float()))
	case e.IsFloat():
		d.SetFloat(i, p.float())
	case e == U64:
		n, err := strconv.ParseUint(p.number(), 10, 64)
		if err != nil {
			p.fail("%v", err)
		}
		d.SetInt(i, int64(n))
	default:
		n, err := strconv.ParseInt(p.number(), 10, 64)
		if err != nil {
			p.fail("%v", err)
		}
		d.SetInt(i, n)
	}
}

func (p *parser) number() string {
	sign := ""
	if p.accept('-') {
		sign = "-"
	}
	if t := p.tok(); t.kind == 'i' && (t.text == "inf" || t.text == "nan") {
		return sign + p.next().text
	}
	return sign + p.want('0').text
}

func (p *parser) float() float64 {
	s := p.number()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		p.at--
		p.fail("%s is no number", s)
	}
	return x
}

func (p *parser) attr(kind string) any {
	switch kind {
	case "int":
		n, err := strconv.ParseInt(p.number(), 10, 64)
		if err != nil {
			p.fail("%v", err)
		}
		return n
	case "float":
		return p.float()
	case "string":
		return p.want('"').text
	case "ints":
		return list(p, func() int64 { return p.attr("int").(int64) })
	case "floats":
		return list(p, p.float)
	case "strings":
		return list(p, func() string { return p.want('"').text })
	case "type":
		return p.typ()
	}
	switch t := p.tok(); {
	case t.kind == '[':
		return symData(p.dims('[', ']'), false)
	case t.kind == 'i' && t.text == "dim":
		p.next()
		return symData(p.dims('(', ')'), true)
	}
	return p.data()
}

func list[T any](p *parser, elem func() T) []T {
	out := []T{}
	p.want('[')
	for !p.accept(']') {
		out = append(out, elem())
		if p.tok().kind != ']' {
			p.want(',')
		}
	}
	return out
}
