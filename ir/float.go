package ir

import "math"

// F16ToFloat is the value of an IEEE half.
func F16ToFloat(h uint16) float64 {
	sign, exp, frac := float64(1), int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * frac * 0x1p-24
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1+frac/1024, exp-15)
}

// FloatToF16 rounds x to the nearest half, ties to even.
func FloatToF16(x float64) uint16 {
	sign := uint16(math.Float64bits(x) >> 48 & 0x8000)
	x = math.Abs(x)
	switch {
	case math.IsNaN(x):
		return sign | 0x7e00
	case x >= 65520:
		return sign | 0x7c00
	case x < 0x1p-14:
		return sign | uint16(math.RoundToEven(x*0x1p24)) // the carry into the exponent is right by design
	}
	frac, exp := math.Frexp(x) // x = frac * 2^exp, frac in [0.5, 1)
	m := math.RoundToEven(math.Ldexp(frac, 11))
	return sign | uint16((exp+13)<<10+int(m)) // likewise
}

// BF16ToFloat is the value of a bfloat16.
func BF16ToFloat(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }

// FloatToBF16 rounds x to the nearest bfloat16, ties to even. It rounds once: going through float32 first would round twice.
func FloatToBF16(x float64) uint16 {
	if math.IsNaN(x) {
		return uint16(math.Float64bits(x)>>48&0x8000) | 0x7fc0
	}
	f := float32(x)
	bits := math.Float32bits(f)
	if low := bits & 0xffff; low == 0x8000 && float64(f) != x && !math.IsInf(float64(f), 0) {
		// x lies beside the tie to which float32 moved it.
		if math.Abs(x) > math.Abs(float64(f)) {
			return uint16(bits>>16) + 1
		}
		return uint16(bits >> 16)
	}
	if math.IsInf(float64(f), 0) {
		return uint16(bits >> 16)
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// A smallFloat describes a float of 8 bits or fewer.
type smallFloat struct {
	expBits, fracBits int
	bias              int
	inf               bool // has infinities and NaNs as IEEE does
	fnuz              bool // the one NaN is the bit pattern of minus zero
	nan               bool // all ones is NaN
}

var smallFloats = map[Elem]smallFloat{
	F8E4M3FN:   {expBits: 4, fracBits: 3, bias: 7, nan: true},
	F8E4M3FNUZ: {expBits: 4, fracBits: 3, bias: 8, fnuz: true},
	F8E5M2:     {expBits: 5, fracBits: 2, bias: 15, inf: true},
	F8E5M2FNUZ: {expBits: 5, fracBits: 2, bias: 16, fnuz: true},
	F4E2M1:     {expBits: 2, fracBits: 1, bias: 1},
}

func (f smallFloat) value(b uint8) float64 {
	n := f.expBits + f.fracBits
	sign := 1.0
	if b>>n&1 == 1 {
		sign = -1
	}
	exp, frac := int(b>>f.fracBits)&(1<<f.expBits-1), float64(b&(1<<f.fracBits-1))
	switch {
	case f.fnuz && b == 1<<n, f.nan && b&(1<<n-1) == 1<<n-1:
		return math.NaN()
	case f.inf && exp == 1<<f.expBits-1 && frac != 0:
		return math.NaN()
	case f.inf && exp == 1<<f.expBits-1:
		return math.Inf(int(sign))
	case exp == 0:
		return sign * math.Ldexp(frac, 1-f.bias-f.fracBits)
	}
	return sign * math.Ldexp(1+frac/float64(int(1)<<f.fracBits), exp-f.bias)
}

// largest is the bit pattern of the largest finite number.
func (f smallFloat) largest() uint8 {
	n := uint8(1<<(f.expBits+f.fracBits) - 1)
	switch {
	case f.inf:
		return n - 1<<f.fracBits
	case f.nan:
		return n - 1
	}
	return n
}

// bits rounds x to nearest, ties to even. What is too large becomes the largest finite number with saturate, else infinity or NaN as
// the type has them; infinity saturates too.
func (f smallFloat) bits(x float64, saturate bool) uint8 {
	n := f.expBits + f.fracBits
	var sign uint8
	if math.Signbit(x) {
		sign = 1 << n
	}
	switch {
	case math.IsNaN(x) && f.fnuz:
		return 1 << n
	case math.IsNaN(x) && (f.nan || f.inf):
		return sign | (1<<n - 1)
	case math.IsNaN(x):
		return 1 << n // a type without NaN: minus zero, as ONNX's own vectors have it
	}
	x = math.Abs(x)
	top := f.value(f.largest())
	exp := 1 - f.bias
	if x > 0 {
		if _, e := math.Frexp(min(x, 2*top)); e-1 > exp {
			exp = e - 1
		}
	}
	step := math.Ldexp(1, exp-f.fracBits)
	r := math.RoundToEven(min(x, 4*top)/step) * step
	if r > top {
		switch {
		case saturate || !f.inf && !f.nan && !f.fnuz:
			return sign | f.largest()
		case f.inf:
			return sign | f.largest() + 1
		case f.fnuz:
			return 1 << n
		}
		return sign | (1<<n - 1)
	}
	if r == 0 {
		if f.fnuz {
			return 0
		}
		return sign
	}
	frac, e := math.Frexp(r)
	if e-1 < 1-f.bias { // a denormal
		return sign | uint8(r/math.Ldexp(1, 1-f.bias-f.fracBits))
	}
	return sign | uint8(e-1+f.bias)<<f.fracBits | uint8((2*frac-1)*float64(int(1)<<f.fracBits))
}
