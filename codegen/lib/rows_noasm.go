//go:build (!amd64 && !arm64) || purego

package lib

func axpby(y, x []float32, alpha, beta float32) { axpbyGo(y, x, alpha, beta) }

func rowMax(x []float32) float32 { return rowMaxGo(x) }

func scaleAddMax(x, bias []float32, scale float32) float32 { return scaleAddMaxGo(x, bias, scale) }

func expSum(y, x []float32, m float32) float32 { return expSumGo(y, x, m) }

func layerNormRow(y, x, gamma, beta []float32, eps float32) { layerNormRowGo(y, x, gamma, beta, eps) }

func rmsNormRow(y, x, gamma, beta []float32, eps float32) { rmsNormRowGo(y, x, gamma, beta, eps) }

func fillUnless(x []float32, keep []bool, fill float32) { fillUnlessGo(x, keep, fill) }

func dots(s []float32, lds int, q []float32, ldq int, k []float32, ld, rows, n, d int) {
	dotsGo(s, lds, q, ldq, k, ld, rows, n, d)
}

func mix(y []float32, ldy int, p []float32, ldp int, v []float32, ld, rows, n, d, more int) {
	mixGo(y, ldy, p, ldp, v, ld, rows, n, d, more)
}

func turnHalves(y, x, cos, sin []float32) { turnHalvesGo(y, x, cos, sin) }
