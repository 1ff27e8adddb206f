package onnx

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"Attention":                       (*steps).mergedAttention,
		"DecoderMaskedMultiHeadAttention": (*steps).decoderAttention,
		"GroupQueryAttention":             (*steps).groupQueryAttention,
		"MultiHeadAttention":              (*steps).multiHeadAttention,
		"QAttention":                      (*steps).quantizedAttention,
		"RotaryEmbedding":                 (*steps).rotaryEmbedding,
	})
}

// An attending is an attention on its way: queries [B,H,L,D], keys and values [B,Hkv,M,D], Hkv being a divisor of H.
type attending struct {
	*steps
	q, k, v          *ir.Value
	mask, bias, sink *ir.Value
	attrs            ir.Attrs
}

// attend builds softmax(q·kᵀ·scale)·v as [B,L,H·D]. A scale of 0 stands for that of the heads' size.
func (a *attending) attend() *ir.Value {
	if a.err != nil {
		return nil
	}
	scale := a.n.takeFloat("scale", 0)
	if size, known := a.q.Type.Shape[3].Const(); scale == 0 && known {
		scale = 1 / math.Sqrt(float64(size))
	} else if scale == 0 {
		a.q, scale = a.overRoot(a.q), 1
	}
	a.attrs["scale"], a.bias = scale, a.fitted(a.bias)
	return a.merged(a.new("Attention", a.attrs, a.q, a.k, a.v, a.mask, a.bias, a.sink))
}

// scores are what attend makes probabilities of.
func (a *attending) scores() *ir.Value {
	return a.new("Scores", a.attrs, a.q, a.k, a.mask, a.bias)
}

// hide lets queries see the keys where keep [B,1,1 or L,M] is true, nil for all, and those before them if causal, first being the place
// of the first query among the keys. What is hidden otherwise has mask_filter_value added, which must not be -inf: in a row that is hidden
// as a whole ONNX Runtime sees all keys, and if that number drowns what they are, all of them alike.
func (a *attending) hide(keep *ir.Value, causal bool, first ir.Dim) {
	filter := a.n.takeFloat("mask_filter_value", -10000)
	if a.err != nil {
		return
	}
	kind, together := a.causal(first), keep != nil && filter <= drowns
	var triangle *ir.Value
	if causal && (kind == "" || together) {
		triangle = a.triangle(first, kind)
	} else if causal {
		a.attrs["causal"] = kind
	}
	switch {
	case triangle == nil:
	case keep == nil:
		keep, filter, triangle = triangle, math.Inf(-1), nil
	case together:
		keep, triangle = a.new("And", nil, keep, triangle), nil
	}
	switch {
	case keep == nil:
	case filter <= drowns:
		a.mask, a.attrs["fill"] = keep, filter
	default:
		a.mask = a.new("Where", nil, keep, a.like(a.q, 0), a.like(a.q, filter))
	}
	if triangle != nil {
		a.mask = a.new("Where", nil, triangle, a.mask, a.like(a.q, math.Inf(-1)))
	}
}

// causal is the attribute that lets queries from first on see what is before them, "" if there is none.
func (a *attending) causal(first ir.Dim) string {
	switch {
	case !first.Equal(a.k.Type.Shape[2].Sub(a.q.Type.Shape[2])):
		return ""
	case first.Is(0):
		return "self"
	}
	return "cache"
}

// triangle is true for the keys up to the place of each query, [L,M]. Of keys that are not those of the queries, and of earlier ones, ONNX
// Runtime lets the last query see all.
func (a *attending) triangle(first ir.Dim, kind string) *ir.Value {
	b, one := a.n.b, ir.N(1)
	end := first.Add(a.q.Type.Shape[2])
	place := a.new("Range", nil, b.Dim(first), b.Dim(end), b.Dim(one))
	if kind == "" {
		last := a.new("Equal", nil, place, b.Dim(end.Sub(one)))
		place = a.new("Where", nil, last, b.Dim(a.k.Type.Shape[2]), place)
	}
	return a.upTo(a.new("Unsqueeze", nil, place, a.ints(1)))
}

