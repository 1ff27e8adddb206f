package lib

import (
	"fmt"
	"math"
)

// transpose is y[i0, i1, ..] = x with axis k of y being axis perm[k] of x.
func transpose[T any](y, x []T, sx, perm []int) {
	var sy [maxRank]int
	var step layout
	own := strides(sx)
	for i, p := range perm {
		sy[i], step[i] = sx[p], own[p]
	}
	walk(y, x, sy[:len(perm)], 0, step)
}

// behind is x from an element on; what is empty stays so.
func behind[T any](x []T, at int) []T { return x[min(at, len(x)):] }

// expand is x broadcast to the shape of y.
func expand[T any](y, x []T, sy, sx []int) {
	walk(y, x, sy, 0, broadcast(sx, sy))
}

// slice is every step-th element of x from start on, along each of axes; y has
// as many as sy says. A start may count from the end.
func slice[T any, I, J, K integer](y, x []T, sy, sx []int, starts []I, axes []J, steps []K) {
	own := strides(sx)
	at := 0
	step := own
	for i, s := range starts {
		axis, by := i, 1
		if axes != nil {
			axis = axisOf(int(axes[i]), len(sx))
		}
		if steps != nil {
			by = whole(steps[i])
		}
		first, _ := sliceRange(whole(s), whole(s), by, sx[axis])
		at += first * own[axis]
		step[axis] = by * own[axis]
	}
	if len(y) > 0 {
		walk(y, x, sy, at, step)
	}
}

// whole is i as an int, and the nearest one where ints have 32 bits: the end of a slice is often the largest integer of 64.
func whole[I integer](i I) int {
	if k := int(i); I(k) == i {
		return k
	}
	if i < 0 {
		return math.MinInt
	}
	return math.MaxInt
}

// sliceRange is the first index and the number of elements that a slice takes
// from n.
func sliceRange(start, end, step, n int) (first, count int) {
	if step == 0 {
		panic(inputError("the step of a slice is 0"))
	}
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		return start, counted(end-start, step)
	}
	start, end = min(max(start, -1), n-1), min(max(end, -1), n-1)
	return start, counted(start-end, -step)
}

// counted is how many steps begin within a distance.
func counted(distance, step int) int {
	if distance <= 0 {
		return 0
	}
	return (distance-1)/step + 1
}

// sliceSize is how many elements of a dimension n of axis a slice takes.
func sliceSize[I, E, J, K integer](n, axis, rank int, starts []I, ends []E, axes []J, steps []K) int {
	for i := range starts {
		a, by := i, 1
		if axes != nil {
			a = axisOf(int(axes[i]), rank)
		}
		if steps != nil {
			by = whole(steps[i])
		}
		if a == axis {
			_, n = sliceRange(whole(starts[i]), whole(ends[i]), by, n)
		}
	}
	return n
}

// reshapeSize is what the shape of a Reshape says for axis, where -1 is what the
// others leave and 0, unless allowZero, the dimension of x.
func reshapeSize[I integer](shape []I, axis int, sx []int, allowZero bool) int {
	dim := func(i int) int {
		if shape[i] == 0 && !allowZero {
			return sx[i]
		}
		return int(shape[i])
	}
	if d := dim(axis); d != -1 {
		return d
	}
	rest := 1
	for i := range shape {
		if i != axis {
			rest *= dim(i)
		}
	}
	if rest == 0 || size(sx)%rest != 0 {
		panic(inputError(fmt.Sprintf("%d elements do not fit a shape of others times %d", size(sx), rest)))
	}
	return size(sx) / rest
}

// copyAll copies as many elements as there must be.
func copyAll[T any](y, x []T) {
	checkFit(len(x), len(y))
	copy(y, x)
}

// checkFit panics unless a shape has as many elements as there are.
func checkFit(n, size int) {
	if n != size {
		panic(inputError(fmt.Sprintf("%d elements do not fit a shape of %d", n, size)))
	}
}

// checkParts panics unless parts make up n elements.
func checkParts(n int, parts []int) {
	sum := 0
	for _, p := range parts {
		if p < 0 || p > n-sum {
			sum = -1
			break
		}
		sum += p
	}
	if sum != n {
		panic(inputError(fmt.Sprintf("parts of %v of %d elements", parts, n)))
	}
}

