package lib

import (
	"math"
	rand "math/rand/v2"
)

// drawUniform draws y evenly from low to high; the same seed draws the same.
func drawUniform[Y any](y []Y, seed uint64, low, high float64, to func(float64) Y) {
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range y {
		y[i] = to(low + (high-low)*r.Float64())
	}
}

// drawNormal draws y from a normal distribution.
func drawNormal[Y any](y []Y, seed uint64, mean, deviation float64, to func(float64) Y) {
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range y {
		y[i] = to(mean + deviation*r.NormFloat64())
	}
}

// drawClasses draws classes, as many as y has room for, for each row of x, the
// logarithms of their probabilities.
func drawClasses[Y integer, X float](y []Y, x []X, seed uint64, rows, classes int) {
	r := rand.New(rand.NewPCG(seed, 2))
	samples := len(y) / max(rows, 1)
	for i := range rows {
		row := x[i*classes : (i+1)*classes]
		top, sum := math.Inf(-1), 0.0
		for _, v := range row {
			top = max(top, float64(v))
		}
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		for s := range samples {
			left, pick := r.Float64()*sum, classes-1
			for k, v := range row {
				if left -= math.Exp(float64(v) - top); left < 0 {
					pick = k
					break
				}
			}
			y[i*samples+s] = Y(pick)
		}
	}
}
