package passes

import (
	"slices"
	"strconv"

	"github.com/gpamc/gpamc/ir"
)

func itoa(i int) string { return strconv.Itoa(i) }

// moveData computes a node that only moves elements or widens them: weights of any size go this way. nil for any other.
func moveData(n *ir.Node, args []*ir.Data) *ir.Data {
	shape, ok := n.Out().Type.Static()
	if !ok || args[0] == nil || args[0].Elem == ir.String {
		return nil
	}
	switch n.Op {
	case ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten:
		return args[0].Reshaped(shape...)
	case ir.Transpose:
		return transposeData(args[0], permOf(n))
	case ir.Concat:
		axis, err := ir.Axis(n.Int("axis"), len(shape))
		if err != nil {
			return nil
		}
		return concatData(args, axis)
	case ir.Cast:
		if e := args[0].Elem; n.Out().Type.Elem == ir.F32 && (e == ir.F16 || e == ir.BF16) {
			return held(args[0].Widened())
		}
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

// manyBytes is from how many on the bytes of weights that were moved are made only when they are wanted: a model's largest ones need not be in
// memory all at once.
const manyBytes = 4 << 20

// moved is a tensor with the bytes that fill appends to a slice.
func moved(e ir.Elem, shape []int, fill func(b []byte) []byte) *ir.Data {
	size := (&ir.Data{Shape: shape}).Len() * e.Size()
	return held(ir.Later(e, shape, func() []byte { return fill(make([]byte, 0, size)) }))
}

// held is d with its bytes, unless they are many.
func held(d *ir.Data) *ir.Data {
	if d.Len()*d.Elem.Size() < manyBytes {
		return d.Made()
	}
	return d
}

func transposeData(d *ir.Data, perm []int64) *ir.Data {
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = d.Shape[p]
	}
	return moved(d.Elem, shape, func(out []byte) []byte {
		if len(perm) == 2 && perm[0] == 1 {
			return appendTurned(out, d.Bytes(), d.Shape[0], d.Shape[1], d.Elem.Size())
		}
		return appendTransposed(out, d, perm, shape)
	})
}

// appendTurned appends a matrix [rows, cols] of elements of so many bytes, turned: by blocks, or every element would be in another line of
// the cache than the one before.
func appendTurned(out, b []byte, rows, cols, size int) []byte {
	const block = 32
	from := len(out)
	out = out[:from+rows*cols*size]
	to := out[from:]
	for i0 := 0; i0 < rows; i0 += block {
		for j0 := 0; j0 < cols; j0 += block {
			for j := j0; j < min(j0+block, cols); j++ {
				for i := i0; i < min(i0+block, rows); i++ {
					if from, to := b[(i*cols+j)*size:], to[(j*rows+i)*size:]; size == 4 { // nearly always
						*(*[4]byte)(to) = [4]byte(from)
					} else {
						copy(to[:size], from)
					}
				}
			}
		}
	}
	return out
}

func appendTransposed(out []byte, d *ir.Data, perm []int64, shape []int) []byte {
	rank := len(perm)
	stride := make([]int, rank) // in elements, of d
	for i, s := rank-1, 1; i >= 0; i-- {
		stride[i] = s
		s *= d.Shape[i]
	}
	b, size := d.Bytes(), d.Elem.Size()
	if len(b) == 0 {
		return out
	}
	index := make([]int, rank)
	for at := 0; ; {
		out = append(out, b[at*size:(at+1)*size]...)
		k := rank - 1
		for ; k >= 0; k-- {
			index[k]++
			at += stride[perm[k]]
			if index[k] < shape[k] {
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
	shape := slices.Clone(ds[0].Shape)
	shape[axis] = 0
	for _, d := range ds {
		shape[axis] += d.Shape[axis]
	}
	outer := 1
	for _, n := range shape[:axis] {
		outer *= n
	}
	return moved(ds[0].Elem, shape, func(out []byte) []byte {
		var parts [][]byte
		for _, d := range ds {
			parts = append(parts, d.Bytes())
		}
		for i := range outer {
			for _, b := range parts {
				row := len(b) / outer
				out = append(out, b[i*row:(i+1)*row]...)
			}
		}
		return out
	})
}
