package lib

import "math"

// The functions of this file have the form func(y, x []float32): y[i] = f(x[i])
// for all of y, which may be x. NaN gives NaN. The portable twins round a
// float64 result; how far the others may be off is said of each, in ulp of the
// result, and proved by TestVector. Beside that a result may be off by the
// least normal number, 2⁻¹²⁶, where it is that small itself.

// unary is f over all of y, which may be x, on the threads of c.
func unary(c *ctx, y, x []float32, f func(y, x []float32)) {
	t := task[unaryTask](c)
	*t = unaryTask{y, x, f}
	c.split(len(y), vectorGrain, t)
	*t = unaryTask{}
}

// vectorGrain is how many elements are worth a thread.
const vectorGrain = 1 << 13

type unaryTask struct {
	y, x []float32
	f    func(y, x []float32)
}

func (t *unaryTask) part(_ *worker, lo, hi int) { t.f(t.y[lo:hi], t.x[lo:hi]) }

// relu32Go is max(x, 0), exactly.
func relu32Go(y, x []float32) {
	for i := range y {
		y[i] = max(x[i], 0)
	}
}

// exp32Go is e to the x, within 1.1 ulp.
func exp32Go(y, x []float32) {
	for i := range y {
		y[i] = float32(math.Exp(float64(x[i])))
	}
}

// log32Go is the natural logarithm, -Inf of 0 and NaN of what is less, within
// 1 ulp, also of subnormal numbers.
func log32Go(y, x []float32) {
	for i := range y {
		y[i] = float32(math.Log(float64(x[i])))
	}
}

// erf32Go is the error function, within 2 ulp.
func erf32Go(y, x []float32) {
	for i := range y {
		y[i] = float32(math.Erf(float64(x[i])))
	}
}

// tanh32Go is the hyperbolic tangent, within 2 ulp.
func tanh32Go(y, x []float32) {
	for i := range y {
		y[i] = float32(math.Tanh(float64(x[i])))
	}
}

// sigmoid32Go is 1/(1+exp(-x)), within 3 ulp.
func sigmoid32Go(y, x []float32) {
	for i := range y {
		y[i] = float32(1 / (1 + math.Exp(-float64(x[i]))))
	}
}

// silu32Go is x/(1+exp(-x)), and 0 at -Inf, within 3 ulp.
func silu32Go(y, x []float32) {
	for i := range y {
		v := max(float64(x[i]), -math.MaxFloat32)
		y[i] = float32(v / (1 + math.Exp(-v)))
	}
}

// gelu32Go is x·Φ(x) = x/2·(1+erf(x/√2)), and 0 at -Inf, within 4 ulp or
// 0.6·2⁻²⁴·|x|.
func gelu32Go(y, x []float32) {
	for i := range y {
		v := max(float64(x[i]), -math.MaxFloat32)
		y[i] = float32(v / 2 * math.Erfc(-v/math.Sqrt2))
	}
}

// geluTanh32Go is x/2·(1+tanh(√(2/π)·(x+0.044715x³))), and 0 at -Inf, within
// 4 ulp or 0.6·2⁻²⁴·|x|.
func geluTanh32Go(y, x []float32) {
	const c = 0.7978845608028654 // √(2/π)
	for i := range y {
		v := max(float64(x[i]), -math.MaxFloat32)
		y[i] = float32(v / (1 + math.Exp(-2*c*(v+0.044715*v*v*v))))
	}
}
