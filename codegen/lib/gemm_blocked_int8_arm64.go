//go:build arm64 && !purego

package lib

func quantizeBlocks(dst []uint32, x []float32, blocks, block int) {
	if blocks == 0 || isa == isaPortable {
		quantizeBlocksGo(dst, x, blocks, block)
		return
	}
	quantizeBlocksNEON(&dst[0], &x[0], blocks, block)
}

//go:noescape
func quantizeBlocksNEON(dst *uint32, x *float32, blocks, block int)

func panelMulTwos(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(2, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case hasDot:
		panelDotTwosNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulTwosNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

func panelMulFours(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(4, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case hasDot:
		panelDotFoursNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulFoursNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

func panelMulEights(y []float32, ldy int, x []uint32, ldx, sx int, w []uint32, bias, add []float32, _ []uint32, ldadd, m, k int) {
	switch {
	case k == 0 || m == 0 || isa == isaPortable:
		panelBlocksGo(8, y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case hasDot:
		panelDotEightsNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	default:
		panelMulEightsNEON(&y[0], &x[0], &w[0], first(bias), first(add), nil, m, k, ldy, ldx, sx, ldadd, 0)
	}
}

//go:noescape
func panelDotTwosNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulTwosNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotFoursNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulFoursNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelDotEightsNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)

//go:noescape
func panelMulEightsNEON(y *float32, x, w *uint32, bias, add *float32, next *uint32, m, k, ldy, ldx, sx, ldadd, step int)
