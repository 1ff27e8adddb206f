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

// trial is one of the nodes given, the last of domain com.microsoft or the one before those with after.
func (p *pool) trial(name, node string, attrs ...*pb.AttributeProto) trial {
	return p.chain(name, nil, Node(node, attrs...), nil)
}

// chain is a trial with nodes before and after.
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
	return slices.Concat(multiHead(), merged(), grouped(), rotary())
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

// merged are attentions that compute queries, keys and values themselves.
func merged() []Sample {
	p := &pool{sampler: newSampler("merged"), sizes: []string{
		"x batch,seq,6", "past 2,batch,2,past,4", "lengths batch", "ends 2*batch", "mask batch,seq", "some batch,seq", "mask3 batch,seq,seq", "added batch,2,seq,seq", "maskp batch,past + seq",
	}}
	p.add(p.floats("x", 2, 3, 6), p.floats("past", 2, 2, 2, 4, 4), p.floats("Weights", 6, 24), p.floats("Bias", 24), p.floats("Wider", 6, 20),
		p.floats("Widebias", 20), p.floats("added", 2, 2, 3, 3),
		Tensor("lengths", []int32{2, 3}, 2), Tensor("ends", []int32{2, 3, 0, 1}, 4), Tensor("mask", []int32{1, 1, 0, 0, 0, 1}, 2, 3),
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

// grouped are attentions of language models, whose query heads share heads of keys. The mask says how long each of the batch is; the
// batch's dimensions and that of the past are then such that all of them fit together in other sizes, too.
func grouped() []Sample {
	p := &pool{sampler: newSampler("grouped"), sizes: []string{
		"q batch,seq,64", "k batch,seq,32", "v batch,seq,32", "qkv batch,seq,128", "q1 batch,1,64", "k1 batch,1,32", "v1 batch,1,32", "qkv1 batch,1,128",
		"pk batch,2,past,16", "pv batch,2,past,16", "mask batch,seq", "maskp batch,past + 1", "maskb batch,total", "valid batch,seq,1",
		"places batch,seq", "places1 batch,1",
	}}
	p.add(p.floats("q", 2, 3, 64), p.floats("k", 2, 3, 32), p.floats("v", 2, 3, 32), p.floats("qkv", 2, 3, 128),
		p.floats("q1", 2, 1, 64), p.floats("k1", 2, 1, 32), p.floats("v1", 2, 1, 32), p.floats("qkv1", 2, 1, 128),
		p.floats("pk", 2, 2, 4, 16), p.floats("pv", 2, 2, 4, 16), p.floats("Cos", 16, 8), p.floats("Sin", 16, 8),
		Tensor("mask", []int32{1, 1, 1, 1, 1, 1}, 2, 3),
		Tensor("maskp", []int32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 2, 5),
		Tensor("One", []int32{1}, 1), Tensor("Axis", []int64{1}, 1), Tensor("Which", []int64{1}))
	node := func(name, mask, args string, attrs ...*pb.AttributeProto) trial {
		before := []*pb.NodeProto{
			Node("sum = ReduceSum("+mask+", Axis)", Attr("keepdims", 0)), Node("ends = Sub(sum, One)"),
			Node("shape = Shape(" + mask + ")"), Node("size = Gather(shape, Which)"), Node("total = Cast(size)", Attr("to", int(pb.TensorProto_INT32))),
		}
		return p.chain("grouped-"+name, before, Node(args, append(attrs, Attr("num_heads", 4), Attr("kv_num_heads", 2))...), nil)
	}
	return samples(
		node("prompt", "mask", "y, pk2, pv2 = com.microsoft::GroupQueryAttention(q, k, v, , , ends, total)"),
		node("step", "maskp", "y, pk2, pv2 = com.microsoft::GroupQueryAttention(q1, k1, v1, pk, pv, ends, total)"),
	)
}

// rotary are rotary embeddings.
func rotary() []Sample {
	p := &pool{sampler: newSampler("rotary"), sizes: []string{"x batch,seq,16", "apart batch,2,seq,8", "places batch,seq"}}
	p.add(p.floats("x", 2, 3, 16), p.floats("apart", 2, 2, 3, 8), p.floats("Cos", 16, 4), p.floats("Sin", 16, 4),
		p.floats("Cos2", 16, 2), p.floats("Sin2", 16, 2), Tensor("from", []int64{5}, 1), Tensor("places", []int64{4, 2, 0, 7, 8, 9}, 2, 3))
	node := func(name, args string, attrs ...*pb.AttributeProto) trial {
		return p.trial("rotary-"+name, "y = com.microsoft::RotaryEmbedding("+args+")", attrs...)
	}
	return samples(
		node("from", "x, from, Cos, Sin"),
		node("places", "x, places, Cos, Sin"),
		node("interleaved", "x, places, Cos, Sin", Attr("interleaved", 1)),
		node("part", "x, places, Cos2, Sin2", Attr("num_heads", 2), Attr("rotary_embedding_dim", 4)),
		node("apart", "apart, places, Cos, Sin"),
		node("apart-from", "apart, from, Cos, Sin", Attr("scale", 2.0)),
	)
}
