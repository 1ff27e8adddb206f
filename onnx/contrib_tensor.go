package onnx

import (
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	contribute(map[string]contribution{
		"CDist":            (*steps).cdist,
		"CropAndResize":    (*steps).cropAndResize,
		"ExpandDims":       (*steps).expandDims,
		"GatherND":         (*steps).gatherND,
		"NGramRepeatBlock": (*steps).nGramRepeatBlock,
		"Pad":              (*steps).pad,
		"Range":            (*steps).rangeOf,
		"SampleOp":         func(s *steps) []*ir.Value { return []*ir.Value{s.required(0)} },
		"TorchEmbedding":   (*steps).torchEmbedding,
		"Trilu":            (*steps).trilu,
		"UnfoldTensor":     (*steps).unfoldTensor,
		"Unique":           (*steps).unique,
	})
}

// scalarArgument is argument i, of one element, as a scalar.
func (s *steps) scalarArgument(i int) *ir.Value {
	v := s.required(i)
	if s.err == nil && v.Type.Rank() != 0 {
		return s.new("Reshape", nil, v, s.ints())
	}
	return v
}

// cdist is the distance of each row of a from each of b, by the products of the two.
func (s *steps) cdist() []*ir.Value {
	a, b := s.ranked(0, 2), s.ranked(1, 2)
	squares := func(x *ir.Value) *ir.Value {
		return s.new("ReduceSumSquare", nil, x, s.ints(1))
	}
	turn := ir.Attrs{"perm": []int64{1, 0}}
	sum := s.new("Add", nil, squares(a), s.new("Transpose", turn, squares(b)))
	product := s.new("MatMul", nil, a, s.new("Transpose", turn, b))
	y := s.new("Relu", nil, s.new("Sub", nil, sum, s.times(product, 2)))
	switch metric := s.n.takeText("metric", "sqeuclidean"); metric {
	case "sqeuclidean":
	case "euclidean":
		y = s.new("Sqrt", nil, y)
	default:
		s.fail("metric %q is not supported", metric)
	}
	return []*ir.Value{y}
}

// expandDims inserts an axis of length 1.
func (s *steps) expandDims() []*ir.Value {
	axis := s.cast(s.new("Reshape", nil, s.required(1), s.ints(1)), ir.I64)
	return []*ir.Value{s.new("Unsqueeze", nil, s.required(0), axis)}
}

func (s *steps) gatherND() []*ir.Value {
	x, at := s.required(0), s.required(1)
	if s.err != nil {
		return nil
	}
	return []*ir.Value{s.new("GatherND", nil, x, s.cast(at, ir.I64))}
}

// nGramRepeatBlock makes each token impossible that would complete a group of ngram_size tokens that was there before.
func (s *steps) nGramRepeatBlock() []*ir.Value {
	ids, scores := s.ranked(0, 2), s.ranked(1, 2)
	size := int(s.n.takeInt("ngram_size", 0))
	if size < 1 {
		s.fail("ngram_size is %d", size)
	}
	if s.err != nil {
		return nil
	}
	length, vocabulary := ids.Type.Shape[1], scores.Type.Shape[1]
	groups := s.new("Gather", ir.Attrs{"axis": int64(1)}, ids, s.windows(length, size, 1))
	part := func(x *ir.Value, from, to int64, axis int64) *ir.Value {
		return s.new("Slice", nil, x, s.ints(from), s.ints(to), s.ints(axis))
	}
	last := part(groups, int64(size-1), int64(size), 2)
	banned := s.new("Equal", nil, last, s.cast(s.upTo(vocabulary), ids.Type.Elem))
	if size > 1 {
		recent := s.new("Unsqueeze", nil, part(ids, int64(1-size), math.MaxInt64, 1), s.ints(1))
		differs := s.cast(s.new("Not", nil, s.new("Equal", nil, part(groups, 0, int64(size-1), 2), recent)), ir.I64)
		same := s.new("Equal", nil, s.new("ReduceSum", nil, differs, s.ints(2)), s.like(differs, 0))
		banned = s.new("And", nil, banned, same)
	}
	count := s.new("ReduceSum", ir.Attrs{"keepdims": int64(0)}, s.cast(banned, ir.I64), s.ints(1))
	none := s.new("Equal", nil, count, s.like(count, 0))
	return []*ir.Value{s.new("Where", nil, none, scores, s.like(scores, math.Inf(-1)))}
}

