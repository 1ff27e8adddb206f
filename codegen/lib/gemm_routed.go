package lib

// routedMatMul is y = x·w for each of some experts, in the rows that go through
// it, those whose routes are not 0; other rows become 0. The rows are brought
// together, so that they are multiplied at once.
//
//	y      [experts, m, n]
//	x      [experts, m, k], or [m, k] for all of them with step 0 instead of m·k
//	w      [experts, k, n], each matrix as linear takes it
//	routes [experts, m]
func routedMatMul(c *ctx, y, x []float32, step int, w, routes []float32, experts, m, k, n int) {
	size := linearLen(k, n)
	c.reserve(min(m, mBlock) * k)
	for e := range experts {
		for i := 0; i < m; {
			i = routedRows(c, y[e*m*n:][:m*n], x[e*step:], w[e*size:][:size], routes[e*m:][:m], i, k, n)
		}
	}
}

// routedRows does the rows from i on for one expert, up to mBlock that are
// multiplied, and returns the first of those that are left. The products lie
// first in front of the last of their places, from where each one moves to its
// own, which is not behind it.
func routedRows(c *ctx, y, x, w, routes []float32, i, k, n int) int {
	rows, count, end, last := c.workers[0].scratch, 0, i, 0
	for ; end < len(routes) && count < mBlock; end++ {
		if routes[end] != 0 {
			copy(rows[count*k:][:k], x[end*k:])
			count, last = count+1, end
		}
	}
	from := last + 1 - count
	if count > 0 {
		gemm(c, y[from*n:], n, rows, k, w, nil, nil, 0, nil, count, k, n)
	}
	for ; i < end; i++ {
		row := y[i*n:][:n]
		if routes[i] == 0 {
			clear(row)
			continue
		}
		copy(row, y[from*n:])
		from++
	}
	return end
}
