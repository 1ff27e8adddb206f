package onnx

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
)

// standardSince is the opset that brought Attention.
const standardSince = 23

// standardize writes the attentions of prog by ONNX's own Attention. All that it cannot say are named in the error.
func standardize(prog *ir.Program, opset int) error {
	found := false
	prog.Main.Walk(func(_ *ir.Func, n *ir.Node) { found = found || n.Op == ir.Attention || n.Op == ir.DualAttention })
	if !found {
		return nil
	}
	if opset != 0 && opset < standardSince {
		return fmt.Errorf("cannot be written in the standard form with opset %d: ONNX has Attention from opset %d on; the forms inline and "+
			"function do without", opset, standardSince)
	}
	prog.Opset = max(prog.Opset, standardSince)
	s := &standardizer{}
	s.function(prog.Main)
	if len(s.problems) > 0 {
		return &formError{s.problems}
	}
	return nil
}

// A formError says what a form cannot write.
type formError struct{ problems []string }

func (e *formError) Error() string {
	text := "cannot be written in the standard form; the forms inline and function can:"
	for _, p := range e.problems {
		text += "\n  " + p
	}
	return text
}

type standardizer struct{ problems []string }

func (s *standardizer) function(f *ir.Func) {
	expand(f, func(n *ir.Node) bool { return n.Op == ir.DualAttention }) // a weighted difference of two
	for i := 0; i < len(f.Nodes); {
		n := f.Nodes[i]
		for _, body := range n.Bodies {
			s.function(body)
		}
		if n.Op != ir.Attention {
			i++
			continue
		}
		b := &ir.Builder{F: f, At: i, Name: n.Name}
		y, err := standardAttention(b, n)
		if err != nil {
			s.problems = append(s.problems, fmt.Sprintf("node %q (%s): %s", n.Name, n.Op.Name, err))
			i = b.At + 1
			continue
		}
		if y.Name == "" {
			y.Name = n.Out().Name
		}
		f.Nodes = append(f.Nodes[:b.At], f.Nodes[b.At+1:]...)
		f.Replace(map[*ir.Value]*ir.Value{n.Out(): y})
		i = b.At
	}
}

// standardAttention is n as ONNX's operator: all that hides keys is one mask, but for the plain triangle, which is an attribute.
func standardAttention(b *ir.Builder, n *ir.Node) (*ir.Value, error) {
	q, k, v := n.Arg("q"), n.Arg("k"), n.Arg("v")
	e := q.Type.Elem
	rank := max(q.Type.Rank(), k.Type.Rank(), v.Type.Rank())
	switch {
	case n.Arg("sink") != nil:
		return nil, fmt.Errorf("ONNX's Attention has no sink")
	case rank > 4:
		return nil, fmt.Errorf("ONNX's Attention has four axes, not %d", rank)
	}
	scale := n.Float("scale")
	switch { // it has to be positive
	case scale < 0:
		q, scale = b.New(ir.Neg, nil, q), -scale
	case scale == 0:
		q, scale = b.New(ir.Mul, nil, q, b.Scalar(e, 0)), 1
	}
	attrs := ir.Attrs{"scale": scale}
	if c := n.Float("softcap"); c != 0 {
		attrs["softcap"] = c
	}
	mask, err := addedMask(b, n, e)
	if err != nil {
		return nil, err
	}
	if n.Str("causal") == "self" && n.Int("window") == 0 {
		attrs["is_causal"] = 1
	} else if seen := ir.Visible(b, n); seen != nil {
		switch {
		case mask == nil:
			mask = seen
		case mask.Type.Elem == ir.Bool:
			mask = b.New(ir.And, nil, mask, seen)
		default:
			mask = b.New(ir.Where, nil, seen, mask, b.Scalar(e, math.Inf(-1)))
		}
	}
	args := []*ir.Value{fourAxes(b, q), fourAxes(b, k), fourAxes(b, v)}
	if args[1], args[2], err = sameBatch(b, args); err != nil {
		return nil, err
	}
	if mask != nil {
		args = append(args, spread(b, mask, args[0].Type.Shape[2], args[1].Type.Shape[2]))
	}
	node, err := b.Add(ir.ONNXAttention, 1, attrs, nil, args...)
	if err != nil {
		return nil, err
	}
	y := node.Out()
	if rank < 4 {
		return b.New(ir.Reshape, nil, y, b.Dims(n.Out().Type.Shape...)), nil
	}
	return y, nil
}

// addedMask is n's mask and bias in one: booleans, numbers that are added, or nil.
func addedMask(b *ir.Builder, n *ir.Node, e ir.Elem) (*ir.Value, error) {
	mask, bias := n.Arg("mask"), n.Arg("bias")
	fill := n.Float("fill")
	switch {
	case mask == nil:
		return bias, nil
	case mask.Type.Elem != ir.Bool && bias == nil:
		return mask, nil
	case mask.Type.Elem != ir.Bool:
		return b.New(ir.Add, nil, bias, mask), nil
	case bias == nil && math.IsInf(fill, -1):
		return mask, nil
	case !(fill <= drowns):
		return nil, fmt.Errorf("its mask puts %g in the place of scores, which ONNX's Attention can only add", fill)
	case bias == nil:
		bias = b.Scalar(e, 0)
	}
	return b.New(ir.Where, nil, mask, bias, b.Scalar(e, fill)), nil
}

// drowns is a number beside which no score counts, so that adding it is the same as putting it in the score's place.
const drowns = -1e30

// fourAxes puts axes of length 1 before others.
func fourAxes(b *ir.Builder, v *ir.Value) *ir.Value {
	var axes []int64
	for i := range 4 - v.Type.Rank() {
		axes = append(axes, int64(i))
	}
	if len(axes) == 0 {
		return v
	}
	return b.New(ir.Unsqueeze, nil, v, b.Vector(axes...))
}

// sameBatch repeats keys and values that all batches share.
func sameBatch(b *ir.Builder, qkv []*ir.Value) (k, v *ir.Value, err error) {
	want := qkv[0].Type.Shape[0]
	out := [2]*ir.Value{}
	for i, x := range qkv[1:] {
		s := x.Type.Shape
		switch {
		case s[0].Equal(want):
			out[i] = x
		case s[0].Is(1):
			out[i] = b.New(ir.Expand, nil, x, b.Dims(want, s[1], s[2], s[3]))
		default:
			return nil, nil, fmt.Errorf("a batch of %s queries and of %s keys", want, s[0])
		}
	}
	if h := qkv[1].Type.Shape[1]; !h.Equal(qkv[2].Type.Shape[1]) {
		return nil, nil, fmt.Errorf("%s heads of keys and %s of values", h, qkv[2].Type.Shape[1])
	}
	return out[0], out[1], nil
}

// spread gives a mask the last two axes of the scores in full; batch and heads may stay 1.
func spread(b *ir.Builder, mask *ir.Value, lq, lk ir.Dim) *ir.Value {
	mask = fourAxes(b, mask)
	s := mask.Type.Shape
	if s[2].Equal(lq) && s[3].Equal(lk) {
		return mask
	}
	return b.New(ir.Expand, nil, mask, b.Dims(s[0], s[1], lq, lk))
}
