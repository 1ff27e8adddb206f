package onnx

import (
	"path/filepath"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

var elems = []ir.Elem{
	ir.F32, ir.U8, ir.I8, ir.U16, ir.I16, ir.I32, ir.I64, ir.String, ir.Bool, ir.F16, ir.F64, ir.U32, ir.U64, ir.C64, ir.C128, ir.BF16,
	ir.F8E4M3FN, ir.F8E4M3FNUZ, ir.F8E5M2, ir.F8E5M2FNUZ, ir.U4, ir.I4, ir.F4E2M1, ir.F8E8M0, ir.U2, ir.I2,
}

// drawData draws a tensor whose elements use the bits of their type.
func drawData(t *rapid.T) *ir.Data {
	e := rapid.SampledFrom(elems).Draw(t, "elem")
	shape := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(t, "shape")
	d := ir.NewData(e, shape...)
	for i := range d.Len() {
		switch {
		case e == ir.String:
			d.Str[i] = rapid.String().Draw(t, "s")
		case e.IsInt() || e == ir.Bool:
			d.SetInt(i, rapid.Int64().Draw(t, "n"))
		case e.IsComplex():
			d.SetComplex(i, complex(rapid.Float64().Draw(t, "re"), rapid.Float64().Draw(t, "im")))
		default:
			d.SetFloat(i, rapid.Float64().Draw(t, "x"))
		}
	}
	return d
}

func TestTensorsGoRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawData(t)
		m := tensorProto("t", d)
		back, err := tensorData(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !back.Equal(d) {
			t.Fatalf("%v comes back as %v", d, back)
		}
		if back, err = tensorData(typedFields(d), nil); err != nil || !back.Equal(d) {
			t.Fatalf("%v comes back from typed fields as %v, %v", d, back, err)
		}
	})
}

// typedFields encodes d in the fields that ONNX has for its type, as exporters other than ours do.
func typedFields(d *ir.Data) *pb.TensorProto {
	m := tensorProto("t", d)
	raw := m.RawData
	m.RawData = nil
	number := func(i, size int) (x uint64) {
		for k := range size {
			x |= uint64(raw[i*size+k]) << (8 * k)
		}
		return x
	}
	for i := range d.Len() {
		switch d.Elem {
		case ir.F32:
			m.FloatData = append(m.FloatData, float32(d.Float(i)))
		case ir.F64:
			m.DoubleData = append(m.DoubleData, d.Float(i))
		case ir.C64:
			m.FloatData = append(m.FloatData, float32(real(d.Complex(i))), float32(imag(d.Complex(i))))
		case ir.C128:
			m.DoubleData = append(m.DoubleData, real(d.Complex(i)), imag(d.Complex(i)))
		case ir.I64:
			m.Int64Data = append(m.Int64Data, d.Int(i))
		case ir.U32, ir.U64:
			m.Uint64Data = append(m.Uint64Data, number(i, d.Elem.Size()))
		case ir.I32, ir.I16, ir.I8:
			m.Int32Data = append(m.Int32Data, int32(d.Int(i)))
		case ir.String:
		default:
			if d.Elem.Bits() >= 8 {
				m.Int32Data = append(m.Int32Data, int32(number(i, d.Elem.Size())))
			}
		}
	}
	if d.Elem.Bits() < 8 && d.Elem != ir.String {
		for _, b := range raw {
			m.Int32Data = append(m.Int32Data, int32(b))
		}
	}
	return m
}

func TestPackedNibbles(t *testing.T) {
	d := ir.Ints(ir.I4, []int{3}, 1, -2, 7)
	if got := Pack(d); len(got) != 2 || got[0] != 0xe1 || got[1] != 0x07 { // the first element is in the low bits
		t.Errorf("got % x", got)
	}
}

