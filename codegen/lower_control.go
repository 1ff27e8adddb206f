package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Control flow becomes Go's. The values of bodies are on the heap, because their sizes may change from one round to the next; their
// slices are kept, so that a steady state allocates nothing.
var _ = register(portable, map[*ir.Op]lowering{ir.If: lowerIf, ir.Loop: lowerLoop, ir.Scan: lowerScan})

// block writes the statements of a body.
func (e *emitter) block(b *ir.Func) {
	for _, n := range b.Nodes {
		if e.g.plans[e.fn].live[n] {
			e.g.comment(e, n)
			e.g.lower(e, n)
		} else if e.g.mayNotFit(n) {
			e.Call("checkFit", e.Size(n.Args[0]), e.Size(n.Out()))
		}
	}
}

// set copies a value, and gives the dimensions of to that have yet to be defined the sizes that from has.
func (e *emitter) set(to, from *ir.Value) {
	if isList(to.Type) {
		e.Line("%s = %s", e.Val(to), e.converted(to.Type, from))
		return
	}
	e.Line("%s = append(%s[:0], %s...)", e.Val(to), e.Val(to), e.Val(from))
	e.adopt(to.Type.Shape, from.Type.Shape)
}

// adopt defines the dimensions of to that are names of their own as what from has in their place, all at once.
func (e *emitter) adopt(to, from []ir.Dim) {
	var names, sizes []string
	for i, d := range to {
		name, ok := d.Name()
		if !ok || d.Equal(from[i]) || isInput(e.g.dimList, name) {
			continue
		}
		names, sizes = append(names, e.define(name)), append(sizes, e.Dim(from[i]))
	}
	if names != nil {
		e.Line("%s = %s", strings.Join(names, ", "), strings.Join(sizes, ", "))
	}
}

func lowerIf(e *emitter, n *ir.Node) error {
	e.Line("if %s[0] {", e.X(n, 0))
	for i, b := range n.Bodies {
		for j, r := range b.Results {
			if err := e.carries(n.Results[j], r); err != nil {
				return err
			}
		}
		if i > 0 {
			e.Line("} else {")
		}
		e.block(b)
		for j, r := range b.Results {
			e.set(n.Results[j], r)
		}
	}
	e.Line("}")
	return nil
}

func lowerLoop(e *emitter, n *ir.Node) error {
	body := n.Bodies[0]
	carried := max(0, len(n.Args)-2)
	trip, going := "math.MaxInt", "true"
	if e.Has(n, 0) {
		trip = "int(" + e.X(n, 0) + "[0])"
	}
	if e.Has(n, 1) {
		going = e.X(n, 1) + "[0]"
	}
	params, scans := body.Params[2:], n.Results[carried:]
	if err := e.carriesAll(n, params, body.Results[1:1+carried]); err != nil {
		return err
	}
	e.Line("{")
	for i, p := range params {
		e.set(p, n.Args[2+i])
	}
	for _, y := range scans {
		e.Line("%s = %s[:0]", e.Val(y), e.Val(y))
		e.zero(n, y.Type.Shape[1:])
	}
	e.Line("iteration := 0")
	e.declareNext(params)
	e.Line("for going := %s; going && iteration < %s; iteration++ {", going, trip)
	e.Line("%s = append(%s[:0], int64(iteration))", e.Val(body.Params[0]), e.Val(body.Params[0]))
	e.Line("%s = append(%s[:0], going)", e.Val(body.Params[1]), e.Val(body.Params[1]))
	e.block(body)
	e.Line("going = %s[0]", e.Val(body.Results[0]))
	for i, y := range scans {
		r := body.Results[1+carried+i]
		e.Line("%s = append(%s, %s...)", e.Val(y), e.Val(y), e.Val(r))
		e.adopt(y.Type.Shape[1:], r.Type.Shape)
	}
	e.hand(params, body.Results[1:1+carried])
	e.Line("}")
	for i, p := range params {
		e.set(n.Results[i], p)
	}
	for _, y := range scans {
		if name, ok := y.Type.Shape[0].Name(); ok && !isInput(e.g.dimList, name) {
			e.Define(y.Type.Shape[0], "iteration")
		} else {
			e.Call("declared", "iteration", e.Dim(y.Type.Shape[0]))
		}
	}
	e.Line("}")
	return nil
}

