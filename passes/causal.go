package passes

import (
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// causal recognises the mask of a decoder: as an attribute it costs nothing, and half of the work need not be done. Where it hides keys by
// a finite number there must be no other mask: a row in which that one hides the rest would see them again.
var causal = []Rule{
	{"causal", "(Attention q k v mask bias? sink? scale=_ softcap=_ fill=_)", func(b *ir.Builder, m *Match) *ir.Value {
		kind := m.causalMask(m.V("q"), m.V("k"))
		if kind == "" {
			return nil
		}
		return m.rebuild(b, ir.Attrs{"causal": kind, "fill": math.Inf(-1)}, m.V("q"), m.V("k"), m.V("v"), nil, m.V("bias"), m.V("sink"))
	}},
	{"causal-dual", "(DualAttention q k v qn kn? vn? a b mask bias? c? sink? scale_p=_ scale_n=_ softcap=_ fill=_)",
		func(b *ir.Builder, m *Match) *ir.Value {
			kind := m.causalMask(m.V("q"), m.V("k"))
			if kind == "" {
				return nil
			}
			return m.rebuild(b, ir.Attrs{"causal": kind, "fill": math.Inf(-1)}, m.V("q"), m.V("k"), m.V("v"), m.V("qn"), m.V("kn"), m.V("vn"),
				m.V("a"), m.V("b"), nil, m.V("bias"), m.V("c"), m.V("sink"))
		}},
}

// A triangle is a matrix of booleans or of floats that lets row i, counted from first on, see column j when j <= i.
type triangle struct {
	rows, cols ir.Dim
	first      ir.Dim
	hides      float64 // what floats add where a key is hidden; -inf or less than hidden
}

// hidden is what a mask must add, at least, to hide a key for good: beside it no score of a number of 32 bits counts.
const hidden = -1e9

// causalMask says which causal attribute the mask is the same as: "self", "cache", or "" for none.
func (m *Match) causalMask(q, k *ir.Value) string {
	lq, lk := q.Type.Shape[q.Type.Rank()-2], k.Type.Shape[k.Type.Rank()-2]
	t, ok := m.triangle(m.V("mask"), true, lq, lk)
	if !ok {
		m.No("the mask is no triangle of %s rows and %s columns", lq, lk)
		return ""
	}
	if m.Type("mask").Elem == ir.Bool {
		t.hides = m.Root.Float("fill")
	}
	switch finite := !math.IsInf(t.hides, -1); {
	case t.hides > hidden || finite && m.V("bias") != nil:
		m.No("the mask hides by adding %v, and there may be another", t.hides)
		return ""
	case t.kind(lq, lk) == "":
		m.No("the mask begins at row %s", t.first)
	}
	return t.kind(lq, lk)
}

// kind is the causal attribute that means the same as t, "" if none does.
func (t triangle) kind(lq, lk ir.Dim) string {
	switch {
	case t.first.Is(0):
		return "self"
	case t.first.Equal(lk.Sub(lq)):
		return "cache"
	}
	return ""
}

// triangle recognises a triangle of lq rows and lk columns in v, cut from a table or computed; booleans are want where a key is seen.
func (m *Match) triangle(v *ir.Value, want bool, lq, lk ir.Dim) (t triangle, ok bool) {
	v = withoutOnes(v)
	rank := v.Type.Rank()
	if rank < 2 || !ir.Product(v.Type.Shape[:rank-2]).Is(1) {
		return t, false
	}
	rows, cols := v.Type.Shape[rank-2], v.Type.Shape[rank-1]
	switch {
	case m.data(v) != nil:
		t, ok = tableTriangle(m.data(v), want)
	case v.Is(ir.Slice) && m.data(v.Def.Args[0]) != nil:
		if t, ok = tableTriangle(m.data(v.Def.Args[0]), want); !ok {
			return t, false
		}
		start, ok1 := sliceStart(v.Def, rank-2)
		left, ok2 := sliceStart(v.Def, rank-1)
		t.first = start
		return t, ok1 && ok2 && left.Is(0) && unitSteps(v.Def.ArgAt(4)) && cutTo(rows, lq, start, t.rows) && cutTo(cols, lk, left, t.cols)
	case v.Is(ir.Where):
		return m.chosenTriangle(v.Def, lq, lk)
	default:
		t.first, ok = seenBelow(v, want)
	}
	return t, ok && rows.Equal(lq) && cols.Equal(lk)
}

// chosenTriangle recognises a choice between 0 and a number that hides.
func (m *Match) chosenTriangle(n *ir.Node, lq, lk ir.Dim) (t triangle, ok bool) {
	yes, no := n.Args[1].Const(), n.Args[2].Const()
	if yes == nil || no == nil || yes.Len() != 1 || no.Len() != 1 || !yes.Elem.IsFloat() {
		return t, false
	}
	seen, hides, want := yes.Float(0), no.Float(0), true
	if seen != 0 {
		seen, hides, want = hides, seen, false
	}
	if seen != 0 || !(hides <= hidden) {
		return t, false
	}
	t, ok = m.triangle(n.Args[0], want, lq, lk)
	t.hides = hides
	return t, ok
}

// withoutOnes looks through what puts axes of length 1 before a matrix.
func withoutOnes(v *ir.Value) *ir.Value {
	for v.Is(ir.Reshape) || v.Is(ir.Expand) {
		x := v.Def.Args[0]
		if r, s := v.Type.Rank(), x.Type.Rank(); r < 2 || s < 2 || !ir.EqualDims(v.Type.Shape[r-2:], x.Type.Shape[s-2:]) {
			break
		}
		v = x
	}
	return v
}

// tableTriangle recognises a constant: booleans, or 0 and what hides.
func tableTriangle(d *ir.Data, want bool) (t triangle, ok bool) {
	r := len(d.Shape)
	if r < 2 || d.Len() != d.Shape[r-2]*d.Shape[r-1] || d.Len() < 2 || !d.Elem.IsFloat() && d.Elem != ir.Bool {
		return t, false
	}
	cols := d.Shape[r-1]
	t = triangle{rows: ir.N(d.Shape[r-2]), cols: ir.N(cols), hides: math.Inf(-1)}
	for i := range d.Len() {
		x, seen := d.Float(i), i%cols <= i/cols
		switch {
		case d.Elem == ir.Bool && (x != 0) == (seen == want):
		case d.Elem == ir.Bool, seen && x != 0, !seen && !(x <= hidden):
			return t, false
		case !seen:
			t.hides = max(t.hides, x)
		}
	}
	return t, true
}

// seenBelow reports whether booleans, as exporters compute them by Trilu of ones or a comparison of positions, are want in row i, counted
// from first on, and column j when j <= i, and the opposite elsewhere.
func seenBelow(v *ir.Value, want bool) (first ir.Dim, ok bool) {
	if v.Def == nil {
		return first, false
	}
	n := v.Def
	switch n.Op {
	case ir.Not:
		return seenBelow(n.Args[0], !want)
	case ir.Cast:
		return seenBelow(n.Args[0], want)
	case ir.Equal:
		if d := n.Args[1].Const(); d != nil && d.Len() == 1 && d.Elem != ir.String && d.Float(0) == 0 {
			return seenBelow(n.Args[0], !want)
		}
	case ir.Trilu:
		k, known := n.ArgAt(1).ConstInts()
		return first, want && n.Int("upper") == 0 && (n.ArgAt(1) == nil || known && k[0] == 0) && allOnes(n.Args[0])
	case ir.LessOrEqual, ir.GreaterOrEqual, ir.Less, ir.Greater:
		return comparedPositions(n, want)
	}
	return first, false
}

func allOnes(v *ir.Value) bool {
	if v.Is(ir.Expand) {
		v = v.Def.Args[0]
	}
	if v.Is(ir.ConstantOfShape) {
		return v.Def.Data("value") != nil && ones(v.Def.Data("value"))
	}
	return v.Const() != nil && v.Type.Elem != ir.String && ones(v.Const())
}

// comparedPositions recognises col <= row, col < row+1 and the same written from the other side or, when want is false, their opposites.
func comparedPositions(n *ir.Node, want bool) (first ir.Dim, ok bool) {
	low, high, strict := n.Args[0], n.Args[1], n.Op == ir.Less || n.Op == ir.Greater
	if n.Op == ir.Greater || n.Op == ir.GreaterOrEqual {
		low, high = high, low
	}
	if !want { // row < col is the opposite of col <= row
		low, high, strict = high, low, !strict
	}
	col, ok1 := positions(low, 1)
	row, ok2 := positions(high, 2)
	if !ok1 || !ok2 {
		return first, false
	}
	if strict {
		row = row.Sub(ir.N(1))
	}
	return row.Sub(col), true
}

// positions is the first of the numbers that count by one along an axis, the last or the one before, the others being of length 1.
func positions(v *ir.Value, fromEnd int) (start ir.Dim, ok bool) {
	axis := v.Type.Rank() - fromEnd
	if axis < 0 || !ir.Product(v.Type.Shape).Equal(v.Type.Shape[axis]) {
		return start, false
	}
	more := ir.N(0)
	for v.Def != nil {
		n := v.Def
		switch n.Op {
		case ir.Reshape, ir.Cast:
			v = n.Args[0]
		case ir.Add:
			k, known := n.Args[1].SymbolicDims()
			if !known || len(k) != 1 {
				return start, false
			}
			v, more = n.Args[0], more.Add(k[0])
		case ir.Range:
			from, ok1 := n.Args[0].SymbolicDims()
			step, ok2 := n.Args[2].ConstInts()
			if !ok1 || !ok2 || step[0] != 1 {
				return start, false
			}
			return from[0].Add(more), true
		default:
			return start, false
		}
	}
	return start, false
}

// sliceStart is where a Slice begins on an axis.
func sliceStart(n *ir.Node, axis int) (ir.Dim, bool) {
	starts, ok := n.Args[1].SymbolicDims()
	axes, ok2 := make([]int64, len(starts)), true
	for i := range axes {
		axes[i] = int64(i)
	}
	if n.ArgAt(3) != nil {
		axes, ok2 = axesOf(n.ArgAt(3), n.TypeAt(0).Rank())
	}
	if !ok || !ok2 {
		return ir.Dim{}, false
	}
	if i := slices.Index(axes, int64(axis)); i >= 0 {
		return starts[i], true
	}
	return ir.N(0), true
}

// cutTo reports whether a piece of length got, from start on, of a table's axis of size, is all of length want wherever the program works
// at all: it is want, or want cut at the table's end.
func cutTo(got, want, start, size ir.Dim) bool {
	cut := start.Add(want).Min(size).Sub(start)
	return got.Equal(want) || got.Equal(cut) || got.Equal(cut.Max(ir.N(0)))
}

// masksJoined adds two masks of floats up: the kernels take one. Beside a score it makes no difference which are added first, unless one
// hides a key and the other calls for it as loudly.
var masksJoined = []Rule{
	{"masks-joined", `
		(Attention q k v mask bias sink? *=_)
		(DualAttention q k v qn kn? vn? a b mask bias c? sink? *=_)`, func(b *ir.Builder, m *Match) *ir.Value {
		if m.Type("mask").Elem == ir.Bool {
			return m.No("the mask is of booleans")
		}
		args := slices.Clone(m.Root.Args)
		args[m.Root.Op.ArgIndex("mask")] = b.New(ir.Add, nil, m.V("bias"), m.V("mask"))
		args[m.Root.Op.ArgIndex("bias")] = nil
		return m.rebuild(b, nil, args...)
	}},
}
