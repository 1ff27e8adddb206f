package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
)

// elems are the element types by the names that they have in emitted packages, or that Go gives them.
var elems = map[string]uint8{
	"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9, "float16": 10,
	"float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "complex128": 15, "bfloat16": 16, "float8e4m3fn": 17,
	"float8e4m3fnuz": 18, "float8e5m2": 19, "float8e5m2fnuz": 20, "uint4": 21, "int4": 22, "float4e2m1": 23, "float8e8m0": 24,
	"uint2": 25, "int2": 26,
}

// FromData is a tensor of an emitted package: its shape and a slice of its elements.
func FromData(shape []int, data any) (Tensor, error) {
	v := reflect.ValueOf(data)
	if v.Kind() != reflect.Slice {
		return Tensor{}, fmt.Errorf("a tensor's data is %T, no slice", data)
	}
	elem, ok := elems[lower(v.Type().Elem().Name())]
	if !ok {
		return Tensor{}, fmt.Errorf("a tensor's data is %T, which is no element type", data)
	}
	t := Tensor{Elem: elem, Shape: shape}
	if s, ok := data.([]string); ok {
		t.Str = s
		return t, nil
	}
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, data); err != nil {
		return t, err
	}
	t.Bytes = b.Bytes()
	return t, nil
}

func lower(s string) string { return string(bytes.ToLower([]byte(s))) }

// ToData is the slice of t's elements, of the type that like is a slice of.
func ToData(t Tensor, like any) (any, error) {
	typ := reflect.TypeOf(like)
	if typ == nil || typ.Kind() != reflect.Slice || elems[lower(typ.Elem().Name())] != t.Elem {
		return nil, fmt.Errorf("element type %d where %T is wanted", t.Elem, like)
	}
	if typ.Elem().Kind() == reflect.String {
		return append([]string{}, t.Str...), nil
	}
	n := 1
	for _, k := range t.Shape {
		n *= k
	}
	data := reflect.MakeSlice(typ, n, n).Interface()
	return data, binary.Read(bytes.NewReader(t.Bytes), binary.LittleEndian, data)
}
