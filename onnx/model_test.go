package onnx

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// testModel makes a model of some opset whose inputs and outputs are written as in IR text: "x f32[b,3], y i64[2]".
func testModel(t testing.TB, opset int64, inputs, outputs string, nodes ...*pb.NodeProto) *pb.ModelProto {
	t.Helper()
	return &pb.ModelProto{
		IrVersion:   10,
		OpsetImport: []*pb.OperatorSetIdProto{{Version: opset}},
		Graph:       &pb.GraphProto{Name: "g", Input: infos(t, inputs), Output: infos(t, outputs), Node: nodes},
	}
}

func infos(t testing.TB, s string) (out []*pb.ValueInfoProto) {
	t.Helper()
	f, err := ir.ParseTypes(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Params {
		out = append(out, valueInfo(p.Name, p.Type))
	}
	return out
}

// op and attr make nodes and their attributes.
var op, attr = onnxtest.Node, onnxtest.Attr

func importProto(t testing.TB, m *pb.ModelProto) (*ir.Program, error) {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ImportBytes("m.onnx", b)
	if err == nil {
		if err := ir.Verify(p.Main); err != nil {
			t.Fatalf("does not verify: %v\n%s", err, p)
		}
	}
	return p, err
}

// wantText imports m and compares its nodes with the text, leaving out the first and last line.
func wantText(t *testing.T, m *pb.ModelProto, want string) *ir.Program {
	t.Helper()
	p, err := importProto(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if got := nodesText(p); got != trimLines(want) {
		t.Errorf("got\n%s\nwant\n%s", got, trimLines(want))
	}
	return p
}

func nodesText(p *ir.Program) string {
	lines := strings.Split(strings.TrimSpace(p.String()), "\n")
	return trimLines(strings.Join(lines[1:len(lines)-1], "\n"))
}

func trimLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func wantError(t *testing.T, m *pb.ModelProto, parts ...string) {
	t.Helper()
	_, err := importProto(t, m)
	checkError(t, err, parts...)
}

func checkError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if strings.Count(err.Error(), "m.onnx") > 1 {
		t.Errorf("error %q names the file twice", err)
	}
}
