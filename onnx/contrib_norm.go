package onnx

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"BiasGelu":                         func(s *steps) []*ir.Value { return s.gelu("none") },
		"EmbedLayerNormalization":          (*steps).embedLayerNormalization,
		"FastGelu":                         func(s *steps) []*ir.Value { return s.gelu("tanh") },
		"Gelu":                             func(s *steps) []*ir.Value { return s.gelu("none") },
		"QuickGelu":                        (*steps).quickGelu,
		"SimplifiedLayerNormalization":     (*steps).simplifiedLayerNormalization,
		"SkipLayerNormalization":           (*steps).skipLayerNormalization,
		"SkipSimplifiedLayerNormalization": (*steps).skipSimplifiedLayerNormalization,
	})
}

// gelu is that of x, or of x + bias.
func (s *steps) gelu(approximate string) []*ir.Value {
	x := s.sum(s.required(0), s.n.input(1))
	return []*ir.Value{s.new("Gelu", ir.Attrs{"approximate": approximate}, x)}
}

// quickGelu is x·sigmoid(alpha·x).
func (s *steps) quickGelu() []*ir.Value {
	return []*ir.Value{s.new("Swish", ir.Attrs{"alpha": s.n.takeFloat("alpha", 1.702)}, s.required(0))}
}

// skipLayerNormalization normalises x + skip + bias, and gives that sum, too, after the mean and what the rest is multiplied by.
func (s *steps) skipLayerNormalization() []*ir.Value {
	x := s.skipped(4)
	results := 1
	if slices.Contains(s.n.used[1:min(3, len(s.n.used))], true) {
		results = 3
	}
	ys := s.normalized(results, x, s.required(2), s.n.input(3), 1e-12)
	return append(ys, append(make([]*ir.Value, 3-results), x)...)
}

// skipSimplifiedLayerNormalization is the same by the root of the mean square.
func (s *steps) skipSimplifiedLayerNormalization() []*ir.Value {
	x := s.skipped(3)
	y := s.rmsNormalization(x, s.required(2), s.n.takeFloat("epsilon", 1e-12))
	return []*ir.Value{y, nil, nil, x}
}

// skipped is the input with what skips the layer, which may be one row for the whole batch, and the bias that is input number bias. It
// goes with the one of them that is a product: that makes a layer of the two.
func (s *steps) skipped(bias int) *ir.Value {
	x, skip, b := s.required(0), s.required(1), s.n.input(bias)
	if s.err == nil && skip.Def != nil && skip.Def.Op == ir.MatMul {
		return s.sum(x, s.sum(skip, b))
	}
	return s.sum(s.sum(x, b), skip)
}

func (s *steps) layerNormalization(x, scale, b *ir.Value, epsilon float64) *ir.Value {
	if ys := s.normalized(1, x, scale, b, epsilon); s.err == nil {
		return ys[0]
	}
	return nil
}

// normalized is LayerNormalization with that many of its three results.
func (s *steps) normalized(results int, x, scale, b *ir.Value, epsilon float64) []*ir.Value {
	attrs := ir.Attrs{"axis": int64(-1), "epsilon": s.n.takeFloat("epsilon", epsilon)}
	args := []*ir.Value{x, scale}
	if b != nil {
		args = append(args, b)
	}
	return s.several(ir.LayerNormalization, results, attrs, args...)
}

func (s *steps) rmsNormalization(x, scale *ir.Value, epsilon float64) *ir.Value {
	return s.new("RMSNormalization", ir.Attrs{"axis": int64(-1), "epsilon": epsilon}, x, scale)
}

// simplifiedLayerNormalization divides by the root of the mean square, along the axes from one on.
func (s *steps) simplifiedLayerNormalization() []*ir.Value {
	attrs := ir.Attrs{"axis": s.n.takeInt("axis", -1), "epsilon": s.n.takeFloat("epsilon", 1e-5)}
	s.n.take("stash_type")
	return []*ir.Value{s.new("RMSNormalization", attrs, s.required(0), s.required(1))}
}

// embedLayerNormalization adds the rows of words, positions and segments that the tokens choose, and normalises. Its second result is
// the number of tokens that the mask has, its third the sum.
func (s *steps) embedLayerNormalization() []*ir.Value {
	words, segments := s.ranked(0, 2), s.n.input(1)
	if s.err != nil {
		return nil
	}
	x := s.new("Gather", nil, s.required(2), words)
	if positions := s.n.input(8); positions != nil {
		x = s.sum(x, s.new("Gather", nil, s.required(3), positions))
	} else if s.err == nil {
		first := s.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, 0)})
		one := s.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, 1)})
		row := s.new("Range", nil, first, s.n.b.Dim(words.Type.Shape[1]), one)
		x = s.sum(x, s.new("Gather", nil, s.required(3), row))
	}
	if table := s.n.input(4); segments != nil && table != nil {
		x = s.sum(x, s.new("Gather", nil, table, segments))
	}
	y := s.layerNormalization(x, s.required(5), s.required(6), 1e-12)
	var count *ir.Value
	if mask := s.n.input(7); mask != nil {
		count = s.new("ReduceSum", ir.Attrs{"keepdims": int64(0)}, mask, s.ints(1))
	} else if s.err == nil {
		zero := s.new("Const", ir.Attrs{"value": ir.Ints(ir.I32, nil, 0)})
		count = s.new("Expand", nil, zero, s.n.b.Dims(words.Type.Shape[0]))
	}
	s.n.takeInt("mask_index_type", 0)
	return []*ir.Value{y, count, x}
}
