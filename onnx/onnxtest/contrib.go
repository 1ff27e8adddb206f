package onnxtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"
)

// Contributed are models of one operator of ONNX Runtime's own each, some in several forms. What ONNX Runtime computes of them lies in
// testdata/contrib.
func Contributed() []Sample {
	return slices.Concat(contribNorms(), contribAttention(), contribBlocks(), contribQuantized(), contribQuantizedBert(), contribExperts(),
		contribMath(), contribImages(), contribTensors(), contribStates())
}

// A trial says one operator and its arguments, which are inputs of the model unless their names begin with a capital.
type trial struct {
	name string
	node *pb.NodeProto
	// before and after are nodes of ONNX's that compute what the node takes and what becomes of what it gives.
	before, after []*pb.NodeProto
	// outputs are those of the model: "y float", the node's if there are none.
	outputs []string
	args    []*pb.TensorProto
	// sizes are the dimensions of the inputs that are to have names: "x batch,seq,8".
	sizes []string
	// types are those of the outputs that are not float, in the order of the node's outputs.
	types []string
}

// sample is the model of t.
func (t trial) sample() Sample {
	m := &pb.ModelProto{
		IrVersion: 10, OpsetImport: []*pb.OperatorSetIdProto{{Version: 21}, {Domain: "com.microsoft", Version: 1}},
		Graph: &pb.GraphProto{Name: "contributed", Node: slices.Concat(t.before, []*pb.NodeProto{t.node}, t.after)},
	}
	g := m.Graph
	s := Sample{Name: t.name, Model: m}
	for _, a := range t.args {
		if c := a.GetName()[0]; 'A' <= c && c <= 'Z' {
			g.Initializer = append(g.Initializer, a)
			continue
		}
		s.Inputs = append(s.Inputs, a)
		g.Input = append(g.Input, t.declared(a))
	}
	for _, out := range t.declaredOutputs() {
		v := info(out)
		v.GetType().GetTensorType().Shape = nil
		g.Output = append(g.Output, v)
	}
	return s
}

func (t trial) declaredOutputs() []string {
	if t.outputs != nil {
		return t.outputs
	}
	var outputs []string
	for i, out := range t.node.Output {
		switch {
		case out == "":
		case i < len(t.types):
			outputs = append(outputs, out+" "+t.types[i])
		default:
			outputs = append(outputs, out+" float")
		}
	}
	return outputs
}

// declared is the declaration of the input a.
func (t trial) declared(a *pb.TensorProto) *pb.ValueInfoProto {
	var dims []any
	for _, d := range a.GetDims() {
		dims = append(dims, d)
	}
	for _, text := range t.sizes {
		name, names, _ := strings.Cut(text, " ")
		if name != a.GetName() {
			continue
		}
		for axis, d := range strings.Split(names, ",") {
			if fmt.Sprint(dims[axis]) != d {
				dims[axis] = d
			}
		}
	}
	return tensorInfo(a.GetName(), pb.TensorProto_DataType(a.GetDataType()), dims...)
}

func samples(trials ...trial) (out []Sample) {
	for _, t := range trials {
		out = append(out, t.sample())
	}
	return out
}

// contribNorms are normalisations and activations.
func contribNorms() []Sample {
	r := newSampler("contribnorms")
	x, skip := r.floats("x", 2, 3, 8), r.floats("skip", 2, 3, 8)
	scale, shift, bias := r.floats("Scale", 8), r.floats("Shift", 8), r.floats("Bias", 8)
	seq := []string{"x batch,seq,8", "skip batch,seq,8", "ids batch,seq", "segments batch,seq", "mask batch,seq", "positions batch,seq"}
	ids, segments, mask := Tensor("ids", []int32{3, 1, 4, 1, 5, 9}, 2, 3), Tensor("segments", []int32{0, 0, 1, 1, 1, 0}, 2, 3), Tensor("mask", []int32{1, 1, 0, 1, 1, 1}, 2, 3)
	positions := Tensor("positions", []int32{4, 0, 1, 2, 2, 3}, 2, 3)
	words, places, kinds := r.floats("Words", 10, 8), r.floats("Places", 5, 8), r.floats("Kinds", 2, 8)
	tokens := []*pb.TensorProto{ids, segments, words, places, kinds, scale, shift, mask, positions}
	with := func(names string, all ...*pb.TensorProto) (out []*pb.TensorProto) {
		for _, t := range all {
			if slices.Contains(strings.Fields(names), t.GetName()) {
				out = append(out, t)
			}
		}
		return out
	}
	return samples(
		trial{name: "bias-gelu", node: Node("y = com.microsoft::BiasGelu(x, Bias)"), args: []*pb.TensorProto{x, bias}, sizes: seq},
		trial{name: "fast-gelu", node: Node("y = com.microsoft::FastGelu(x)"), args: []*pb.TensorProto{x}, sizes: seq},
		trial{name: "fast-gelu-bias", node: Node("y = com.microsoft::FastGelu(x, Bias)"), args: []*pb.TensorProto{x, bias}, sizes: seq},
		trial{name: "gelu", node: Node("y = com.microsoft::Gelu(x)"), args: []*pb.TensorProto{x}, sizes: seq},
		trial{name: "quick-gelu", node: Node("y = com.microsoft::QuickGelu(x)"), args: []*pb.TensorProto{x}, sizes: seq},
		trial{name: "quick-gelu-alpha", node: Node("y = com.microsoft::QuickGelu(x)", Attr("alpha", 1.0)), args: []*pb.TensorProto{x}, sizes: seq},
		trial{name: "simplified-layer-norm", node: Node("y = SimplifiedLayerNormalization(x, Scale)", Attr("axis", -1), Attr("epsilon", 1e-6), Attr("stash_type", 1)),
			args: []*pb.TensorProto{x, scale}, sizes: seq},
		trial{name: "skip-layer-norm", node: Node("y = com.microsoft::SkipLayerNormalization(x, skip, Scale, Shift)", Attr("epsilon", 1e-12)),
			args: []*pb.TensorProto{x, skip, scale, shift}, sizes: seq},
		trial{name: "skip-layer-norm-sum", node: Node("y, , , z = com.microsoft::SkipLayerNormalization(x, skip, Scale, Shift, Bias)"),
			args: []*pb.TensorProto{x, skip, scale, shift, bias}, sizes: seq},
		trial{name: "skip-simplified-layer-norm", node: Node("y, , , z = com.microsoft::SkipSimplifiedLayerNormalization(x, skip, Scale)", Attr("epsilon", 1e-5)),
			args: []*pb.TensorProto{x, skip, scale}, sizes: seq},
		trial{name: "embed-layer-norm", node: Node("y, n = com.microsoft::EmbedLayerNormalization(ids, segments, Words, Places, Kinds, Scale, Shift, mask)"),
			args: with("ids segments Words Places Kinds Scale Shift mask", tokens...), sizes: seq, types: []string{"float", "int32"}},
		trial{name: "embed-layer-norm-positions",
			node: Node("y, n, z = com.microsoft::EmbedLayerNormalization(ids, , Words, Places, , Scale, Shift, , positions)", Attr("epsilon", 1e-5)),
			args: with("ids Words Places Scale Shift positions", tokens...), sizes: seq, types: []string{"float", "int32"}},
	)
}
