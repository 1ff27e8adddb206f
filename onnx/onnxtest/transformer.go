// Package onnxtest makes ONNX models for tests and benchmarks: transformers of any size with random weights, spelled in the
// primitive operators that PyTorch's exporter writes at opset 16, without PyTorch.
package onnxtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// A Dual says which form of generalized probabilistic attention a Transformer has.
type Dual string

const (
	Single   Dual = ""      // softmax attention
	DualFull Dual = "full"  // own projections of x for the negative queries and keys, weights per head
	DualReLU Dual = "paper" // negative queries are ReLU(q)·w, keys and values shared, scalar weights
)

// A Transformer describes a model: BERT-like (after-norm, padding mask, pooled first token) or, Causal, GPT-like (before-norm,
// logits over the vocabulary).
type Transformer struct {
	Layers, Width, Heads, FFN, Vocab, Positions int64
	Causal                                      bool
	Dual                                        Dual
	One                                         bool // the result is one token's: the last one's logits, cut out of all, or the pooled one
	Seed                                        uint64
}

// Encoder6 is the encoder that the project's speed is measured with: that of MiniLM-L6.
var Encoder6 = Transformer{Layers: 6, Width: 384, Heads: 12, FFN: 1536, Vocab: 30522, Positions: 512, Seed: 1}

// BERTBase and GPT2 have the shapes of the published models of 110 and 124 million parameters.
var (
	BERTBase = Transformer{Layers: 12, Width: 768, Heads: 12, FFN: 3072, Vocab: 30522, Positions: 512, Seed: 1}
	GPT2     = Transformer{Layers: 12, Width: 768, Heads: 12, FFN: 3072, Vocab: 50257, Positions: 1024, Causal: true, Seed: 1}
)

// Model makes the model. Equal descriptions give equal models.
func (t Transformer) Model() *pb.ModelProto {
	g := newGraph(t.Seed)
	g.Input = []*pb.ValueInfoProto{tensorInfo("input_ids", pb.TensorProto_INT64, "batch", "seq")}
	var mask string
	if t.Causal {
		mask = t.causalMask(g)
	} else {
		g.Input = append(g.Input, tensorInfo("attention_mask", pb.TensorProto_INT64, "batch", "seq"))
		mask = t.paddingMask(g)
	}
	x := t.embed(g)
	if !t.Causal {
		x = g.layerNorm("/ln", x, t.Width)
	}
	for i := range t.Layers {
		x = t.layer(g, fmt.Sprintf("/b.%d", i), x, mask)
	}
	if t.Causal {
		x = g.layerNorm("/ln", x, t.Width)
		w := g.weight("lm.weight", 0, 1/math.Sqrt(float64(t.Width)), t.Width, t.Vocab)
		y := g.node("", "MatMul", []string{x, w})
		dims := []any{"batch", "seq", t.Vocab}
		if t.One {
			g.node("", "Gather", []string{y, g.scalar("", -1)}, attrInt("axis", 1))
			dims = []any{"batch", t.Vocab}
		}
		g.result("logits")
		g.Output = []*pb.ValueInfoProto{tensorInfo("logits", pb.TensorProto_FLOAT, dims...)}
	} else {
		t.pool(g, g.result("last_hidden"))
	}
	return &pb.ModelProto{
		IrVersion: 8, ProducerName: "pytorch", ProducerVersion: "1.13.0", Graph: g.GraphProto,
		OpsetImport: []*pb.OperatorSetIdProto{{Version: 16}},
	}
}

// causalMask is -1e9 where a row may not look, cut out of a stored triangle.
func (t Transformer) causalMask(g *graph) string {
	tri := make([]float32, t.Positions*t.Positions)
	for i := range t.Positions {
		for j := range i + 1 {
			tri[i*t.Positions+j] = 1
		}
	}
	m := g.initializer("tri", tri, t.Positions, t.Positions)
	seq := g.size("", "input_ids", 1)
	for axis := range int64(2) {
		end := g.node("", "Unsqueeze", []string{seq, g.ints("", 0)})
		m = g.node("", "Slice", []string{m, g.ints("", 0), end, g.ints("", axis), g.ints("", 1)})
	}
	m = g.node("", "Mul", []string{g.node("", "Sub", []string{g.float("", 1), m}), g.float("", -1e9)})
	m = g.node("", "Unsqueeze", []string{m, g.ints("", 0)})
	return g.node("", "Unsqueeze", []string{m, g.ints("", 1)})
}

