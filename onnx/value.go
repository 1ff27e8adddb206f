package onnx

import (
	"fmt"
	"os"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// A Value is what a file of test data holds: a tensor, a sequence of values, or an optional value.
type Value struct {
	Name   string
	Kind   ir.Kind
	Tensor *ir.Data // of a Tensor
	Elems  []Value  // of a Sequence; of an Optional, none or one
}

// ReadTensor reads a file that holds a TensorProto, and the name in it.
func ReadTensor(path string) (*ir.Data, string, error) {
	v, err := ReadValue(path, ir.Type{})
	return v.Tensor, v.Name, err
}

// ReadValue reads a file that holds a TensorProto, a SequenceProto or an OptionalProto: which of them, only the type that the model
// declares for it tells. Of the type, only the kinds matter.
func ReadValue(path string, t ir.Type) (Value, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Value{}, err
	}
	v, err := ParseValue(b, t)
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// ParseValue is ReadValue of bytes.
func ParseValue(b []byte, t ir.Type) (Value, error) {
	switch t.Kind {
	case ir.Sequence:
		m := &pb.SequenceProto{}
		if err := proto.Unmarshal(b, m); err != nil {
			return Value{}, fmt.Errorf("no SequenceProto: %w", err)
		}
		return sequenceValue(m)
	case ir.Optional:
		m := &pb.OptionalProto{}
		if err := proto.Unmarshal(b, m); err != nil {
			return Value{}, fmt.Errorf("no OptionalProto: %w", err)
		}
		return optionalValue(m)
	}
	m := &pb.TensorProto{}
	if err := proto.Unmarshal(b, m); err != nil {
		return Value{}, fmt.Errorf("no TensorProto: %w", err)
	}
	return tensorValue(m)
}

func tensorValue(m *pb.TensorProto) (Value, error) {
	d, err := tensorData(m, nil)
	return Value{Name: m.GetName(), Tensor: d}, err
}

func sequenceValue(m *pb.SequenceProto) (Value, error) {
	v := Value{Name: m.GetName(), Kind: ir.Sequence}
	add := func(e Value, err error) error {
		v.Elems = append(v.Elems, e)
		return err
	}
	for _, t := range m.TensorValues {
		if err := add(tensorValue(t)); err != nil {
			return v, err
		}
	}
	for _, t := range m.SparseTensorValues {
		d, err := sparseData(t, nil)
		if err := add(Value{Tensor: d}, err); err != nil {
			return v, err
		}
	}
	for _, s := range m.SequenceValues {
		if err := add(sequenceValue(s)); err != nil {
			return v, err
		}
	}
	for _, o := range m.OptionalValues {
		if err := add(optionalValue(o)); err != nil {
			return v, err
		}
	}
	if len(m.MapValues) > 0 {
		return v, fmt.Errorf("sequence %q: maps are not supported", m.GetName())
	}
	return v, nil
}

func optionalValue(m *pb.OptionalProto) (v Value, err error) {
	var e Value
	switch {
	case m.TensorValue != nil:
		e, err = tensorValue(m.TensorValue)
	case m.SparseTensorValue != nil:
		e.Tensor, err = sparseData(m.SparseTensorValue, nil)
	case m.SequenceValue != nil:
		e, err = sequenceValue(m.SequenceValue)
	case m.OptionalValue != nil:
		e, err = optionalValue(m.OptionalValue)
	case m.MapValue != nil:
		return v, fmt.Errorf("optional %q: maps are not supported", m.GetName())
	default:
		return Value{Name: m.GetName(), Kind: ir.Optional}, nil
	}
	return Value{Name: m.GetName(), Kind: ir.Optional, Elems: []Value{e}}, err
}

// WriteTensor writes d as a TensorProto.
func WriteTensor(path, name string, d *ir.Data) error {
	return WriteValue(path, Value{Name: name, Tensor: d})
}

// WriteValue writes v as ONNX's test data has it.
func WriteValue(path string, v Value) error {
	b, err := FormatValue(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, b, 0o666)
}

// FormatValue is the contents of the file that WriteValue writes.
func FormatValue(v Value) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(v.message())
}

func (v Value) message() proto.Message {
	switch v.Kind {
	case ir.Sequence:
		return v.sequence()
	case ir.Optional:
		return v.optional()
	}
	return tensorProto(v.Name, v.Tensor)
}

func (v Value) sequence() *pb.SequenceProto {
	m := &pb.SequenceProto{Name: v.Name, ElemType: int32(pb.SequenceProto_TENSOR)}
	for _, e := range v.Elems {
		switch e := e.message().(type) {
		case *pb.TensorProto:
			m.TensorValues = append(m.TensorValues, e)
		case *pb.SequenceProto:
			m.ElemType = int32(pb.SequenceProto_SEQUENCE)
			m.SequenceValues = append(m.SequenceValues, e)
		case *pb.OptionalProto:
			m.ElemType = int32(pb.SequenceProto_OPTIONAL)
			m.OptionalValues = append(m.OptionalValues, e)
		}
	}
	return m
}

func (v Value) optional() *pb.OptionalProto {
	m := &pb.OptionalProto{Name: v.Name}
	if len(v.Elems) == 0 {
		return m
	}
	switch e := v.Elems[0].message().(type) {
	case *pb.TensorProto:
		m.ElemType, m.TensorValue = int32(pb.OptionalProto_TENSOR), e
	case *pb.SequenceProto:
		m.ElemType, m.SequenceValue = int32(pb.OptionalProto_SEQUENCE), e
	case *pb.OptionalProto:
		m.ElemType, m.OptionalValue = int32(pb.OptionalProto_OPTIONAL), e
	}
	return m
}
