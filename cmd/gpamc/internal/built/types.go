package built

import (
	"github.com/gpamc/gpamc/cmd/gpamc/internal/built/wire"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// A Form is what a package takes or gives: a tensor, by its elements, in so many sequences and optionals.
type Form struct {
	Lists []ir.Kind
	Elem  ir.Elem
}

// FormOf is the form of values of type t.
func FormOf(t ir.Type) Form {
	var f Form
	for ; t.Kind != ir.Tensor; t = *t.Of {
		f.Lists = append(f.Lists, t.Kind)
	}
	f.Elem = t.Elem
	return f
}

// A carrier is the type in which RunTensors takes and gives elements that Go has no type for: their bits.
func carrier(e ir.Elem) ir.Elem {
	switch e {
	case ir.F16, ir.BF16:
		return ir.U16
	case ir.I4, ir.I2:
		return ir.I8
	case ir.U4, ir.U2, ir.F4E2M1, ir.F8E4M3FN, ir.F8E4M3FNUZ, ir.F8E5M2, ir.F8E5M2FNUZ, ir.F8E8M0:
		return ir.U8
	}
	return e
}

var goTypes = map[ir.Elem]string{
	ir.F32: "float32", ir.F64: "float64", ir.I8: "int8", ir.I16: "int16", ir.I32: "int32", ir.I64: "int64",
	ir.U8: "uint8", ir.U16: "uint16", ir.U32: "uint32", ir.U64: "uint64", ir.Bool: "bool", ir.String: "string",
	ir.C64: "complex64", ir.C128: "complex128",
}

func valueToWire(v onnx.Value) wire.Tensor {
	if v.Kind == ir.Tensor {
		return toWire(v.Tensor)
	}
	t := wire.Tensor{List: true}
	for _, e := range v.Elems {
		t.Items = append(t.Items, valueToWire(e))
	}
	return t
}

func toWire(d *ir.Data) wire.Tensor {
	return wire.Tensor{Elem: uint8(carrier(d.Elem)), Shape: d.Shape, Bytes: d.Bytes(), Str: d.Str}
}

// valueFromWire is a value of form f.
func valueFromWire(t wire.Tensor, f Form) (v onnx.Value, err error) {
	if len(f.Lists) == 0 {
		v.Tensor, err = fromWire(t, f.Elem)
		return v, err
	}
	v.Kind = f.Lists[0]
	for _, item := range t.Items {
		e, err := valueFromWire(item, Form{f.Lists[1:], f.Elem})
		if err != nil {
			return v, err
		}
		v.Elems = append(v.Elems, e)
	}
	return v, nil
}

// fromWire is a tensor of type e, which the other side knows as its carrier.
func fromWire(t wire.Tensor, e ir.Elem) (*ir.Data, error) {
	d := ir.Raw(e, t.Shape, t.Bytes)
	if e == ir.String {
		d = ir.Strings(t.Shape, t.Str...)
	}
	return d, d.Check()
}