// upTo is true for the keys that are not behind their query's place [..,L,1].
func (a *attending) upTo(place *ir.Value) *ir.Value {
	return a.new("LessOrEqual", nil, a.numbers(), place)
}

// numbers are those of the keys, from 0 on.
func (a *attending) numbers() *ir.Value {
	if a.err != nil {
		return nil
	}
	return a.row(a.k.Type.Shape[2])
}

// row counts from 0.
func (s *steps) row(count ir.Dim) *ir.Value {
	if s.err != nil {
		return nil
	}
	return s.new("Range", nil, s.n.b.Dim(ir.N(0)), s.n.b.Dim(count), s.n.b.Dim(ir.N(1)))
}

// seen is a mask of numbers as booleans [B,1,1 or L,M]: [B,M], [B,L,M], or the lengths of the keys [B], which may be followed by where
// they begin [2B], or by sums of them [3B+2].
func (a *attending) seen(mask *ir.Value) *ir.Value {
	if a.err != nil || mask == nil {
		return nil
	}
	if !mask.Type.Ranked() {
		a.fail("the mask is %s: its number of dimensions is wanted", mask.Type)
		return nil
	}
	switch mask.Type.Rank() {
	case 1:
		return a.within(mask)
	case 2:
		if mask.Type.Shape[1].Is(1) { // in the place of a mask, or of a single key
			return nil
		}
		mask = a.new("Unsqueeze", nil, mask, a.ints(1, 2))
	case 3:
		mask = a.new("Unsqueeze", nil, mask, a.ints(1))
	default:
		a.fail("a mask %s is not supported", mask.Type)
	}
	return a.new("Greater", nil, a.fitted(mask), a.like(mask, 0))
}

// fitted is a mask, or what is added to scores, of four axes, with the names of the scores' dimensions in the place of others.
func (a *attending) fitted(mask *ir.Value) *ir.Value {
	if mask == nil || !a.has(mask, 4) {
		return nil
	}
	scores := []ir.Dim{a.q.Type.Shape[0], a.q.Type.Shape[1], a.q.Type.Shape[2], a.k.Type.Shape[2]}
	same := true
	for i, d := range mask.Type.Shape {
		if d.Is(1) || d.IsConst() && scores[i].IsConst() {
			scores[i] = d
		}
		same = same && d.Equal(scores[i])
	}
	if same {
		return mask
	}
	return a.new("Reshape", nil, mask, a.n.b.Dims(scores...))
}

// within is true for the keys before the ends, and not before the beginnings, that ends says for each of the batch.
func (a *attending) within(ends *ir.Value) *ir.Value {
	batch, size := a.q.Type.Shape[0], ends.Type.Shape[0]
	starts := (*ir.Value)(nil)
	switch {
	case size.Equal(batch):
	case size.Equal(batch.Mul(ir.N(2))):
		starts = a.part(ends, 0, batch, size)
		ends = a.part(ends, 0, ir.N(0), batch)
	case size.Equal(batch.Mul(ir.N(3)).Add(ir.N(2))):
		ends = a.part(ends, 0, ir.N(0), batch)
	default:
		a.fail("a mask %s for a batch of %s: as many lengths are wanted, or twice as many", ends.Type, batch)
	}
	keep := a.new("Less", nil, a.numbers(), a.each(ends))
	if starts != nil {
		keep = a.new("And", nil, keep, a.new("GreaterOrEqual", nil, a.numbers(), a.each(starts)))
	}
	return keep
}

// each is one number for each of the batch as int64 [B,1,1,1].
func (s *steps) each(numbers *ir.Value) *ir.Value {
	return s.new("Unsqueeze", nil, s.cast(numbers, ir.I64), s.ints(1, 2, 3))
}

// part is x from one place to another along an axis.
func (s *steps) part(x *ir.Value, axis int64, from, to ir.Dim) *ir.Value {
	if s.err != nil {
		return nil
	}
	return s.new("Slice", nil, x, s.n.b.Dims(from), s.n.b.Dims(to), s.ints(axis))
}

