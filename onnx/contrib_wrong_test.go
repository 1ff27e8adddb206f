package onnx

import (
	"fmt"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// Whatever is wrong with the use of an operator of ONNX Runtime's own, import returns an error or a program that verifies.
func TestContributedWrong(t *testing.T) {
	for _, s := range onnxtest.Contributed() {
		for _, change := range wrongUses(s.Model) {
			m := proto.Clone(s.Model).(*pb.ModelProto)
			change.apply(m)
			b, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			tryImport(t, s.Name+", "+change.name, b)
		}
	}
}

func tryImport(t *testing.T, name string, b []byte) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: %v", name, r)
		}
	}()
	if p, err := ImportBytes("m.onnx", b); err == nil {
		if err := ir.Verify(p.Main); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type wrongUse struct {
	name  string
	apply func(m *pb.ModelProto)
}

// wrongUses leaves out each input of m's node and each attribute, and gives them other types and values.
func wrongUses(m *pb.ModelProto) (out []wrongUse) {
	add := func(name string, f func(g *pb.GraphProto)) {
		out = append(out, wrongUse{name, func(m *pb.ModelProto) { f(m.Graph) }})
	}
	add("no inputs", func(g *pb.GraphProto) { g.Node[0].Input = nil })
	for i := range m.Graph.Node[0].Input {
		add(fmt.Sprintf("without input %d", i), func(g *pb.GraphProto) { g.Node[0].Input[i] = "" })
		add(fmt.Sprintf("with %d inputs", i), func(g *pb.GraphProto) { g.Node[0].Input = g.Node[0].Input[:i] })
		add(fmt.Sprintf("input %d twice", i), func(g *pb.GraphProto) { g.Node[0].Input[i] = g.Node[0].Input[0] })
	}
	for i := range m.Graph.Input {
		typeOf := func(g *pb.GraphProto) *pb.TypeProto_Tensor { return g.Input[i].GetType().GetTensorType() }
		add(fmt.Sprintf("input %d unranked", i), func(g *pb.GraphProto) { typeOf(g).Shape = nil })
		add(fmt.Sprintf("input %d a number", i), func(g *pb.GraphProto) { typeOf(g).Shape.Dim = nil })
		add(fmt.Sprintf("input %d with more axes", i), func(g *pb.GraphProto) {
			s := typeOf(g).Shape
			s.Dim = append(s.Dim, s.Dim...)
		})
		add(fmt.Sprintf("input %d empty", i), func(g *pb.GraphProto) {
			for _, d := range typeOf(g).Shape.Dim {
				d.Value = &pb.TensorShapeProto_Dimension_DimValue{}
			}
		})
		for _, e := range []pb.TensorProto_DataType{pb.TensorProto_STRING, pb.TensorProto_FLOAT16, pb.TensorProto_INT64} {
			add(fmt.Sprintf("input %d of %s", i, e), func(g *pb.GraphProto) { typeOf(g).ElemType = int32(e) })
		}
	}
	for i, w := range m.Graph.Initializer {
		add("one "+w.Name, func(g *pb.GraphProto) {
			g.Initializer[i] = &pb.TensorProto{Name: w.Name, DataType: w.DataType, RawData: w.RawData[:min(len(w.RawData), elementSize(w))]}
		})
		add("no "+w.Name, func(g *pb.GraphProto) {
			g.Initializer[i] = &pb.TensorProto{Name: w.Name, DataType: w.DataType, Dims: []int64{0}}
		})
		add("empty "+w.Name, func(g *pb.GraphProto) {
			g.Initializer[i] = &pb.TensorProto{Name: w.Name, DataType: w.DataType, Dims: make([]int64, len(w.Dims))}
		})
		add("longer "+w.Name, func(g *pb.GraphProto) { g.Initializer[i].Dims = append([]int64{1}, w.Dims...) })
	}
	for i, a := range m.Graph.Node[0].Attribute {
		add("without "+a.Name, func(g *pb.GraphProto) {
			all := g.Node[0].Attribute
			g.Node[0].Attribute = append(all[:i:i], all[i+1:]...)
		})
		for _, x := range []int64{-1, 0, 1, 7, 1 << 40, -1 << 63} {
			add(fmt.Sprintf("%s=%d", a.Name, x), func(g *pb.GraphProto) {
				g.Node[0].Attribute[i] = &pb.AttributeProto{Name: a.Name, Type: pb.AttributeProto_INT, I: x}
			})
		}
		add(a.Name+" a float", func(g *pb.GraphProto) { g.Node[0].Attribute[i] = onnxtest.Attr(a.Name, 0.0) })
		add(a.Name+" a string", func(g *pb.GraphProto) { g.Node[0].Attribute[i] = onnxtest.Attr(a.Name, "x") })
	}
	return out
}

// elementSize is the number of bytes of one element of t.
func elementSize(t *pb.TensorProto) int {
	switch pb.TensorProto_DataType(t.DataType) {
	case pb.TensorProto_FLOAT, pb.TensorProto_INT32:
		return 4
	case pb.TensorProto_INT64:
		return 8
	case pb.TensorProto_UINT16, pb.TensorProto_INT16:
		return 2
	}
	return 1
}
