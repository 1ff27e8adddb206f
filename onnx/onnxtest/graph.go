package onnxtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gpamc/gpamc/onnx/pb"
)

// A graph builds a GraphProto as PyTorch's exporter does: nodes and values are named by the path of the module that
// computes them, numbered from the second on.
type graph struct {
	*pb.GraphProto
	rand  *rand.Rand
	count map[string]int
}

func newGraph(seed uint64) *graph {
	return &graph{
		GraphProto: &pb.GraphProto{Name: "torch_jit"},
		rand:       rand.New(rand.NewPCG(seed, 0x6770616d63)),
		count:      map[string]int{},
	}
}

// node adds a node of the module at path and returns the name of its only output.
func (g *graph) node(path, op string, args []string, attrs ...*pb.AttributeProto) string {
	name := path + "/" + op
	if n := g.count[name]; n > 0 {
		g.count[name]++
		name = fmt.Sprintf("%s_%d", name, n)
	} else {
		g.count[name] = 1
	}
	out := name + "_output_0"
	g.Node = append(g.Node, &pb.NodeProto{Name: name, OpType: op, Input: args, Output: []string{out}, Attribute: attrs})
	return out
}

// result renames the output of the last node, which is that of the model.
func (g *graph) result(name string) string {
	g.Node[len(g.Node)-1].Output[0] = name
	return name
}

// ints is a Constant node that holds int64 values: a scalar from scalar, a vector from ints.
func (g *graph) ints(path string, v ...int64) string {
	return g.constant(path, &pb.TensorProto{Dims: []int64{int64(len(v))}, DataType: int32(pb.TensorProto_INT64), RawData: rawInts(v)})
}

func (g *graph) scalar(path string, v int64) string {
	return g.constant(path, &pb.TensorProto{DataType: int32(pb.TensorProto_INT64), RawData: rawInts([]int64{v})})
}

func (g *graph) float(path string, v float64) string {
	return g.constant(path, &pb.TensorProto{DataType: int32(pb.TensorProto_FLOAT), RawData: rawFloats([]float32{float32(v)})})
}

func (g *graph) constant(path string, t *pb.TensorProto) string {
	return g.node(path, "Constant", nil, &pb.AttributeProto{Name: "value", Type: pb.AttributeProto_TENSOR, T: t})
}

// weight is an initializer of normally distributed numbers.
func (g *graph) weight(name string, mean, deviation float64, dims ...int64) string {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + deviation*g.rand.NormFloat64())
	}
	return g.initializer(name, v, dims...)
}

func (g *graph) initializer(name string, v []float32, dims ...int64) string {
	g.Initializer = append(g.Initializer, &pb.TensorProto{
		Name: name, Dims: dims, DataType: int32(pb.TensorProto_FLOAT), RawData: rawFloats(v),
	})
	return name
}

// linear is x·w + b; the exporter puts the bias first.
func (g *graph) linear(path, x string, in, out int64) string {
	w := g.weight(fmt.Sprintf("onnx::MatMul_%d", len(g.Node)), 0, 1/math.Sqrt(float64(in)), in, out)
	b := g.weight(path[1:]+".bias", 0, 0.02, out)
	return g.node(path, "Add", []string{b, g.node(path, "MatMul", []string{x, w})})
}

// layerNorm is the mean, the deviation from it, its root mean square, scale and shift: opset 16 has no operator for it.
func (g *graph) layerNorm(path, x string, width int64) string {
	axes := attrInts("axes", -1)
	mean := g.node(path, "ReduceMean", []string{x}, axes)
	d := g.node(path, "Sub", []string{x, mean})
	square := g.node(path, "Pow", []string{d, g.float(path, 2)})
	variance := g.node(path, "ReduceMean", []string{square}, axes)
	root := g.node(path, "Sqrt", []string{g.node(path, "Add", []string{variance, g.float(path, 1e-5)})})
	y := g.node(path, "Div", []string{d, root})
	y = g.node(path, "Mul", []string{y, g.weight(path[1:]+".weight", 1, 0.02, width)})
	return g.node(path, "Add", []string{y, g.weight(path[1:]+".bias", 0, 0.02, width)})
}

// gelu is 0.5·x·(1 + erf(x/√2)).
func (g *graph) gelu(path, x string) string {
	e := g.node(path, "Erf", []string{g.node(path, "Div", []string{x, g.float(path, math.Sqrt2)})})
	m := g.node(path, "Mul", []string{x, g.node(path, "Add", []string{e, g.float(path, 1)})})
	return g.node(path, "Mul", []string{m, g.float(path, 0.5)})
}

// size is the extent of one axis of x, as x.size(axis) exports it.
func (g *graph) size(path, x string, axis int64) string {
	s := g.node(path, "Shape", []string{x})
	return g.node(path, "Gather", []string{s, g.scalar(path, axis)}, attrInt("axis", 0))
}

// view is x.view(x.size(0), x.size(1), rest...).
func (g *graph) view(path, x, sized string, rest ...int64) string {
	var parts []string
	for axis := range int64(2) {
		parts = append(parts, g.node(path, "Unsqueeze", []string{g.size(path, sized, axis), g.ints(path, 0)}))
	}
	for _, d := range rest {
		parts = append(parts, g.ints(path, d))
	}
	shape := g.node(path, "Concat", parts, attrInt("axis", 0))
	return g.node(path, "Reshape", []string{x, shape}, attrInt("allowzero", 0))
}

func attrInt(name string, v int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: name, Type: pb.AttributeProto_INT, I: v}
}

func attrInts(name string, v ...int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: name, Type: pb.AttributeProto_INTS, Ints: v}
}

func rawInts(v []int64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return b
}

func rawFloats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
