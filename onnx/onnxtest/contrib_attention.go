package onnxtest

import (
	"math"
	"slices"

	"github.com/gpamc/gpamc/onnx/pb"
)

// A pool is the tensors that trials take their arguments from, by name, and the names of their dimensions.
type pool struct {
	sampler
	tensors []*pb.TensorProto
	sizes   []string
}

// add puts tensors into the pool.
func (p *pool) add(tensors ...*pb.TensorProto) { p.tensors = append(p.tensors, tensors...) }

// trial is that of one node.
func (p *pool) trial(name, node string, attrs ...*pb.AttributeProto) trial {
	return p.chain(name, nil, Node(node, attrs...), nil)
}

// chain is a trial of a node, with others before and after it.
func (p *pool) chain(name string, before []*pb.NodeProto, node *pb.NodeProto, after []*pb.NodeProto, outputs ...string) trial {
	t := trial{name: name, node: node, before: before, after: after, outputs: outputs, sizes: p.sizes}
	for _, n := range slices.Concat(before, []*pb.NodeProto{node}, after) {
		for _, input := range n.Input {
			i := slices.IndexFunc(p.tensors, func(a *pb.TensorProto) bool { return a.GetName() == input })
			if i >= 0 && !slices.Contains(t.args, p.tensors[i]) {
				t.args = append(t.args, p.tensors[i])
			}
		}
	}
	return t
}

// lowest is what exporters hide keys by: beside it no score counts.
const lowest = -math.MaxFloat32

// contribAttention are attentions, and what turns their queries and keys.
func contribAttention() []Sample {
	return slices.Concat(multiHead(), decoder(), merged(), quantized(), grouped(), rotary())
}

// multiHead are attentions of queries, keys and values that were computed before. The masks mask and mask3 hide all keys from a query if
// it sees only what is before it, or in any case; then a filter of -10000 leaves too few digits of the scores to compare.
func multiHead() []Sample {
	p := &pool{sampler: newSampler("multihead"), sizes: []string{
		"q batch,seq,8", "k batch,seq,8", "v batch,seq,8", "kc batch,keys,8", "vc batch,keys,12", "pk batch,2,past,4", "pv batch,2,past,4",
		"kh batch,2,keys,4", "vh batch,2,keys,4", "lengths batch", "sums 3*batch + 2", "mask batch,seq", "none batch,seq", "some batch,seq", "mask3 batch,seq,seq", "added 1,2,seq,seq", "addeach batch,1,seq,seq",
		"maskp batch,past + seq", "somep batch,past + seq", "addedp batch,2,seq,past + seq",
	}}
	p.add(p.floats("q", 2, 3, 8), p.floats("k", 2, 3, 8), p.floats("v", 2, 3, 8), p.floats("kc", 2, 5, 8), p.floats("vc", 2, 5, 12),
		p.floats("pk", 2, 2, 4, 4), p.floats("pv", 2, 2, 4, 4), p.floats("kh", 2, 2, 5, 4), p.floats("vh", 2, 2, 5, 4),
		p.floats("Bias", 24), p.floats("Wider", 28),
		Tensor("lengths", []int32{2, 3}, 2), Tensor("mask", []int32{1, 1, 0, 0, 0, 1}, 2, 3), Tensor("none", []int32{0, 0, 0, 1, 0, 1}, 2, 3),
		Tensor("some", []int32{1, 1, 0, 1, 0, 1}, 2, 3), Tensor("somep", []int32{1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1}, 2, 7),
		Tensor("mask3", []int32{1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, 2, 3, 3),
		Tensor("maskp", []int32{1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1}, 2, 7),
		Tensor("sums", []int32{2, 3, 0, 3, 6, 0, 2, 5}, 8),
		p.floats("added", 1, 2, 3, 3), p.floats("addeach", 2, 1, 3, 3), p.floats("addedp", 2, 2, 3, 7))
	node := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("multi-head-"+name, args, append(attrs, Attr("num_heads", 2))...)
	}
	filter, causal, light := Attr("mask_filter_value", lowest), Attr("unidirectional", 1), Attr("mask_filter_value", -50.0)
	return samples(
		node("plain", "y = com.microsoft::MultiHeadAttention(q, k, v)"),
		node("scale", "y = com.microsoft::MultiHeadAttention(q, k, v)", Attr("scale", 0.3)),
		node("bias", "y = com.microsoft::MultiHeadAttention(q, k, v, Bias)"),
		node("cross", "y = com.microsoft::MultiHeadAttention(q, kc, vc, Wider)"),
		node("heads-apart", "y = com.microsoft::MultiHeadAttention(q, kh, vh)"),
		node("heads-apart-bias", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, kh, vh, Bias)"),
		node("lengths", "y = com.microsoft::MultiHeadAttention(q, k, v, , lengths)"),
		node("sums", "y = com.microsoft::MultiHeadAttention(q, k, v, , sums)"),
		node("mask", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask)"),
		node("mask-lowest", "y = com.microsoft::MultiHeadAttention(q, k, v, , none)", filter),
		node("mask-each", "y = com.microsoft::MultiHeadAttention(q, k, v, Bias, mask3)", light),
		node("added", "y = com.microsoft::MultiHeadAttention(q, k, v, , , added)"),
		node("added-mask", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask, addeach)"),
		node("added-mask-lowest", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask, addeach)", filter),
		node("causal", "y = com.microsoft::MultiHeadAttention(q, k, v)", causal),
		node("causal-mask", "y = com.microsoft::MultiHeadAttention(q, k, v, , some)", causal),
		node("causal-mask-light", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask)", causal, light),
		node("causal-mask-lowest", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask)", causal, filter),
		node("causal-mask-each", "y = com.microsoft::MultiHeadAttention(q, k, v, , mask3)", causal, light),
		node("causal-cross", "y = com.microsoft::MultiHeadAttention(q, kc, vc)", causal),
		node("present", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, k, v)"),
		node("past", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, k, v, Bias, , , pk, pv)"),
		node("past-causal", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, k, v, , , , pk, pv)", causal),
		node("past-mask", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, k, v, , somep, addedp, pk, pv)", causal),
		node("past-mask-lowest", "y, pk2, pv2 = com.microsoft::MultiHeadAttention(q, k, v, , maskp, , pk, pv)", causal, filter),
		node("scores", "y, , , qk = com.microsoft::MultiHeadAttention(q, k, v, , mask)"),
	)
}

