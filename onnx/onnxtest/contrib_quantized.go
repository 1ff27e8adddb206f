package onnxtest

import (
	"slices"

	"github.com/gpamc/gpamc/onnx/pb"
)

const (
	u8 = pb.TensorProto_UINT8
	i8 = pb.TensorProto_INT8
)

// contribQuantized are operators on bytes.
func contribQuantized() []Sample {
	return slices.Concat(quantizedProducts(), quantizedElements(), quantizedImages(), quantizedTypes())
}

// named is t with another name.
func named(t *pb.TensorProto, name string) *pb.TensorProto {
	return &pb.TensorProto{Name: name, Dims: t.Dims, DataType: t.DataType, RawData: t.RawData}
}

func float(name string, x float32) *pb.TensorProto { return Tensor(name, []float32{x}) }
func byteOf(name string, x uint8) *pb.TensorProto  { return Tensor(name, []uint8{x}) }
func int8Of(name string, x int8) *pb.TensorProto   { return Tensor(name, []int8{x}) }

func quantizedProducts() []Sample {
	r := newSampler("quantizedproducts")
	x := r.floats("x", 2, 3, 8)
	q := r.bytes("q", u8, 0, 255, 2, 3, 8)
	w, wu, deep := r.bytes("W", i8, -127, 127, 8, 6), r.bytes("W", u8, 0, 255, 8, 6), r.bytes("w", i8, -127, 127, 2, 8, 6)
	columns, zeros := r.positive("Scales", 0.05, 6), r.bytes("Zeros", i8, -9, 9, 6)
	one, zero := float("Scale", 0.03), byteOf("Zero", 121)
	bias := r.floats("Bias", 6)
	seq := []string{"x batch,seq,8", "q batch,seq,8", "w batch,8,6"}
	qs, qz := float("Qs", 0.017), byteOf("Qz", 119)
	signed := r.bytes("q", i8, -128, 127, 2, 3, 8)
	matrix, tall := r.bytes("q", u8, 0, 255, 3, 8), r.bytes("q", u8, 0, 255, 8, 3)
	rows := []string{"q rows,8"}
	c := Tensor("C", []int32{3000, -2000, 100, 0, 77, -12345}, 6)
	turned := r.bytes("W", i8, -127, 127, 6, 8)
	a16, b16 := int16s(r, "a", pb.TensorProto_INT16, 2, 3, 4), int16s(r, "B", pb.TensorProto_INT16, 4, 5)
	ys, yz := float("Ys", 0.71), byteOf("Yz", 101)
	return samples(
		trial{name: "dynamic-matmul", node: Node("y = com.microsoft::DynamicQuantizeMatMul(x, W, Scale)"), args: []*pb.TensorProto{x, w, one}, sizes: seq},
		trial{name: "dynamic-matmul-bias", node: Node("y = com.microsoft::DynamicQuantizeMatMul(x, W, Scale, Zero, Bias)"),
			args: []*pb.TensorProto{x, wu, one, zero, bias}, sizes: seq},
		trial{name: "dynamic-matmul-columns", node: Node("y = com.microsoft::DynamicQuantizeMatMul(x, W, Scales, Zeros, Bias)"),
			args: []*pb.TensorProto{x, w, columns, zeros, bias}, sizes: seq},
		trial{name: "dynamic-matmul-batch", node: Node("y = com.microsoft::DynamicQuantizeMatMul(x, w, Scale)"), args: []*pb.TensorProto{x, deep, one}, sizes: seq},
		trial{name: "integer-to-float", node: Node("y = com.microsoft::MatMulIntegerToFloat(q, W, Qs, Scale)"), args: []*pb.TensorProto{q, w, qs, one}, sizes: seq},
		trial{name: "integer-to-float-bias", node: Node("y = com.microsoft::MatMulIntegerToFloat(q, W, Qs, Scales, Qz, Zeros, Bias)"),
			args: []*pb.TensorProto{q, w, qs, columns, qz, zeros, bias}, sizes: seq},
		trial{name: "integer-to-float-signed", node: Node("y = com.microsoft::MatMulIntegerToFloat(q, W, Qs, Scale, Qz)"),
			args: []*pb.TensorProto{signed, w, qs, one, int8Of("Qz", -7)}, sizes: seq},
		trial{name: "matmul-integer16", node: Node("y = com.microsoft::MatMulInteger16(a, B)"), args: []*pb.TensorProto{a16, b16},
			sizes: []string{"a batch,seq,4"}, types: []string{"int32"}},
		trial{name: "qgemm-float", node: Node("y = com.microsoft::QGemm(q, Qs, Qz, W, Scales, Zeros)", Attr("alpha", 0.5)),
			args: []*pb.TensorProto{matrix, qs, qz, w, columns, zeros}, sizes: rows},
		trial{name: "qgemm-float-bias", node: Node("y = com.microsoft::QGemm(q, Qs, Qz, W, Scales, Zeros, C)"),
			args: []*pb.TensorProto{matrix, qs, qz, w, columns, zeros, c}, sizes: rows},
		trial{name: "qgemm", node: Node("y = com.microsoft::QGemm(q, Qs, Qz, W, Scale, Zero, C, Ys, Yz)", Attr("transA", 1), Attr("transB", 1)),
			args: []*pb.TensorProto{tall, qs, qz, turned, one, int8Of("Zero", 3), c, ys, yz}, sizes: []string{"q 8,rows"}, types: []string{"uint8"}},
		trial{name: "qgemm-signed", node: Node("y = com.microsoft::QGemm(q, Qs, Qz, W, Scale, Zero, , Ys, Yz)"),
			args: []*pb.TensorProto{r.bytes("q", i8, -128, 127, 3, 8), qs, int8Of("Qz", 5), w, one, int8Of("Zero", 3), ys, int8Of("Yz", -11)}, sizes: rows, types: []string{"int8"}},
	)
}

