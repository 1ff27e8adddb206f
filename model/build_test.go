package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// small is a configuration that is quick to compute, with sizes that differ from each other.
func small(t testing.TB, family string, attention string, change func(c *Config)) *Config {
	t.Helper()
	c, err := NewConfig(family)
	if err != nil {
		t.Fatal(err)
	}
	c.Width, c.Layers, c.Heads, c.FFN = 24, 2, 4, 20
	if c.Has(&c.Vocab) {
		c.Vocab, c.Positions = 19, 12
	}
	if c.Has(&c.KVHeads) {
		c.KVHeads = 2
	}
	if c.Has(&c.ImageSize) {
		c.ImageSize, c.PatchSize, c.Channels = 8, 4, 3
	}
	if attention != "" {
		if c.Attention, err = ParseMechanisms([]byte(attention)); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(c)
	}
	return c
}

// cases are what is built, evaluated and compared with the oracle. Duals is the number of DualAttentions after the passes, singles of
// Attentions.
var cases = []struct {
	name, family, attention string
	change                  func(c *Config)
	duals, singles          int
}{
	{"bert", "bert", "", nil, 0, 2},
	{"bert-one-head", "bert", "", func(c *Config) { c.Heads, c.Act = 1, "relu" }, 0, 2},
	{"bert-dagpam", "bert", `{"kind":"dagpam"}`, nil, 2, 0},
	{"bert-dagpam-head", "bert", `{"kind":"dagpam","per":"head","query":"head"}`, nil, 2, 0},
	{"bert-dagpam-own", "bert", `{"kind":"dagpam","per":"head","query":"own","key":"own","form":"complement"}`, nil, 2, 0},
	{"bert-dagpam-fixed", "bert", `{"kind":"dagpam","lambda_plus":0.5,"lambda_minus":0.25,"form":"plain"}`, nil, 2, 0},
	{"bert-dagpam-one-layer", "bert", `{"kind":"dagpam","layers":[1]}`, nil, 1, 1},
	{"bert-diff", "bert", `{"kind":"diff","norm":"scaled"}`, nil, 2, 0},
	{"bert-diff-interleaved", "bert", `{"kind":"diff","pairing":"interleaved","norm":"none"}`, nil, 2, 0},
	{"bert-diff2", "bert", `{"kind":"diff","version":2}`, nil, 2, 0},
	{"bert-shaped", "bert", `{"kind":"shaped","alpha":"weights","beta":"weights","gamma":"weights","per":"head"}`, nil, 2, 0},
	{"bert-centred", "bert", `{"kind":"centred"}`, nil, 2, 0},
	{"bert-sink", "bert", `{"kind":"sink"}`, nil, 0, 2},
	{"bert-mixed", "bert", `[{"kind":"sink","sink":0,"layers":[0]},{"kind":"dagpam"}]`, nil, 1, 1},
	{"gpt2", "gpt2", "", nil, 0, 2},
	{"gpt2-dagpam", "gpt2", `{"kind":"dagpam"}`, nil, 2, 0},
	{"gpt2-diff2", "gpt2", `{"kind":"diff","version":2}`, nil, 2, 0},
	{"gpt2-shaped", "gpt2", `{"kind":"shaped","alpha":0.5,"beta":2}`, nil, 2, 0},
	{"gpt2-centred", "gpt2", `{"kind":"centred"}`, nil, 2, 0},
	{"llama", "llama", "", nil, 0, 2},
	{"llama-tied", "llama", "", func(c *Config) { c.Tied, c.KVHeads, c.HeadDim, c.RopeTheta = true, 1, 8, 500 }, 0, 2},
	{"llama-bias", "llama", "", func(c *Config) { c.Bias, c.MLPBias, c.KVHeads = true, true, 4 }, 0, 2},
	{"llama-dagpam", "llama", `{"kind":"dagpam"}`, nil, 2, 0},
	{"llama-dagpam-own", "llama", `{"kind":"dagpam","query":"own","key":"own"}`, nil, 2, 0},
	{"llama-diff-interleaved", "llama", `{"kind":"diff","pairing":"interleaved"}`, nil, 2, 0},
	{"llama-diff2", "llama", `{"kind":"diff","version":2}`, nil, 2, 0},
	{"llama-sink", "llama", `{"kind":"sink"}`, nil, 0, 2},
	{"diffllama", "diffllama", "", nil, 2, 0},
	{"diffllama-one-kv", "diffllama", "", func(c *Config) { c.KVHeads = 1 }, 2, 0},
	{"diffllama-three-kv", "diffllama", "", func(c *Config) { c.Width, c.Heads, c.KVHeads = 24, 6, 3 }, 2, 0},
	{"diffllama-sdpa", "diffllama", `{"kind":"sdpa"}`, nil, 0, 2},
	{"seq2seq", "seq2seq", "", func(c *Config) { c.DecoderLayers = 1 }, 0, 4},
	{"seq2seq-dagpam", "seq2seq", `{"kind":"dagpam"}`, nil, 6, 0},
	{"seq2seq-cross", "seq2seq", `[{"kind":"dagpam","where":["cross"]},{"kind":"sink","where":["self"],"layers":[1]}]`, nil, 2, 4},
	{"seq2seq-shaped", "seq2seq", `{"kind":"shaped"}`, nil, 4, 2},
	{"seq2seq-diff", "seq2seq", `{"kind":"diff"}`, func(c *Config) { c.PreNorm, c.FinalNorm = true, true }, 6, 0},
	{"marian", "marian", "", nil, 0, 6},
	{"bart", "bart", "", nil, 0, 6},
	{"mbart", "mbart", "", nil, 0, 6},
	{"vit", "vit", "", nil, 0, 2},
	{"vit-dagpam", "vit", `{"kind":"dagpam","per":"head"}`, nil, 2, 0},
}

