package lib

import "fmt"

// maxRank is the largest number of dimensions that these operators take.
const maxRank = 8

// A nest walks over the elements of a shape in order, row by row, and knows
// where in each of up to four operands the row begins. Neighbouring axes that
// every operand passes through at one stride are joined, so that rows are as
// long as they can be.
type nest struct {
	rows, cols int
	at         [4]int // where the row begins
	inner      [4]int // the stride along it

	rank  int // of what is left for rows
	size  [maxRank]int
	count [maxRank]int
	step  [4][maxRank]int
}

// size is the number of elements of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// A layout is the strides of an operand.
type layout [maxRank]int

// strides are those of contiguous data of that shape.
func strides(shape []int) (l layout) {
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		l[i] = step
		step *= shape[i]
	}
	return l
}

// broadcast are the strides of contiguous data of shape own along the axes of
// shape, which begin with those that own lacks.
func broadcast(own, shape []int) (l layout) {
	step := 1
	for i := len(own) - 1; i >= 0; i-- {
		if j := i + len(shape) - len(own); own[i] != 1 {
			if own[i] != shape[j] {
				panic(inputError(fmt.Sprintf("%d elements along an axis cannot be broadcast to %d", own[i], shape[j])))
			}
			l[j] = step
		}
		step *= own[i]
	}
	return l
}

// over is the nest of loops over shape with operands of these layouts.
func over(shape []int, operands ...layout) (n nest) {
	rank := 0
	n.cols = 1
	for i, d := range shape {
		if d == 0 {
			n.rows, n.cols = 0, 0
			return n
		}
		if d == 1 {
			continue
		}
		if rank > 0 && n.joins(rank-1, i, d, operands) {
			n.size[rank-1] *= d
			for k := range operands {
				n.step[k][rank-1] = operands[k][i]
			}
			continue
		}
		n.size[rank] = d
		for k := range operands {
			n.step[k][rank] = operands[k][i]
		}
		rank++
	}
	n.rows = 1
	if rank == 0 {
		return n
	}
	n.rank = rank - 1
	n.cols = n.size[n.rank]
	for k := range operands {
		n.inner[k] = n.step[k][n.rank]
	}
	for _, d := range n.size[:n.rank] {
		n.rows *= d
	}
	return n
}

// joins reports whether axis i, of size d, continues loop j for all operands.
func (n *nest) joins(j, i, d int, operands []layout) bool {
	for k := range operands {
		if n.step[k][j] != d*operands[k][i] {
			return false
		}
	}
	return true
}

// skip goes on by k rows, from the first.
func (n *nest) skip(k int) {
	for i := n.rank - 1; i >= 0; i-- {
		n.count[i] = k % n.size[i]
		for o := range n.at {
			n.at[o] += n.count[i] * n.step[o][i]
		}
		k /= n.size[i]
	}
}

// skipAlong goes on by so many rows, at most as many as the innermost loop over
// rows has left.
func (n *nest) skipAlong(rows int) {
	last := n.rank - 1
	n.count[last] += rows - 1
	for k := range n.at {
		n.at[k] += (rows - 1) * n.step[k][last]
	}
	n.next()
}

// next goes on to the next row.
func (n *nest) next() {
	for i := n.rank - 1; i >= 0; i-- {
		n.count[i]++
		for k := range n.at {
			n.at[k] += n.step[k][i]
		}
		if n.count[i] < n.size[i] {
			return
		}
		n.count[i] = 0
		for k := range n.at {
			n.at[k] -= n.size[i] * n.step[k][i]
		}
	}
}

// apply is y = f(x). y may be x.
func apply[Y, X any](y []Y, x []X, f func(X) Y) {
	x = x[:len(y)]
	for i := range y {
		y[i] = f(x[i])
	}
}

// apply2 is y = f(a, b), with a and b broadcast to the shape of y. y may be one
// that has its shape.
func apply2[Y, A, B any](y []Y, a []A, b []B, sy, sa, sb []int, f func(A, B) Y) {
	n := over(sy, broadcast(sa, sy), broadcast(sb, sy))
	for r := range n.rows {
		row := y[r*n.cols:][:n.cols]
		ra, rb := a[n.at[0]:], b[n.at[1]:]
		switch {
		case n.inner[0] == 1 && n.inner[1] == 1:
			ra, rb = ra[:len(row)], rb[:len(row)]
			for i := range row {
				row[i] = f(ra[i], rb[i])
			}
		case n.inner[1] == 1:
			v := ra[0]
			for i, w := range rb[:len(row)] {
				row[i] = f(v, w)
			}
		case n.inner[0] == 1:
			w := rb[0]
			for i, v := range ra[:len(row)] {
				row[i] = f(v, w)
			}
		default:
			v := f(ra[0], rb[0])
			for i := range row {
				row[i] = v
			}
		}
		n.next()
	}
}

// choose is a where c, else b, all broadcast to the shape of y. y may be one
// that has its shape.
func choose[T any](y []T, c []bool, a, b []T, sy, sc, sa, sb []int) {
	n := over(sy, broadcast(sc, sy), broadcast(sa, sy), broadcast(sb, sy))
	for r := range n.rows {
		row := y[r*n.cols:][:n.cols]
		pc, pa, pb := n.at[0], n.at[1], n.at[2]
		for i := range row {
			if c[pc] {
				row[i] = a[pa]
			} else {
				row[i] = b[pb]
			}
			pc, pa, pb = pc+n.inner[0], pa+n.inner[1], pb+n.inner[2]
		}
		n.next()
	}
}

// walk is y, of shape sy, read from x beginning at element at with one stride
// for each axis: what is a transposition, a slice, a broadcast or a reversal.
func walk[T any](y, x []T, sy []int, at int, strides layout) {
	n := over(sy, strides)
	for r := range n.rows {
		row := y[r*n.cols:][:n.cols]
		p := at + n.at[0]
		switch step := n.inner[0]; step {
		case 1:
			copy(row, x[p:])
		case 0:
			v := x[p]
			for i := range row {
				row[i] = v
			}
		default:
			for i := range row {
				row[i] = x[p]
				p += step
			}
		}
		n.next()
	}
}

// place is y, walked over with one stride for each axis of sx, set to x.
func place[T any](y, x []T, sx []int, at int, strides layout) {
	n := over(sx, strides)
	for r := range n.rows {
		row := x[r*n.cols:][:n.cols]
		p, step := at+n.at[0], n.inner[0]
		if step == 1 {
			copy(y[p:], row)
		} else {
			for _, v := range row {
				y[p] = v
				p += step
			}
		}
		n.next()
	}
}
