package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Missing are the nodes of a program that cannot be compiled, all of them.
type Missing []MissingNode

// A MissingNode says which node cannot be compiled, and why.
type MissingNode struct {
	Op, Node, Why string
}

func (m Missing) Error() string {
	lines := make([]string, len(m))
	for i, n := range m {
		lines[i] = fmt.Sprintf("node %q (%s): %s", n.Node, n.Op, n.Why)
	}
	count := fmt.Sprintf("%d nodes cannot be compiled", len(m))
	if len(m) == 1 {
		count = "a node cannot be compiled"
	}
	return count + ":\n\t" + strings.Join(lines, "\n\t")
}

// Ops are the operators concerned, each once.
func (m Missing) Ops() []string {
	var ops []string
	for _, n := range m {
		if !slices.Contains(ops, n.Op) {
			ops = append(ops, n.Op)
		}
	}
	return ops
}

// legalize brings f to operators that have lowerings: composites that have none, or that are in expand, become their expansion;
// contents that shapes decide become constants; the bodies of what remains are left alone. The numbers are those of the nodes that were
// widened, by what they have become.
func legalize(p *ir.Program, expand map[int]bool, widen map[int]bool) map[*ir.Node]int {
	known(p.Main)
	prune(p.Main)
	l := legalizer{main: p.Main, expand: expand, widen: widen, rounds: map[*ir.Node]bool{}, wide: map[*ir.Node]int{}}
	l.function(p.Main)
	known(p.Main)
	prune(p.Main)
	foldCasts(p)
	weigh(p)
	return l.wide
}

// A legalizer expands and widens nodes, by their numbers.
type legalizer struct {
	main          *ir.Func
	expand, widen map[int]bool
	rounds        map[*ir.Node]bool // casts behind what kernels compute in float32
	wide          map[*ir.Node]int  // what is computed in float32, and the number of the node that it was
}

// function does so in f, the program's function or one of its bodies.
func (l *legalizer) function(f *ir.Func) {
	for i := 0; i < len(f.Nodes); {
		n := f.Nodes[i]
		if n.Op.Expand != nil && (lowerings[n.Op] == nil || l.expand[n.ID]) {
			b := ir.NewBuilder(f)
			b.At, b.Name = i, n.Name
			replaceNode(l.main, f, b, n, b.Expand(n))
			continue
		}
		if l.widen[n.ID] || l.movesRounded(n) {
			b := ir.NewBuilder(f)
			b.At, b.Name = i, n.Name
			replaceNode(l.main, f, b, n, l.widened(b, n))
			i = b.At
			continue
		}
		for _, b := range n.Bodies {
			l.function(b)
		}
		i++
	}
}

// weigh makes weights of the float constants that have more than one element, so that layers differ in their weights alone.
func weigh(p *ir.Program) {
	for _, n := range p.Main.Nodes {
		d := n.Out().Const()
		if d == nil || !d.Elem.IsFloat() || d.Len() < 2 {
			continue
		}
		name := fmt.Sprintf("%s.%d", constWeight, n.ID)
		p.Weights[name] = d
		n.Op, n.Attrs = ir.Weight, ir.Attrs{"name": name, "type": d.Type()}
	}
}

// constWeight begins the names of weights that are the program's constants.
const constWeight = "const"

// replaceNode takes n, which stands behind what b has built, out of f.
func replaceNode(main, f *ir.Func, b *ir.Builder, n *ir.Node, by []*ir.Value) {
	m := map[*ir.Value]*ir.Value{}
	for j, r := range n.Results {
		if j < len(by) {
			m[r] = by[j]
		}
	}
	f.Nodes = slices.Delete(f.Nodes, b.At, b.At+1)
	main.Replace(m)
}