func TestSparse(t *testing.T) {
	for _, at := range []*ir.Data{ir.Vector(1, 5), ir.Ints(ir.I64, []int{2, 2}, 0, 1, 1, 2)} {
		d, err := sparseData(&pb.SparseTensorProto{
			Values:  tensorProto("v", ir.Floats(ir.F32, []int{2}, 7, 9)),
			Indices: tensorProto("", at), Dims: []int64{2, 3},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := ir.Floats(ir.F32, []int{2, 3}, 0, 7, 0, 0, 0, 9); !d.Equal(want) {
			t.Errorf("got %v", d)
		}
	}
}

func TestBadTensors(t *testing.T) {
	float := int32(pb.TensorProto_FLOAT)
	cases := map[string]*pb.TensorProto{
		"no element type":            {DataType: 99},
		"negative dimension":         {DataType: float, Dims: []int64{-1}},
		"impossible shape":           {DataType: float, Dims: []int64{1 << 40, 1 << 40}},
		"0 stored numbers where":     {DataType: float, Dims: []int64{1 << 40}},
		"5 bytes where 2 elements":   {DataType: float, Dims: []int64{2}, RawData: make([]byte, 5)},
		"segments":                   {DataType: float, Segment: &pb.TensorProto_Segment{}},
		"0 strings for shape":        {DataType: int32(pb.TensorProto_STRING), Dims: []int64{1}},
		"in another file":            {DataType: float, DataLocation: pb.TensorProto_EXTERNAL},
		"2 stored numbers where 3 e": {DataType: float, Dims: []int64{3}, FloatData: []float32{1, 2}},
	}
	for want, m := range cases {
		_, err := tensorData(m, nil)
		checkError(t, err, want)
	}
	_, err := sparseData(&pb.SparseTensorProto{
		Values: tensorProto("v", ir.Floats(ir.F32, []int{1}, 7)), Indices: tensorProto("", ir.Vector(1)), Dims: []int64{1 << 30},
	}, nil)
	checkError(t, err, "too few")
	_, err = sparseData(&pb.SparseTensorProto{
		Values: tensorProto("v", ir.Floats(ir.F32, []int{1}, 7)), Indices: tensorProto("", ir.Vector(9)), Dims: []int64{4},
	}, nil)
	checkError(t, err, "outside")
}

func TestValueFiles(t *testing.T) {
	x, s := Value{Tensor: ir.Vector(1, 2)}, Value{Tensor: ir.Strings([]int{1}, "a")}
	values := []Value{
		{Name: "t", Tensor: ir.Floats(ir.F16, []int{2}, 1, 2)},
		{Name: "s", Kind: ir.Sequence, Elems: []Value{x, s}},
		{Name: "ss", Kind: ir.Sequence, Elems: []Value{{Kind: ir.Sequence, Elems: []Value{x}}, {Kind: ir.Sequence}}},
		{Name: "none", Kind: ir.Optional},
		{Name: "some", Kind: ir.Optional, Elems: []Value{{Kind: ir.Sequence, Elems: []Value{x}}}},
		{Name: "tensor", Kind: ir.Optional, Elems: []Value{x}},
		{Name: "so", Kind: ir.Sequence, Elems: []Value{{Kind: ir.Optional, Elems: []Value{x}}}},
	}
	for _, v := range values {
		path := filepath.Join(t.TempDir(), "v.pb")
		if err := WriteValue(path, v); err != nil {
			t.Fatal(err)
		}
		back, err := ReadValue(path, ir.Type{Kind: v.Kind})
		if err != nil {
			t.Fatal(err)
		}
		if back.Name != v.Name || !sameValue(back, v) {
			t.Errorf("%v comes back as %v", v, back)
		}
	}
	if _, _, err := ReadTensor(filepath.Join(t.TempDir(), "none.pb")); err == nil {
		t.Error("a missing file is no error")
	}
}

func sameValue(a, b Value) bool {
	if a.Kind != b.Kind || len(a.Elems) != len(b.Elems) || (a.Tensor == nil) != (b.Tensor == nil) {
		return false
	}
	for i := range a.Elems {
		if !sameValue(a.Elems[i], b.Elems[i]) {
			return false
		}
	}
	return a.Tensor == nil || a.Tensor.Equal(b.Tensor)
}

func FuzzValue(f *testing.F) {
	for _, v := range []Value{{Tensor: ir.Vector(1, 2)}, {Tensor: ir.Ints(ir.I4, []int{3}, 1, 2, 3)}, {Tensor: ir.Strings(nil, "x")}} {
		b, err := proto.Marshal(v.message())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range []ir.Kind{ir.Tensor, ir.Sequence, ir.Optional} {
			v, err := ParseValue(b, ir.Type{Kind: k})
			if err != nil || v.Tensor == nil {
				continue
			}
			if err := v.Tensor.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
