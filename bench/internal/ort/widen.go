package ort

import (
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// widen ends m's outputs of two-byte floating-point numbers with a Cast to float32 and returns their types.
func widen(m *pb.ModelProto) map[int]ir.Elem {
	types := map[int]ir.Elem{}
	for i, out := range m.GetGraph().GetOutput() {
		t := out.GetType().GetTensorType()
		e := ir.Elem(t.GetElemType())
		if e != ir.F16 && e != ir.BF16 {
			continue
		}
		types[i] = e
		name := out.GetName() + "/float32"
		m.Graph.Node = append(m.Graph.Node, &pb.NodeProto{
			OpType: "Cast", Input: []string{out.GetName()}, Output: []string{name},
			Attribute: []*pb.AttributeProto{{Name: "to", Type: pb.AttributeProto_INT, I: int64(ir.F32)}},
		})
		m.Graph.Output[i] = &pb.ValueInfoProto{Name: name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
			TensorType: &pb.TypeProto_Tensor{ElemType: int32(ir.F32), Shape: t.Shape}}}}
	}
	return types
}

// narrow undoes the Cast, without loss.
func narrow(d *ir.Data, e ir.Elem) *ir.Data {
	out := ir.NewData(e, d.Shape...)
	for i := range d.Len() {
		out.SetFloat(i, d.Float(i))
	}
	return out
}
