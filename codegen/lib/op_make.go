package lib

import (
	"fmt"
	"math"
)

// fill sets all of y to v.
func fill[T any](y []T, v T) {
	for i := range y {
		y[i] = v
	}
}

// ramp is start + i·step. For floats it is computed in float64.
func ramp[T number](y []T, start, step T) {
	if half := T(1) / 2; half != 0 {
		for i := range y {
			y[i] = T(float64(start) + float64(i)*float64(step))
		}
		return
	}
	for i := range y {
		y[i] = start + T(i)*step
	}
}

// rampSize is how many elements there are from start to limit.
func rampSize[T number](start, limit, step T) int {
	if step == 0 {
		panic(inputError("the step of a range is 0"))
	}
	if half := T(1) / 2; half != 0 {
		n := math.Ceil((float64(limit) - float64(start)) / float64(step))
		if n > math.MaxInt32 || n != n {
			panic(inputError(fmt.Sprintf("a range of %g elements", n)))
		}
		return max(0, int(n))
	}
	from, to, by := int(start), int(limit), int(step)
	if by > 0 {
		return max(0, (to-from+by-1)/by)
	}
	return max(0, (from-to-by-1)/-by)
}

// eye is 1 on the diagonal k of a matrix of that many columns, else 0.
func eye[T any](y []T, cols, k int, one T) {
	var zero T
	for p := range y {
		y[p] = zero
		if p%cols == p/cols+k {
			y[p] = one
		}
	}
}

// oneHot is values[1] at the index along an axis of that depth and values[0]
// elsewhere; index has inner elements after that axis. An index that is out of
// range is nowhere.
func oneHot[T any, I number](y []T, index []I, values []T, depth, inner int) {
	fill(y, values[0])
	for p, i := range index {
		k := int(i)
		if k < 0 {
			k += depth
		}
		if k >= 0 && k < depth {
			y[(p/inner*depth+k)*inner+p%inner] = values[1]
		}
	}
}

// checkCount refuses data that do not have as many results as the model says;
// y is nil when nothing is said.
func checkCount[T any](y []T, count int) {
	if y != nil && len(y) != count {
		panic(inputError("the number of results is not the one that the model declares"))
	}
}

// nonZero are the indices of the elements of x that are not zero, one row for
// each axis, and their number. y may be nil, to be asked for that.
func nonZero[T comparable](y []int64, x []T, sx []int) int {
	var zero T
	n := 0
	for _, v := range x {
		if v != zero {
			n++
		}
	}
	checkCount(y, n*len(sx))
	if y == nil {
		return n
	}
	own := strides(sx)
	i := 0
	for p, v := range x {
		if v == zero {
			continue
		}
		for a, d := range sx {
			y[a*n+i] = int64(p / own[a] % d)
		}
		i++
	}
	return n
}

// compress keeps of x the places along axis where keep is true, and counts
// them. y may be nil, to be asked for that.
func compress[T any](y, x []T, keep []bool, sx []int, axis int) int {
	outer, n, inner := around(sx, axis)
	keep = keep[:min(n, len(keep))]
	count := 0
	for _, k := range keep {
		if k {
			count++
		}
	}
	checkCount(y, outer*count*inner)
	if y == nil {
		return count
	}
	for o := range outer {
		for i, k := range keep {
			if k {
				copy(y[:inner], x[(o*n+i)*inner:])
				y = y[inner:]
			}
		}
	}
	return count
}
