package onnx

import (
	"fmt"

	"github.com/gpamc/gpamc/onnx/pb"
)

// attributes reads a node's attributes, those that refer to the attributes of the function around them resolved. Graphs are among
// them as they are.
func (s *scope) attributes(n *pb.NodeProto) (map[string]any, error) {
	attrs := map[string]any{}
	for _, a := range n.Attribute {
		name := a.GetName()
		if ref := a.GetRefAttrName(); ref != "" {
			given := s.attrs[ref]
			if given == nil {
				continue // the caller left it out, so this node does
			}
			a = given
		}
		if _, ok := attrs[name]; ok {
			return nil, fmt.Errorf("attribute %q stands twice", name)
		}
		v, err := s.attribute(a)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		attrs[name] = v
	}
	return attrs, nil
}

func (s *scope) attribute(a *pb.AttributeProto) (any, error) {
	switch kindOf(a) {
	case pb.AttributeProto_FLOAT:
		return float64(a.F), nil
	case pb.AttributeProto_INT:
		return a.I, nil
	case pb.AttributeProto_STRING:
		return string(a.S), nil
	case pb.AttributeProto_TENSOR:
		if a.T == nil {
			return nil, fmt.Errorf("its tensor is missing")
		}
		return tensorData(a.T, s.im.files)
	case pb.AttributeProto_SPARSE_TENSOR:
		if a.SparseTensor == nil {
			return nil, fmt.Errorf("its tensor is missing")
		}
		return sparseData(a.SparseTensor, s.im.files)
	case pb.AttributeProto_GRAPH:
		if a.G == nil {
			return nil, fmt.Errorf("its graph is missing")
		}
		return a.G, nil
	case pb.AttributeProto_TYPE_PROTO:
		return s.im.dims.declared(a.Tp)
	case pb.AttributeProto_FLOATS:
		fs := make([]float64, len(a.Floats))
		for i, f := range a.Floats {
			fs[i] = float64(f)
		}
		return fs, nil
	case pb.AttributeProto_INTS:
		return append([]int64{}, a.Ints...), nil
	case pb.AttributeProto_STRINGS:
		ss := make([]string, len(a.Strings))
		for i, b := range a.Strings {
			ss[i] = string(b)
		}
		return ss, nil
	}
	return nil, fmt.Errorf("attributes of kind %s are not supported", a.Type)
}

// kindOf is the attribute's kind; files older than the field for it show it by what is there.
func kindOf(a *pb.AttributeProto) pb.AttributeProto_AttributeType {
	switch {
	case a.Type != pb.AttributeProto_UNDEFINED:
		return a.Type
	case a.T != nil:
		return pb.AttributeProto_TENSOR
	case a.G != nil:
		return pb.AttributeProto_GRAPH
	case len(a.S) > 0:
		return pb.AttributeProto_STRING
	case len(a.Floats) > 0:
		return pb.AttributeProto_FLOATS
	case len(a.Ints) > 0:
		return pb.AttributeProto_INTS
	case len(a.Strings) > 0:
		return pb.AttributeProto_STRINGS
	case a.F != 0:
		return pb.AttributeProto_FLOAT
	}
	return pb.AttributeProto_INT
}