// decoder are attentions of one new query, with room for its keys and values in those of earlier steps.
func decoder() []Sample {
	p := &pool{sampler: newSampler("decoder"), sizes: []string{
		"q batch,1,8", "k batch,1,8", "v batch,1,8", "pk batch,2,room,4", "pv batch,2,room,4", "kh batch,2,keys,4", "vh batch,2,keys,4",
		"mask batch,5", "maskh batch,keys", "added 1,2,1,5",
	}}
	p.add(p.floats("q", 2, 1, 8), p.floats("k", 2, 1, 8), p.floats("v", 2, 1, 8), p.floats("pk", 2, 2, 7, 4), p.floats("pv", 2, 2, 7, 4),
		p.floats("kh", 2, 2, 5, 4), p.floats("vh", 2, 2, 5, 4), p.floats("Bias", 24), p.floats("added", 1, 2, 1, 5), Tensor("Length", []int32{4}, 1),
		Tensor("mask", []int32{1, 1, 0, 1, 1, 1, 0, 0, 0, 1}, 2, 5), Tensor("maskh", []int32{1, 1, 0, 1, 1, 0, 0, 0, 0, 0}, 2, 5))
	node := func(name, outputs, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("decoder-"+name, outputs+" = com.microsoft::DecoderMaskedMultiHeadAttention("+args+")", append(attrs, Attr("num_heads", 2))...)
	}
	shared, scores := Attr("past_present_share_buffer", 1), Attr("output_qk", 1)
	return samples(
		node("shared", "y, pk2, pv2", "q, k, v, , , pk, pv, Length", shared),
		node("shared-mask", "y, pk2, pv2", "q, k, v, mask, added, pk, pv, Length, , , Bias", shared, Attr("scale", 0.3)),
		node("shared-scores", "y, pk2, pv2, qk", "q, k, v, , added, pk, pv, Length", shared, scores),
		node("cross", "y", "q, kh, vh"),
		node("cross-mask", "y", "q, kh, vh, maskh", Attr("mask_filter_value", lowest)),
		node("cross-scores", "y, , , qk", "q, kh, vh", scores),
	)
}

