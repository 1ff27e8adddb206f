package ir

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// An Op is an operator: one row of the table. Operators of ONNX have ONNX's name and its newest form.
type Op struct {
	Name    string
	Args    string // names in order; "mask?" is optional, "xs..." is any number of them
	Results string // likewise; "" is "y"
	Attrs   string // "axis:int=-1 perm:ints? to:int": kind, default; ? when it may be absent without one
	Bodies  string // names of the functions that a node holds
	// Commutes says that the first two arguments may change places.
	Commutes bool
	// Infer gives the results' types and what is wrong with the arguments. Nil: from Expand.
	Infer func(n *Node) ([]Type, error)
	// Expand says what a composite means: it builds the same from simpler operators. Nil for a primitive.
	Expand func(b *Builder, n *Node) []*Value
	// Example is a use of it in the text form, arguments standing for parameters that Inputs describes.
	Example string
	// Inputs are the types of the example's parameters: "x f32[2,3] m bool[2,1]".
	Inputs string

	params  []param
	results []param
	attrs   []attrDef
	bodies  []string
}

type param struct {
	name               string
	optional, variadic bool
}

type attrDef struct {
	name, kind string
	required   bool
	def        any
}

var table = map[string]*Op{}

// define enters op in the table.
func define(op Op) *Op {
	if table[op.Name] != nil {
		panic("BUG: operator defined twice: " + op.Name)
	}
	if op.Results == "" {
		op.Results = "y"
	}
	op.params, op.results = parseParams(op.Args), parseParams(op.Results)
	op.bodies = strings.Fields(op.Bodies)
	for _, s := range strings.Fields(op.Attrs) {
		op.attrs = append(op.attrs, parseAttrDef(op.Name, s))
	}
	table[op.Name] = &op
	return &op
}

func parseParams(s string) (ps []param) {
	for _, f := range strings.Fields(s) {
		name, optional := strings.CutSuffix(f, "?")
		name, variadic := strings.CutSuffix(name, "...")
		ps = append(ps, param{name, optional, variadic})
	}
	return ps
}

func parseAttrDef(op, s string) attrDef {
	name, rest, ok := strings.Cut(s, ":")
	if !ok {
		panic("BUG: " + op + ": attribute without kind: " + s)
	}
	kind, def, has := strings.Cut(rest, "=")
	kind, optional := strings.CutSuffix(kind, "?")
	a := attrDef{name: name, kind: kind, required: !has && !optional}
	if !has {
		return a
	}
	var err error
	switch kind {
	case "int":
		a.def, err = strconv.ParseInt(def, 10, 64)
	case "float":
		a.def, err = strconv.ParseFloat(def, 64)
	case "string":
		a.def = def
	case "ints":
		a.def, err = parseInts(def)
	default:
		err = fmt.Errorf("no defaults for %s", kind)
	}
	if err != nil {
		panic("BUG: " + op + ": " + s + ": " + err.Error())
	}
	return a
}

func parseInts(s string) (ns []int64, err error) {
	for _, f := range strings.Split(strings.Trim(s, "[]"), ",") {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, err
		}
		ns = append(ns, n)
	}
	return ns, nil
}

// Lookup returns the operator of that name, nil if there is none.
func Lookup(name string) *Op { return table[name] }

// Ops returns all operators, by name.
func Ops() []*Op {
	ops := make([]*Op, 0, len(table))
	for _, op := range table {
		ops = append(ops, op)
	}
	sort.Slice(ops, func(i, j int) bool { return ops[i].Name < ops[j].Name })
	return ops
}

func (op *Op) attr(name string) *attrDef {
	for i := range op.attrs {
		if op.attrs[i].name == name {
			return &op.attrs[i]
		}
	}
	return nil
}

// HasAttr reports whether the operator has an attribute of that name.
func (op *Op) HasAttr(name string) bool { return op.attr(name) != nil }

// AttrKind is the kind of the attribute: int, float, string, ints, floats, strings, tensor, type; "" if there is none.
func (op *Op) AttrKind(name string) string {
	if a := op.attr(name); a != nil {
		return a.kind
	}
	return ""
}

// AttrNames are the attributes' names, in order.
func (op *Op) AttrNames() []string {
	names := make([]string, len(op.attrs))
	for i, a := range op.attrs {
		names[i] = a.name
	}
	return names
}

// BodyNames are the names of the functions that a node of the operator holds.
func (op *Op) BodyNames() []string { return op.bodies }

