package passes

import (
	"slices"
	"strconv"

	"github.com/gpamc/gpamc/ir"
)

func itoa(i int) string { return strconv.Itoa(i) }

// moveData computes a node that only moves bytes: weights of any size go this way. nil for any other.
func moveData(n *ir.Node, args []*ir.Data) *ir.Data {
	shape, ok := n.Out().Type.Static()
	if !ok || args[0] == nil || args[0].Elem == ir.String {
		return nil
	}
	switch n.Op {
	case ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten:
		return &ir.Data{Elem: args[0].Elem, Shape: shape, Bytes: args[0].Bytes}
	case ir.Transpose:
		return transposeData(args[0], permOf(n))
	case ir.Concat:
		axis, err := ir.Axis(n.Int("axis"), len(shape))
		if err != nil {
			return nil
		}
		return concatData(args, axis)
	}
	return nil
}

// permOf is Transpose's permutation, its default spelled out.
func permOf(n *ir.Node) []int64 {
	if p := n.Ints("perm"); p != nil {
		return p
	}
	p := make([]int64, max(n.TypeAt(0).Rank(), 0))
	for i := range p {
		p[i] = int64(len(p) - 1 - i)
	}
	return p
}

func transposeData(d *ir.Data, perm []int64) *ir.Data {
	rank := len(perm)
	stride := make([]int, rank) // in elements, of d
	for i, s := rank-1, 1; i >= 0; i-- {
		stride[i] = s
		s *= d.Shape[i]
	}
	out := ir.NewData(d.Elem, make([]int, rank)...)
	for i, p := range perm {
		out.Shape[i] = d.Shape[p]
	}
	size := d.Elem.Size()
	out.Bytes = make([]byte, 0, len(d.Bytes))
	if len(d.Bytes) == 0 {
		return out
	}
	index := make([]int, rank)
	for at := 0; ; {
		out.Bytes = append(out.Bytes, d.Bytes[at*size:(at+1)*size]...)
		k := rank - 1
		for ; k >= 0; k-- {
			index[k]++
			at += stride[perm[k]]
			if index[k] < out.Shape[k] {
				break
			}
			at -= index[k] * stride[perm[k]]
			index[k] = 0
		}
		if k < 0 {
			return out
		}
	}
}

// concatData puts tensors together along an axis.
func concatData(ds []*ir.Data, axis int) *ir.Data {
	out := &ir.Data{Elem: ds[0].Elem, Shape: slices.Clone(ds[0].Shape)}
	out.Shape[axis] = 0
	outer := 1
	for _, n := range out.Shape[:axis] {
		outer *= n
	}
	for _, d := range ds {
		out.Shape[axis] += d.Shape[axis]
	}
	for i := range outer {
		for _, d := range ds {
			row := len(d.Bytes) / outer
			out.Bytes = append(out.Bytes, d.Bytes[i*row:(i+1)*row]...)
		}
	}
	return out
}
