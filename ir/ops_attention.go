package ir

import (
	"fmt"
	"math"
)

var (
	// ONNXAttention is ONNX's Attention: softmax(cap(q·kᵀ·scale) + bias)·v, where q, k and v are [B,H,L,D], or [B,L,H·D] with q_num_heads
	// and kv_num_heads; past_key and past_value are put before k and v. cap(s) is softcap·tanh(s/softcap). bias is mask (a boolean one
	// being 0 or -inf; a short one is -inf behind its end), -inf behind the causal frontier j <= i + offset, outside of the windows, and
	// from nonpad_kv_seqlen on; offset is the length of the past, or nonpad_kv_seqlen - L. A row whose bias is all -inf gives 0.
	ONNXAttention = define(Op{Name: "ONNXAttention", Args: "q k v mask? past_key? past_value? nonpad_kv_seqlen?",
		Results: "y present_key? present_value? qk?",
		Attrs: "is_causal:int=0 kv_num_heads:int? left_window_size:int=-1 q_num_heads:int? qk_matmul_output_mode:int=0 " +
			"right_window_size:int=-1 scale:float? softcap:float=0 softmax_precision:int?",
		Expand: expandONNXAttention, Example: "ONNXAttention(q, k, v, m) is_causal=1 softcap=20",
		Inputs: "q f32[2,4,3,8] k f32[2,2,5,8] v f32[2,2,5,6] m bool[3,5]"})

	// RotaryEmbedding turns the pairs (x1, x2) of each head of x by the angles in the caches: x1·cos - x2·sin, x1·sin + x2·cos. The pairs
	// are the two halves of the first rotary_embedding_dim elements (0: all), or neighbours with interleaved. x is [B,H,L,D], or [B,L,H·D]
	// with num_heads; the caches are [B,L,D/2], or [M,D/2] looked up by position_ids [B,L].
	RotaryEmbedding = define(Op{Name: "RotaryEmbedding", Args: "x cos sin position_ids?", Attrs: "interleaved:int=0 num_heads:int? rotary_embedding_dim:int=0",
		Infer: likeX, Expand: expandRotary, Example: "RotaryEmbedding(x, c, s, p)", Inputs: "x f32[2,3,4,8] c f32[9,4] s f32[9,4] p i64[2,4]"})
)

// attention is an expansion of ONNXAttention on its way.
type attention struct {
	b       *Builder
	n       *Node
	q, k, v *Value // [B,H,L,D]
	packed  bool   // the arguments are [B,L,H·D]
}

func expandONNXAttention(b *Builder, n *Node) []*Value {
	a := &attention{b: b, n: n}
	a.unpack()
	presentKey, presentValue := a.k, a.v
	a.group()
	e := a.q.Type.Elem
	scores := a.scores()
	bias := a.bias()
	qk := scores
	if c := n.Float("softcap"); c != 0 {
		scores = b.scaled(b.New(Tanh, nil, b.scaled(scores, 1/c)), c)
	}
	if n.Int("qk_matmul_output_mode") == 1 {
		qk = scores
	}
	if bias != nil {
		scores = b.New(Add, nil, scores, bias)
	}
	if n.Int("qk_matmul_output_mode") == 2 {
		qk = scores
	}
	p := scores
	if s := Elem(n.Int("softmax_precision")); s != NoElem {
		p = b.cast(p, s)
	}
	p = b.cast(b.New(Softmax, nil, p), e)
	if bias != nil {
		top := b.New(ReduceMax, nil, bias, b.Vector(-1))
		p = b.New(Where, nil, b.New(Equal, nil, top, b.like(top, math.Inf(-1))), b.like(p, 0), p)
	}
	if n.Int("qk_matmul_output_mode") == 3 {
		qk = p
	}
	y := b.New(MatMul, nil, p, b.cast(a.v, e))
	if a.packed {
		s := y.Type.Shape
		y = b.New(Reshape, nil, b.New(Transpose, Attrs{"perm": []int64{0, 2, 1, 3}}, y), b.Dims(s[0], s[2], s[1].Mul(s[3])))
	}
	return []*Value{y, presentKey, presentValue, qk}
}

