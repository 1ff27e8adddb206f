package lib

import (
	"fmt"
	"math"
)

// reduce folds x over axes, of which none means all: step takes in one element
// after the other, beginning with init, and finish makes a result of that and
// of the number of elements. The axes of y, of size 1 or gone, are the others.
func reduce[Y, X, A any, I integer](y []Y, x []X, sx []int, axes []I, init A, step func(A, X) A, finish func(A, int) Y) {
	kept, dropped := cut(sx, axes)
	n, drop := kept.nest(), dropped.nest()
	count := drop.rows * drop.cols
	i := 0
	for range n.rows {
		row := y[i : i+n.cols]
		if n.inner[0] == 1 && drop.inner[0] != 1 {
			reduceColumns(row, x, n.at[0], drop, init, step, finish)
		} else {
			for j := range row {
				acc, m := init, drop
				for range m.rows {
					p := n.at[0] + j*n.inner[0] + m.at[0]
					for range m.cols {
						acc = step(acc, x[p])
						p += m.inner[0]
					}
					m.next()
				}
				row[j] = finish(acc, count)
			}
		}
		i += n.cols
		n.next()
	}
}

// reduceColumns reduces neighbouring elements of x, from at on, together: so
// that what lies between two elements of one result is not read for nothing.
func reduceColumns[Y, X, A any](y []Y, x []X, at int, drop nest, init A, step func(A, X) A, finish func(A, int) Y) {
	const width = 32
	var acc [width]A
	count := drop.rows * drop.cols
	for j := 0; j < len(y); j += width {
		block := acc[:min(width, len(y)-j)]
		for i := range block {
			block[i] = init
		}
		m := drop
		for range m.rows {
			p := at + j + m.at[0]
			for range m.cols {
				for i, v := range x[p : p+len(block)] {
					block[i] = step(block[i], v)
				}
				p += m.inner[0]
			}
			m.next()
		}
		for i, a := range block {
			y[j+i] = finish(a, count)
		}
	}
}

// A part is some of the axes of contiguous data.
type part struct {
	rank int
	size [maxRank]int
	step layout
}

func (p *part) nest() nest { return over(p.size[:p.rank], p.step) }

func (p *part) add(size, step int) {
	p.size[p.rank], p.step[p.rank] = size, step
	p.rank++
}

// cut separates the axes of a shape that are not in axes from those that are;
// no axes means all.
func cut[I integer](shape []int, axes []I) (kept, dropped part) {
	var in [maxRank]bool
	for _, a := range axes {
		in[axisOf(int(a), len(shape))] = true
	}
	for i, step := range strides(shape) {
		switch {
		case i >= len(shape):
		case in[i] || len(axes) == 0:
			dropped.add(shape[i], step)
		default:
			kept.add(shape[i], step)
		}
	}
	return kept, dropped
}

// reducedSize is what a reduction over axes leaves of a dimension n of axis.
func reducedSize[I integer](n, axis, rank int, axes []I) int {
	for _, a := range axes {
		if axisOf(int(a), rank) == axis {
			return 1
		}
	}
	if len(axes) == 0 {
		return 1
	}
	return n
}

// keptSize is the dimension of axis k of what a reduction leaves that drops the
// axes, all but rank of them.
func keptSize[I integer](shape []int, axes []I, k, rank int) int {
	kept, _ := cut(shape, axes)
	if kept.rank != rank {
		panic(inputError(fmt.Sprintf("a reduction leaves %d axes instead of %d", kept.rank, rank)))
	}
	return kept.size[k]
}

// axisOf resolves an axis that may count from the end.
func axisOf(axis, rank int) int {
	if axis < 0 {
		axis += rank
	}
	if axis < 0 || axis >= rank {
		panic(inputError(fmt.Sprintf("axis %d is not within rank %d", axis, rank)))
	}
	return axis
}

// around multiplies up the dimensions before and after an axis.
func around(shape []int, axis int) (outer, n, inner int) {
	axis = axisOf(axis, len(shape))
	return size(shape[:axis]), shape[axis], size(shape[axis+1:])
}

// The steps of reductions; sums of floats are of float64.

func sumUp[A, X number](a A, x X) A      { return a + A(x) }
func multiplyUp[A, X number](a A, x X) A { return a * A(x) }
func keepLargest[T number](a T, x T) T   { return max(a, x) }
func keepLeast[T number](a T, x T) T     { return min(a, x) }
func plain[Y, A number](a A, _ int) Y    { return Y(a) }
func asIs[T any](a T, _ int) T           { return a }
func average[Y, A number](a A, n int) Y  { return Y(a / A(n)) }

// An expTotal is the sum of exponentials, as sum·exp(max).
type expTotal struct{ max, sum float64 }

func (t expTotal) add(x float64) expTotal {
	switch {
	case x == t.max:
		t.sum++
	case x < t.max:
		t.sum += math.Exp(x - t.max)
	default: // NaN too
		t.sum = t.sum*math.Exp(t.max-x) + 1
		t.max = x
	}
	return t
}

// expNothing is the sum of no exponentials.
func expNothing() expTotal { return expTotal{max: math.Inf(-1)} }

// lowest is what every number of the type is at least.
func lowest[T number]() T {
	x := T(0) - 1
	if half := T(1) / 2; half != 0 {
		return T(math.Inf(-1))
	}
	if x > 0 {
		return 0
	}
	for x*2 < x {
		x *= 2
	}
	return x
}

// highest is what every number of the type is at most.
func highest[T number]() T {
	if half := T(1) / 2; half != 0 {
		return T(math.Inf(1))
	}
	return T(0) - 1 - lowest[T]()
}

// argReduce is the index along axis of the element that is better than all
// others; of equal ones the first, or the last. NaN is better than any number.
func argReduce[T number](y []int64, x []T, sx []int, axis int, better func(a, b T) bool, last bool) {
	outer, n, inner := around(sx, axis)
	for o := range outer {
		for i := range inner {
			p := o*n*inner + i
			best, at := x[p], 0
			for j := 1; j < n; j++ {
				v := x[p+j*inner]
				if better(v, best) || v != v && best == best || last && v == best {
					best, at = v, j
				}
			}
			y[o*inner+i] = int64(at)
		}
	}
}

// cumulate is the running fold of x along axis, in the type A of init. An
// exclusive one leaves out the element itself; a reverse one begins at the end.
func cumulate[T, A number](y, x []T, sx []int, axis int, exclusive, reverse bool, init A, f func(A, T) A) {
	outer, n, inner := around(sx, axis)
	for o := range outer {
		for i := range inner {
			p, step := o*n*inner+i, inner
			if reverse {
				p, step = p+(n-1)*inner, -inner
			}
			acc := init
			for range n {
				v := x[p]
				if exclusive {
					y[p] = T(acc)
				}
				acc = f(acc, v)
				if !exclusive {
					y[p] = T(acc)
				}
				p += step
			}
		}
	}
}
