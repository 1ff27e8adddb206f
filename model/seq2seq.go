package model

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

var (
	src = ir.Sym("src")
	tgt = ir.Sym("tgt")
)

// seq2seqDefaults is how the families of encoder-decoders differ.
type seq2seqDefaults struct {
	sinusoidal, pre, embedNorm, scale bool
	act                               string
}

func seq2seqKeys(d seq2seqDefaults) []key {
	return []key{
		{"d_model", func(c *Config) any { return &c.Width }, nil},
		{"encoder_layers", func(c *Config) any { return &c.Layers }, nil},
		{"encoder_attention_heads", func(c *Config) any { return &c.Heads }, nil},
		{"encoder_ffn_dim", func(c *Config) any { return &c.FFN }, func(c *Config) any { return 4 * c.Width }},
		{"decoder_layers", func(c *Config) any { return &c.DecoderLayers }, func(c *Config) any { return c.Layers }},
		{"decoder_attention_heads", func(c *Config) any { return &c.DecoderHeads }, func(c *Config) any { return c.Heads }},
		{"decoder_ffn_dim", func(c *Config) any { return &c.DecoderFFN }, func(c *Config) any { return c.FFN }},
		{"activation_function", func(c *Config) any { return &c.Act }, d.act},
		{"layer_norm_eps", func(c *Config) any { return &c.NormEps }, 1e-5},
		{"vocab_size", func(c *Config) any { return &c.Vocab }, nil},
		{"decoder_vocab_size", func(c *Config) any { return &c.DecoderVocab }, func(c *Config) any { return c.Vocab }},
		{"max_position_embeddings", func(c *Config) any { return &c.Positions }, 1024},
		{"scale_embedding", func(c *Config) any { return &c.ScaleEmbed }, d.scale},
		{"static_position_embeddings", func(c *Config) any { return &c.Sinusoidal }, d.sinusoidal},
		{"normalize_before", func(c *Config) any { return &c.PreNorm }, d.pre},
		{"normalize_embedding", func(c *Config) any { return &c.EmbedNorm }, d.embedNorm},
		{"add_final_layer_norm", func(c *Config) any { return &c.FinalNorm }, func(c *Config) any { return c.PreNorm }},
		{"share_encoder_decoder_embeddings", func(c *Config) any { return &c.Shared }, true},
		{"tie_word_embeddings", func(c *Config) any { return &c.Tied }, true},
	}
}

// buildSeq2Seq builds the transformer of "Attention is all you need" (Vaswani et al., arXiv 1706.03762) and its kin Marian, BART and
// mBART: an encoder, and a decoder that also attends to what the encoder made. With a cache the decoder gets keys and values of the encoder's
// tokens from outside, and the encoder returns them: two programs in one, of which a run needs either.
func buildSeq2Seq(n *net) {
	c := n.c
	base := c.architecture() == families[c.Family].architectures[1]
	ids := n.input("input_ids", ir.I64, batch, src)
	mask := n.paddingMask(batch, src)
	targets := n.input("decoder_input_ids", ir.I64, batch, tgt)
	root := n.root("model.", "encoder.layers.0.fc1.weight", base)
	names := n.embeddings(root)
	x := n.embedTokens(ids, root+"encoder", names[0], c.Vocab, ir.N(0))
	for i := range c.Layers {
		s := &stack{n: n, name: fmt.Sprintf("%sencoder.layers.%d", root, i), layer: i}
		x = s.attention("encoder", "self_attn", c.Heads, x, x, mask, "")
		x = s.feedForward(x, c.FFN)
	}
	memory := n.closing(x, root+"encoder.layer_norm")
	x = n.embedTokens(targets, root+"decoder", names[1], c.DecoderVocab, n.past())
	for i := range c.DecoderLayers {
		s := &stack{n: n, name: fmt.Sprintf("%sdecoder.layers.%d", root, i), layer: i}
		x = s.attention("decoder", "self_attn", c.DecoderHeads, x, x, nil, "self")
		x = s.attention("cross", "encoder_attn", c.DecoderHeads, x, memory, mask, "")
		x = s.feedForward(x, c.DecoderFFN)
	}
	x = n.closing(x, root+"decoder.layer_norm")
	if base {
		n.output("last_hidden_state", x)
		return
	}
	name := "lm_head"
	if c.Tied {
		name = names[1]
	}
	y := n.logits(x, name, c.DecoderVocab)
	if n.have != nil && n.has("final_logits_bias") {
		y = n.add(y, n.weight("final_logits_bias", aroundZero, 1, c.DecoderVocab))
	}
	n.output("logits", y)
}

