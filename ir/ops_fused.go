package ir

import (
	"maps"
	"math"
	"slices"
)

// The operators that the passes build and the code generator has kernels for. None of them is ONNX's: each is what its expansion says.
var (
	// Linear is act(x·w + b) + r: act is "", relu, gelu, gelu_tanh, silu, sigmoid or tanh.
	Linear = define(Op{Name: "Linear", Args: "x w b? r?", Attrs: "act:string=", Expand: expandLinear,
		Example: `Linear(x, w, b, r) act="gelu"`, Inputs: "x f32[n,2,3] w f32[3,4] b f32[4] r f32[n,2,4]"})

	// RoutedMatMul is x·w [E,T,N] where routes [E,T,1] are not 0, and 0 elsewhere. x is [E,T,K], or [1,T,K] for all w [E,K,N]. Not ONNX's.
	RoutedMatMul = define(Op{Name: "RoutedMatMul", Args: "x w routes", Expand: func(b *Builder, n *Node) []*Value {
		y, routes := b.New(MatMul, nil, n.Arg("x"), n.Arg("w")), n.Arg("routes")
		return b.New1(Where, nil, b.New(Equal, nil, routes, b.like(routes, 0)), b.like(y, 0), y)
	}, Example: "RoutedMatMul(x, f32[2,2,3]{1,2,3,4,5,6,7,8,9,10,11,12}, f32[2,4,1]{0,1,0,0.5,-1,0,0,0})", Inputs: "x f32[1,4,2]"})

	// Scores is cap(scale·q·kᵀ) + bias + mask, where cap(s) is softcap·tanh(s/softcap), or s when softcap is 0. q is [..., H, Lq, D]
	// and k is [..., Hkv, Lk, D], Hkv being 1 or a divisor of H (query head h uses head h·Hkv/H of k).
	//
	// A mask of floats is added; one of booleans, true where attention is allowed, puts fill where it is false. causal "self" lets query
	// i see key j when j <= i, "cache" when j <= i + Lk - Lq, as with keys of earlier steps before the new ones; window w lets it see only
	// keys less than w away. What these exclude is -inf. Types of 16 bits are multiplied in 32.
	Scores = define(Op{Name: "Scores", Args: "q k mask? bias?", Attrs: scoreAttrs, Expand: expandScores,
		Example: `Scores(q, k, m) scale=0.5 softcap=30 causal="cache"`, Inputs: "q f32[b,4,2,8] k f32[b,2,3,8] m bool[b,1,1,3]"})

	// MaskedSoftmax is exp(x) over its sum along the last axis, to which exp(sink) is added; a row of nothing but -inf gives 0. Types of
	// 16 bits are summed in 32.
	MaskedSoftmax = define(Op{Name: "MaskedSoftmax", Args: "x sink?", Expand: expandMaskedSoftmax,
		Example: "MaskedSoftmax(x, s)", Inputs: "x f32[2,3,5] s f32[2,1,1]"})

	// Attention is MaskedSoftmax(Scores(q, k, mask, bias), sink)·v, never holding the scores. v is [..., Hkv, Lk, Dv]. mask, bias and
	// sink broadcast to [..., H, Lq, Lk]; sink has one column.
	Attention = define(Op{Name: "Attention", Args: "q k v mask? bias? sink?", Attrs: scoreAttrs, Expand: expandAttention,
		Example: `Attention(q, k, v, m) scale=0.35355 causal="self"`, Inputs: "q f32[b,4,s,8] k f32[b,2,s,8] v f32[b,2,s,5] m f32[b,1,1,s]"})

	// DualAttention is a∘Attention(qp, kp, vp) - b∘Attention(qn, kn, vn) + c∘v: generalised probabilistic attention (Heo and Choi, arXiv
	// 2410.15578), differential attention (arXiv 2410.05258) and their kin. kn and vn are kp and vp when absent; qn may have fewer
	// heads, each standing for as many neighbours. a, b and c broadcast to [..., H, Lq, 1]; v's row for c is the query's own position.
	DualAttention = define(Op{Name: "DualAttention", Args: "qp kp vp qn kn? vn? a b mask? bias? c? sink?",
		Attrs:  "scale_p:float=1 scale_n:float=1 softcap:float=0 causal:string= window:int=0 fill:float=-inf",
		Expand: expandDualAttention, Example: "DualAttention(qp, k, v, qn, _, _, x, y, m) scale_p=0.5 scale_n=0.5",
		Inputs: "qp f32[b,4,s,8] k f32[b,4,s,8] v f32[b,4,s,8] qn f32[b,4,s,8] x f32[4,1,1] y f32[4,1,1] m f32[b,1,1,s]"})
)

const scoreAttrs = "scale:float=1 softcap:float=0 causal:string= window:int=0 fill:float=-inf"

func expandLinear(b *Builder, n *Node) []*Value {
	return []*Value{b.epilogue(n, b.New(MatMul, nil, n.Arg("x"), n.Arg("w")))}
}

