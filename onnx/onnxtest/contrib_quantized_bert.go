package onnxtest

import (
	"slices"

	"github.com/gpamc/gpamc/onnx/pb"
)

// contribQuantizedBert are attention, embedding and recurrence of bytes.
func contribQuantizedBert() []Sample {
	return slices.Concat(quantizedAttention(), quantizedEmbedding(), quantizedRecurrence())
}

// stepped are random multiples of step whose rows reach from -100 to 155, so that bytes hold them.
func (r sampler) stepped(name string, step float32, dims ...int64) *pb.TensorProto {
	v := make([]float32, size(dims))
	row := int(dims[len(dims)-1])
	for i := range v {
		n := r.IntN(256)
		switch i % row {
		case 1:
			n = 0
		case 3:
			n = 255
		}
		v[i] = step * float32(n-100)
	}
	return Tensor(name, v, dims...)
}

// quantizedRecurrence is one step of an LSTM: in more, ONNX Runtime rounds what goes from one to the next.
func quantizedRecurrence() []Sample {
	r := newSampler("qlstm")
	x, h, c := r.stepped("x", 1./64, 1, 2, 5), r.stepped("h", 1./128, 1, 2, 4), r.floats("c", 1, 2, 4)
	w, u, bias := r.bytes("W", i8, -127, 127, 1, 5, 16), r.bytes("U", i8, -127, 127, 1, 4, 16), r.floats("B", 1, 32)
	ws, wz, us, uz := r.positive("Ws", 0.01, 1), r.bytes("Wz", i8, 4, 4, 1), r.positive("Us", 0.01, 1, 16), r.bytes("Uz", i8, 0, 0, 1, 16)
	h2, c2 := r.stepped("h", 1./128, 2, 2, 4), r.floats("c", 2, 2, 4)
	w2, u2 := r.bytes("W", u8, 0, 255, 2, 5, 16), r.bytes("U", u8, 0, 255, 2, 4, 16)
	ws2, wz2, us2, uz2 := r.positive("Ws", 0.01, 2), r.bytes("Wz", u8, 120, 130, 2), r.positive("Us", 0.01, 2, 16), r.bytes("Uz", u8, 127, 127, 2, 16)
	return samples(
		trial{name: "dynamic-lstm", node: Node("y, z, d = com.microsoft::DynamicQuantizeLSTM(x, W, U, B, , h, c, , Ws, Wz, Us, Uz)", Attr("hidden_size", 4)),
			args: []*pb.TensorProto{x, w, u, bias, h, c, ws, wz, us, uz}, sizes: []string{"x seq,batch,5", "h 1,batch,4", "c 1,batch,4"}},
		trial{name: "dynamic-lstm-both", node: Node("y, , d = com.microsoft::DynamicQuantizeLSTM(x, W, U, , , h, c, , Ws, Wz, Us, Uz)",
			Attr("hidden_size", 4), Attr("direction", "bidirectional")),
			args: []*pb.TensorProto{x, w2, u2, h2, c2, ws2, wz2, us2, uz2}, sizes: []string{"x seq,batch,5", "h 2,batch,4", "c 2,batch,4"}},
	)
}

