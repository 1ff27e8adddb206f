package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

// A grouped is a GroupQueryAttention on its way. For each of the batch, begin [B] is how many keys came before the new ones: its keys stand
// at the front of past and present, whatever the length of these, and what stands behind them is not defined.
type grouped struct {
	attending
	past, pastValue       *ir.Value
	present, presentValue *ir.Value
	shared, window        int64     // heads of keys, and how many of them a query sees
	ends, begin, total    *ir.Value // as int64: ends [B] are lengths with the new keys, total is that of the longest
}

func (s *steps) groupQueryAttention() []*ir.Value {
	g := &grouped{attending: attending{steps: s, attrs: ir.Attrs{}}}
	s.fixed("sliding_window_cache", 0)
	s.plainCache()
	g.sides()
	g.lengths()
	g.normalise()
	if s.n.takeInt("do_rotary", 0) != 0 {
		g.rotate()
	}
	s.n.take("rotary_interleaved")
	g.remember()
	g.see()
	g.sinks()
	g.attrs["softcap"] = s.n.takeFloat("softcap", 0)
	y := g.attend()
	return []*ir.Value{y, g.present, g.presentValue, g.shown()}
}

// plainCache makes an error of keys and values that are kept in few bits.
func (s *steps) plainCache() {
	for _, attr := range []string{"k_quant_type", "v_quant_type"} {
		if kind, ok := s.n.take(attr).(string); ok && kind != "NONE" && kind != "" {
			s.fail("%s=%q is not supported", attr, kind)
		}
	}
	s.n.take("kv_cache_bit_width")
	s.absent(12, 13)
}

// sides are queries, keys and values with their heads apart. They may come side by side in one tensor.
func (g *grouped) sides() {
	heads, shared := g.count("num_heads"), g.count("kv_num_heads")
	g.shared = shared
	if heads%shared != 0 {
		g.fail("%d query heads cannot share %d", heads, shared)
	}
	q, k, v := g.ranked(0, 3), g.n.input(1), g.n.input(2)
	if g.err != nil {
		return
	}
	if k == nil && v == nil {
		each, _ := g.share(q.Type.Shape[2], heads+2*shared)
		p := g.parts(q, 2, each.Mul(ir.N(int(heads))), each.Mul(ir.N(int(shared))), each.Mul(ir.N(int(shared))))
		q, k, v = p[0], p[1], p[2]
	} else {
		k, v = g.ranked(1, 3), g.ranked(2, 3)
	}
	g.q, g.k, g.v = g.split(q, heads), g.split(k, shared), g.split(v, shared)
}

// lengths finds where the new keys belong. Of a prompt shorter than the longest the rest is padding; that it begins at 0 is told by the
// others, which are as long as there are queries.
func (g *grouped) lengths() {
	lasts, total := g.required(5), g.required(6)
	if g.past, g.pastValue = g.n.input(3), g.n.input(4); g.past != nil || g.pastValue != nil {
		g.past, g.pastValue = g.withHeads(g.ranked(3, 4), g.shared), g.withHeads(g.ranked(4, 4), g.shared)
	}
	if g.err != nil {
		return
	}
	scalar, _ := g.n.vector()
	g.total = g.new("Reshape", nil, g.cast(total, ir.I64), scalar)
	batch, queries := g.q.Type.Shape[0], g.q.Type.Shape[2]
	one := g.n.b.Dim(ir.N(1))
	g.ends = g.new("Add", nil, g.new("Reshape", nil, g.cast(lasts, ir.I64), g.n.b.Dims(batch)), one)
	if g.past != nil {
		g.begin = g.new("Max", nil, g.new("Sub", nil, g.ends, g.n.b.Dim(queries)), g.n.b.Dim(ir.N(0)))
	}
}

// normalise divides queries and keys by the root of their mean square, head by head.
func (g *grouped) normalise() {
	epsilon := g.n.takeFloat("qk_norm_epsilon", 1e-6)
	if q, k := g.n.input(14), g.n.input(15); q != nil || k != nil {
		g.q, g.k = g.rmsNormalization(g.q, g.required(14), epsilon), g.rmsNormalization(g.k, g.required(15), epsilon)
	}
}

// rotate turns queries and new keys by the angles of their places.
func (g *grouped) rotate() {
	cos, sin := g.ranked(7, 2), g.ranked(8, 2)
	if g.err != nil {
		return
	}
	attrs := ir.Attrs{"interleaved": g.n.takeInt("rotary_interleaved", 0)}
	if turned := cos.Type.Shape[1].Mul(ir.N(2)); !turned.Equal(g.q.Type.Shape[3]) {
		size, known := turned.Const()
		if !known {
			g.fail("tables of angles %s for heads of %s", cos.Type, g.q.Type.Shape[3])
		}
		attrs["rotary_embedding_dim"] = int64(size)
	}
	places := g.places()
	g.q = g.new("RotaryEmbedding", attrs, g.q, cos, sin, places)
	g.k = g.new("RotaryEmbedding", attrs, g.k, cos, sin, places)
}