// tokens are the inputs of a test: two sequences, the second with padding.
type tokens struct {
	ids, mask, types, targets [][]int
	pixels                    []float64
}

func makeTokens(c *Config) tokens {
	r := rand.New(rand.NewPCG(7, 7))
	draw := func(rows, cols, below int) [][]int {
		out := make([][]int, rows)
		for i := range out {
			for range cols {
				out[i] = append(out[i], r.IntN(below))
			}
		}
		return out
	}
	in := tokens{ids: draw(2, 7, max(c.Vocab, 1)), types: draw(2, 7, 2), targets: draw(2, 5, max(c.Vocab, 1))}
	in.mask = [][]int{{1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 0, 0, 0}}
	for range 2 * c.Channels * c.ImageSize * c.ImageSize {
		in.pixels = append(in.pixels, float64(float32(r.NormFloat64())))
	}
	return in
}

// inputs are the tokens in the order of the program's parameters.
func (in *tokens) inputs(p *ir.Program) []runtime.Value {
	byName := map[string][][]int{"input_ids": in.ids, "attention_mask": in.mask, "token_type_ids": in.types, "decoder_input_ids": in.targets}
	var out []runtime.Value
	for _, v := range p.Main.Params {
		if rows, ok := byName[v.Name]; ok {
			x := runtime.New(ir.I64, len(rows), len(rows[0]))
			for i := range x.I {
				x.I[i] = int64(rows[i/len(rows[0])][i%len(rows[0])])
			}
			out = append(out, x)
			continue
		}
		shape := []int{2}
		for _, d := range v.Type.Shape[1:] {
			k, _ := d.Const()
			shape = append(shape, k)
		}
		out = append(out, runtime.Floats(ir.F32, shape, in.pixels...))
	}
	return out
}

// want is what the oracle computes, the sequences under each other.
func (in *tokens) want(o *oracle) matrix {
	var out []matrix
	for b := range in.ids {
		switch o.c.Family {
		case "bert":
			out = append(out, o.bert(in.ids[b], in.types[b], in.mask[b]))
		case "gpt2":
			out = append(out, o.gpt2(in.ids[b]))
		case "llama", "diffllama":
			out = append(out, o.llama(in.ids[b]))
		case "vit":
			size := len(in.pixels) / 2
			out = append(out, o.vit(in.pixels[b*size:(b+1)*size]))
		default:
			out = append(out, o.seq2seq(in.ids[b], in.mask[b], in.targets[b]))
		}
	}
	return under(out...)
}

