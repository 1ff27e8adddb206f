package lib

import "math"

// A float16 is an IEEE half.
type float16 uint16

// A bfloat16 is the upper half of a float32.
type bfloat16 uint16

// A float8e4m3fn has no infinity and one NaN of each sign.
type float8e4m3fn uint8

// A float8e4m3fnuz has neither infinities nor -0, and one NaN.
type float8e4m3fnuz uint8

// A float8e5m2 is the upper half of a float16.
type float8e5m2 uint8

// A float8e5m2fnuz has neither infinities nor -0, and one NaN.
type float8e5m2fnuz uint8

// A float8e8m0 is a power of two.
type float8e8m0 uint8

// A float4e2m1 takes a byte, as all types of four and two bits do.
type float4e2m1 uint8

// A uint4 is at most 15.
type uint4 uint8

// An int4 is from -8 to 7.
type int4 int8

// A uint2 is at most 3.
type uint2 uint8

// An int2 is from -2 to 1.
type int2 int8

type signedInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64
}

type unsignedInteger interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

type integer interface {
	signedInteger | unsignedInteger
}

type float interface {
	~float32 | ~float64
}

type number interface {
	integer | float
}

type complexNumber interface {
	~complex64 | ~complex128
}

// An inputError is what an operator panics with when the data of its arguments
// do not make sense, as an index that is out of range; Run returns it.
type inputError string

func (e inputError) Error() string { return string(e) }

// A smallFloat describes a float of 8 bits or fewer.
type smallFloat struct {
	expBits, fracBits, bias int
	inf                     bool // has infinities and NaNs as IEEE does
	fnuz                    bool // the one NaN is the bit pattern of minus zero
	nan                     bool // all ones is NaN
}

// decode is the value of the bit pattern b.
func (f smallFloat) decode(b uint8) float64 {
	n := f.expBits + f.fracBits
	exp, frac := int(b>>f.fracBits)&(1<<f.expBits-1), float64(b&(1<<f.fracBits-1))
	sign := 1.0
	if b>>n&1 == 1 {
		sign = -1
	}
	switch {
	case f.fnuz && b == 1<<n, f.nan && b&(1<<n-1) == 1<<n-1, f.inf && exp == 1<<f.expBits-1 && frac != 0:
		return math.NaN()
	case f.inf && exp == 1<<f.expBits-1:
		return math.Inf(int(sign))
	case exp == 0:
		return sign * math.Ldexp(frac, 1-f.bias-f.fracBits)
	}
	return sign * math.Ldexp(1+frac/float64(int(1)<<f.fracBits), exp-f.bias)
}

// top is the bit pattern of the largest finite number.
func (f smallFloat) top() uint8 {
	n := uint8(1<<(f.expBits+f.fracBits) - 1)
	switch {
	case f.inf:
		return n - 1<<f.fracBits
	case f.nan:
		return n - 1
	}
	return n
}

// beyond is the bit pattern of what is too large: the largest number with
// saturate, else infinity or NaN, as the type has them.
func (f smallFloat) beyond(sign uint8, saturate bool) uint8 {
	n := f.expBits + f.fracBits
	switch {
	case saturate || !f.inf && !f.nan && !f.fnuz:
		return sign | f.top()
	case f.inf:
		return sign | (f.top() + 1)
	case f.fnuz:
		return 1 << n
	}
	return sign | (1<<n - 1)
}

// encode rounds x to nearest, ties to even.
func (f smallFloat) encode(x float64, saturate bool) uint8 {
	n := f.expBits + f.fracBits
	var sign uint8
	if math.Signbit(x) {
		sign = 1 << n
	}
	switch {
	case x != x && f.fnuz:
		return 1 << n
	case x != x && (f.nan || f.inf):
		return sign | (1<<n - 1)
	case x != x:
		return 1 << n // a type without NaN: minus zero, as ONNX's own vectors have it
	}
	x = math.Abs(x)
	top := f.decode(f.top())
	exp := 1 - f.bias // of the denormals
	if _, e := math.Frexp(min(x, 2*top)); x > 0 && e-1 > exp {
		exp = e - 1
	}
	r := math.RoundToEven(math.Ldexp(min(x, 4*top), f.fracBits-exp)) // in units of the last place
	switch {
	case math.Ldexp(r, exp-f.fracBits) > top:
		return f.beyond(sign, saturate)
	case r == 0 && f.fnuz:
		return 0
	}
	// The bits of exponent and fraction count units of the last place, and a
	// carry of the fraction into the exponent is what rounding up means.
	return sign | uint8(int(r)+(exp+f.bias-1)<<f.fracBits)
}

