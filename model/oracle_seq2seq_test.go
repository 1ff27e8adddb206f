package model

import (
	"fmt"
	"math"
)

func (o *oracle) seq2seq(ids, mask, targets []int) matrix {
	c := o.c
	x := o.embedTokens("encoder", ids)
	for i := range c.Layers {
		name := fmt.Sprintf("model.encoder.layers.%d.", i)
		x = o.sublayer(x, name+"self_attn_layer_norm", func(y matrix) matrix {
			return o.seqAttention("encoder", name+"self_attn", i, y, y, keys(mask))
		})
		x = o.feedForward(x, name)
	}
	memory := o.last(x, "model.encoder.layer_norm")
	x = o.embedTokens("decoder", targets)
	for i := range c.DecoderLayers {
		name := fmt.Sprintf("model.decoder.layers.%d.", i)
		x = o.sublayer(x, name+"self_attn_layer_norm", func(y matrix) matrix {
			return o.seqAttention("decoder", name+"self_attn", i, y, y, causal)
		})
		x = o.sublayer(x, name+"encoder_attn_layer_norm", func(y matrix) matrix {
			return o.seqAttention("cross", name+"encoder_attn", i, y, memory, keys(mask))
		})
		x = o.feedForward(x, name)
	}
	return o.last(x, "model.decoder.layer_norm").mul(o.weight("model.shared.weight").t())
}

func (o *oracle) embedTokens(part string, ids []int) matrix {
	c := o.c
	x := o.rows("model.shared.weight", ids)
	if c.ScaleEmbed {
		x = x.scaled(math.Sqrt(float64(c.Width)))
	}
	if c.Sinusoidal { // sin(p/10000^(2i/width)) and cos of the same, sines first
		x = x.plus(build(len(ids), c.Width, func(p, j int) float64 {
			half := c.Width / 2
			angle := float64(p) * math.Exp(-math.Log(10000)*2*float64(j%half)/float64(c.Width))
			if j < half {
				return math.Sin(angle)
			}
			return math.Cos(angle)
		}))
	} else {
		x = x.plus(o.rows("model."+part+".embed_positions.weight", count(2, len(ids))))
	}
	if c.EmbedNorm {
		x = o.layerNorm(x, "model."+part+".layernorm_embedding")
	}
	return x
}

func (o *oracle) sublayer(x matrix, norm string, f func(matrix) matrix) matrix {
	if o.c.PreNorm {
		return x.plus(f(o.layerNorm(x, norm)))
	}
	return o.layerNorm(x.plus(f(x)), norm)
}

func (o *oracle) last(x matrix, norm string) matrix {
	if o.c.FinalNorm {
		return o.layerNorm(x, norm)
	}
	return x
}

func (o *oracle) seqAttention(place, name string, layer int, x, from matrix, sees func(i, j int) bool) matrix {
	heads := o.c.Heads
	a := o.named(attending{m: o.c.mechanism(place, layer), name: name, x: x, from: from, heads: heads, kv: heads, dim: o.c.Width / heads,
		layer: layer, sees: sees}, ".q_proj", ".k_proj", ".v_proj")
	return o.linear(o.attend(a), name+".out_proj")
}

func (o *oracle) feedForward(x matrix, name string) matrix {
	return o.sublayer(x, name+"final_layer_norm", func(y matrix) matrix {
		return o.linear(o.linear(y, name+"fc1").each(exact[o.c.Act]), name+"fc2")
	})
}
