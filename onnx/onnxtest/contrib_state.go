package onnxtest

import "github.com/gpamc/gpamc/onnx/pb"

// contribStates are operators that keep a state from call to call, and what goes with them.
func contribStates() []Sample {
	r := newSampler("contribstates")
	x, gate, scale := r.floats("x", 2, 3, 8), r.floats("gate", 2, 3, 8), r.floats("Scale", 8)
	sizes := []string{"x batch,seq,8", "y batch,seq,8", "gate batch,seq,8", "row batch,seq,1"}
	of := func(name, node string, args []*pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		return trial{name: name, node: Node(node, attrs...), args: args, sizes: sizes}
	}
	list := func(ts ...*pb.TensorProto) []*pb.TensorProto { return ts }
	conv := func(name, args string, operands []*pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		return trial{name: "causal-conv-" + name, node: Node("y, z = com.microsoft::CausalConvWithState("+args+")", attrs...), args: operands,
			sizes: []string{"x batch,4,seq", "past batch,4,2"}}
	}
	signal, w := r.floats("x", 2, 4, 5), r.floats("W", 4, 1, 3)
	return append(samples(
		of("gated-add", "z = com.microsoft::GatedAdd(x, y, row)", list(x, r.floats("y", 2, 3, 8), r.floats("row", 2, 3, 1))),
		of("gated-rms-norm", "z = com.microsoft::GatedRMSNorm(x, Scale, gate)", list(x, scale, gate)),
		of("gated-rms-norm-heads", "z = com.microsoft::GatedRMSNorm(x, Scale, gate)", list(x, r.floats("Scale", 4), gate), Attr("epsilon", 0.01)),
		conv("plain", "x, W", list(signal, w)),
		conv("past", "x, W, B, past", list(signal, w, r.floats("B", 4), r.floats("past", 2, 4, 2)), Attr("activation", "silu")),
	), contribLinearAttentions(r)...)
}

// contribLinearAttentions are LinearAttention by each rule.
func contribLinearAttentions(r sampler) []Sample {
	args := map[string]*pb.TensorProto{
		"q": r.floats("q", 2, 3, 8), "k": r.floats("k", 2, 3, 8), "v": r.floats("v", 2, 3, 8), "past": r.floats("past", 2, 2, 4, 4),
		"decay": r.floats("decay", 2, 3, 2), "beta": r.floats("beta", 2, 3, 2), "decays": r.floats("decays", 2, 3, 8),
	}
	sizes := []string{"q batch,seq,8", "k batch,seq,8", "v batch,seq,8", "past batch,2,4,4", "decay batch,seq,2", "decays batch,seq,8", "beta batch,seq,2"}
	var out []Sample
	for _, t := range []struct {
		name, rule, args string
		attrs            []*pb.AttributeProto
	}{
		{"linear", "linear", "q, k, v, past", nil},
		{"gated", "gated", "q, k, v, past, decay", []*pb.AttributeProto{Attr("scale", 0.3)}},
		{"gated-keys", "gated", "q, k, v, past, decays", nil},
		{"delta", "delta", "q, k, v, past, , beta", nil},
		{"gated-delta", "gated_delta", "q, k, v, past, decay, beta", nil},
		{"no-past", "gated_delta", "q, k, v, , decay, beta", nil},
	} {
		attrs := append(t.attrs, Attr("q_num_heads", 2), Attr("kv_num_heads", 2), Attr("update_rule", t.rule))
		trial := trial{name: "linear-attention-" + t.name, node: Node("y, z = com.microsoft::LinearAttention("+t.args+")", attrs...), sizes: sizes}
		for _, name := range list(t.args) {
			if name != "" {
				trial.args = append(trial.args, args[name])
			}
		}
		out = append(out, trial.sample())
	}
	return out
}
