package values

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/sbinet/npyio"
)

// NumPy's format as another implementation of it reads and writes it.
func TestNpyAgreesWithNpyio(t *testing.T) {
	d := ir.Floats(ir.F32, []int{2, 3}, 1, 2, 3, 4, 5, math.Inf(-1))
	b, err := FormatNpy(d)
	if err != nil {
		t.Fatal(err)
	}
	r, err := npyio.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	if err := r.Read(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Header.Descr.Shape, d.Shape) || !slices.Equal(got, []float32{1, 2, 3, 4, 5, float32(math.Inf(-1))}) {
		t.Errorf("npyio reads %v %v", r.Header.Descr.Shape, got)
	}
	var w bytes.Buffer
	if err := npyio.Write(&w, []int64{3, -4, 5}); err != nil {
		t.Fatal(err)
	}
	back, err := ParseNpy(w.Bytes())
	if err != nil || !back.Equal(ir.Vector(3, -4, 5)) {
		t.Errorf("got %v, %v", back, err)
	}
}

func TestNpyGoesRound(t *testing.T) {
	for descr, e := range npyTypes {
		for _, shape := range [][]int{nil, {0}, {3}, {2, 0, 4}, {2, 1, 3}} {
			d := ir.NewData(e, shape...)
			for i := range d.Len() {
				d.SetFloat(i, float64(i%2))
			}
			b, err := FormatNpy(d)
			if err != nil {
				t.Fatal(err)
			}
			if len(b)-len(d.Bytes()) != 128 && len(b)-len(d.Bytes()) != 64 {
				t.Errorf("%s%v: data begins at %d", descr, shape, len(b)-len(d.Bytes()))
			}
			back, err := ParseNpy(b)
			if err != nil || !back.Equal(d) {
				t.Errorf("%s%v: got %v, %v", descr, shape, back, err)
			}
		}
	}
	wide, err := FormatNpy(ir.Floats(ir.BF16, []int{2}, 1, -2))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseNpy(wide); err != nil || !back.Equal(ir.Floats(ir.F32, []int{2}, 1, -2)) {
		t.Errorf("bf16: got %v, %v", back, err)
	}
}

func TestNpyColumnByColumn(t *testing.T) {
	b, err := FormatNpy(ir.Ints(ir.I8, []int{2, 3}, 1, 2, 3, 4, 5, 6))
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseNpy(bytes.Replace(b, []byte("False"), []byte(" True"), 1))
	if want := ir.Ints(ir.I8, []int{2, 3}, 1, 3, 5, 2, 4, 6); err != nil || !d.Equal(want) {
		t.Errorf("got %v, %v", d, err)
	}
}

func FuzzParseNpy(f *testing.F) {
	for _, d := range []*ir.Data{ir.Vector(1, 2), ir.Floats(ir.F64, []int{1, 2}, 1, 2), ir.Ints(ir.Bool, nil, 1)} {
		b, err := FormatNpy(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte(npyMagic + "\x02\x00\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseNpy(b); err == nil && d.Check() != nil {
			t.Errorf("accepted %v", d.Check())
		}
	})
}

func TestFilesGoRound(t *testing.T) {
	v := onnx.Value{Name: "x", Tensor: ir.Floats(ir.F32, []int{2}, 1, 2)}
	for _, name := range []string{"x.npy", "x.pb"} {
		b, err := Format(name, v)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path, ir.TN(ir.F32, 2))
		if err != nil || !got.Tensor.Equal(v.Tensor) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	f := func(xs ...float64) onnx.Value { return onnx.Value{Tensor: ir.Floats(ir.F32, []int{len(xs)}, xs...)} }
	tol := Tolerance{Abs: 0.01, Rel: 0.1}
	for _, c := range []struct {
		got, want onnx.Value
		differ    string
	}{
		{f(1, nan, inf, -inf), f(1, nan, inf, -inf), ""},
		{f(1.105, 0.009), f(1, 0), ""},
		{f(1.12, 0.5), f(1, 0), "2 of 2 elements differ; at [1] it is 0.5, want 0"},
		{f(inf), f(-inf), "at [0] it is +Inf, want -Inf"},
		{f(1), f(nan), "it is 1, want NaN"},
		{f(1e30), f(inf), "want +Inf"},
		{f(1, 2), f(1), "got f32[2], want f32[1]"},
		{onnx.Value{Tensor: ir.Vector(1)}, f(1), "got i64[1], want f32[1]"},
		{onnx.Value{Tensor: ir.Vector(1 << 60)}, onnx.Value{Tensor: ir.Vector(1<<60 + 1)}, ""},
		{onnx.Value{Tensor: ir.Vector(1)}, onnx.Value{Tensor: ir.Vector(2)}, "it is 1, want 2"},
		{onnx.Value{Tensor: ir.Strings([]int{1}, "a")}, onnx.Value{Tensor: ir.Strings([]int{1}, "b")}, `it is "a", want "b"`},
		{onnx.Value{Kind: ir.Sequence}, f(1), "got a sequence, want a tensor"},
		{onnx.Value{Kind: ir.Sequence, Elems: []onnx.Value{f(1)}}, onnx.Value{Kind: ir.Sequence, Elems: []onnx.Value{f(2)}},
			"element 0: 1 of 1 elements differ"},
	} {
		err := Compare(c.got, c.want, tol)
		if (err == nil) != (c.differ == "") || err != nil && !strings.Contains(err.Error(), c.differ) {
			t.Errorf("%v and %v: %v, want %q", c.got, c.want, err, c.differ)
		}
	}
}

func TestWorst(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	got, want := ir.Floats(ir.F32, []int{5}, 1, -7, 2.5, inf, nan), ir.Floats(ir.F32, []int{5}, 1, -7, 2, inf, nan)
	if diff, scale := Worst(got, want); diff != 0.5 || scale != 7 {
		t.Errorf("got %g of %g", diff, scale)
	}
}

func TestResample(t *testing.T) {
	d := ir.Ints(ir.I64, []int{2, 2}, 1, 2, 3, 4)
	got, err := Resample(d, []int{3, 3})
	if want := ir.Ints(ir.I64, []int{3, 3}, 1, 2, 1, 3, 4, 3, 1, 2, 1); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Resample(d, []int{3}); err == nil {
		t.Error("another rank was accepted")
	}
	if _, err := Resample(ir.NewData(ir.F32, 0, 2), []int{1, 2}); err == nil {
		t.Error("elements out of nothing")
	}
}

func TestRuntimeAndBack(t *testing.T) {
	f := onnx.Value{Tensor: ir.Floats(ir.F16, []int{2}, 1, 2)}
	for _, c := range []struct {
		v onnx.Value
		t ir.Type
	}{
		{f, ir.TN(ir.F16, 2)},
		{onnx.Value{Kind: ir.Sequence, Elems: []onnx.Value{f, f}}, ir.SequenceOf(ir.Unranked(ir.F16))},
		{onnx.Value{Kind: ir.Optional}, ir.OptionalOf(ir.Unranked(ir.F16))},
		{onnx.Value{Kind: ir.Optional, Elems: []onnx.Value{f}}, ir.OptionalOf(ir.Unranked(ir.F16))},
	} {
		if err := Compare(FromRuntime("", ToRuntime(c.v, c.t)), c.v, Tolerance{}); err != nil {
			t.Errorf("%s: %v", c.t, err)
		}
	}
}