// quantized are attentions of bytes.
func quantized() []Sample {
	p := &pool{sampler: newSampler("quantized"), sizes: []string{"x batch,seq,6", "mask batch,seq", "lengths batch", "past 2,batch,2,past,4", "maskp batch,past + seq"}}
	bytes := func(name string, dims ...int64) *pb.TensorProto {
		v := make([]uint8, size(dims))
		for i := range v {
			v[i] = uint8(p.IntN(256))
		}
		return Tensor(name, v, dims...)
	}
	scales := make([]float32, 24)
	for i := range scales {
		scales[i] = 0.005 + 0.001*float32(i%5)
	}
	p.add(bytes("x", 2, 3, 6), bytes("Weights", 6, 24), p.floats("Bias", 24), Tensor("Xscale", []float32{0.02}), Tensor("Scale", []float32{0.01}, 1),
		Tensor("Xzero", []uint8{128}), Tensor("Zero", []uint8{120}, 1), Tensor("Scales", scales, 24), bytes("Zeros", 24),
		p.floats("past", 2, 2, 2, 4, 4), Tensor("mask", []int32{1, 1, 0, 1, 0, 1}, 2, 3), Tensor("lengths", []int32{2, 3}, 2),
		Tensor("maskp", []int32{1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1}, 2, 7))
	node := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("q-attention-"+name, "y"+args, append(attrs, Attr("num_heads", 2))...)
	}
	causal := Attr("unidirectional", 1)
	return samples(
		node("plain", " = com.microsoft::QAttention(x, Weights, Bias, Xscale, Scale, , Xzero, Zero)"),
		node("columns", " = com.microsoft::QAttention(x, Weights, Bias, Xscale, Scales, lengths, Xzero, Zeros)"),
		node("mask", " = com.microsoft::QAttention(x, Weights, Bias, Xscale, Scale, mask, Xzero, Zero)", causal),
		node("past", ", p = com.microsoft::QAttention(x, Weights, Bias, Xscale, Scale, maskp, Xzero, Zero, past)", causal, Attr("mask_filter_value", lowest)),
	)
}

// merged are attentions that compute queries, keys and values themselves.
func merged() []Sample {
	p := &pool{sampler: newSampler("merged"), sizes: []string{
		"x batch,seq,6", "past 2,batch,2,past,4", "lengths batch", "nothing batch,1", "ends 2*batch", "mask batch,seq", "some batch,seq", "mask3 batch,seq,seq", "added batch,2,seq,seq", "maskp batch,past + seq",
	}}
	p.add(p.floats("x", 2, 3, 6), p.floats("past", 2, 2, 2, 4, 4), p.floats("Weights", 6, 24), p.floats("Bias", 24), p.floats("Wider", 6, 20),
		p.floats("Widebias", 20), p.floats("added", 2, 2, 3, 3),
		Tensor("lengths", []int32{2, 3}, 2), Tensor("ends", []int32{2, 3, 0, 1}, 4), Tensor("nothing", []int32{0, 0}, 2, 1), Tensor("mask", []int32{1, 1, 0, 0, 0, 1}, 2, 3),
		Tensor("some", []int32{1, 1, 0, 1, 0, 1}, 2, 3), Tensor("mask3", []int32{1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, 2, 3, 3),
		Tensor("maskp", []int32{1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1}, 2, 7))
	node := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("attention-"+name, args, append(attrs, Attr("num_heads", 2))...)
	}
	filter, causal := Attr("mask_filter_value", lowest), Attr("unidirectional", 1)
	return samples(
		node("plain", "y = com.microsoft::Attention(x, Weights, Bias)"),
		node("scale", "y = com.microsoft::Attention(x, Weights, Bias)", Attr("scale", 0.3)),
		node("sizes", "y = com.microsoft::Attention(x, Wider, Widebias)", Attr("qkv_hidden_sizes", []int64{4, 4, 12})),
		node("lengths", "y = com.microsoft::Attention(x, Weights, Bias, lengths)"),
		node("ends", "y = com.microsoft::Attention(x, Weights, Bias, ends)"),
		node("mask", "y = com.microsoft::Attention(x, Weights, Bias, mask)"),
		node("mask-none", "y = com.microsoft::Attention(x, Weights, Bias, nothing)"),
		node("mask-each", "y = com.microsoft::Attention(x, Weights, Bias, mask3)", filter),
		node("added", "y = com.microsoft::Attention(x, Weights, Bias, mask, , added)"),
		node("causal", "y = com.microsoft::Attention(x, Weights, Bias)", causal),
		node("causal-mask", "y = com.microsoft::Attention(x, Weights, Bias, some)", causal),
		node("causal-mask-lowest", "y = com.microsoft::Attention(x, Weights, Bias, mask)", causal, filter),
		node("present", "y, p = com.microsoft::Attention(x, Weights, Bias)", causal),
		node("past", "y, p = com.microsoft::Attention(x, Weights, Bias, maskp, past)", causal, filter),
		node("past-lengths", "y, p = com.microsoft::Attention(x, Weights, Bias, lengths, past)"),
	)
}

