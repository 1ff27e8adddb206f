package model

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var vitKeys = []key{
	{"hidden_size", func(c *Config) any { return &c.Width }, nil},
	{"num_hidden_layers", func(c *Config) any { return &c.Layers }, nil},
	{"num_attention_heads", func(c *Config) any { return &c.Heads }, nil},
	{"intermediate_size", func(c *Config) any { return &c.FFN }, func(c *Config) any { return 4 * c.Width }},
	{"hidden_act", func(c *Config) any { return &c.Act }, "gelu"},
	{"layer_norm_eps", func(c *Config) any { return &c.NormEps }, 1e-12},
	{"image_size", func(c *Config) any { return &c.ImageSize }, 224},
	{"patch_size", func(c *Config) any { return &c.PatchSize }, 16},
	{"num_channels", func(c *Config) any { return &c.Channels }, 3},
	{"qkv_bias", func(c *Config) any { return &c.Bias }, true},
}

// buildViT builds the vision transformer (Dosovitskiy et al., arXiv 2010.11929): an encoder of image patches and a class token.
func buildViT(n *net) {
	c := n.c
	size := ir.N(c.ImageSize)
	pixels := n.input("pixel_values", ir.F32, batch, ir.N(c.Channels), size, size)
	root := n.root("vit.", "embeddings.cls_token", c.architecture() == "ViTModel")
	x := n.patches(pixels, root+"embeddings.patch_embeddings.projection")
	cls := n.weight(root+"embeddings.cls_token", perInput(c.Width), 1, 1, c.Width)
	cls = n.b.New(ir.Expand, nil, cls, n.b.Dims(batch, ir.N(1), ir.N(c.Width)))
	x = n.b.New(ir.Concat, ir.Attrs{"axis": 1}, cls, x)
	tokens, _ := x.Type.Shape[1].Const()
	x = n.add(x, n.weight(root+"embeddings.position_embeddings", perInput(c.Width), 1, tokens, c.Width))
	for i := range c.Layers {
		x = vitLayer(n, fmt.Sprintf("%sencoder.layer.%d", root, i), i, x)
	}
	x = n.layerNorm(x, root+"layernorm")
	if c.architecture() == "ViTForImageClassification" {
		n.output("logits", n.linear(n.first(x), "classifier", c.labels(), true))
		return
	}
	n.output("last_hidden_state", x)
	if n.has(root + "pooler.dense.weight") {
		n.output("pooler_output", n.b.New(ir.Tanh, nil, n.linear(n.first(x), root+"pooler.dense", c.Width, true)))
	}
}

// patches is the convolution whose stride is its window, as the product that it is: [batch,C,S,S] to [batch,(S/P)²,width].
func (n *net) patches(pixels *ir.Value, name string) *ir.Value {
	c, b := n.c, n.b
	b.Name = name
	side, patch := ir.N(c.ImageSize/c.PatchSize), ir.N(c.PatchSize)
	in := c.Channels * c.PatchSize * c.PatchSize
	x := b.New(ir.Reshape, nil, pixels, b.Dims(batch, ir.N(c.Channels), side, patch, side, patch))
	x = b.New(ir.Transpose, ir.Attrs{"perm": []int{0, 2, 4, 1, 3, 5}}, x)
	x = b.New(ir.Reshape, nil, x, b.Dims(batch, side.Mul(side), ir.N(in)))
	w := n.stored(name+".weight", perInput(in), c.Width, c.Channels, c.PatchSize, c.PatchSize)
	w = n.transposed(b.New(ir.Reshape, nil, w, b.Vector(int64(c.Width), int64(in))))
	return b.New(ir.Linear, nil, x, w, n.weight(name+".bias", aroundZero, c.Width))
}

func vitLayer(n *net, name string, i int, x *ir.Value) *ir.Value {
	s := bertSite(n, name+".attention.attention", i, n.layerNorm(x, name+".layernorm_before"), n.c.Bias)
	x = n.add(n.linear(n.attend(s), name+".attention.output.dense", n.c.Width, true), x)
	y := n.act(n.linear(n.layerNorm(x, name+".layernorm_after"), name+".intermediate.dense", n.c.FFN, true))
	return n.add(n.linear(y, name+".output.dense", n.c.Width, true), x)
}