// int16s are random numbers of 16 bits.
func int16s(r sampler, name string, kind pb.TensorProto_DataType, dims ...int64) *pb.TensorProto {
	t := r.bytes(name, kind, 0, 255, 2*size(dims))
	t.Dims = dims
	for i := 1; i < len(t.RawData); i += 2 {
		t.RawData[i] = t.RawData[i] & 0x3f // so that sums fit
	}
	return t
}

func quantizedElements() []Sample {
	r := newSampler("quantizedelements")
	a, b, row := r.bytes("a", u8, 0, 255, 2, 3, 8), r.bytes("b", u8, 0, 255, 2, 3, 8), r.bytes("B", u8, 0, 255, 8)
	as, az, bs, bz := float("As", 0.037191), byteOf("Az", 100), float("Bs", 0.021133), byteOf("Bz", 140)
	cs, cz := float("Cs", 0.051417), byteOf("Cz", 120)
	sa, sb := r.bytes("a", i8, -128, 127, 2, 3, 8), r.bytes("b", i8, -128, 127, 2, 3, 8)
	saz, scz := int8Of("Az", -10), int8Of("Cz", 12)
	seq := []string{"a batch,seq,8", "b batch,seq,8", "c batch,seq,8"}
	bytes, signed := []string{"uint8"}, []string{"int8"}
	var ts []trial
	for name, op := range map[string]string{"qlinear-add": "QLinearAdd", "qlinear-mul": "QLinearMul"} {
		product := float("Cs", 0.110713)
		ts = append(ts,
			trial{name: name, node: Node("y = com.microsoft::" + op + "(a, As, Az, b, Bs, Bz, Cs, Cz)"), args: []*pb.TensorProto{a, as, az, b, bs, bz, product, cz}, sizes: seq, types: bytes},
			trial{name: name + "-row", node: Node("y = com.microsoft::" + op + "(a, As, Az, B, Bs, Bz, Cs)"), args: []*pb.TensorProto{a, as, az, row, bs, bz, product}, sizes: seq, types: bytes},
			trial{name: name + "-signed", node: Node("y = com.microsoft::" + op + "(a, As, Az, b, Bs, Bz, Cs, Cz)"), args: []*pb.TensorProto{sa, as, saz, sb, bs, int8Of("Bz", 20), product, scz}, sizes: seq, types: signed})
	}
	slices.SortFunc(ts, func(a, b trial) int { return slices.Compare([]string{a.name}, []string{b.name}) })
	mask := Tensor("c", []bool{true, false, true, true, false, false, true, false}, 8)
	part := r.bytes("b", u8, 0, 255, 2, 2, 8)
	half, tiny := float("Cs", 0.0051), float("Cs", 0.0039)
	soft := r.bytes("a", u8, 0, 255, 2, 3, 8)
	ss := float("As", 0.02)
	ts = append(ts,
		trial{name: "qlinear-leaky-relu", node: Node("y = com.microsoft::QLinearLeakyRelu(a, As, Az, Cs, Cz)", Attr("alpha", 0.2)), args: []*pb.TensorProto{a, as, az, cs, cz}, sizes: seq, types: bytes},
		trial{name: "qlinear-leaky-relu-signed", node: Node("y = com.microsoft::QLinearLeakyRelu(a, As, , Cs, )"), args: []*pb.TensorProto{sa, as, cs}, sizes: seq, types: signed},
		trial{name: "qlinear-sigmoid", node: Node("y = com.microsoft::QLinearSigmoid(a, As, Az, Cs, Cz)"), args: []*pb.TensorProto{a, as, az, half, byteOf("Cz", 3)}, sizes: seq, types: bytes},
		trial{name: "qlinear-sigmoid-signed", node: Node("y = com.microsoft::QLinearSigmoid(a, As, , Cs, )"), args: []*pb.TensorProto{sa, as, float("Cs", 0.011)}, sizes: seq, types: signed},
		trial{name: "qlinear-softmax", node: Node("y = com.microsoft::QLinearSoftmax(a, As, Az, Cs, Cz)", Attr("opset", 13), Attr("axis", 1)),
			args: []*pb.TensorProto{soft, ss, az, tiny, byteOf("Cz", 0)}, sizes: []string{"a batch,seq,8"}, types: bytes},
		trial{name: "qlinear-softmax-signed", node: Node("y = com.microsoft::QLinearSoftmax(a, As, Az, Cs, Cz)", Attr("opset", 13), Attr("axis", -1)),
			args: []*pb.TensorProto{sa, ss, saz, tiny, int8Of("Cz", -128)}, sizes: seq, types: signed},
		trial{name: "qlinear-softmax-flat", node: Node("y = com.microsoft::QLinearSoftmax(a, As, , Cs, Cz)", Attr("opset", 11), Attr("axis", 1)),
			args: []*pb.TensorProto{soft, ss, float("Cs", 0.0013), byteOf("Cz", 7)}, sizes: []string{"a batch,seq,8"}, types: bytes},
		trial{name: "qlinear-concat", node: Node("y = com.microsoft::QLinearConcat(Cs, Cz, a, As, Az, b, Bs, Bz)", Attr("axis", 1)),
			args: []*pb.TensorProto{cs, cz, a, as, az, part, bs, bz}, sizes: []string{"a batch,seq,8", "b batch,more,8"}, types: bytes},
		trial{name: "qlinear-where", node: Node("y = com.microsoft::QLinearWhere(c, a, As, Az, b, Bs, Bz, Cs, Cz)"),
			args: []*pb.TensorProto{mask, a, as, az, b, bs, bz, cs, cz}, sizes: []string{"a batch,seq,8", "b batch,seq,8"}, types: bytes})
	return samples(ts...)
}

