package ir

import (
	"fmt"
	"slices"
)

// A Program is a function with its weights.
type Program struct {
	Main    *Func
	Weights map[string]*Data // by the name that Weight nodes give; a program read from text has none, see Weight
	Source  string           // the file it comes from, for messages
	Opset   int              // ai.onnx opset of the model it comes from, 0 if none
	Doc     string
	Meta    map[string]string // metadata_props and the like
}

// NewProgram makes a program around f.
func NewProgram(f *Func) *Program {
	return &Program{Main: f, Weights: map[string]*Data{}, Meta: map[string]string{}}
}

// A Func is a list of nodes in an order in which each comes after those it uses. The bodies of control flow are Funcs whose nodes may
// also use the values of the functions around them.
type Func struct {
	Name        string
	Params      []*Value
	Nodes       []*Node
	Results     []*Value
	ResultNames []string // the model's names of the results; nil, or as many as Results
	ids         *int     // the last Node.ID given in the program, shared with bodies
}

// A Node applies an operator. Optional arguments that are absent are nil.
type Node struct {
	Op      *Op
	Args    []*Value
	Attrs   Attrs
	Results []*Value
	Bodies  []*Func // as Op.Bodies lists them
	Name    string  // the ONNX node's name, for messages and comments
	ID      int     // unique in the program
}

// A Value is a parameter of a function or a result of a node.
type Value struct {
	Name  string // a hint for printing, a model's name for parameters
	Type  Type
	Def   *Node // nil for a parameter
	Index int   // among the parameters or the results of Def

	sym   []*Dim // see Symbolic
	symOK bool
}

// Attrs are a node's attributes by name: int64, float64, string, []int64, []float64, []string, *Data, Type, or SymData. Integers
// and floats of other types are converted by the builder. An attribute at its default is absent.
type Attrs map[string]any

// SymData is the value of a Const that mentions dimensions by name: an int64 vector, or a scalar.
type SymData struct {
	Dims   []Dim
	Scalar bool
}

// NewFunc makes an empty function.
func NewFunc(name string) *Func { return &Func{Name: name, ids: new(int)} }

// NewBody makes an empty function for a node of f's to hold.
func (f *Func) NewBody(name string) *Func { return &Func{Name: name, ids: f.ids} }

// Param adds a parameter.
func (f *Func) Param(name string, t Type) *Value {
	v := &Value{Name: name, Type: t, Index: len(f.Params)}
	f.Params = append(f.Params, v)
	return v
}

// DropParam takes a parameter away that nothing uses.
func (f *Func) DropParam(i int) {
	f.Params = slices.Delete(slices.Clone(f.Params), i, i+1)
	for k, v := range f.Params {
		v.Index = k
	}
}

// Return sets the results.
func (f *Func) Return(vs ...*Value) { f.Results = vs }

// ResultName is the name of result i, "" if it has none.
func (f *Func) ResultName(i int) string {
	if i < len(f.ResultNames) {
		return f.ResultNames[i]
	}
	return ""
}

func (f *Func) nextID() int { *f.ids++; return *f.ids }

// Walk calls visit for each node of f and of the bodies in it, an outer node before its bodies.
func (f *Func) Walk(visit func(f *Func, n *Node)) {
	for _, n := range f.Nodes {
		visit(f, n)
		for _, b := range n.Bodies {
			b.Walk(visit)
		}
	}
}

// Uses counts how often each value is used: as an argument, and as a result of a function.
func (f *Func) Uses() map[*Value]int {
	uses := map[*Value]int{}
	count := func(vs []*Value) {
		for _, v := range vs {
			if v != nil {
				uses[v]++
			}
		}
	}
	f.Walk(func(_ *Func, n *Node) {
		count(n.Args)
		for _, b := range n.Bodies {
			count(b.Results)
		}
	})
	count(f.Results)
	return uses
}

// Replace makes everything in f that uses a key of m use its value instead, following chains.
func (f *Func) Replace(m map[*Value]*Value) {
	if len(m) == 0 {
		return
	}
	end := func(vs []*Value) {
		for i, v := range vs {
			for w, ok := m[v]; ok && v != nil; w, ok = m[v] {
				v = w
			}
			vs[i] = v
		}
	}
	f.Walk(func(_ *Func, n *Node) {
		end(n.Args)
		for _, b := range n.Bodies {
			end(b.Results)
		}
	})
	end(f.Results)
}

// Prune removes the nodes that nobody uses, in bodies too.
func (f *Func) Prune() {
	live := map[*Value]bool{}
	f.mark(live)
	f.sweep(live)
}

func (f *Func) mark(live map[*Value]bool) {
	for _, v := range f.Results {
		live[v] = true
	}
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n := f.Nodes[i]
		if !slices.ContainsFunc(n.Results, func(v *Value) bool { return live[v] }) {
			continue
		}
		for _, a := range n.Args {
			live[a] = true
		}
		for _, b := range n.Bodies {
			b.mark(live)
		}
	}
}

