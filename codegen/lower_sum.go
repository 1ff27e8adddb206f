package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

// A rowSum is rows that are added up before they are normalised, some of them those of a table at indices: the embeddings of tokens,
// positions and types.
type rowSum struct {
	nodes   []*ir.Node // that the kernel does before it normalises, in order
	addends []addend   // in the order in which they are added
	sum     *ir.Value
}

// An addend is a tensor whose rows are added: for row i of the sum, row i/every%count of x, or of ids, which say the row of x.
type addend struct {
	x, ids       *ir.Value
	every, count ir.Dim
}

// rowSumBefore is the sum that n normalises, nil if it is none that the kernel serves. Of the values that are added up, takes reports which
// can be made by the step, since nobody else reads them.
func rowSumBefore(n *ir.Node, takes func(v *ir.Value) bool) *rowSum {
	if n.Op != ir.LayerNormalization && n.Op != ir.RMSNormalization {
		return nil
	}
	sum := n.Args[0]
	if axis, err := normAxis(n); err != nil || axis != sum.Type.Rank()-1 || sum.Def == nil {
		return nil
	}
	r := &rowSum{sum: sum}
	if !r.take(sum.Def, takes) || !slices.ContainsFunc(r.addends, func(a addend) bool { return a.ids != nil }) {
		return nil
	}
	return r
}

// take makes r the sum that n computes: that of one argument, if that is one, and the other argument, or that of both.
func (r *rowSum) take(n *ir.Node, takes func(v *ir.Value) bool) bool {
	if n.Op != ir.Add || f32(n) != nil || definesDims(n) || len(n.Large()) > 0 {
		return false
	}
	for i, a := range n.Args {
		inner := &rowSum{sum: r.sum}
		if takes(a) && inner.take(a.Def, takes) && len(inner.addends) < lib.MaxAddends && inner.add(n.Args[1-i], takes) {
			r.nodes, r.addends = append(inner.nodes, n), inner.addends
			return true
		}
	}
	if !r.add(n.Args[0], takes) || !r.add(n.Args[1], takes) {
		return false
	}
	r.nodes = append(r.nodes, n)
	return true
}

// add enters v as the next addend, the rows of a table where it was gathered from one.
func (r *rowSum) add(v *ir.Value, takes func(v *ir.Value) bool) bool {
	every, count, ok := repeats(v.Type.Shape, r.sum.Type.Shape)
	if !ok {
		return false
	}
	a := addend{x: v, every: every, count: count}
	if takes(v) && gathersTable(v.Def) {
		a.x, a.ids = v.Def.Args[0], v.Def.Args[1]
		r.nodes = append(r.nodes, v.Def)
	}
	r.addends = append(r.addends, a)
	return true
}

// gathersTable reports whether n gathers rows of a stored matrix.
func gathersTable(n *ir.Node) bool {
	if n.Op != ir.Gather || !stored(n.Args[0]) || definesDims(n) || len(n.Large()) > 0 {
		return false
	}
	table, ids := n.TypeAt(0), n.TypeAt(1)
	axis, err := ir.Axis(n.Int("axis"), table.Rank())
	return table.Elem == ir.F32 && table.Rank() == 2 && err == nil && axis == 0 && ids.Ranked() && (ids.Elem == ir.I64 || ids.Elem == ir.I32)
}

// repeats says which of its count rows a tensor of the one shape, broadcast to the other, has for row i: row i/every%count. ok is false
// where there is no such rule, or where rows are not whole.
func repeats(own, shape []ir.Dim) (every, count ir.Dim, ok bool) {
	every, count = ir.N(1), ir.N(1)
	more, last := len(shape)-len(own), len(shape)-1
	if len(own) == 0 || !own[len(own)-1].Equal(shape[last]) || shape[last].Is(0) {
		return every, count, false
	}
	outer := false // axes from here on may only be broadcast
	for i := last - 1; i >= 0; i-- {
		switch {
		case shape[i].Is(1):
		case i < more || own[i-more].Is(1):
			if outer = outer || !count.Is(1); !outer {
				every = every.Mul(shape[i])
			}
		case outer || !own[i-more].Equal(shape[i]):
			return every, count, false
		default:
			count = count.Mul(shape[i])
		}
	}
	return every, count, true
}

// behindSum is the region of the normalization that is the function's i-th step and of the rows that are added up before it; nil if it is
// no such step.
func (pl *plan) behindSum(i int) *region {
	root := pl.fn.steps[i].node
	free := func(v *ir.Value) bool { return v.Def != nil && pl.nodes[v.Def] && !pl.taken[v.Def] && !pl.prepares(v) }
	sum := rowSumBefore(root, func(v *ir.Value) bool {
		return free(v) && len(pl.uses[v]) == 1 && !pl.isResult(v) && !pl.usedByCall(v)
	})
	if sum == nil || !free(sum.sum) {
		return nil
	}
	for _, s := range pl.fn.steps[:i] { // nobody reads the sum earlier
		if s.call != nil && slices.Contains(s.call.args, sum.sum) || s.node != nil && slices.Contains(reads(s.node), sum.sum) {
			return nil
		}
	}
	r := &region{nodes: append(sum.nodes, root), sum: sum, args: slices.Clone(root.Args[1:])}
	for _, a := range sum.addends {
		r.args = append(r.args, a.x, a.ids)
	}
	r.args = slices.DeleteFunc(r.args, func(a *ir.Value) bool { return a == nil })
	return r
}

// sumNorm writes the call that normalises the sum of r.
func (e *emitter) sumNorm(r *region) {
	n, sum := r.last(), r.sum.sum
	rows, cols, ldy, err := normArgs(e, n)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	addends := make([]string, len(r.sum.addends))
	for i, a := range r.sum.addends {
		ids := ""
		if a.ids != nil {
			ids = map[ir.Elem]string{ir.I64: "ids: ", ir.I32: "ids32: "}[a.ids.Type.Elem] + e.Val(a.ids) + ", "
		}
		addends[i] = fmt.Sprintf("{x: %s, %severy: %s, count: %s}", e.Val(a.x), ids, e.Dim(a.every), e.Dim(a.count))
	}
	norm, s, beta := "layerNormRow", "nil", "nil"
	if n.Op == ir.RMSNormalization {
		norm = "rmsNormRow"
	}
	if e.g.plans[e.fn].needed[sum] {
		s = e.Y(sum.Def, 0)
	}
	if e.Has(n, 2) {
		beta = e.X(n, 2)
	}
	e.Call("sumNorm", e.Ctx(), e.Y(n, 0), ldy, s, "addends{"+strings.Join(addends, ", ")+"}", norm, e.X(n, 1), beta, rows, cols,
		n.Float("epsilon"))
}
