package model

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

var gpt2Keys = []key{
	{"n_embd", func(c *Config) any { return &c.Width }, nil},
	{"n_layer", func(c *Config) any { return &c.Layers }, nil},
	{"n_head", func(c *Config) any { return &c.Heads }, nil},
	{"n_inner", func(c *Config) any { return &c.FFN }, func(c *Config) any { return 4 * c.Width }},
	{"activation_function", func(c *Config) any { return &c.Act }, "gelu_new"},
	{"layer_norm_epsilon", func(c *Config) any { return &c.NormEps }, 1e-5},
	{"vocab_size", func(c *Config) any { return &c.Vocab }, nil},
	{"n_positions", func(c *Config) any { return &c.Positions }, 1024},
	{"tie_word_embeddings", func(c *Config) any { return &c.Tied }, true},
	{"scale_attn_weights", func(c *Config) any { return &c.ScaleHeads }, true},
	{"scale_attn_by_inverse_layer_idx", func(c *Config) any { return &c.ScaleByLayer }, false},
}

// buildGPT2 builds GPT-2 (Radford et al. 2019): a decoder with norms before the parts of a layer.
func buildGPT2(n *net) {
	c := n.c
	ids := n.input("input_ids", ir.I64, batch, seq)
	root := n.root("transformer.", "wte.weight", c.architecture() == "GPT2Model")
	x := n.embed(ids, root+"wte", c.Vocab)
	x = n.add(x, n.positions(x, n.weight(root+"wpe.weight", perInput(c.Width), c.Positions, c.Width), 0, n.past()))
	for i := range c.Layers {
		x = gpt2Layer(n, fmt.Sprintf("%sh.%d", root, i), i, x)
	}
	x = n.layerNorm(x, root+"ln_f")
	switch {
	case c.architecture() == "GPT2Model":
		n.output("last_hidden_state", x)
	case c.Tied:
		n.output("logits", n.logits(x, root+"wte", c.Vocab))
	default:
		n.output("logits", n.logits(x, "lm_head", c.Vocab))
	}
}

func gpt2Layer(n *net, name string, i int, x *ir.Value) *ir.Value {
	c := n.c
	y := n.layerNorm(x, name+".ln_1")
	s := site{place: "decoder", layer: i, name: name + ".attn", heads: c.Heads, kv: c.Heads, dim: c.Width / c.Heads, causal: "self"}.self(y)
	s.scale = 1
	if c.ScaleHeads {
		s.scale = 1 / math.Sqrt(float64(s.dim))
	}
	if c.ScaleByLayer {
		s.scale /= float64(i + 1)
	}
	s.project = func(q, k, v int) (qx, kx, vx *ir.Value) {
		all := n.conv1d(y, name+".attn.c_attn", q+k+v)
		parts := n.b.NewN(ir.Split, 3, ir.Attrs{"axis": 2}, all, n.b.Vector(int64(q), int64(k), int64(v)))
		return parts[0], parts[1], parts[2]
	}
	x = n.add(n.conv1d(n.attend(s), name+".attn.c_proj", c.Width), x)
	y = n.act(n.conv1d(n.layerNorm(x, name+".ln_2"), name+".mlp.c_fc", c.FFN))
	return n.add(n.conv1d(y, name+".mlp.c_proj", c.Width), x)
}