// unpack brings q, k and v to [B,H,L,D] and puts the past before k and v.
func (a *attention) unpack() {
	n, b := a.n, a.b
	a.q, a.k, a.v = n.Arg("q"), n.Arg("k"), n.Arg("v")
	rank := len(ranked(a.q))
	if rank != len(ranked(a.k)) || rank != len(ranked(a.v)) || rank != 3 && rank != 4 {
		refuse("q, k and v are %s, %s and %s: three axes each or four are wanted", a.q.Type, a.k.Type, a.v.Type)
	}
	if rank == 3 {
		if !n.Has("q_num_heads") || !n.Has("kv_num_heads") {
			refuse("%s needs q_num_heads and kv_num_heads", a.q.Type)
		}
		a.packed = true
		a.q = b.splitHeads(a.q, n.Int("q_num_heads"))
		a.k = b.splitHeads(a.k, n.Int("kv_num_heads"))
		a.v = b.splitHeads(a.v, n.Int("kv_num_heads"))
	}
	past, pastV := n.Arg("past_key"), n.Arg("past_value")
	if (past == nil) != (pastV == nil) {
		refuse("past_key and past_value go together")
	}
	if past == nil {
		return
	}
	if n.Arg("nonpad_kv_seqlen") != nil {
		refuse("nonpad_kv_seqlen says that the cache is outside, past_key that it is inside")
	}
	a.k = b.New(Concat, Attrs{"axis": 2}, past, a.k)
	a.v = b.New(Concat, Attrs{"axis": 2}, pastV, a.v)
}

// splitHeads turns [B,L,H·D] into [B,H,L,D].
func (b *Builder) splitHeads(x *Value, heads int) *Value {
	s := ranked(x)
	if heads < 1 {
		refuse("%d heads", heads)
	}
	d := b.share(s[2], N(heads))
	return b.New(Transpose, Attrs{"perm": []int64{0, 2, 1, 3}}, b.New(Reshape, nil, x, b.Dims(s[0], s[1], N(heads), d)))
}

// group repeats the heads of k and v for the query heads that share them.
func (a *attention) group() {
	r := a.b.share(a.q.Type.Shape[1], a.k.Type.Shape[1])
	a.k, a.v = a.b.repeatHeads(a.k, r), a.b.repeatHeads(a.v, r)
}

// repeatHeads repeats each head of x [B,H,L,D] r times: h0 h0 h1 h1.
func (b *Builder) repeatHeads(x *Value, r Dim) *Value {
	if r.Is(1) {
		return x
	}
	s := x.Type.Shape
	wide := b.New(Expand, nil, b.New(Unsqueeze, nil, x, b.Vector(2)), b.Dims(s[0], s[1], r, s[2], s[3]))
	return b.New(Reshape, nil, wide, b.Dims(s[0], s[1].Mul(r), s[2], s[3]))
}

// scores is q·kᵀ·scale, half of the scale on either side so that half precision does not overflow.
func (a *attention) scores() *Value {
	b := a.b
	kt := b.New(Transpose, Attrs{"perm": []int64{0, 1, 3, 2}}, a.k)
	scale := a.n.Float("scale")
	if d, ok := a.q.Type.Shape[3].Const(); !a.n.Has("scale") && ok {
		scale = 1 / math.Sqrt(float64(d))
	} else if !a.n.Has("scale") {
		root := b.New(Pow, nil, b.cast(b.Dim(a.q.Type.Shape[3]), a.q.Type.Elem), b.like(a.q, -0.25))
		return b.New(MatMul, nil, b.New(Mul, nil, a.q, root), b.New(Mul, nil, kt, root))
	}
	if scale < 0 {
		refuse("scale=%g is negative", scale)
	}
	return b.New(MatMul, nil, b.scaled(a.q, math.Sqrt(scale)), b.scaled(kt, math.Sqrt(scale)))
}

// bias is what is added to the scores, nil for nothing: mask, frontier, windows and padding in one.
func (a *attention) bias() *Value {
	b, e := a.b, a.q.Type.Elem
	mask := a.mask()
	allowed := a.allowed()
	if mask != nil && mask.Type.Elem == Bool {
		allowed, mask = b.and(allowed, mask), nil
	}
	switch {
	case allowed == nil:
		return mask
	case mask == nil:
		mask = b.Scalar(e, 0)
	}
	return b.New(Where, nil, allowed, mask, b.Scalar(e, math.Inf(-1)))
}

