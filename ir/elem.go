package ir

import "fmt"

// Elem is the type of a tensor's elements. The numbers are those of ONNX's TensorProto.DataType.
type Elem uint8

const (
	NoElem     Elem = 0 // not known, or not a tensor
	F32        Elem = 1
	U8         Elem = 2
	I8         Elem = 3
	U16        Elem = 4
	I16        Elem = 5
	I32        Elem = 6
	I64        Elem = 7
	String     Elem = 8
	Bool       Elem = 9
	F16        Elem = 10
	F64        Elem = 11
	U32        Elem = 12
	U64        Elem = 13
	C64        Elem = 14
	C128       Elem = 15
	BF16       Elem = 16
	F8E4M3FN   Elem = 17
	F8E4M3FNUZ Elem = 18
	F8E5M2     Elem = 19
	F8E5M2FNUZ Elem = 20
	U4         Elem = 21
	I4         Elem = 22
	F4E2M1     Elem = 23
	F8E8M0     Elem = 24
	U2         Elem = 25
	I2         Elem = 26
	numElems        = 27
)

var elems = [numElems]struct {
	name string
	size int // bytes of one element in a Tensor; those under a byte take a whole one
	bits int
}{
	NoElem: {"?", 0, 0}, F32: {"f32", 4, 32}, U8: {"u8", 1, 8}, I8: {"i8", 1, 8}, U16: {"u16", 2, 16}, I16: {"i16", 2, 16},
	I32: {"i32", 4, 32}, I64: {"i64", 8, 64}, String: {"str", 0, 0}, Bool: {"bool", 1, 8}, F16: {"f16", 2, 16}, F64: {"f64", 8, 64},
	U32: {"u32", 4, 32}, U64: {"u64", 8, 64}, C64: {"c64", 8, 64}, C128: {"c128", 16, 128}, BF16: {"bf16", 2, 16},
	F8E4M3FN: {"f8e4m3fn", 1, 8}, F8E4M3FNUZ: {"f8e4m3fnuz", 1, 8}, F8E5M2: {"f8e5m2", 1, 8}, F8E5M2FNUZ: {"f8e5m2fnuz", 1, 8},
	U4: {"u4", 1, 4}, I4: {"i4", 1, 4}, F4E2M1: {"f4e2m1", 1, 4}, F8E8M0: {"f8e8m0", 1, 8}, U2: {"u2", 1, 2}, I2: {"i2", 1, 2},
}

// Valid reports whether e is one of the element types above.
func (e Elem) Valid() bool { return e > 0 && e < numElems }

func (e Elem) String() string {
	if e >= numElems {
		return fmt.Sprintf("elem%d", uint8(e))
	}
	return elems[e].name
}

// Size is the number of bytes that one element takes in a Tensor (0 for strings).
func (e Elem) Size() int { return elems[e].size }

// Bits is the number of bits of information in an element, as ONNX packs it.
func (e Elem) Bits() int { return elems[e].bits }

// IsFloat reports whether e is a real floating-point type of any width.
func (e Elem) IsFloat() bool {
	switch e {
	case F32, F16, F64, BF16, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F4E2M1, F8E8M0:
		return true
	}
	return false
}

// IsComplex reports whether e is a complex type.
func (e Elem) IsComplex() bool { return e == C64 || e == C128 }

// IsInt reports whether e is an integer type, signed or not. Bool is none.
func (e Elem) IsInt() bool { return e.IsSigned() || e.IsUnsigned() }

// IsSigned reports whether e is a signed integer type.
func (e Elem) IsSigned() bool {
	return e == I8 || e == I16 || e == I32 || e == I64 || e == I4 || e == I2
}

// IsUnsigned reports whether e is an unsigned integer type.
func (e Elem) IsUnsigned() bool {
	return e == U8 || e == U16 || e == U32 || e == U64 || e == U4 || e == U2
}

// ParseElem returns the element type of that name.
func ParseElem(s string) (Elem, bool) {
	for e := F32; e < numElems; e++ {
		if elems[e].name == s {
			return e, true
		}
	}
	return NoElem, false
}
