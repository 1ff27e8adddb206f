package runtime

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// Options change an evaluation.
type Options struct {
	Dims  map[string]int // dimensions by name, beside those that the inputs decide
	Seed  uint64         // of random operators and of weights that the program does not have
	Trace func(n *ir.Node, results []Value)
}

// Eval computes the program's results. Inputs are in the order of the parameters; an error names the input that does not fit its
// parameter, or the node that cannot be computed. Operators without a kernel are all listed, in an *Unsupported, before any work.
func Eval(p *ir.Program, inputs []Value, opts Options) ([]Value, error) {
	if missing := Supports(p.Main); len(missing) > 0 {
		return nil, &Unsupported{missing}
	}
	r := &run{p: p, opts: opts, plans: map[*ir.Func]*plan{}, expansions: map[*ir.Node]*ir.Func{}, weights: map[string]*Tensor{}}
	env := maps.Clone(opts.Dims)
	if env == nil {
		env = map[string]int{}
	}
	if err := Bind(p.Main, inputs, env); err != nil {
		return nil, err
	}
	return r.eval(p.Main, inputs, &frame{run: r, env: env})
}

// A run is one evaluation of a program.
type run struct {
	p          *ir.Program
	opts       Options
	plans      map[*ir.Func]*plan
	expansions map[*ir.Node]*ir.Func
	weights    map[string]*Tensor
}

// A plan says which values nobody needs after each node of a function.
type plan struct{ dead [][]*ir.Value }

// A frame is one evaluation of a function: its values, and the dimensions that names stand for.
type frame struct {
	run    *run
	outer  *frame
	values map[*ir.Value]Value
	env    map[string]int
}

func (r *run) plan(f *ir.Func) *plan {
	if p := r.plans[f]; p != nil {
		return p
	}
	last := map[*ir.Value]int{}
	own := map[*ir.Value]bool{}
	for _, v := range f.Params {
		own[v] = true
	}
	for i, n := range f.Nodes {
		for _, v := range n.Results {
			own[v] = true
			last[v] = i
		}
		markUses(n, func(v *ir.Value) { last[v] = i })
	}
	for _, v := range f.Results {
		last[v] = len(f.Nodes)
	}
	p := &plan{make([][]*ir.Value, len(f.Nodes)+1)}
	for v, i := range last {
		if own[v] {
			p.dead[i] = append(p.dead[i], v)
		}
	}
	r.plans[f] = p
	return p
}

// markUses calls use for the values that n and its bodies use.
func markUses(n *ir.Node, use func(*ir.Value)) {
	for _, a := range n.Args {
		use(a)
	}
	for _, b := range n.Bodies {
		for _, m := range b.Nodes {
			markUses(m, use)
		}
		for _, v := range b.Results {
			use(v)
		}
	}
}

func (r *run) eval(f *ir.Func, args []Value, fr *frame) ([]Value, error) {
	if len(args) != len(f.Params) {
		return nil, fmt.Errorf("%d arguments for the %d parameters of %s", len(args), len(f.Params), f.Name)
	}
	fr.values = make(map[*ir.Value]Value, len(f.Nodes))
	for i, p := range f.Params {
		fr.values[p] = args[i]
	}
	plan := r.plan(f)
	for i, n := range f.Nodes {
		if err := fr.node(n); err != nil {
			return nil, err
		}
		for _, v := range plan.dead[i] {
			delete(fr.values, v)
		}
	}
	out := make([]Value, len(f.Results))
	for i, v := range f.Results {
		out[i] = fr.value(v)
	}
	return out, nil
}

// value is what v stands for, here or in the frames around.
func (fr *frame) value(v *ir.Value) Value {
	if v == nil {
		return nil
	}
	for f := fr; f != nil; f = f.outer {
		if x, ok := f.values[v]; ok {
			return x
		}
	}
	if v.Is(ir.Weight) {
		return fr.run.weight(v.Def, fr.env)
	}
	panic("BUG: value " + v.Name + " is used before it is computed")
}

