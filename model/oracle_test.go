package model

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

// An oracle computes a model from the papers' formulas, one sequence at a time, with whole attention matrices.
type oracle struct {
	c *Config
	w map[string]*ir.Data
}

func (o *oracle) weight(name string) matrix {
	d := o.w[name]
	if d == nil {
		panic("no tensor " + name)
	}
	return stored(d)
}

func (o *oracle) linear(x matrix, name string) matrix {
	y := x.mul(o.weight(name + ".weight").t())
	if o.w[name+".bias"] != nil {
		y = y.plus(o.weight(name + ".bias"))
	}
	return y
}

// conv1d is linear with a matrix that is not transposed.
func (o *oracle) conv1d(x matrix, name string) matrix {
	return x.mul(o.weight(name + ".weight")).plus(o.weight(name + ".bias"))
}

func (o *oracle) layerNorm(x matrix, name string) matrix {
	return x.layerNorm(o.c.NormEps).times(o.weight(name + ".weight")).plus(o.weight(name + ".bias"))
}

func (o *oracle) rmsNorm(x matrix, name string) matrix {
	return x.rmsNorm(o.c.NormEps).times(o.weight(name + ".weight"))
}

func (o *oracle) rows(name string, ids []int) matrix {
	table := o.weight(name)
	return build(len(ids), table.cols, func(i, j int) float64 { return table.at(ids[i], j) })
}

func count(from, n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = from + i
	}
	return ids
}

// An attending is one attention as the oracle sees it.
type attending struct {
	m              Mechanism
	name           string
	x, from        matrix // what queries, and what keys and values are of
	q, k, v        matrix // projected
	heads, kv, dim int
	layer          int
	theta          float64 // of rotations, 0 for none
	sees           func(i, j int) bool
}

// head is head i of x, rotated if the model does that.
func (a *attending) head(x matrix, i int) matrix {
	h := x.columns(i*a.dim, (i+1)*a.dim)
	if a.theta != 0 {
		h = h.rotated(a.theta)
	}
	return h
}

func (a *attending) value(i int) matrix { return a.v.columns(i*a.dim, (i+1)*a.dim) }

// probabilities is softmax(q kᵀ/√dim).
func (a *attending) probabilities(q, k matrix) matrix {
	return q.mul(k.t()).scaled(1/math.Sqrt(float64(a.dim))).softmax(a.sees, math.Inf(-1))
}

// number is a scalar of the mechanism for head h.
func (o *oracle) number(a *attending, n *Number, name string, h int) float64 {
	if !n.Weights {
		return n.Value
	}
	w := o.weight(a.name + "." + name)
	return w.x[h%len(w.x)]
}

// attend is the heads' outputs beside each other.
func (o *oracle) attend(a attending) matrix {
	a.m = a.m.complete()
	if a.m.Kind == "diff" {
		return o.diff(&a)
	}
	var out []matrix
	for h := range a.heads {
		k := h / (a.heads / a.kv)
		q, keys, v := a.head(a.q, h), a.head(a.k, k), a.value(k)
		p := a.probabilities(q, keys)
		uniform := zeros(p.rows, p.cols).softmax(a.sees, math.Inf(-1))
		switch a.m.Kind {
		case "dagpam":
			n := o.negative(&a, h, keys)
			plus, minus := o.number(&a, a.m.LambdaPlus, "lambda_plus", h), o.number(&a, a.m.LambdaMinus, "lambda_minus", h)
			switch a.m.Form {
			case "affine":
				p = p.scaled(1 + plus).plus(n.scaled(-minus))
			case "complement":
				p = p.scaled(1 + plus).plus(n.scaled(1 - minus))
			case "plain":
				p = p.scaled(plus).plus(n.scaled(-minus))
			}
		case "centred":
			p = p.plus(uniform.scaled(-1))
		case "shaped":
			one := build(p.rows, p.cols, func(i, j int) float64 {
				if i == j {
					return 1
				}
				return 0
			})
			p = p.scaled(o.number(&a, a.m.Beta, "beta", h)).plus(one.scaled(o.number(&a, a.m.Alpha, "alpha", h))).
				plus(uniform.scaled(-o.number(&a, a.m.Gamma, "gamma", h)))
		case "sink":
			p = q.mul(keys.t()).scaled(1/math.Sqrt(float64(a.dim))).softmax(a.sees, o.number(&a, a.m.Sink, "sinks", h))
		}
		out = append(out, p.mul(v))
	}
	return beside(out...)
}

