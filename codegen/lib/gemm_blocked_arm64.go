//go:build arm64 && !purego

package lib

// fewRows is up to how many rows of x it is faster to widen w in registers, for
// each tile of them anew.
func fewRows() int {
	if isa == isaPortable {
		return tileRows
	}
	return 4
}

func mulTwos(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	if isa == isaPortable {
		mulBlocksGo(2, y, x, q, head, m, k, first, block, ldx)
		return
	}
	mulTwosNEON(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
}

func mulRowTwos(y, x []float32, q, head []uint32, size, k, first, block int) {
	if isa == isaPortable {
		mulRowGo(2, y, x, q, head, size, k, first, block)
		return
	}
	mulRowTwosNEON(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
}

func widenTwos(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(2, dst, q, head, rows)
	default:
		widenTwosNEON(&dst[:rows*panelCols][0], &q[:rows*2][0], &head[:blockHead][0], rows)
	}
}

func mulFours(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	if isa == isaPortable {
		mulBlocksGo(4, y, x, q, head, m, k, first, block, ldx)
		return
	}
	mulFoursNEON(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
}

func mulRowFours(y, x []float32, q, head []uint32, size, k, first, block int) {
	if isa == isaPortable {
		mulRowGo(4, y, x, q, head, size, k, first, block)
		return
	}
	mulRowFoursNEON(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
}

func widenFours(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(4, dst, q, head, rows)
	default:
		widenFoursNEON(&dst[:rows*panelCols][0], &q[:rows*4][0], &head[:blockHead][0], rows)
	}
}

func mulEights(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	if isa == isaPortable {
		mulBlocksGo(8, y, x, q, head, m, k, first, block, ldx)
		return
	}
	mulEightsNEON(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
}

func mulRowEights(y, x []float32, q, head []uint32, size, k, first, block int) {
	if isa == isaPortable {
		mulRowGo(8, y, x, q, head, size, k, first, block)
		return
	}
	mulRowEightsNEON(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
}

func widenEights(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(8, dst, q, head, rows)
	default:
		widenEightsNEON(&dst[:rows*panelCols][0], &q[:rows*8][0], &head[:blockHead][0], rows)
	}
}

//go:noescape
func mulTwosNEON(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowTwosNEON(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenTwosNEON(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulFoursNEON(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowFoursNEON(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenFoursNEON(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulEightsNEON(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowEightsNEON(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenEightsNEON(dst *float32, q, head *uint32, rows int)