// places are those of the queries [B,L]. If they are given, a prompt takes the first only, from which on it counts.
func (g *grouped) places() *ir.Value {
	if g.err != nil {
		return nil
	}
	batch, queries := g.q.Type.Shape[0], g.q.Type.Shape[2]
	row, all := g.row(queries), g.n.b.Dims(batch, queries)
	given := g.n.input(9)
	if given == nil {
		if g.begin == nil {
			return g.new("Expand", nil, row, all)
		}
		return g.new("Add", nil, g.new("Unsqueeze", nil, g.begin, g.ints(1)), row)
	}
	given = g.ranked(9, 2)
	scalar, _ := g.n.vector()
	first := g.new("Reshape", nil, g.part(g.part(given, 0, ir.N(0), ir.N(1)), 1, ir.N(0), ir.N(1)), scalar)
	counted := g.new("Expand", nil, g.new("Add", nil, row, first), all)
	if g.begin == nil || g.err != nil {
		return counted
	}
	return g.new("Where", nil, g.new("Equal", nil, g.total, g.n.b.Dim(queries)), counted, given)
}

// remember writes the new keys and values behind those of each of the batch, in a tensor that is as long as the past, or as the longest.
func (g *grouped) remember() {
	g.present, g.presentValue = g.k, g.v
	if g.past == nil || g.err != nil {
		return
	}
	rest := g.room()
	g.present = g.new("TensorScatter", nil, g.extended(g.past, rest), g.k, g.begin)
	g.presentValue = g.new("TensorScatter", nil, g.extended(g.pastValue, rest), g.v, g.begin)
	g.k, g.v = g.present, g.presentValue
	if long, known := g.longest(); known {
		g.k, g.v = g.part(g.k, 2, ir.N(0), long), g.part(g.v, 2, ir.N(0), long)
	}
}

// longest is the length of the longest of the batch, if shapes say it.
func (g *grouped) longest() (ir.Dim, bool) {
	if g.err != nil {
		return ir.Dim{}, false
	}
	long, known := g.total.SymbolicDims()
	if !known || len(long) != 1 {
		return ir.Dim{}, false
	}
	return long[0], true
}

// room is what the past lacks of the length of the present, as zeros; nil if it lacks nothing.
func (g *grouped) room() *ir.Value {
	shape := g.past.Type.Shape
	var size *ir.Value
	if long, known := g.longest(); known {
		lacking := long.Max(shape[2]).Sub(shape[2])
		if lacking.Is(0) {
			return nil
		}
		size = g.n.b.Dims(shape[0], shape[1], lacking, shape[3])
	} else {
		lacking := g.new("Max", nil, g.new("Sub", nil, g.total, g.n.b.Dim(shape[2])), g.n.b.Dim(ir.N(0)))
		size = g.new("Concat", ir.Attrs{"axis": int64(0)}, g.n.b.Dims(shape[0], shape[1]), g.new("Unsqueeze", nil, lacking, g.ints(0)), g.n.b.Dims(shape[3]))
	}
	return g.new("Expand", nil, g.like(g.past, 0), size)
}

func (s *steps) extended(past, room *ir.Value) *ir.Value {
	if room == nil {
		return past
	}
	return s.appended(past, room)
}

// see lets queries see the keys up to their own, or those of a window that ends with it, or all that there are.
func (g *grouped) see() {
	causal := g.n.takeInt("causal", 1) != 0
	g.window = g.n.takeInt("local_window_size", -1)
	if g.n.input(10) != nil {
		g.bias = g.long(g.ranked(10, 4))
	}
	switch {
	case g.err != nil:
	case !causal && g.window > 0:
		g.fail("local_window_size=%d without causal is not supported", g.window)
	case !causal:
		g.mask = g.new("Less", nil, g.numbers(), g.each(g.ends))
	case g.begin == nil:
		g.attrs["causal"] = "self"
		if g.window > 0 {
			g.attrs["window"] = g.window
		}
	default:
		g.mask = g.visible()
	}
}

// visible is what see makes of causal keys, as booleans [1 or B,1,L,M].
func (g *grouped) visible() *ir.Value {
	if g.err != nil {
		return nil
	}
	place := g.new("Unsqueeze", nil, g.row(g.q.Type.Shape[2]), g.ints(1))
	if g.begin != nil {
		place = g.new("Add", nil, g.each(g.begin), place)
	}
	keep := g.upTo(place)
	if g.window > 0 && g.err == nil {
		start := g.new("Sub", nil, place, g.n.b.Dim(ir.N(int(g.window))))
		keep = g.new("And", nil, keep, g.new("Greater", nil, g.numbers(), start))
	}
	return keep
}

// shown are the scores, with 0 for keys that are not seen, or what the softmax makes of them.
func (g *grouped) shown() *ir.Value {
	kind := g.n.takeInt("qk_output", 0)
	switch {
	case kind == 0 || g.err != nil:
		return nil
	case kind == 2:
		return g.new("MaskedSoftmax", nil, g.scores(), g.sink)
	case kind != 1:
		g.fail("qk_output=%d is not supported", kind)
		return nil
	}
	scores := g.new("Scores", ir.Attrs{"scale": g.attrs["scale"], "softcap": g.attrs["softcap"]}, g.q, g.k, nil, g.bias)
	if g.mask == nil {
		g.mask = g.visible()
	}
	return g.new("Where", nil, g.mask, scores, g.like(g.q, 0))
}

// sinks adds to the sum of each row the exponential of a number of its head, or of 0.
func (g *grouped) sinks() {
	smooth := g.n.takeInt("smooth_softmax", 0) == 1
	if sink := g.n.input(11); sink != nil {
		g.sink = g.new("Unsqueeze", nil, g.ranked(11, 1), g.ints(1, 2))
	} else if smooth {
		g.sink = g.new("Unsqueeze", nil, g.like(g.q, 0), g.ints(0, 1, 2))
	}
}
