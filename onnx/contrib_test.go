package onnx

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/runtime"
)

func contributedModel(t *testing.T, inputs string, n *pb.NodeProto) *pb.ModelProto {
	t.Helper()
	n.Domain = contribDomain
	m := testModel(t, 21, inputs, "", n)
	for _, name := range n.Output {
		m.Graph.Output = append(m.Graph.Output, &pb.ValueInfoProto{Name: name})
	}
	return m
}

// wantContributed evaluates a node and compares its first result.
func wantContributed(t *testing.T, inputs string, n *pb.NodeProto, want []float64, in ...*ir.Data) {
	t.Helper()
	p, err := importProto(t, contributedModel(t, inputs, n))
	if err != nil {
		t.Fatalf("%s: %v", n.OpType, err)
	}
	var values []runtime.Value
	for _, d := range in {
		values = append(values, runtime.FromData(d))
	}
	out, err := runtime.Eval(p, values, runtime.Options{})
	if err != nil {
		t.Fatalf("%s: %v", n.OpType, err)
	}
	got := out[0].(*runtime.Tensor).Data()
	if got.Len() != len(want) {
		t.Fatalf("%s: %d elements, want %d", n.OpType, got.Len(), len(want))
	}
	for i, w := range want {
		if math.Abs(got.Float(i)-w) > 1e-5 {
			t.Errorf("%s: element %d is %v, want %v", n.OpType, i, got.Float(i), w)
		}
	}
}

// What ONNX Runtime has kernels of for other devices only.
func TestContributedElsewhere(t *testing.T) {
	row := func(xs ...float64) *ir.Data { return ir.Floats(ir.F32, []int{1, 1, len(xs)}, xs...) }
	vector := func(xs ...float64) *ir.Data { return ir.Floats(ir.F32, []int{len(xs)}, xs...) }
	image := func(height, width, channels int, xs ...float64) *ir.Data {
		return ir.Floats(ir.F32, []int{1, height, width, channels}, xs...)
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	gelu := func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }
	fast := func(x float64) float64 { return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) }
	three := "x f32[b,s,2], c f32[2], r f32[b,s,2]"
	wantContributed(t, three, op("y = BiasAdd(x, c, r)"), []float64{111, 222}, row(1, 2), vector(10, 20), row(100, 200))
	wantContributed(t, three, op("y = BiasDropout(x, c, r)", attr("seed", 1)), []float64{111, 222}, row(1, 2), vector(10, 20), row(100, 200))
	wantContributed(t, "x f32[b,s,4], c f32[4]", op("y = BiasSplitGelu(x, c)"), []float64{11 * gelu(0.5), 22 * gelu(-1)}, row(1, 2, 0.25, -3), vector(10, 20, 0.25, 2))
	wantContributed(t, "x f32[b,s,2], c f32[b,s,2]", op("y = BiasSoftmax(x, c)", attr("axis", -1), attr("is_inner_broadcast", 0)),
		[]float64{sigmoid(-1), sigmoid(1)}, row(1, 2), row(3, 3))
	wantContributed(t, "x f32[b,2,2], w f32[2,2]", op("y = FusedMatMulActivation(x, w)", attr("activation", "LeakyRelu"), attr("activation_alpha", 0.5), attr("transA", 1), attr("alpha", 2.0)),
		[]float64{2, 4, -1, -2}, ir.Floats(ir.F32, []int{1, 2, 2}, 1, -1, 0, 0), ir.Floats(ir.F32, []int{2, 2}, 1, 2, 5, 5))
	wantContributed(t, "x f32[b,s,2], w f32[2,1], c f32[1]", op("y = GemmFastGelu(x, w, c)"), []float64{fast(1.5)}, row(1, 2), ir.Floats(ir.F32, []int{2, 1}, 1, 0.5), vector(-0.5))
	wantContributed(t, "x f32[b,s,2], z f32[b,s,2]", op("y = ComplexMul(x, z)"), []float64{-7, 22}, row(2, 3), row(4, 5))
	wantContributed(t, "x f32[b,s,2], z f32[b,s,2]", op("y = ComplexMulConj(x, z)"), []float64{23, 2}, row(2, 3), row(4, 5))
	wantContributed(t, "w f32[3,2], i i64[2], p i64[]", op("y = TorchEmbedding(w, i, p)"), []float64{5, 6, 1, 2},
		ir.Floats(ir.F32, []int{3, 2}, 1, 2, 3, 4, 5, 6), ir.Vector(2, 0), ir.Ints(ir.I64, nil, 0))
	wantContributed(t, "x f32[b,h,w,2], k f32[1,2,1,1], c f32[1]", op("y = NhwcFusedConv(x, k, c)", attr("activation", "Silu")), []float64{4 * sigmoid(4), 8 * sigmoid(8)},
		image(1, 2, 2, 1, 1, 3, 2), ir.Floats(ir.F32, []int{1, 2, 1, 1}, 1, 2), vector(1))
	norm := "x f32[b,h,w,2], g f32[2], c f32[2]"
	wantContributed(t, norm, op("y = GroupNorm(x, g, c)", attr("groups", 2), attr("activation", 0), attr("epsilon", 0.0)), []float64{-2, 6, 2, 4},
		image(1, 2, 2, 1, 7, 3, 5), vector(2, 1), vector(0, 5))
	wantContributed(t, "x f32[b,2,h,w], g f32[2], c f32[2]", op("y = GroupNorm(x, g, c)", attr("groups", 1), attr("activation", 1), attr("channels_last", 0), attr("epsilon", 0.0)),
		[]float64{-sigmoid(-1), sigmoid(1)}, ir.Floats(ir.F32, []int{1, 2, 1, 1}, 1, 3), vector(1, 1), vector(0, 0))
	wantContributed(t, norm+", r f32[b,2], d f32[2]", op("y, z = SkipGroupNorm(x, g, c, r, d)", attr("groups", 1), attr("activation", 0), attr("epsilon", 0.0)), []float64{-1, 1},
		image(1, 1, 2, 1, 1), vector(1, 1), vector(0, 0), ir.Floats(ir.F32, []int{1, 2}, 1, 2), vector(1, 2))
}

