package onnxtest

import "github.com/gpamc/gpamc/onnx/pb"

// contribImages are convolutions and what else is computed of images.
func contribImages() []Sample {
	r := newSampler("contribimages")
	x, w, b := r.floats("x", 2, 4, 6, 5), r.floats("W", 3, 4, 3, 3), r.floats("B", 3)
	image := []string{"x batch,4,height,width", "z batch,3,height,width"}
	conv := func(name, args string, operands []*pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		node := Node("y = com.microsoft::FusedConv("+args+")", append(attrs, Attr("pads", []int64{1, 1, 1, 1}), Attr("kernel_shape", []int64{3, 3}))...)
		return trial{name: "fused-conv-" + name, node: node, args: operands, sizes: image}
	}
	three := []*pb.TensorProto{x, w, b}
	active := func(name, op string, params ...float64) trial {
		attrs := []*pb.AttributeProto{Attr("activation", op)}
		if params != nil {
			attrs = append(attrs, Attr("activation_params", params))
		}
		return conv(name, "x, W, B", three, attrs...)
	}
	grid := r.floats("grid", 2, 3, 4, 2)
	sampled := func(name string, attrs ...*pb.AttributeProto) trial {
		return trial{name: "contrib-grid-sample-" + name, node: Node("y = com.microsoft::GridSample(x, grid)", attrs...), args: []*pb.TensorProto{x, grid},
			sizes: []string{"x batch,4,height,width", "grid batch,rows,columns,2"}}
	}
	strided := trial{name: "fused-conv-strided", node: Node("y = com.microsoft::FusedConv(x, W)", Attr("activation", "Relu"), Attr("strides", []int64{2, 2}),
		Attr("dilations", []int64{1, 2}), Attr("group", 2)), args: []*pb.TensorProto{x, r.floats("W", 4, 2, 3, 2)}, sizes: image[:1]}
	return samples(
		conv("none", "x, W, B", three), active("relu", "Relu"), active("tanh", "Tanh"), active("sigmoid", "Sigmoid"),
		active("leaky-relu", "LeakyRelu", 0.3), active("clip", "Clip", -0.5, 0.75), active("hard-sigmoid", "HardSigmoid", 0.3, 0.4), strided,
		conv("sum", "x, W, B, z", append(three, r.floats("z", 2, 3, 6, 5)), Attr("activation", "Relu")),
		conv("sum-no-bias", "x, W, , z", []*pb.TensorProto{x, w, r.floats("z", 2, 3, 6, 5)}),
		sampled("bilinear"), sampled("nearest", Attr("mode", "nearest"), Attr("padding_mode", "border")),
		sampled("bicubic", Attr("mode", "bicubic"), Attr("padding_mode", "reflection"), Attr("align_corners", 1)),
		trial{name: "conv-transpose-with-dynamic-pads", node: Node("y = com.microsoft::ConvTransposeWithDynamicPads(x, W, Pads, B)", Attr("kernel_shape", []int64{3, 3}),
			Attr("strides", []int64{2, 2}), Attr("output_padding", []int64{1, 1})),
			args:  []*pb.TensorProto{x, r.floats("W", 4, 3, 3, 3), Tensor("Pads", []int64{1, 0, 1, 2}, 4), b},
			sizes: image[:1]},
		trial{name: "nhwc-max-pool", node: Node("y = com.microsoft::NhwcMaxPool(x)", Attr("kernel_shape", []int64{3, 2}), Attr("strides", []int64{2, 1}), Attr("pads", []int64{1, 0, 1, 1})),
			args: []*pb.TensorProto{Tensor("x", bytesOf(r, 2*6*5*3), 2, 6, 5, 3)}, sizes: []string{"x batch,height,width,3"}, types: []string{"uint8"}},
	)
}

func bytesOf(r sampler, n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(r.IntN(256))
	}
	return out
}
