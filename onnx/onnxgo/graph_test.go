package onnxgo

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/onnx/pb"
	onnxgo "github.com/owulveryck/onnx-go"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/tensor"
)

// A graph under construction: its nodes, and inputs and outputs of two float32 unless they are named with another type.
type file struct{ pb.ModelProto }

func (f *file) node(op, outputs, inputs string, attrs ...*pb.AttributeProto) {
	f.Graph.Node = append(f.Graph.Node, &pb.NodeProto{OpType: op, Input: strings.Split(inputs, " "), Output: strings.Split(outputs, " "), Attribute: attrs})
}

func vector(name string, elem int32) *pb.ValueInfoProto {
	dim := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: 2}}
	t := &pb.TypeProto_Tensor{ElemType: elem, Shape: &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{dim}}}
	return &pb.ValueInfoProto{Name: name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: t}}}
}

func load(t *testing.T, g *Graph, inputs, outputs string, build func(f *file)) *onnxgo.Model {
	t.Helper()
	f := &file{}
	f.IrVersion, f.Graph = 4, &pb.GraphProto{Name: "g"}
	f.OpsetImport = []*pb.OperatorSetIdProto{{Version: 9}}
	for _, name := range strings.Fields(inputs) {
		f.Graph.Input = append(f.Graph.Input, vector(name, 1))
	}
	for _, name := range strings.Fields(outputs) {
		f.Graph.Output = append(f.Graph.Output, vector(name, 1))
	}
	build(f)
	b, err := proto.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	m := onnxgo.NewModel(g)
	if err := m.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	return m
}

func set(t *testing.T, m *onnxgo.Model, i int, x tensor.Tensor) {
	t.Helper()
	if err := m.SetInput(i, x); err != nil {
		t.Fatal(err)
	}
}

func row(xs ...float32) tensor.Tensor {
	return tensor.New(tensor.WithShape(len(xs)), tensor.WithBacking(xs))
}

func want(t *testing.T, g *Graph, m *onnxgo.Model, results ...any) {
	t.Helper()
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	out, err := m.GetOutputTensors()
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range results {
		if !reflect.DeepEqual(out[i].Data(), x) {
			t.Errorf("output %d is %v, want %v", i, out[i].Data(), x)
		}
	}
}

// A model runs again on other inputs, of other sizes too; a constant stays. An output may be used inside.
func TestRunAgain(t *testing.T) {
	g := NewGraph()
	m := load(t, g, "x", "s y", func(f *file) {
		f.Graph.Initializer = []*pb.TensorProto{{Name: "c", DataType: 1, Dims: []int64{1}, FloatData: []float32{10}}}
		f.node("Mul", "s", "x x")
		f.node("Sub", "y", "c s")
	})
	set(t, m, 0, row(1, 2))
	want(t, g, m, []float32{1, 4}, []float32{9, 6})
	set(t, m, 0, row(3, 1))
	want(t, g, m, []float32{9, 1}, []float32{1, 9})
	set(t, m, 0, row(1, 2, 3))
	want(t, g, m, []float32{1, 4, 9}, []float32{9, 6, 1})
}

// Arguments and results that are left out have empty names in the file.
func TestAbsent(t *testing.T) {
	g := NewGraph()
	m := load(t, g, "x", "y", func(f *file) {
		f.OpsetImport[0].Version = 11
		f.Graph.Initializer = []*pb.TensorProto{{Name: "top", DataType: 1, FloatData: []float32{3}}, {Name: "k", DataType: 7, Dims: []int64{1}, Int64Data: []int64{2}}}
		f.node("Clip", "a", "x  top")
		f.node("TopK", " b", "a k")
		f.node("Cast", "y", "b", &pb.AttributeProto{Name: "to", Type: pb.AttributeProto_INT, I: 1})
	})
	set(t, m, 0, row(1, 5, 2))
	want(t, g, m, []float32{1, 2})
}

