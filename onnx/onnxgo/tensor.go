package onnxgo

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"gorgonia.org/tensor"
)

// dtypes has, for our element types, those of tensors that hold the same numbers.
var dtypes = map[ir.Elem]tensor.Dtype{
	ir.F32: tensor.Float32, ir.F64: tensor.Float64, ir.Bool: tensor.Bool, ir.String: tensor.String, ir.C64: tensor.Complex64, ir.C128: tensor.Complex128,
	ir.I8: tensor.Int8, ir.I16: tensor.Int16, ir.I32: tensor.Int32, ir.I64: tensor.Int64,
	ir.U8: tensor.Uint8, ir.U16: tensor.Uint16, ir.U32: tensor.Uint32, ir.U64: tensor.Uint64,
}

// dataOf copies a tensor, which may be a view or stored column by column, row by row.
func dataOf(t tensor.Tensor) (*ir.Data, error) {
	dense, ok := t.(*tensor.Dense)
	if !ok {
		return nil, fmt.Errorf("a tensor of type %T; dense ones are supported", t)
	}
	if dense.IsMasked() {
		return nil, fmt.Errorf("masked tensors are not supported")
	}
	elem := elemOf(t.Dtype())
	if elem == ir.NoElem {
		return nil, fmt.Errorf("elements of type %s are not supported", t.Dtype())
	}
	shape := slices.Clone([]int(t.Shape()))
	values := reflect.ValueOf(dense.Data())
	if values.Kind() != reflect.Slice { // a scalar is its own data
		one := reflect.MakeSlice(reflect.SliceOf(values.Type()), 1, 1)
		one.Index(0).Set(values)
		values = one
	} else if dense.RequiresIterator() || dense.DataOrder().IsColMajor() {
		values = inOrder(dense, values)
	}
	if elem == ir.String {
		return ir.Strings(shape, slices.Clone(values.Interface().([]string))...), nil
	}
	b, err := binary.Append(nil, binary.LittleEndian, values.Interface())
	if err != nil {
		return nil, err
	}
	d := ir.Raw(elem, shape, b)
	return d, d.Check()
}

func elemOf(dt tensor.Dtype) ir.Elem {
	for e, d := range dtypes {
		if d == dt {
			return e
		}
	}
	return ir.NoElem
}

// data is what the node holds, as elements of the type that the model declares.
func (n *Node) data() (*ir.Data, error) {
	d, err := dataOf(n.t)
	if err != nil || n.typed == nil || elemOf(*n.typed) == d.Elem {
		return d, err
	}
	e := elemOf(*n.typed)
	number := func(e ir.Elem) bool { return e.IsFloat() || e.IsInt() }
	if !number(e) || !number(d.Elem) {
		return nil, fmt.Errorf("it is of type %s where the model declares %s", d.Type(), e)
	}
	out := ir.NewData(e, d.Shape...)
	for i := range d.Len() {
		x := d.Float(i)
		if e.IsInt() && d.Elem.IsInt() {
			out.SetInt(i, d.Int(i))
			if out.Int(i) == d.Int(i) && (out.Float(i) < 0) == (x < 0) {
				continue
			}
		}
		out.SetFloat(i, x)
		if y := out.Float(i); x != y && (x == x || y == y) {
			return nil, fmt.Errorf("it is of type %s where the model declares %s, which cannot hold %v", d.Type(), e, x)
		}
	}
	return out, nil
}

// inOrder copies the elements in the order of their indices, the last fastest.
func inOrder(t *tensor.Dense, values reflect.Value) reflect.Value {
	shape, strides := t.Shape(), t.Strides()
	out := reflect.MakeSlice(values.Type(), 0, shape.TotalSize())
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(shape) {
			out = reflect.Append(out, values.Index(at))
			return
		}
		for i := range shape[axis] {
			walk(axis+1, at+i*strides[axis])
		}
	}
	walk(0, 0)
	return out
}

// tensorOf makes a tensor of d.
func tensorOf(d *ir.Data) (tensor.Tensor, error) {
	dt, ok := dtypes[d.Elem]
	if !ok {
		return nil, fmt.Errorf("tensors cannot hold elements of type %s", d.Elem)
	}
	var values any = slices.Clone(d.Str)
	if d.Elem != ir.String {
		values = reflect.MakeSlice(reflect.SliceOf(dt.Type), d.Len(), d.Len()).Interface()
		if _, err := binary.Decode(d.Bytes(), binary.LittleEndian, values); err != nil {
			return nil, err
		}
	}
	if len(d.Shape) == 0 {
		return tensor.New(tensor.FromScalar(reflect.ValueOf(values).Index(0).Interface())), nil
	}
	return tensor.New(tensor.WithShape(d.Shape...), tensor.WithBacking(values)), nil
}
