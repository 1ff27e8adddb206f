package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// A fileSource finds the bytes of a tensor that lie in a file beside the model.
type fileSource interface {
	// bytes returns size bytes at the place that entries describe, or an error.
	bytes(entries []*pb.StringStringEntryProto, size int) ([]byte, error)
}

// shapeOf turns the dimensions of a stored tensor into ints, and counts its elements.
func shapeOf(dims []int64) (shape []int, n int, err error) {
	n, shape = 1, make([]int, len(dims))
	for i, d := range dims {
		if d < 0 {
			return nil, 0, fmt.Errorf("negative dimension in shape %v", dims)
		}
		if d > 0 && n > math.MaxInt64/64/int(d) {
			return nil, 0, fmt.Errorf("impossible shape %v", dims)
		}
		shape[i] = int(d)
		n *= int(d)
	}
	return shape, n, nil
}

// tensorData decodes a stored tensor. The bytes are shared with t or with the file that holds them wherever the two encodings agree.
func tensorData(t *pb.TensorProto, files fileSource) (*ir.Data, error) {
	d, err := decodeTensor(t, files)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.GetName(), err)
	}
	return d, nil
}

func decodeTensor(t *pb.TensorProto, files fileSource) (*ir.Data, error) {
	e := ir.Elem(t.GetDataType())
	if t.GetDataType() < 0 || t.GetDataType() > math.MaxUint8 || !e.Valid() {
		return nil, fmt.Errorf("no element type has the number %d", t.GetDataType())
	}
	if t.Segment != nil {
		return nil, errors.New("tensors in segments are not supported")
	}
	shape, n, err := shapeOf(t.Dims)
	if err != nil {
		return nil, err
	}
	if e == ir.String && t.DataLocation != pb.TensorProto_EXTERNAL {
		text := make([]string, len(t.StringData))
		for i, s := range t.StringData {
			text[i] = string(s)
		}
		d := ir.Strings(shape, text...)
		return d, d.Check()
	}
	var b []byte
	switch {
	case t.DataLocation == pb.TensorProto_EXTERNAL:
		if files == nil {
			return nil, errors.New("its data is in another file, and there is none here")
		}
		if e == ir.String {
			return nil, errors.New("strings cannot be in another file")
		}
		b, err = files.bytes(t.ExternalData, storedSize(e, n))
		if err == nil {
			b, err = Unpack(e, b, n)
		}
	case len(t.RawData) > 0:
		b, err = Unpack(e, t.RawData, n)
	default:
		b, err = typedBytes(e, t, n)
	}
	if err != nil {
		return nil, err
	}
	d := ir.Raw(e, shape, b)
	return d, d.Check()
}

// storedSize is the number of bytes that n elements take in a file, where small ones are packed.
func storedSize(e ir.Elem, n int) int { return (n*e.Bits() + 7) / 8 }

// Unpack turns n elements as ONNX stores them into the bytes of an ir.Data: elements of less than a byte are spread to one each, the
// others are returned as they are.
func Unpack(e ir.Elem, raw []byte, n int) ([]byte, error) {
	if len(raw) != storedSize(e, n) {
		return nil, fmt.Errorf("%d bytes where %d elements of %s take %d", len(raw), n, e, storedSize(e, n))
	}
	bits := e.Bits()
	if bits >= 8 {
		return raw, nil
	}
	out := make([]byte, n)
	for i := range out {
		at := i * bits
		v := raw[at/8] >> (at % 8) & (1<<bits - 1)
		if e.IsSigned() {
			v = uint8(int8(v<<(8-bits)) >> (8 - bits))
		}
		out[i] = v
	}
	return out, nil
}

// Pack returns d's bytes as ONNX stores them: elements of less than a byte share one.
func Pack(d *ir.Data) []byte {
	bits := d.Elem.Bits()
	if bits >= 8 {
		return d.Bytes()
	}
	out := make([]byte, storedSize(d.Elem, len(d.Bytes())))
	for i, v := range d.Bytes() {
		at := i * bits
		out[at/8] |= v & (1<<bits - 1) << (at % 8)
	}
	return out
}

