//go:build amd64 && !purego

package lib

// fewRows is up to how many rows of x it is faster to widen w in registers, for
// each tile of them anew.
func fewRows() int {
	if isa == isaAVX512 {
		return 2 * tileRows
	}
	return tileRows
}

func mulTwos(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	switch isa {
	case isaPortable:
		mulBlocksGo(2, y, x, q, head, m, k, first, block, ldx)
	case isaAVX512:
		mulTwosAVX512(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	default:
		mulTwosAVX2(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	}
}

func mulRowTwos(y, x []float32, q, head []uint32, size, k, first, block int) {
	switch isa {
	case isaPortable:
		mulRowGo(2, y, x, q, head, size, k, first, block)
	case isaAVX512:
		mulRowTwosAVX512(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	default:
		mulRowTwosAVX2(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	}
}

func widenTwos(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(2, dst, q, head, rows)
	case isa == isaAVX512:
		widenTwosAVX512(&dst[:rows*panelCols][0], &q[:rows*2][0], &head[:blockHead][0], rows)
	default:
		widenTwosAVX2(&dst[:rows*panelCols][0], &q[:rows*2][0], &head[:blockHead][0], rows)
	}
}

func mulFours(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	switch isa {
	case isaPortable:
		mulBlocksGo(4, y, x, q, head, m, k, first, block, ldx)
	case isaAVX512:
		mulFoursAVX512(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	default:
		mulFoursAVX2(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	}
}

func mulRowFours(y, x []float32, q, head []uint32, size, k, first, block int) {
	switch isa {
	case isaPortable:
		mulRowGo(4, y, x, q, head, size, k, first, block)
	case isaAVX512:
		mulRowFoursAVX512(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	default:
		mulRowFoursAVX2(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	}
}

func widenFours(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(4, dst, q, head, rows)
	case isa == isaAVX512:
		widenFoursAVX512(&dst[:rows*panelCols][0], &q[:rows*4][0], &head[:blockHead][0], rows)
	default:
		widenFoursAVX2(&dst[:rows*panelCols][0], &q[:rows*4][0], &head[:blockHead][0], rows)
	}
}

func mulEights(y, x []float32, q, head []uint32, m, k, first, block, ldx int) {
	switch isa {
	case isaPortable:
		mulBlocksGo(8, y, x, q, head, m, k, first, block, ldx)
	case isaAVX512:
		mulEightsAVX512(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	default:
		mulEightsAVX2(&y[0], &x[0], &q[0], &head[0], m, k, first, block, ldx)
	}
}

func mulRowEights(y, x []float32, q, head []uint32, size, k, first, block int) {
	switch isa {
	case isaPortable:
		mulRowGo(8, y, x, q, head, size, k, first, block)
	case isaAVX512:
		mulRowEightsAVX512(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	default:
		mulRowEightsAVX2(&y[0], &x[0], &q[0], &head[0], size, k, first, block)
	}
}

func widenEights(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenBlockGo(8, dst, q, head, rows)
	case isa == isaAVX512:
		widenEightsAVX512(&dst[:rows*panelCols][0], &q[:rows*8][0], &head[:blockHead][0], rows)
	default:
		widenEightsAVX2(&dst[:rows*panelCols][0], &q[:rows*8][0], &head[:blockHead][0], rows)
	}
}

//go:noescape
func mulTwosAVX512(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowTwosAVX512(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenTwosAVX512(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulTwosAVX2(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowTwosAVX2(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenTwosAVX2(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulFoursAVX512(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowFoursAVX512(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenFoursAVX512(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulFoursAVX2(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowFoursAVX2(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenFoursAVX2(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulEightsAVX512(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowEightsAVX512(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenEightsAVX512(dst *float32, q, head *uint32, rows int)

//go:noescape
func mulEightsAVX2(y, x *float32, q, head *uint32, m, k, first, block, ldx int)

//go:noescape
func mulRowEightsAVX2(y, x *float32, q, head *uint32, size, k, first, block int)

//go:noescape
func widenEightsAVX2(dst *float32, q, head *uint32, rows int)