// upTo are the integers below n.
func (s *steps) upTo(n ir.Dim) *ir.Value {
	if s.err != nil {
		return nil
	}
	b := s.n.b
	return s.new("Range", nil, b.Dim(ir.N(0)), b.Dim(n), b.Dim(ir.N(1)))
}

// windows are the places of each group of that many, one row a group, which begins step behind the one before.
func (s *steps) windows(length ir.Dim, size, step int) *ir.Value {
	count, _ := length.Sub(ir.N(size)).Div(ir.N(step))
	first := s.new("Mul", nil, s.upTo(count.Add(ir.N(1)).Max(ir.N(0))), s.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, int64(step))}))
	return s.new("Add", nil, s.new("Unsqueeze", nil, first, s.ints(1)), s.upTo(ir.N(size)))
}

// unfoldTensor cuts an axis in pieces of that size, which may overlap and are the last axis of the result.
func (s *steps) unfoldTensor() []*ir.Value {
	x := s.required(0)
	dim, size, step := s.n.takeInt("dim", -1), int(s.n.takeInt("size", 0)), int(s.n.takeInt("step", 1))
	if s.err != nil {
		return nil
	}
	axis, err := ir.Axis(int(dim), x.Type.Rank())
	switch {
	case x.Type.Rank() < 0:
		s.fail("the number of dimensions is not known")
	case err != nil:
		s.err = err
	case size < 1 || step < 1:
		s.fail("pieces of %d by steps of %d", size, step)
	}
	if s.err != nil {
		return nil
	}
	pieces := s.new("Gather", ir.Attrs{"axis": int64(axis)}, x, s.windows(x.Type.Shape[axis], size, step))
	perm := seq(x.Type.Rank() + 1)
	perm = append(slices.Delete(perm, axis+1, axis+2), int64(axis+1))
	return []*ir.Value{s.new("Transpose", ir.Attrs{"perm": perm}, pieces)}
}

// pad is ONNX's, with sizes that may be a row.
func (s *steps) pad() []*ir.Value {
	pads := s.new("Reshape", nil, s.required(1), s.ints(-1))
	args := []*ir.Value{s.required(0), pads}
	if s.n.input(2) != nil {
		args = append(args, s.scalarArgument(2))
	}
	return []*ir.Value{s.new("Pad", ir.Attrs{"mode": s.n.takeText("mode", "constant")}, args...)}
}

// rangeOf is ONNX's, with a step of 1 if there is none.
func (s *steps) rangeOf() []*ir.Value {
	from, to := s.scalarArgument(0), s.scalarArgument(1)
	step := s.like(from, 1)
	if s.n.input(2) != nil {
		step = s.scalarArgument(2)
	}
	return []*ir.Value{s.new("Range", nil, from, to, step)}
}

// torchEmbedding gives the rows of a table; which one stands for padding, and how gradients are scaled, matters to training only.
func (s *steps) torchEmbedding() []*ir.Value {
	return []*ir.Value{s.new("Gather", nil, s.required(0), s.required(1))}
}

func (s *steps) trilu() []*ir.Value {
	args := []*ir.Value{s.required(0)}
	if s.n.input(1) != nil {
		args = append(args, s.scalarArgument(1))
	}
	return []*ir.Value{s.new("Trilu", ir.Attrs{"upper": s.n.takeInt("upper", 1)}, args...)}
}

// unique are the different elements as they come first, the place of each element among them, and how often each is there.
func (s *steps) unique() []*ir.Value {
	ys := s.several(ir.Lookup("Unique"), 4, ir.Attrs{"sorted": int64(0)}, s.required(0))
	if s.err != nil {
		return nil
	}
	return []*ir.Value{ys[0], ys[2], ys[3]}
}

