package analyze

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// A tape is an evaluation of a function, on which gradients go back: grads begins with those of a loss in some values.
type tape struct {
	f      *ir.Func
	values map[*ir.Value]*runtime.Tensor
	grads  map[*ir.Value]*runtime.Tensor
}

// dependents are the roots and all values of f that are computed from them.
func dependents(f *ir.Func, roots ...*ir.Value) map[*ir.Value]bool {
	d := map[*ir.Value]bool{}
	for _, v := range roots {
		d[v] = true
	}
	for _, n := range f.Nodes {
		hit := false
		uses(n, func(a *ir.Value) { hit = hit || d[a] })
		for _, r := range n.Results {
			d[r] = d[r] || hit
		}
	}
	return d
}

// uses calls use for the values that n and its bodies use.
func uses(n *ir.Node, use func(*ir.Value)) {
	for _, a := range n.Args {
		if a != nil {
			use(a)
		}
	}
	for _, b := range n.Bodies {
		for _, m := range b.Nodes {
			uses(m, use)
		}
		for _, v := range b.Results {
			use(v)
		}
	}
}

// back computes the gradients of the values in need. Each must depend on other values in need only through values in need.
func (t *tape) back(need map[*ir.Value]bool) error {
	for i := len(t.f.Nodes) - 1; i >= 0; i-- {
		n := t.f.Nodes[i]
		s := &step{n: n, g: make([]*runtime.Tensor, len(n.Results)), need: make([]bool, len(n.Args)), dx: make([]*runtime.Tensor, len(n.Args))}
		wanted, reached := false, false
		for k, a := range n.Args {
			s.need[k] = a != nil && need[a]
			wanted = wanted || s.need[k]
		}
		for k, r := range n.Results {
			s.g[k] = t.grads[r]
			reached = reached || s.g[k] != nil
		}
		if !wanted || !reached {
			continue
		}
		if err := t.step(s); err != nil {
			return err
		}
		for k, a := range n.Args {
			if s.need[k] && s.dx[k] != nil {
				t.grads[a] = plus(t.grads[a], s.dx[k])
			}
		}
	}
	return nil
}

func (t *tape) step(s *step) error {
	var err error
	for _, a := range s.n.Args {
		s.x = append(s.x, t.values[a])
		if a != nil && t.values[a] == nil {
			err = fmt.Errorf("its argument %q is no tensor, or one that only the body of a loop has", a.Name)
		}
	}
	for _, r := range s.n.Results {
		s.y = append(s.y, t.values[r])
	}
	if err == nil {
		err = s.run()
	}
	if err != nil {
		return fmt.Errorf("node %q (%s): %w", s.n.Name, s.n.Op.Name, err)
	}
	return nil
}

// A step is one node on the way back.
type step struct {
	n    *ir.Node
	x, y []*runtime.Tensor // its arguments, nil where absent, and results
	g    []*runtime.Tensor // the gradients of its results, nil where they are 0
	need []bool            // the arguments whose gradients are wanted,
	dx   []*runtime.Tensor // and these, nil where they are 0
}

// arg is the argument of that name.
func (s *step) arg(name string) *runtime.Tensor {
	if i := s.n.Op.ArgIndex(name); i < len(s.x) {
		return s.x[i]
	}
	return nil
}

// set stores the gradient of an argument, if it is wanted; broadcasting is undone.
func (s *step) set(i int, g *runtime.Tensor) {
	if i < len(s.x) && s.x[i] != nil && s.need[i] && g != nil {
		s.dx[i] = reduceTo(g, s.x[i].Shape)
	}
}

func (s *step) run() error {
	if rule := adjoints[s.n.Op]; rule != nil {
		return rule(s)
	}
	if s.n.Op.Expand == nil {
		return fmt.Errorf("its derivative is not known here; the loss \"attention\" goes without it")
	}
	return s.expanded()
}

// expanded goes back through what a composite means.
func (s *step) expanded() error {
	exact := *s.n
	exact.Args = make([]*ir.Value, len(s.n.Args))
	b := ir.NewBuilder(ir.NewFunc(""))
	var inputs []runtime.Value
	var from []int
	for i, a := range s.n.Args {
		switch {
		case a == nil:
		case a.Def != nil && a.Def.Op == ir.Const:
			exact.Args[i] = b.Const(s.x[i].Data())
		default:
			exact.Args[i] = &ir.Value{Name: a.Name, Type: s.x[i].Type()}
			inputs, from = append(inputs, s.x[i]), append(from, i)
		}
	}
	f, err := exact.TryExpansion()
	if err != nil {
		return err
	}
	t, err := record(ir.NewProgram(f), inputs, runtime.Options{}, nil)
	if err != nil {
		return err
	}
	var roots []*ir.Value
	for i, p := range f.Params {
		if s.need[from[i]] {
			roots = append(roots, p)
		}
	}
	for i, r := range f.Results {
		if i < len(s.g) && s.g[i] != nil {
			t.grads[r] = plus(t.grads[r], s.g[i])
		}
	}
	if err := t.back(dependents(f, roots...)); err != nil {
		return err
	}
	for i, p := range f.Params {
		s.set(from[i], t.grads[p])
	}
	return nil
}

// record evaluates a program and keeps all values that are tensors, those of bodies as they were last. tick, unless it is nil, is called
// for each node of the program that has been computed.
func record(p *ir.Program, inputs []runtime.Value, opts runtime.Options, tick func()) (*tape, error) {
	t := &tape{f: p.Main, values: map[*ir.Value]*runtime.Tensor{}, grads: map[*ir.Value]*runtime.Tensor{}}
	for i, v := range p.Main.Params {
		if i >= len(inputs) {
			break // which Eval refuses
		}
		if x, ok := inputs[i].(*runtime.Tensor); ok {
			t.values[v] = x
		}
	}
	own := map[*ir.Node]bool{}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) { own[n] = true })
	opts.Trace = func(n *ir.Node, results []runtime.Value) {
		if !own[n] {
			return
		}
		for i, r := range n.Results {
			if x, ok := results[i].(*runtime.Tensor); ok {
				t.values[r] = x
			}
		}
		if tick != nil {
			tick()
		}
	}
	_, err := runtime.Eval(p, inputs, opts)
	return t, err
}
