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
// contents that shapes decide become constants; the bodies of what remains are left alone.
func legalize(p *ir.Program, expand map[int]bool, widen map[int]bool) {
	known(p.Main)
	prune(p.Main)
	lowerable(p.Main, p.Main, expand, widen)
	known(p.Main)
	prune(p.Main)
	foldCasts(p)
	weigh(p)
}

// lowerable expands and widens in f, the program's function or one of its bodies.
func lowerable(main, f *ir.Func, expand map[int]bool, widen map[int]bool) {
	for i := 0; i < len(f.Nodes); {
		n := f.Nodes[i]
		if n.Op.Expand != nil && (lowerings[n.Op] == nil || expand[n.ID]) {
			b := ir.NewBuilder(f)
			b.At, b.Name = i, n.Name
			replaceNode(main, f, b, n, b.Expand(n))
			continue
		}
		if widen[n.ID] {
			b := ir.NewBuilder(f)
			b.At, b.Name = i, n.Name
			replaceNode(main, f, b, n, widened(b, n))
			i = b.At
			continue
		}
		for _, b := range n.Bodies {
			lowerable(main, b, expand, widen)
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

// widened is n computed in float32, between casts.
func widened(b *ir.Builder, n *ir.Node) []*ir.Value {
	args := make([]*ir.Value, len(n.Args))
	for i, a := range n.Args {
		args[i] = a
		if a != nil && narrow(a.Type.Elem) {
			args[i] = b.New(ir.Cast, ir.Attrs{"to": ir.F32}, a)
		}
	}
	out := slices.Clone(b.NewN(n.Op, len(n.Results), n.Attrs, args...)) // the node keeps its own
	for i, r := range n.Results {
		if narrow(r.Type.Elem) && out[i].Type.Elem == ir.F32 {
			out[i] = b.New(ir.Cast, ir.Attrs{"to": r.Type.Elem}, out[i])
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
		wide := ir.NewData(ir.F32, data.Shape...)
		for i := range data.Len() {
			wide.SetFloat(i, data.Float(i))
		}
		p.Weights[name] = wide
		n.Op, n.Args, n.Attrs = ir.Weight, nil, ir.Attrs{"name": name, "type": wide.Type()}
	}
	prune(p.Main)
}
