package runtime

import (
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A Tensor has its elements, row by row, in the slice of its kind of element type: F for floats of any width, I for integers and Bool
// (a U64 by its bits), C for complex numbers, S for strings. A tensor that a kernel has returned is never written to again, so that
// results may share their elements with arguments.
type Tensor struct {
	Elem  ir.Elem
	Shape []int
	F     []float64
	I     []int64
	C     []complex128
	S     []string
}

// New makes a tensor of zeros.
func New(e ir.Elem, shape ...int) *Tensor {
	t := &Tensor{Elem: e, Shape: shape}
	n := size(shape)
	switch {
	case e.IsFloat():
		t.F = make([]float64, n)
	case e.IsComplex():
		t.C = make([]complex128, n)
	case e == ir.String:
		t.S = make([]string, n)
	default:
		t.I = make([]int64, n)
	}
	return t
}

// Floats makes a tensor from numbers, rounded to e.
func Floats(e ir.Elem, shape []int, xs ...float64) *Tensor {
	t := New(e, shape...)
	for i := range t.Len() {
		t.SetFloat(i, xs[i])
	}
	t.settle()
	return t
}

// Ints makes a tensor from integers, wrapped to e.
func Ints(e ir.Elem, shape []int, xs ...int64) *Tensor {
	t := New(e, shape...)
	for i := range t.Len() {
		t.SetInt(i, xs[i])
	}
	t.settle()
	return t
}

// Vector makes a one-dimensional int64 tensor.
func Vector(xs ...int) *Tensor {
	t := New(ir.I64, len(xs))
	for i, x := range xs {
		t.I[i] = int64(x)
	}
	return t
}

// Scalar makes a tensor of no dimensions.
func Scalar(e ir.Elem, x float64) *Tensor { return Floats(e, []int{}, x) }

// ScalarInt makes an integer tensor of no dimensions.
func ScalarInt(e ir.Elem, x int64) *Tensor { return Ints(e, []int{}, x) }

func size(shape []int) int {
	n := 1
	for _, k := range shape {
		n *= k
	}
	return n
}

// Len is the number of elements.
func (t *Tensor) Len() int { return size(t.Shape) }

// Rank is the number of dimensions.
func (t *Tensor) Rank() int { return len(t.Shape) }

// Type is the tensor's type.
func (t *Tensor) Type() ir.Type { return ir.TN(t.Elem, t.Shape...) }

// Float is element i as a float64; the real part of a complex number.
func (t *Tensor) Float(i int) float64 {
	switch {
	case t.F != nil:
		return t.F[i]
	case t.C != nil:
		return real(t.C[i])
	case t.Elem == ir.U64:
		return float64(uint64(t.I[i]))
	}
	return float64(t.I[i])
}

// Int is element i as an integer, cut towards zero.
func (t *Tensor) Int(i int) int {
	if t.F != nil {
		return int(t.F[i])
	}
	return int(t.I[i])
}

// SetFloat stores x as element i of a tensor that is being made.
func (t *Tensor) SetFloat(i int, x float64) {
	switch {
	case t.F != nil:
		t.F[i] = x
	case t.C != nil:
		t.C[i] = complex(x, 0)
	case t.Elem == ir.U64 && x >= 0x1p63:
		t.I[i] = int64(uint64(x))
	default:
		t.I[i] = int64(x)
	}
}

// SetInt stores x as element i of a tensor that is being made.
func (t *Tensor) SetInt(i int, x int64) {
	if t.I != nil {
		t.I[i] = x
		return
	}
	t.SetFloat(i, float64(x))
}

// Set copies element j of u, a tensor of the same element type, to element i.
func (t *Tensor) Set(i int, u *Tensor, j int) {
	switch {
	case t.F != nil:
		t.F[i] = u.F[j]
	case t.I != nil:
		t.I[i] = u.I[j]
	case t.C != nil:
		t.C[i] = u.C[j]
	default:
		t.S[i] = u.S[j]
	}
}

// Ints are the elements of an integer tensor as ints.
func (t *Tensor) Ints() []int {
	out := make([]int, t.Len())
	for i := range out {
		out[i] = t.Int(i)
	}
	return out
}

// Clone copies the tensor, for a kernel to write to.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{t.Elem, slices.Clone(t.Shape), slices.Clone(t.F), slices.Clone(t.I), slices.Clone(t.C), slices.Clone(t.S)}
}

