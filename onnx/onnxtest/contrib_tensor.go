package onnxtest

import "github.com/gpamc/gpamc/onnx/pb"

// contribTensors are what takes tensors apart and puts them together.
func contribTensors() []Sample {
	r := newSampler("contribtensors")
	x, a := r.floats("x", 2, 4, 5), []*pb.TensorProto{r.floats("a", 3, 4), r.floats("b", 5, 4)}
	of := func(name, node string, sizes []string, args []*pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		return trial{name: name, node: Node(node, attrs...), args: args, sizes: sizes}
	}
	list := func(ts ...*pb.TensorProto) []*pb.TensorProto { return ts }
	batch, rows := []string{"x batch,4,width"}, []string{"a rows,4", "b others,4"}
	counted := of("range", "y = com.microsoft::Range(From, to, Step)", nil, list(Tensor("From", []int64{2}, 1), Tensor("to", []int64{11}, 1), Tensor("Step", []int64{3}, 1)))
	counted.types = []string{"int64"}
	one := of("range-one", "y = com.microsoft::Range(From, to)", nil, list(Tensor("From", []int64{2}), Tensor("to", []int64{7})))
	one.types = []string{"int64"}
	unique := of("unique", "y, i, n = com.microsoft::Unique(x)", nil, list(Tensor("x", []float32{3, 1, 3, 2, 1, 5}, 6)))
	unique.types = []string{"float", "int64", "int64"}
	return append(samples(counted, one, unique,
		of("cdist", "y = com.microsoft::CDist(a, b)", rows, a, Attr("metric", "sqeuclidean")),
		of("cdist-euclidean", "y = com.microsoft::CDist(a, b)", rows, a, Attr("metric", "euclidean")),
		of("expand-dims", "y = com.microsoft::ExpandDims(x, Axis)", batch, list(x, Tensor("Axis", []int32{-2}))),
		of("gather-nd-contrib", "y = com.microsoft::GatherND(x, at)", []string{"x batch,4,width", "at n,2"}, list(x, Tensor("at", []int32{1, 2, 0, 3, 1, 1}, 3, 2))),
		of("pad-contrib", "y = com.microsoft::Pad(x, Pads, Value)", batch, list(x, Tensor("Pads", []int64{0, 1, 2, 1, 0, -1}, 6), Tensor("Value", []float32{0.5}, 1))),
		of("pad-row", "y = com.microsoft::Pad(x, Pads)", batch, list(x, Tensor("Pads", []int64{0, 1, 2, 1, 0, 1}, 1, 6)), Attr("mode", "reflect")),
		of("inverse", "y = com.microsoft::Inverse(x)", []string{"x batch,3,3"}, list(Tensor("x", []float32{0, 2, 1, 1, 0, 3, 2, 1, 1, 2, 1, 0, 1, 3, 1, 0, 1, 4}, 2, 3, 3))),
		of("inverse-matrix", "y = com.microsoft::Inverse(x)", nil, list(r.floats("x", 5, 5))),
		of("sample-op", "y = com.microsoft::SampleOp(x)", batch, list(x)),
		of("trilu-contrib", "y = com.microsoft::Trilu(x)", batch, list(x)),
		of("trilu-lower", "y = com.microsoft::Trilu(x, K)", batch, list(x, Tensor("K", []int64{-1})), Attr("upper", 0)),
		of("unfold-tensor", "y = com.microsoft::UnfoldTensor(x)", batch, list(x), Attr("size", 3), Attr("step", 2)),
		of("unfold-tensor-axis", "y = com.microsoft::UnfoldTensor(x)", []string{"x batch,length,5"}, list(x), Attr("dim", 1), Attr("size", 2)),
	), contribGenerated(r)...)
}

// contribGenerated are what concerns the choice of tokens, and of regions of images.
func contribGenerated(r sampler) []Sample {
	ids := Tensor("ids", []int64{1, 2, 3, 1, 2, 3, 4, 3, 3, 4, 5, 3}, 2, 6)
	scores := r.floats("scores", 2, 6)
	rois := Tensor("rois", []float32{0, 0, 1, 1, 0.1, 0.25, 0.6, 0.9, 0.9, 0.1, 0.2, 0.3, -0.25, 0.5, 0.5, 1.3}, 4, 4)
	args := []*pb.TensorProto{r.floats("x", 2, 3, 5, 4), rois, Tensor("at", []int32{0, 1, 1, 0}, 4), Tensor("Size", []int32{3, 4}, 2)}
	single := []*pb.TensorProto{args[0], rois, args[2], Tensor("Size", []int32{1, 2}, 2)}
	images, tokens := []string{"x batch,3,height,width", "rois n,4", "at n"}, []string{"ids batch,length", "scores batch,6"}
	crop := func(name string, args []*pb.TensorProto, attrs ...*pb.AttributeProto) trial {
		return trial{name: name, node: Node("y = com.microsoft::CropAndResize(x, rois, at, Size)", attrs...), args: args, sizes: images}
	}
	block := func(name string, size int) trial {
		return trial{name: name, node: Node("y = com.microsoft::NGramRepeatBlock(ids, scores)", Attr("ngram_size", size)), args: []*pb.TensorProto{ids, scores}, sizes: tokens}
	}
	return samples(
		block("ngram-repeat-block", 3), block("ngram-repeat-block-pairs", 2), block("ngram-repeat-block-single", 1),
		crop("crop-and-resize", args, Attr("extrapolation_value", 0.5)), crop("crop-and-resize-nearest", args, Attr("mode", "nearest")),
		crop("crop-and-resize-single", single),
	)
}
