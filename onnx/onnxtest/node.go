package onnxtest

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"
)

// Node makes a node from the text "y, z = Op(x, , w)" or "y = some.domain::Op:overload(x)". It is named after its first output.
func Node(text string, attrs ...*pb.AttributeProto) *pb.NodeProto {
	out, rest, _ := strings.Cut(text, " = ")
	name, args, _ := strings.Cut(strings.TrimSuffix(rest, ")"), "(")
	n := &pb.NodeProto{OpType: name, Attribute: attrs, Output: list(out), Input: list(args)}
	n.Name = "n_" + n.Output[0]
	if domain, op, ok := strings.Cut(name, "::"); ok {
		n.Domain, n.OpType = domain, op
	}
	n.OpType, n.Overload, _ = strings.Cut(n.OpType, ":")
	return n
}

func list(s string) (out []string) {
	if s == "" {
		return nil
	}
	for _, f := range strings.Split(s, ",") {
		out = append(out, strings.TrimSpace(f))
	}
	return out
}

// Attr makes an attribute of the kind that v has. The string "$name" refers to an integer attribute of the function around.
func Attr(name string, v any) *pb.AttributeProto {
	a := &pb.AttributeProto{Name: name}
	switch v := v.(type) {
	case int:
		a.Type, a.I = pb.AttributeProto_INT, int64(v)
	case float64:
		a.Type, a.F = pb.AttributeProto_FLOAT, float32(v)
	case string:
		if ref, ok := strings.CutPrefix(v, "$"); ok {
			a.Type, a.RefAttrName = pb.AttributeProto_INT, ref
			break
		}
		a.Type, a.S = pb.AttributeProto_STRING, []byte(v)
	case []int64:
		a.Type, a.Ints = pb.AttributeProto_INTS, v
	case []float64:
		a.Type = pb.AttributeProto_FLOATS
		for _, x := range v {
			a.Floats = append(a.Floats, float32(x))
		}
	case []string:
		a.Type = pb.AttributeProto_STRINGS
		for _, s := range v {
			a.Strings = append(a.Strings, []byte(s))
		}
	case *pb.GraphProto:
		a.Type, a.G = pb.AttributeProto_GRAPH, v
	case *pb.TensorProto:
		a.Type, a.T = pb.AttributeProto_TENSOR, v
	default:
		panic(fmt.Sprintf("BUG: no attribute holds a %T", v))
	}
	return a
}

// Tensor is a tensor of the elements v, in their type; bytes are uint8.
func Tensor[T float32 | int64 | int32 | uint8 | int8 | bool](name string, v []T, dims ...int64) *pb.TensorProto {
	t := &pb.TensorProto{Name: name, Dims: dims}
	elem := pb.TensorProto_INT64
	switch v := any(v).(type) {
	case []float32:
		elem, t.RawData = pb.TensorProto_FLOAT, rawFloats(v)
	case []int64:
		t.RawData = rawInts(v)
	case []int32:
		elem = pb.TensorProto_INT32
		for _, x := range v {
			t.RawData = binary.LittleEndian.AppendUint32(t.RawData, uint32(x))
		}
	case []uint8:
		elem, t.RawData = pb.TensorProto_UINT8, v
	case []int8:
		elem = pb.TensorProto_INT8
		for _, x := range v {
			t.RawData = append(t.RawData, byte(x))
		}
	case []bool:
		elem, t.RawData = pb.TensorProto_BOOL, make([]byte, len(v))
		for i, x := range v {
			if x {
				t.RawData[i] = 1
			}
		}
	}
	t.DataType = int32(elem)
	return t
}
