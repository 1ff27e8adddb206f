package passes

import (
	"maps"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// form is the attributes of Scores and Attention, any values.
const form = " scale=_ softcap=_ causal=_ window=_ fill=_"

// attention builds Attention by absorption: Scores from a product with transposed keys, then the scales wherever they stand, the cap, the
// masks, and last the values. Every step means what the steps before meant, with one exception that all of them share: a row that is
// masked as a whole with -inf is NaN after ONNX's Softmax, and 0 after Attention.
var attention = []Rule{
	{"scores", "(MatMul q t:*(Transpose k perm=_))", func(b *ir.Builder, m *Match) *ir.Value { return scores(b, m, 1) }},
	{"scores-scaled-keys", "(MatMul q *(Mul t:*(Transpose k perm=_) #c))", func(b *ir.Builder, m *Match) *ir.Value {
		return scores(b, m, m.Scalar("c"))
	}},
	{"scores-scale", "(Mul s:(Scores q k scale=_) #c)", func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Scores, ir.Attrs{"scale": m.times(m.N("s").Float("scale"), "c")}, m.V("q"), m.V("k"))
	}},
	{"scores-scale-q", "(Scores *(Mul q #c) k mask? bias?" + form + ")", func(b *ir.Builder, m *Match) *ir.Value {
		return m.rebuild(b, ir.Attrs{"scale": m.times(m.Root.Float("scale"), "c")}, m.V("q"), m.V("k"), m.V("mask"), m.V("bias"))
	}},
	{"scores-scale-k", "(Scores q *(Mul k #c) mask? bias?" + form + ")", func(b *ir.Builder, m *Match) *ir.Value {
		return m.rebuild(b, ir.Attrs{"scale": m.times(m.Root.Float("scale"), "c")}, m.V("q"), m.V("k"), m.V("mask"), m.V("bias"))
	}},
	{"scores-softcap", "(Mul (Tanh s:(Scores q k scale=_)) #c)", func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Scores, ir.Attrs{"scale": m.times(m.N("s").Float("scale"), "c"), "softcap": m.Scalar("c")}, m.V("q"), m.V("k"))
	}},
	{"scores-mask", "(Add s:(Scores q k _ bias? scale=_ softcap=_) mask)", func(b *ir.Builder, m *Match) *ir.Value {
		if !m.maskFits() {
			return m.No("%s does not broadcast to the scores %s", m.Type("mask"), m.Type("s"))
		}
		return b.New(ir.Scores, m.N("s").Attrs, m.V("q"), m.V("k"), m.V("mask"), m.V("bias"))
	}},
	{"scores-bias", "(Add s:(Scores q k first scale=_ softcap=_) mask)", func(b *ir.Builder, m *Match) *ir.Value {
		if !m.maskFits() {
			return m.No("%s does not broadcast to the scores %s", m.Type("mask"), m.Type("s"))
		}
		return b.New(ir.Scores, m.N("s").Attrs, m.V("q"), m.V("k"), m.V("first"), m.V("mask"))
	}},
	{"scores-where", "(Where mask s:(Scores q k float? bias? scale=_ softcap=_) #f)\n(Where mask #f s:(Scores q k float? bias? scale=_ softcap=_))", scoresWhere},
	{"keys-repeated", "(Scores q r:(Reshape *(Expand *(Reshape k s1 allowzero=_) s2) s3 allowzero=_) mask? bias?" + form + ")", func(b *ir.Builder, m *Match) *ir.Value {
		if !repeated(m.V("k"), m.V("r")) || !heads(m.V("q")).Equal(heads(m.V("r"))) {
			return m.No("the keys are not repeated head by head")
		}
		return m.rebuild(b, nil, m.V("q"), m.V("k"), m.V("mask"), m.V("bias"))
	}},
	{"softmax-nan", "(Where (IsNaN p:(Softmax s:(Scores q k mask? bias?" + form + "))) #0 p)", func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.MaskedSoftmax, nil, m.V("s"))
	}},
	{"attention", "(MatMul (Softmax|MaskedSoftmax s:(Scores q k mask? bias?" + form + ")) v)", func(b *ir.Builder, m *Match) *ir.Value {
		v, h := m.V("v"), heads(m.V("q"))
		if v.Type.Rank() < 2 || !heads(v).Equal(h) && !heads(v).Is(1) {
			return m.No("values %s for %s heads", v.Type, h)
		}
		return b.New(ir.Attention, m.N("s").Attrs, m.V("q"), m.V("k"), v, m.V("mask"), m.V("bias"))
	}},
	{"values-repeated", "(Attention q k r:(Reshape *(Expand *(Reshape v s1 allowzero=_) s2) s3 allowzero=_) mask? bias? sink?" + form + ")",
		func(b *ir.Builder, m *Match) *ir.Value {
			if !repeated(m.V("v"), m.V("r")) || !heads(m.V("q")).Equal(heads(m.V("r"))) {
				return m.No("the values are not repeated head by head")
			}
			return m.rebuild(b, nil, m.V("q"), m.V("k"), m.V("v"), m.V("mask"), m.V("bias"), m.V("sink"))
		}},
}