// grouped are attentions of language models, whose query heads share heads of keys. As in their files, a mask says how long each of the
// batch is. What stands behind that is not defined, in results as in the past; here the past has zeros there, as ONNX Runtime writes them.
func grouped() []Sample {
	p := groupedPool()
	prompt := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.grouped("prompt-"+name, "mask", "y, pk2, pv2", args, attrs...)
	}
	step := func(name, mask, args string, attrs ...*pb.AttributeProto) trial {
		return p.grouped("step-"+name, mask, "y, pk2, pv2", args, attrs...)
	}
	turned, interleaved, window := Attr("do_rotary", 1), Attr("rotary_interleaved", 1), Attr("local_window_size", 2)
	padded := p.grouped("prompt-padded", "maskpad", "all, pk2, pv2", "q, k, v, , , ends, total")
	padded.after, padded.outputs = []*pb.NodeProto{Node("y = Mul(all, valid)")}, []string{"y float", "pk2 float", "pv2 float"}
	padded.args = append(padded.args, p.named("valid"))
	turnedPadded := p.grouped("prompt-padded-rotary", "maskpad", "all, , ", "qkv, , , , , ends, total, Cos, Sin", turned)
	turnedPadded.after, turnedPadded.outputs = padded.after, padded.outputs[:1]
	turnedPadded.args = append(turnedPadded.args, p.named("valid"))
	return samples(
		prompt("plain", "q, k, v, , , ends, total"),
		prompt("packed", "qkv, , , , , ends, total"),
		prompt("buffer", "q, k, v, pk3, pv3, ends, total"),
		prompt("rotary", "q, k, v, , , ends, total, Cos, Sin", turned),
		prompt("rotary-buffer", "qkv, , , pk3, pv3, ends, total, Cos, Sin", turned, interleaved),
		prompt("places", "q, k, v, , , ends, total, Cos, Sin, places", turned),
		prompt("places-buffer", "q, k, v, pk3, pv3, ends, total, Cos, Sin, places", turned),
		prompt("added", "q, k, v, , , ends, total, , , , added", Attr("scale", 0.3)),
		prompt("window", "q, k, v, , , ends, total", window),
		prompt("smooth", "q, k, v, , , ends, total", Attr("smooth_softmax", 1), Attr("softcap", 1.5)),
		prompt("sink", "q, k, v, , , ends, total, , , , , Sink"),
		prompt("all", "q, k, v, , , ends, total", Attr("causal", 0)),
		p.grouped("prompt-scores", "mask", "y, , , qk", "q, k, v, , , ends, total, , , , added", Attr("qk_output", 1), Attr("softcap", 0.8)),
		p.grouped("prompt-probabilities", "mask", "y, , , qk", "q, k, v, , , ends, total, , , , , Sink", Attr("qk_output", 2), window),
		p.grouped("step-scores", "maskp", "y, pk2, pv2, qk", "q1, k1, v1, pk, pv, ends, total", Attr("qk_output", 1), window),
		p.grouped("step-probabilities", "maskp", "y, pk2, pv2, qk", "q1, k1, v1, pk, pv, ends, total", Attr("qk_output", 2)),
		step("all", "masks", "q1, k1, v1, pks, pvs, ends, total", Attr("causal", 0)),
		padded, turnedPadded,
		step("plain", "maskp", "q1, k1, v1, pk, pv, ends, total"),
		step("packed", "maskp", "qkv1, , , pk, pv, ends, total"),
		step("lengths", "masks", "q1, k1, v1, pks, pvs, ends, total", Attr("softcap", 0.7)),
		step("buffer", "maskb", "q1, k1, v1, pk6, pv6, ends, total"),
		step("rotary", "maskp", "q1, k1, v1, pk, pv, ends, total, Cos, Sin", turned),
		step("rotary-lengths", "masks", "qkv1, , , pks, pvs, ends, total, Cos, Sin", turned, interleaved),
		step("places", "maskp", "q1, k1, v1, pk, pv, ends, total, Cos, Sin, places1", turned),
		step("added", "maskp", "q1, k1, v1, pk, pv, ends, total, , , , added1"),
		step("added-buffer", "maskb", "q1, k1, v1, pk6, pv6, ends, total, , , , added1"),
		step("window", "masks", "q1, k1, v1, pks, pvs, ends, total", window),
		step("sink", "masks", "q1, k1, v1, pks, pvs, ends, total, , , , , Sink", Attr("smooth_softmax", 1)),
		step("more", "maskm", "qm, km, vm, pkm, pvm, ends, total, Cos, Sin", turned, window),
		step("more-buffer", "maskm", "qkvm, , , pkl, pvl, ends, total"),
		step("part", "maskp", "qw, kw, vw, pkw, pvw, ends, total, Cos, Sin", turned),
		p.chain("grouped-total", nil, p.groupedNode("y, pk2, pv2", "q1, k1, v1, pk, pv, lasts, longest"), nil),
		p.chain("grouped-total-added", nil, p.groupedNode("y, pk2, pv2", "q1, k1, v1, pk6, pv6, lasts, longest, , , , added1"), nil),
	)
}