func TestModels(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := Init(*small(t, c.family, c.attention, c.change), 3)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Build(d)
			if err != nil {
				t.Fatal(err)
			}
			in := makeTokens(&d.Config)
			want := in.want(&oracle{&d.Config, d.Weights})
			compare(t, "as built", p, in.inputs(p), want)
			stats, err := passes.Run(p, passes.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if duals, singles := ops(p, ir.DualAttention), ops(p, ir.Attention); duals != c.duals || singles != c.singles {
				t.Errorf("%d DualAttention and %d Attention after the passes, want %d and %d\n%v", duals, singles, c.duals, c.singles, stats.Fired)
			}
			compare(t, "after the passes", p, in.inputs(p), want)
		})
	}
}

// TestEmptySequence has a sequence that is padding and nothing else: its attention is 0.
func TestEmptySequence(t *testing.T) {
	for _, attention := range []string{"", `{"kind":"dagpam"}`, `{"kind":"centred"}`, `{"kind":"sink"}`} {
		d, err := Init(*small(t, "bert", attention, nil), 3)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(d)
		if err != nil {
			t.Fatal(err)
		}
		in := makeTokens(&d.Config)
		in.mask[1] = make([]int, 7)
		want := in.want(&oracle{&d.Config, d.Weights})
		compare(t, attention, p, in.inputs(p), want)
		if _, err := passes.Run(p, passes.Options{}); err != nil {
			t.Fatal(err)
		}
		compare(t, attention+" after the passes", p, in.inputs(p), want)
	}
}

// compare evaluates p and compares its first result with want. Numbers are of the size of 1, so that the tolerance is that of float32
// through a few layers.
func compare(t *testing.T, when string, p *ir.Program, inputs []runtime.Value, want matrix) {
	t.Helper()
	out, err := runtime.Eval(p, inputs, runtime.Options{})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	got := out[0].(*runtime.Tensor)
	if got.Len() != len(want.x) {
		t.Fatalf("%s: %d elements, want %d", when, got.Len(), len(want.x))
	}
	scale, worst, sum := 0.0, 0.0, 0.0
	for i, x := range want.x {
		scale = math.Max(scale, math.Abs(x))
		worst = math.Max(worst, math.Abs(got.F[i]-x))
		sum += math.Abs(x)
	}
	if !(worst <= 4e-6*(1+scale)) {
		t.Errorf("%s: off by %g, numbers up to %g", when, worst, scale)
	}
	if sum == 0 {
		t.Errorf("%s: the oracle computed nothing but zeros", when)
	}
}

func ops(p *ir.Program, op *ir.Op) int {
	k := 0
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == op {
			k++
		}
	})
	return k
}

// TestNames checks that a model's tensors have the names of the family's published checkpoints.
func TestNames(t *testing.T) {
	names := map[string]string{
		"bert": `embeddings.LayerNorm.bias embeddings.token_type_embeddings.weight encoder.layer.1.attention.self.query.bias
			encoder.layer.0.attention.output.LayerNorm.weight encoder.layer.1.intermediate.dense.weight pooler.dense.weight`,
		"gpt2": `transformer.wte.weight transformer.wpe.weight transformer.h.1.attn.c_attn.bias transformer.h.0.mlp.c_proj.weight
			transformer.h.0.ln_2.bias transformer.ln_f.weight`,
		"llama": `model.embed_tokens.weight model.layers.1.self_attn.o_proj.weight model.layers.0.mlp.gate_proj.weight
			model.layers.0.post_attention_layernorm.weight model.norm.weight lm_head.weight`,
		"diffllama": `model.layers.0.self_attn.lambda_q1 model.layers.1.self_attn.lambda_k2 model.layers.1.self_attn.q_proj.weight`,
		"marian": `model.shared.weight model.encoder.layers.0.self_attn_layer_norm.weight model.decoder.layers.1.encoder_attn.out_proj.bias
			model.decoder.layers.1.fc2.weight model.encoder.layers.0.final_layer_norm.bias`,
		"bart":  `model.encoder.embed_positions.weight model.decoder.layernorm_embedding.bias`,
		"mbart": `model.encoder.layer_norm.weight model.decoder.layer_norm.bias`,
		"vit": `embeddings.cls_token embeddings.position_embeddings embeddings.patch_embeddings.projection.weight
			encoder.layer.0.attention.attention.query.weight encoder.layer.0.attention.output.dense.bias encoder.layer.1.layernorm_before.weight
			layernorm.weight`,
	}
	for family, list := range names {
		d, err := Init(*small(t, family, "", nil), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(list) {
			if d.Weights[name] == nil {
				t.Errorf("%s has no %s", family, name)
			}
		}
	}
}
