package lib

import "math"

// scales says which of the scales of a quantised tensor belongs to which
// element: block neighbours along the axis share one.
type scales struct {
	outer, n, inner           int // the tensor's elements before the axis, along it and after it
	block                     int
	byOuter, byBlock, byInner int
}

// scalesOf is for a tensor of shape sx and scales of shape ss: one number, a
// vector along the axis, or with block above 0 as many axes as the tensor.
func scalesOf(sx, ss []int, axis, block int) (s scales) {
	if size(ss) == 1 && block == 0 {
		return scales{outer: 1, n: 1, inner: size(sx), block: 1}
	}
	s.outer, s.n, s.inner = around(sx, axis)
	if block == 0 {
		s.block, s.byBlock = 1, 1
		return s
	}
	_, blocks, _ := around(ss, axis)
	s.block, s.byOuter, s.byBlock, s.byInner = block, blocks*s.inner, s.inner, 1
	return s
}

// quantize is x/scale, rounded as the type of y wants it, plus the zero point,
// which may be nil for 0. The quotient is of float32.
func quantize[Y, X, S any](y []Y, x []X, scale []S, zero []Y, s scales,
	value func(X) float64, unit func(S) float64, level func(Y) float64, round func(x float64, saturate bool) Y, saturate, whole bool) {
	p := 0
	for o := range s.outer {
		for j := range s.n {
			for i := range s.inner {
				k := o*s.byOuter + j/s.block*s.byBlock + i*s.byInner
				v := float64(float32(value(x[p]) / unit(scale[k])))
				if whole {
					v = math.RoundToEven(v)
				}
				if zero != nil {
					v += level(zero[k])
				}
				y[p] = round(v, saturate)
				p++
			}
		}
	}
}

// dequantize is (x - zero point)·scale; the zero point may be nil for 0.
func dequantize[Y, X, S any](y []Y, x []X, scale []S, zero []X, s scales,
	level func(X) float64, unit func(S) float64, round func(float64) Y) {
	p := 0
	for o := range s.outer {
		for j := range s.n {
			for i := range s.inner {
				k := o*s.byOuter + j/s.block*s.byBlock + i*s.byInner
				v := level(x[p])
				if zero != nil {
					v -= level(zero[k])
				}
				y[p] = round(v * unit(scale[k]))
				p++
			}
		}
	}
}

// clampInteger is the number of the type that is nearest to the integer x.
func clampInteger[T integer](x float64, _ bool) T {
	return T(int64(min(max(x, float64(lowest[T]())), float64(highest[T]()))))
}

func clampInt4(x float64, _ bool) int4   { return int4(min(max(x, -8), 7)) }
func clampUint4(x float64, _ bool) uint4 { return uint4(min(max(x, 0), 15)) }
func clampInt2(x float64, _ bool) int2   { return int2(min(max(x, -2), 1)) }
func clampUint2(x float64, _ bool) uint2 { return uint2(min(max(x, 0), 3)) }