// known turns what shapes decide into constants.
func known(f *ir.Func) {
	m := map[*ir.Value]*ir.Value{}
	for i := 0; i < len(f.Nodes); i++ {
		n := f.Nodes[i]
		for _, b := range n.Bodies {
			known(b)
		}
		if n.Op == ir.Const || len(n.Results) != 1 || n.Out().Type.Elem != ir.I64 || n.Out().Type.Rank() > 1 || len(n.Bodies) > 0 {
			continue
		}
		ds, ok := n.Out().SymbolicDims()
		if !ok {
			continue
		}
		b := ir.NewBuilder(f)
		b.At, b.Name = i, n.Name
		if n.Out().Type.Rank() == 0 {
			m[n.Out()] = b.Dim(ds[0])
		} else {
			m[n.Out()] = b.Dims(ds...)
		}
		i++
	}
	f.Replace(m)
}

// narrow reports whether e is a float that arithmetic computes in float32.
func narrow(e ir.Elem) bool { return e.IsFloat() && e != ir.F32 && e != ir.F64 }

// hasNarrow reports whether computing n in float32 could help: an argument or result is of a narrow float.
func hasNarrow(n *ir.Node) bool {
	for _, a := range n.Args {
		if a != nil && narrow(a.Type.Elem) {
			return true
		}
	}
	return false
}

// movesRounded reports whether n only moves what was computed in float32 and is to be rounded: it moves it before, so that the next
// kernel finds it as it was.
func (l *legalizer) movesRounded(n *ir.Node) bool {
	return moves(n) && slices.ContainsFunc(n.Args, func(a *ir.Value) bool { return a != nil && l.rounds[a.Def] })
}

func moves(n *ir.Node) bool {
	return slices.Contains([]*ir.Op{ir.Identity, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten, ir.Transpose, ir.Split, ir.Slice, ir.Expand, ir.Concat}, n.Op)
}

// exact reports whether n may hand on and take what is not rounded. Arithmetic may not: quantised operators are made of it.
func exact(n *ir.Node) bool {
	return moves(n) || hasKernel(n.Op) && !slices.Contains([]*ir.Op{ir.Add, ir.Sub, ir.Mul, ir.Div}, n.Op)
}

// widened is n computed in float32, between casts. From one kernel to the next nothing is rounded.
func (l *legalizer) widened(b *ir.Builder, n *ir.Node) []*ir.Value {
	args := make([]*ir.Value, len(n.Args))
	for i, a := range n.Args {
		switch {
		case a == nil || !narrow(a.Type.Elem):
			args[i] = a
		case exact(n) && l.rounds[a.Def]:
			args[i] = a.Def.Args[0]
		default:
			args[i] = b.New(ir.Cast, ir.Attrs{"to": ir.F32}, a)
		}
	}
	out := slices.Clone(b.NewN(n.Op, len(n.Results), n.Attrs, args...)) // the node keeps its own
	l.wide[out[0].Def] = n.ID
	for i, r := range n.Results {
		if narrow(r.Type.Elem) && out[i].Type.Elem == ir.F32 {
			out[i] = b.New(ir.Cast, ir.Attrs{"to": r.Type.Elem}, out[i])
			l.rounds[out[i].Def] = exact(n)
		}
	}
	return out
}

// foldCasts converts weights whose only use is a cast to float32 now, rather than at each run.
func foldCasts(p *ir.Program) {
	uses := p.Main.Uses()
	for _, n := range p.Main.Nodes {
		if n.Op != ir.Cast || n.Out().Type.Elem != ir.F32 || !n.Args[0].Is(ir.Weight) || uses[n.Args[0]] != 1 {
			continue
		}
		w := n.Args[0].Def
		data := p.Weights[w.Str("name")]
		if data == nil || !narrow(data.Elem) {
			continue
		}
		name := w.Str("name") + ".f32"
		wide := data.Widened()
		p.Weights[name] = wide
		n.Op, n.Args, n.Attrs = ir.Weight, nil, ir.Attrs{"name": name, "type": wide.Type()}
	}
	prune(p.Main)
}
