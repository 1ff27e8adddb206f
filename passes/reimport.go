package passes

import (
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// reimport recognises what attention is written as where a format has not our operators: what their expansions are, and what masks are made
// to fit ONNX's Attention.
var reimport = []Rule{
	{"masked-softmax", "(Where (Equal (ReduceMax x a keepdims=_) #-inf) #0 (Softmax x))", func(b *ir.Builder, m *Match) *ir.Value {
		if !m.lastAxis("a", "x") {
			return m.No("the maximum is not that of rows")
		}
		return b.New(ir.MaskedSoftmax, nil, m.V("x"))
	}},
	{"masked-softmax-sink", "(Div p:(Exp (Sub x t:(Where e:(Equal u:(Max (ReduceMax x a keepdims=_) sink) #-inf) #0 u)))" +
		" (Where e #1 (Add (ReduceSum p a keepdims=_) (Exp (Sub sink t)))))", func(b *ir.Builder, m *Match) *ir.Value {
		if !m.lastAxis("a", "x") || !perRow(m.V("sink"), m.Type("x")) {
			return m.No("the maximum is not that of rows, or %s not one number for each", m.Type("sink"))
		}
		return b.New(ir.MaskedSoftmax, nil, m.V("x"), m.V("sink"))
	}},
	{"softmax-sink", "(Slice (Softmax c:(Concat x sink axis=_)) s e a? t?)\n(Slice (Softmax c:(Concat sink x axis=_)) s e a? t?)", softmaxSink},
	{"attention-sink", "(MatMul (MaskedSoftmax s:(Scores q k mask? bias? *=_) sink) v)", func(b *ir.Builder, m *Match) *ir.Value {
		if h := heads(m.V("q")); m.Type("v").Rank() < 2 || !heads(m.V("v")).Equal(h) && !heads(m.V("v")).Is(1) {
			return m.No("values %s for %s heads", m.Type("v"), h)
		}
		return b.New(ir.Attention, m.N("s").Attrs, m.V("q"), m.V("k"), m.V("v"), m.V("mask"), m.V("bias"), m.V("sink"))
	}},
	// A side of a difference that is to be uniform shares its scores with the other.
	{"scores-zero", "(Mul s:*(Scores q k scale=_) #0)", func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Scores, ir.Attrs{"scale": 0.0}, m.V("q"), m.V("k"))
	}},
	{"scores-window", "(Where w s:(Scores q k mask? bias? scale=_ softcap=_ fill=_) #-inf)", scoresWindow},
	{"mask-broadcast", `
		(Attention q k v r:*(Expand mask d) bias? sink? *=_)
		(DualAttention q k v qn kn? vn? x y r:*(Expand mask d) bias? c? sink? *=_)`, func(b *ir.Builder, m *Match) *ir.Value {
		q, k := m.Type("q"), m.Type("k")
		scores := slices.Clone(q.Shape)
		scores[len(scores)-1] = k.Shape[k.Rank()-2]
		if !fits(m.V("r"), ir.T(q.Elem, scores...)) {
			return m.No("%s is not what scores have", m.Type("r"))
		}
		args := slices.Clone(m.Root.Args)
		args[m.Root.Op.ArgIndex("mask")] = m.V("mask")
		return m.rebuild(b, nil, args...)
	}},
	{"dual-own-values", "(Add d:(DualAttention qp kp vp qn kn? vn? a b mask? bias? _ sink? *=_) (Mul c v))", ownValues},
	{"dual-repeated", differences("(Sub|Add L R)", "a", plain, "b", "r:(Reshape (Expand (Reshape "+other+" s1 allowzero=_) s2) s3 allowzero=_)"),
		func(b *ir.Builder, m *Match) *ir.Value {
			if !repeated(m.V("n"), m.V("r")) || !heads(m.V("r")).Equal(heads(m.V("p"))) {
				return m.No("the heads are not repeated one by one")
			}
			return dualAttention(b, m)
		}},
}

// softmaxSink is a softmax with one column more, in front or behind, that is cut off again: who attends to nothing attends to that.
func softmaxSink(b *ir.Builder, m *Match) *ir.Value {
	x, sink, c := m.V("x"), m.V("sink"), m.N("c")
	if !alongLast(c) || !perRow(sink, x.Type) || !x.Type.Ranked() {
		return m.No("%s is no column beside %s", sink.Type, x.Type)
	}
	axes, ok := axesOf(m.V("a"), x.Type.Rank())
	start, ok2 := m.V("s").ConstInts()
	first := int64(0)
	if c.Args[0] == sink {
		first = 1
	}
	if y := m.Root.Out().Type; !ok || !ok2 || !slices.Equal(axes, []int64{int64(x.Type.Rank() - 1)}) || start[0] != first || !y.Equal(x.Type) || !unitSteps(m.V("t")) {
		return m.No("it is not all but that column that is left")
	}
	if sink.Is(ir.Expand) && perRow(sink.Def.Args[0], x.Type) {
		sink = sink.Def.Args[0]
	}
	return b.New(ir.MaskedSoftmax, nil, x, sink)
}

