package onnx

import (
	"path/filepath"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// ImportNamed is Import of a model as it would be if it had been exported for all sizes: the sizes of its inputs are names, one for each
// number that occurs, s3 for 3, unless keep says of an input's type that its own stay. Of the shapes declared for other values only the
// ranks remain. What sequences and optionals hold has names of its own.
func ImportNamed(path string, keep func(t ir.Type) bool) (*ir.Program, error) {
	b, err := readModel(path)
	if err != nil {
		return nil, err
	}
	return importModel(path, b, newFolder(filepath.Dir(path)), func(g *pb.GraphProto) { nameSizes(g, keep) })
}

func nameSizes(g *pb.GraphProto, keep func(t ir.Type) bool) {
	stored := initializerNames(g)
	for _, in := range g.Input {
		if t, err := typeOf(in.Type, plainDim); stored[in.GetName()] || err != nil || keep(t) {
			continue
		}
		if in.Type.GetTensorType() == nil {
			forgetSizes(in.Type)
			continue
		}
		for _, d := range shapeProto(in.Type) {
			if n, ok := number(d); ok {
				d.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: "s" + n.String()}
			}
		}
	}
	forgetInner(g)
}

// forgetInner leaves of the shapes that g declares for what it computes their ranks, and in the graphs of its nodes.
func forgetInner(g *pb.GraphProto) {
	for _, v := range slices.Concat(g.ValueInfo, g.Output) {
		forgetSizes(v.Type)
	}
	for _, n := range g.Node {
		for _, a := range n.Attribute {
			for _, body := range append(a.Graphs, a.G) {
				for _, v := range body.GetInput() {
					forgetSizes(v.Type)
				}
				if body != nil {
					forgetInner(body)
				}
			}
		}
	}
}

func plainDim(d *pb.TensorShapeProto_Dimension) ir.Dim {
	n, _ := number(d)
	return n
}

// forgetSizes leaves of a type's shapes their ranks.
func forgetSizes(t *pb.TypeProto) {
	switch v := t.GetValue().(type) {
	case *pb.TypeProto_TensorType:
		for _, d := range v.TensorType.GetShape().GetDim() {
			d.Value = nil
		}
	case *pb.TypeProto_SequenceType:
		forgetSizes(v.SequenceType.GetElemType())
	case *pb.TypeProto_OptionalType:
		forgetSizes(v.OptionalType.GetElemType())
	}
}