// scores builds Scores from a product with keys that a Transpose turns, if need be with a Transpose of its own for what remains.
func scores(b *ir.Builder, m *Match, scale float64) *ir.Value {
	perm := slices.Clone(permOf(m.N("t")))
	last := len(perm) - 1
	if last < 2 || m.Type("q").Rank() < 3 || !m.Type("q").Elem.IsFloat() {
		return m.No("no batch of matrices of numbers")
	}
	if perm[last-1] != int64(last) {
		return m.No("the Transpose %v leaves the rows rows", perm)
	}
	perm[last-1], perm[last] = perm[last], perm[last-1]
	k := m.V("k")
	if !slices.IsSorted(perm) {
		k = b.New(ir.Transpose, ir.Attrs{"perm": perm}, k)
	}
	if h := heads(m.V("q")); !heads(k).Equal(h) && !heads(k).Is(1) {
		return m.No("keys %s for %s heads", k.Type, h)
	}
	return b.New(ir.Scores, ir.Attrs{"scale": scale}, m.V("q"), k)
}

// heads is the dimension before a matrix, 1 if there is none.
func heads(v *ir.Value) ir.Dim {
	if r := v.Type.Rank(); r > 2 {
		return v.Type.Shape[r-3]
	}
	return ir.N(1)
}

// rebuild is the root with other arguments and some other attributes.
func (m *Match) rebuild(b *ir.Builder, change ir.Attrs, args ...*ir.Value) *ir.Value {
	attrs := ir.Attrs{}
	maps.Copy(attrs, m.Root.Attrs)
	maps.Copy(attrs, change)
	return b.New(m.Root.Op, attrs, args...)
}

func (m *Match) maskFits() bool {
	return m.Type("mask").Elem == m.Type("s").Elem && fits(m.V("mask"), m.Type("s"))
}

// scoresWhere takes a mask of booleans in. A mask that was added before comes before, as a bias.
func scoresWhere(b *ir.Builder, m *Match) *ir.Value {
	mask, bias := m.V("mask"), m.V("bias")
	if !fits(mask, m.Type("s")) {
		return m.No("%s does not broadcast to the scores %s", mask.Type, m.Type("s"))
	}
	if before := m.V("float"); before != nil {
		if bias != nil || before.Type.Elem == ir.Bool {
			return m.No("there are masks already")
		}
		bias = before
	}
	if m.Root.Args[1] != m.V("s") {
		mask = b.New(ir.Not, nil, mask)
	}
	attrs := ir.Attrs{"fill": m.Scalar("f")}
	maps.Copy(attrs, m.N("s").Attrs)
	return b.New(ir.Scores, attrs, m.V("q"), m.V("k"), mask, bias)
}

// repeated reports whether r [B,H,L,D] is x [B,Hkv,L,D] with each head repeated, by way of [B,Hkv,1,L,D] and [B,Hkv,H/Hkv,L,D].
func repeated(x, r *ir.Value) bool {
	if x.Type.Rank() != 4 || r.Type.Rank() != 4 {
		return false
	}
	wide := r.Def.Args[0]
	thin := wide.Def.Args[0]
	xs, rs := x.Type.Shape, r.Type.Shape
	group, ok := rs[1].Div(xs[1])
	if !ok || !group.Mul(xs[1]).Equal(rs[1]) {
		return false
	}
	return ir.EqualDims(rs, []ir.Dim{xs[0], rs[1], xs[2], xs[3]}) &&
		ir.EqualDims(thin.Type.Shape, []ir.Dim{xs[0], xs[1], ir.N(1), xs[2], xs[3]}) &&
		ir.EqualDims(wide.Type.Shape, []ir.Dim{xs[0], xs[1], group, xs[2], xs[3]})
}

