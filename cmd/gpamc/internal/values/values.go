// Package values reads, writes, compares and reshapes the values that models take and give: tensors, sequences and optionals, as
// .npy files or as ONNX's .pb files.
package values

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

// Read reads a .npy or .pb file. Only the type that the model declares tells what kind of value a .pb file holds.
func Read(path string, t ir.Type) (onnx.Value, error) {
	if strings.ToLower(filepath.Ext(path)) != ".npy" {
		return onnx.ReadValue(path, t)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return onnx.Value{}, err
	}
	d, err := ParseNpy(b)
	if err != nil {
		return onnx.Value{}, fmt.Errorf("%s: %w", path, err)
	}
	return onnx.Value{Tensor: d}, nil
}

// Format is v as a .npy file, or as a .pb file under the name that v has, by the ending of the file's name.
func Format(file string, v onnx.Value) ([]byte, error) {
	if strings.ToLower(filepath.Ext(file)) != ".npy" {
		return onnx.FormatValue(v)
	}
	if v.Kind != ir.Tensor {
		return nil, fmt.Errorf("%s: a sequence or an optional can only be written as .pb", file)
	}
	b, err := FormatNpy(v.Tensor)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

// Type is v's type, with the shape that it has.
func Type(v onnx.Value) ir.Type {
	switch v.Kind {
	case ir.Sequence, ir.Optional:
		of := ir.Type{}
		if len(v.Elems) > 0 {
			of = Type(v.Elems[0])
		}
		if v.Kind == ir.Sequence {
			return ir.SequenceOf(of)
		}
		return ir.OptionalOf(of)
	}
	return v.Tensor.Type()
}

// ToRuntime is v as the reference takes it. Of t, the declared type, only what an empty sequence or optional cannot tell matters.
func ToRuntime(v onnx.Value, t ir.Type) runtime.Value {
	of := ir.Type{}
	if t.Of != nil {
		of = *t.Of
	}
	switch v.Kind {
	case ir.Sequence:
		s := &runtime.Sequence{Of: of}
		for _, e := range v.Elems {
			s.Items = append(s.Items, ToRuntime(e, of))
		}
		return s
	case ir.Optional:
		o := &runtime.Optional{Of: of}
		for _, e := range v.Elems {
			o.Value = ToRuntime(e, of)
		}
		return o
	}
	return runtime.FromData(v.Tensor)
}

// FromRuntime is a value of the reference as files and comparisons take it.
func FromRuntime(name string, v runtime.Value) onnx.Value {
	out := onnx.Value{Name: name}
	switch x := v.(type) {
	case *runtime.Tensor:
		out.Tensor = x.Data()
	case *runtime.Sequence:
		out.Kind = ir.Sequence
		for _, e := range x.Items {
			out.Elems = append(out.Elems, FromRuntime("", e))
		}
	case *runtime.Optional:
		out.Kind = ir.Optional
		if x.Value != nil {
			out.Elems = append(out.Elems, FromRuntime("", x.Value))
		}
	}
	return out
}

// Resample makes a tensor of another shape from d's elements, repeating and cropping: of the same kind as what was recorded, so that
// tokens stay in the vocabulary and masks are masks.
func Resample(d *ir.Data, shape []int) (*ir.Data, error) {
	if len(shape) != len(d.Shape) {
		return nil, fmt.Errorf("shape %v cannot become %v", d.Shape, shape)
	}
	out := ir.NewData(d.Elem, shape...)
	if out.Len() > 0 && d.Len() == 0 {
		return nil, fmt.Errorf("shape %v has no elements to fill %v with", d.Shape, shape)
	}
	to, b, size := out.Bytes(), d.Bytes(), d.Elem.Size()
	at := make([]int, len(shape))
	for i := range out.Len() {
		from := 0
		for axis, k := range at {
			from = from*d.Shape[axis] + k%d.Shape[axis]
		}
		if d.Elem == ir.String {
			out.Str[i] = d.Str[from]
		} else {
			copy(to[i*size:], b[from*size:(from+1)*size])
		}
		advance(at, shape)
	}
	return out, nil
}
