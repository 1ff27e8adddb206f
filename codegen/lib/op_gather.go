package lib

import "fmt"

// indexOf resolves an index that may count from the end of n elements.
func indexOf[I integer](i I, n int) int {
	k := int(i)
	if k < 0 {
		k += n
	}
	if k < 0 || k >= n || I(int(i)) != i {
		refuseIndex(int64(i), n)
	}
	return k
}

// refuseIndex stands apart so that indexOf can be inlined.
func refuseIndex(i int64, n int) {
	panic(inputError(fmt.Sprintf("index %d is not within %d elements", i, n)))
}

// gather is y[.., i.., ..] = x[.., index[i..], ..] along axis.
func gather[T any, I integer](y, x []T, index []I, sx []int, axis int) {
	outer, n, inner := around(sx, axis)
	for o := range outer {
		x := x[o*n*inner : (o+1)*n*inner]
		if inner == 1 {
			row := y[o*len(index):][:len(index)]
			for i, k := range index {
				row[i] = x[indexOf(k, n)]
			}
			continue
		}
		for i, k := range index {
			copy(y[(o*len(index)+i)*inner:][:inner], x[indexOf(k, n)*inner:])
		}
	}
}

// gatherElements is y[i.., j, k..] = x[i.., index[i.., j, k..], k..] along axis.
func gatherElements[T any, I integer](y, x []T, index []I, si, sx []int, axis int) {
	axis = axisOf(axis, len(sx))
	checkBeside(si, sx, axis)
	own := strides(sx)
	step := own[axis]
	own[axis] = 0
	n := over(si, own)
	for r := range n.rows {
		for c := range n.cols {
			p := r*n.cols + c
			y[p] = x[n.at[0]+c*n.inner[0]+indexOf(index[p], sx[axis])*step]
		}
		n.next()
	}
}

// checkBeside panics where indices reach beyond the data, along another axis than theirs.
func checkBeside(si, sx []int, axis int) {
	for k, n := range si {
		if k != axis && n > sx[k] {
			panic(inputError(fmt.Sprintf("indices %v for data %v, along axis %d", si, sx, axis)))
		}
	}
}

// gatherRows is y[r, j] = x[r, index[r, j]] for rows r of outer times inner,
// the indices of which are outerStep and innerStep apart. Rows of y have cols
// elements, those of x width.
func gatherRows(c *ctx, y, x []float32, index []int64, outer, outerStep, inner, innerStep, cols, width int) {
	t := task[gatherTask](c)
	*t = gatherTask{y, x, index, outerStep, inner, innerStep, cols, width}
	c.split(outer*inner, 1+vectorGrain/max(cols, 1), t)
	*t = gatherTask{}
}

type gatherTask struct {
	y, x                                     []float32
	index                                    []int64
	outerStep, inner, innerStep, cols, width int
}

func (t *gatherTask) part(_ *worker, lo, hi int) {
	for r := lo; r < hi; r++ {
		index := t.index[r/t.inner*t.outerStep+r%t.inner*t.innerStep:][:t.cols]
		y, x := t.y[r*t.cols:][:len(index)], t.x[r*t.width:][:t.width]
		for j, k := range index {
			if uint64(k) >= uint64(len(x)) {
				k = int64(indexOf(k, len(x)))
			}
			y[j] = x[k]
		}
	}
}

// offsetND is where the index tuple points to in data of that shape.
func offsetND[I integer](tuple []I, shape []int) int {
	p := 0
	for i, k := range tuple {
		p = p*shape[i] + indexOf(k, shape[i])
	}
	return p * size(shape[len(tuple):])
}

// gatheredSize is the dimension of axis of what gatherND gives, which has rank.
func gatheredSize(axis, rank int, si, sx []int, batch int) int {
	tuple := si[len(si)-1]
	if tuple < 1 || batch+tuple > len(sx) {
		panic(inputError(fmt.Sprintf("tuples of %d indices into %v", tuple, sx)))
	}
	shape := append(append([]int{}, si[:len(si)-1]...), sx[batch+tuple:]...)
	checkAxes(len(shape), rank)
	return shape[axis]
}

// gatherND is the slice of x at each of the index tuples that the last axis of
// index holds, for each of the batches that the first axes count.
func gatherND[T any, I integer](y, x []T, index []I, si, sx []int, batch int) {
	k := si[len(si)-1]
	inner := size(sx[batch+k:])
	whole := size(sx[batch:])
	tuples := size(si[batch : len(si)-1])
	for b := range size(sx[:batch]) {
		for i := range tuples {
			t := b*tuples + i
			from := b*whole + offsetND(index[t*k:(t+1)*k], sx[batch:])
			copy(y[t*inner:(t+1)*inner], x[from:])
		}
	}
}

// second is what scattering without a reduction does.
func second[T any](_, b T) T { return b }

// scatterElements is x with y[i.., index[i.., j, k..], k..] = f(it, updates[i.., j, k..]).
func scatterElements[T any, I integer](y, x []T, index []I, updates []T, si, sx []int, axis int, f func(a, b T) T) {
	axis = axisOf(axis, len(sx))
	checkBeside(si, sx, axis)
	copy(y, x)
	own := strides(sx)
	step := own[axis]
	own[axis] = 0
	n := over(si, own)
	for r := range n.rows {
		for c := range n.cols {
			p := r*n.cols + c
			q := n.at[0] + c*n.inner[0] + indexOf(index[p], sx[axis])*step
			y[q] = f(y[q], updates[p])
		}
		n.next()
	}
}

// scatterND is x with the slice at each index tuple being f(it, updates).
func scatterND[T any, I integer](y, x []T, index []I, updates []T, si, sx []int, f func(a, b T) T) {
	copy(y, x)
	k := si[len(si)-1]
	inner := size(sx[k:])
	for t := range size(si[:len(si)-1]) {
		at := offsetND(index[t*k:(t+1)*k], sx)
		for i, v := range updates[t*inner : (t+1)*inner] {
			y[at+i] = f(y[at+i], v)
		}
	}
}

// tensorScatter is a cache x [batch, .., n, inner] into which update, with its
// own number of places along axis, is written at begin[b], or at 0; circular
// begins anew behind the end.
func tensorScatter[T any, I integer](y, x, update []T, begin []I, sx, su []int, axis int, circular bool) {
	axis = axisOf(axis, len(sx))
	copy(y, x)
	outer, n, inner := around(sx, axis)
	perBatch := outer / max(sx[0], 1)
	for o := range outer {
		at := 0
		if begin != nil {
			at = int(begin[o/perBatch])
		}
		for i := range su[axis] {
			k := at + i
			if circular {
				k = wrapIndex(k, n)
			} else {
				k = indexOf(k, n)
			}
			copy(y[(o*n+k)*inner:][:inner], update[(o*su[axis]+i)*inner:])
		}
	}
}