func (f *Func) sweep(live map[*Value]bool) {
	f.Nodes = slices.DeleteFunc(f.Nodes, func(n *Node) bool {
		return !slices.ContainsFunc(n.Results, func(v *Value) bool { return live[v] })
	})
	for _, n := range f.Nodes {
		for _, b := range n.Bodies {
			b.sweep(live)
		}
	}
}

// Clone copies f with its nodes and bodies; outer maps the values of functions around it, and gets f's own.
func (f *Func) Clone(outer map[*Value]*Value) *Func { return f.clone(outer, new(int)) }

func (f *Func) clone(m map[*Value]*Value, ids *int) *Func {
	g := &Func{Name: f.Name, ResultNames: slices.Clone(f.ResultNames), ids: ids}
	for _, p := range f.Params {
		m[p] = g.Param(p.Name, p.Type)
	}
	for _, n := range f.Nodes {
		g.Nodes = append(g.Nodes, n.clone(m, ids))
	}
	g.Results = rename(f.Results, m)
	return g
}

func (n *Node) clone(m map[*Value]*Value, ids *int) *Node {
	c := &Node{Op: n.Op, Args: rename(n.Args, m), Attrs: n.Attrs, Name: n.Name, ID: n.ID}
	*ids = max(*ids, n.ID)
	for i, r := range n.Results {
		v := &Value{Name: r.Name, Type: r.Type, Def: c, Index: i}
		m[r] = v
		c.Results = append(c.Results, v)
	}
	for _, b := range n.Bodies {
		c.Bodies = append(c.Bodies, b.clone(m, ids))
	}
	return c
}

func rename(vs []*Value, m map[*Value]*Value) []*Value {
	out := make([]*Value, len(vs))
	for i, v := range vs {
		if w, ok := m[v]; ok {
			v = w
		}
		out[i] = v
	}
	return out
}

// Clone copies the program; the weights' data is shared.
func (p *Program) Clone() *Program {
	q := *p
	q.Main = p.Main.Clone(map[*Value]*Value{})
	q.Weights = make(map[string]*Data, len(p.Weights))
	for name, d := range p.Weights {
		q.Weights[name] = d
	}
	return &q
}

// Arg is the argument of that name in Op.Args, nil when absent. For a variadic argument it is the first.
func (n *Node) Arg(name string) *Value {
	for i, p := range n.Op.params {
		if p.name == name {
			return n.ArgAt(i)
		}
	}
	panic(fmt.Sprintf("BUG: %s has no argument %q", n.Op.Name, name))
}

// ArgAt is argument i, nil when absent.
func (n *Node) ArgAt(i int) *Value {
	if i < len(n.Args) {
		return n.Args[i]
	}
	return nil
}

// TypeAt is the type of argument i, unknown when it is absent.
func (n *Node) TypeAt(i int) Type {
	if v := n.ArgAt(i); v != nil {
		return v.Type
	}
	return Type{}
}

// Out is the node's first result.
func (n *Node) Out() *Value { return n.Results[0] }

func (n *Node) attr(name string) any {
	if v, ok := n.Attrs[name]; ok {
		return v
	}
	a := n.Op.attr(name)
	if a == nil {
		panic(fmt.Sprintf("BUG: %s has no attribute %q", n.Op.Name, name))
	}
	return a.def
}

// Has reports whether the attribute is there, by itself or by default.
func (n *Node) Has(name string) bool { return n.attr(name) != nil }

// Int is an integer attribute, 0 when absent without default.
func (n *Node) Int(name string) int { v, _ := n.attr(name).(int64); return int(v) }

// Float is a float attribute, 0 when absent without default.
func (n *Node) Float(name string) float64 { v, _ := n.attr(name).(float64); return v }

// Str is a string attribute, "" when absent without default.
func (n *Node) Str(name string) string { v, _ := n.attr(name).(string); return v }

// Ints is an attribute of integers.
func (n *Node) Ints(name string) []int64 { v, _ := n.attr(name).([]int64); return v }

// FloatList is an attribute of floats.
func (n *Node) FloatList(name string) []float64 { v, _ := n.attr(name).([]float64); return v }

// StrList is an attribute of strings.
func (n *Node) StrList(name string) []string { v, _ := n.attr(name).([]string); return v }

// Data is a tensor attribute, nil when absent.
func (n *Node) Data(name string) *Data { v, _ := n.attr(name).(*Data); return v }

// Const returns the tensor that v is, if it is a Const without names of dimensions.
func (v *Value) Const() *Data {
	if v == nil || v.Def == nil || v.Def.Op != Const {
		return nil
	}
	return v.Def.Data("value")
}

// Is reports whether v is the first result of an op.
func (v *Value) Is(op *Op) bool { return v != nil && v.Def != nil && v.Def.Op == op && v.Index == 0 }

// Fresh is a dimension that only the data decides: result i's axis k. Its name starts with '?'.
func (n *Node) Fresh(k int) Dim {
	if k == 0 {
		return Sym(fmt.Sprintf("?%d", n.ID))
	}
	return Sym(fmt.Sprintf("?%d.%d", n.ID, k))
}