func quantizedImages() []Sample {
	r := newSampler("quantizedimages")
	x, last := r.bytes("x", u8, 0, 255, 2, 3, 6, 7), r.bytes("x", u8, 0, 255, 2, 6, 7, 3)
	signed := r.bytes("x", i8, -128, 127, 2, 3, 6, 7)
	xs, xz, ys, yz := float("Xs", 0.037191), byteOf("Xz", 100), float("Ys", 0.021133), byteOf("Yz", 140)
	bytes := []string{"uint8"}
	image, imageLast := []string{"x batch,3,h,w"}, []string{"x batch,h,w,3"}
	args := func(x *pb.TensorProto) []*pb.TensorProto { return []*pb.TensorProto{x, xs, xz, ys, yz} }
	pool := func(attrs ...*pb.AttributeProto) *pb.NodeProto {
		return Node("y = com.microsoft::QLinearAveragePool(x, Xs, Xz, Ys, Yz)", append(attrs, Attr("kernel_shape", []int64{3, 2}))...)
	}
	k := r.bytes("K", i8, -127, 127, 4, 3, 3, 3)
	convArgs := []*pb.TensorProto{xs, xz, k, r.positive("Ks", 0.02, 4), r.bytes("Kz", i8, 0, 0, 4), float("Ys", 0.6), yz, Tensor("B", []int32{500, -700, 0, 12000}, 4)}
	conv := func(attrs ...*pb.AttributeProto) *pb.NodeProto {
		return Node("y = com.microsoft::QLinearConv(x, Xs, Xz, K, Ks, Kz, Ys, Yz, B)", append(attrs, Attr("pads", []int64{1, 1, 1, 1}))...)
	}
	return samples(
		trial{name: "qlinear-average-pool", node: pool(Attr("pads", []int64{1, 0, 1, 1}), Attr("strides", []int64{2, 1})), args: args(x), sizes: image, types: bytes},
		trial{name: "qlinear-average-pool-padded", node: pool(Attr("pads", []int64{1, 0, 1, 1}), Attr("count_include_pad", 1)), args: args(x), sizes: image, types: bytes},
		trial{name: "qlinear-average-pool-ceil", node: pool(Attr("ceil_mode", 1), Attr("strides", []int64{2, 2})), args: args(x), sizes: image, types: bytes},
		trial{name: "qlinear-average-pool-same", node: pool(Attr("auto_pad", "SAME_UPPER"), Attr("strides", []int64{2, 2})), args: args(x), sizes: image, types: bytes},
		trial{name: "qlinear-average-pool-last", node: pool(Attr("channels_last", 1)), args: args(last), sizes: imageLast, types: bytes},
		trial{name: "qlinear-average-pool-signed", node: Node("y = com.microsoft::QLinearAveragePool(x, Xs, Xz, Ys, Yz)", Attr("kernel_shape", []int64{3, 2})),
			args: []*pb.TensorProto{signed, xs, int8Of("Xz", -9), ys, int8Of("Yz", 4)}, sizes: image, types: []string{"int8"}},
		trial{name: "qlinear-global-average-pool", node: Node("y = com.microsoft::QLinearGlobalAveragePool(x, Xs, Xz, Ys, Yz)"), args: args(x), sizes: image, types: bytes},
		trial{name: "qlinear-global-average-pool-last", node: Node("y = com.microsoft::QLinearGlobalAveragePool(x, Xs, Xz, Ys, Yz)", Attr("channels_last", 1)),
			args: args(last), sizes: imageLast, types: bytes},
		trial{name: "qlinear-conv-ms", node: conv(), args: append([]*pb.TensorProto{x}, convArgs...), sizes: image, types: bytes},
		trial{name: "qlinear-conv-ms-last", node: conv(Attr("channels_last", 1), Attr("strides", []int64{2, 2})),
			args: append([]*pb.TensorProto{last}, convArgs...), sizes: imageLast, types: bytes},
	)
}

