package lib

import (
	"math"
	"strconv"
	"strings"
)

// cast converts between numbers of Go; floats are cut towards zero, integers
// wrap.
func cast[Y, X number](y []Y, x []X) {
	for i, v := range x[:len(y)] {
		y[i] = Y(v)
	}
}

// truncate converts floats to integers: cut towards zero, then wrapped.
func truncate[Y integer, X float](y []Y, x []X) {
	for i, v := range x[:len(y)] {
		y[i] = toInteger[Y](float64(v))
	}
}

// castVia converts by way of float64.
func castVia[Y, X any](y []Y, x []X, from func(X) float64, to func(float64) Y) {
	for i, v := range x[:len(y)] {
		y[i] = to(from(v))
	}
}

// castSmall converts to a float of 8 bits or fewer; what is too large becomes
// the largest number with saturate.
func castSmall[Y, X any](y []Y, x []X, from func(X) float64, to func(float64, bool) Y, saturate bool) {
	for i, v := range x[:len(y)] {
		y[i] = to(from(v), saturate)
	}
}

func fromNumber[T number](x T) float64 { return float64(x) }

func fromBool(x bool) float64 {
	if x {
		return 1
	}
	return 0
}

func toFloat[T float](x float64) T { return T(x) }

// toInteger cuts towards zero and wraps; what an int64 cannot hold is as the
// processor has it, but for a uint64.
func toInteger[T integer](x float64) T {
	if x >= 1<<63 {
		return T(uint64(x))
	}
	return T(int64(x))
}

func toBool(x float64) bool { return x != 0 }

// The integers of four and two bits wrap within these.

func toInt4(x float64) int4   { return int4(int8(int64(x)<<4) >> 4) }
func toUint4(x float64) uint4 { return uint4(int64(x) & 15) }
func toInt2(x float64) int2   { return int2(int8(int64(x)<<6) >> 6) }
func toUint2(x float64) uint2 { return uint2(int64(x) & 3) }

// toF8E8M0 gives the power of two nearest to x; of NaN and what is negative, NaN.
func toF8E8M0(x float64, _ bool) float8e8m0 { return powerOfTwo(x, 0.75) }

// toF8E8M0Up gives the power of two at or above x, toF8E8M0Down that at or below.
func toF8E8M0Up(x float64, _ bool) float8e8m0   { return powerOfTwo(x, math.Nextafter(0.5, 1)) }
func toF8E8M0Down(x float64, _ bool) float8e8m0 { return powerOfTwo(x, 1) }

// powerOfTwo goes to the next power of two where the fraction of x, at least
// 0.5 and less than 1, is at least up.
func powerOfTwo(x, up float64) float8e8m0 {
	switch {
	case x != x || x < 0:
		return 255
	case x == 0:
		return 0
	case math.IsInf(x, 1):
		return 254
	}
	frac, exp := math.Frexp(x)
	if frac >= up {
		exp++
	}
	return float8e8m0(min(max(exp-1+127, 0), 254))
}

func castComplex[Y, X complexNumber](y []Y, x []X) {
	for i, v := range x[:len(y)] {
		y[i] = Y(v)
	}
}

// parseNumber is the number that a string spells.
func parseNumber(s string) float64 {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return float64(v)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		panic(inputError("not a number: " + s))
	}
	return v
}

func parseInteger[T integer](y []T, x []string) {
	for i, s := range x[:len(y)] {
		if v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			y[i] = T(v)
		} else {
			y[i] = toInteger[T](parseNumber(s))
		}
	}
}

// spell writes numbers of that many bits as strings, the shortest that read
// back the same.
func spell[T any](y []string, x []T, from func(T) float64, bits int) {
	for i, v := range x[:len(y)] {
		y[i] = spellFloat(from(v), bits)
	}
}

func spellFloat(x float64, bits int) string {
	switch {
	case x != x:
		return "NaN"
	case math.IsInf(x, 1):
		return "INF"
	case math.IsInf(x, -1):
		return "-INF"
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

func spellIntegers[T integer](y []string, x []T) {
	for i, v := range x[:len(y)] {
		if v > 0 {
			y[i] = strconv.FormatUint(uint64(v), 10)
		} else {
			y[i] = strconv.FormatInt(int64(v), 10)
		}
	}
}

func spellBool(x bool) string {
	if x {
		return "True"
	}
	return "False"
}

// The bits of a float as an integer, and back.

func bitsOf32[T ~int32 | ~uint32](x float32) T { return T(math.Float32bits(x)) }
func bitsOf64[T ~int64 | ~uint64](x float64) T { return T(math.Float64bits(x)) }
func ofBits32[T ~int32 | ~uint32](x T) float32 { return math.Float32frombits(uint32(x)) }
func ofBits64[T ~int64 | ~uint64](x T) float64 { return math.Float64frombits(uint64(x)) }

func bitOfBool[T ~int8 | ~uint8](x bool) T  { return T(fromBool(x)) }
func boolOfBits[T ~int8 | ~uint8](x T) bool { return x != 0 }
