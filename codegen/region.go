package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

// A region is element-wise nodes of a function whose values nobody else reads, but for the last one's. It is one step, which does them
// block by block: what is between them has no memory of its own. Or it is a convolution and what its kernel does with the sums, or rows
// that are added up and normalised.
type region struct {
	nodes  []*ir.Node // in order
	conv   *ir.Node   // the first of them, or nil
	sum    *rowSum    // all but the last of them, or nil
	args   []*ir.Value
	spread int // the first arguments, those that are broadcast
}

// Nodes of one argument and of two whose functions in package lib work on blocks.
var (
	unaryBlocks = map[*ir.Op]string{ir.Relu: "relu32", ir.Exp: "exp32", ir.Erf: "erf32", ir.Tanh: "tanh32", ir.Sigmoid: "sigmoid32",
		ir.Log: "log32", ir.Sqrt: "sqrt32", ir.Abs: "abs32", ir.Neg: "neg32", ir.Reciprocal: "reciprocal32",
		ir.Floor: "floor32", ir.Ceil: "ceil32", ir.Round: "round32"}

	binaryBlocks = map[*ir.Op]string{ir.Add: "add32", ir.Sub: "sub32", ir.Mul: "mul32", ir.Div: "div32",
		ir.Max: "max32", ir.Min: "min32"}
)

// blockFunction is the function of package lib that does n on a block of its arguments, "" if there is none.
func blockFunction(n *ir.Node) string {
	switch n.Op {
	case ir.Max, ir.Min:
		if len(n.Args) != 2 {
			return ""
		}
	case ir.Swish:
		if n.Float("alpha") == 1 {
			return "silu32"
		}
		return ""
	case ir.Gelu:
		if n.Str("approximate") == "tanh" {
			return "geluTanh32"
		}
		return "gelu32"
	}
	return unaryBlocks[n.Op] + binaryBlocks[n.Op]
}

// fuses reports whether n can be part of a region.
func fuses(n *ir.Node) bool {
	if n.Op == ir.Clip {
		if n.ArgAt(1) == nil && n.ArgAt(2) == nil {
			return false
		}
		for _, bound := range n.Args[1:] {
			if bound != nil && !bound.Type.Size().Is(1) {
				return false
			}
		}
	} else if blockFunction(n) == "" {
		return false
	}
	return f32(n) == nil && checkNode(n, floats) == nil && !definesDims(n)
}

// chooseRegions finds the regions of the function: first those of normalizations and of convolutions, which cost nothing. From the last
// node to the first, each takes in those before it that it alone uses.
func (pl *plan) chooseRegions() {
	for i := len(pl.fn.steps) - 1; i >= pl.fn.prepared; i-- {
		root := pl.fn.steps[i].node
		if root == nil || pl.taken[root] {
			continue
		}
		if r := pl.behindSum(i); r != nil {
			pl.keep(r)
		} else if fuses(root) {
			pl.keep(pl.behindConv(root))
		}
	}
	for i := len(pl.fn.steps) - 1; i >= pl.fn.prepared; i-- {
		root := pl.fn.steps[i].node
		if root == nil || pl.taken[root] || !fuses(root) {
			continue
		}
		in, r := map[*ir.Node]bool{root: true}, alone(root)
		for j := i - 1; j >= pl.fn.prepared; j-- {
			n := pl.fn.steps[j].node
			if n == nil || pl.taken[n] || !pl.joins(n, root, in) {
				continue
			}
			in[n] = true
			with := &region{nodes: append([]*ir.Node{n}, r.nodes...)}
			if with.enter(in) {
				r = with
			} else {
				delete(in, n)
			}
		}
		if len(r.nodes) > 1 {
			pl.keep(r)
		}
	}
}

// keep makes a step of r, if there is one.
func (pl *plan) keep(r *region) {
	if r == nil {
		return
	}
	pl.regions[r.last()] = r
	for _, n := range r.nodes {
		pl.taken[n] = true
	}
}

// joins reports whether n can be done with the nodes that are in the region of root.
func (pl *plan) joins(n, root *ir.Node, in map[*ir.Node]bool) bool {
	return pl.within(n.Out(), in) && fuses(n) && ir.EqualDims(n.Out().Type.Shape, root.Out().Type.Shape)
}

// within reports whether v is read by those nodes alone.
func (pl *plan) within(v *ir.Value, in map[*ir.Node]bool) bool {
	uses := pl.uses[v]
	if len(uses) == 0 || slices.ContainsFunc(uses, func(u *ir.Node) bool { return !in[u] }) {
		return false
	}
	return !pl.isResult(v) && !pl.usedByCall(v)
}

