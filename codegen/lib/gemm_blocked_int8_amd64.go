//go:build amd64 && !purego

package lib

// quantizeBlocks is quantizeBlocksGo.
func quantizeBlocks(dst []uint32, x []float32, blocks, block int) {
	switch {
	case blocks == 0 || isa == isaPortable:
		quantizeBlocksGo(dst, x, blocks, block)
	case isa == isaAVX512:
		quantizeBlocksAVX512(&dst[0], &x[0], blocks, block)
	default:
		quantizeBlocksAVX2(&dst[0], &x[0], blocks, block)
	}
}

//go:noescape
func quantizeBlocksAVX512(dst *uint32, x *float32, blocks, block int)

//go:noescape
func quantizeBlocksAVX2(dst *uint32, x *float32, blocks, block int)

func panelMulTwos(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(2, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case isa == isaAVX512 && hasVNNI:
		panelDotTwosAVX512(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	case hasAVXVNNI:
		panelDotTwosAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulTwosAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

func panelMulFours(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(4, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case isa == isaAVX512 && hasVNNI:
		panelDotFoursAVX512(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	case hasAVXVNNI:
		panelDotFoursAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulFoursAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

func panelMulEights(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(8, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case isa == isaAVX512 && hasVNNI:
		panelDotEightsAVX512(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	case hasAVXVNNI:
		panelDotEightsAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulEightsAVX2(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

//go:noescape
func panelDotTwosAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotTwosAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulTwosAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotFoursAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotFoursAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulFoursAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotEightsAVX512(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotEightsAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulEightsAVX2(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
