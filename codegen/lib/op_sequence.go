package lib

import (
	"fmt"
	"slices"
)

// An Item is a tensor in a sequence or in an optional, which is a sequence of
// at most one. Nobody writes to an item's data once it is in a sequence, so
// that sequences share them.
type Item[T any] struct {
	Shape []int
	Data  []T
}

// itemOf is a tensor as an item, of memory of its own.
func itemOf[T any](x []T, shape []int) Item[T] {
	return Item[T]{slices.Clone(shape), slices.Clone(x)}
}

// placeIn is k, counted from the end of n when negative.
func placeIn(k, n int) int {
	if k < -n || k >= n {
		panic(inputError(fmt.Sprintf("position %d in a sequence of %d", k, n)))
	}
	if k < 0 {
		k += n
	}
	return k
}

// itemAt is item k of x, counted from the end when negative.
func itemAt[E any](x []E, k int) E { return x[placeIn(k, len(x))] }

// heldItem is what an optional holds.
func heldItem[E any](x []E) E {
	if len(x) == 0 {
		panic(inputError("the optional holds nothing"))
	}
	return x[0]
}

// insertItem is x with e before place k, which may be the end.
func insertItem[E any](x []E, e E, k int) []E {
	if k != len(x) {
		k = placeIn(k, len(x))
	}
	return append(append(append(make([]E, 0, len(x)+1), x[:k]...), e), x[k:]...)
}

// eraseItem is x without item k.
func eraseItem[E any](x []E, k int) []E {
	k = placeIn(k, len(x))
	return append(append(make([]E, 0, len(x)), x[:k]...), x[k+1:]...)
}

// checkRank panics unless a tensor that the data decide has so many dimensions.
func checkRank(shape []int, rank int) {
	if len(shape) != rank {
		panic(inputError(fmt.Sprintf("a tensor has shape %v instead of %d dimensions", shape, rank)))
	}
}

// checkItemShape panics unless such a tensor has the shape that the model declares.
func checkItemShape(shape, want []int) {
	if !slices.Equal(shape, want) {
		panic(inputError(fmt.Sprintf("a tensor has shape %v instead of %v", shape, want)))
	}
}

// splitItems cuts x along axis: into pieces of sizes, or where there are none
// of each and what is left; without keep the axis, of 1 then, is dropped.
func splitItems[T any, I integer](x []T, sx []int, axis int, sizes []I, each int, keep bool) []Item[T] {
	outer, n, inner := around(sx, axis)
	if sizes == nil {
		if each < 1 {
			panic(inputError(fmt.Sprintf("pieces of %d", each)))
		}
		for left := n; left > 0; left -= each {
			sizes = append(sizes, I(min(each, left)))
		}
	}
	items := make([]Item[T], len(sizes))
	begin := 0
	for i, s := range sizes {
		k := int(s)
		if k < 0 || begin+k > n {
			panic(inputError(fmt.Sprintf("pieces %v of an axis of %d", sizes, n)))
		}
		shape := slices.Clone(sx)
		shape[axis] = k
		if !keep {
			shape = slices.Delete(shape, axis, axis+1)
		}
		data := make([]T, 0, outer*k*inner)
		for o := range outer {
			data = append(data, x[(o*n+begin)*inner:][:k*inner]...)
		}
		items[i] = Item[T]{shape, data}
		begin += k
	}
	return items
}

// joinItems is the items put together along axis, along a new one if fresh.
func joinItems[T any](x []Item[T], axis int, fresh bool) Item[T] {
	first := heldItem(x)
	rank := len(first.Shape)
	if fresh {
		rank++
	}
	axis = axisOf(axis, rank)
	if fresh {
		x = slices.Clone(x)
		for i, e := range x {
			x[i].Shape = slices.Insert(slices.Clone(e.Shape), min(axis, len(e.Shape)), 1)
		}
	}
	for _, e := range x {
		same := slices.Clone(e.Shape)
		if axis < len(same) {
			same[axis] = x[0].Shape[axis]
		}
		if !slices.Equal(same, x[0].Shape) {
			panic(inputError(fmt.Sprintf("items of shapes %v and %v cannot be joined", x[0].Shape, e.Shape)))
		}
	}
	y := Item[T]{Shape: slices.Clone(x[0].Shape)}
	y.Shape[axis] = 0
	for _, e := range x {
		y.Shape[axis] += e.Shape[axis]
	}
	outer, n, inner := around(y.Shape, axis)
	y.Data = make([]T, outer*n*inner)
	to := 0
	for o := range outer {
		for _, e := range x {
			k := e.Shape[axis] * inner
			to += copy(y.Data[to:], e.Data[o*k:][:k])
		}
	}
	return y
}
