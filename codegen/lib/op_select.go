package lib

import (
	"fmt"
	"slices"
)

// topK is the k largest elements along axis, or the least, best first, and
// where they were; of equal ones, the first.
func topK[T number](y []T, index []int64, x []T, sx []int, axis, k int, largest bool) {
	outer, n, inner := around(sx, axis)
	if k < 0 || k > n {
		panic(inputError(fmt.Sprintf("the best %d of %d elements", k, n)))
	}
	for o := range outer {
		for i := range inner {
			from, to := o*n*inner+i, o*k*inner+i
			for j := range n {
				v := x[from+j*inner]
				insertBest(y, index, to, inner, min(j, k), k, v, int64(j), largest)
			}
		}
	}
}

// insertBest puts v into its place among the n best that begin at y[at], of
// which at most k stay.
func insertBest[T number](y []T, index []int64, at, step, n, k int, v T, j int64, largest bool) {
	better := func(a, b T) bool {
		if largest {
			return a > b || a != a && b == b
		}
		return a < b || b != b && a == a
	}
	p := n
	if n == k {
		if k == 0 || !better(v, y[at+(k-1)*step]) {
			return
		}
		p--
	}
	for ; p > 0 && better(v, y[at+(p-1)*step]); p-- {
		y[at+p*step] = y[at+(p-1)*step]
		if index != nil {
			index[at+p*step] = index[at+(p-1)*step]
		}
	}
	y[at+p*step] = v
	if index != nil {
		index[at+p*step] = j
	}
}

// A distinct is the different elements, or slices along an axis, of a tensor.
type distinct struct {
	first   []int   // where each is for the first time
	inverse []int64 // which of them each element is
	count   []int64
}

// distinctOf finds the different ones of n things, in the order of their
// first appearance, or sorted by compare.
func distinctOf(n int, sorted bool, compare func(a, b int) int) distinct {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	d := distinct{inverse: make([]int64, n)}
	for i, o := range order {
		if i == 0 || compare(order[i-1], o) != 0 {
			d.first, d.count = append(d.first, o), append(d.count, 0)
		}
		d.count[len(d.count)-1]++
		d.inverse[o] = int64(len(d.first) - 1)
	}
	if sorted {
		return d
	}
	perm := make([]int, len(d.first)) // place by appearance to place by size
	for i := range perm {
		perm[i] = i
	}
	slices.SortFunc(perm, func(a, b int) int { return d.first[a] - d.first[b] })
	e := distinct{inverse: d.inverse}
	place := make([]int64, len(perm))
	for i, p := range perm {
		e.first, e.count = append(e.first, d.first[p]), append(e.count, d.count[p])
		place[p] = int64(i)
	}
	for i, k := range e.inverse {
		e.inverse[i] = place[k]
	}
	return e
}

// unique counts the different slices of x along axis and sets, each unless it
// is nil, y to them, first to where each is for the first time, inverse to
// which of them each slice is, and count to how often each is there.
func unique[T any](y []T, first, inverse, count []int64, x []T, sx []int, axis int, sorted bool, compare func(a, b T) int) int {
	outer, n, inner := around(sx, axis)
	d := distinctOf(n, sorted, func(a, b int) int {
		for o := range outer {
			for i := range inner {
				if c := compare(x[(o*n+a)*inner+i], x[(o*n+b)*inner+i]); c != 0 {
					return c
				}
			}
		}
		return 0
	})
	checkCount(y, outer*len(d.first)*inner)
	checkCount(first, len(d.first))
	checkCount(count, len(d.first))
	if y != nil {
		for o := range outer {
			for i, k := range d.first {
				copy(y[(o*len(d.first)+i)*inner:][:inner], x[(o*n+k)*inner:])
			}
		}
	}
	if first != nil {
		for i, k := range d.first {
			first[i] = int64(k)
		}
	}
	copy(inverse, d.inverse)
	copy(count, d.count)
	return len(d.first)
}

func order[T number | ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func orderBools(a, b bool) int { return int(fromBool(a)) - int(fromBool(b)) }
