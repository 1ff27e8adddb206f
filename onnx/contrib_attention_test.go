package onnx_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/runtime"
	"google.golang.org/protobuf/proto"
)

func imported(m *pb.ModelProto) (*ir.Program, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return onnx.ImportBytes("m.onnx", b)
}

// evaluated are the results of a model of one node, whose inputs these are.
func evaluated(t *testing.T, node *pb.NodeProto, inputs ...*pb.TensorProto) []*runtime.Tensor {
	t.Helper()
	g := &pb.GraphProto{Name: "g", Node: []*pb.NodeProto{node}, Initializer: inputs}
	for _, name := range node.Output {
		g.Output = append(g.Output, &pb.ValueInfoProto{Name: name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
			TensorType: &pb.TypeProto_Tensor{ElemType: int32(pb.TensorProto_FLOAT)}}}})
	}
	p, err := imported(&pb.ModelProto{IrVersion: 10, OpsetImport: []*pb.OperatorSetIdProto{{Version: 21}, {Domain: "com.microsoft", Version: 1}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	values, err := runtime.Eval(p, nil, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []*runtime.Tensor
	for _, v := range values {
		out = append(out, v.(*runtime.Tensor))
	}
	return out
}

// counted are numbers that differ, of these dimensions.
func counted(name string, dims ...int64) *pb.TensorProto {
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	v := make([]float32, size)
	for i := range v {
		v[i] = float32(math.Sin(float64(i*i + len(name))))
	}
	return onnxtest.Tensor(name, v, dims...)
}

func wantSame(t *testing.T, got, want *runtime.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("got %v, want %v", got.Shape, want.Shape)
	}
	for i := range got.Len() {
		if math.Abs(got.Float(i)-want.Float(i)) > 1e-6 {
			t.Fatalf("element %d is %g, want %g", i, got.Float(i), want.Float(i))
		}
	}
}

// TestMultiHeadAttentionInOne: queries, keys and values in one tensor, or keys and values, are the same as apart. ONNX Runtime has this on
// other devices only.
func TestMultiHeadAttentionInOne(t *testing.T) {
	const batch, length, heads, size = 2, 3, 2, 4
	qkv, bias := counted("qkv", batch, length, heads, 3, size), counted("bias", 3*heads*size)
	all := make([]float32, 0, batch*length*heads*3*size)
	for i := range cap(all) {
		all = append(all, float32(math.Sin(float64(i*i+len("qkv")))))
	}
	part := func(name string, which int) *pb.TensorProto {
		var v []float32
		for at := 0; at < len(all); at += 3 * size {
			v = append(v, all[at+which*size:][:size]...)
		}
		return onnxtest.Tensor(name, v, batch, length, heads*size)
	}
	var kv []float32
	for at := 0; at < len(all); at += 3 * size {
		kv = append(kv, all[at+size:][:2*size]...)
	}
	node := func(args string) *pb.NodeProto {
		return onnxtest.Node("y = com.microsoft::MultiHeadAttention("+args+")", onnxtest.Attr("num_heads", heads))
	}
	want := evaluated(t, node("q, k, v, bias"), part("q", 0), part("k", 1), part("v", 2), bias)[0]
	wantSame(t, evaluated(t, node("qkv, , , bias"), qkv, bias)[0], want)
	wantSame(t, evaluated(t, node("q, kv, , bias"), part("q", 0), onnxtest.Tensor("kv", kv, batch, length, heads, 2, size), bias)[0], want)
}

// TestGroupQueryAttentionNorms: queries and keys are normalised head by head before they are turned. ONNX Runtime has this on other devices
// only. Of two keys, the query of the second place sees both with these weights.
func TestGroupQueryAttentionNorms(t *testing.T) {
	q, k, v := []float32{9, 9, 3, 4}, []float32{1, 7, 6, 8}, []float32{1, 2, 3, 5}
	scaleQ, scaleK := []float64{2, 0.5}, []float64{1, 3}
	norm := func(x []float32, scale []float64) [2]float64 {
		root := math.Sqrt((float64(x[0])*float64(x[0])+float64(x[1])*float64(x[1]))/2 + 1e-5)
		return [2]float64{float64(x[0]) / root * scale[0], float64(x[1]) / root * scale[1]}
	}
	query, first, second := norm(q[2:], scaleQ), norm(k[:2], scaleK), norm(k[2:], scaleK)
	score := func(key [2]float64) float64 { return math.Exp((query[0]*key[0] + query[1]*key[1]) / math.Sqrt2) }
	p := score(first) / (score(first) + score(second))
	vector := func(name string, x []float64) *pb.TensorProto {
		return onnxtest.Tensor(name, []float32{float32(x[0]), float32(x[1])}, 2)
	}
	node := onnxtest.Node("y, pk = com.microsoft::GroupQueryAttention(q, k, v, , , ends, total, , , , , , , , qn, kn)",
		onnxtest.Attr("num_heads", 1), onnxtest.Attr("kv_num_heads", 1), onnxtest.Attr("qk_norm_epsilon", 1e-5))
	out := evaluated(t, node, onnxtest.Tensor("q", q, 1, 2, 2), onnxtest.Tensor("k", k, 1, 2, 2), onnxtest.Tensor("v", v, 1, 2, 2),
		onnxtest.Tensor("ends", []int32{1}, 1), onnxtest.Tensor("total", []int32{2}), vector("qn", scaleQ), vector("kn", scaleK))
	want := []float64{1, 2, p*1 + (1-p)*3, p*2 + (1-p)*5}
	for i, x := range want {
		if math.Abs(out[0].Float(i)-x) > 1e-5 {
			t.Errorf("element %d is %g, want %g", i, out[0].Float(i), x)
		}
	}
	for i, x := range [4]float64{first[0], first[1], second[0], second[1]} {
		if math.Abs(out[1].Float(i)-x) > 1e-5 {
			t.Errorf("key %d is %g, want %g", i, out[1].Float(i), x)
		}
	}
}