// epilogue is act(y + b) + r for the product y of n, whose arguments and attribute these are.
func (b *Builder) epilogue(n *Node, y *Value) *Value {
	if v := n.Arg("b"); v != nil {
		y = b.New(Add, nil, y, v)
	}
	switch act := n.Str("act"); act {
	case "":
	case "relu":
		y = b.New(Relu, nil, y)
	case "gelu":
		y = b.New(Gelu, nil, y)
	case "gelu_tanh":
		y = b.New(Gelu, Attrs{"approximate": "tanh"}, y)
	case "silu":
		y = b.New(Swish, nil, y)
	case "sigmoid":
		y = b.New(Sigmoid, nil, y)
	case "tanh":
		y = b.New(Tanh, nil, y)
	default:
		refuse("no activation %q", act)
	}
	if v := n.Arg("r"); v != nil {
		y = b.New(Add, nil, y, v)
	}
	return y
}

func expandScores(b *Builder, n *Node) []*Value {
	q, k, mask, bias := n.Arg("q"), n.Arg("k"), n.Arg("mask"), n.Arg("bias")
	if q.Type.Rank() < 2 || k.Type.Rank() < 2 {
		refuse("queries %s and keys %s: matrices are wanted", q.Type, k.Type)
	}
	narrow, e := q.Type.Elem, q.Type.Elem
	if narrow.Size() < 4 { // a product may be too large for 16 bits before it is scaled
		e = F32
		q, k = b.cast(q, e), b.cast(k, e)
		if bias != nil {
			bias = b.cast(bias, e)
		}
		if mask != nil && mask.Type.Elem != Bool {
			mask = b.cast(mask, e)
		}
	}
	perm := make([]int, k.Type.Rank())
	for i := range perm {
		perm[i] = i
	}
	last := len(perm) - 1
	perm[last-1], perm[last] = last, last-1
	s := b.New(MatMul, nil, q, b.New(Transpose, Attrs{"perm": perm}, repeatHeads(b, k, heads(q))))
	if scale := n.Float("scale"); scale != 1 {
		s = b.New(Mul, nil, s, b.Scalar(e, scale))
	}
	if limit := n.Float("softcap"); limit != 0 {
		s = b.New(Tanh, nil, b.New(Div, nil, s, b.Scalar(e, limit)))
		s = b.New(Mul, nil, s, b.Scalar(e, limit))
	}
	if bias != nil {
		s = b.New(Add, nil, s, bias)
	}
	if mask != nil && mask.Type.Elem == Bool {
		s = b.New(Where, nil, mask, s, b.Scalar(e, n.Float("fill")))
	} else if mask != nil {
		s = b.New(Add, nil, s, mask)
	}
	if seen := Visible(b, n); seen != nil {
		s = b.New(Where, nil, seen, s, b.Scalar(e, math.Inf(-1)))
	}
	return []*Value{b.cast(s, narrow)}
}

// heads is the dimension before the last two, 1 if there is none.
func heads(v *Value) Dim {
	if r := v.Type.Rank(); r > 2 {
		return v.Type.Shape[r-3]
	}
	return N(1)
}

// repeatHeads lets each head of x stand as often as makes want of them.
func repeatHeads(b *Builder, x *Value, want Dim) *Value {
	have := heads(x)
	group, ok := want.Div(have)
	if have.Equal(want) || have.Is(1) || !ok {
		return x
	}
	if !group.Mul(have).Equal(want) {
		refuse("%s heads cannot serve %s", have, want)
	}
	at := x.Type.Rank() - 2 // the new axis
	before, after := x.Type.Shape[:at], x.Type.Shape[at:]
	shape := func(g Dim) *Value { return b.Dims(append(append(append([]Dim{}, before...), g), after...)...) }
	y := b.New(Expand, nil, b.New(Reshape, nil, x, shape(N(1))), shape(group))
	out := append(append([]Dim{}, before[:at-1]...), want)
	return b.New(Reshape, nil, y, b.Dims(append(out, after...)...))
}

// Visible is a matrix of booleans, what causal and window let the queries of Scores or Attention see; nil is everything.
func Visible(b *Builder, n *Node) *Value {
	causal, window := n.Str("causal"), n.Int("window")
	if causal != "" && causal != "self" && causal != "cache" {
		refuse("causal is %q; self and cache are known", causal)
	}
	if causal == "" && window == 0 {
		return nil
	}
	q, k := n.Arg("q").Type, n.Arg("k").Type
	lq, lk := q.Shape[q.Rank()-2], k.Shape[k.Rank()-2]
	first := N(0)
	if causal == "cache" {
		first = lk.Sub(lq)
	}
	one := b.Dim(N(1))
	row := b.New(Reshape, nil, b.New(Range, nil, b.Dim(first), b.Dim(first.Add(lq)), one), b.Dims(lq, N(1)))
	col := b.New(Range, nil, b.Dim(N(0)), b.Dim(lk), one)
	var seen *Value
	and := func(v *Value) {
		if seen == nil {
			seen = v
		} else {
			seen = b.New(And, nil, seen, v)
		}
	}
	if causal != "" {
		and(b.New(LessOrEqual, nil, col, row))
	}
	if window > 0 {
		w := b.Dim(N(window))
		and(b.New(Less, nil, b.New(Sub, nil, row, col), w))
		if causal == "" {
			and(b.New(Less, nil, b.New(Sub, nil, col, row), w))
		}
	}
	return seen
}