// quantizedAttention has two heads of four, past tokens, and masks of every kind.
func quantizedAttention() []Sample {
	r := newSampler("qattention")
	x, w := r.bytes("x", u8, 0, 255, 2, 3, 8), r.bytes("W", i8, -127, 127, 8, 24)
	bias, xs, ws := r.floats("Bias", 24), float("Xs", 0.017), float("Ws", 0.013)
	columns, zeros := r.positive("Ws", 0.02, 24), r.bytes("Wz", i8, -9, 9, 24)
	xz, wz := byteOf("Xz", 119), int8Of("Wz", 4)
	past := r.floats("past", 2, 2, 2, 4, 4)
	sizes := []string{"x batch,seq,8", "past 2,batch,2,old,4", "mask batch,seq"}
	ends, whole := Tensor("mask", []int32{3, 2}, 2), Tensor("mask", []int32{1, 1, 0, 1, 0, 1}, 2, 3)
	edges := Tensor("mask", []int32{3, 2, 1, 0}, 4)
	each := Tensor("mask", []int32{1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1}, 2, 3, 3)
	long := Tensor("mask", []int32{0, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1}, 2, 7)
	heads, causal := Attr("num_heads", 2), Attr("unidirectional", 1)
	first := []*pb.TensorProto{x, w, bias, xs, ws}
	with := func(more ...*pb.TensorProto) []*pb.TensorProto { return slices.Concat(first, more) }
	plain := "y = com.microsoft::QAttention(x, W, Bias, Xs, Ws"
	both := "y, z = com.microsoft::QAttention(x, W, Bias, Xs, Ws"
	starts := []string{"x 2,seq,8"} // the batch must be known: twice as many may be another one
	alone := sizes[:1:1]
	return samples(
		trial{name: "qattention", node: Node(plain+")", heads), args: with(), sizes: sizes},
		trial{name: "qattention-columns", node: Node(plain+", , Xz, Wz)", heads, Attr("scale", 0.3)),
			args: []*pb.TensorProto{x, w, bias, xs, columns, xz, zeros}, sizes: sizes},
		trial{name: "qattention-ends", node: Node(plain+", mask, Xz, Wz)", heads), args: with(ends, xz, wz), sizes: append(alone, "mask batch")},
		trial{name: "qattention-edges", node: Node(plain+", mask, Xz, Wz)", heads), args: with(edges, xz, wz), sizes: starts},
		trial{name: "qattention-mask", node: Node(plain+", mask, Xz, Wz)", heads, Attr("mask_filter_value", -1.5)), args: with(whole, xz, wz), sizes: sizes},
		trial{name: "qattention-mask-causal", node: Node(plain+", mask, Xz, Wz)", heads, causal), args: with(whole, xz, wz), sizes: sizes},
		trial{name: "qattention-edges-causal", node: Node(plain+", mask, Xz, Wz)", heads, causal), args: with(edges, xz, wz), sizes: starts},
		trial{name: "qattention-queries", node: Node(plain+", mask, Xz, Wz)", heads), args: with(each, xz, wz), sizes: append(alone, "mask batch,seq,seq")},
		trial{name: "qattention-causal", node: Node(both+", , Xz, Wz)", heads, causal), args: with(xz, wz), sizes: sizes},
		trial{name: "qattention-past", node: Node(both+", , Xz, Wz, past)", heads, causal), args: with(xz, wz, past), sizes: sizes},
		trial{name: "qattention-dummy", node: Node(plain+", mask, Xz, Wz)", heads), args: with(Tensor("mask", []int32{0, 1}, 2, 1), xz, wz), sizes: alone},
		trial{name: "qattention-past-mask", node: Node(both+", mask, Xz, Wz, past)", heads, causal), args: with(long, xz, wz, past),
			sizes: []string{"x batch,seq,8", "past 2,batch,2,old,4", "mask batch,old + seq"}},
	)
}

func quantizedEmbedding() []Sample {
	r := newSampler("qembedding")
	ids, segments := Tensor("ids", []int32{3, 1, 4, 1, 5, 9}, 2, 3), Tensor("segments", []int32{0, 0, 1, 1, 1, 0}, 2, 3)
	mask := Tensor("mask", []int32{1, 1, 0, 1, 1, 1}, 2, 3)
	tables := []*pb.TensorProto{r.bytes("Words", u8, 0, 255, 10, 8), r.bytes("Places", u8, 0, 255, 5, 8), r.bytes("Kinds", u8, 0, 255, 2, 8),
		r.bytes("Gamma", u8, 0, 255, 8), r.bytes("Beta", u8, 0, 255, 8)}
	bare := slices.Concat(tables[:2], tables[3:])
	scales := []*pb.TensorProto{float("S0", 0.01), float("S1", 0.02), float("S2", 0.03), float("S3", 0.011), float("S4", 0.013),
		byteOf("Z0", 120), byteOf("Z1", 130), byteOf("Z2", 125), byteOf("Z3", 30), byteOf("Z4", 128)}
	seq := []string{"ids batch,seq", "segments batch,seq", "mask batch,seq"}
	rest := ", S0, S1, S2, S3, S4, Z0, Z1, Z2, Z3, Z4)"
	return samples(
		trial{name: "qembed-layer-norm", node: Node("y, n = com.microsoft::QEmbedLayerNormalization(ids, segments, Words, Places, Kinds, Gamma, Beta, mask" + rest),
			args: slices.Concat([]*pb.TensorProto{ids, segments, mask}, tables, scales), sizes: seq, types: []string{"float", "int32"}},
		trial{name: "qembed-layer-norm-words", node: Node("y, n = com.microsoft::QEmbedLayerNormalization(ids, , Words, Places, , Gamma, Beta, , S0, S1, , S3, S4, Z0, Z1, , Z3, Z4)", Attr("epsilon", 1e-5)),
			args: slices.Concat([]*pb.TensorProto{ids}, bare, scales[:2], scales[3:7], scales[8:]), sizes: seq, types: []string{"float", "int32"}},
	)
}