// ArgIndex is the place of the argument of that name, -1 if there is none.
func (op *Op) ArgIndex(name string) int {
	for i, p := range op.params {
		if p.name == name {
			return i
		}
	}
	return -1
}

// ArgNames are the arguments' names, without marks.
func (op *Op) ArgNames() []string {
	names := make([]string, len(op.params))
	for i, p := range op.params {
		names[i] = p.name
	}
	return names
}

// Optional reports whether argument i may be absent.
func (op *Op) Optional(i int) bool { return i < len(op.params) && op.params[i].optional }

// Variadic reports whether the last argument may stand for any number of them.
func (op *Op) Variadic() bool { return len(op.params) > 0 && op.params[len(op.params)-1].variadic }

// MaxResults is the number of results at most, -1 for any number.
func (op *Op) MaxResults() int { return maxCount(op.results) }

// MinResults is the number of results that ONNX always gives a node; one of ours may have fewer.
func (op *Op) MinResults() int {
	least := 0
	for _, r := range op.results {
		if !r.optional && !r.variadic {
			least++
		}
	}
	return least
}

// MaxArgs is the number of arguments at most, -1 for any number.
func (op *Op) MaxArgs() int { return maxCount(op.params) }

func maxCount(ps []param) int {
	if len(ps) > 0 && ps[len(ps)-1].variadic {
		return -1
	}
	return len(ps)
}

// check reports what is wrong with the node's arguments, attributes and bodies in number and kind, and brings attributes to their
// one form: int64, float64, no defaults.
func (n *Node) check() error {
	op := n.Op
	for len(n.Args) > 0 && n.Args[len(n.Args)-1] == nil && !op.Variadic() {
		n.Args = n.Args[:len(n.Args)-1] // one spelling for what is absent
	}
	if m := op.MaxArgs(); m >= 0 && len(n.Args) > m {
		return fmt.Errorf("%d arguments, at most %d", len(n.Args), m)
	}
	for i, p := range op.params {
		if !p.optional && !p.variadic && n.ArgAt(i) == nil {
			return fmt.Errorf("argument %q is missing", p.name)
		}
	}
	if m := op.MaxResults(); m >= 0 && len(n.Results) > m {
		return fmt.Errorf("%d results, at most %d", len(n.Results), m)
	}
	if len(n.Bodies) != len(op.bodies) {
		return fmt.Errorf("%d bodies instead of %d", len(n.Bodies), len(op.bodies))
	}
	return n.checkAttrs()
}

func (n *Node) checkAttrs() error {
	var clean Attrs
	for name, v := range n.Attrs {
		a := n.Op.attr(name)
		if a == nil {
			return fmt.Errorf("no attribute %q", name)
		}
		v, ok := convertAttr(a.kind, v)
		if !ok {
			return fmt.Errorf("attribute %q is a %T instead of %s", name, v, a.kind)
		}
		if a.def != nil && attrText(v) == attrText(a.def) {
			continue
		}
		if clean == nil {
			clean = Attrs{}
		}
		clean[name] = v
	}
	n.Attrs = clean
	for _, a := range n.Op.attrs {
		if a.required && clean[a.name] == nil {
			return fmt.Errorf("attribute %q is missing", a.name)
		}
	}
	return nil
}

// convertAttr brings v to the kind's type; v comes back as it was when it does not fit.
func convertAttr(kind string, v any) (any, bool) {
	switch x := v.(type) {
	case int:
		v = int64(x)
	case Elem:
		v = int64(x)
	case bool:
		v = int64(0)
		if x {
			v = int64(1)
		}
	case float32:
		v = float64(x)
	case []int:
		ns := make([]int64, len(x))
		for i, n := range x {
			ns[i] = int64(n)
		}
		v = ns
	}
	ok := false
	switch kind {
	case "int":
		_, ok = v.(int64)
	case "float":
		if n, isInt := v.(int64); isInt {
			v = float64(n)
		}
		_, ok = v.(float64)
	case "string":
		_, ok = v.(string)
	case "ints":
		_, ok = v.([]int64)
	case "floats":
		if ns, isInts := v.([]int64); isInts {
			fs := make([]float64, len(ns))
			for i, n := range ns {
				fs[i] = float64(n)
			}
			v = fs
		}
		_, ok = v.([]float64)
	case "strings":
		_, ok = v.([]string)
	case "tensor":
		switch v.(type) {
		case *Data, SymData:
			ok = true
		}
	case "type":
		_, ok = v.(Type)
	}
	return v, ok
}
