package lib

import (
	"math"
	"strings"
)

// The functions of this file are for apply and apply2. Those of numbers wrap
// as Go's do; those of floats compute in float64 and round once.

func add[T number | complexNumber](a, b T) T { return a + b }
func sub[T number | complexNumber](a, b T) T { return a - b }
func mul[T number | complexNumber](a, b T) T { return a * b }
func div[T float | complexNumber](a, b T) T  { return a / b }

// quotient is a/b of integers, cut towards zero.
func quotient[T integer](a, b T) T {
	if b == 0 {
		panic(inputError("division of an integer by zero"))
	}
	return a / b
}

// modulo is the remainder of integers that has the sign of b.
func modulo[T integer](a, b T) T {
	if b == 0 {
		panic(inputError("remainder of an integer by zero"))
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// remainder is the remainder of integers that has the sign of a.
func remainder[T integer](a, b T) T {
	if b == 0 {
		panic(inputError("remainder of an integer by zero"))
	}
	return a % b
}

// floorMod is the remainder of floats that has the sign of b.
func floorMod[T float](a, b T) T {
	r := math.Mod(float64(a), float64(b))
	if r != 0 && (r < 0) != (b < 0) {
		r += float64(b)
	}
	return T(r)
}

// fmod is the remainder of floats that has the sign of a.
func fmod[T float](a, b T) T { return T(math.Mod(float64(a), float64(b))) }

// largest and least give NaN where either operand is.
func largest[T number](a, b T) T { return max(a, b) }
func least[T number](a, b T) T   { return min(a, b) }

// pow is a to the b, in the type of a. Of integers that a float64 cannot hold
// it is exact, modulo the type's size.
func pow[T, U number](a T, b U) T {
	y := math.Pow(float64(a), float64(b))
	if half := T(1) / 2; half != 0 {
		return T(y)
	}
	if math.Abs(y) < 1<<53 {
		return T(int64(y))
	}
	p := T(1)
	for e := uint64(b); e > 0; e >>= 1 {
		if e&1 == 1 {
			p *= a
		}
		a *= a
	}
	return p
}

func bitAnd[T integer](a, b T) T { return a & b }
func bitOr[T integer](a, b T) T  { return a | b }
func bitXor[T integer](a, b T) T { return a ^ b }
func bitNot[T integer](a T) T    { return ^a }

func shiftLeft[T unsignedInteger](a, b T) T  { return a << b }
func shiftRight[T unsignedInteger](a, b T) T { return a >> b }

func both(a, b bool) bool   { return a && b }
func either(a, b bool) bool { return a || b }
func differ(a, b bool) bool { return a != b }
func not(a bool) bool       { return !a }

func equal[T comparable](a, b T) bool             { return a == b }
func less[T number | ~string](a, b T) bool        { return a < b }
func greater[T number | ~string](a, b T) bool     { return a > b }
func lessEqual[T number | ~string](a, b T) bool   { return a <= b }
func moreOrEqual[T number | ~string](a, b T) bool { return a >= b }

func join(a, b string) string { return a + b }

// identity is x.
func identity[T any](x T) T { return x }

func neg[T number | complexNumber](x T) T { return -x }

// absolute is |x|; the least integer stays as it is.
func absolute[T number](x T) T {
	switch {
	case x < 0:
		return -x
	case x == 0:
		return 0 // of -0 too
	}
	return x
}

// sign is -1, 0 or 1, and NaN of NaN.
func sign[T number](x T) T {
	one := T(1)
	switch {
	case x > 0:
		return one
	case x < 0:
		return -one
	}
	return x
}

func reciprocal[T float](x T) T { return 1 / x }
func sqrt[T float](x T) T       { return T(math.Sqrt(float64(x))) }
func exp[T float](x T) T        { return T(math.Exp(float64(x))) }
func log[T float](x T) T        { return T(math.Log(float64(x))) }
func sin[T float](x T) T        { return T(math.Sin(float64(x))) }
func cos[T float](x T) T        { return T(math.Cos(float64(x))) }
func tan[T float](x T) T        { return T(math.Tan(float64(x))) }
func asin[T float](x T) T       { return T(math.Asin(float64(x))) }
func acos[T float](x T) T       { return T(math.Acos(float64(x))) }
func atan[T float](x T) T       { return T(math.Atan(float64(x))) }
func sinh[T float](x T) T       { return T(math.Sinh(float64(x))) }
func cosh[T float](x T) T       { return T(math.Cosh(float64(x))) }
func tanh[T float](x T) T       { return T(math.Tanh(float64(x))) }
func asinh[T float](x T) T      { return T(math.Asinh(float64(x))) }
func acosh[T float](x T) T      { return T(math.Acosh(float64(x))) }
func atanh[T float](x T) T      { return T(math.Atanh(float64(x))) }
func erf[T number](x T) T       { return T(math.Erf(float64(x))) }
func ceil[T float](x T) T       { return T(math.Ceil(float64(x))) }
func floor[T float](x T) T      { return T(math.Floor(float64(x))) }

// round is to the nearest integer, ties to even.
func round[T float](x T) T { return T(math.RoundToEven(float64(x))) }

func isNaN[T float](x T) bool { return x != x }

// isInf asks for infinity of either sign, isPosInf and isNegInf of one.
func isInf[T float](x T) bool    { return math.IsInf(float64(x), 0) }
func isPosInf[T float](x T) bool { return math.IsInf(float64(x), 1) }
func isNegInf[T float](x T) bool { return math.IsInf(float64(x), -1) }
func never[T any](T) bool        { return false }

// clip is x, but no less than low and no more than high; either may be nil. y
// may be x.
func clip[T number](y, x, low, high []T) {
	for i, v := range x[:len(y)] {
		if low != nil && v < low[0] {
			v = low[0]
		}
		if high != nil && v > high[0] {
			v = high[0]
		}
		y[i] = v
	}
}

func lower(s string) string { return strings.ToLower(s) }
func upper(s string) string { return strings.ToUpper(s) }