// negative is the attention matrix of daGPAM's negative branch.
func (o *oracle) negative(a *attending, h int, keys matrix) matrix {
	var q matrix
	rectified := a.q.columns(h*a.dim, (h+1)*a.dim).each(exact["relu"])
	w := func() matrix { return o.weight(a.name + ".q_neg.weight") }
	switch a.m.Query {
	case "shared":
		q = rectified.mul(w().t())
	case "head":
		all := w()
		own := matrix{a.dim, a.dim, all.x[h*a.dim*a.dim : (h+1)*a.dim*a.dim]}
		q = rectified.mul(own.t())
	case "own":
		q = a.x.mul(w().t()).columns(h*a.dim, (h+1)*a.dim)
	}
	if a.theta != 0 {
		q = q.rotated(a.theta)
	}
	if a.m.Key == "own" {
		keys = a.head(a.from.mul(o.weight(a.name+".k_neg.weight").t()), h/(a.heads/a.kv))
	}
	return a.probabilities(q, keys)
}

// diff is differential attention, both versions.
func (o *oracle) diff(a *attending) matrix {
	var out []matrix
	if a.m.Version == 2 {
		gate := o.linear(a.x, a.name+".lambda_proj").each(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
		for h := range a.heads {
			k := h / (a.heads / a.kv)
			p := a.probabilities(a.head(a.q, 2*h), a.head(a.k, k))
			n := a.probabilities(a.head(a.q, 2*h+1), a.head(a.k, k))
			p = build(p.rows, p.cols, func(i, j int) float64 { return p.at(i, j) - gate.at(i, h)*n.at(i, j) })
			out = append(out, p.mul(a.value(k)))
		}
		return beside(out...)
	}
	dot := func(x, y string) float64 {
		return o.weight(a.name + "." + x).mul(o.weight(a.name + "." + y).t()).x[0]
	}
	init := 0.8 - 0.6*math.Exp(-0.3*float64(a.layer))
	lambda := math.Exp(dot("lambda_q1", "lambda_k1")) - math.Exp(dot("lambda_q2", "lambda_k2")) + init
	group := a.heads / a.kv
	for h := range a.heads / 2 {
		first, second := h, h+a.heads/2 // the two heads, as each of the keys and values repeated for the queries has them
		if a.m.Pairing == "interleaved" {
			first, second = 2*h, 2*h+1
		}
		kFirst, kSecond := first/group, second/group
		if a.m.Pairing == "interleaved" && a.kv%2 == 0 { // heads of keys are paired as those of queries
			kFirst, kSecond = 2*(h/group), 2*(h/group)+1
		}
		p := a.probabilities(a.head(a.q, first), a.head(a.k, kFirst))
		n := a.probabilities(a.head(a.q, second), a.head(a.k, kSecond))
		y := p.plus(n.scaled(-lambda)).mul(beside(a.value(kFirst), a.value(kSecond)))
		if a.m.Norm != "none" {
			y = y.rmsNorm(o.c.NormEps).scaled(1 - init)
		}
		if a.m.Norm == "scaled" {
			y = y.times(o.weight(a.name + ".subln.weight"))
		}
		out = append(out, y)
	}
	return beside(out...)
}

func all(i, j int) bool    { return true }
func causal(i, j int) bool { return j <= i }

// keys sees those whose mask is not 0.
func keys(mask []int) func(i, j int) bool { return func(i, j int) bool { return mask[j] != 0 } }

func (o *oracle) named(a attending, parts ...string) attending {
	a.q, a.k, a.v = o.linear(a.x, a.name+parts[0]), o.linear(a.from, a.name+parts[1]), o.linear(a.from, a.name+parts[2])
	return a
}

func (o *oracle) bert(ids, types, mask []int) matrix {
	c := o.c
	x := o.rows("embeddings.word_embeddings.weight", ids).plus(o.rows("embeddings.position_embeddings.weight", count(0, len(ids)))).
		plus(o.rows("embeddings.token_type_embeddings.weight", types))
	x = o.layerNorm(x, "embeddings.LayerNorm")
	for i := range c.Layers {
		name := fmt.Sprintf("encoder.layer.%d.", i)
		a := o.named(attending{m: c.mechanism("encoder", i), name: name + "attention.self", x: x, from: x, heads: c.Heads, kv: c.Heads,
			dim: c.Width / c.Heads, layer: i, sees: keys(mask)}, ".query", ".key", ".value")
		x = o.layerNorm(x.plus(o.linear(o.attend(a), name+"attention.output.dense")), name+"attention.output.LayerNorm")
		y := o.linear(o.linear(x, name+"intermediate.dense").each(exact[c.Act]), name+"output.dense")
		x = o.layerNorm(x.plus(y), name+"output.LayerNorm")
	}
	return x
}

func (o *oracle) gpt2(ids []int) matrix {
	c := o.c
	x := o.rows("transformer.wte.weight", ids).plus(o.rows("transformer.wpe.weight", count(0, len(ids))))
	for i := range c.Layers {
		name := fmt.Sprintf("transformer.h.%d.", i)
		y := o.layerNorm(x, name+"ln_1")
		all := o.conv1d(y, name+"attn.c_attn")
		kv := c.Width
		q := all.cols - 2*kv
		a := attending{m: c.mechanism("decoder", i), name: name + "attn", x: y, from: y, q: all.columns(0, q), k: all.columns(q, q+kv),
			v: all.columns(q+kv, q+2*kv), heads: c.Heads, kv: c.Heads, dim: c.Width / c.Heads, layer: i, sees: causal}
		x = x.plus(o.conv1d(o.attend(a), name+"attn.c_proj"))
		y = o.conv1d(o.layerNorm(x, name+"ln_2"), name+"mlp.c_fc").each(exact[c.Act])
		x = x.plus(o.conv1d(y, name+"mlp.c_proj"))
	}
	return o.layerNorm(x, "transformer.ln_f").mul(o.weight("transformer.wte.weight").t())
}

func (o *oracle) llama(ids []int) matrix {
	c := o.c
	x := o.rows("model.embed_tokens.weight", ids)
	for i := range c.Layers {
		name := fmt.Sprintf("model.layers.%d.", i)
		y := o.rmsNorm(x, name+"input_layernorm")
		a := o.named(attending{m: c.mechanism("decoder", i), name: name + "self_attn", x: y, from: y, heads: c.Heads, kv: c.KVHeads,
			dim: c.HeadDim, layer: i, theta: c.RopeTheta, sees: causal}, ".q_proj", ".k_proj", ".v_proj")
		x = x.plus(o.linear(o.attend(a), name+"self_attn.o_proj"))
		y = o.rmsNorm(x, name+"post_attention_layernorm")
		y = o.linear(y, name+"mlp.gate_proj").each(exact[c.Act]).times(o.linear(y, name+"mlp.up_proj"))
		x = x.plus(o.linear(y, name+"mlp.down_proj"))
	}
	x = o.rmsNorm(x, "model.norm")
	if c.Tied {
		return x.mul(o.weight("model.embed_tokens.weight").t())
	}
	return o.linear(x, "lm_head")
}

func (o *oracle) vit(image []float64) matrix {
	c := o.c
	size, patch := c.ImageSize, c.PatchSize
	side := size / patch
	pixels := build(side*side, c.Channels*patch*patch, func(i, j int) float64 {
		channel, dy, dx := j/(patch*patch), j/patch%patch, j%patch
		return image[(channel*size+i/side*patch+dy)*size+i%side*patch+dx]
	})
	kernel := o.weight("embeddings.patch_embeddings.projection.weight")
	x := pixels.mul(matrix{c.Width, pixels.cols, kernel.x}.t()).plus(o.weight("embeddings.patch_embeddings.projection.bias"))
	x = under(o.weight("embeddings.cls_token"), x).plus(o.weight("embeddings.position_embeddings"))
	for i := range c.Layers {
		name := fmt.Sprintf("encoder.layer.%d.", i)
		y := o.layerNorm(x, name+"layernorm_before")
		a := o.named(attending{m: c.mechanism("encoder", i), name: name + "attention.attention", x: y, from: y, heads: c.Heads, kv: c.Heads,
			dim: c.Width / c.Heads, layer: i, sees: all}, ".query", ".key", ".value")
		x = x.plus(o.linear(o.attend(a), name+"attention.output.dense"))
		y = o.linear(o.layerNorm(x, name+"layernorm_after"), name+"intermediate.dense").each(exact[c.Act])
		x = x.plus(o.linear(y, name+"output.dense"))
	}
	return o.layerNorm(x, "layernorm")
}