// checkAxes panics unless a list of dimensions is as long as the model says.
func checkAxes(n, want int) {
	if n != want {
		panic(inputError(fmt.Sprintf("%d dimensions instead of %d", n, want)))
	}
}

// alignedAt is the element for axis of rank dimensions in a list that is aligned
// at the last one, 1 where it has none. The rank is the list's or the other's.
func alignedAt[I integer](list []I, axis, rank, other int) int {
	checkAxes(max(len(list), other), rank)
	if i := axis - rank + len(list); i >= 0 {
		return int(list[i])
	}
	return 1
}

// squeezedSize is the dimension of axis k of what is left, of the given rank,
// without axes, or without all that are 1.
func squeezedSize[I integer](shape []int, axes []I, k, rank int) int {
	if axes == nil {
		for i, d := range shape {
			if d == 1 {
				axes = append(axes, I(i))
			}
		}
	}
	left := part{rank: len(shape), size: [maxRank]int(append(append([]int{}, shape...), make([]int, maxRank)...))}
	if len(axes) > 0 {
		var dropped part
		left, dropped = cut(shape, axes)
		if size(dropped.size[:dropped.rank]) != 1 {
			panic(inputError(fmt.Sprintf("an axis of %v is squeezed that is not 1", shape)))
		}
	}
	checkAxes(left.rank, rank)
	return left.size[k]
}

// unsqueezedSize is the dimension of axis k where axes of the result, which has
// that rank, are new.
func unsqueezedSize[I integer](shape []int, axes []I, k, rank int) int {
	checkAxes(len(shape)+len(axes), rank)
	var added [maxRank]bool
	for _, a := range axes {
		i := axisOf(int(a), rank)
		if added[i] {
			panic(inputError(fmt.Sprintf("axis %d is added twice", i)))
		}
		added[i] = true
	}
	if added[k] {
		return 1
	}
	old := k
	for _, isNew := range added[:k] {
		if isNew {
			old--
		}
	}
	return shape[old]
}

// broadcastSize is what two dimensions broadcast to.
func broadcastSize(a, b int) int {
	switch {
	case a == 1:
		return b
	case b != 1 && a != b:
		panic(inputError(fmt.Sprintf("dimensions %d and %d cannot be broadcast", a, b)))
	}
	return a
}

// productOf multiplies up the elements of a list.
func productOf[I integer](list []I) int {
	n := 1
	for _, d := range list {
		n *= int(d)
	}
	return n
}

// copyRows copies rows of n elements: row i of x begins at x[xAt+i*xRow], of y
// at y[yAt+i*yRow]. It is what concatenating and splitting do.
func copyRows[T any](y []T, yAt, yRow int, x []T, xAt, xRow, rows, n int) {
	for range rows {
		copy(y[yAt:yAt+n], x[xAt:xAt+n])
		yAt, xAt = yAt+yRow, xAt+xRow
	}
}

// tile is y[i0, i1, ..] = x[i0 mod its size, ..].
func tile[T any](y, x []T, sy, sx []int) {
	if len(y) == 0 {
		return
	}
	own := strides(sy)
	place(y, x, sx, 0, own)
	// Each axis in turn, from the last, repeats what is there; the part of y
	// that is filled has the sizes of sx before that axis, of sy after it.
	for axis := len(sx) - 1; axis >= 0; axis-- {
		filled := sx[axis] * own[axis]
		whole := sy[axis] * own[axis]
		if filled == whole {
			continue
		}
		n := over(sx[:axis], own)
		for range n.rows {
			for c := range n.cols {
				block := y[n.at[0]+c*n.inner[0]:][:whole]
				for p := filled; p < whole; p += filled {
					copy(block[p:], block[:filled])
				}
			}
			n.next()
		}
	}
}

// pad is x with pads[i] elements before axis axes[i] and pads[n+i] after it,
// each of the value, which may be absent for 0; pads below 0 cut away.
func pad[T any, I, J integer](y, x []T, sy, sx []int, pads []I, axes []J, value []T) {
	var v T
	if len(value) > 0 {
		v = value[0]
	}
	for i := range y {
		y[i] = v
	}
	before := padsBefore(len(sx), pads, axes)
	from, to := strides(sx), strides(sy)
	var shape [maxRank]int
	p, q := 0, 0
	for i, d := range sx {
		lo, hi := max(0, -before[i]), min(d, sy[i]-before[i]) // what of x is seen in y
		if lo >= hi {
			return
		}
		shape[i] = hi - lo
		p += lo * from[i]
		q += (lo + before[i]) * to[i]
	}
	n := over(shape[:len(sx)], from, to)
	for range n.rows {
		x, y := x[p+n.at[0]:], y[q+n.at[1]:]
		for i := range n.cols {
			y[i*n.inner[1]] = x[i*n.inner[0]]
		}
		n.next()
	}
}

