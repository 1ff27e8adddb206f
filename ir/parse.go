package ir

import (
	"fmt"
)

// Parse reads one function in the text form. An error begins with the number of its line.
func Parse(src string) (f *Func, err error) {
	p := &parser{scope: map[string]*Value{}}
	if p.toks, err = scan(src); err != nil {
		return nil, err
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case syntaxError:
			f, err = nil, r
		default:
			panic(r)
		}
	}()
	f = NewFunc("")
	p.lines()
	p.word("func")
	f.Name = p.name()
	p.body(f)
	p.lines()
	if p.tok().kind != 0 {
		p.fail("%s after the function", p.tok())
	}
	if err := Verify(f); err != nil {
		return nil, err
	}
	return f, nil
}

// ParseProgram reads a function as a program without weights.
func ParseProgram(src string) (*Program, error) {
	f, err := Parse(src)
	if err != nil {
		return nil, err
	}
	return NewProgram(f), nil
}

// ParseDim reads an expression such as past+seq or (w+2)/3.
func ParseDim(s string) (d Dim, err error) {
	p := &parser{}
	if p.toks, err = scan(s); err != nil {
		return d, err
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case syntaxError:
			err = r
		default:
			panic(r)
		}
	}()
	d = p.dim()
	if p.tok().kind != '\n' {
		p.fail("%s after a dimension", p.tok())
	}
	return d, nil
}

// ParseTypes reads "x f32[2,3], m bool[2,1]", the form of a function's parameters.
func ParseTypes(s string) (f *Func, err error) {
	return Parse("func f(" + s + ") {\nreturn\n}")
}

type syntaxError string

func (e syntaxError) Error() string { return string(e) }

type parser struct {
	toks  []token
	at    int
	scope map[string]*Value
	depth int
}

func (p *parser) tok() token { return p.toks[p.at] }

func (p *parser) fail(format string, args ...any) {
	panic(syntaxError(fmt.Sprintf("%d: ", p.tok().line) + fmt.Sprintf(format, args...)))
}

func (p *parser) next() token {
	t := p.tok()
	if t.kind != 0 {
		p.at++
	}
	return t
}

// accept takes the next token if it is of that kind.
func (p *parser) accept(kind byte) bool {
	if p.tok().kind == kind {
		p.next()
		return true
	}
	return false
}

func (p *parser) want(kind byte) token {
	if p.tok().kind != kind {
		p.fail("%s instead of %q", p.tok(), kind)
	}
	return p.next()
}

func (p *parser) word(w string) {
	if t := p.tok(); t.kind != 'i' || t.text != w {
		p.fail("%s instead of %s", t, w)
	}
	p.next()
}

func (p *parser) lines() {
	for p.accept('\n') {
	}
}

func (p *parser) name() string {
	if t := p.tok(); t.kind != 'i' && t.kind != '"' {
		p.fail("%s instead of a name", t)
	}
	return p.next().text
}

// body reads parameters and what stands in braces.
func (p *parser) body(f *Func) {
	if p.depth++; p.depth > 100 {
		p.fail("bodies nested too deeply")
	}
	defer func() { p.depth-- }()
	p.want('(')
	for !p.accept(')') {
		name := p.name()
		p.bind(name, f.Param(name, p.typ()))
		if p.tok().kind != ')' {
			p.want(',')
		}
	}
	p.want('{')
	p.lines()
	for {
		if t := p.tok(); t.kind == 'i' && t.text == "return" {
			break
		}
		p.node(f)
		p.want('\n')
		p.lines()
	}
	p.next()
	for p.tok().kind != '\n' {
		p.result(f)
		if p.tok().kind != '\n' {
			p.want(',')
		}
	}
	p.lines()
	p.want('}')
}

func (p *parser) bind(name string, v *Value) {
	if p.scope[name] != nil {
		p.fail("%s is defined twice", name)
	}
	p.scope[name] = v
}

func (p *parser) result(f *Func) {
	name := ""
	if t := p.tok(); (t.kind == 'i' || t.kind == '"') && p.toks[p.at+1].kind == '=' {
		name = p.name()
		p.next()
	}
	f.Results = append(f.Results, p.arg(f, I64))
	if name != "" || f.ResultNames != nil {
		for len(f.ResultNames) < len(f.Results)-1 {
			f.ResultNames = append(f.ResultNames, "")
		}
		f.ResultNames = append(f.ResultNames, name)
	}
}

type declared struct {
	name string
	typ  Type
	line int
}

