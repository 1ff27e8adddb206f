package model

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gpamc/gpamc/ir"
)

// rawFile is a file of that header and data.
func rawFile(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestSafetensorsRoundTrip(t *testing.T) {
	tensors := map[string]*ir.Data{
		"empty":          ir.NewData(ir.F32, 0, 3),
		"scalar":         ir.Scalar(ir.F64, 1.5),
		"a \"name\" — ü": ir.Ints(ir.I64, []int{2}, -1, 1<<40),
		"bool":           ir.Ints(ir.Bool, []int{3}, 1, 0, 1),
		"i8":             ir.Ints(ir.I8, []int{3}, -128, 0, 127),
	}
	for _, e := range []ir.Elem{ir.F32, ir.F16, ir.BF16, ir.F8E4M3FN, ir.F8E5M2} {
		tensors[e.String()] = ir.Floats(e, []int{1, 3}, -1, 0.5, 2)
	}
	for _, e := range []ir.Elem{ir.I32, ir.I16, ir.U8, ir.U16, ir.U32, ir.U64} {
		tensors[e.String()] = ir.Ints(e, []int{3, 1}, 1, 2, 3)
	}
	meta := map[string]string{"format": "pt"}
	var b bytes.Buffer
	if err := WriteSafetensors(&b, tensors, meta); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), WeightsFile)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tensors, f.Tensors, cmp.Comparer(func(a, b *ir.Data) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(meta, f.Meta); diff != "" {
		t.Error(diff)
	}
	var again bytes.Buffer
	if err := WriteSafetensors(&again, f.Tensors, f.Meta); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the same tensors give other bytes")
	}
}

// TestSafetensorsNotCopied writes to what was read from, and sees the tensor change.
func TestSafetensorsNotCopied(t *testing.T) {
	b := rawFile(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2)
	f, err := ParseSafetensors(b)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] = 9
	if got := f.Tensors["x"].Int(1); got != 9 {
		t.Errorf("element 1 is %d", got)
	}
}

func TestSafetensorsWriteErrors(t *testing.T) {
	for want, tensors := range map[string]map[string]*ir.Data{
		"has no element type str": {"x": ir.Strings([]int{1}, "a")},
		"3 bytes for f32[1]":      {"x": ir.Raw(ir.F32, []int{1}, make([]byte, 3))},
		"cannot be named":         {"__metadata__": ir.Scalar(ir.F32, 1)},
	} {
		err := WriteSafetensors(&bytes.Buffer{}, tensors, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// malformed are files that must be refused, by what their errors must say.
var malformed = []struct {
	name, want string
	file       []byte
}{
	{"empty", "0 bytes", nil},
	{"short", "5 bytes", []byte("short")},
	{"huge header", "at most 104857600 are allowed", binary.LittleEndian.AppendUint64(nil, 1<<40)},
	{"negative header", "at most 104857600 are allowed", binary.LittleEndian.AppendUint64(nil, 1<<63+5)},
	{"header beyond the file", "a header of 100 bytes, but only 2 follow", append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...)},
	{"no object", "does not begin with {", rawFile("[]", 0)},
	{"space before", "does not begin with {", rawFile(" {}", 0)},
	{"no UTF-8", "no UTF-8", rawFile("{\"\xff\":1}", 0)},
	{"cut JSON", "no JSON", rawFile(`{"x":{"dtype":"F32"`, 0)},
	{"not closed", "no JSON", rawFile(`{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}`, 1)},
	{"text behind", "stands behind the JSON object", rawFile(`{} x`, 0)},
	{"two objects", "stands behind the JSON object", rawFile(`{}{}`, 0)},
	{"duplicate name", `"x" appears twice`,
		rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
	{"duplicate key", `tensor "x": "dtype" appears twice`, rawFile(`{"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"no tensor", `tensor "x": "7" is no JSON object`, rawFile(`{"x":7}`, 0)},
	{"null tensor", "is no JSON object", rawFile(`{"x":null}`, 0)},
	{"unknown key", `unknown key "strides"`, rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]}}`, 1)},
	{"no dtype", "dtype is missing", rawFile(`{"x":{"shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"dtype a number", "no string", rawFile(`{"x":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"unknown dtype", `dtype "F31" is not supported`, rawFile(`{"x":{"dtype":"F31","shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"packed dtype", `dtype "F4" is not supported`, rawFile(`{"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, 1)},
	{"no shape", "shape is missing", rawFile(`{"x":{"dtype":"U8","data_offsets":[0,1]}}`, 1)},
	{"null shape", "no list", rawFile(`{"x":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1)},
	{"negative dimension", "no size", rawFile(`{"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1)},
	{"fractional dimension", "no size", rawFile(`{"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1)},
	{"overflowing dimension", "no size", rawFile(`{"x":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, 1)},
	{"overflowing shape", "impossible shape", rawFile(`{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, 4)},
	{"no offsets", "data_offsets must be two numbers", rawFile(`{"x":{"dtype":"U8","shape":[1]}}`, 1)},
	{"three offsets", "data_offsets must be two numbers", rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 2)},
	{"offsets reversed", "do not lie within", rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1)},
	{"offsets beyond the file", "do not lie within the 4 bytes", rawFile(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4)},
	{"offsets too short", "4 bytes for f32[2]", rawFile(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4)},
	{"offsets too long", "8 bytes for f32[1]", rawFile(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8)},
	{"overlap", `tensor "y" overlaps tensor "x"`,
		rawFile(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3)},
	{"hole", `1 bytes of data before tensor "y"`,
		rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3)},
	{"trailing bytes", "2 bytes at the end of the file belong to no tensor", rawFile(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3)},
	{"trailing bytes without tensors", "4 bytes at the end", rawFile(`{}`, 4)},
	{"metadata no object", "no JSON object", rawFile(`{"__metadata__":[]}`, 0)},
	{"metadata no string", `__metadata__: "a" is no string`, rawFile(`{"__metadata__":{"a":1}}`, 0)},
	{"bool of 2", "element 0 is 2, no BOOL", append(rawFile(`{"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}`, 0), 2)},
	{"deep", "no JSON", rawFile(`{"x":`+strings.Repeat("[", 100000)+`}`, 0)},
}

func TestSafetensorsMalformed(t *testing.T) {
	for _, c := range malformed {
		_, err := ParseSafetensors(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", c.name, err, c.want)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	for _, c := range malformed {
		if len(c.file) < 1<<12 {
			f.Add(c.file)
		}
	}
	f.Add(rawFile(`{"__metadata__":{"format":"pt"},"x":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},"y":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}  `, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseSafetensors(b)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteSafetensors(&out, got.Tensors, got.Meta); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := ParseSafetensors(out.Bytes())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		for name, d := range got.Tensors {
			if e := again.Tensors[name]; e == nil || !d.Equal(e) {
				t.Fatalf("tensor %q is lost or another", name)
			}
		}
	})
}
