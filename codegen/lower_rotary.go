package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(fast, map[*ir.Op]lowering{ir.RotaryEmbedding: lowerRotary})

// lowerRotary serves [B,H,L,D], which may be a view, with tables [B or 1,L,size/2], or [positions,size/2] and position_ids.
func lowerRotary(e *emitter, n *ir.Node) error {
	x := e.view(n, 0)
	if len(x.dims) != 4 || !x.strides[3].Is(1) && !x.dims[3].Is(1) {
		return errShape
	}
	for _, v := range n.Args[:3] {
		if v.Type.Elem != ir.F32 {
			return errElem
		}
	}
	size := x.dims[3]
	if r := n.Int("rotary_embedding_dim"); r > 0 {
		size = ir.N(r)
	}
	ids, step := "nil", ir.N(0)
	table := n.TypeAt(1).Shape
	switch {
	case !ir.EqualDims(table, n.TypeAt(2).Shape) || !table[len(table)-1].Mul(ir.N(2)).Equal(size):
		return errShape
	case e.Has(n, 3) && len(table) == 2 && n.TypeAt(3).Elem == ir.I64 && ir.EqualDims(n.TypeAt(3).Shape, []ir.Dim{x.dims[0], x.dims[2]}):
		ids = e.X(n, 3)
	case !e.Has(n, 3) && len(table) == 3 && table[1].Equal(x.dims[2]) && table[0].Equal(x.dims[0]):
		step = x.dims[2]
	case e.Has(n, 3) || len(table) != 3 || !table[1].Equal(x.dims[2]) || !table[0].Is(1):
		return errShape
	}
	s := fmt.Sprintf("rotation{batch: %s, heads: %s, rows: %s, d: %s, size: %s, xBatch: %s, xHead: %s, xRow: %s",
		e.Dim(x.dims[0]), e.Dim(x.dims[1]), e.Dim(x.dims[2]), e.Dim(x.dims[3]), e.Dim(size), e.Dim(x.strides[0]), e.Dim(x.strides[1]), e.Dim(x.strides[2]))
	if !step.Is(0) {
		s += ", angleBatch: " + e.Dim(step)
	}
	if n.Int("interleaved") != 0 {
		s += ", interleaved: true"
	}
	e.Call("rotary", e.Ctx(), e.Y(n, 0), e.from(x), e.X(n, 1), e.X(n, 2), ids, s+"}")
	return nil
}
