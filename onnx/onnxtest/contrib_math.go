package onnxtest

import "github.com/gpamc/gpamc/onnx/pb"

// contribMath are products and what is computed of numbers one by one.
func contribMath() []Sample {
	r := newSampler("contribmath")
	a, b, bt := r.floats("a", 2, 3, 4, 8), r.floats("b", 2, 3, 8, 5), r.floats("b", 2, 3, 5, 8)
	at := r.floats("a", 2, 3, 8, 4)
	fused := func(name string, a, b *pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		return trial{name: name, node: Node("y = com.microsoft::FusedMatMul(a, b)", attrs...), args: []*pb.TensorProto{a, b},
			sizes: []string{"a batch,heads,seq,8", "b batch,heads,8,keys"}}
	}
	turned := fused("fused-matmul-transb", a, bt, Attr("transB", 1), Attr("alpha", 0.25))
	turned.sizes = []string{"a batch,heads,seq,8", "b batch,heads,keys,8"}
	both := fused("fused-matmul-transa-transb", at, bt, Attr("transA", 1), Attr("transB", 1))
	both.sizes = []string{"a batch,heads,8,seq", "b batch,heads,keys,8"}
	batches := fused("fused-matmul-batches", r.floats("a", 4, 2, 3, 8), r.floats("b", 8, 2, 3, 5), Attr("transBatchA", 1), Attr("transBatchB", 1))
	batches.sizes = []string{"a seq,batch,heads,8", "b 8,batch,heads,keys"}
	batchTurned := fused("fused-matmul-batch-transa", r.floats("a", 8, 2, 3, 4), b, Attr("transBatchA", 1), Attr("transA", 1), Attr("alpha", -2.0))
	batchTurned.sizes = []string{"a 8,batch,heads,seq", "b batch,heads,8,keys"}
	batchB := fused("fused-matmul-batch-transb", a, r.floats("b", 5, 2, 3, 8), Attr("transBatchB", 1), Attr("transB", 1))
	batchB.sizes = []string{"a batch,heads,seq,8", "b keys,batch,heads,8"}
	vector := fused("fused-matmul-vector", r.floats("a", 8), r.floats("b", 5, 8), Attr("transA", 1), Attr("transB", 1))
	vector.sizes = []string{"b rows,8"}
	old := fused("transpose-matmul", a, bt, Attr("transB", 1))
	old.node.OpType = "TransposeMatMul"
	old.sizes = turned.sizes
	return append(samples(fused("fused-matmul", a, b), turned, both, batches, batchTurned, batchB, vector, old), contribGemms(r)...)
}

// contribGemms are FusedGemm with each activation.
func contribGemms(r sampler) (out []Sample) {
	x, w, c := r.floats("x", 3, 8), r.floats("W", 8, 5), r.floats("C", 5)
	sizes := []string{"x rows,8"}
	for _, t := range []trial{
		{name: "relu", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Relu"), Attr("alpha", 0.5), Attr("beta", 2.0))},
		{name: "tanh", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Tanh"))},
		{name: "sigmoid", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Sigmoid"))},
		{name: "softplus", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Softplus"))},
		{name: "softsign", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Softsign"))},
		{name: "elu", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Elu"), Attr("activation_alpha", 0.7))},
		{name: "leaky-relu", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "LeakyRelu"), Attr("activation_alpha", 0.3))},
		{name: "thresholded-relu", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "ThresholdedRelu"), Attr("activation_alpha", 0.3))},
		{name: "hard-sigmoid", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "HardSigmoid"), Attr("activation_alpha", 0.3), Attr("activation_beta", 0.4))},
		{name: "selu", node: Node("y = com.microsoft::FusedGemm(x, W, C)", Attr("activation", "Selu"), Attr("activation_alpha", 1.5), Attr("activation_gamma", 1.1))},
	} {
		t.name, t.args, t.sizes = "fused-gemm-"+t.name, []*pb.TensorProto{x, w, c}, sizes
		out = append(out, t.sample())
	}
	turned := trial{name: "fused-gemm-transposed", node: Node("y = com.microsoft::FusedGemm(x, W)", Attr("activation", "Relu"), Attr("transA", 1), Attr("transB", 1)),
		args: []*pb.TensorProto{r.floats("x", 8, 3), r.floats("W", 5, 8)}, sizes: []string{"x 8,rows"}}
	return append(out, turned.sample())
}