func (p *parser) node(f *Func) {
	var lhs []declared
	for {
		d := declared{name: p.name(), line: p.tok().line}
		if p.tok().kind == 'i' {
			d.typ = p.typ()
		}
		lhs = append(lhs, d)
		if !p.accept(',') {
			break
		}
	}
	p.want('=')
	line := p.tok().line
	opName := p.name()
	op := Lookup(opName)
	if op == nil {
		p.fail("no operator %s", opName)
	}
	args := p.args(f)
	attrs, bodies := p.attrs(f, op, lhs)
	n, err := NewBuilder(f).Add(op, len(lhs), attrs, bodies, args...)
	if err != nil {
		panic(syntaxError(fmt.Sprintf("%d: %v", line, err)))
	}
	for i, d := range lhs {
		v := n.Results[i]
		v.Name = d.name
		if d.typ.Known() {
			if !d.typ.agrees(v.Type) {
				panic(syntaxError(fmt.Sprintf("%d: %s is declared %s and computed %s", d.line, d.name, d.typ, v.Type)))
			}
			v.Type = d.typ
		}
		p.bind(d.name, v)
	}
}

// args reads the arguments. Bare numbers get the type of the first argument that is no constant, wherever it stands, so that they are
// read twice: once to find it, with a type that takes any number.
func (p *parser) args(f *Func) []*Value {
	begin := p.at
	bare := I64
	args := p.argList(f, F64)
	for _, a := range args {
		if a != nil && a.Type.Kind == Tensor && (a.Def == nil || !inline(a.Def)) {
			bare = a.Type.Elem
			break
		}
	}
	if bare == F64 {
		return args
	}
	for _, a := range args { // read again: take back the constants made
		if a != nil && a.Def != nil && len(f.Nodes) > 0 && a.Def.Op == Const && p.unnamed(a) {
			f.Nodes = f.Nodes[:len(f.Nodes)-1]
		}
	}
	p.at = begin
	return p.argList(f, bare)
}

func (p *parser) unnamed(v *Value) bool { return v.Name == "" }

func (p *parser) argList(f *Func, bare Elem) (args []*Value) {
	p.want('(')
	for !p.accept(')') {
		args = append(args, p.arg(f, bare))
		if p.tok().kind != ')' {
			p.want(',')
		}
	}
	return args
}

// arg reads a name, _ or a constant.
func (p *parser) arg(f *Func, bare Elem) *Value {
	t := p.tok()
	b := NewBuilder(f)
	switch {
	case t.kind == 'i' && t.text == "_":
		p.next()
		return nil
	case t.kind == '[':
		ds := p.dims('[', ']')
		return b.Dims(ds...)
	case t.kind == '0' || t.kind == '-' || t.kind == 'i' && (t.text == "inf" || t.text == "nan"):
		d := NewData(bare)
		if bare == String {
			p.fail("a string is wanted")
		}
		p.elem(d, 0)
		return b.Const(d)
	case t.kind == 'i' && t.text == "dim" && p.toks[p.at+1].kind == '(':
		p.next()
		return b.Dim(p.dims('(', ')')[0])
	case t.kind == 'i' && p.toks[p.at+1].kind == '[' && p.scope[t.text] == nil:
		return b.Const(p.data())
	}
	name := p.name()
	v := p.scope[name]
	if v == nil {
		p.at--
		p.fail("%s is not defined", name)
	}
	return v
}

// attrs reads name=value pairs and bodies.
func (p *parser) attrs(f *Func, op *Op, lhs []declared) (Attrs, []*Func) {
	attrs := Attrs{}
	bodies := make([]*Func, len(op.bodies))
	for p.tok().kind == 'i' {
		name := p.name()
		p.want('=')
		if t := p.tok(); t.kind == 'i' && t.text == "func" {
			p.next()
			i := indexOf(op.bodies, name)
			if i < 0 || bodies[i] != nil {
				p.fail("%s: no body %s, or twice", op.Name, name)
			}
			bodies[i] = p.nested(f, name)
			continue
		}
		kind := op.AttrKind(name)
		if kind == "" {
			p.fail("%s: no attribute %q", op.Name, name)
		}
		attrs[name] = p.attr(kind)
	}
	for i, b := range bodies {
		if b == nil {
			p.fail("%s: body %s is missing", op.Name, op.bodies[i])
		}
	}
	return attrs, bodies
}

func indexOf(names []string, name string) int {
	for i, s := range names {
		if s == name {
			return i
		}
	}
	return -1
}

// nested reads a body, whose names end with it.
func (p *parser) nested(f *Func, name string) *Func {
	outer := p.scope
	p.scope = make(map[string]*Value, len(outer))
	for k, v := range outer {
		p.scope[k] = v
	}
	b := f.NewBody(name)
	p.body(b)
	p.scope = outer
	return b
}