// parts cuts x into pieces along an axis.
func (s *steps) parts(x *ir.Value, axis int, sizes ...ir.Dim) []*ir.Value {
	if s.err != nil {
		return make([]*ir.Value, len(sizes))
	}
	return s.several(ir.Split, len(sizes), ir.Attrs{"axis": int64(axis)}, x, s.n.b.Dims(sizes...))
}

// has reports whether x has so many dimensions, which is an error if not.
func (s *steps) has(x *ir.Value, rank int) bool {
	if s.err == nil && (!x.Type.Ranked() || x.Type.Rank() != rank) {
		s.fail("%s: %d dimensions are wanted", x.Type, rank)
	}
	return s.err == nil
}

// split turns x [B,L,H·D] into [B,H,L,D].
func (s *steps) split(x *ir.Value, heads int64) *ir.Value {
	if !s.has(x, 3) {
		return nil
	}
	size, _ := s.share(x.Type.Shape[2], heads)
	return s.apart(x, ir.N(int(heads)), size)
}

// apart is split for heads of that size.
func (s *steps) apart(x *ir.Value, heads, size ir.Dim) *ir.Value {
	if s.err != nil {
		return nil
	}
	shape := x.Type.Shape
	y := s.new("Reshape", nil, x, s.n.b.Dims(shape[0], shape[1], heads, size))
	return s.new("Transpose", ir.Attrs{"perm": []int64{0, 2, 1, 3}}, y)
}

// withHeads is x [B,H,M,D] of which it is known that there are so many heads.
func (s *steps) withHeads(x *ir.Value, heads int64) *ir.Value {
	if !s.has(x, 4) {
		return nil
	}
	shape := x.Type.Shape
	switch count := ir.N(int(heads)); {
	case shape[1].Equal(count):
		return x
	case shape[1].IsConst():
		s.fail("%s has not %d heads", x.Type, heads)
		return nil
	default:
		return s.new("Reshape", nil, x, s.n.b.Dims(shape[0], count, shape[2], shape[3]))
	}
}

// share is a dimension's share of so many.
func (s *steps) share(d ir.Dim, count int64) (ir.Dim, bool) {
	return s.quotient(d, ir.N(int(count)))
}

// quotient is a dimension over one that must divide it.
func (s *steps) quotient(d, by ir.Dim) (ir.Dim, bool) {
	if by.Is(0) {
		by = ir.N(1)
		s.fail("%s does not divide by 0", d)
	}
	each, ok := d.Div(by)
	if !ok || d.IsConst() && !each.Mul(by).Equal(d) {
		s.fail("%s does not divide by %s", d, by)
		return each, false
	}
	return each, true
}

// merged turns x [B,H,L,D] into [B,L,H·D].
func (s *steps) merged(x *ir.Value) *ir.Value {
	if !s.has(x, 4) {
		return nil
	}
	shape := x.Type.Shape
	y := s.new("Transpose", ir.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
	return s.new("Reshape", nil, y, s.n.b.Dims(shape[0], shape[2], shape[1].Mul(shape[3])))
}

// count is an attribute that an operator cannot do without, and that is at least 1.
func (s *steps) count(attr string) int64 {
	n := s.n.takeInt(attr, 0)
	if n < 1 || n > math.MaxInt32 {
		s.fail("%s=%d: at least one is wanted", attr, n)
		return 1
	}
	return n
}

// absent makes an error of the inputs that are not supported.
func (s *steps) absent(inputs ...int) {
	for _, i := range inputs {
		if s.n.input(i) != nil {
			s.fail("input %d is not supported", i)
		}
	}
}

// appended are the keys or values of earlier steps, if any, and after them the new ones.
func (s *steps) appended(past, x *ir.Value) *ir.Value {
	if past == nil || s.err != nil {
		return x
	}
	if !past.Type.Ranked() || past.Type.Rank() != 4 {
		s.fail("keys of earlier steps are %s: 4 dimensions are wanted", past.Type)
		return nil
	}
	return s.new("Concat", ir.Attrs{"axis": int64(2)}, past, x)
}
