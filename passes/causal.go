package passes

import (
	"math"
	"slices"
	"strings"

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
	{"causal-and", bothMasks("(Attention q k v MASK bias? sink? scale=_ softcap=_ fill=_)") + "\n" +
		bothMasks("(DualAttention q k v qn kn? vn? a b MASK bias? c? sink? scale_p=_ scale_n=_ softcap=_ fill=_)"), causalAnd},
}

// bothMasks are the spellings of a mask that lets through what two others do.
func bothMasks(form string) string {
	var lines []string
	for _, and := range []string{"*(And x y)", "*(Reshape *(And x y) d allowzero=_)"} {
		lines = append(lines, strings.ReplaceAll(form, "MASK", and), strings.ReplaceAll(form, "MASK", "*(Where "+and+" #0 #f)"))
	}
	return strings.Join(lines, "\n")
}

// causalAnd leaves of a mask, a part of which is causal and maybe another a window, the other parts: often one row for all queries.
func causalAnd(b *ir.Builder, m *Match) *ir.Value {
	q, k, at := m.V("q"), m.V("k"), m.Root.Op.ArgIndex("mask")
	lq, lk := q.Type.Shape[q.Type.Rank()-2], k.Type.Shape[k.Type.Rank()-2]
	attrs := ir.Attrs{"fill": math.Inf(-1)}
	first, rest := ir.N(0), []*ir.Value{}
	parts := slices.Concat(conjuncts(m.V("x")), conjuncts(m.V("y")))
	for _, p := range parts {
		if t, ok := m.triangle(p, true, lq, lk); ok && attrs["causal"] == nil && t.kind(lq, lk) != "" {
			attrs["causal"], first = t.kind(lq, lk), t.first
		} else {
			rest = append(rest, p)
		}
	}
	if attrs["causal"] == nil {
		return m.No("no part of the mask is a triangle of %s rows and %s columns", lq, lk)
	}
	rest = slices.DeleteFunc(rest, func(p *ir.Value) bool {
		width := m.seesBack(p, first, lq, lk)
		if width == 0 || attrs["window"] != nil {
			return false
		}
		attrs["window"] = width
		return true
	})
	if f := m.fill(at); !math.IsInf(f, -1) && (f > hiding(m.Root.Out().Type.Elem) || len(rest) > 0 || m.V("bias") != nil) {
		return m.No("hidden keys count as %v: a row of nothing else sees them all", f)
	}
	args := slices.Clone(m.Root.Args)
	args[at] = nil
	for _, p := range rest {
		if m.V("d") != nil {
			if p = m.besideHeads(b, p, m.Root.Args[at].Type); p == nil {
				return nil
			}
		}
		if args[at] != nil {
			p = b.New(ir.And, nil, args[at], p)
		}
		args[at] = p
	}
	return m.rebuild(b, attrs, args...)
}

// fill is what the mask, argument at of the root, says of hidden keys.
func (m *Match) fill(at int) float64 {
	if m.Root.Args[at].Type.Elem == ir.Bool {
		return m.Root.Float("fill")
	}
	return m.Scalar("f")
}

// seesBack is how many keys a mask lets row i see, up to that at its own place i + first, if that is all that it does, and 0 if not.
func (m *Match) seesBack(v *ir.Value, first, lq, lk ir.Dim) int64 {
	r, ok := m.regions(v, lq, lk)
	width, known := first.Sub(r.upTo).Const()
	if !ok || !known || r.uniform || v.Type.Elem != ir.Bool || r.below != 0 || r.above != 1 || width < 1 {
		return 0
	}
	return int64(width)
}

// besideHeads is a mask [B,L,M], or one that broadcasts to it, of which [B,1,L,M] was made, with an axis for heads of its own.
func (m *Match) besideHeads(b *ir.Builder, v *ir.Value, whole ir.Type) *ir.Value {
	joined := ir.T(whole.Elem, slices.Delete(slices.Clone(whole.Shape), 1, 2)...)
	if s := v.Type.Shape; whole.Rank() == 4 && whole.Shape[1].Is(1) && len(s) == 3 && fits(v, joined) {
		return m.reshape(b, v, ir.T(v.Type.Elem, s[0], ir.N(1), s[1], s[2]))
	}
	return m.No("%s is not a mask %s without its axis of heads", v.Type, whole)
}

// hidden is what a mask must add, at least, to hide a key for good: beside it no score of a number of 32 bits counts.
const hidden = -1e9

// hiding is hidden for numbers of type e. The lowest of 16 bits is enough: a sum with it that is less is -inf.
func hiding(e ir.Elem) float64 {
	if e == ir.F16 {
		return -6e4
	}
	return hidden
}

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
	case t.hides > hiding(m.Root.Out().Type.Elem) || finite && m.V("bias") != nil:
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

// forKernels is what the kernels of attention do not do. They take one mask of floats: beside a score it makes no difference which of two
// are added first, unless one hides a key and the other calls for it as loudly. And the query's own value is added behind them.
var forKernels = []Rule{
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
	{"own-values-apart", "(DualAttention q k v qn kn? vn? a b mask? bias? c sink? *=_)", func(b *ir.Builder, m *Match) *ir.Value {
		args := slices.Clone(m.Root.Args)
		args[m.Root.Op.ArgIndex("c")] = nil
		return b.New(ir.Add, nil, m.rebuild(b, nil, args...), b.New(ir.Mul, nil, m.V("c"), b.OwnValues(m.Root)))
	}},
}