// Views and columns are read in the order of their indices.
func TestLayouts(t *testing.T) {
	g := NewGraph()
	m := load(t, g, "x", "y", func(f *file) { f.node("Neg", "y", "x") })
	x := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	if err := x.T(); err != nil {
		t.Fatal(err)
	}
	set(t, m, 0, x)
	want(t, g, m, []float32{-1, -4, -2, -5, -3, -6})
	columns := tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float32{1, 2, 3, 4, 5, 6}))
	set(t, m, 0, columns)
	want(t, g, m, []float32{-1, -2, -3, -4, -5, -6}) // AsFortran takes rows and stores columns
	x = tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	part, err := x.Slice(nil, column(1))
	if err != nil {
		t.Fatal(err)
	}
	set(t, m, 0, part)
	want(t, g, m, []float32{-2, -5})
	set(t, m, 0, tensor.New(tensor.FromScalar(float32(2))))
	want(t, g, m, float32(-2))
}

// column is a tensor.Slice of one index.
type column int

func (c column) Start() int { return int(c) }
func (c column) End() int   { return int(c) + 1 }
func (c column) Step() int  { return 1 }

// Numbers of another type are taken where they stay the same.
func TestConversion(t *testing.T) {
	g := NewGraph()
	m := load(t, g, "x", "y", func(f *file) { f.node("Neg", "y", "x") })
	set(t, m, 0, tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{1, 2})))
	want(t, g, m, []float32{-1, -2})
	set(t, m, 0, tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 0.1})))
	wantError(t, g, `input "x": it is of type f64[2] where the model declares f32, which cannot hold 0.1`)
	set(t, m, 0, tensor.New(tensor.WithShape(1), tensor.WithBacking([]bool{true})))
	wantError(t, g, `input "x": it is of type bool[1] where the model declares f32`)
	g = NewGraph()
	m = load(t, g, "", "", func(f *file) {
		f.Graph.Input, f.Graph.Output = []*pb.ValueInfoProto{vector("x", 6)}, []*pb.ValueInfoProto{vector("y", 6)}
		f.node("Abs", "y", "x")
	})
	set(t, m, 0, tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{1, -2})))
	want(t, g, m, []int32{1, 2})
	set(t, m, 0, tensor.New(tensor.WithShape(2), tensor.WithBacking([]uint64{1 << 63, 1})))
	wantError(t, g, "which cannot hold 9.22")
}

func wantError(t *testing.T, g *Graph, text string) {
	t.Helper()
	if err := g.Run(); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %q", err, text)
	}
}

func TestErrors(t *testing.T) {
	wantError(t, NewGraph(), "no operation was applied")
	g := NewGraph()
	load(t, g, "x", "y", func(f *file) { f.node("Add", "y", "x z") })
	wantError(t, g, `node 0 (Add): argument 1: "z" has no value`)
	g = NewGraph()
	load(t, g, "x", "y", func(f *file) { f.node("Nonesuch", "z", "x"); f.node("Unheard", "y", "z") })
	wantError(t, g, "2 operators are not supported")
	g = NewGraph()
	m := load(t, g, "x", "y", func(f *file) { f.node("Softmax", "y", "x") })
	g.Opset = 99
	set(t, m, 0, row(1, 2))
	wantError(t, g, "opset 99")
}

// The opset decides what Softmax means, when it is said.
func TestOpset(t *testing.T) {
	g := NewGraph()
	m := load(t, g, "x", "y", func(f *file) { f.node("Softmax", "y", "x") })
	x := tensor.New(tensor.WithShape(1, 2, 2), tensor.WithBacking([]float32{0, 0, 0, 0}))
	set(t, m, 0, x)
	want(t, g, m, []float32{0.25, 0.25, 0.25, 0.25})
	g = NewGraph()
	g.Opset = 13
	m = load(t, g, "x", "y", func(f *file) { f.node("Softmax", "y", "x") })
	set(t, m, 0, x)
	want(t, g, m, []float32{0.5, 0.5, 0.5, 0.5})
}