// quantizedTypes are QuantizeLinear and DequantizeLinear with the element types that ONNX had not then.
func quantizedTypes() []Sample {
	r := newSampler("quantizedtypes")
	x, one := r.floats("x", 2, 3, 8), float("Scale", 0.0037)
	scales := r.positive("Scales", 0.01, 8)
	seq := []string{"x batch,seq,8", "q batch,seq,8"}
	q := Node("y = com.microsoft::QuantizeLinear(x, Scale, Zero)")
	d := func(attrs ...*pb.AttributeProto) *pb.NodeProto {
		return Node("y = com.microsoft::DequantizeLinear(q, Scale, Zero)", attrs...)
	}
	word := func(name string, kind pb.TensorProto_DataType, lo, hi byte) *pb.TensorProto {
		return &pb.TensorProto{Name: name, DataType: int32(kind), RawData: []byte{lo, hi}}
	}
	u16, i16 := pb.TensorProto_UINT16, pb.TensorProto_INT16
	return samples(
		trial{name: "quantize-uint16", node: q, args: []*pb.TensorProto{x, one, word("Zero", u16, 0, 128)}, sizes: seq, types: []string{"uint16"}},
		trial{name: "quantize-int16", node: q, args: []*pb.TensorProto{x, one, word("Zero", i16, 100, 255)}, sizes: seq, types: []string{"int16"}},
		trial{name: "quantize-int8-axis", node: Node("y = com.microsoft::QuantizeLinear(x, Scales, Zeros)", Attr("axis", -1)),
			args: []*pb.TensorProto{x, scales, r.bytes("Zeros", i8, -20, 20, 8)}, sizes: seq, types: []string{"int8"}},
		trial{name: "dequantize-uint16", node: d(), args: []*pb.TensorProto{int16s(r, "q", u16, 2, 3, 8), one, word("Zero", u16, 9, 1)}, sizes: seq},
		trial{name: "dequantize-int16", node: d(), args: []*pb.TensorProto{int16s(r, "q", i16, 2, 3, 8), one, word("Zero", i16, 9, 255)}, sizes: seq},
		trial{name: "dequantize-uint8-axis", node: Node("y = com.microsoft::DequantizeLinear(q, Scales, Zeros)", Attr("axis", 2)),
			args: []*pb.TensorProto{r.bytes("q", u8, 0, 255, 2, 3, 8), scales, r.bytes("Zeros", u8, 0, 255, 8)}, sizes: seq},
		trial{name: "dequantize-int4", node: Node("y = com.microsoft::DequantizeLinear(W, s)"),
			args: []*pb.TensorProto{r.packed("W", pb.TensorProto_INT4, 4, 6), named(one, "s")}},
		trial{name: "dequantize-uint4", node: Node("y = com.microsoft::DequantizeLinear(W, s, Zero)"),
			args: []*pb.TensorProto{r.packed("W", pb.TensorProto_UINT4, 4, 6), named(one, "s"), r.packed("Zero", pb.TensorProto_UINT4)}},
	)
}
