package lib

import "math"

// softmaxAlong is exp(x) over its sum along axis.
func softmaxAlong[T float](y, x []T, sx []int, axis int) {
	outer, n, inner := around(sx, axis)
	for o := range outer {
		for i := range inner {
			p := o*n*inner + i
			top, sum := math.Inf(-1), 0.0
			for j := range n {
				top = max(top, float64(x[p+j*inner]))
			}
			for j := range n {
				sum += math.Exp(float64(x[p+j*inner]) - top)
			}
			for j := range n {
				y[p+j*inner] = T(math.Exp(float64(x[p+j*inner])-top) / sum)
			}
		}
	}
}

// logSoftmaxAlong is x less the logarithm of the sum of exp(x), along axis.
func logSoftmaxAlong[T float](y, x []T, sx []int, axis int) {
	outer, n, inner := around(sx, axis)
	for o := range outer {
		for i := range inner {
			p := o*n*inner + i
			total := expNothing()
			for j := range n {
				total = total.add(float64(x[p+j*inner]))
			}
			log := total.max + math.Log(total.sum)
			for j := range n {
				y[p+j*inner] = T(float64(x[p+j*inner]) - log)
			}
		}
	}
}

func relu[T number](x T) T   { return max(x, 0) }
func sigmoid[T float](x T) T { return T(1 / (1 + math.Exp(-float64(x)))) }