// ownValues adds to a DualAttention the values at the queries' own positions.
func ownValues(b *ir.Builder, m *Match) *ir.Value {
	d := m.N("d")
	v := m.V("v")
	if !perRow(m.V("c"), m.Type("d")) {
		return m.No("the weight %s is not one number for a row", m.Type("c"))
	}
	lq, values := m.Type("d").Shape[m.Type("d").Rank()-2], m.Type("vp")
	lk := values.Shape[values.Rank()-2]
	cut := d.Str("causal") == "cache" && !lq.Equal(lk)
	for v != m.V("vp") {
		if x := unrepeated(v); x != nil && heads(v).Equal(heads(m.V("d"))) {
			v = x
			continue
		}
		if !cut || !v.Is(ir.Slice) {
			return m.No("the values are not those of the attention")
		}
		start, ok := sliceStart(v.Def, v.Type.Rank()-2)
		if !ok || !start.Equal(lk.Sub(lq)) || !v.Type.Shape[v.Type.Rank()-2].Equal(lq) {
			return m.No("the values are not those of the queries")
		}
		v, cut = v.Def.Args[0], false
	}
	if cut {
		return m.No("the values are not cut to those of the queries")
	}
	args := make([]*ir.Value, len(ir.DualAttention.ArgNames()))
	copy(args, d.Args)
	args[ir.DualAttention.ArgIndex("c")] = m.V("c")
	return b.New(ir.DualAttention, d.Attrs, args...)
}

// unrepeated is what v repeats the heads of; nil if it does not.
func unrepeated(v *ir.Value) *ir.Value {
	if !v.Is(ir.Reshape) || v.Type.Rank() != 4 || !v.Def.Args[0].Is(ir.Expand) || !v.Def.Args[0].Def.Args[0].Is(ir.Reshape) {
		return nil
	}
	if x := v.Def.Args[0].Def.Args[0].Def.Args[0]; repeated(x, v) {
		return x
	}
	return nil
}

// lastAxis reports whether the constant of that name is the last axis of x alone.
func (m *Match) lastAxis(name, x string) bool {
	axes, ok := axesOf(m.V(name), m.Type(x).Rank())
	return ok && len(axes) == 1 && axes[0] == int64(m.Type(x).Rank()-1)
}

// scoresWindow takes in what hides keys that are too far away, and with it those behind the query.
func scoresWindow(b *ir.Builder, m *Match) *ir.Value {
	s := m.Type("s").Shape
	lq, lk := s[len(s)-2], s[len(s)-1]
	attrs := ir.Attrs{}
	maps.Copy(attrs, m.N("s").Attrs)
	first := ir.N(0)
	var back, ahead *window
	for _, p := range conjuncts(m.V("w")) {
		w := windowOf(p, lq, lk)
		t, ok := triangle{}, false
		if w == nil {
			t, ok = m.triangle(p, true, lq, lk)
		}
		switch {
		case w != nil && w.back && back == nil:
			back = w
		case w != nil && !w.back && ahead == nil:
			ahead = w
		case ok && t.kind(lq, lk) != "" && attrs["causal"] == nil:
			attrs["causal"], first = t.kind(lq, lk), t.first
		default:
			return m.No("a part of the condition is neither a triangle nor a window")
		}
	}
	switch {
	case back == nil || !back.first.Equal(first):
		return m.No("the condition is no window, or begins elsewhere than the triangle")
	case attrs["causal"] == nil && (ahead == nil || ahead.width != back.width || !ahead.first.Is(0)):
		return m.No("the window is not the same to both sides")
	case attrs["causal"] != nil && ahead != nil:
		return m.No("there is a triangle and a window ahead")
	}
	attrs["window"] = back.width
	return b.New(ir.Scores, attrs, m.V("q"), m.V("k"), m.V("mask"), m.V("bias"))
}

// A window hides keys that are width or more away from a query, before it or behind it; row i is position i + first.
type window struct {
	first ir.Dim
	width int64
	back  bool
}

// windowOf recognises a comparison of distances with a number, nil if it is none.
func windowOf(v *ir.Value, lq, lk ir.Dim) *window {
	r := v.Type.Rank()
	if !v.Is(ir.Less) || !v.Def.Args[0].Is(ir.Sub) || r < 2 || !v.Type.Shape[r-2].Equal(lq) || !v.Type.Shape[r-1].Equal(lk) {
		return nil
	}
	width, ok := v.Def.Args[1].ConstInts()
	if !ok || len(width) != 1 || width[0] < 1 {
		return nil
	}
	from, to := v.Def.Args[0].Def.Args[0], v.Def.Args[0].Def.Args[1]
	back := true
	row, ok1 := positions(from, 2)
	col, ok2 := positions(to, 1)
	if !ok1 || !ok2 {
		back = false
		col, ok1 = positions(from, 1)
		row, ok2 = positions(to, 2)
	}
	if !ok1 || !ok2 {
		return nil
	}
	return &window{row.Sub(col), width[0], back}
}

// conjuncts are the conditions that must all hold for v to hold.
func conjuncts(v *ir.Value) []*ir.Value {
	if !v.Is(ir.And) {
		return []*ir.Value{v}
	}
	return slices.Concat(conjuncts(v.Def.Args[0]), conjuncts(v.Def.Args[1]))
}

// Portable are the options for a program that is to be written as ONNX, or looked at: its weights and the rows of its tensors stay those
// of the model.
var Portable = Options{Off: []string{"fuse-qkv", "rows"}}
