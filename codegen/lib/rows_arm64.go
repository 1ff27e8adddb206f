//go:build arm64 && !purego

package lib

import "math"

func axpby(y, x []float32, alpha, beta float32) {
	if len(y) == 0 || isa == isaPortable {
		axpbyGo(y, x, alpha, beta)
		return
	}
	axpbyNEON(&y[0], &x[0], len(y), alpha, beta)
}

//go:noescape
func axpbyNEON(y, x *float32, n int, alpha, beta float32)

func rowMax(x []float32) float32 {
	if len(x) == 0 || isa == isaPortable {
		return rowMaxGo(x)
	}
	return rowMaxNEON(&x[0], len(x))
}

//go:noescape
func rowMaxNEON(x *float32, n int) float32

func scaleAddMax(x, bias []float32, scale float32) float32 {
	if len(x) == 0 || isa == isaPortable {
		return scaleAddMaxGo(x, bias, scale)
	}
	return scaleAddMaxNEON(&x[0], first(bias), len(x), scale)
}

//go:noescape
func scaleAddMaxNEON(x, bias *float32, n int, scale float32) float32

func expSum(y, x []float32, m float32) float32 {
	if len(y) == 0 || isa == isaPortable || m < -math.MaxFloat32 {
		return expSumGo(y, x, m)
	}
	return expSumNEON(&y[0], &x[0], len(y), m)
}

//go:noescape
func expSumNEON(y, x *float32, n int, m float32) float32

func layerNormRow(y, x, gamma, beta []float32, eps float32) {
	if len(y) == 0 || isa == isaPortable {
		layerNormRowGo(y, x, gamma, beta, eps)
		return
	}
	normRowNEON(&y[0], &x[0], &gamma[0], first(beta), len(y), 1, eps)
}

func rmsNormRow(y, x, gamma, beta []float32, eps float32) {
	if len(y) == 0 || isa == isaPortable {
		rmsNormRowGo(y, x, gamma, beta, eps)
		return
	}
	normRowNEON(&y[0], &x[0], &gamma[0], nil, len(y), 0, eps)
}

// normRowNEON is layerNormRow with center 1, rmsNormRow with 0.
//
//go:noescape
func normRowNEON(y, x, gamma, beta *float32, n, center int, eps float32)

func fillUnless(x []float32, keep []bool, fill float32) {
	n := len(x) &^ 7
	if isa == isaPortable || n == 0 {
		n = 0
	} else {
		fillUnlessNEON(&x[0], &keep[0], n, fill)
	}
	fillUnlessGo(x[n:], keep[n:], fill)
}

// fillUnlessNEON is fillUnless where n is a multiple of 8, and not 0.
//
//go:noescape
func fillUnlessNEON(x *float32, keep *bool, n int, fill float32)

func dots(s []float32, lds int, q []float32, ldq int, k []float32, ld, rows, n, d int) {
	if rows == 0 || n == 0 || d == 0 || isa == isaPortable {
		dotsGo(s, lds, q, ldq, k, ld, rows, n, d)
		return
	}
	dotsNEON(&s[0], &q[0], &k[0], rows, n, d, lds, ldq, ld)
}

//go:noescape
func dotsNEON(s, q, k *float32, rows, n, d, lds, ldq, ld int)

func mix(y []float32, ldy int, p []float32, ldp int, v []float32, ld, rows, n, d, more int) {
	if rows == 0 || n == 0 || d == 0 || isa == isaPortable {
		mixGo(y, ldy, p, ldp, v, ld, rows, n, d, more)
		return
	}
	mixNEON(&y[0], &p[0], &v[0], rows, n, d, ldy, ldp, ld, more)
}

//go:noescape
func mixNEON(y, p, v *float32, rows, n, d, ldy, ldp, ld, more int)

func turnHalves(y, x, cos, sin []float32) {
	if len(cos) == 0 || isa == isaPortable {
		turnHalvesGo(y, x, cos, sin)
		return
	}
	turnHalvesNEON(&y[0], &x[0], &cos[0], &sin[0], len(cos))
}

//go:noescape
func turnHalvesNEON(y, x, cos, sin *float32, half int)
