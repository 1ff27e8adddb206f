package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

func TestDimensions(t *testing.T) {
	m := testModel(t, 17, "x f32[batch,4], y f32[batch,4]", "z f32[batch,4]", op("z = Add(x, y)"))
	dims := func(i int) []*pb.TensorShapeProto_Dimension { return m.Graph.Input[i].Type.GetTensorType().Shape.Dim }
	param := func(s string) *pb.TensorShapeProto_Dimension {
		return &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: s}}
	}
	m.Graph.Input = append(m.Graph.Input, infos(t, "k f32[a,b,c,d,e,f]")...)
	copy(dims(2), []*pb.TensorShapeProto_Dimension{
		param("past seq"), param("seq"), param("seq + batch"), param("seq + nobody"), param("?"), {},
	})
	p, err := importProto(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Main.Params[2].Type.String(), "f32[past_seq,seq,batch+seq,seq___nobody,k_4,k_5]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestUnnamedDimensions makes one of dimensions without a name that meet, and leaves those alone that have one or do not meet.
func TestUnnamedDimensions(t *testing.T) {
	m := testModel(t, 17, "x f32[a,b,4], y f32[c,d,4], z f32[batch,e], w f32[f,g], k f32[h,4,i], u f32[n_dynamic_axes_1,seq]",
		"r f32[p,q,4], s f32[q,o], t f32[p,4,o], v f32[p,o]",
		op("r = Add(x, y)"), op("s = MatMul(z, w)"), op("j = Transpose(r)", attr("perm", []int64{0, 2, 1})), op("t = Concat(j, k)", attr("axis", 2)),
		op("v = Mul(u, u)"))
	for i, named := range []string{"", "", "batch", "", "", "n_dynamic_axes_1"} {
		for _, d := range m.Graph.Input[i].Type.GetTensorType().Shape.Dim {
			if p, ok := d.Value.(*pb.TensorShapeProto_Dimension_DimParam); ok && p.DimParam != named && p.DimParam != "seq" {
				d.Value = nil
			}
		}
	}
	p, err := importProto(t, m)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"f32[x_0,x_1,4]", "f32[x_0,x_1,4]", "f32[batch,z_1]", "f32[z_1,w_1]", "f32[x_0,4,k_2]", "f32[n_dynamic_axes_1,seq]"} {
		if got := p.Main.Params[i].Type.String(); got != want {
			t.Errorf("%s: got %s, want %s", p.Main.Params[i].Name, got, want)
		}
	}
}

func TestConstants(t *testing.T) {
	tensor := func(d *ir.Data) *pb.TensorProto { return tensorProto("", d) }
	wantText(t, testModel(t, 17, "", "a f32[], b i64[2], c f32[2], d i64[], e str[1], f f32[3]",
		op("a = Constant()", attr("value_float", 0.5)),
		op("b = Constant()", attr("value_ints", []int64{1, 2})),
		op("c = Constant()", attr("value_floats", []float64{1, 2})),
		op("d = Constant()", attr("value_int", 7)),
		op("e = Constant()", attr("value_strings", []string{"x"})),
		op("f = Constant()", attr("value", tensor(ir.Floats(ir.F32, []int{3}, 1, 2, 3)))),
	), `
		v1 f32[2] = Weight() name="c" type=f32[2]
		v2 f32[3] = Weight() name="f" type=f32[3]
		return a=f32[]{0.5}, b=[1,2], c=v1, d=i64[]{7}, e=str[1]{"x"}, f=v2`)
	sparse := &pb.SparseTensorProto{Values: tensor(ir.Floats(ir.F32, []int{1}, 7)), Indices: tensor(ir.Vector(1)), Dims: []int64{2}}
	p, err := importProto(t, testModel(t, 17, "", "a f32[2]",
		op("a = Constant()", &pb.AttributeProto{Name: "sparse_value", Type: pb.AttributeProto_SPARSE_TENSOR, SparseTensor: sparse})))
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Weights["a"]; d == nil || !d.Equal(ir.Floats(ir.F32, []int{2}, 0, 7)) {
		t.Errorf("got %v", d)
	}
}

func TestInitializers(t *testing.T) {
	m := testModel(t, 17, "x f32[2], w f32[2]", "y f32[2], w f32[2]", op("y = Add(x, w)"))
	m.Graph.Initializer = []*pb.TensorProto{tensorProto("w", ir.Floats(ir.F32, []int{2}, 1, 2)), tensorProto("unused", ir.Vector(1))}
	p := wantText(t, m, `
		v1 f32[2] = Weight() name="w" type=f32[2]
		v2 f32[2] = Add(x, v1)
		return y=v2, w=v1`)
	if len(p.Main.Params) != 1 || len(p.Weights) != 1 {
		t.Errorf("%d inputs and %d weights, want one of each", len(p.Main.Params), len(p.Weights))
	}
}