// mask is the mask argument, with false or -inf behind its end.
func (a *attention) mask() *Value {
	m := a.n.Arg("mask")
	if m == nil {
		return nil
	}
	if m.Type.Elem != Bool {
		m = a.b.cast(m, a.q.Type.Elem)
	}
	shape, total := ranked(m), a.k.Type.Shape[2]
	if len(shape) == 0 {
		return m
	}
	missing := total.Sub(shape[len(shape)-1])
	if c, ok := missing.Const(); missing.Is(0) || ok && c < 0 {
		return m
	}
	fill := Scalar(m.Type.Elem, 0)
	if m.Type.Elem != Bool {
		fill = Scalar(m.Type.Elem, math.Inf(-1))
	}
	pads := make([]Dim, 2*len(shape))
	pads[len(pads)-1] = missing
	return a.b.New(Pad, nil, m, a.b.Dims(pads...), a.b.Const(fill))
}

func (b *Builder) and(x, y *Value) *Value {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return b.New(And, nil, x, y)
}

// allowed says which keys each query may see: nil for all of them, else booleans that broadcast to [B,H,Lq,Lk].
func (a *attention) allowed() *Value {
	b, n := a.b, a.n
	left, right := n.Int("left_window_size"), n.Int("right_window_size")
	if left < -1 || right < -1 {
		refuse("a window of %d", min(left, right))
	}
	lq, lk := a.q.Type.Shape[2], a.k.Type.Shape[2]
	key := b.upTo(lk)
	var ok *Value
	if n.Int("is_causal") != 0 || left >= 0 || right >= 0 {
		place := b.New(Unsqueeze, nil, b.upTo(lq), b.Vector(1)) // of the query, counted as the keys are
		switch past, valid := n.Arg("past_key"), n.Arg("nonpad_kv_seqlen"); {
		case past != nil:
			place = b.New(Add, nil, place, b.Dim(ranked(past)[2]))
		case valid != nil:
			offset := b.New(Sub, nil, valid, b.Dim(lq))
			place = b.New(Add, nil, place, b.New(Unsqueeze, nil, offset, b.Vector(1, 2, 3)))
		}
		if n.Int("is_causal") != 0 {
			ok = b.New(LessOrEqual, nil, key, place)
		}
		if left >= 0 {
			ok = b.and(ok, b.New(GreaterOrEqual, nil, key, b.New(Sub, nil, place, b.Scalar(I64, float64(left)))))
		}
		if right >= 0 {
			ok = b.and(ok, b.New(LessOrEqual, nil, key, b.New(Add, nil, place, b.Scalar(I64, float64(right)))))
		}
	}
	if valid := n.Arg("nonpad_kv_seqlen"); valid != nil {
		ok = b.and(ok, b.New(Less, nil, key, b.New(Unsqueeze, nil, valid, b.Vector(1, 2, 3))))
	}
	return ok
}

// upTo is 0, 1, .. d-1.
func (b *Builder) upTo(d Dim) *Value {
	return b.New(Range, nil, b.Dim(N(0)), b.Dim(d), b.Dim(N(1)))
}

func expandRotary(b *Builder, n *Node) []*Value {
	x, cos, sin := n.Arg("x"), n.Arg("cos"), n.Arg("sin")
	shape := ranked(x)
	headAxis := int64(1)
	y := x
	switch len(shape) {
	case 3: // stays [B,L,H,D]: nothing is gained by transposing
		headAxis = 2
		heads := N(n.Int("num_heads"))
		y = b.New(Reshape, nil, x, b.Dims(shape[0], shape[1], heads, b.share(shape[2], heads)))
	case 4:
	default:
		refuse("x is %s: three or four axes are wanted", x.Type)
	}
	if ids := n.Arg("position_ids"); ids != nil {
		cos, sin = b.New(Gather, nil, cos, ids), b.New(Gather, nil, sin, ids)
	}
	cos, sin = b.New(Unsqueeze, nil, cos, b.Vector(headAxis)), b.New(Unsqueeze, nil, sin, b.Vector(headAxis))
	size := y.Type.Shape[3]
	turned := size
	if r := n.Int("rotary_embedding_dim"); r > 0 {
		turned = N(r)
	}
	if k, ok := size.Sub(turned).Const(); ok && k < 0 {
		refuse("cannot turn %s elements of heads of %s", turned, size)
	}
	out := b.rotate(y, cos, sin, turned, n.Int("interleaved") != 0)
	if !turned.Equal(size) {
		out = b.New(Concat, Attrs{"axis": -1}, out, b.part(y, turned, size, 1))
	}
	if len(shape) == 3 {
		out = b.New(Reshape, nil, out, b.Dims(shape...))
	}
	return []*Value{out}
}

