package passes

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

const onnxAttention = " q k v mask? pk? pv? is_causal=_ kv_num_heads=_ q_num_heads=_ scale=_ softcap=_ softmax_precision=_)"

// standard turns ONNX's own Attention, of opset 23 and later, into ours: heads are cut, the past is put before keys and values, and what
// remains is the operator that kernels have.
var standard = []Rule{
	{"onnx-attention", "(ONNXAttention@0" + onnxAttention, standardAttention},
	{"onnx-present-key", "(ONNXAttention@1" + onnxAttention, func(b *ir.Builder, m *Match) *ir.Value {
		return m.present(b, "k", "pk", m.Root.Int("kv_num_heads"))
	}},
	{"onnx-present-value", "(ONNXAttention@2" + onnxAttention, func(b *ir.Builder, m *Match) *ir.Value {
		return m.present(b, "v", "pv", m.Root.Int("kv_num_heads"))
	}},
}

func standardAttention(b *ir.Builder, m *Match) *ir.Value {
	n, e := m.Root, m.Type("q").Elem
	if len(n.Results) > 3 && m.g.uses[n.Results[3]] > 0 {
		return m.No("the scores are a result")
	}
	if m.Type("k").Elem != e || m.Type("v").Elem != e {
		return m.No("the element types differ")
	}
	if s := ir.Elem(n.Int("softmax_precision")); s != ir.NoElem && (s != ir.F32 || e.Size() > 4) {
		return m.No("the softmax is to be computed in %s", s)
	}
	q := m.present(b, "q", "", n.Int("q_num_heads"))
	k, v := m.present(b, "k", "pk", n.Int("kv_num_heads")), m.present(b, "v", "pv", n.Int("kv_num_heads"))
	if q == nil || k == nil || v == nil {
		return nil
	}
	qs, ks := q.Type.Shape, k.Type.Shape
	if group, ok := qs[1].Div(ks[1]); !ok || !group.Mul(ks[1]).Equal(qs[1]) {
		return m.No("%s heads of keys do not divide %s of queries", ks[1], qs[1])
	}
	attrs := ir.Attrs{"softcap": n.Float("softcap"), "scale": n.Float("scale")}
	if d, ok := qs[3].Const(); !n.Has("scale") && ok && d > 0 {
		attrs["scale"] = shortest(e, 1/math.Sqrt(float64(d)))
	} else if !n.Has("scale") {
		return m.No("the head size %s is not known", qs[3])
	}
	if n.Int("is_causal") != 0 {
		attrs["causal"] = "self"
		if m.V("pk") != nil {
			if new := m.heads(b, "k", n.Int("kv_num_heads")); !new.Type.Shape[2].Equal(qs[2]) {
				return m.No("%s new keys for %s queries", new.Type.Shape[2], qs[2])
			}
			attrs["causal"] = "cache"
		}
	}
	if mask := m.V("mask"); mask != nil {
		scores := ir.T(mask.Type.Elem, qs[0], qs[1], qs[2], ks[2])
		r := mask.Type.Rank()
		if r < 1 || mask.Type.Elem != e && mask.Type.Elem != ir.Bool || !fits(mask, scores) || !mask.Type.Shape[r-1].Equal(ks[2]) {
			return m.No("the mask %s for scores %s", mask.Type, scores)
		}
	}
	y := b.New(ir.Attention, attrs, q, k, v, m.V("mask"))
	if m.Type("q").Rank() == 4 {
		return y
	}
	y = b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 2, 1, 3}}, y)
	return m.reshape(b, y, n.Out().Type)
}

// present is an argument [B,H,L,D], cut into heads if it comes as [B,L,H·D], after its past.
func (m *Match) present(b *ir.Builder, name, past string, count int) *ir.Value {
	x := m.heads(b, name, count)
	if x == nil || past == "" || m.V(past) == nil {
		return x
	}
	return b.New(ir.Concat, ir.Attrs{"axis": 2}, m.V(past), x)
}

func (m *Match) heads(b *ir.Builder, name string, count int) *ir.Value {
	x := m.V(name)
	s := x.Type.Shape
	switch {
	case x.Type.Rank() == 4:
		return x
	case x.Type.Rank() != 3 || count == 0:
		return m.No("%s is %s", name, x.Type)
	}
	d, ok := s[2].Div(ir.N(count))
	if !ok {
		return m.No("%s is %s", name, x.Type)
	}
	x = m.reshape(b, x, ir.T(x.Type.Elem, s[0], s[1], ir.N(count), d))
	return b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
}