// An error says which form of an operator is missing.
func TestContributedErrors(t *testing.T) {
	for _, c := range []struct {
		inputs string
		node   *pb.NodeProto
		want   string
	}{
		{"x f32[2,3]", op("y = FusedMatMul(x)"), "an input is missing"},
		{"x f32[2,3], w f32[3,4]", op("y = FusedMatMul(x, w)", attr("beta", 1.0)), `attribute "beta"`},
		{"x f32[2,3], w f32[3,4]", op("y = FusedGemm(x, w)", attr("activation", "Cube")), `activation "Cube"`},
		{"x f32[1,2,3,3], w f32[1,2,1,1]", op("y = FusedConv(x, w)", attr("activation", "Clip")), "0 parameters instead of 2"},
		{"x f32[2,3], z f32[2,3]", op("y = CDist(x, z)", attr("metric", "cosine")), `metric "cosine"`},
		{"x f32[2,3,4], z f32[2,3]", op("y = CDist(x, z)"), "2 dimensions are wanted"},
		{"x f32[2,3], c f32[3], t bool[]", op("y = BiasDropout(x, c, , , t)"), "training"},
		{"x f32[2,3,4], c f32[2,3,4]", op("y = BiasSoftmax(x, c)"), "axis 1"},
		{"x f32[2,5,4], k f32[5,1,3]", op("y = CausalConvWithState(x, k)", attr("dilation", 2)), "dilation 2"},
		{"x f32[2,4]", op("y = UnfoldTensor(x)"), "pieces of 0"},
		{"i i64[2,4], x f32[2,9]", op("y = NGramRepeatBlock(i, x)"), "ngram_size is 0"},
		{"x f32[1,2,3,3], r f32[1,4], i i32[1], c i32[2]", op("y = CropAndResize(x, r, i, c)"), "crop size"},
		{"x f32[1,2,3,3], w f32[2,1,1,1], p i64[4]", op("y = ConvTransposeWithDynamicPads(x, w, p)"), "pads that are not constant"},
		{"x f32[1,2,3,4], g f32[2], r f32[1,2]", op("y = SkipGroupNorm(x, g, g, r)", attr("channels_last", 0)), "channels before"},
	} {
		wantError(t, contributedModel(t, c.inputs, c.node), c.node.OpType, c.want)
	}
}

// Whatever is given to an operator, it is imported or refused.
func TestContributedStands(t *testing.T) {
	types := []string{"f32[]", "f32[s]", "f32[2,3]", "f32[b,s,4]", "f32[2,3,4,5]", "i64[2]", "i32[b,s]", "bool[2,2]", "str[2]", "seq(f32[2])", "f16[0,3]"}
	for _, name := range Contributed() {
		for _, x := range types {
			for _, y := range types {
				for count := range 8 {
					inputs, args := []string{}, []string{}
					for i := range count {
						typ := x
						if i%2 == 1 {
							typ = y
						}
						args = append(args, fmt.Sprintf("x%d", i))
						inputs = append(inputs, fmt.Sprintf("x%d %s", i, typ))
					}
					_, _ = importProto(t, contributedModel(t, strings.Join(inputs, ", "), op("y, z = "+name+"("+strings.Join(args, ", ")+")")))
				}
			}
		}
	}
}
