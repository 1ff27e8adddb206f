//go:build amd64 && !purego

package lib

import "math"

func axpby(y, x []float32, alpha, beta float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		axpbyGo(y, x, alpha, beta)
	case isa == isaAVX512:
		axpbyAVX512(&y[0], &x[0], len(y), alpha, beta)
	default:
		axpbyAVX2(&y[0], &x[0], len(y), alpha, beta)
	}
}

//go:noescape
func axpbyAVX512(y, x *float32, n int, alpha, beta float32)

//go:noescape
func axpbyAVX2(y, x *float32, n int, alpha, beta float32)

func rowMax(x []float32) float32 {
	switch {
	case len(x) == 0 || isa == isaPortable:
		return rowMaxGo(x)
	case isa == isaAVX512:
		return rowMaxAVX512(&x[0], len(x))
	}
	return rowMaxAVX2(&x[0], len(x))
}

//go:noescape
func rowMaxAVX512(x *float32, n int) float32

//go:noescape
func rowMaxAVX2(x *float32, n int) float32

func scaleAddMax(x, bias []float32, scale float32) float32 {
	switch {
	case len(x) == 0 || isa == isaPortable:
		return scaleAddMaxGo(x, bias, scale)
	case isa == isaAVX512:
		return scaleAddMaxAVX512(&x[0], first(bias), len(x), scale)
	}
	return scaleAddMaxAVX2(&x[0], first(bias), len(x), scale)
}

//go:noescape
func scaleAddMaxAVX512(x, bias *float32, n int, scale float32) float32

//go:noescape
func scaleAddMaxAVX2(x, bias *float32, n int, scale float32) float32

func expSum(y, x []float32, m float32) float32 {
	switch {
	case len(y) == 0 || isa == isaPortable || m < -math.MaxFloat32:
		return expSumGo(y, x, m)
	case isa == isaAVX512:
		return expSumAVX512(&y[0], &x[0], len(y), m)
	}
	return expSumAVX2(&y[0], &x[0], len(y), m)
}

//go:noescape
func expSumAVX512(y, x *float32, n int, m float32) float32

//go:noescape
func expSumAVX2(y, x *float32, n int, m float32) float32

func layerNormRow(y, x, gamma, beta []float32, eps float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		layerNormRowGo(y, x, gamma, beta, eps)
	case isa == isaAVX512:
		normRowAVX512(&y[0], &x[0], &gamma[0], first(beta), len(y), 1, eps)
	default:
		normRowAVX2(&y[0], &x[0], &gamma[0], first(beta), len(y), 1, eps)
	}
}

func rmsNormRow(y, x, gamma, beta []float32, eps float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		rmsNormRowGo(y, x, gamma, beta, eps)
	case isa == isaAVX512:
		normRowAVX512(&y[0], &x[0], &gamma[0], nil, len(y), 0, eps)
	default:
		normRowAVX2(&y[0], &x[0], &gamma[0], nil, len(y), 0, eps)
	}
}

// normRowAVX512 is layerNormRow with center 1, rmsNormRow with 0.
//
//go:noescape
func normRowAVX512(y, x, gamma, beta *float32, n, center int, eps float32)

//go:noescape
func normRowAVX2(y, x, gamma, beta *float32, n, center int, eps float32)

func fillUnless(x []float32, keep []bool, fill float32) {
	n := len(x) &^ 7
	if isa == isaPortable || n == 0 {
		n = 0
	} else {
		fillUnlessAVX2(&x[0], &keep[0], n, fill)
	}
	fillUnlessGo(x[n:], keep[n:], fill)
}

// fillUnlessAVX2 is fillUnless where n is a multiple of 8, and not 0.
//
//go:noescape
func fillUnlessAVX2(x *float32, keep *bool, n int, fill float32)

func dots(s []float32, lds int, q []float32, ldq int, k []float32, ld, rows, n, d int) {
	switch {
	case rows == 0 || n == 0 || d == 0 || isa == isaPortable:
		dotsGo(s, lds, q, ldq, k, ld, rows, n, d)
	case isa == isaAVX512:
		dotsAVX512(&s[0], &q[0], &k[0], rows, n, d, lds, ldq, ld)
	default:
		dotsAVX2(&s[0], &q[0], &k[0], rows, n, d, lds, ldq, ld)
	}
}

//go:noescape
func dotsAVX512(s, q, k *float32, rows, n, d, lds, ldq, ld int)

//go:noescape
func dotsAVX2(s, q, k *float32, rows, n, d, lds, ldq, ld int)

func mix(y []float32, ldy int, p []float32, ldp int, v []float32, ld, rows, n, d, more int) {
	switch {
	case rows == 0 || n == 0 || d == 0 || isa == isaPortable:
		mixGo(y, ldy, p, ldp, v, ld, rows, n, d, more)
	case isa == isaAVX512:
		mixAVX512(&y[0], &p[0], &v[0], rows, n, d, ldy, ldp, ld, more)
	default:
		mixAVX2(&y[0], &p[0], &v[0], rows, n, d, ldy, ldp, ld, more)
	}
}

//go:noescape
func mixAVX512(y, p, v *float32, rows, n, d, ldy, ldp, ld, more int)

//go:noescape
func mixAVX2(y, p, v *float32, rows, n, d, ldy, ldp, ld, more int)

func turnHalves(y, x, cos, sin []float32) {
	switch {
	case len(cos) == 0 || isa == isaPortable:
		turnHalvesGo(y, x, cos, sin)
	case isa == isaAVX512:
		turnHalvesAVX512(&y[0], &x[0], &cos[0], &sin[0], len(cos))
	default:
		turnHalvesAVX2(&y[0], &x[0], &cos[0], &sin[0], len(cos))
	}
}

//go:noescape
func turnHalvesAVX512(y, x, cos, sin *float32, half int)

//go:noescape
func turnHalvesAVX2(y, x, cos, sin *float32, half int)
