package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// rowGap is how many elements of float32 are behind a row of values whose rows lie apart: one line of the cache.
const rowGap = 16

// chooseApart puts gaps between the rows that products read where the distance would be a multiple of 4096 bytes: the rows that a
// product reads at the same time would all be in one set of the cache.
func (pl *plan) chooseApart() {
	for n := range pl.nodes {
		if !pl.writesApart(n) {
			continue
		}
		v := n.Out()
		cols, ok := v.Type.Shape[v.Type.Rank()-1].Const()
		ok = ok && cols > 0 && cols%1024 == 0 && !pl.isResult(v) && !pl.usedByCall(v) && !pl.g.onHeap(v) && len(pl.uses[v]) > 0
		for _, u := range pl.uses[v] {
			ok = ok && pl.multiplies(u) && !slices.Contains(u.Args[1:], v)
		}
		if ok {
			pl.apart[v] = true
		}
	}
}

// writesApart reports whether the kernel of n can write rows with gaps.
func (pl *plan) writesApart(n *ir.Node) bool {
	if n.Op == ir.LayerNormalization || n.Op == ir.RMSNormalization {
		axis, err := normAxis(n)
		return err == nil && axis == n.TypeAt(0).Rank()-1
	}
	if binaryBlocks[n.Op] == "" {
		return pl.multiplies(n)
	}
	rank := n.Out().Type.Rank()
	if blockFunction(n) == "" || f32(n) != nil || pl.regions[n] != nil || rank < 2 {
		return false
	}
	_, _, ok := operandsOf(n, rank-1)
	return ok
}

// multiplies reports whether n is lowered to a product of rows of float32 with a weight.
func (pl *plan) multiplies(n *ir.Node) bool {
	switch n.Op {
	case ir.Linear:
		return pl.g.opts.Precision == Float32 && servesLinear(n) == nil && n.Out().Type.Rank() > 1 && !pl.g.whole[n.ID]
	case ir.BlockedLinear:
		return servesBlocked(n) == nil && n.Out().Type.Rank() > 1 && !pl.g.whole[n.ID]
	}
	return false
}

// rowStep is the distance of v's rows in its own memory.
func (e *emitter) rowStep(v *ir.Value) ir.Dim {
	rank := v.Type.Rank()
	step := v.Type.Shape[rank-1]
	if e.g.plans[e.fn].apart[v] {
		step = step.Add(ir.N(rowGap))
	}
	return step
}

// size is how many elements v's memory has room for.
func (pl *plan) size(v *ir.Value) ir.Dim {
	shape := v.Type.Shape
	if !pl.apart[v] {
		return ir.Product(shape)
	}
	last := len(shape) - 1
	return ir.Product(shape[:last]).Mul(shape[last].Add(ir.N(rowGap)))
}