// alone is the region of one node.
func alone(n *ir.Node) *region {
	r := &region{nodes: []*ir.Node{n}}
	r.enter(map[*ir.Node]bool{n: true})
	return r
}

// enter finds the arguments; ok is false where they are more than package lib takes.
func (r *region) enter(in map[*ir.Node]bool) (ok bool) {
	shape := r.result().Type.Shape
	var spread, whole []*ir.Value
	for _, n := range r.nodes {
		for _, a := range n.Args {
			switch {
			case a == nil || a.Def != nil && in[a.Def] || slices.Contains(spread, a) || slices.Contains(whole, a):
			case a.Type.Size().Is(1) || sameElements(a.Type.Shape, shape):
				whole = append(whole, a)
			default:
				spread = append(spread, a)
			}
		}
	}
	r.args, r.spread = append(spread, whole...), len(spread)
	_, between := r.body()
	return len(r.args) <= lib.BlockArgs && r.spread <= lib.BlockSpread && between <= lib.BlockArgs
}

// sameElements reports whether a tensor of the one shape broadcast to the other is itself.
func sameElements(own, shape []ir.Dim) bool {
	more := len(shape) - len(own)
	return more >= 0 && ir.EqualDims(own, shape[more:]) && ir.Product(shape[:more]).Is(1)
}

func (r *region) last() *ir.Node { return r.nodes[len(r.nodes)-1] }

func (r *region) result() *ir.Value { return r.last().Out() }

// lowerRegion writes the call that does r, and the function that does a block.
func (e *emitter) lowerRegion(r *region) {
	body, between := r.body()
	xs := make([]string, len(r.args))
	var shapes []string
	for i, a := range r.args {
		if xs[i] = e.Val(a); i < r.spread {
			shapes = append(shapes, strings.TrimPrefix(e.Shape(a), "[]int"))
		}
	}
	v := r.result()
	y := e.Y(v.Def, 0)
	e.Call("blockwise", e.Ctx(), y, e.g.blockName(body, r), between, e.Shape(v), "parts{"+strings.Join(xs, ", ")+"}",
		"[blockSpread][]int{"+strings.Join(shapes, ", ")+"}")
}

// blockName is the name of the emitted function with that body; regions that do the same share it.
func (g *generator) blockName(body string, r *region) string {
	if name, ok := g.blocks[body]; ok {
		return name
	}
	name := g.names.take("block1", "block1")
	g.blocks[body] = name
	g.blockGo = append(g.blockGo, fmt.Sprintf("// %s does %s on a block.\nfunc %s(y []float32, x, between parts) {\n%s}\n", name, r, name, body))
	return name
}

// String is the operators of r.
func (r *region) String() string {
	names := make([]string, len(r.nodes))
	for i, n := range r.nodes {
		names[i] = n.Op.Name
	}
	return strings.Join(names, ", ")
}

// body is the statements that do a block, and how many values they have in between. A value's place is free for others with the step
// that reads it last, because the functions may write where they read.
func (r *region) body() (text string, between int) {
	place := map[*ir.Value]string{r.result(): "y"}
	for i, a := range r.args {
		place[a] = fmt.Sprintf("x[%d]", i)
	}
	last := map[*ir.Value]int{}
	for i, n := range r.nodes {
		for _, a := range n.Args {
			last[a] = i
		}
	}
	var free []string
	var b strings.Builder
	for i, n := range r.nodes {
		x := make([]string, len(n.Args))
		for k, a := range n.Args {
			if x[k] = place[a]; strings.HasPrefix(x[k], "between") && last[a] == i && !slices.Contains(free, x[k]) {
				free = append(free, x[k])
			}
		}
		if i < len(r.nodes)-1 {
			if len(free) == 0 {
				free = append(free, fmt.Sprintf("between[%d]", between))
				between++
			}
			place[n.Out()], free = free[0], free[1:]
		}
		writeBlock(&b, n, place[n.Out()], x)
	}
	return b.String(), between
}

// writeBlock writes the statements that set y to n of x.
func writeBlock(b *strings.Builder, n *ir.Node, y string, x []string) {
	if n.Op != ir.Clip {
		fmt.Fprintf(b, "\t%s(%s, %s)\n", blockFunction(n), y, strings.Join(x, ", "))
		return
	}
	from := x[0]
	for k, f := range []string{"", "max32", "min32"} {
		if k > 0 && n.ArgAt(k) != nil {
			fmt.Fprintf(b, "\t%s(%s, %s, %s)\n", f, y, from, x[k])
			from = y
		}
	}
}
