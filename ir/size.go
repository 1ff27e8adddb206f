package ir

import (
	"fmt"
	"hash/fnv"
	"slices"
)

// An expression that grows without end says nothing and costs time without end: a file of thirty multiplications could ask for a
// polynomial of 2^30 terms. Beyond these sizes it becomes a name that only the data decides.
const (
	maxParts = 64  // names and numbers in a dimension
	maxTerms = 512 // of a product before it is simplified
)

// parts counts the names and numbers in d.
func (d Dim) parts() int {
	n := 1
	for _, t := range d.terms {
		n++
		for _, a := range t.atoms {
			if n++; a.op != "" {
				n += a.x.parts() + a.y.parts()
			}
		}
	}
	return n
}

// bounded is ts, result types of n, with a name of n's own for each dimension that is too large.
func (n *Node) bounded(ts []Type) []Type {
	for i := range ts {
		for k, d := range ts[i].Shape {
			if d.parts() > maxParts {
				ts[i].Shape = slices.Clone(ts[i].Shape) // which may be an argument's
				ts[i].Shape[k] = n.tooLarge(i, k)
			}
		}
	}
	return ts
}

// Large are the dimensions of n's results that have a name because they are too large, by that name.
func (n *Node) Large() map[string]Dim {
	ts, err := n.unbounded()
	out := map[string]Dim{}
	for i := 0; err == nil && i < len(ts); i++ {
		for k, d := range ts[i].Shape {
			if d.parts() > maxParts {
				name, _ := n.tooLarge(i, k).Name()
				out[name] = d
			}
		}
	}
	return out
}

// tooLarge stands for a dimension of result i that is too large.
func (n *Node) tooLarge(i, axis int) Dim { return n.Fresh(1000 + 16*i + axis) }

// opaque stands for the product of d and e where that is too large; the same name for the same product.
func opaque(d, e Dim) Dim {
	h := fnv.New64a()
	fmt.Fprintf(h, "(%s)*(%s)", d, e)
	return Sym(fmt.Sprintf("?x%016x", h.Sum64()))
}
