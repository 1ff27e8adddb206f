package ir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"unsafe"
	"weak"
)

// A Data is a tensor with its elements: strings in Str, all others in Bytes. Data is shared and never written to.
type Data struct {
	Elem  Elem
	Shape []int
	Str   []string
	bytes []byte
	later *later
}

// NewData allocates a tensor of zeros.
func NewData(e Elem, shape ...int) *Data {
	d := &Data{Elem: e, Shape: shape}
	if e == String {
		d.Str = make([]string, d.Len())
	} else {
		d.bytes = make([]byte, d.Len()*e.Size())
	}
	return d
}

// Floats makes a tensor of type e from numbers.
func Floats(e Elem, shape []int, xs ...float64) *Data {
	d := NewData(e, shape...)
	for i, x := range xs {
		d.SetFloat(i, x)
	}
	return d
}

// Ints makes a tensor of type e from integers.
func Ints(e Elem, shape []int, xs ...int64) *Data {
	d := NewData(e, shape...)
	for i, x := range xs {
		d.SetInt(i, x)
	}
	return d
}

// Vector makes a one-dimensional int64 tensor.
func Vector(xs ...int64) *Data { return Ints(I64, []int{len(xs)}, xs...) }

// Scalar makes a tensor of no dimensions.
func Scalar(e Elem, x float64) *Data {
	d := NewData(e)
	if e.IsInt() || e == Bool {
		d.SetInt(0, int64(x))
	} else {
		d.SetFloat(0, x)
	}
	return d
}

// Strings makes a tensor of strings.
func Strings(shape []int, xs ...string) *Data { return &Data{Elem: String, Shape: shape, Str: xs} }

// Raw makes a tensor of its bytes, as Bytes gives them.
func Raw(e Elem, shape []int, b []byte) *Data { return &Data{Elem: e, Shape: shape, bytes: b} }

// Later makes a tensor whose bytes are made when somebody wants them. They are kept only as long as somebody has them: weights that are
// larger than memory, in all, can be moved about so.
func Later(e Elem, shape []int, bytes func() []byte) *Data {
	return &Data{Elem: e, Shape: shape, later: &later{bytes: bytes}}
}

type later struct {
	bytes func() []byte
	mu    sync.Mutex
	first weak.Pointer[byte] // of what was made last, as long as it is there
}

func (l *later) make(size int) []byte {
	if size == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.first.Value(); p != nil {
		return unsafe.Slice(p, size)
	}
	b := l.bytes()
	l.first = weak.Make(&b[0])
	return b
}

// Bytes is the elements of a tensor that has no strings, little-endian and row by row, one byte at least for each element: types of two and
// four bits are not packed, complex numbers are two floats.
func (d *Data) Bytes() []byte {
	if d.later != nil {
		return d.later.make(d.Len() * d.Elem.Size())
	}
	return d.bytes
}

// Made is d, with its bytes made if they are yet to be.
func (d *Data) Made() *Data {
	if d.later == nil {
		return d
	}
	return Raw(d.Elem, d.Shape, d.Bytes())
}

// Widened is d, of floats of fewer bits, in float32. The bytes are made later.
func (d *Data) Widened() *Data {
	return Later(F32, d.Shape, func() []byte {
		wide, narrow := NewData(F32, d.Shape...), d.Made()
		for i := range narrow.Len() {
			wide.SetFloat(i, narrow.Float(i))
		}
		return wide.bytes
	})
}

// Reshaped is d's elements in another shape.
func (d *Data) Reshaped(shape ...int) *Data {
	e := *d
	e.Shape = append([]int{}, shape...)
	return &e
}

// Len is the number of elements.
func (d *Data) Len() int {
	n := 1
	for _, k := range d.Shape {
		n *= k
	}
	return n
}

// Type is the tensor's type.
func (d *Data) Type() Type { return TN(d.Elem, d.Shape...) }

// Check reports what is wrong with the tensor's size.
func (d *Data) Check() error {
	if !d.Elem.Valid() {
		return fmt.Errorf("no element type %d", d.Elem)
	}
	n := 1
	for _, k := range d.Shape {
		if k < 0 || k > 0 && n > math.MaxInt64/16/k {
			return fmt.Errorf("impossible shape %v", d.Shape)
		}
		n *= k
	}
	if d.Elem == String && len(d.Str) != n {
		return fmt.Errorf("%d strings for shape %v", len(d.Str), d.Shape)
	}
	if d.Elem != String && d.later == nil && len(d.bytes) != n*d.Elem.Size() {
		return fmt.Errorf("%d bytes for %s%v, which takes %d", len(d.bytes), d.Elem, d.Shape, n*d.Elem.Size())
	}
	return nil
}

