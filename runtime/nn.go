package runtime

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.MatMul:  matMul,
		ir.Einsum:  einsum,
		ir.Softmax: softmax,
		ir.Relu: unary(func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return x
		}, func(x int64) int64 { return max(x, 0) }),
		ir.Sigmoid: unary(sigmoid, nil),
	})
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// matMul lines up the matrices of a and b, broadcast, and multiplies each pair.
func matMul(c *Call) error {
	a, b := c.X(0), c.X(1)
	x, y := a.Shape, b.Shape
	row, column := len(x) == 1, len(y) == 1
	if row {
		x = []int{1, x[0]}
	}
	if column {
		y = []int{y[0], 1}
	}
	m, k, n := x[len(x)-2], x[len(x)-1], y[len(y)-1]
	if y[len(y)-2] != k {
		return fmt.Errorf("cannot multiply %s by %s: inner dimensions %d and %d", a.Type(), b.Type(), k, y[len(y)-2])
	}
	lead, err := broadcast(x[:len(x)-2], y[:len(y)-2])
	if err != nil {
		return err
	}
	fromA, fromB := stretched(x[:len(x)-2], lead), stretched(y[:len(y)-2], lead)
	shape := append([]int{}, lead...)
	if !row {
		shape = append(shape, m)
	}
	if !column {
		shape = append(shape, n)
	}
	out := New(a.Elem, shape...)
	for i := range fromA {
		p, q, r := fromA[i]*m*k, fromB[i]*k*n, i*m*n
		switch {
		case out.F != nil:
			multiply(out.F[r:], a.F[p:], b.F[q:], m, k, n)
		case out.I != nil:
			multiply(out.I[r:], a.I[p:], b.I[q:], m, k, n)
		case out.C != nil:
			multiply(out.C[r:], a.C[p:], b.C[q:], m, k, n)
		}
	}
	return c.Return(out)
}

// multiply adds the product of a [m,k] and b [k,n] to y [m,n].
func multiply[T float64 | int64 | complex128](y, a, b []T, m, k, n int) {
	for i := range m {
		row := y[i*n : (i+1)*n]
		for l := range k {
			s := a[i*k+l]
			for j, t := range b[l*n : (l+1)*n] {
				row[j] += s * t
			}
		}
	}
}

// einsum adds up, for each element of the result, the products over all values of the letters that the result lacks.
func einsum(c *Call) error {
	terms, result, err := ir.EinsumTerms(c.Str("equation"), c.Len())
	if err != nil {
		return err
	}
	dots := 0
	for i, t := range terms {
		if strings.Contains(t, ".") {
			dots = max(dots, c.X(i).Rank()-len(t)+1)
		}
	}
	letters := spread(result, dots, dots) // those of the result, then those that are summed
	kept := len(letters)
	size := map[rune]int{}
	subs := make([][]rune, len(terms))
	for i, t := range terms {
		x := c.X(i)
		subs[i] = spread(t, x.Rank()-len(t)+1, dots)
		for k, r := range subs[i] {
			if n := x.Shape[k]; size[r] == 0 || size[r] == 1 || n == 0 {
				size[r] = n
			} else if n != 1 && n != size[r] {
				return fmt.Errorf("equation %q: %q is %d and %d", c.Str("equation"), r, size[r], n)
			}
			if !slices.Contains(letters, r) {
				letters = append(letters, r)
			}
		}
	}
	dims := make([]int, len(letters))
	for i, r := range letters {
		dims[i] = size[r]
	}
	at := make([][]int, len(terms)) // the element of each operand for each value of all letters
	for i := range terms {
		step := make([]int, len(letters))
		own := strides(c.X(i).Shape)
		for k, r := range subs[i] {
			if c.X(i).Shape[k] != 1 {
				step[slices.Index(letters, r)] += own[k]
			}
		}
		at[i] = view(dims, step, 0)
	}
	return c.Return(einsumProducts(c, at, dims, kept))
}

// spread replaces the ellipsis of a term by n letters of its own, the last of most.
func spread(term string, n, most int) []rune {
	var out []rune
	for _, r := range term {
		if r != '.' {
			out = append(out, r)
			continue
		}
		for i := most - n; i < most; i++ {
			out = append(out, rune(0xE000+i))
		}
	}
	return out
}

func einsumProducts(c *Call, at [][]int, dims []int, kept int) *Tensor {
	out := New(c.X(0).Elem, dims[:kept]...)
	inner := size(dims[kept:])
	for i := range size(dims) {
		j := i / inner
		if out.F != nil {
			p := 1.0
			for k := range at {
				p *= c.X(k).F[at[k][i]]
			}
			out.F[j] += p
			continue
		}
		p := int64(1)
		for k := range at {
			p *= c.X(k).I[at[k][i]]
		}
		out.I[j] += p
	}
	return out
}

// softmax is exp(x - max) over its sum along the axis.
func softmax(c *Call) error {
	x := c.X(0)
	axis, err := axisAt(c.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	y := New(x.Elem, x.Shape...)
	outer, n, inner := aroundAxis(x.Shape, axis)
	for o := range outer {
		for i := range inner {
			base := o*n*inner + i
			top := math.Inf(-1)
			for k := range n {
				top = maxFloat(top, x.F[base+k*inner])
			}
			sum := 0.0
			for k := range n {
				e := math.Exp(x.F[base+k*inner] - top)
				y.F[base+k*inner] = e
				sum += e
			}
			for k := range n {
				y.F[base+k*inner] /= sum
			}
		}
	}
	return c.Return(y)
}
