package onnx

import (
	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"DynamicQuantizeLSTM":      (*steps).dynamicQuantizeLSTM,
		"QEmbedLayerNormalization": (*steps).qEmbedLayerNormalization,
	})
}

func (s *steps) int(x int64) *ir.Value {
	return s.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, x)})
}

// qEmbedLayerNormalization is EmbedLayerNormalization of tables in bytes, of which it takes the rows before it dequantises them. Scales
// are inputs from 8 on, zero points from 13 on.
func (s *steps) qEmbedLayerNormalization() []*ir.Value {
	words, segments := s.ranked(0, 2), s.n.input(1)
	if s.err != nil {
		return nil
	}
	rows := func(i int, table, at *ir.Value) *ir.Value {
		return s.new("DequantizeLinear", nil, s.new("Gather", nil, table, at), s.single(8+i), s.single(13+i))
	}
	places := s.new("Range", nil, s.int(0), s.n.b.Dim(words.Type.Shape[1]), s.int(1))
	x := s.sum(rows(0, s.required(2), words), rows(1, s.required(3), places))
	if segments != nil {
		x = s.sum(x, rows(2, s.required(4), segments))
	}
	vector := func(i int) *ir.Value {
		return s.new("DequantizeLinear", nil, s.required(5+i), s.single(11+i), s.single(16+i))
	}
	y := s.layerNormalization(x, vector(0), vector(1), 1e-12)
	return []*ir.Value{y, s.tokenCount(words, s.n.input(7))}
}

// tokenCount is how many tokens of each row the mask has; 0 without one.
func (s *steps) tokenCount(words, mask *ir.Value) *ir.Value {
	switch {
	case s.err != nil:
		return nil
	case mask != nil:
		return s.new("ReduceSum", ir.Attrs{"keepdims": int64(0)}, mask, s.ints(1))
	}
	zero := s.new("Const", ir.Attrs{"value": ir.Ints(ir.I32, nil, 0)})
	return s.new("Expand", nil, zero, s.n.b.Dims(words.Type.Shape[0]))
}

// dynamicQuantizeLSTM is LSTM with weights in bytes, which lie transposed. ONNX Runtime also rounds what they are multiplied with to bytes,
// in parts that depend on its threads; here that stays as it is.
func (s *steps) dynamicQuantizeLSTM() []*ir.Value {
	attrs := s.attrsOf("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget")
	w := s.transposedBytes(s.ranked(1, 3), s.ranked(8, 1, 2), s.ranked(9, 1, 2))
	r := s.transposedBytes(s.ranked(2, 3), s.ranked(10, 1, 2), s.ranked(11, 1, 2))
	args := []*ir.Value{s.required(0), w, r}
	for i := 3; i < 8; i++ {
		args = append(args, s.n.input(i))
	}
	if s.err != nil {
		return nil
	}
	results, err := s.n.add(ir.LSTM, 3, attrs, nil, args...)
	s.err = err
	return results
}

// transposedBytes is the weight [D,K,N], whose scales are those of directions or of their columns, as floats [D,N,K].
func (s *steps) transposedBytes(q, scale, zero *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	columns := func(v *ir.Value) *ir.Value {
		if v.Type.Rank() == 1 {
			return s.new("Unsqueeze", nil, v, s.ints(1, 2))
		}
		return s.new("Unsqueeze", nil, v, s.ints(1))
	}
	e := scale.Type.Elem
	w := s.new("Sub", nil, s.cast(q, e), columns(s.cast(zero, e)))
	return s.new("Transpose", ir.Attrs{"perm": []int64{0, 2, 1}}, s.new("Mul", nil, w, columns(scale)))
}