// groupedPool has four query heads and two of keys, of 16 elements, or of 32 in w. The names of those of one query end with 1, of a batch
// of one with m.
func groupedPool() *pool {
	p := &pool{sampler: newSampler("grouped"), sizes: []string{
		"q batch,seq,64", "k batch,seq,32", "v batch,seq,32", "qkv batch,seq,128", "mask batch,seq", "maskpad batch,seq", "valid batch,seq,1",
		"places batch,seq", "added 1,4,seq,seq", "pk3 batch,2,past,16", "pv3 batch,2,past,16", "pk6 batch,2,past,16", "pv6 batch,2,past,16",
		"q1 batch,1,64", "k1 batch,1,32", "v1 batch,1,32", "qkv1 batch,1,128", "pk batch,2,past,16", "pv batch,2,past,16", "pks batch,2,past,16",
		"pvs batch,2,past,16", "maskp batch,past + 1", "masks batch,past + 1", "maskb batch,total", "added1 batch,1,1,total", "places1 batch,1",
		"qm 1,seq,64", "km 1,seq,32", "vm 1,seq,32", "qkvm 1,seq,128", "pkm 1,2,past,16", "pvm 1,2,past,16", "maskm 1,past + seq",
		"qw batch,1,128", "kw batch,1,64", "vw batch,1,64", "pkw batch,2,past,32", "pvw batch,2,past,32",
	}}
	for _, shape := range []struct {
		end   string
		batch int64
		seq   int64
		size  int64
	}{{"", 2, 3, 16}, {"1", 2, 1, 16}, {"m", 1, 3, 16}, {"w", 2, 1, 32}} {
		p.add(p.floats("q"+shape.end, shape.batch, shape.seq, 4*shape.size), p.floats("k"+shape.end, shape.batch, shape.seq, 2*shape.size),
			p.floats("v"+shape.end, shape.batch, shape.seq, 2*shape.size), p.floats("qkv"+shape.end, shape.batch, shape.seq, 8*shape.size))
	}
	p.add(p.past("pk", 2, 4, 16, 4, 4), p.past("pv", 2, 4, 16, 4, 4), p.past("pks", 2, 4, 16, 4, 2), p.past("pvs", 2, 4, 16, 4, 2),
		p.past("pk3", 2, 6, 16, 3, 3), p.past("pv3", 2, 6, 16, 3, 3), p.past("pk6", 2, 6, 16, 4, 4), p.past("pv6", 2, 6, 16, 4, 4), p.past("pkm", 1, 4, 16, 4), p.past("pvm", 1, 4, 16, 4),
		p.past("pkl", 1, 9, 16, 4), p.past("pvl", 1, 9, 16, 4), p.past("pkw", 2, 4, 32, 4, 4), p.past("pvw", 2, 4, 32, 4, 4))
	p.add(p.floats("Cos", 16, 8), p.floats("Sin", 16, 8), p.floats("Sink", 4), p.floats("added", 1, 4, 3, 3), p.floats("added1", 2, 1, 1, 5),
		Tensor("mask", []int32{1, 1, 1, 1, 1, 1}, 2, 3), Tensor("maskpad", []int32{1, 1, 1, 1, 0, 0}, 2, 3),
		Tensor("valid", []float32{1, 1, 1, 1, 0, 0}, 2, 3, 1), Tensor("maskp", slices.Repeat([]int32{1}, 10), 2, 5),
		Tensor("masks", []int32{1, 1, 1, 1, 1, 1, 1, 1, 0, 0}, 2, 5), Tensor("maskb", slices.Repeat([]int32{1}, 10), 2, 5),
		Tensor("maskm", slices.Repeat([]int32{1}, 7), 1, 7), Tensor("lasts", []int32{4, 4}, 2), Tensor("longest", []int32{5}),
		Tensor("places", []int64{5, 6, 7, 1, 2, 3}, 2, 3), Tensor("places1", []int64{3, 9}, 2, 1),
		Tensor("One", []int32{1}, 1), Tensor("Axis", []int64{1}, 1), Tensor("Which", []int64{1}))
	return p
}

