package lib

import "math"

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
		return max(0, int(math.Ceil((float64(limit)-float64(start))/float64(step))))
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

// nonZero are the indices of the elements of x that are not zero, one row for
// each axis, and their number.
func nonZero[T comparable](x []T, sx []int) ([]int64, int) {
	var zero T
	n := 0
	for _, v := range x {
		if v != zero {
			n++
		}
	}
	y := make([]int64, len(sx)*n)
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
	return y, n
}

// compress keeps of x the places along axis where keep is true, and counts
// them.
func compress[T any](x []T, keep []bool, sx []int, axis int) ([]T, int) {
	outer, n, inner := around(sx, axis)
	count := 0
	for i, k := range keep {
		if k && i < n {
			count++
		}
	}
	y := make([]T, 0, outer*count*inner)
	for o := range outer {
		for i, k := range keep {
			if k && i < n {
				y = append(y, x[(o*n+i)*inner:(o*n+i+1)*inner]...)
			}
		}
	}
	return y, count
}

// window is a0 - a1·cos(2πi/n) + a2·cos(4πi/n); n is the length, one less when
// the window is not periodic.
func window[T number](y []T, a0, a1, a2 float64, periodic bool) {
	n := float64(len(y))
	if !periodic {
		n--
	}
	for i := range y {
		w := 2 * math.Pi * float64(i) / n
		y[i] = T(a0 - a1*math.Cos(w) + a2*math.Cos(2*w))
	}
}
