package runtime

import "fmt"

// strides are how far apart, in elements, neighbours along each axis lie.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// view lists the places of a strided view's elements, row by row: base plus the index times step, summed over the axes.
func view(shape, step []int, base int) []int {
	at := make([]int, size(shape))
	if len(at) == 0 {
		return at
	}
	idx := make([]int, len(shape))
	place := base
	for i := range at {
		at[i] = place
		for k := len(shape) - 1; k >= 0; k-- {
			idx[k]++
			place += step[k]
			if idx[k] < shape[k] {
				break
			}
			place -= idx[k] * step[k]
			idx[k] = 0
		}
	}
	return at
}

// each calls f with every index of the shape, in order, and its number. The index is reused.
func each(shape []int, f func(i int, idx []int)) {
	idx := make([]int, len(shape))
	for i := range size(shape) {
		f(i, idx)
		for k := len(shape) - 1; k >= 0; k-- {
			if idx[k]++; idx[k] < shape[k] {
				break
			}
			idx[k] = 0
		}
	}
}

// dot is the place of an index.
func dot(idx, step []int) int {
	n := 0
	for i, k := range idx {
		n += k * step[i]
	}
	return n
}

// maxElements bounds what a program can make from numbers alone.
const maxElements = 1 << 31

// possible refuses shapes that come from data and that no tensor has.
func possible(shape []int) error {
	n := 1
	for _, k := range shape {
		if k < 0 || k > 0 && n > maxElements/k {
			return fmt.Errorf("impossible shape %v", shape)
		}
		n *= k
	}
	return nil
}

// broadcast is the shape of tensors used together.
func broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - rank + len(s)
			if j < 0 || s[j] == 1 || s[j] == out[i] {
				continue
			}
			if out[i] != 1 {
				return nil, fmt.Errorf("cannot broadcast shapes %v", shapes)
			}
			out[i] = s[j]
		}
	}
	return out, nil
}

// stretched lists, for each element of a tensor of shape out, the element of one of shape in that broadcasting pairs with it.
func stretched(in, out []int) []int {
	step := make([]int, len(out))
	own := strides(in)
	for i := range in {
		if j := i + len(out) - len(in); in[i] != 1 {
			step[j] = own[i]
		}
	}
	return view(out, step, 0)
}

// Stretch is t broadcast to the shape.
func (t *Tensor) Stretch(shape []int) *Tensor { return t.Take(shape, stretched(t.Shape, shape)) }

// axisAt resolves a possibly negative axis against a rank.
func axisAt(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d is not within rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// aroundAxis is the number of elements before, along and after an axis.
func aroundAxis(shape []int, axis int) (outer, n, inner int) {
	return size(shape[:axis]), shape[axis], size(shape[axis+1:])
}

// indexAt resolves a possibly negative index against the length of its axis.
func indexAt(k, n int) (int, error) {
	if k < -n || k >= n {
		return 0, fmt.Errorf("index %d is not within %d elements", k, n)
	}
	if k < 0 {
		k += n
	}
	return k, nil
}
