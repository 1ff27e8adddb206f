package onnxgo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/tensor"
)

// An encoder writes the graph as an ONNX model again. There the values have numbers for names: onnx-go's names need not differ.
type encoder struct {
	*pb.GraphProto
	known map[*Node]bool
}

func (g *Graph) encode(opset int, inputs, results []*Node) ([]byte, error) {
	e := &encoder{&pb.GraphProto{Name: "model"}, map[*Node]bool{}}
	for _, n := range inputs {
		d, err := n.data()
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", n.name, err)
		}
		e.known[n] = true
		e.Input = append(e.Input, valueInfo(n, d))
	}
	for i, op := range g.ops {
		if err := e.operation(op); err != nil {
			return nil, fmt.Errorf("node %d (%s): %w", i, op.Name, err)
		}
	}
	for _, n := range results {
		e.Output = append(e.Output, &pb.ValueInfoProto{Name: n.place()})
	}
	m := &pb.ModelProto{IrVersion: 10, Graph: e.GraphProto, OpsetImport: []*pb.OperatorSetIdProto{{Version: int64(opset)}}}
	return proto.Marshal(m)
}

func (n *Node) place() string { return strconv.FormatInt(n.id, 10) }

func valueInfo(n *Node, d *ir.Data) *pb.ValueInfoProto {
	t := &pb.TypeProto_Tensor{ElemType: int32(d.Elem), Shape: &pb.TensorShapeProto{}}
	for _, k := range d.Shape {
		t.Shape.Dim = append(t.Shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(k)}})
	}
	return &pb.ValueInfoProto{Name: n.place(), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: t}}}
}

func (e *encoder) operation(op operation) error {
	p := &pb.NodeProto{OpType: op.Name}
	for _, r := range op.results {
		if r == nil {
			p.Output = append(p.Output, "")
			continue
		}
		e.known[r] = true
		p.Output = append(p.Output, r.place())
		if p.Name == "" {
			p.Name = r.name // nodes have no names here; that of what it computes tells the user which it is
		}
	}
	for i, a := range op.args {
		if a == nil {
			p.Input = append(p.Input, "")
			continue
		}
		if err := e.constant(a); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
		p.Input = append(p.Input, a.place())
	}
	for _, name := range slices.Sorted(maps.Keys(op.Attributes)) {
		a, err := attribute(name, op.Attributes[name])
		if err != nil {
			return err
		}
		p.Attribute = append(p.Attribute, a)
	}
	e.Node = append(e.Node, p)
	return nil
}

// constant makes n, which the file has set or nobody, an initializer.
func (e *encoder) constant(n *Node) error {
	if e.known[n] || n.made {
		return nil
	}
	if n.t == nil {
		return fmt.Errorf("%q has no value: SetInput gives it one", n.name)
	}
	d, err := n.data()
	if err != nil {
		return fmt.Errorf("%q: %w", n.name, err)
	}
	e.known[n] = true
	e.Initializer = append(e.Initializer, tensorProto(n.place(), d))
	return nil
}

func tensorProto(name string, d *ir.Data) *pb.TensorProto {
	t := &pb.TensorProto{Name: name, DataType: int32(d.Elem), RawData: d.Bytes()}
	for _, k := range d.Shape {
		t.Dims = append(t.Dims, int64(k))
	}
	for _, s := range d.Str {
		t.StringData = append(t.StringData, []byte(s))
	}
	return t
}

// attribute writes an attribute of one of the kinds that onnx-go reads.
func attribute(name string, v any) (*pb.AttributeProto, error) {
	a := &pb.AttributeProto{Name: name}
	switch v := v.(type) {
	case float32:
		a.Type, a.F = pb.AttributeProto_FLOAT, v
	case int64:
		a.Type, a.I = pb.AttributeProto_INT, v
	case string:
		a.Type, a.S = pb.AttributeProto_STRING, []byte(v)
	case []float32:
		a.Type, a.Floats = pb.AttributeProto_FLOATS, v
	case []int64:
		a.Type, a.Ints = pb.AttributeProto_INTS, v
	case []string:
		a.Type = pb.AttributeProto_STRINGS
		for _, s := range v {
			a.Strings = append(a.Strings, []byte(s))
		}
	case tensor.Tensor:
		d, err := dataOf(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		a.Type, a.T = pb.AttributeProto_TENSOR, tensorProto("", d)
	default:
		return nil, fmt.Errorf("attribute %q holds a %T; numbers, strings, lists of them and tensors are supported", name, v)
	}
	return a, nil
}