// past are two heads of keys, or values, of which each of the batch has so many; the rest is zeros.
func (p *pool) past(name string, batch, long, size int64, lengths ...int64) *pb.TensorProto {
	v := make([]float32, batch*2*long*size)
	for i := range v {
		row := int64(i) / size
		if row%long < lengths[row/long/2] {
			v[i] = float32(p.NormFloat64()) / 2
		}
	}
	return Tensor(name, v, batch, 2, long, size)
}

func (p *pool) named(name string) *pb.TensorProto {
	i := slices.IndexFunc(p.tensors, func(a *pb.TensorProto) bool { return a.GetName() == name })
	return p.tensors[i]
}

// grouped is a trial of a GroupQueryAttention that finds its lengths as exporters write it.
func (p *pool) grouped(name, mask, outputs, args string, attrs ...*pb.AttributeProto) trial {
	return p.chain("grouped-"+name, []*pb.NodeProto{
		Node("sum = ReduceSum("+mask+", Axis)", Attr("keepdims", 0)), Node("ends = Sub(sum, One)"),
		Node("shape = Shape(" + mask + ")"), Node("size = Gather(shape, Which)"), Node("total = Cast(size)", Attr("to", int(pb.TensorProto_INT32))),
	}, p.groupedNode(outputs, args, attrs...), nil)
}

func (p *pool) groupedNode(outputs, args string, attrs ...*pb.AttributeProto) *pb.NodeProto {
	return Node(outputs+" = com.microsoft::GroupQueryAttention("+args+")", append(attrs, Attr("num_heads", 4), Attr("kv_num_heads", 2))...)
}

// rotary are rotary embeddings.
func rotary() []Sample {
	p := &pool{sampler: newSampler("rotary"), sizes: []string{"x batch,seq,16", "long batch,seq,16", "many batch,seq", "apart batch,2,seq,8", "places batch,seq"}}
	p.add(p.floats("x", 2, 3, 16), p.floats("apart", 2, 2, 3, 8), p.floats("Cos", 16, 4), p.floats("Sin", 16, 4),
		p.floats("long", 1, 20, 16), Tensor("many", slices.Repeat([]int64{4, 2, 0, 7}, 5), 1, 20), p.floats("Cos2", 16, 2), p.floats("Sin2", 16, 2), Tensor("from", []int64{5}, 1), Tensor("places", []int64{4, 2, 0, 7, 8, 9}, 2, 3))
	node := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("rotary-"+name, "y = com.microsoft::RotaryEmbedding("+args+")", attrs...)
	}
	return samples(
		node("from", "x, from, Cos, Sin"),
		node("places", "x, places, Cos, Sin"),
		node("interleaved", "x, places, Cos, Sin", Attr("interleaved", 1)),
		node("part", "x, places, Cos2, Sin2", Attr("num_heads", 2), Attr("rotary_embedding_dim", 4)),
		node("packed", "long, many, Cos, Sin", Attr("is_packed_batching", 1), Attr("num_heads", 2)),
		node("apart", "apart, places, Cos, Sin"),
		node("apart-from", "apart, from, Cos, Sin", Attr("scale", 2.0)),
	)
}
