package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// seeds are models with something of everything.
func seeds(t testing.TB) []*pb.ModelProto {
	branch := testModel(t, 17, "", "y f32[2]", op("y = Add(x, x)")).Graph
	loop := testModel(t, 17, "i i64[], c bool[], h f32[2]", "c f32[], g f32[2]", op("g = Add(h, x)")).Graph
	calls := testModel(t, 17, "x f32[2,3]", "y f32[2,3]", op("y = my::F(x)", attr("axis", 0)))
	calls.OpsetImport = append(calls.OpsetImport, &pb.OperatorSetIdProto{Domain: "my", Version: 1})
	calls.Functions = []*pb.FunctionProto{{Domain: "my", Name: "F", Input: []string{"u"}, Output: []string{"v"}, Attribute: []string{"axis"},
		Node: []*pb.NodeProto{op("v = Softmax(u)", attr("axis", "$axis"))}}}
	stored := testModel(t, 11, "x f32[a,2]", "y f32[a,2]", op("y = Gemm(x, w, b)"))
	stored.Graph.Initializer = []*pb.TensorProto{
		tensorProto("w", ir.Floats(ir.F32, []int{2, 2}, 1, 2, 3, 4)), typedFields(ir.Floats(ir.F32, []int{2}, 1, 2)),
	}
	stored.Graph.Initializer[1].Name = "b"
	tiny := onnxtest.Transformer{Layers: 1, Width: 4, Heads: 2, FFN: 4, Vocab: 4, Positions: 4, Dual: onnxtest.DualReLU}
	models := []*pb.ModelProto{
		testModel(t, 17, "x f32[2], c bool[]", "z f32[2]", op("z = If(c)", attr("then_branch", branch), attr("else_branch", branch))),
		testModel(t, 17, "x f32[2], n i64[]", "z f32[2]", op("z = Loop(n, , x)", attr("body", loop))),
		calls, stored, tiny.Model(),
	}
	for _, c := range customCases {
		m, err := Model(customProgram(t, c+"\nreturn y"), ExportOptions{Form: Functions})
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	for _, c := range upgradeCases {
		models = append(models, testModel(t, c.opset, c.inputs, c.outputs, c.node))
	}
	return models
}

// Whatever the bytes, import returns an error or a program that verifies and can be written and read again.
func FuzzImport(f *testing.F) {
	for _, m := range seeds(f) {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ImportBytes("m.onnx", b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "m.onnx: ") {
				t.Errorf("the error %q does not begin with the file", err)
			}
			return
		}
		if err := ir.Verify(p.Main); err != nil {
			t.Fatalf("does not verify: %v\n%s", err, p)
		}
		m, err := Model(p, ExportOptions{Form: Functions})
		if err != nil {
			return // what the model says of its weights or dimensions cannot be written; an error is in order
		}
		if b, err = proto.Marshal(m); err != nil {
			return // names that are no UTF-8
		}
		if _, err := ImportBytes("m.onnx", b); err != nil {
			t.Errorf("what was exported cannot be imported: %v", err)
		}
	})
}

// Whatever a tensor says of its external data, import returns bytes of the file beside the model or an error.
func FuzzExternal(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), make([]byte, 64), 0o666); err != nil {
		f.Fatal(err)
	}
	f.Add("w.bin", "0", "8", 8)
	f.Add("./w.bin", "60", "", 4)
	f.Add("../w.bin", "-1", "99", 8)
	f.Add("/etc/passwd", "", "", 1)
	f.Add("", "9223372036854775807", "9223372036854775807", 1)
	f.Fuzz(func(t *testing.T, location, offset, length string, size int) {
		entries := []*pb.StringStringEntryProto{{Key: "location", Value: location}}
		for _, e := range [][2]string{{"offset", offset}, {"length", length}} {
			if e[1] != "" {
				entries = append(entries, &pb.StringStringEntryProto{Key: e[0], Value: e[1]})
			}
		}
		b, err := newFolder(dir).bytes(entries, max(size, 0))
		if err == nil && (len(b) != max(size, 0) || filepath.Base(location) != "w.bin" || len(b) > 64) {
			t.Errorf("%d bytes of %q", len(b), location)
		}
	})
}