// Reshape is the same elements in another shape.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	if size(shape) != t.Len() {
		panic(fmt.Sprintf("BUG: %s reshaped to %v", t.Type(), shape))
	}
	u := *t
	u.Shape = shape
	return &u
}

// Take is a tensor of t's elements at the given places, of the given shape; a place of -1 is a zero.
func (t *Tensor) Take(shape, at []int) *Tensor {
	u := New(t.Elem, shape...)
	for i, j := range at {
		if j >= 0 {
			u.Set(i, t, j)
		}
	}
	return u
}

// settle rounds floats and wraps integers to the element type.
func (t *Tensor) settle() {
	switch {
	case t.Elem.IsFloat():
		roundFloats(t.Elem, t.F)
	case t.Elem == ir.C64:
		for i, c := range t.C {
			t.C[i] = complex(float64(float32(real(c))), float64(float32(imag(c))))
		}
	case t.Elem == ir.Bool:
		for i, x := range t.I {
			if x != 0 {
				t.I[i] = 1
			}
		}
	case t.Elem.IsInt() && t.Elem.Bits() < 64:
		shift := 64 - t.Elem.Bits()
		for i, x := range t.I {
			if t.Elem.IsSigned() {
				t.I[i] = x << shift >> shift
			} else {
				t.I[i] = int64(uint64(x) << shift >> shift)
			}
		}
	}
}

// smallValues are the values of the bit patterns of the types of eight bits or fewer.
var smallValues = func() map[ir.Elem][]float64 {
	m := map[ir.Elem][]float64{}
	for _, e := range []ir.Elem{ir.F8E4M3FN, ir.F8E4M3FNUZ, ir.F8E5M2, ir.F8E5M2FNUZ, ir.F4E2M1, ir.F8E8M0} {
		d := ir.NewData(e, 1<<e.Bits())
		for i := range d.Bytes() {
			d.Bytes()[i] = byte(i)
			m[e] = append(m[e], d.Float(i))
		}
	}
	return m
}()

// roundFloats rounds xs to e, ties to even. Too large a number does not saturate: that is for Cast and QuantizeLinear to decide.
func roundFloats(e ir.Elem, xs []float64) {
	switch e {
	case ir.F64:
	case ir.F32:
		for i, x := range xs {
			xs[i] = float64(float32(x))
		}
	default:
		for i, x := range xs {
			xs[i] = RoundTo(e, x, false)
		}
	}
}

// RoundTo rounds x to the nearest number of the float type e, ties to even; saturate says what becomes of too large a number in a type
// of eight bits or fewer.
func RoundTo(e ir.Elem, x float64, saturate bool) float64 {
	switch e {
	case ir.F64:
		return x
	case ir.F32:
		return float64(float32(x))
	case ir.F16:
		return ir.F16ToFloat(ir.FloatToF16(x))
	case ir.BF16:
		return ir.BF16ToFloat(ir.FloatToBF16(x))
	}
	return smallValues[e][ir.FloatBits(e, x, saturate)]
}

// FromData converts a tensor of the program.
func FromData(d *ir.Data) *Tensor {
	t := New(d.Elem, slices.Clone(d.Shape)...)
	d = d.Made()
	switch {
	case t.F != nil:
		for i := range t.F {
			t.F[i] = d.Float(i)
		}
	case t.I != nil:
		for i := range t.I {
			t.I[i] = d.Int(i)
		}
	case t.C != nil:
		for i := range t.C {
			t.C[i] = d.Complex(i)
		}
	default:
		copy(t.S, d.Str)
	}
	return t
}

// Data converts the tensor to one of the program.
func (t *Tensor) Data() *ir.Data {
	d := ir.NewData(t.Elem, slices.Clone(t.Shape)...)
	switch {
	case t.F != nil:
		for i, x := range t.F {
			if t.Elem.Bits() <= 8 { // keep the infinities that SetFloat would saturate
				d.Bytes()[i] = ir.FloatBits(t.Elem, x, false)
				continue
			}
			d.SetFloat(i, x)
		}
	case t.I != nil:
		for i, x := range t.I {
			d.SetInt(i, x)
		}
	case t.C != nil:
		for i, c := range t.C {
			d.SetComplex(i, c)
		}
	default:
		copy(d.Str, t.S)
	}
	return d
}
