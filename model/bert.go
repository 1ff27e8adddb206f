package model

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// The dimensions of inputs.
var (
	batch = ir.Sym("batch")
	seq   = ir.Sym("seq")
)

var bertKeys = []key{
	{"hidden_size", func(c *Config) any { return &c.Width }, nil},
	{"num_hidden_layers", func(c *Config) any { return &c.Layers }, nil},
	{"num_attention_heads", func(c *Config) any { return &c.Heads }, nil},
	{"intermediate_size", func(c *Config) any { return &c.FFN }, func(c *Config) any { return 4 * c.Width }},
	{"hidden_act", func(c *Config) any { return &c.Act }, "gelu"},
	{"layer_norm_eps", func(c *Config) any { return &c.NormEps }, 1e-12},
	{"vocab_size", func(c *Config) any { return &c.Vocab }, nil},
	{"max_position_embeddings", func(c *Config) any { return &c.Positions }, 512},
	{"type_vocab_size", func(c *Config) any { return &c.Types }, 2},
	{"tie_word_embeddings", func(c *Config) any { return &c.Tied }, true},
}

// buildBert builds BERT (Devlin et al., arXiv 1810.04805): an encoder with norms behind the residual sums.
func buildBert(n *net) {
	c := n.c
	ids := n.input("input_ids", ir.I64, batch, seq)
	mask := n.paddingMask(batch, seq)
	types := n.input("token_type_ids", ir.I64, batch, seq)
	root := n.root("bert.", "embeddings.word_embeddings.weight", c.architecture() == "BertModel")
	x := n.embed(ids, root+"embeddings.word_embeddings", c.Vocab)
	x = n.add(x, n.embed(types, root+"embeddings.token_type_embeddings", c.Types))
	table := n.weight(root+"embeddings.position_embeddings.weight", perInput(c.Width), c.Positions, c.Width)
	x = n.layerNorm(n.add(x, n.positions(x, table, 0, n.past())), root+"embeddings.LayerNorm")
	for i := range c.Layers {
		x = bertLayer(n, fmt.Sprintf("%sencoder.layer.%d", root, i), i, x, mask)
	}
	bertHead(n, root, x)
}

func bertLayer(n *net, name string, i int, x, mask *ir.Value) *ir.Value {
	s := bertSite(n, name+".attention.self", i, x, true)
	s.mask = mask
	y := n.linear(n.attend(s), name+".attention.output.dense", n.c.Width, true)
	x = n.layerNorm(n.add(y, x), name+".attention.output.LayerNorm")
	y = n.act(n.linear(x, name+".intermediate.dense", n.c.FFN, true))
	y = n.linear(y, name+".output.dense", n.c.Width, true)
	return n.layerNorm(n.add(y, x), name+".output.LayerNorm")
}

// bertSite is an attention of an encoder whose projections have the names of BERT and ViT.
func bertSite(n *net, name string, layer int, x *ir.Value, bias bool) site {
	s := site{place: "encoder", layer: layer, name: name, heads: n.c.Heads, kv: n.c.Heads, dim: n.c.Width / n.c.Heads}
	return s.self(x).named(n, ".query", ".key", ".value", bias)
}

// bertHead is what the architecture computes from the last layer.
func bertHead(n *net, root string, x *ir.Value) {
	c := n.c
	pooled := func() *ir.Value {
		return n.b.New(ir.Tanh, nil, n.linear(n.first(x), root+"pooler.dense", c.Width, true))
	}
	switch c.architecture() {
	case "BertModel":
		n.output("last_hidden_state", x)
		if n.has(root + "pooler.dense.weight") {
			n.output("pooler_output", pooled())
		}
	case "BertForSequenceClassification":
		n.output("logits", n.linear(pooled(), "classifier", c.labels(), true))
	case "BertForTokenClassification":
		n.output("logits", n.linear(x, "classifier", c.labels(), true))
	case "BertForMaskedLM":
		y := n.act(n.linear(x, "cls.predictions.transform.dense", c.Width, true))
		y = n.layerNorm(y, "cls.predictions.transform.LayerNorm")
		name := "cls.predictions.decoder"
		if c.Tied {
			name = root + "embeddings.word_embeddings"
		}
		y = n.logits(y, name, c.Vocab)
		n.output("logits", n.add(y, n.weight("cls.predictions.bias", aroundZero, c.Vocab)))
	}
}

// labels is the number of a classifier's classes.
func (c *Config) labels() int {
	if c.Labels == 0 {
		return 2
	}
	return c.Labels
}