// paddingMask is -1e9 at the keys whose attention_mask is 0.
func (t Transformer) paddingMask(g *graph) string {
	m := g.node("", "Unsqueeze", []string{"attention_mask", g.ints("", 1)})
	m = g.node("", "Unsqueeze", []string{m, g.ints("", 2)})
	m = g.node("", "Cast", []string{m}, attrInt("to", int64(pb.TensorProto_FLOAT)))
	return g.node("", "Mul", []string{g.node("", "Sub", []string{g.float("", 1), m}), g.float("", -1e9)})
}

// embed looks up tokens and positions.
func (t Transformer) embed(g *graph) string {
	words := g.node("/e", "Gather", []string{g.weight("e.weight", 0, 1, t.Vocab, t.Width), "input_ids"})
	seq := g.node("", "Cast", []string{g.size("", "input_ids", 1)}, attrInt("to", int64(pb.TensorProto_INT64)))
	steps := g.node("", "Range", []string{g.scalar("", 0), seq, g.scalar("", 1)})
	places := g.node("/p", "Gather", []string{g.weight("p.weight", 0, 1, t.Positions, t.Width), steps})
	places = g.node("", "Unsqueeze", []string{places, g.ints("", 0)})
	return g.node("", "Add", []string{words, places})
}

// layer is attention and a feed-forward net, each with a residual and a norm: after it, or before it if Causal.
func (t Transformer) layer(g *graph, path, x, mask string) string {
	feed := func(x string) string {
		return g.linear(path+"/f2", g.gelu(path+"/act", g.linear(path+"/f1", x, t.Width, t.FFN)), t.FFN, t.Width)
	}
	if t.Causal {
		x = g.node(path, "Add", []string{x, t.attention(g, path+"/a", g.layerNorm(path+"/l1", x, t.Width), mask)})
		return g.node(path, "Add", []string{x, feed(g.layerNorm(path+"/l2", x, t.Width))})
	}
	x = g.layerNorm(path+"/l1", g.node(path, "Add", []string{x, t.attention(g, path+"/a", x, mask)}), t.Width)
	return g.layerNorm(path+"/l2", g.node(path, "Add", []string{x, feed(x)}), t.Width)
}

func (t Transformer) attention(g *graph, path, x, mask string) string {
	width, head := t.Width, t.Width/t.Heads
	split := func(name string, perm ...int64) string {
		y := g.linear(path+"/"+name, x, width, width)
		return g.node(path, "Transpose", []string{g.view(path, y, y, t.Heads, head)}, attrInts("perm", perm...))
	}
	probabilities := func(q, k string) string {
		s := g.node(path, "MatMul", []string{q, k})
		s = g.node(path, "Div", []string{s, g.float(path, math.Sqrt(float64(head)))})
		return g.node(path, "Softmax", []string{g.node(path, "Add", []string{s, mask})}, attrInt("axis", -1))
	}
	q, k, v := split("q", 0, 2, 1, 3), split("k", 0, 2, 3, 1), split("v", 0, 2, 1, 3)
	p := probabilities(q, k)
	if t.Dual != Single {
		perHead, qn := []int64{t.Heads, 1, 1}, ""
		if t.Dual == DualFull {
			qn, k = split("qn", 0, 2, 1, 3), split("kn", 0, 2, 3, 1)
		} else {
			w := g.weight(path[1:]+".w", 0, 1/math.Sqrt(float64(head)), head, head)
			qn, perHead = g.node(path, "MatMul", []string{g.node(path, "Relu", []string{q}), w}), nil
		}
		plus := g.node(path, "Mul", []string{g.weight(fmt.Sprintf("onnx::Mul_%d", len(g.Node)), 1.5, 0.1, perHead...), p})
		minus := g.node(path, "Mul", []string{g.weight(path[1:]+".ln", 0.5, 0.1, perHead...), probabilities(qn, k)})
		p = g.node(path, "Sub", []string{plus, minus})
	}
	o := g.node(path, "Transpose", []string{g.node(path, "MatMul", []string{p, v})}, attrInts("perm", 0, 2, 1, 3))
	return g.linear(path+"/o", g.view(path, o, x, width), width, width)
}

