package ir

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Builder adds nodes to a function.
type Builder struct {
	F    *Func
	At   int    // nodes go in before F.Nodes[At]; -1 is the end
	Name string // the name that new nodes get
}

// NewBuilder makes a builder that adds to the end of f.
func NewBuilder(f *Func) *Builder { return &Builder{F: f, At: -1} }

// Add builds a node with the given number of results. The error says what is wrong with arguments, attributes or types.
func (b *Builder) Add(op *Op, results int, attrs Attrs, bodies []*Func, args ...*Value) (*Node, error) {
	n := &Node{Op: op, Args: args, Attrs: attrs, Bodies: bodies, Name: b.Name, ID: b.F.nextID()}
	for i := range results {
		n.Results = append(n.Results, &Value{Def: n, Index: i})
	}
	if err := n.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	if err := n.inferTypes(); err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	b.insert(n)
	return n, nil
}

func (b *Builder) insert(n *Node) {
	if b.At < 0 {
		b.F.Nodes = append(b.F.Nodes, n)
		return
	}
	b.F.Nodes = append(b.F.Nodes, nil)
	copy(b.F.Nodes[b.At+1:], b.F.Nodes[b.At:])
	b.F.Nodes[b.At] = n
	b.At++
}

// New builds a node of one result. The arguments are the compiler's own: it panics when they do not fit.
func (b *Builder) New(op *Op, attrs Attrs, args ...*Value) *Value {
	return b.NewN(op, 1, attrs, args...)[0]
}

// NewN builds a node of several results, as New does.
func (b *Builder) NewN(op *Op, results int, attrs Attrs, args ...*Value) []*Value {
	n, err := b.Add(op, results, attrs, nil, args...)
	if err != nil {
		panic(&Misfit{err})
	}
	return n.Results
}

// A Misfit is what New panics with: a bug, unless an expansion met a composite's wrong arguments, or a rewriting ones of which too little
// is known.
type Misfit struct{ err error }

func (m *Misfit) Error() string { return "BUG: " + m.err.Error() }

// New1 is New as a list, for an Expand to return.
func (b *Builder) New1(op *Op, attrs Attrs, args ...*Value) []*Value {
	return []*Value{b.New(op, attrs, args...)}
}

// Const builds a constant.
func (b *Builder) Const(d *Data) *Value { return b.New(Const, Attrs{"value": d}) }

// Scalar builds a constant of no dimensions. Like New it panics when e is no type of numbers.
func (b *Builder) Scalar(e Elem, x float64) *Value {
	if e == String || !e.Valid() {
		panic(&Misfit{fmt.Errorf("elements of type %s are no numbers", e)})
	}
	return b.Const(Scalar(e, x))
}

// Vector builds a one-dimensional int64 constant.
func (b *Builder) Vector(xs ...int64) *Value { return b.Const(Vector(xs...)) }

// Dims builds the int64 vector of dimensions that may be symbolic.
func (b *Builder) Dims(ds ...Dim) *Value { return b.New(Const, Attrs{"value": symData(ds, false)}) }

// Dim builds the int64 scalar of a dimension that may be symbolic.
func (b *Builder) Dim(d Dim) *Value { return b.New(Const, Attrs{"value": symData([]Dim{d}, true)}) }

// symData is a constant of dimensions: plain data when all are numbers.
func symData(ds []Dim, scalar bool) any {
	out := NewData(I64, len(ds))
	if scalar {
		out.Shape = nil
	}
	for i, d := range ds {
		n, ok := d.Const()
		if !ok {
			return SymData{Dims: ds, Scalar: scalar}
		}
		out.SetInt(i, int64(n))
	}
	return out
}

// Expand builds what n, a composite, stands for.
func (b *Builder) Expand(n *Node) []*Value { return n.Op.Expand(b, n) }

// Expansion is n's meaning as a function of n's present arguments, in order.
func (n *Node) Expansion() *Func {
	f := NewFunc(n.Op.Name)
	*f.ids = n.lastFresh() // so that its own fresh dimensions are not those of the arguments
	c := *n
	c.Args = make([]*Value, len(n.Args))
	for i, a := range n.Args {
		if a == nil {
			continue
		}
		if a.Def != nil && a.Def.Op == Const { // expansions read constants
			c.Args[i] = a
		} else {
			c.Args[i] = f.Param(fmt.Sprintf("a%d", i), a.Type)
		}
	}
	m := map[*Value]*Value{}
	b := NewBuilder(f)
	for i, a := range c.Args {
		if a != nil && a.Def != nil {
			if m[a] == nil {
				m[a] = b.New(Const, a.Def.Attrs)
			}
			c.Args[i] = m[a]
		}
	}
	f.Return(b.Expand(&c)...)
	return f
}

// inferTypes sets the types of the node's results.
func (n *Node) inferTypes() error {
	ts, err := n.InferTypes()
	if err != nil {
		return err
	}
	for i, t := range ts {
		if i < len(n.Results) {
			n.Results[i].Type = t
			n.Results[i].sym, n.Results[i].symOK = nil, false
		}
	}
	return nil
}

// InferTypes computes the types of the node's results from its arguments.
func (n *Node) InferTypes() ([]Type, error) {
	ts, err := n.unbounded()
	return n.bounded(ts), err
}

func (n *Node) unbounded() ([]Type, error) {
	if n.Op.Infer != nil {
		return n.Op.Infer(n)
	}
	return n.expandedTypes()
}

// expandedTypes are the types that n's expansion gives.
func (n *Node) expandedTypes() ([]Type, error) {
	f, err := n.TryExpansion()
	if err != nil {
		return nil, err
	}
	own := n.freshNames()
	env := map[string]Dim{} // a fresh dimension of the expansion becomes one of n's
	ts := make([]Type, len(f.Results))
	for i, r := range f.Results {
		names := map[string]bool{}
		r.Type.names(names)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if _, seen := env[name]; strings.HasPrefix(name, "?") && !own[name] && !seen {
				env[name] = n.Fresh(len(env))
			}
		}
		ts[i] = r.Type.Subst(env)
	}
	return ts, nil
}

// freshNames are the names that Fresh gave among those of the arguments' dimensions.
func (n *Node) freshNames() map[string]bool {
	names := map[string]bool{}
	for _, a := range n.Args {
		if a != nil {
			a.Type.names(names)
		}
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return !strings.HasPrefix(name, "?") })
	return names
}

// lastFresh is the greatest number that a fresh dimension of the arguments has.
func (n *Node) lastFresh() int {
	last := 0
	for name := range n.freshNames() {
		id, _, _ := strings.Cut(name[1:], ".")
		if k, err := strconv.Atoi(id); err == nil {
			last = max(last, k)
		}
	}
	return last
}

// TryExpansion is Expansion for arguments that may not fit the operator; the error says why.
func (n *Node) TryExpansion() (f *Func, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Misfit:
			f, err = nil, r.err
		default:
			panic(r)
		}
	}()
	return n.Expansion(), nil
}
