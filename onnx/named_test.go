package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// Sizes become names, equal ones the same; of declared shapes the ranks remain, which say how many dimensions a Reshape makes.
func TestImportNamed(t *testing.T) {
	m := testModel(t, 17, "x f32[2,3,batch], s i64[2], w f32[3]", "z f32[6,2]", op("y = Add(x, w)"), op("z = Reshape(y, s)"))
	m.Graph.Initializer = append(m.Graph.Initializer, tensorProto("w", ir.Floats(ir.F32, []int{3}, 1, 2, 3)))
	m.Graph.ValueInfo = append(m.Graph.ValueInfo, infos(t, "y f32[2,3,3]")...)
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep func(ir.Type) bool
		want string
	}{
		{func(ir.Type) bool { return false }, "f32[s2,s3,batch], i64[s2], f32[s2,s3,3], f32[?3,?3.1]"},
		{func(t ir.Type) bool { return t.Rank() == 1 }, "f32[s2,s3,batch], i64[2], f32[s2,s3,3], f32[?3,?3.1]"},
	} {
		p, err := ImportNamed(file, c.keep)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range p.Main.Params {
			got += v.Type.String() + ", "
		}
		z := p.Main.Results[0]
		if got += z.Def.TypeAt(0).String() + ", " + z.Type.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// The bodies of nodes forget the sizes that they declare.
func TestNamedBodies(t *testing.T) {
	body := testModel(t, 17, "i f32[4]", "o f32[4]", op("o = Neg(i)")).Graph
	g := &pb.GraphProto{Node: []*pb.NodeProto{{Attribute: []*pb.AttributeProto{{Name: "body", G: body}}}}}
	nameSizes(g, func(ir.Type) bool { return false })
	for _, v := range []*pb.ValueInfoProto{body.Input[0], body.Output[0]} {
		if dims := shapeProto(v.Type); len(dims) != 1 || dims[0].Value != nil {
			t.Errorf("%s is %v", v.GetName(), dims)
		}
	}
}