// typedBytes collects elements from the field that ONNX assigns to their type.
func typedBytes(e ir.Elem, t *pb.TensorProto, n int) ([]byte, error) {
	var out []byte
	var have int
	put := binary.LittleEndian
	switch e {
	case ir.F32, ir.C64:
		have = len(t.FloatData)
		for _, x := range t.FloatData {
			out = put.AppendUint32(out, math.Float32bits(x))
		}
	case ir.F64, ir.C128:
		have = len(t.DoubleData)
		for _, x := range t.DoubleData {
			out = put.AppendUint64(out, math.Float64bits(x))
		}
	case ir.I64:
		have = len(t.Int64Data)
		for _, x := range t.Int64Data {
			out = put.AppendUint64(out, uint64(x))
		}
	case ir.U32, ir.U64:
		have = len(t.Uint64Data)
		for _, x := range t.Uint64Data {
			out = appendInt(out, e.Size(), x)
		}
	default: // the small types, as numbers or as bits; under a byte, one packed byte in each int32
		have = len(t.Int32Data)
		for _, x := range t.Int32Data {
			out = appendInt(out, e.Size(), uint64(x))
		}
	}
	want := n
	switch {
	case e.IsComplex():
		want = 2 * n
	case e.Bits() < 8:
		want = storedSize(e, n)
	}
	if have != want {
		return nil, fmt.Errorf("%d stored numbers where %d elements of %s take %d", have, n, e, want)
	}
	if e.Bits() < 8 {
		return Unpack(e, out, n)
	}
	return out, nil
}

func appendInt(b []byte, size int, x uint64) []byte {
	for range size {
		b = append(b, uint8(x))
		x >>= 8
	}
	return b
}

// sparseLimit is how many times larger than its stored values a sparse tensor may become; a file of a few bytes must not ask for all
// of the memory.
const sparseLimit = 1000

// sparseData spreads a sparse tensor's values among zeros.
func sparseData(s *pb.SparseTensorProto, files fileSource) (*ir.Data, error) {
	name := s.GetValues().GetName()
	wrap := func(err error) error { return fmt.Errorf("sparse tensor %q: %w", name, err) }
	if s.Values == nil || s.Indices == nil {
		return nil, wrap(errors.New("values or indices are missing"))
	}
	values, err := tensorData(s.Values, files)
	if err != nil {
		return nil, wrap(err)
	}
	at, err := tensorData(s.Indices, files)
	if err != nil {
		return nil, wrap(err)
	}
	shape, n, err := shapeOf(s.Dims)
	if err != nil {
		return nil, wrap(err)
	}
	count, rank := values.Len(), len(shape)
	linear := slices.Equal(at.Shape, []int{count})
	switch {
	case values.Elem == ir.String:
		return nil, wrap(errors.New("strings are not supported"))
	case at.Elem != ir.I64 || !linear && !slices.Equal(at.Shape, []int{count, rank}):
		return nil, wrap(fmt.Errorf("indices are %s, want i64[%d] or i64[%d,%d]", at.Type(), count, count, rank))
	case n*values.Elem.Size() > sparseLimit*(count*values.Elem.Size()+1024):
		return nil, wrap(fmt.Errorf("%d values for shape %v are too few", count, shape))
	}
	d := ir.NewData(values.Elem, shape...)
	size := values.Elem.Size()
	for i := range count {
		place, ok := sparsePlace(at, i, shape, linear)
		if !ok || place < 0 || place >= n {
			return nil, wrap(fmt.Errorf("index %d is outside of shape %v", i, shape))
		}
		copy(d.Bytes()[place*size:], values.Bytes()[i*size:(i+1)*size])
	}
	return d, nil
}

// sparsePlace is where value i goes, counted row by row.
func sparsePlace(at *ir.Data, i int, shape []int, linear bool) (place int, ok bool) {
	if linear {
		return int(at.Int(i)), true
	}
	for axis, n := range shape {
		k := int(at.Int(i*len(shape) + axis))
		if k < 0 || k >= n {
			return 0, false
		}
		place = place*n + k
	}
	return place, true
}

// tensorHead is d's message without the elements.
func tensorHead(name string, d *ir.Data) *pb.TensorProto {
	t := &pb.TensorProto{Name: name, DataType: int32(d.Elem), Dims: make([]int64, len(d.Shape))}
	for i, k := range d.Shape {
		t.Dims[i] = int64(k)
	}
	return t
}

// tensorProto encodes d under name, its bytes shared where the encodings agree.
func tensorProto(name string, d *ir.Data) *pb.TensorProto {
	t := tensorHead(name, d)
	if d.Elem == ir.String {
		for _, s := range d.Str {
			t.StringData = append(t.StringData, []byte(s))
		}
		return t
	}
	t.RawData = Pack(d)
	return t
}