// embeddings are the names of the tables of the encoder's and the decoder's tokens. A checkpoint keeps a shared one under one of
// several names.
func (n *net) embeddings(root string) [2]string {
	shared := []string{root + "shared", root + "encoder.embed_tokens", root + "decoder.embed_tokens", "lm_head"}
	if !n.c.Shared {
		return [2]string{shared[1], shared[2]}
	}
	for _, name := range shared {
		if n.has(name + ".weight") {
			return [2]string{name, name}
		}
	}
	return [2]string{shared[0], shared[0]}
}

// learnedOffset is the row of position 0 in tables of learned positions, as BART has them.
const learnedOffset = 2

// embedTokens is the input of the encoder or the decoder, whose names begin with part, for tokens behind past others.
func (n *net) embedTokens(ids *ir.Value, part, table string, rows int, past ir.Dim) *ir.Value {
	c := n.c
	x := n.embed(ids, table, rows)
	if c.ScaleEmbed {
		x = n.b.New(ir.Mul, nil, x, n.b.Scalar(ir.F32, math.Sqrt(float64(c.Width))))
	}
	n.b.Name = part + ".embed_positions"
	if c.Sinusoidal {
		x = n.add(x, n.positions(x, n.computed("sinusoidal_positions", sinusoids(c.Positions, c.Width)), 0, past))
	} else {
		w := n.weight(part+".embed_positions.weight", perInput(c.Width), c.Positions+learnedOffset, c.Width)
		x = n.add(x, n.positions(x, w, learnedOffset, past))
	}
	if c.EmbedNorm {
		x = n.layerNorm(x, part+".layernorm_embedding")
	}
	return x
}

// sinusoids are the positions of the first transformer, all sines before all cosines: sin(p/10000^(2i/width)), i < width/2.
func sinusoids(rows, width int) *ir.Data {
	d := ir.NewData(ir.F32, rows, width)
	for p := range rows {
		for j := range width {
			sines := (width + 1) / 2
			if j < sines {
				d.SetFloat(p*width+j, math.Sin(float64(p)/math.Pow(10000, 2*float64(j)/float64(width))))
			} else {
				d.SetFloat(p*width+j, math.Cos(float64(p)/math.Pow(10000, 2*float64(j-sines)/float64(width))))
			}
		}
	}
	return d
}

// closing is the norm behind the last layer, if the model has one.
func (n *net) closing(x *ir.Value, name string) *ir.Value {
	if !n.c.FinalNorm {
		return x
	}
	return n.layerNorm(x, name)
}

// A stack builds the parts of one layer.
type stack struct {
	n     *net
	name  string
	layer int
}

// residual is x + part(x), normalised before the part or behind the sum.
func (s *stack) residual(x *ir.Value, norm string, part func(x *ir.Value) *ir.Value) *ir.Value {
	if s.n.c.PreNorm {
		return s.n.add(part(s.n.layerNorm(x, s.name+"."+norm)), x)
	}
	return s.n.layerNorm(s.n.add(part(x), x), s.name+"."+norm)
}

func (s *stack) attention(place, part string, heads int, x, from, mask *ir.Value, causal string) *ir.Value {
	n := s.n
	return s.residual(x, part+"_layer_norm", func(y *ir.Value) *ir.Value {
		a := site{place: place, layer: s.layer, name: s.name + "." + part, heads: heads, kv: heads, dim: n.c.Width / heads, mask: mask,
			causal: causal}.self(y)
		if place == "cross" {
			a.from = from
		}
		a = a.named(n, ".q_proj", ".k_proj", ".v_proj", true)
		return n.linear(n.attend(a), a.name+".out_proj", n.c.Width, true)
	})
}

func (s *stack) feedForward(x *ir.Value, inner int) *ir.Value {
	n := s.n
	return s.residual(x, "final_layer_norm", func(y *ir.Value) *ir.Value {
		return n.linear(n.act(n.linear(y, s.name+".fc1", inner, true)), s.name+".fc2", n.c.Width, true)
	})
}
