package onnxtest

import (
	"slices"

	"github.com/gpamc/gpamc/onnx/pb"
)

// contribExperts are mixtures of experts.
func contribExperts() []Sample { return append(floatExperts(), packedExperts()...) }

// floatExperts are four, of which each token asks two or three.
func floatExperts() []Sample {
	r := newSampler("moe")
	x, router := r.floats("x", 2, 3, 8), r.floats("router", 6, 4)
	flat := r.floats("x", 6, 8)
	up, down := r.floats("Up", 4, 6, 8), r.floats("Down", 4, 8, 6)
	both := r.floats("Up", 4, 12, 8)
	upBias, bothBias, downBias := r.floats("UpBias", 4, 6), r.floats("UpBias", 4, 12), r.floats("DownBias", 4, 8)
	sizes, flatSizes := []string{"x batch,seq,8", "router batch * seq,4"}, []string{"x tokens,8", "router tokens,4"}
	plain := "y = com.microsoft::MoE(x, router, Up, , Down)"
	biased := "y = com.microsoft::MoE(x, router, Up, UpBias, Down, DownBias)"
	args := func(x *pb.TensorProto, weights ...*pb.TensorProto) []*pb.TensorProto {
		return slices.Concat([]*pb.TensorProto{x, router}, weights)
	}
	var ts []trial
	for _, activation := range []string{"relu", "gelu", "silu", "identity"} {
		ts = append(ts, trial{name: "moe-" + activation, node: Node(plain, Attr("k", 2), Attr("activation_type", activation)), args: args(flat, up, down), sizes: flatSizes})
	}
	ts = append(ts,
		trial{name: "moe-bias", node: Node(biased, Attr("k", 3), Attr("normalize_routing_weights", 1)), args: args(x, up, upBias, down, downBias), sizes: sizes},
		trial{name: "moe-swiglu", node: Node(biased, Attr("k", 2), Attr("activation_type", "swiglu"), Attr("swiglu_fusion", 1)),
			args: args(x, both, bothBias, down, downBias), sizes: sizes},
		trial{name: "moe-swiglu-limit", node: Node(biased, Attr("k", 2), Attr("activation_type", "swiglu"), Attr("swiglu_fusion", 1), Attr("swiglu_limit", 0.4),
			Attr("activation_alpha", 1.702), Attr("activation_beta", 1.0)), args: args(x, both, bothBias, down, downBias), sizes: sizes})
	return samples(ts...)
}

// packedExperts have weights of 32 x 32, in two blocks a row if in any: ONNX Runtime computes 8 bits in blocks with rounded inputs, so that
// there is no trial of these.
func packedExperts() []Sample {
	r := newSampler("qmoe")
	x, router, weights := r.floats("x", 2, 3, 32), r.floats("router", 6, 4), r.positive("weights", 1, 6, 4)
	upBias, downBias := r.floats("UpBias", 4, 64), r.floats("DownBias", 4, 32)
	sizes := []string{"x batch,seq,32", "router batch * seq,4", "weights batch * seq,4"}
	attrs := func(bits, block int) []*pb.AttributeProto {
		a := []*pb.AttributeProto{Attr("k", 2), Attr("expert_weight_bits", bits), Attr("activation_type", "swiglu"), Attr("swiglu_fusion", 1),
			Attr("activation_alpha", 1.702), Attr("activation_beta", 1.0), Attr("swiglu_limit", 7.0)}
		if block > 0 {
			a = append(a, Attr("block_size", block))
		}
		return a
	}
	w := func(bits int64) []*pb.TensorProto {
		return []*pb.TensorProto{x, router, r.bytes("Up", u8, 0, 255, 4, 64, 32*bits/8), r.bytes("Down", u8, 0, 255, 4, 32, 32*bits/8), upBias, downBias}
	}
	scales := func(most float32, blocks ...int64) []*pb.TensorProto {
		return []*pb.TensorProto{r.positive("UpScale", most, append([]int64{4, 64}, blocks...)...), r.positive("DownScale", most, append([]int64{4, 32}, blocks...)...)}
	}
	zeros := func(up, down []int64) []*pb.TensorProto {
		return []*pb.TensorProto{r.bytes("UpZero", u8, 0, 255, up...), r.bytes("DownZero", u8, 0, 255, down...)}
	}
	plain := "y = com.microsoft::QMoE(x, router, Up, UpScale, UpBias, Down, DownScale, DownBias)"
	zeroed := "y = com.microsoft::QMoE(x, router, Up, UpScale, UpBias, Down, DownScale, DownBias, , , , UpZero, DownZero)"
	weighted := "y = com.microsoft::QMoE(x, router, Up, UpScale, UpBias, Down, DownScale, DownBias, , , , , , , weights)"
	return samples(
		trial{name: "qmoe-4bits", node: Node(plain, attrs(4, 0)...), args: slices.Concat(w(4), scales(0.02)), sizes: sizes},
		trial{name: "qmoe-4bits-zeros", node: Node(zeroed, attrs(4, 0)...), args: slices.Concat(w(4), scales(0.02), zeros([]int64{4, 32}, []int64{4, 16})), sizes: sizes},
		trial{name: "qmoe-4bits-blocks", node: Node(plain, attrs(4, 16)...), args: slices.Concat(w(4), scales(0.02, 2)), sizes: sizes},
		trial{name: "qmoe-4bits-blocks-zeros", node: Node(zeroed, attrs(4, 16)...),
			args: slices.Concat(w(4), scales(0.02, 2), zeros([]int64{4, 64, 1}, []int64{4, 32, 1})), sizes: sizes},
		trial{name: "qmoe-8bits", node: Node(plain, attrs(8, 0)...), args: slices.Concat(w(8), scales(0.001)), sizes: sizes},
		trial{name: "qmoe-2bits-zeros", node: Node(zeroed, attrs(2, 0)...), args: slices.Concat(w(2), scales(0.1), zeros([]int64{4, 16}, []int64{4, 8})), sizes: sizes},
		trial{name: "qmoe-weights", node: Node(weighted, attrs(4, 0)...), args: slices.Concat(w(4), scales(0.02), []*pb.TensorProto{weights}), sizes: sizes},
		trial{name: "qmoe-weights-share", node: Node(weighted, append(attrs(4, 0), Attr("normalize_routing_weights", 1))...),
			args: slices.Concat(w(4), scales(0.02), []*pb.TensorProto{weights}), sizes: sizes},
	)
}