// pool is tanh of a linear layer of the first token.
func (t Transformer) pool(g *graph, x string) {
	first := g.node("", "Gather", []string{x, g.scalar("", 0)}, attrInt("axis", 1))
	w := g.weight("pool.weight", 0, 1/math.Sqrt(float64(t.Width)), t.Width, t.Width)
	b := g.weight("pool.bias", 0, 0.02, t.Width)
	y := g.node("/pool", "Gemm", []string{first, w, b}, attrInt("transB", 1))
	g.node("", "Tanh", []string{y})
	g.result("pooled")
	g.Output = []*pb.ValueInfoProto{
		tensorInfo(x, pb.TensorProto_FLOAT, "batch", "seq", t.Width),
		tensorInfo("pooled", pb.TensorProto_FLOAT, "batch", t.Width),
	}
	if t.One {
		g.Output = g.Output[1:]
	}
}

// Inputs are random tokens and, for an encoder, a mask that hides the last tokens of every row but the first.
func (t Transformer) Inputs(batch, seq int64) []*pb.TensorProto {
	r := rand.New(rand.NewPCG(t.Seed, uint64(batch*seq)))
	ids, mask := make([]int64, batch*seq), make([]int64, batch*seq)
	for i := range ids {
		ids[i] = r.Int64N(t.Vocab)
		row, column := int64(i)/seq, int64(i)%seq
		if column == 0 || column < seq-row*seq/(batch+1) {
			mask[i] = 1
		}
	}
	tensor := func(name string, v []int64) *pb.TensorProto {
		return &pb.TensorProto{Name: name, Dims: []int64{batch, seq}, DataType: int32(pb.TensorProto_INT64), RawData: rawInts(v)}
	}
	if t.Causal {
		return []*pb.TensorProto{tensor("input_ids", ids)}
	}
	return []*pb.TensorProto{tensor("input_ids", ids), tensor("attention_mask", mask)}
}

// Write lays the model and one set of inputs out in dir as ONNX's backend tests are, without outputs.
func (t Transformer) Write(dir string, batch, seq int64) error {
	if t.Heads < 1 || t.Width%t.Heads != 0 {
		return fmt.Errorf("width %d is no multiple of the number of heads, %d", t.Width, t.Heads)
	}
	if seq > t.Positions {
		return fmt.Errorf("length %d is over the model's %d positions", seq, t.Positions)
	}
	set := filepath.Join(dir, "test_data_set_0")
	if err := os.MkdirAll(set, 0o777); err != nil {
		return err
	}
	if err := writeMessage(filepath.Join(dir, "model.onnx"), t.Model()); err != nil {
		return err
	}
	for i, in := range t.Inputs(batch, seq) {
		if err := writeMessage(filepath.Join(set, fmt.Sprintf("input_%d.pb", i)), in); err != nil {
			return err
		}
	}
	return nil
}

func writeMessage(path string, m proto.Message) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, b, 0o666)
}

// tensorInfo is the type of a graph's input or output; a dimension is a name or a number.
func tensorInfo(name string, elem pb.TensorProto_DataType, dims ...any) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		switch d := d.(type) {
		case string:
			shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{
				Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: d}})
		case int64:
			shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{
				Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
	}
	return &pb.ValueInfoProto{Name: name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: int32(elem), Shape: shape}}}}
}

// Named gives the shapes that go by a name: encoder6, bert-base, gpt2; one with "-dual" or "-dual-paper" behind it has dual attention,
// one that ends in "-one" the result of one token.
func Named(name string) (Transformer, error) {
	name, one := strings.CutSuffix(name, "-one")
	base, dual, _ := strings.Cut(name, "-dual")
	t, ok := map[string]Transformer{"encoder6": Encoder6, "bert-base": BERTBase, "gpt2": GPT2}[base]
	t.One = one
	switch {
	case !ok:
		return t, fmt.Errorf("no model is called %q; there are encoder6, bert-base and gpt2", base)
	case dual == "-paper":
		t.Dual = DualReLU
	case dual != "":
		return t, fmt.Errorf("no dual attention is called %q", dual)
	case strings.HasSuffix(name, "-dual"):
		t.Dual = DualFull
	}
	return t, nil
}