// padsBefore are the pads before each axis.
func padsBefore[I, J integer](rank int, pads []I, axes []J) (before layout) {
	for i := range len(pads) / 2 {
		axis := i
		if axes != nil {
			axis = axisOf(int(axes[i]), rank)
		}
		before[axis] = int(pads[i])
	}
	return before
}

// padSize is what pads make of a dimension n of axis.
func padSize[I, J integer](n, axis, rank int, pads []I, axes []J) int {
	k := len(pads) / 2
	for i := range k {
		if axes == nil && i == axis || axes != nil && axisOf(int(axes[i]), rank) == axis {
			n += int(pads[i]) + int(pads[k+i])
		}
	}
	return n
}

// The places that padding reads: index i of an axis of n elements, where i may
// lie outside of it.

func edgeIndex(i, n int) int { return min(max(i, 0), n-1) }

func wrapIndex(i, n int) int { return ((i % n) + n) % n }

// reflectIndex mirrors at the first and the last element, not repeating them.
func reflectIndex(i, n int) int {
	if n == 1 {
		return 0
	}
	i = wrapIndex(i, 2*n-2)
	return min(i, 2*n-2-i)
}

// padBy is pad with elements of x instead of a value: those at the places that
// index says.
func padBy[T any, I, J integer](y, x []T, sy, sx []int, pads []I, axes []J, index func(i, n int) int) {
	before := padsBefore(len(sx), pads, axes)
	from := strides(sx)
	last := len(sx) - 1
	if last < 0 {
		copy(y, x)
		return
	}
	var at [maxRank]int
	for ; len(y) > 0; y = y[sy[last]:] {
		q := 0
		for i := range last {
			q += index(at[i]-before[i], sx[i]) * from[i]
		}
		padRow(y[:sy[last]], x[q:q+sx[last]], before[last], index)
		for i := last - 1; i >= 0; i-- {
			if at[i]++; at[i] < sy[i] {
				break
			}
			at[i] = 0
		}
	}
}

// padRow is padBy for one row, x being whole in its midst.
func padRow[T any](y, x []T, before int, index func(i, n int) int) {
	first := min(max(before, 0), len(y))
	end := min(max(before+len(x), first), len(y))
	for p := range first {
		y[p] = x[index(p-before, len(x))]
	}
	if first < end {
		copy(y[first:end], x[first-before:])
	}
	for p := end; p < len(y); p++ {
		y[p] = x[index(p-before, len(x))]
	}
}

// reverseSequence turns round the first lens[b] elements along the time axis
// of each batch b; one of the axes is 0, the other 1.
func reverseSequence[T any, I integer](y, x []T, sx []int, lens []I, timeAxis int) {
	rows, cols, inner := sx[0], sx[1], size(sx[2:])
	for _, n := range lens {
		if whole(n) < 0 || whole(n) > sx[timeAxis] {
			panic(inputError(fmt.Sprintf("length %d of a sequence of %d", n, sx[timeAxis])))
		}
	}
	for r := range rows {
		for c := range cols {
			b, t := r, c
			if timeAxis == 0 {
				b, t = c, r
			}
			n := int(lens[b])
			if t < n {
				t = n - 1 - t
			}
			from := b*cols + t
			if timeAxis == 0 {
				from = t*cols + b
			}
			copy(y[(r*cols+c)*inner:][:inner], x[from*inner:])
		}
	}
}

// trilu keeps of each matrix of x [.., rows, cols] the triangle above the
// diagonal k, or below it, with the diagonal.
func trilu[T any](y, x []T, rows, cols, k int, upper bool) {
	var zero T
	k = min(max(k, -rows), cols) // beyond which all is as there
	for p := range y {
		i, j := p/cols%rows, p%cols
		if upper && j >= i+k || !upper && j <= i+k {
			y[p] = x[p]
		} else {
			y[p] = zero
		}
	}
}