// The formats by their names.
func formatE4M3FN() smallFloat   { return smallFloat{expBits: 4, fracBits: 3, bias: 7, nan: true} }
func formatE4M3FNUZ() smallFloat { return smallFloat{expBits: 4, fracBits: 3, bias: 8, fnuz: true} }
func formatE5M2() smallFloat     { return smallFloat{expBits: 5, fracBits: 2, bias: 15, inf: true} }
func formatE5M2FNUZ() smallFloat { return smallFloat{expBits: 5, fracBits: 2, bias: 16, fnuz: true} }
func formatE2M1() smallFloat     { return smallFloat{expBits: 2, fracBits: 1, bias: 1} }

func fromF8E4M3FN(b float8e4m3fn) float64     { return formatE4M3FN().decode(uint8(b)) }
func fromF8E4M3FNUZ(b float8e4m3fnuz) float64 { return formatE4M3FNUZ().decode(uint8(b)) }
func fromF8E5M2(b float8e5m2) float64         { return formatE5M2().decode(uint8(b)) }
func fromF8E5M2FNUZ(b float8e5m2fnuz) float64 { return formatE5M2FNUZ().decode(uint8(b)) }
func fromF4E2M1(b float4e2m1) float64         { return formatE2M1().decode(uint8(b)) }

func toF8E4M3FN(x float64, sat bool) float8e4m3fn {
	return float8e4m3fn(formatE4M3FN().encode(x, sat))
}
func toF8E4M3FNUZ(x float64, sat bool) float8e4m3fnuz {
	return float8e4m3fnuz(formatE4M3FNUZ().encode(x, sat))
}
func toF8E5M2(x float64, sat bool) float8e5m2 { return float8e5m2(formatE5M2().encode(x, sat)) }
func toF8E5M2FNUZ(x float64, sat bool) float8e5m2fnuz {
	return float8e5m2fnuz(formatE5M2FNUZ().encode(x, sat))
}
func toF4E2M1(x float64, sat bool) float4e2m1 { return float4e2m1(formatE2M1().encode(x, sat)) }

// fromF8E8M0 is a power of two; 255 is NaN.
func fromF8E8M0(b float8e8m0) float64 {
	if b == 255 {
		return math.NaN()
	}
	return math.Ldexp(1, int(b)-127)
}

// fromF16 is the value of an IEEE half.
func fromF16(h float16) float64 { return float64(f16ToF32(h)) }

// f16ToF32 is the value of an IEEE half, exactly.
func f16ToF32(h float16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&1023)
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp == 0:
		f := float32(frac) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// f32ToF16 rounds to the nearest half, ties to even.
func f32ToF16(x float32) float16 {
	bits := math.Float32bits(x)
	sign, abs := float16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN
		return sign | 0x7e00
	case abs >= 0x477ff000: // 65520, from which on infinity is nearest
		return sign | 0x7c00
	case abs < 0x38800000: // denormal: the sum's last bit is 2^-24
		f := math.Float32frombits(abs) + 0.5
		return sign | float16(math.Float32bits(f)-0x3f000000)
	}
	abs += 0xfff + abs>>13&1
	return sign | float16(abs>>13-112<<10)
}

// toF16 rounds x to the nearest half, ties to even; once, as going through
// float32 would not.
func toF16(x float64) float16 {
	return f32ToF16(oddFloat32(x))
}

// oddFloat32 rounds x to float32 by setting the last bit of what is inexact,
// so that rounding it again to fewer bits gives what rounding x would.
func oddFloat32(x float64) float32 {
	f := float32(x)
	if x != x || float64(f) == x {
		return f
	}
	if math.IsInf(float64(f), 0) {
		f = float32(math.Copysign(math.MaxFloat32, x))
		return f
	}
	bits := math.Float32bits(f)
	if math.Abs(float64(f)) > math.Abs(x) {
		bits-- // towards zero
	}
	return math.Float32frombits(bits | 1)
}

func fromBF16(h bfloat16) float64 { return float64(bf16ToF32(h)) }

func bf16ToF32(h bfloat16) float32 { return math.Float32frombits(uint32(h) << 16) }

// f32ToBF16 rounds to the nearest bfloat16, ties to even.
func f32ToBF16(x float32) bfloat16 {
	bits := math.Float32bits(x)
	if x != x {
		return bfloat16(bits>>16&0x8000 | 0x7fc0)
	}
	return bfloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

func toBF16(x float64) bfloat16 { return f32ToBF16(oddFloat32(x)) }