// Float is element i as a float64; integers are converted, Bool is 0 or 1.
func (d *Data) Float(i int) float64 {
	switch b := d.Bytes(); d.Elem {
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	case F16:
		return F16ToFloat(binary.LittleEndian.Uint16(b[2*i:]))
	case BF16:
		return BF16ToFloat(binary.LittleEndian.Uint16(b[2*i:]))
	case F8E8M0:
		if b[i] == 255 {
			return math.NaN()
		}
		return math.Ldexp(1, int(b[i])-127)
	case C64, C128:
		return real(d.Complex(i))
	case U64:
		return float64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	if f, ok := smallFloats[d.Elem]; ok {
		return f.value(d.Bytes()[i])
	}
	return float64(d.Int(i))
}

// Int is element i of an integer or Bool tensor; a U64 keeps its bits. Floats are cut towards zero.
func (d *Data) Int(i int) int64 {
	switch b := d.Bytes(); d.Elem {
	case I64, U64:
		return int64(binary.LittleEndian.Uint64(b[8*i:]))
	case I32:
		return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
	case U32:
		return int64(binary.LittleEndian.Uint32(b[4*i:]))
	case I16:
		return int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	case U16:
		return int64(binary.LittleEndian.Uint16(b[2*i:]))
	case I8, I4, I2:
		return int64(int8(b[i]))
	case U8, U4, U2, Bool:
		return int64(b[i])
	}
	return int64(d.Float(i))
}

// Complex is element i of a complex tensor.
func (d *Data) Complex(i int) complex128 {
	switch b := d.Bytes(); d.Elem {
	case C64:
		return complex(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[8*i:]))),
			float64(math.Float32frombits(binary.LittleEndian.Uint32(b[8*i+4:]))))
	case C128:
		return complex(math.Float64frombits(binary.LittleEndian.Uint64(b[16*i:])),
			math.Float64frombits(binary.LittleEndian.Uint64(b[16*i+8:])))
	}
	return complex(d.Float(i), 0)
}

// SetFloat rounds x to the element type, to nearest and ties to even; what does not fit a small float saturates. It is for tensors
// that are being made.
func (d *Data) SetFloat(i int, x float64) {
	switch b := d.Bytes(); d.Elem {
	case F32:
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(float32(x)))
	case F64:
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(x))
	case F16:
		binary.LittleEndian.PutUint16(b[2*i:], FloatToF16(x))
	case BF16:
		binary.LittleEndian.PutUint16(b[2*i:], FloatToBF16(x))
	case C64, C128:
		d.SetComplex(i, complex(x, 0))
	case F8E8M0:
		b[i] = floatToE8M0(x)
	case U64:
		if x >= 0x1p63 {
			binary.LittleEndian.PutUint64(b[8*i:], uint64(x))
			return
		}
		d.SetInt(i, int64(x))
	default:
		if f, ok := smallFloats[d.Elem]; ok {
			b[i] = f.bits(x, true)
			return
		}
		d.SetInt(i, int64(x))
	}
}

// FloatBits rounds x to the small float type e, with or without saturation.
func FloatBits(e Elem, x float64, saturate bool) uint8 {
	if e == F8E8M0 {
		return floatToE8M0(x)
	}
	return smallFloats[e].bits(x, saturate)
}

func floatToE8M0(x float64) uint8 {
	if math.IsNaN(x) || x < 0 {
		return 255
	}
	if x == 0 {
		return 0
	}
	frac, exp := math.Frexp(x) // the power of two at or next above half way
	if frac >= 0.75 {
		exp++
	}
	return uint8(min(max(exp-1+127, 0), 254))
}

// SetInt stores x, wrapped to the element type.
func (d *Data) SetInt(i int, x int64) {
	switch b := d.Bytes(); d.Elem {
	case I64, U64:
		binary.LittleEndian.PutUint64(b[8*i:], uint64(x))
	case I32, U32:
		binary.LittleEndian.PutUint32(b[4*i:], uint32(x))
	case I16, U16:
		binary.LittleEndian.PutUint16(b[2*i:], uint16(x))
	case I8, U8:
		b[i] = uint8(x)
	case Bool:
		b[i] = 0
		if x != 0 {
			b[i] = 1
		}
	case U4:
		b[i] = uint8(x) & 15
	case I4:
		b[i] = uint8(int8(x<<4) >> 4)
	case U2:
		b[i] = uint8(x) & 3
	case I2:
		b[i] = uint8(int8(x<<6) >> 6)
	case String, NoElem:
		panic("BUG: a number in a tensor of " + d.Elem.String())
	default:
		d.SetFloat(i, float64(x))
	}
}

// SetComplex stores x.
func (d *Data) SetComplex(i int, x complex128) {
	switch b := d.Bytes(); d.Elem {
	case C64:
		binary.LittleEndian.PutUint32(b[8*i:], math.Float32bits(float32(real(x))))
		binary.LittleEndian.PutUint32(b[8*i+4:], math.Float32bits(float32(imag(x))))
	case C128:
		binary.LittleEndian.PutUint64(b[16*i:], math.Float64bits(real(x)))
		binary.LittleEndian.PutUint64(b[16*i+8:], math.Float64bits(imag(x)))
	}
}

// Equal reports whether the two are the same, bit by bit.
func (d *Data) Equal(e *Data) bool {
	if d.Elem != e.Elem || len(d.Shape) != len(e.Shape) || len(d.Str) != len(e.Str) {
		return false
	}
	for i := range d.Shape {
		if d.Shape[i] != e.Shape[i] {
			return false
		}
	}
	for i := range d.Str {
		if d.Str[i] != e.Str[i] {
			return false
		}
	}
	return bytes.Equal(d.Bytes(), e.Bytes())
}