// rotate turns the first size elements of x's last axis.
func (b *Builder) rotate(x, cos, sin *Value, size Dim, interleaved bool) *Value {
	half := b.share(size, N(2))
	x1, x2 := b.part(x, N(0), half, 1), b.part(x, half, size, 1)
	if interleaved {
		x1, x2 = b.part(x, N(0), size, 2), b.part(x, N(1), size, 2)
	}
	re := b.New(Sub, nil, b.New(Mul, nil, x1, cos), b.New(Mul, nil, x2, sin))
	im := b.New(Add, nil, b.New(Mul, nil, x1, sin), b.New(Mul, nil, x2, cos))
	if !interleaved {
		return b.New(Concat, Attrs{"axis": -1}, re, im)
	}
	last := b.Vector(-1)
	pairs := b.New(Concat, Attrs{"axis": -1}, b.New(Unsqueeze, nil, re, last), b.New(Unsqueeze, nil, im, last))
	s := re.Type.Shape
	return b.New(Reshape, nil, pairs, b.Dims(s[0], s[1], s[2], size))
}

// part is x[.., from:to:step].
func (b *Builder) part(x *Value, from, to Dim, step int) *Value {
	return b.New(Slice, nil, x, b.Dims(from), b.Dims(to), b.Vector(-1), b.Vector(int64(step)))
}

// Attention without a softmax, and what goes with it.
var (
	// LinearAttention keeps a state S [B,Hkv,dk,dv] that each step changes: S = exp(g)·S, r = Sᵀk, S += k⊗(β·(v - r)), y = scale·Sᵀq;
	// update_rule "linear" is without g and r, "gated" without r, "delta" without g; β is 1 where there is no r. q, k and v are
	// [B,T,H·d]; decay is [B,T,Hkv·dk] or [B,T,Hkv], beta [B,T,Hkv] or [B,T,1]; scale 0 is 1/√dk.
	LinearAttention = define(Op{Name: "LinearAttention", Args: "q k v past_state? decay? beta?", Results: "y present_state",
		Attrs: "chunk_size:int=64 kv_num_heads:int q_num_heads:int scale:float=0 update_rule:string=gated_delta", Infer: floats(inferLinearAttention, 0),
		Example: `LinearAttention(q, k, v) q_num_heads=4 kv_num_heads=2 update_rule="linear"`, Inputs: "q f32[2,3,16] k f32[2,3,8] v f32[2,3,10]"})

	// CausalConvWithState is y[t] = Σj w[j]·x[t+j-k+1] + b for each channel of x [B,C,T], w [C,1,k], then Swish if activation is "silu" or
	// "swish"; before x comes past_state [B,C,k-1], or zeros, and present_state is what the next call takes.
	CausalConvWithState = define(Op{Name: "CausalConvWithState", Args: "x w b? past_state?", Results: "y present_state", Attrs: "activation:string=none",
		Expand: expandCausalConv, Example: `CausalConvWithState(x, w) activation="silu"`, Inputs: "x f32[2,3,5] w f32[3,1,4]"})
)

