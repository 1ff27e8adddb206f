//go:build !amd64 || purego

package lib

func axpby(y, x []float32, alpha, beta float32) { axpbyGo(y, x, alpha, beta) }

func rowMax(x []float32) float32 { return rowMaxGo(x) }

func scaleAddMax(x, bias []float32, scale float32) float32 { return scaleAddMaxGo(x, bias, scale) }

func expSum(y, x []float32, m float32) float32 { return expSumGo(y, x, m) }

func layerNormRow(y, x, gamma, beta []float32, eps float32) { layerNormRowGo(y, x, gamma, beta, eps) }

func rmsNormRow(y, x, gamma, beta []float32, eps float32) { rmsNormRowGo(y, x, gamma, beta, eps) }

func fillUnless(x []float32, keep []bool, fill float32) { fillUnlessGo(x, keep, fill) }

// fewOutputs is up to how many outputs of an image a convolution is faster by
// dots than by panels, which they fill but in part.
const fewOutputs = fewCols

func dots(s, q, k []float32, ld int) { dotsGo(s, q, k, ld) }

func mix(y, p, v []float32, ld int) { mixGo(y, p, v, ld) }

func turnHalves(y, x, cos, sin []float32) { turnHalvesGo(y, x, cos, sin) }