// unscore spells out the Scores that no Attention took in: they have no kernel of their own.
var unscore = []Rule{
	{"unscore", "(Scores q k mask? bias?" + form + ")", func(b *ir.Builder, m *Match) *ir.Value { return b.Expand(m.Root)[0] }},
}

// causal recognises the mask of a decoder, cut from a constant: as an attribute it costs nothing, and half of the work need not be done.
var causal = []Rule{
	{"causal", "(Attention q k v mask bias? sink? scale=_ softcap=_)", func(b *ir.Builder, m *Match) *ir.Value {
		kind := m.causalMask(m.V("q"), m.V("k"))
		if kind == "" {
			return nil
		}
		return m.rebuild(b, ir.Attrs{"causal": kind}, m.V("q"), m.V("k"), m.V("v"), nil, m.V("bias"), m.V("sink"))
	}},
	{"causal-dual", "(DualAttention q k v qn kn? vn? a b mask bias? c? sink? scale_p=_ scale_n=_ softcap=_)", func(b *ir.Builder, m *Match) *ir.Value {
		kind := m.causalMask(m.V("q"), m.V("k"))
		if kind == "" {
			return nil
		}
		return m.rebuild(b, ir.Attrs{"causal": kind}, m.V("q"), m.V("k"), m.V("v"), m.V("qn"), m.V("kn"), m.V("vn"), m.V("a"), m.V("b"), nil,
			m.V("bias"), m.V("c"), m.V("sink"))
	}},
}

// hidden is what a mask must add, at least, to hide a key for good: beside it no score of a number of 32 bits counts.
const hidden = -1e9

// causalMask says which causal attribute the mask is the same as: "self", "cache", or "" for none. The mask is a table of 0 and -inf (or
// numbers that hide as well), of which rows and columns are cut that belong to the positions of queries and keys.
func (m *Match) causalMask(q, k *ir.Value) string {
	mask := m.V("mask")
	lq, lk := q.Type.Shape[q.Type.Rank()-2], k.Type.Shape[k.Type.Rank()-2]
	first, ok := m.tableRows(mask, lq, lk)
	if !ok {
		return ""
	}
	switch {
	case first.Is(0):
		return "self"
	case first.Equal(lk.Sub(lq)):
		return "cache"
	}
	m.No("the mask begins at row %s", first)
	return ""
}

// tableRows finds the first row that mask shows of a causal table.
func (m *Match) tableRows(mask *ir.Value, lq, lk ir.Dim) (first ir.Dim, ok bool) {
	for mask.Is(ir.Reshape) { // leading ones
		x := mask.Def.Args[0]
		if strip := mask.Type.Rank() - 2; strip < 0 || x.Type.Rank() < 2 || !ir.EqualDims(mask.Type.Shape[strip:], x.Type.Shape[x.Type.Rank()-2:]) {
			break
		}
		mask = x
	}
	rank := mask.Type.Rank()
	if rank < 2 || !ir.Product(mask.Type.Shape[:rank-2]).Is(1) {
		m.No("the mask %s is more than one matrix", mask.Type)
		return first, false
	}
	first, rows, cols, table := ir.N(0), mask.Type.Shape[rank-2], mask.Type.Shape[rank-1], mask
	if mask.Is(ir.Slice) {
		table = mask.Def.Args[0]
		if first, ok = sliceStart(mask.Def, rank-2); !ok || !unitSteps(mask.Def.ArgAt(4)) {
			m.No("the mask's rows are not known")
			return first, false
		}
		if start, ok := sliceStart(mask.Def, rank-1); !ok || !start.Is(0) {
			m.No("the mask's columns do not begin at 0")
			return first, false
		}
	}
	if !cutTo(rows, lq, first, table.Type.Shape[rank-2]) || !cutTo(cols, lk, ir.N(0), table.Type.Shape[rank-1]) || !causalTable(m.data(table)) {
		m.No("the mask %s of %s queries and %s keys is no part of a causal table", mask.Type, lq, lk)
		return first, false
	}
	return first, true
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

// causalTable reports whether d is 0 on and under the diagonal and hides what is above.
func causalTable(d *ir.Data) bool {
	if d == nil || !d.Elem.IsFloat() {
		return false
	}
	cols := d.Shape[len(d.Shape)-1]
	for i := range d.Len() {
		row, col := i/cols, i%cols
		if x := d.Float(i); col <= row && x != 0 || col > row && !(x <= hidden || math.IsInf(x, -1)) {
			return false
		}
	}
	return d.Len() > 1
}