func inferLinearAttention(n *Node) ([]Type, error) {
	q, k, v := n.TypeAt(0), n.TypeAt(1), n.TypeAt(2)
	if _, err := n.SameElem(0, 1, 2, 4, 5); err != nil {
		return nil, err
	}
	hq, hkv := n.Int("q_num_heads"), n.Int("kv_num_heads")
	if hkv < 1 || hq < 1 || hq%hkv != 0 {
		return nil, fmt.Errorf("%d query heads cannot share %d key heads", hq, hkv)
	}
	gated, delta := false, false
	switch rule := n.Str("update_rule"); rule {
	case "linear":
	case "gated":
		gated = true
	case "delta":
		delta = true
	case "gated_delta":
		gated, delta = true, true
	default:
		return nil, fmt.Errorf("update_rule %q", rule)
	}
	if gated != (n.Arg("decay") != nil) || delta != (n.Arg("beta") != nil) {
		return nil, fmt.Errorf("update_rule %q does not go with decay %t, beta %t", n.Str("update_rule"), n.Arg("decay") != nil, n.Arg("beta") != nil)
	}
	state := q.Elem
	if p := n.TypeAt(3).Elem; p != NoElem {
		state = p
	}
	if !q.Ranked() || !k.Ranked() || !v.Ranked() {
		return []Type{Unranked(q.Elem), Unranked(state)}, nil
	}
	if q.Rank() != 3 || k.Rank() != 3 || v.Rank() != 3 {
		return nil, fmt.Errorf("q, k and v are %s, %s and %s; three axes each are wanted", q, k, v)
	}
	dk, _ := q.Shape[2].Div(N(hq))
	dv, _ := v.Shape[2].Div(N(hkv))
	for _, r := range []Dim{q.Shape[2].Sub(dk.Mul(N(hq))), v.Shape[2].Sub(dv.Mul(N(hkv)))} {
		if r.IsConst() && !r.Is(0) {
			return nil, fmt.Errorf("%s and %s do not divide into %d and %d heads", q, v, hq, hkv)
		}
	}
	return []Type{T(q.Elem, q.Shape[0], q.Shape[1], dv.Mul(N(hq))), T(state, q.Shape[0], N(hkv), dk, dv)}, nil
}

func expandCausalConv(b *Builder, n *Node) []*Value {
	x, w, past := n.Arg("x"), n.Arg("w"), n.Arg("past_state")
	s := ranked(x)
	ws := ranked(w)
	if len(ws) != 3 || len(s) != 3 {
		refuse("x and w are %s and %s; [B,C,T] and [C,1,k] are wanted", x.Type, w.Type)
	}
	k := ws[2].Sub(N(1))
	if past == nil {
		past = b.New(Expand, nil, b.like(x, 0), b.Dims(s[0], s[1], k))
	}
	whole := b.New(Concat, Attrs{"axis": 2}, past, x)
	y := b.eachChannel(whole, w, n.Arg("b"), s[2])
	switch f := n.Str("activation"); f {
	case "none":
	case "silu", "swish":
		y = b.cast(b.New(Swish, nil, b.widened(y)), x.Type.Elem)
	default:
		refuse("activation %q", f)
	}
	present := b.New(Slice, nil, whole, b.Dims(s[2]), b.Dims(s[2].Add(k)), b.Vector(2))
	return []*Value{y, present}
}

// eachChannel is the convolution of each channel of x [B,C,size+k-1] with its own row of w [C,1,k].
func (b *Builder) eachChannel(x, w, bias *Value, size Dim) *Value {
	s, ws := x.Type.Shape, w.Type.Shape
	if channels, ok := ws[0].Const(); ok {
		return b.New(Conv, Attrs{"group": channels}, x, w, bias)
	}
	zero, one := b.Dim(N(0)), b.Dim(N(1)) // the channels not being known, as products: windows [B,C,size,k] by [C,k,1]
	from := b.New(Unsqueeze, nil, b.New(Range, nil, zero, b.Dim(size), one), b.Vector(1))
	places := b.New(Add, nil, from, b.New(Range, nil, zero, b.Dim(ws[2]), one))
	windows := b.New(Gather, Attrs{"axis": 2}, x, places)
	y := b.New(MatMul, nil, windows, b.New(Reshape, nil, w, b.Dims(s[1], ws[2], N(1))))
	y = b.New(Squeeze, nil, y, b.Vector(3))
	if bias != nil {
		y = b.New(Add, nil, y, b.New(Unsqueeze, nil, bias, b.Vector(1)))
	}
	return y
}

// widened is x in single precision at least.
func (b *Builder) widened(x *Value) *Value {
	if x.Type.Elem == F64 {
		return x
	}
	return b.cast(x, F32)
}
