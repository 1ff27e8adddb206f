package onnxtest

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"
)

// A Sample is a small model of a kind that the exporters of transformers do not write, with inputs for it.
type Sample struct {
	Name     string
	Model    *pb.ModelProto
	Inputs   []*pb.TensorProto
	External bool // its weights go into a file beside it
}

// Samples are models with functions, control flow, external data, old operators, a cache whose length is an expression, and weights and
// activations in bytes.
func Samples() []Sample {
	return []Sample{functions(), control(), oldImages(), cache(), external(), dynamic(), static()}
}

// A sampler fills tensors with numbers that are the same every time.
type sampler struct{ *rand.Rand }

func newSampler(name string) sampler {
	seed := uint64(len(name))
	for _, c := range name {
		seed = seed*31 + uint64(c)
	}
	return sampler{rand.New(rand.NewPCG(seed, 1))}
}

func (r sampler) floats(name string, dims ...int64) *pb.TensorProto {
	v := make([]float32, size(dims))
	for i := range v {
		v[i] = float32(r.NormFloat64()) / 2
	}
	return Tensor(name, v, dims...)
}

func size(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// info declares a value from the text "x float batch,3".
func info(text string) *pb.ValueInfoProto {
	f := strings.SplitN(text, " ", 3)
	elem := pb.TensorProto_DataType(pb.TensorProto_DataType_value[strings.ToUpper(f[1])])
	var dims []any
	if len(f) > 2 {
		for _, d := range strings.Split(f[2], ",") {
			if n, err := strconv.ParseInt(d, 10, 64); err == nil {
				dims = append(dims, n)
			} else {
				dims = append(dims, d)
			}
		}
	}
	return tensorInfo(f[0], elem, dims...)
}

func infos(texts ...string) (out []*pb.ValueInfoProto) {
	for _, t := range texts {
		out = append(out, info(t))
	}
	return out
}

func model(opset int64, in, out []*pb.ValueInfoProto, weights []*pb.TensorProto, nodes ...*pb.NodeProto) *pb.ModelProto {
	return &pb.ModelProto{
		IrVersion: 8, OpsetImport: []*pb.OperatorSetIdProto{{Version: opset}},
		Graph: &pb.GraphProto{Name: "sample", Input: in, Output: out, Initializer: weights, Node: nodes},
	}
}

// functions has functions in functions, with overloads, attributes handed on, an output that nobody uses and an input that is left out.
func functions() Sample {
	r := newSampler("functions")
	m := model(18, infos("x float batch,6"), infos("y float batch,6", "z float batch,6"), []*pb.TensorProto{r.floats("w", 6, 6), r.floats("b", 6)},
		Node("h, unused = local::Dense(x, w, b)", Attr("axis", 1)),
		Node("y = local::Normal:last(h)"),
		Node("z, unused_too = local::Dense(y, w)", Attr("axis", 0)))
	m.IrVersion = 10
	sets := []*pb.OperatorSetIdProto{{Version: 18}, {Domain: "local", Version: 1}}
	m.OpsetImport = sets
	dense := &pb.FunctionProto{
		Domain: "local", Name: "Dense", Input: []string{"u", "v", "c"}, Output: []string{"o", "product"}, Attribute: []string{"axis"}, OpsetImport: sets,
		Node: []*pb.NodeProto{
			Node("product = Gemm(u, v, c)"), Node("s = local::Normal(product)", Attr("axis", "$axis")), Node("o = Add(s, u)"),
		},
	}
	normal := &pb.FunctionProto{
		Domain: "local", Name: "Normal", Input: []string{"u"}, Output: []string{"o"}, Attribute: []string{"axis"}, OpsetImport: sets,
		Node: []*pb.NodeProto{Node("o = Softmax(u)", Attr("axis", "$axis"))},
	}
	last := &pb.FunctionProto{
		Domain: "local", Name: "Normal", Overload: "last", Input: []string{"u"}, Output: []string{"o"}, OpsetImport: sets,
		Node: []*pb.NodeProto{Node("o = LogSoftmax(u)", Attr("axis", -1))},
	}
	m.Functions = []*pb.FunctionProto{dense, normal, last}
	return Sample{Name: "functions", Model: m, Inputs: []*pb.TensorProto{r.floats("x", 3, 6)}}
}

func subgraph(in, out []*pb.ValueInfoProto, weights []*pb.TensorProto, nodes ...*pb.NodeProto) *pb.GraphProto {
	return &pb.GraphProto{Name: "inner", Input: in, Output: out, Initializer: weights, Node: nodes}
}

// control has an If that the data decides, a Loop whose value grows, and a Scan; the names in the graphs inside are the same.
func control() Sample {
	r := newSampler("control")
	yes := subgraph(nil, infos("t float n,4"), nil, Node("d = Neg(x)"), Node("t = Mul(d, w)"))
	no := subgraph(nil, infos("t float n,4"), []*pb.TensorProto{r.floats("d", 4)}, Node("t = Add(x, d)"))
	loop := subgraph(
		infos("i int64", "go bool", "h float n,4", "grown float rows,4"), infos("on bool", "h2 float n,4", "grown2 float rows2,4", "row float n,4"), nil,
		Node("on = Identity(go)"), Node("h2 = Tanh(h)"), Node("grown2 = Concat(grown, h2)", Attr("axis", 0)), Node("row = Mul(h2, w)"))
	scan := subgraph(infos("s float 4", "e float 4"), infos("s2 float 4", "d float 4"), nil, Node("s2 = Add(s, e)"), Node("d = Mul(s2, w)"))
	in := infos("x float n,4", "flag bool", "rounds int64")
	m := model(17, in, infos("y float n,4", "last float n,4", "all float m,4", "rows float k,n,4", "sum float 4", "sums float n,4"),
		[]*pb.TensorProto{r.floats("w", 4), r.floats("start", 4)},
		Node("y = If(flag)", Attr("then_branch", yes), Attr("else_branch", no)),
		Node("last, all, rows = Loop(rounds, , y, x)", Attr("body", loop)),
		Node("sum, sums = Scan(start, last)", Attr("body", scan), Attr("num_scan_inputs", 1)))
	flag := &pb.TensorProto{Name: "flag", DataType: int32(pb.TensorProto_BOOL), RawData: []byte{1}}
	return Sample{Name: "control", Model: m, Inputs: []*pb.TensorProto{r.floats("x", 2, 4), flag, Tensor("rounds", []int64{3})}}
}

// oldImages is a classifier of opset 9, whose operators had other forms: attributes for what are inputs now, and Softmax of a matrix.
func oldImages() Sample {
	r := newSampler("old")
	positive := r.floats("variance", 4)
	for i := range positive.RawData {
		if i%4 == 3 {
			positive.RawData[i] &= 0x7f
		}
	}
	weights := []*pb.TensorProto{
		r.floats("k", 4, 3, 3, 3), r.floats("scale", 4), r.floats("shift", 4), r.floats("mean", 4), positive, r.floats("fc", 24, 5), r.floats("b", 5),
	}
	m := model(9, infos("x float batch,3,8,8"), infos("y float batch,5", "top float batch,2", "at int64 batch,2"), weights,
		Node("p = Pad(x)", Attr("pads", []int64{0, 0, 1, 1, 0, 0, 1, 1}), Attr("value", 0.5)),
		Node("c = Conv(p, k)", Attr("kernel_shape", []int64{3, 3})),
		Node("n = BatchNormalization(c, scale, shift, mean, variance)"),
		Node("r = Clip(n)", Attr("min", 0.0), Attr("max", 6.0)),
		Node("d = Dropout(r)", Attr("ratio", 0.3)),
		Node("q = MaxPool(d)", Attr("kernel_shape", []int64{2, 2}), Attr("strides", []int64{2, 2})),
		Node("u = Upsample(q, factors)", Attr("mode", "nearest")),
		Node("s = Slice(u)", Attr("starts", []int64{1, 0}), Attr("ends", []int64{7, 8}), Attr("axes", []int64{2, 3})),
		Node("m = ReduceMean(s)", Attr("axes", []int64{3})),
		Node("z = Squeeze(m)", Attr("axes", []int64{3})),
		Node("w1, w2 = Split(z)", Attr("axis", 2), Attr("split", []int64{2, 4})),
		Node("j = Concat(w2, w1)", Attr("axis", 2)),
		Node("f = Flatten(j)"),
		Node("g = Gemm(f, fc, b)"),
		Node("e = Unsqueeze(g)", Attr("axes", []int64{2})),
		Node("h = Softmax(e)"),
		Node("y = Squeeze(h)", Attr("axes", []int64{2})),
		Node("top, at = TopK(y)", Attr("k", 2)))
	m.Graph.Initializer = append(m.Graph.Initializer, Tensor("factors", []float32{1, 1, 2, 2}, 4))
	return Sample{Name: "old-images", Model: m, Inputs: []*pb.TensorProto{r.floats("x", 2, 3, 8, 8)}}
}

// cache is one step of attention with a cache: the mask is as long as past and new tokens together, and says so by its name.
func cache() Sample {
	r := newSampler("cache")
	m := model(17,
		infos("x float batch,seq,8", "past_key float batch,2,past,4", "past_value float batch,2,past,4", "mask float batch,1,1,past + seq"),
		infos("y float batch,seq,8", "key float batch,2,past + seq,4", "value float batch,2,past + seq,4"),
		[]*pb.TensorProto{
			r.floats("wq", 8, 8), r.floats("wk", 8, 8), r.floats("wv", 8, 8), r.floats("wo", 8, 8),
			Tensor("heads", []int64{0, 0, 2, 4}, 4), Tensor("flat", []int64{0, 0, 8}, 3), Tensor("half", []float32{0.5}),
		},
		Node("q0 = MatMul(x, wq)"), Node("q1 = Reshape(q0, heads)"), Node("q = Transpose(q1)", Attr("perm", []int64{0, 2, 1, 3})),
		Node("k0 = MatMul(x, wk)"), Node("k1 = Reshape(k0, heads)"), Node("k2 = Transpose(k1)", Attr("perm", []int64{0, 2, 1, 3})),
		Node("v0 = MatMul(x, wv)"), Node("v1 = Reshape(v0, heads)"), Node("v2 = Transpose(v1)", Attr("perm", []int64{0, 2, 1, 3})),
		Node("key = Concat(past_key, k2)", Attr("axis", 2)), Node("value = Concat(past_value, v2)", Attr("axis", 2)),
		Node("kt = Transpose(key)", Attr("perm", []int64{0, 1, 3, 2})), Node("s0 = MatMul(q, kt)"), Node("s1 = Mul(s0, half)"),
		Node("s2 = Add(s1, mask)"), Node("p = Softmax(s2)", Attr("axis", -1)), Node("o0 = MatMul(p, value)"),
		Node("o1 = Transpose(o0)", Attr("perm", []int64{0, 2, 1, 3})), Node("o2 = Reshape(o1, flat)"), Node("y = MatMul(o2, wo)"))
	return Sample{Name: "cache", Model: m, Inputs: []*pb.TensorProto{
		r.floats("x", 2, 1, 8), r.floats("past_key", 2, 2, 5, 4), r.floats("past_value", 2, 2, 5, 4), r.floats("mask", 2, 1, 1, 6),
	}}
}

// external has its weights in a file of their own.
func external() Sample {
	r := newSampler("external")
	m := model(17, infos("x float batch,16"), infos("y float batch,8"), []*pb.TensorProto{r.floats("w", 16, 8), r.floats("v", 8, 8)},
		Node("h = MatMul(x, w)"), Node("a = Relu(h)"), Node("y = MatMul(a, v)"))
	return Sample{Name: "external", Model: m, Inputs: []*pb.TensorProto{r.floats("x", 2, 16)}, External: true}
}

// dynamic is what quantize_dynamic makes of two products, one of which has two users of its input, and of a table.
func dynamic() Sample {
	r := newSampler("dynamic")
	m := model(17, infos("ids int64 batch,seq"), infos("y float batch,seq,40", "z float batch,seq,24"),
		[]*pb.TensorProto{r.floats("e", 10, 48), r.floats("w", 48, 36), r.floats("b", 36), r.floats("v", 36, 40), r.floats("u", 36, 24)},
		Node("x = Gather(e, ids)"), Node("h = MatMul(x, w)"), Node("i = Add(b, h)"), Node("a = Relu(i)"),
		Node("y = MatMul(a, v)"), Node("z = MatMul(a, u)"))
	QuantizeDynamic(m)
	return Sample{Name: "dynamic", Model: m, Inputs: []*pb.TensorProto{Tensor("ids", []int64{3, 1, 4, 1, 5, 9}, 2, 3)}}
}

// static has scales that were found beforehand: of bytes with and without a sign, for all of a weight and for each of its columns.
func static() Sample {
	r := newSampler("static")
	bytes := func(name string, kind pb.TensorProto_DataType, from, to int, dims ...int64) *pb.TensorProto {
		t := &pb.TensorProto{Name: name, Dims: dims, DataType: int32(kind), RawData: make([]byte, size(dims))}
		for i := range t.RawData {
			t.RawData[i] = byte(from + r.IntN(to-from+1))
		}
		return t
	}
	scales := r.floats("vs", 40)
	for i := range scales.RawData {
		if i%4 == 3 {
			scales.RawData[i] &= 0x7f
		}
	}
	m := model(17, infos("x float batch,seq,48"), infos("y float batch,seq,40"), []*pb.TensorProto{
		bytes("w", pb.TensorProto_UINT8, 0, 255, 48, 36), Tensor("ws", []float32{0.003}), bytes("wz", pb.TensorProto_UINT8, 121, 121),
		bytes("v", pb.TensorProto_INT8, -127, 127, 36, 40), scales, bytes("vz", pb.TensorProto_INT8, 0, 0, 40), r.floats("b", 36),
		Tensor("xs", []float32{0.015}), bytes("xz", pb.TensorProto_INT8, -3, -3), Tensor("as", []float32{0.03}), bytes("az", pb.TensorProto_UINT8, 2, 2),
	},
		Node("q = QuantizeLinear(x, xs, xz)"), Node("d = DequantizeLinear(q, xs, xz)"), Node("wd = DequantizeLinear(w, ws, wz)"),
		Node("h = MatMul(d, wd)"), Node("i = Add(h, b)"), Node("a = Relu(i)"),
		Node("aq = QuantizeLinear(a, as, az)"), Node("ad = DequantizeLinear(aq, as, az)"), Node("vd = DequantizeLinear(v, vs, vz)"),
		Node("y = MatMul(ad, vd)"))
	return Sample{Name: "static", Model: m, Inputs: []*pb.TensorProto{r.floats("x", 2, 3, 48)}}
}
