package analyze

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"gonum.org/v1/gonum/mat"
)

// Losses are those that gradients can be of. C is a tensor of seeded standard normal numbers.
var Losses = []string{
	"attention", // <C, Y> for each attention's result Y, a loss of its own for each
	"squares",   // ½·‖Y‖² likewise
	"outputs",   // <C, outputs> of the whole model: gradients that have come all the way back
}

// Options say what to measure.
type Options struct {
	Loss string // one of Losses; "" is the first
	Seed uint64 // of the losses, and of weights that the program does not have
	Tick func() // called for each node that is computed, if it is not nil
}

// Run measures the attentions of a program in which the passes have made them single nodes.
func Run(p *ir.Program, inputs []runtime.Value, o Options) (*Report, error) {
	if o.Loss == "" {
		o.Loss = Losses[0]
	}
	if !slices.Contains(Losses, o.Loss) {
		return nil, fmt.Errorf("no loss is called %q; there are %s", o.Loss, strings.Join(Losses, ", "))
	}
	t, err := record(p, inputs, runtime.Options{Seed: o.Seed}, o.Tick)
	if err != nil {
		return nil, err
	}
	a := &analysis{tape: t, opts: o}
	if err := a.find(); err != nil {
		return nil, err
	}
	if o.Loss == "outputs" {
		if err := a.fromOutputs(); err != nil {
			return nil, fmt.Errorf("the loss %q: %w", o.Loss, err)
		}
	}
	r := &Report{Model: p.Source, Loss: o.Loss, Seed: o.Seed}
	for i, l := range a.layers {
		m, err := a.measure(i)
		if err != nil {
			return nil, fmt.Errorf("node %q (%s): %w", l.node.Name, l.node.Op.Name, err)
		}
		r.Layers = append(r.Layers, *m)
		if i == 0 && l.input != nil {
			in := tokensMeasure(l.tokens(t.values[l.input]))
			r.Input = &in
		}
	}
	return r, nil
}

// An analysis is on its way from an evaluation to a report.
type analysis struct {
	tape   *tape
	opts   Options
	layers []*layer
}

// A layer is an attention with what belongs to it.
type layer struct {
	*attention
	node    *ir.Node
	f       *ir.Func
	graph   *graph
	query   *ir.Value // the queries, of the positive branch
	project *ir.Node  // the Linear that they come from, nil if there is none
	input   *ir.Value // the tokens that the layer reads, nil if they were not found
	output  *ir.Value // and those that it leaves
	prev    *layer    // the one before, nil if there is none
	size    sizes
	hidden  [][]bool // of each sequence, the tokens that nobody attends to, which are padding; nil when there are none
}

