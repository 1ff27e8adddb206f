package lib

// multiply is the product of the matrices in the last two axes of a and b, the
// others broadcast. A vector on the left is a row, on the right a column. Sums
// are of type A.
func multiply[A, T number](y, a, b []T, sa, sb []int) {
	m, k, n := 1, sa[len(sa)-1], 1
	if len(sa) > 1 {
		m, sa = sa[len(sa)-2], sa[:len(sa)-2]
	} else {
		sa = nil
	}
	if len(sb) > 1 {
		n, sb = sb[len(sb)-1], sb[:len(sb)-2]
	} else {
		sb = nil
	}
	var batch [maxRank]int
	rank := max(len(sa), len(sb))
	for i := range rank {
		batch[i] = 1
		for _, s := range [2][]int{sa, sb} {
			if j := i - rank + len(s); j >= 0 && s[j] != 1 {
				batch[i] = s[j]
			}
		}
	}
	loop := over(batch[:rank], broadcast(sa, batch[:rank]), broadcast(sb, batch[:rank]))
	for r := range loop.rows {
		for c := range loop.cols {
			pa, pb := loop.at[0]+c*loop.inner[0], loop.at[1]+c*loop.inner[1]
			multiplyMatrix[A](y[(r*loop.cols+c)*m*n:][:m*n], a[pa*m*k:][:m*k], b[pb*k*n:][:k*n], m, k, n)
		}
		loop.next()
	}
}

// multiplyMatrix is y [m, n] = a [m, k] · b [k, n].
func multiplyMatrix[A, T number](y, a, b []T, m, k, n int) {
	const width = 64
	var acc [width]A
	for i := range m {
		row := a[i*k : (i+1)*k]
		for j := 0; j < n; j += width {
			sums := acc[:min(width, n-j)]
			clear(sums)
			for p, v := range row {
				v := A(v)
				for i, w := range b[p*n+j:][:len(sums)] {
					sums[i] += v * A(w)
				}
			}
			for c, s := range sums {
				y[i*n+j+c] = T(s)
			}
		}
	}
}

// einsum is the sum over the axes sum of the product of xs, for each index of
// the axes out; steps are the strides of each operand along out, then sum.
func einsum[A, T number](y []T, xs [][]T, out, sum []int, steps []layout) {
	var inner [4]layout
	for i, s := range steps {
		copy(inner[i][:], s[len(out):])
	}
	n, drop := over(out, steps...), over(sum, inner[:len(steps)]...)
	for r := range n.rows {
		for c := range n.cols {
			var acc A
			m := drop
			for range m.rows {
				for j := range m.cols {
					v := A(1)
					for i, x := range xs {
						v *= A(x[n.at[i]+c*n.inner[i]+m.at[i]+j*m.inner[i]])
					}
					acc += v
				}
				m.next()
			}
			y[r*n.cols+c] = T(acc)
		}
		n.next()
	}
}

// det is the determinant of each matrix of x [.., n, n].
func det[T float](y, x []T, n int) {
	m := make([]float64, n*n)
	for i := range y {
		for j, v := range x[i*n*n : (i+1)*n*n] {
			m[j] = float64(v)
		}
		y[i] = T(eliminate(m, n))
	}
}

// eliminate brings m [n, n] to triangular form and gives its determinant.
func eliminate(m []float64, n int) float64 {
	d := 1.0
	for c := range n {
		pivot := c
		for r := c + 1; r < n; r++ {
			if absolute(m[r*n+c]) > absolute(m[pivot*n+c]) {
				pivot = r
			}
		}
		if m[pivot*n+c] == 0 {
			return 0
		}
		if pivot != c {
			for j := range n {
				m[c*n+j], m[pivot*n+j] = m[pivot*n+j], m[c*n+j]
			}
			d = -d
		}
		d *= m[c*n+c]
		for r := c + 1; r < n; r++ {
			f := m[r*n+c] / m[c*n+c]
			for j := c; j < n; j++ {
				m[r*n+j] -= f * m[c*n+j]
			}
		}
	}
	return d
}