// cropAndResize samples regions of images, given by corners as parts of height and width, at crop_size points whose outermost are the
// corners. What lies outside of the image has a value of its own.
func (s *steps) cropAndResize() []*ir.Value {
	x, rois, batch := s.ranked(0, 4), s.ranked(1, 2), s.ranked(2, 1)
	crop := s.required(3)
	if s.err != nil {
		return nil
	}
	if !rois.Type.Elem.IsFloat() {
		s.fail("regions are %s: floats are wanted", rois.Type)
		return nil
	}
	sizes, ok := crop.ConstInts()
	if d := s.n.data(crop); !ok && d != nil && d.Len() == 2 {
		sizes, ok = []int64{d.Int(0), d.Int(1)}, true
	}
	if !ok || len(sizes) != 2 || sizes[0] < 1 || sizes[1] < 1 {
		s.fail("a crop size that is not constant is not supported")
		return nil
	}
	mode := s.n.takeText("mode", "bilinear")
	ys, insideY := s.samples(rois, 0, int(sizes[0]), x.Type.Shape[2], mode)
	xs, insideX := s.samples(rois, 1, int(sizes[1]), x.Type.Shape[3], mode)
	ys, insideY = s.new("Unsqueeze", nil, ys, s.ints(2)), s.new("Unsqueeze", nil, insideY, s.ints(1, 3))
	xs, insideX = s.new("Unsqueeze", nil, xs, s.ints(1)), s.new("Unsqueeze", nil, insideX, s.ints(1, 2))
	zero := s.like(x, 0)
	grid := s.new("Concat", ir.Attrs{"axis": int64(-1)},
		s.new("Unsqueeze", nil, s.new("Add", nil, xs, s.new("Mul", nil, ys, zero)), s.ints(3)),
		s.new("Unsqueeze", nil, s.new("Add", nil, ys, s.new("Mul", nil, xs, zero)), s.ints(3)))
	attrs := ir.Attrs{"align_corners": int64(1), "padding_mode": "border", "mode": map[string]string{"bilinear": "linear"}[mode]}
	if mode != "bilinear" {
		attrs["mode"] = "nearest"
	}
	y := s.new("GridSample", attrs, s.new("Gather", nil, x, batch), grid)
	outside := s.like(x, s.n.takeFloat("extrapolation_value", 0))
	return []*ir.Value{s.new("Where", nil, s.new("And", nil, insideY, insideX), y, outside)}
}

// samples are the count points of each region along an axis of that size, from -1 to 1 as GridSample counts, and whether they are
// inside. The nearest point is that from 0.5 on.
func (s *steps) samples(rois *ir.Value, axis, count int, size ir.Dim, mode string) (at, inside *ir.Value) {
	column := func(i int) *ir.Value {
		return s.new("Slice", nil, rois, s.ints(int64(i)), s.ints(int64(i+1)), s.ints(1))
	}
	from, to := column(axis), column(axis+2)
	steps := make([]float64, count)
	for i := range steps {
		steps[i] = 0.5
		if count > 1 {
			steps[i] = float64(i) / float64(count-1)
		}
	}
	row := s.new("Const", ir.Attrs{"value": ir.Floats(rois.Type.Elem, []int{count}, steps...)})
	part := s.new("Add", nil, from, s.new("Mul", nil, s.new("Sub", nil, to, from), row))
	if s.err != nil {
		return nil, nil
	}
	last := s.cast(s.n.b.Dim(size.Sub(ir.N(1))), rois.Type.Elem)
	place := s.new("Mul", nil, part, last)
	inside = s.new("And", nil, s.new("GreaterOrEqual", nil, place, s.like(place, 0)), s.new("LessOrEqual", nil, place, last))
	switch mode {
	case "bilinear":
	case "nearest":
		place = s.new("Floor", nil, s.new("Add", nil, place, s.like(place, 0.5)))
	default:
		s.fail("mode %q is not supported", mode)
	}
	part = s.new("Div", nil, place, s.new("Max", nil, last, s.like(place, 1)))
	return s.new("Sub", nil, s.times(part, 2), s.like(place, 1)), inside
}