func (fr *frame) node(n *ir.Node) error {
	fail := func(err error) error {
		if u, ok := err.(*Unsupported); ok {
			return u
		}
		if n.Name == "" {
			return fmt.Errorf("%s: %w", n.Op.Name, err)
		}
		return fmt.Errorf("node %q (%s): %w", n.Name, n.Op.Name, err)
	}
	if n.Op == ir.Weight && fr.run.large(n) {
		return nil // until somebody wants it
	}
	args := make([]Value, len(n.Args))
	for i, a := range n.Args {
		args[i] = fr.value(a)
	}
	out, err := fr.compute(n, args)
	if err != nil {
		return fail(err)
	}
	if len(out) < len(n.Results) {
		panic(fmt.Sprintf("BUG: %s computed %d of %d results", n.Op.Name, len(out), len(n.Results)))
	}
	out = out[:len(n.Results)]
	for i, v := range n.Results {
		fr.values[v] = out[i]
		if err := bindResult(v.Type, out[i], fr.env); err != nil {
			return fail(fmt.Errorf("result %d: %w", i, err))
		}
	}
	if fr.run.opts.Trace != nil {
		fr.run.opts.Trace(n, out)
	}
	return nil
}

// compute evaluates n by its kernel, or else by its expansion.
func (fr *frame) compute(n *ir.Node, args []Value) ([]Value, error) {
	switch n.Op {
	case ir.Const:
		t, err := fr.constant(n)
		return []Value{t}, err
	case ir.Weight:
		return []Value{fr.run.weight(n, fr.env)}, nil
	}
	if k := kernels[n.Op]; k != nil {
		c := &Call{Node: n, Args: args, fr: fr}
		if err := k(c); err != nil {
			return nil, err
		}
		for _, v := range c.Out {
			if t, ok := v.(*Tensor); ok && t != nil {
				t.settle()
			}
		}
		return c.Out, nil
	}
	if n.Op.Expand == nil {
		return nil, &Unsupported{[]Missing{{Op: n.Op.Name, Node: n.Name}}}
	}
	f, err := fr.expansion(n, args)
	if err != nil {
		return nil, err
	}
	var present []Value // Expansion makes parameters of the arguments that are present and no constants
	for i, a := range n.Args {
		if a != nil && (a.Def == nil || a.Def.Op != ir.Const) {
			present = append(present, args[i])
		}
	}
	return fr.body(f, present)
}

// expansion is what n means, for arguments of any type where n's do not say of which rank they are.
func (fr *frame) expansion(n *ir.Node, args []Value) (*ir.Func, error) {
	if f := fr.run.expansions[n]; f != nil {
		return f, nil
	}
	exact := *n
	exact.Args = slices.Clone(n.Args)
	for i, a := range n.Args {
		if a != nil && a.Type.Kind == ir.Tensor && !a.Type.Ranked() {
			exact.Args[i] = &ir.Value{Name: a.Name, Type: args[i].Type()}
		}
	}
	f, err := exact.TryExpansion()
	if err == nil && slices.Equal(exact.Args, n.Args) {
		fr.run.expansions[n] = f
	}
	return f, err
}

// body evaluates a function inside this frame. A loop may call it with other shapes each time, so that the names of dimensions that
// its parameters mention begin anew.
func (fr *frame) body(f *ir.Func, args []Value) ([]Value, error) {
	in := &frame{run: fr.run, outer: fr, env: maps.Clone(fr.env)}
	for i, p := range f.Params {
		if i < len(args) {
			rebind(p.Type, args[i], in.env)
		}
	}
	return fr.run.eval(f, args, in)
}

func (fr *frame) constant(n *ir.Node) (*Tensor, error) {
	switch v := n.Attrs["value"].(type) {
	case *ir.Data:
		return FromData(v), nil
	case ir.SymData:
		t := New(ir.I64, len(v.Dims))
		if v.Scalar {
			t.Shape = nil
		}
		for i, d := range v.Dims {
			k, ok := d.Eval(fr.env)
			if !ok {
				return nil, fmt.Errorf("dimension %s is not known: no input decides it", d)
			}
			t.I[i] = int64(k)
		}
		return t, nil
	}
	panic("BUG: a constant without a value")
}

// weight is the weight's data, or random numbers that its name decides.
func (r *run) weight(n *ir.Node, env map[string]int) *Tensor {
	name := n.Str("name")
	if t := r.weights[name]; t != nil {
		return t
	}
	var t *Tensor
	if d := r.p.Weights[name]; d != nil {
		t = FromData(d)
	} else {
		t = RandomTensor(n.Out().Type, r.opts.Seed^hash(name), env)
	}
	if !r.large(n) {
		r.weights[name] = t
	}
	return t
}

// large reports whether a weight is not kept, but converted each time that it is wanted: all of them together may be more than there is
// memory for.
func (r *run) large(n *ir.Node) bool {
	const elements = 1 << 22
	d := r.p.Weights[n.Str("name")]
	return d != nil && d.Len() >= elements
}
