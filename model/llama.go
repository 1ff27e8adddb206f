package model

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

var llamaKeys = []key{
	{"hidden_size", func(c *Config) any { return &c.Width }, nil},
	{"num_hidden_layers", func(c *Config) any { return &c.Layers }, nil},
	{"num_attention_heads", func(c *Config) any { return &c.Heads }, nil},
	{"num_key_value_heads", func(c *Config) any { return &c.KVHeads }, func(c *Config) any { return c.Heads }},
	{"head_dim", func(c *Config) any { return &c.HeadDim }, func(c *Config) any { return c.Width / max(c.Heads, 1) }},
	{"intermediate_size", func(c *Config) any { return &c.FFN }, nil},
	{"hidden_act", func(c *Config) any { return &c.Act }, "silu"},
	{"rms_norm_eps", func(c *Config) any { return &c.NormEps }, func(c *Config) any {
		return map[string]float64{"llama": 1e-6, "diffllama": 1e-5}[c.Family]
	}},
	{"vocab_size", func(c *Config) any { return &c.Vocab }, nil},
	{"max_position_embeddings", func(c *Config) any { return &c.Positions }, 2048},
	{"rope_theta", func(c *Config) any { return &c.RopeTheta }, 10000.0},
	{"tie_word_embeddings", func(c *Config) any { return &c.Tied }, false},
	{"attention_bias", func(c *Config) any { return &c.Bias }, false},
	{"mlp_bias", func(c *Config) any { return &c.MLPBias }, false},
}

// buildLlama builds Llama (Touvron et al., arXiv 2302.13971) and DiffLlama, which differ in their attention: a decoder with rotary
// embeddings, RMS norms and gated feed-forward parts.
func buildLlama(n *net) {
	c := n.c
	ids := n.input("input_ids", ir.I64, batch, seq)
	base := c.architecture() == "LlamaModel" || c.architecture() == "DiffLlamaModel"
	root := n.root("model.", "embed_tokens.weight", base)
	x := n.embed(ids, root+"embed_tokens", c.Vocab)
	rotate := n.rotary(batch, seq, c.HeadDim)
	for i := range c.Layers {
		x = llamaLayer(n, fmt.Sprintf("%slayers.%d", root, i), i, x, rotate)
	}
	x = n.rmsNorm(x, root+"norm")
	switch {
	case base:
		n.output("last_hidden_state", x)
	case c.Tied:
		n.output("logits", n.logits(x, root+"embed_tokens", c.Vocab))
	default:
		n.output("logits", n.logits(x, "lm_head", c.Vocab))
	}
}

func llamaLayer(n *net, name string, i int, x *ir.Value, rotate func(*ir.Value) *ir.Value) *ir.Value {
	c := n.c
	y := n.rmsNorm(x, name+".input_layernorm")
	s := site{place: "decoder", layer: i, name: name + ".self_attn", heads: c.Heads, kv: c.KVHeads, dim: c.HeadDim, causal: "self",
		rotate: rotate}.self(y).named(n, ".q_proj", ".k_proj", ".v_proj", c.Bias)
	x = n.add(n.linear(n.attend(s), name+".self_attn.o_proj", c.Width, c.Bias), x)
	y = n.rmsNorm(x, name+".post_attention_layernorm")
	gate := n.act(n.linear(y, name+".mlp.gate_proj", c.FFN, c.MLPBias))
	y = n.b.New(ir.Mul, nil, gate, n.linear(y, name+".mlp.up_proj", c.FFN, c.MLPBias))
	return n.add(n.linear(y, name+".mlp.down_proj", c.Width, c.MLPBias), x)
}

// rotary makes the cosines and sines of rotary embeddings (Su et al., arXiv 2104.09864) for the positions from n.past on, once for all
// layers, and returns what turns [batch,heads,L,dim] by them.
func (n *net) rotary(batch, length ir.Dim, dim int) func(x *ir.Value) *ir.Value {
	b := n.b
	b.Name = "rotary"
	positions := b.New(ir.Range, nil, b.Dim(n.past()), b.Dim(n.past().Add(length)), b.Dim(ir.N(1)))
	positions = b.New(ir.Cast, ir.Attrs{"to": ir.F32}, b.New(ir.Reshape, nil, positions, b.Dims(length, ir.N(1))))
	angles := b.New(ir.Mul, nil, positions, n.computed("rotary.inv_freq", n.c.frequencies(dim)))
	table := func(op *ir.Op) *ir.Value {
		t := b.New(ir.Reshape, nil, b.New(op, nil, angles), b.Dims(ir.N(1), length, ir.N(dim/2)))
		return b.New(ir.Expand, nil, t, b.Dims(batch, length, ir.N(dim/2)))
	}
	cos, sin := table(ir.Cos), table(ir.Sin)
	return func(x *ir.Value) *ir.Value { return b.New(ir.RotaryEmbedding, nil, x, cos, sin) }
}

// frequencies are the angles that a position turns each pair of a head's elements by: θ^(-2i/dim), changed by RopeScaling.
func (c *Config) frequencies(dim int) *ir.Data {
	d := ir.NewData(ir.F32, dim/2)
	for i := range dim / 2 {
		f := math.Pow(c.RopeTheta, -2*float64(i)/float64(dim))
		if r := c.RopeScaling; r != nil {
			f = r.scaled(f)
		}
		d.SetFloat(i, f)
	}
	return d
}

// scaled lowers a frequency: all by Factor, or, for llama3, those whose waves are long against the positions of training.
func (r *RopeScaling) scaled(f float64) float64 {
	if r.Type == "linear" {
		return f / r.Factor
	}
	turns := float64(r.Original) * f / (2 * math.Pi)
	switch {
	case turns > r.HighFreq:
		return f
	case turns < r.LowFreq:
		return f / r.Factor
	}
	smooth := (turns - r.LowFreq) / (r.HighFreq - r.LowFreq)
	return (1-smooth)*f/r.Factor + smooth*f
}
