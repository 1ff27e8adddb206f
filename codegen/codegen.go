// Package codegen turns a program into a Go package that depends on nothing but the standard library.
//
// It brings the program to operators that have lowerings (legal.go), finds what repeats (outline.go), decides which values have
// memory and where (plan.go, view.go, slots.go), and prints (print.go). The functions that the printed steps call are the declarations of
// package lib, of which a package gets those it reaches (shake.go), and assembly from package kernel.
package codegen

import (
	"errors"
	"fmt"
	"go/token"
	"io"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// Options say what to emit.
type Options struct {
	Package string
	File    bool      // weights in a file beside the package, to be mapped, rather than embedded
	Weights io.Writer // takes the contents of WeightsFile; nil for Output.Weights, which holds them in memory
	Main    bool      // also a program that runs the model on files
	Import  string    // the package's import path, for Main
	Profile bool      // steps measure their time
	Labels  bool      // steps have labels in profiles of the program
	ISA     ISA       // the most that there is assembly for

	Precision Precision // of products with weights
	Stateful  bool      // sessions keep what runs append to inputs
}

// Output is an emitted package.
type Output struct {
	Files   map[string][]byte // sources by name
	Weights []byte            // the contents of WeightsFile, if Options.Weights has not taken them
	Size    int               // of WeightsFile in bytes, 0 for none
	Inputs  []Port
	Results []Port
	Dims    []Dimension // the fields of Inputs that are sizes
	Steps   []Step      // those that measure their time, with Options.Profile
}

// A Port is an input or output.
type Port struct {
	Name, Field string
	Type        ir.Type
}

// A Dimension is a size that the caller gives.
type Dimension struct{ Name, Field string }

// WeightsFile is the name of the file of weights in a package's folder.
const WeightsFile = "weights.bin"

// maxEmbedded is what go:embed can take in one string.
const maxEmbedded = 2000 << 20

// Compile emits p. The error is a Missing when p has nodes that cannot be compiled. p is not changed.
func Compile(p *ir.Program, opts Options) (*Output, error) {
	if !token.IsIdentifier(opts.Package) || opts.Package == "main" || opts.Package == "_" {
		return nil, fmt.Errorf("%q is no name for a package", opts.Package)
	}
	if len(p.Main.Results) == 0 {
		return nil, errors.New("the model has no outputs: there is nothing to compute")
	}
	p = withoutLists(p)
	if err := checkTypes(p); err != nil {
		return nil, err
	}
	var states []state
	if opts.Stateful {
		var err error
		p = p.Clone()
		if states, err = makeStateful(p); err != nil {
			return nil, err
		}
	}
	expand, widen, whole := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for {
		q := p.Clone()
		wide := legalize(q, expand, widen)
		if err := checkTypes(q); err != nil {
			return nil, err
		}
		if err := ir.Verify(q.Main); err != nil {
			panic(fmt.Sprintf("BUG: legalize: %v\n%s", err, q))
		}
		g := newGenerator(q, opts, states)
		g.whole = whole
		out, err := g.emit()
		if err != nil {
			return nil, err
		}
		if len(g.failed) == 0 {
			return out, nil
		}
		if err := retry(g, wide, expand, widen, whole); err != nil {
			return nil, err
		}
	}
}

// retry decides what to do about nodes that could not be lowered: to put their arguments whole into memory, to compute narrow floats in
// float32, for which there may be a kernel, to expand composites, those that were widened in vain as well. The error lists those about
// which nothing can be done.
func retry(g *generator, wide map[*ir.Node]int, expand, widen, whole map[int]bool) error {
	var missing Missing
	g.p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		err, id := g.failed[n], n.ID
		if was, ok := wide[n]; ok {
			id = was
		}
		switch {
		case err == nil:
		case errors.Is(err, errView) && !whole[n.ID]:
			whole[n.ID] = true
		case hasKernel(n.Op) && hasNarrow(n) && !widen[n.ID]:
			widen[n.ID] = true
		case n.Op.Expand != nil && !expand[id]:
			expand[id] = true
		case hasNarrow(n) && !widen[n.ID]:
			widen[n.ID] = true
		default:
			missing = append(missing, MissingNode{n.Op.Name, n.Name, err.Error()})
		}
	})
	if missing != nil {
		return missing
	}
	return nil
}

// hasKernel reports whether there is a fast lowering of op.
func hasKernel(op *ir.Op) bool {
	return slices.ContainsFunc(lowerings[op], func(r ranked) bool { return r.rank == fast })
}

var (
	errNoLowering = errors.New("there is no Go for this operator")
	errView       = errors.New("an argument is a view of another value's memory")
)

// checkTypes refuses values that have no Go type, and tensors whose number of dimensions is not known.
func checkTypes(p *ir.Program) error {
	var missing Missing
	for _, v := range p.Main.Params {
		if err := checkPort(v.Type); err != nil {
			missing = append(missing, MissingNode{"input", v.Name, err.Error()})
		}
	}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		values := n.Results
		for _, b := range n.Bodies {
			values = append(slices.Clone(values), b.Params...)
		}
		for _, v := range values {
			if err := checkType(v.Type); err != nil {
				missing = append(missing, MissingNode{n.Op.Name, n.Name, err.Error()})
				return
			}
		}
	})
	for i, v := range p.Main.Results {
		if err := checkPort(v.Type); err != nil && missing == nil {
			missing = append(missing, MissingNode{"result", p.Main.ResultName(i), err.Error()})
		}
	}
	if missing != nil {
		return missing
	}
	return nil
}

// emit makes the package, or fills g.failed.
func (g *generator) emit() (*Output, error) {
	g.fns = outline(g.p.Main)
	g.prepareFirst()
	g.nameFunctions()
	bodies := map[*function]string{}
	for _, fn := range g.fns {
		g.plans[fn] = newPlan(g, fn)
	}
	for _, fn := range g.fns[1:] {
		g.refer(fn)
		g.pair(fn)
	}
	g.referMain()
	for _, fn := range g.fns {
		g.plans[fn].assign()
	}
	g.prepare = g.prepareBody()
	for _, fn := range g.fns {
		bodies[fn] = g.body(fn)
	}
	g.undefined()
	if len(g.failed) > 0 {
		return nil, nil
	}
	g.outputs = g.outputExprs()
	g.unused()
	return g.print(bodies)
}

// lower writes the statements of n by the first of its lowerings that serves it.
func (g *generator) lower(e *emitter, n *ir.Node) {
	err := errNoLowering
	large := n.Large()
	for _, name := range sortedKeys(large) {
		e.Define(ir.Sym(name), e.Dim(large[name]))
	}
	before := e.b.Len()
	for _, r := range lowerings[n.Op] {
		if r.rank == portable && g.plans[e.fn].takesViews(n) {
			err = errView
			continue
		}
		if err = r.low(e, n); err == nil {
			return
		}
		text := e.b.String()[:before]
		e.b.Reset()
		e.b.WriteString(text)
		for _, v := range n.Results {
			delete(e.ready, v)
		}
	}
	g.failed[n] = err
}
