package passes

import (
	"math"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// spelled brings scores to the form that attention absorbs: detours by way of other shapes, and arithmetic between them and the softmax.
var spelled = []Rule{
	// Scores are numbers unless queries or keys are not, or their product overflows, and then a softmax of them says nothing either.
	{"scores-finite", finite("(Cast V to=_)") + "\n" + finite("V"), func(b *ir.Builder, m *Match) *ir.Value {
		for _, name := range []string{"z0", "z1", "z2"} {
			if d := m.V(name).Const(); d == nil || d.Len() != 1 || d.Float(0) != 0 {
				return m.No("it is not compared with 0")
			}
		}
		for _, name := range []string{"high", "low"} {
			if d := m.V(name).Const(); d == nil || d.Len() != 1 || math.Abs(d.Float(0)) < -hiding(m.Type("s").Elem) {
				return m.No("an infinity becomes a number that others may be greater than")
			}
		}
		return m.V("s")
	}},
	{"scores-negated", "(Neg s:*(Scores q k scale=_))", func(b *ir.Builder, m *Match) *ir.Value {
		if m.g.uses[m.V("s")] > 2 {
			return m.No("the scores are used more than twice")
		}
		return b.New(ir.Scores, ir.Attrs{"scale": -m.N("s").Float("scale")}, m.V("q"), m.V("k"))
	}},
	{"scores-scale-mask", "(Mul s:(Scores q k mask bias? scale=_) #c)", func(b *ir.Builder, m *Match) *ir.Value {
		if m.Type("mask").Elem == ir.Bool || !(m.Scalar("c") > 0) {
			return m.No("the mask cannot be scaled")
		}
		bias := m.V("bias")
		if bias != nil {
			bias = b.New(ir.Mul, nil, bias, m.V("c"))
		}
		return b.New(ir.Scores, ir.Attrs{"scale": m.times(m.N("s").Float("scale"), "c")}, m.V("q"), m.V("k"), b.New(ir.Mul, nil, m.V("mask"), m.V("c")), bias)
	}},
	{"scores-windows", "(Reshape (Add (Reshape s:(Scores q k mask? scale=_ softcap=_) d1 allowzero=_) w) d2 allowzero=_)", scoresWindows},
	{"keys-merged", "(MatMul q *(Reshape t:*(Transpose k perm=_) d allowzero=_))", func(b *ir.Builder, m *Match) *ir.Value {
		kt := m.Root.Args[1]
		perm := slices.Clone(permOf(m.N("t")))
		last := len(perm) - 1
		if last != 3 || !cutFirst(kt.Type, m.Type("t")) || perm[last-1] != int64(last) {
			return m.No("it is no batch of transposed keys with two axes put together")
		}
		perm[last-1], perm[last] = perm[last], perm[last-1]
		s := kt.Type.Shape
		k := m.reshape(b, b.New(ir.Transpose, ir.Attrs{"perm": perm}, m.V("k")), ir.T(kt.Type.Elem, s[0], s[2], s[1]))
		return b.New(ir.MatMul, nil, m.V("q"), b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 2, 1}}, k))
	}},
}

// finite is torch.nan_to_num of scores: what tells infinities apart may need another type.
func finite(infinite string) string {
	one := "(Where (IsNaN s:(Scores q k scale=_)) z0 s)"
	two := "(Where (And (IsInf " + strings.Replace(infinite, "V", "y1:"+one, 1) + ") (Greater y1 z1)) high y1)"
	return "(Where (And (IsInf " + strings.Replace(infinite, "V", "y2:"+two, 1) + ") (Less y2 z2)) low y2)"
}

// scoresWindows adds to the scores [b·w,h,l,m] of windows w masks, for which they are seen as [b,w,h,l,m] meanwhile: the masks are repeated.
func scoresWindows(b *ir.Builder, m *Match) *ir.Value {
	s, w, y := m.Type("s"), m.Type("w"), m.Root.Out().Type
	wide := m.Root.TypeAt(0)
	if !ir.EqualDims(y.Shape, s.Shape) || s.Rank() != 4 || wide.Rank() != 5 || !ir.EqualDims(wide.Shape[2:], s.Shape[1:]) || w.Rank() != 5 || w.Elem != s.Elem {
		return m.No("%s is not %s with its first axis cut in two", wide, s)
	}
	masks := append(slices.Clone(wide.Shape[:2]), w.Shape[2:]...)
	all := b.New(ir.Expand, nil, m.V("w"), b.Dims(masks...))
	all = m.reshape(b, all, ir.T(w.Elem, append([]ir.Dim{s.Shape[0]}, w.Shape[2:]...)...))
	return b.New(ir.Add, nil, m.V("s"), all)
}
