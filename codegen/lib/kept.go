package lib

import "fmt"

// appendRows writes rows into a cache: for batch element b from begin[b] on, or
// from begin[0] on for all.
//
//	cache [batch, outer, room, inner]
//	x     [batch, outer, rows, inner]
//	begin [batch], or [1]
func appendRows[T any](cache, x []T, begin []int64, batch, outer, room, rows, inner int) {
	for b := range batch {
		at := begin[min(b, len(begin)-1)]
		if at < 0 || at > int64(room-rows) {
			panic(inputError(fmt.Sprintf("%d rows at position %d of a cache with room for %d", rows, at, room)))
		}
		for o := b * outer; o < (b+1)*outer; o++ {
			copy(cache[(o*room+int(at))*inner:][:rows*inner], x[o*rows*inner:])
		}
	}
}

// keptRows is the first rows of a cache.
//
//	y     [outer, rows, inner]
//	cache [outer, room, inner]
func keptRows[T any](y, cache []T, outer, room, rows, inner int) {
	for o := range outer {
		copy(y[o*rows*inner:][:rows*inner], cache[o*room*inner:])
	}
}

// moreRoom is a cache with room for other many rows that has the first rows of
// cache, of which there may be none, whatever its shape.
//
//	cache [outer, was, inner]
func moreRoom[T any](cache []T, outer, rows, was, room, inner int) []T {
	out := make([]T, outer*room*inner)
	if rows > 0 {
		for o := range outer {
			copy(out[o*room*inner:][:rows*inner], cache[o*was*inner:])
		}
	}
	return out
}
