package onnx

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"DynamicQuantizeLSTM":      (*steps).dynamicQuantizeLSTM,
		"QAttention":               (*steps).qAttention,
		"QEmbedLayerNormalization": (*steps).qEmbedLayerNormalization,
	})
}

// qAttention projects bytes to queries, keys and values, in whole numbers, and attends with them.
func (s *steps) qAttention() []*ir.Value {
	heads, causal := s.n.takeInt("num_heads", 0), s.n.takeInt("unidirectional", 0) != 0
	filter := s.n.takeFloat("mask_filter_value", -10000)
	scale, scaled := s.n.take("scale").(float64)
	for _, name := range []string{"do_rotary", "past_present_share_buffer"} {
		if s.n.takeInt(name, 0) != 0 {
			s.fail("%s=1 is not supported", name)
		}
	}
	x := s.ranked(0, 3)
	qkv := s.bytesProduct(x, s.ranked(1, 2), s.single(3), s.required(4), s.zeroPoint(6), s.n.input(7), s.required(2))
	if s.err != nil {
		return nil
	}
	parts, err := s.n.add(ir.Lookup("Split"), 3, ir.Attrs{"axis": int64(-1), "num_outputs": int64(3)}, nil, qkv)
	if s.err = err; err != nil {
		return nil
	}
	pastKey, pastValue := s.pastOf(s.n.input(8))
	attrs := ir.Attrs{"q_num_heads": heads, "kv_num_heads": heads}
	if scaled && scale != 0 {
		attrs["scale"] = scale
	}
	mask := s.indexMask(s.n.input(5), x, pastKey, filter)
	switch {
	case causal && mask == nil:
		attrs["is_causal"] = int64(1)
	case causal:
		mask = s.sum(mask, s.causalMask(x, pastKey))
	}
	if s.err != nil {
		return nil
	}
	results, err := s.n.add(ir.ONNXAttention, 3, attrs, nil, parts[0], parts[1], parts[2], mask, pastKey, pastValue)
	if s.err = err; err != nil {
		return nil
	}
	if s.n.outputs < 2 {
		return results[:1]
	}
	first := s.ints(0)
	present := s.new("Concat", ir.Attrs{"axis": int64(0)}, s.new("Unsqueeze", nil, results[1], first), s.new("Unsqueeze", nil, results[2], first))
	return []*ir.Value{results[0], present}
}

// pastOf are keys and values [B,H,P,D] of what came before [2,B,H,P,D]; nil if there is none.
func (s *steps) pastOf(past *ir.Value) (key, value *ir.Value) {
	if past == nil || s.err != nil {
		return nil, nil
	}
	if past.Type.Rank() != 5 {
		s.fail("past is %s: 5 dimensions are wanted", past.Type)
		return nil, nil
	}
	at := func(i float64) *ir.Value {
		return s.new("Gather", nil, past, s.new("Const", ir.Attrs{"value": ir.Scalar(ir.I64, i)}))
	}
	return at(0), at(1)
}

// indexMask is what is added to scores, filter where a mask or the ends and starts of sequences say that a key is none: [B,1,1,T], or
// [B,1,S,T] if the mask says it for each query.
func (s *steps) indexMask(mask, x, pastKey *ir.Value, filter float64) *ir.Value {
	if mask == nil || s.err != nil {
		return nil
	}
	var taken *ir.Value
	switch batch := x.Type.Shape[0]; mask.Type.Rank() {
	case 1:
		taken = s.between(mask, batch, s.new("Range", nil, s.int(0), s.n.b.Dim(totalLength(x, pastKey)), s.int(1)))
	case 2:
		if mask.Type.Shape[1].Is(1) {
			return nil // the same for all keys
		}
		taken = s.new("Unsqueeze", nil, s.new("Greater", nil, mask, s.like(mask, 0)), s.ints(1, 2))
	case 3:
		taken = s.new("Unsqueeze", nil, s.new("Greater", nil, mask, s.like(mask, 0)), s.ints(1))
	default:
		s.fail("mask_index is %s: 1 to 3 dimensions are wanted", mask.Type)
		return nil
	}
	return s.new("Where", nil, taken, s.float(0), s.float(filter))
}

// between is where positions are before the end of a sequence, and not before its start if mask has starts behind the ends: [B,1,1,T].
func (s *steps) between(mask *ir.Value, batch ir.Dim, positions *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	positions = s.cast(positions, mask.Type.Elem)
	column := func(v *ir.Value) *ir.Value { return s.new("Unsqueeze", nil, v, s.ints(1, 2, 3)) }
	n := mask.Type.Shape[0]
	if n.Equal(batch) || n.Is(1) {
		return s.new("Less", nil, positions, column(mask))
	}
	if !n.Equal(batch.Mul(ir.N(2))) {
		s.fail("mask_index is %s: %s or twice as many elements are wanted", mask.Type, batch)
		return nil
	}
	ends := s.new("Slice", nil, mask, s.ints(0), s.n.b.Dims(batch))
	starts := s.new("Slice", nil, mask, s.n.b.Dims(batch), s.n.b.Dims(n))
	return s.new("And", nil, s.new("Less", nil, positions, column(ends)), s.new("GreaterOrEqual", nil, positions, column(starts)))
}

// totalLength is the number of keys, those of the past included.
func totalLength(x, pastKey *ir.Value) ir.Dim {
	if pastKey == nil {
		return x.Type.Shape[1]
	}
	return pastKey.Type.Shape[2].Add(x.Type.Shape[1])
}

// causalMask is the least float where a key comes after the query, less than what a mask makes of others: [S,T].
func (s *steps) causalMask(x, pastKey *ir.Value) *ir.Value {
	if s.err != nil {
		return nil
	}
	total, length := totalLength(x, pastKey), x.Type.Shape[1]
	keys := s.new("Range", nil, s.int(0), s.n.b.Dim(total), s.int(1))
	queries := s.new("Range", nil, s.n.b.Dim(total.Sub(length)), s.n.b.Dim(total), s.int(1))
	later := s.new("Greater", nil, keys, s.new("Unsqueeze", nil, queries, s.ints(1)))
	return s.new("Where", nil, later, s.float(-math.MaxFloat32), s.float(0))
}

func (s *steps) int(x int64) *ir.Value {
	return s.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, x)})
}

func (s *steps) float(x float64) *ir.Value {
	return s.new("Const", ir.Attrs{"value": ir.Scalar(ir.F32, x)})
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
