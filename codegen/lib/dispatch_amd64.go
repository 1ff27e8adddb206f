//go:build amd64 && !purego

package lib

// first is the address of x[0], nil if there is none.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

func packColumns(dst, w []float32, k, n, ld int) { packColumnsGo(dst, w, k, n, ld) }

func panelMul(y []float32, ldy int, x []float32, ldx, sx int, w, bias, add []float32, ldadd, m, k int) {
	switch {
	case k == 0 || isa == isaPortable:
		panelMulGo(y, ldy, x, ldx, sx, w, bias, add, ldadd, m, k)
	case isa == isaAVX512:
		panelMulAVX512(&y[0], &x[0], &w[0], first(bias), first(add), m, k, ldy, ldx, sx, ldadd)
	default:
		panelMulAVX2(&y[0], &x[0], &w[0], first(bias), first(add), m, k, ldy, ldx, sx, ldadd)
	}
}

//go:noescape
func panelMulAVX512(y, x, w, bias, add *float32, m, k, ldy, ldx, sx, ldadd int)

//go:noescape
func panelMulAVX2(y, x, w, bias, add *float32, m, k, ldy, ldx, sx, ldadd int)
func relu32(y, x []float32)     { relu32Go(y, x) }
func exp32(y, x []float32)      { exp32Go(y, x) }
func erf32(y, x []float32)      { erf32Go(y, x) }
func tanh32(y, x []float32)     { tanh32Go(y, x) }
func sigmoid32(y, x []float32)  { sigmoid32Go(y, x) }
func silu32(y, x []float32)     { silu32Go(y, x) }
func gelu32(y, x []float32)     { gelu32Go(y, x) }
func geluTanh32(y, x []float32) { geluTanh32Go(y, x) }

func add32(y, a, b []float32) { add32Go(y, a, b) }
func sub32(y, a, b []float32) { sub32Go(y, a, b) }
func mul32(y, a, b []float32) { mul32Go(y, a, b) }
func div32(y, a, b []float32) { div32Go(y, a, b) }
func max32(y, a, b []float32) { max32Go(y, a, b) }
func min32(y, a, b []float32) { min32Go(y, a, b) }

func axpby(y, x []float32, alpha, beta float32)             { axpbyGo(y, x, alpha, beta) }
func rowMax(x []float32) float32                            { return rowMaxGo(x) }
func scaleAddMax(x, bias []float32, scale float32) float32  { return scaleAddMaxGo(x, bias, scale) }
func expSum(y, x []float32, m float32) float32              { return expSumGo(y, x, m) }
func layerNormRow(y, x, gamma, beta []float32, eps float32) { layerNormRowGo(y, x, gamma, beta, eps) }
func rmsNormRow(y, x, gamma, beta []float32, eps float32)   { rmsNormRowGo(y, x, gamma, beta, eps) }