// find finds the layers and what belongs to them.
func (a *analysis) find() error {
	var errs []error
	t := a.tape
	graphs := map[*ir.Func]*graph{}
	t.f.Walk(func(f *ir.Func, n *ir.Node) {
		if n.Op != ir.Attention && n.Op != ir.DualAttention || t.values[n.Out()] == nil {
			return // another operator, or a branch that was not taken
		}
		if graphs[f] == nil {
			graphs[f] = newGraph(f)
		}
		l, err := t.layer(f, graphs[f], n)
		if err != nil {
			errs = append(errs, fmt.Errorf("node %q (%s): %w", n.Name, n.Op.Name, err))
			return
		}
		a.layers = append(a.layers, l)
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(a.layers) == 0 {
		return fmt.Errorf("no attention was found in the model; gpamc opt --why attention says what came nearest")
	}
	for i := range a.layers {
		a.place(i)
	}
	return nil
}

func (t *tape) layer(f *ir.Func, g *graph, n *ir.Node) (*layer, error) {
	l := &layer{node: n, f: f, graph: g, query: n.Args[0]}
	for i, v := range n.Args {
		if v != nil && t.values[v] == nil {
			return nil, fmt.Errorf("argument %s belongs to the body of a loop, which is not analysed", n.Op.ArgNames()[i])
		}
	}
	var err error
	l.attention, err = newAttention(n, func(name string) *runtime.Tensor {
		if v := n.Arg(name); v != nil {
			return t.values[v]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.size = querySizes(l.plus.q)
	if l.project = projection(l.query); l.project != nil {
		if _, ok := g.index[l.project]; !ok {
			l.project = nil // outside the body that the attention is in
		}
	}
	if l.project != nil {
		x := l.project.Args[0]
		if in := g.stream(x); l.size.fits(t.values[in]) {
			l.input = in
		}
		if k := projection(n.Args[1]); k != nil && k.Args[0] == x {
			l.hidden = l.padding()
		}
	}
	return l, nil
}

// padding finds the tokens of self-attention that have no weight in any row of any head.
func (l *layer) padding() [][]bool {
	if l.size.sequences == 0 {
		return nil
	}
	var seen [][]bool
	for range l.size.sequences {
		seen = append(seen, make([]bool, l.size.tokens))
	}
	for _, b := range []*branch{l.plus, l.minus} {
		if b == nil {
			continue
		}
		_, lk := last2(b.p.Shape)
		if lk != l.size.tokens {
			return nil
		}
		per := b.p.Len() / l.size.sequences
		for i, x := range b.p.F {
			if x != 0 {
				seen[i/per][i%lk] = true
			}
		}
	}
	any := false
	for _, s := range seen {
		for i := range s {
			s[i] = !s[i]
			any = any || s[i]
		}
	}
	if !any {
		return nil
	}
	return seen
}

// place finds the layer before layer i, and where layer i ends: at the last value before the next layer that all of its result goes
// through.
func (a *analysis) place(i int) {
	l := a.layers[i]
	before := l.graph.before(l.query)
	for _, m := range a.layers[:i] {
		if m.f == l.f && before[l.graph.index[m.node]] {
			l.prev = m
		}
	}
	var ends []*ir.Value
	for _, v := range l.graph.outputs(l.node) {
		if l.size.fits(a.tape.values[v]) {
			ends = append(ends, v)
		}
	}
	for _, m := range a.layers[i+1:] {
		next := l.graph.before(m.node.Out())
		if m.f != l.f || !next[l.graph.index[l.node]] {
			continue
		}
		ends = slices.DeleteFunc(ends, func(v *ir.Value) bool { return !next[l.graph.index[v.Def]] || v.Def == m.node })
		if len(ends) > 0 {
			l.output = ends[len(ends)-1]
		}
		return
	}
	l.output = l.last(ends)
}

// last is the end of a last layer: what is most like the end of the layer before.
func (l *layer) last(ends []*ir.Value) *ir.Value {
	for _, v := range slices.Backward(ends) {
		switch {
		case l.prev != nil && l.prev.output != nil:
			if v.Def.Op == l.prev.output.Def.Op && ir.EqualDims(v.Type.Shape, l.prev.output.Type.Shape) {
				return v
			}
		case l.input == nil || ir.EqualDims(v.Type.Shape, l.input.Type.Shape) && isNorm(v) == isNorm(l.input):
			return v
		}
	}
	return nil
}

// tokens are the matrices of tokens that x holds, one for each sequence, without padding.
func (l *layer) tokens(x *runtime.Tensor) (out []*mat.Dense) {
	n, cols := l.size.tokens, x.Shape[x.Rank()-1]
	for s := range x.Len() / (n * cols) {
		var data []float64
		for i := range n {
			if s < len(l.hidden) && l.hidden[s][i] {
				continue
			}
			data = append(data, x.F[(s*n+i)*cols:(s*n+i+1)*cols]...)
		}
		if len(data) > 0 {
			out = append(out, mat.NewDense(len(data)/cols, cols, data))
		}
	}
	return out
}

// merged is y with the heads of a token side by side, for a layer whose end was not found.
func (l *layer) merged(y *runtime.Tensor) *runtime.Tensor {
	rows, cols := last2(y.Shape)
	heads := headCount(y.Shape)
	out := zeros([]int{y.Len() / (heads * rows * cols), rows, heads * cols})
	for i, v := range y.F {
		c, r, h, s := i%cols, i/cols%rows, i/cols/rows%heads, i/cols/rows/heads
		out.F[((s*rows+r)*heads+h)*cols+c] = v
	}
	return out
}

func (a *analysis) measure(i int) (*Layer, error) {
	l := a.layers[i]
	m := &Layer{Layer: i + 1, Name: l.node.Name, Op: l.node.Op.Name, Heads: headCount(l.shape), Queries: l.size.tokens, Ratio: Number(math.NaN())}
	_, m.Keys = last2(l.plus.p.Shape)
	x := a.tape.values[l.node.Out()]
	if l.output != nil {
		x = a.tape.values[l.output]
		m.Output = strings.TrimSpace(l.output.Def.Op.Name + " " + l.output.Def.Name)
	} else {
		x = l.merged(x)
		m.Output = strings.TrimSpace(m.Op + " " + m.Name)
	}
	m.Tokens = tokensMeasure(l.tokens(x))
	if before := a.before(l); before != nil {
		m.Ratio = m.Residual / tokensMeasure(l.tokens(before)).Residual
	}
	perSequence := max(l.size.sequences, 1)
	perSequence = len(matrices(l.plus.p.Shape, l.shape)) / perSequence
	m.Matrix = l.matrixMeasure(func(matrix, row int) bool {
		s := matrix / perSequence
		return s < len(l.hidden) && l.hidden[s][row]
	})
	return m, a.gradients(i, m)
}

// before is the tokens that layer l got from the one before, nil if they are not known.
func (a *analysis) before(l *layer) *runtime.Tensor {
	v := l.input
	if l.prev != nil {
		v = l.prev.output
	}
	if v == nil || !l.size.fits(a.tape.values[v]) {
		return nil
	}
	return a.tape.values[v]
}

// gradients measures what the loss does to layer i.
func (a *analysis) gradients(i int, m *Layer) error {
	l := a.layers[i]
	var dy *runtime.Tensor
	switch y := wide(a.tape.values[l.node.Out()]); a.opts.Loss {
	case "attention":
		dy = normal(y.Shape, a.opts.Seed, uint64(i))
	case "squares":
		dy = y
	case "outputs":
		if dy = a.tape.grads[l.node.Out()]; dy == nil {
			dy = zeros(y.Shape) // no output depends on it
		}
	}
	g := l.gradient(dy)
	positive, negative := norm(g.plus.s), math.NaN()
	m.Positive, m.Logits = Number(positive), Number(positive)
	grads := map[*ir.Value]*runtime.Tensor{l.query: g.plus.q}
	if g.minus != nil {
		negative = norm(g.minus.s)
		m.Logits = Number(math.Hypot(positive, negative))
		qn := l.node.Arg("qn")
		grads[qn] = plus(grads[qn], g.minus.q)
	}
	m.Negative, m.Query = Number(negative), Number(math.NaN())
	if l.project == nil {
		return nil
	}
	y := l.project.Out()
	t := &tape{f: l.f, values: a.tape.values, grads: grads}
	if err := t.back(dependents(l.f, y)); err != nil {
		return fmt.Errorf("the gradient of the query weights: %w", err)
	}
	m.Query = Number(weightNorm(a.tape.values[l.project.Args[0]], t.grads[y]))
	if w := l.project.Arg("w"); w.Is(ir.Weight) {
		m.Weight = w.Def.Str("name")
	}
	return nil
}

// weightNorm is ‖xᵀ·dy‖, the norm of the gradient of w in y = x·w.
func weightNorm(x, dy *runtime.Tensor) float64 {
	_, in := last2(x.Shape)
	_, out := last2(dy.Shape)
	var dw mat.Dense
	dw.Mul(mat.NewDense(x.Len()/in, in, x.F).T(), mat.NewDense(dy.Len()/out, out, dy.F))
	return mat.Norm(&dw, 2)
}

// fromOutputs brings the gradients of the outputs' loss back to the attentions.
func (a *analysis) fromOutputs() error {
	t := a.tape
	var roots []*ir.Value
	for _, l := range a.layers {
		if l.f != t.f {
			return fmt.Errorf("node %q (%s): it lies in the body of another node, which gradients do not reach", l.node.Name, l.node.Op.Name)
		}
		roots = append(roots, l.node.Out())
	}
	for i, v := range t.f.Results {
		if y := t.values[v]; y != nil && y.F != nil {
			t.grads[v] = plus(t.grads[v], normal(y.Shape, a.opts.Seed, 1<<32+uint64(i)))
		}
	}
	return t.back(dependents(t.f, roots...))
}

// normal is a tensor of standard normal numbers.
func normal(shape []int, seed, stream uint64) *runtime.Tensor {
	r := rand.New(rand.NewPCG(seed, stream))
	t := zeros(shape)
	for i := range t.F {
		t.F[i] = r.NormFloat64()
	}
	return t
}