func TestOrder(t *testing.T) {
	wantText(t, testModel(t, 17, "x f32[2]", "z f32[2]", op("z = Add(y, w)"), op("w = Neg(y)"), op("y = Relu(x)")), `
		v1 f32[2] = Relu(x)
		v2 f32[2] = Neg(v1)
		v3 f32[2] = Add(v1, v2)
		return z=v3`)
	wantError(t, testModel(t, 17, "x f32[2]", "z f32[2]", op("z = Add(x, w)"), op("w = Neg(y)"), op("y = Relu(z)")),
		`m.onnx: node "n_z" (Add, opset 17): the graph has a cycle: "n_y" needs "n_w" needs "n_z"`)
	wantError(t, testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Add(x, z)")),
		`m.onnx: node "n_y" (Add, opset 17): input "z" is not defined anywhere`)
	wantError(t, testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Neg(x)"), op("y = Abs(x)")), `value "y" is defined twice`)
	wantError(t, testModel(t, 17, "x f32[2]", "x f32[2], z f32[2]", op("y = Neg(x)")), `output "z" is not defined anywhere`)
}

func TestErrors(t *testing.T) {
	wantError(t, testModel(t, 17, "x f32[batch,4], y f32[5,6]", "z f32[batch,6]", op("z = MatMul(x, y)")),
		`m.onnx: node "n_z" (MatMul, opset 17): cannot multiply f32[batch,4] by f32[5,6]: inner dimensions 4 and 5`)
	wantError(t, testModel(t, 99, "x f32[2]", "y f32[2]", op("y = Neg(x)")), "opset 99 of ai.onnx is not known; 1 to 28 are")
	wantError(t, testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Neg(x)", attr("what", 1))), `attribute "what" is not supported`)
	wantError(t, testModel(t, 17, "x f32[2]", "y i64[2]", op("y = Neg(x)")), `output "y" is declared as i64[2] but computes f32[2]`)
	wantError(t, testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Gelu(x)"), op("z = Nonsense(x)"), op("w = some.where::Gelu(x)"), op("v = Nonsense(y)")),
		"m.onnx: 3 operators are not supported: ", "Gelu, opset 17: the operator exists only from opset 20 on (node \"n_y\")",
		`Nonsense, opset 17: ONNX has no operator of that name (node "n_z", "n_v")`, `some.where::Gelu: the model does not say which opset`)
	wantError(t, testModel(t, 6, "x f32[2,3], y f32[3]", "z f32[2,3]", op("z = Add(x, y)", attr("broadcast", 1), attr("axis", 9))),
		"f32[3] does not fit f32[2,3] at axis 9")
	for name, b := range map[string][]byte{"text": []byte("once upon a time"), "empty": nil, "no graph": {8, 8}} {
		_, err := ImportBytes("m.onnx", b)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkError(t, err, "m.onnx: no ONNX model")
	}
}

func TestTruncated(t *testing.T) {
	m := testModel(t, 17, "x f32[2,2]", "y f32[2,2]", op("y = MatMul(x, w)"))
	m.Graph.Initializer = []*pb.TensorProto{tensorProto("w", ir.Floats(ir.F32, []int{2, 2}, 1, 2, 3, 4))}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := ImportBytes("m.onnx", b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if p, err := ImportBytes("m.onnx", b[:n]); err == nil && p.String() == whole.String() {
			t.Errorf("%d of %d bytes give the whole model", n, len(b))
		}
	}
}

func TestExternal(t *testing.T) {
	dir := t.TempDir()
	data := ir.Floats(ir.F32, []int{4}, 0, 1, 2, 3)
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "w.bin"), data.Bytes())
	secret := filepath.Join(t.TempDir(), "secret")
	write(secret, data.Bytes())
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	load := func(entries ...string) (*ir.Program, error) {
		m := testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Add(x, w)"))
		w := &pb.TensorProto{Name: "w", DataType: 1, Dims: []int64{2}, DataLocation: pb.TensorProto_EXTERNAL}
		for i := 0; i < len(entries); i += 2 {
			w.ExternalData = append(w.ExternalData, &pb.StringStringEntryProto{Key: entries[i], Value: entries[i+1]})
		}
		m.Graph.Initializer = []*pb.TensorProto{w}
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(dir, "m.onnx"), b)
		return Import(filepath.Join(dir, "m.onnx"))
	}
	p, err := load("location", "w.bin", "offset", "4", "length", "8")
	if err != nil {
		t.Fatal(err)
	}
	if w := p.Weights["w"]; !w.Equal(ir.Floats(ir.F32, []int{2}, 1, 2)) {
		t.Errorf("got %v", w)
	}
	for want, entries := range map[string][]string{
		"absolute path is refused":          {"location", secret},
		`".." is refused`:                   {"location", "a/../../secret"},
		"location is missing":               {"offset", "0"},
		"8 bytes at 12, but the file has":   {"location", "w.bin", "offset", "12"},
		"length 4, but the tensor takes 8":  {"location", "w.bin", "length", "4"},
		`offset is "-1", no number`:         {"location", "w.bin", "offset", "-1"},
		"escapes":                           {"location", "link"},
		"no such file":                      {"location", "none.bin"},
		"no regular file":                   {"location", "."},
		`offset is "99999999999999999999",`: {"location", "w.bin", "offset", "99999999999999999999"},
	} {
		_, err := load(entries...)
		checkError(t, err, want)
	}
}

func TestMetadata(t *testing.T) {
	m := testModel(t, 17, "x f32[2]", "y f32[2]", op("y = Neg(x)"))
	m.DocString = "What it is."
	m.MetadataProps = []*pb.StringStringEntryProto{{Key: "author", Value: "nobody"}}
	p, err := importProto(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if p.Doc != m.DocString || p.Meta["author"] != "nobody" || p.Opset != 17 || p.Main.Nodes[0].Name != "n_y" || p.Main.Name != "g" {
		t.Errorf("got %+v", p)
	}
}