// zero defines as 0 the dimensions of a stacked result that only a round could tell.
func (e *emitter) zero(n *ir.Node, sizes []ir.Dim) {
	for _, d := range sizes {
		if name, ok := d.Name(); ok && owns(n, name) {
			e.Define(d, "0")
		}
	}
}

// declareNext declares what hand needs.
func (e *emitter) declareNext(params []*ir.Value) {
	for i, p := range params {
		e.Line("var next%d []%s", i, goCell(p.Type))
	}
}

// hand makes the results of a round the parameters of the next. All are read before one is written: a body may exchange two.
func (e *emitter) hand(params, results []*ir.Value) {
	var to, from []ir.Dim
	for i, r := range results {
		if isList(params[i].Type) {
			e.Line("next%d = %s", i, e.converted(params[i].Type, r))
			continue
		}
		e.Line("next%d = append(next%d[:0], %s...)", i, i, e.Val(r))
		to, from = append(to, params[i].Type.Shape...), append(from, r.Type.Shape...)
	}
	e.adopt(to, from)
	for i, p := range params {
		e.Line("%s, next%d = next%d, %s", e.Val(p), i, i, e.Val(p))
	}
}

func lowerScan(e *emitter, n *ir.Node) error {
	body, scans := n.Bodies[0], n.Int("num_scan_inputs")
	states := len(n.Args) - scans
	direction := func(attr string, i int) bool { ds := n.Ints(attr); return i < len(ds) && ds[i] == 1 }
	rounds := ""
	for i := range scans {
		t := n.TypeAt(states + i)
		axis, err := ir.Axis(n.ScanAxis("scan_input_axes", i), t.Rank())
		if err != nil {
			return err
		}
		rounds = e.Dim(t.Shape[axis])
	}
	e.Line("{")
	for i, p := range body.Params[:states] {
		e.set(p, n.Args[i])
	}
	for i, y := range n.Results[states:] {
		if definesAny(n, y) {
			e.zero(n, y.Type.Shape)
			e.Line("%s = %s[:0]", e.Val(y), e.Val(y))
		} else {
			e.Y(n, states+i)
		}
	}
	e.declareNext(body.Params[:states])
	e.Line("for iteration := range %s {", rounds)
	for i, p := range body.Params[states:] {
		x := n.Args[states+i]
		axis, _ := ir.Axis(n.ScanAxis("scan_input_axes", i), x.Type.Rank())
		e.adopt(p.Type.Shape, append(append([]ir.Dim{}, x.Type.Shape[:axis]...), x.Type.Shape[axis+1:]...))
		e.Line("%s = grow(%s, %s)", e.Val(p), e.Val(p), e.Product(append(append([]ir.Dim{}, x.Type.Shape[:axis]...), x.Type.Shape[axis+1:]...)))
		e.Call("takeRound", e.Val(p), e.Val(x), e.Dim(x.Type.Shape[axis]), e.Product(x.Type.Shape[axis+1:]),
			roundIndex(rounds, direction("scan_input_directions", i)))
	}
	e.block(body)
	for i, y := range n.Results[states:] {
		r := body.Results[states+i]
		axis, err := ir.Axis(n.ScanAxis("scan_output_axes", i), y.Type.Rank())
		if err != nil {
			return err
		}
		if definesAny(n, y) {
			e.Line("if iteration == 0 {")
			e.adopt(slices.Delete(slices.Clone(y.Type.Shape), axis, axis+1), r.Type.Shape)
			e.Y(n, states+i)
			e.Line("}")
		}
		e.Call("putRound", e.Val(y), e.Val(r), e.Dim(y.Type.Shape[axis]), e.Product(y.Type.Shape[axis+1:]),
			roundIndex(rounds, direction("scan_output_directions", i)))
	}
	e.hand(body.Params[:states], body.Results[:states])
	e.Line("}")
	for i, p := range body.Params[:states] {
		e.set(n.Results[i], p)
	}
	e.Line("}")
	return nil
}

func roundIndex(rounds string, backwards bool) string {
	if backwards {
		return fmt.Sprintf("%s-1-iteration", rounds)
	}
	return "iteration"
}

// definesAny reports whether a dimension of y is one of those that n brings into being.
func definesAny(n *ir.Node, y *ir.Value) bool {
	names := map[string]bool{}
	for _, d := range y.Type.Shape {
		d.Names(names)
	}
	for name := range names {
		if owns(n, name) {
			return true
		}
	}
	return false
}