func expandMaskedSoftmax(b *Builder, n *Node) []*Value {
	x, sink := n.Arg("x"), n.Arg("sink")
	narrow, e := x.Type.Elem, x.Type.Elem
	if narrow.Size() < 4 {
		e = F32
		x = b.cast(x, e)
		if sink != nil {
			sink = b.cast(sink, e)
		}
	}
	axis := b.Vector(-1)
	top := b.New(ReduceMax, nil, x, axis)
	if sink == nil {
		empty := b.New(Equal, nil, top, b.Scalar(e, math.Inf(-1)))
		return []*Value{b.cast(b.New(Where, nil, empty, b.Scalar(e, 0), b.New(Softmax, nil, x)), narrow)}
	}
	top = b.New(Max, nil, top, sink)
	empty := b.New(Equal, nil, top, b.Scalar(e, math.Inf(-1)))
	top = b.New(Where, nil, empty, b.Scalar(e, 0), top)
	p := b.New(Exp, nil, b.New(Sub, nil, x, top))
	sum := b.New(Add, nil, b.New(ReduceSum, nil, p, axis), b.New(Exp, nil, b.New(Sub, nil, sink, top)))
	p = b.New(Div, nil, p, b.New(Where, nil, empty, b.Scalar(e, 1), sum))
	return []*Value{b.cast(p, narrow)}
}

func expandAttention(b *Builder, n *Node) []*Value {
	s := b.New(Scores, maps.Clone(n.Attrs), n.Arg("q"), n.Arg("k"), n.Arg("mask"), n.Arg("bias"))
	v := n.Arg("v")
	if v.Type.Rank() < 2 {
		refuse("values %s: matrices are wanted", v.Type)
	}
	p := s
	if seesSomething(n) {
		p = b.New(Softmax, nil, s)
	} else {
		p = b.New(MaskedSoftmax, nil, s, n.Arg("sink"))
	}
	return b.New1(MatMul, nil, p, repeatHeads(b, v, heads(n.Arg("q"))))
}

// seesSomething reports whether every query sees a key whatever the data is, so that the plain Softmax will do, except of types of 16
// bits, which it does not sum in 32.
func seesSomething(n *Node) bool {
	if n.Arg("bias") != nil || n.Arg("sink") != nil || n.Arg("q").Type.Elem.Size() < 4 {
		return false
	}
	mask := n.Arg("mask")
	finite := mask != nil && mask.Type.Elem == Bool && !math.IsInf(n.Float("fill"), 0)
	switch n.Str("causal") {
	case "":
		return (mask == nil || finite) && n.Int("window") == 0
	case "self":
		return mask == nil && n.Int("window") == 0 // the first key
	}
	return false
}

func expandDualAttention(b *Builder, n *Node) []*Value {
	branch := func(q, k, v *Value, scale float64) *Value {
		attrs := Attrs{"scale": scale, "softcap": n.Float("softcap"), "causal": n.Str("causal"), "window": n.Int("window"),
			"fill": n.Float("fill")}
		return b.New(Attention, attrs, q, k, v, n.Arg("mask"), n.Arg("bias"), n.Arg("sink"))
	}
	or := func(v, w *Value) *Value {
		if v == nil {
			return w
		}
		return v
	}
	q, k, v := n.Arg("qp"), n.Arg("kp"), n.Arg("vp")
	y := b.New(Mul, nil, n.Arg("a"), branch(q, k, v, n.Float("scale_p")))
	neg := branch(n.Arg("qn"), or(n.Arg("kn"), k), or(n.Arg("vn"), v), n.Float("scale_n"))
	neg = repeatHeads(b, neg, heads(q))
	y = b.New(Sub, nil, y, b.New(Mul, nil, n.Arg("b"), neg))
	if c := n.Arg("c"); c != nil {
		y = b.New(Add, nil, y, b.New(Mul, nil, c, b.OwnValues(n)))
	}
	return []*Value{y}
}

// OwnValues are the values at the positions of the queries of n, a DualAttention, for each of its heads.
func (b *Builder) OwnValues(n *Node) *Value {
	q, v := n.Arg("qp").Type, n.Arg("vp")
	row := v.Type.Rank() - 2
	lq, lk := q.Shape[q.Rank()-2], v.Type.Shape[row]
	switch {
	case n.Str("causal") == "cache":
		own := slices.Clone(v.Type.Shape)
		own[row] = lq
		v = b.New(Reshape, nil, b.New(Slice, nil, v, b.Dims(lk.Sub(lq)), b.Dims(lk), b.Vector(-2)), b.Dims(own...))
	case lq.IsConst() && lk.IsConst() && !lq.Equal(lk):
		refuse("%s queries have no values of their own among %s", lq, lk)
	}
	return repeatHeads(b, v, heads(n.Arg("qp")))
}
