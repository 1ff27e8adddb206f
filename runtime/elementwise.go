package runtime

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.Abs:        unary(math.Abs, func(x int64) int64 { return max(x, -x) }),
		ir.Neg:        unary(func(x float64) float64 { return -x }, func(x int64) int64 { return -x }),
		ir.Sign:       unary(sign, func(x int64) int64 { return int64(min(max(x, -1), 1)) }),
		ir.Reciprocal: unary(func(x float64) float64 { return 1 / x }, nil),
		ir.Ceil:       unary(math.Ceil, nil),
		ir.Floor:      unary(math.Floor, nil),
		ir.Round:      unary(math.RoundToEven, nil),
		ir.Sqrt:       unary(math.Sqrt, nil),
		ir.Exp:        unary(math.Exp, nil),
		ir.Log:        unary(math.Log, nil),
		ir.Erf:        unary(math.Erf, func(x int64) int64 { return int64(math.Erf(float64(x))) }),
		ir.Sin:        unary(math.Sin, nil),
		ir.Cos:        unary(math.Cos, nil),
		ir.Tan:        unary(math.Tan, nil),
		ir.Asin:       unary(math.Asin, nil),
		ir.Acos:       unary(math.Acos, nil),
		ir.Atan:       unary(math.Atan, nil),
		ir.Sinh:       unary(math.Sinh, nil),
		ir.Cosh:       unary(math.Cosh, nil),
		ir.Tanh:       unary(math.Tanh, nil),
		ir.Asinh:      unary(math.Asinh, nil),
		ir.Acosh:      unary(math.Acosh, nil),
		ir.Atanh:      unary(math.Atanh, nil),
		ir.Not:        unary(nil, func(x int64) int64 { return 1 - x }),
		ir.BitwiseNot: unary(nil, func(x int64) int64 { return ^x }),
		ir.IsNaN:      floatTest(func(_ *Call, x float64) bool { return math.IsNaN(x) }),
		ir.IsInf: floatTest(func(c *Call, x float64) bool {
			return math.IsInf(x, 1) && c.Int("detect_positive") != 0 || math.IsInf(x, -1) && c.Int("detect_negative") != 0
		}),

		ir.Add: binary(arith{
			f: func(x, y float64) float64 { return x + y },
			i: func(x, y int64) int64 { return x + y },
		}),
		ir.Sub: binary(arith{
			f: func(x, y float64) float64 { return x - y },
			i: func(x, y int64) int64 { return x - y },
		}),
		ir.Mul: binary(arith{
			f: func(x, y float64) float64 { return x * y },
			i: func(x, y int64) int64 { return x * y },
		}),
		ir.Div: dividing(binary(arith{
			f: func(x, y float64) float64 { return x / y },
			i: divInt,
			u: func(x, y uint64) uint64 { return x / y },
		})),
		ir.Mod:        dividing(mod),
		ir.Pow:        pow,
		ir.BitShift:   bitShift,
		ir.BitwiseAnd: binary(arith{i: func(x, y int64) int64 { return x & y }}),
		ir.BitwiseOr:  binary(arith{i: func(x, y int64) int64 { return x | y }}),
		ir.BitwiseXor: binary(arith{i: func(x, y int64) int64 { return x ^ y }}),
		ir.And:        binary(arith{i: func(x, y int64) int64 { return x & y }}),
		ir.Or:         binary(arith{i: func(x, y int64) int64 { return x | y }}),
		ir.Xor:        binary(arith{i: func(x, y int64) int64 { return x ^ y }}),
		ir.Max:        binary(arith{f: maxFloat, i: maxInt, u: maxUint}),
		ir.Min:        binary(arith{f: minFloat, i: minInt, u: minUint}),

		ir.Equal:          compare(func(c int) bool { return c == 0 }),
		ir.Greater:        compare(func(c int) bool { return c == 1 }),
		ir.GreaterOrEqual: compare(func(c int) bool { return c == 1 || c == 0 }),
		ir.Less:           compare(func(c int) bool { return c == -1 }),
		ir.LessOrEqual:    compare(func(c int) bool { return c == -1 || c == 0 }),
		ir.Where:          where,
		ir.Clip:           clip,
	})
}

// unary applies f to floats, i to integers and booleans.
func unary(f func(float64) float64, i func(int64) int64) kernel {
	return func(c *Call) error {
		x := c.X(0)
		y := New(x.Elem, x.Shape...)
		for k := range x.Len() {
			switch {
			case x.F != nil && f != nil:
				y.F[k] = f(x.F[k])
			case x.I != nil && i != nil:
				y.I[k] = i(x.I[k])
			default:
				return c.Unsupported("elements of type %s", x.Elem)
			}
		}
		return c.Return(y)
	}
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // zero of either sign, or NaN
}

func floatTest(f func(c *Call, x float64) bool) kernel {
	return func(c *Call) error {
		x := c.X(0)
		y := New(ir.Bool, x.Shape...)
		for i := range y.I {
			y.I[i] = b2i(f(c, x.F[i]))
		}
		return c.Return(y)
	}
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// arith is a function of two numbers, for floats, integers, and unsigned integers where these differ.
type arith struct {
	f func(x, y float64) float64
	i func(x, y int64) int64
	u func(x, y uint64) uint64
}

// binary applies a to the arguments, broadcast together, from left to right.
func binary(a arith) kernel {
	return func(c *Call) error {
		y := c.X(0)
		for i := 1; i < c.Len(); i++ {
			var err error
			if y, err = a.apply(y, c.X(i)); err != nil {
				return err
			}
		}
		return c.Return(y)
	}
}

func (a arith) apply(x, y *Tensor) (*Tensor, error) {
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return nil, err
	}
	z := New(x.Elem, shape...)
	xs, ys := stretched(x.Shape, shape), stretched(y.Shape, shape)
	for i := range xs {
		z.combine(a, i, x, xs[i], y, ys[i])
	}
	return z, nil
}

// combine stores a of element j of x and element k of y.
func (t *Tensor) combine(a arith, i int, x *Tensor, j int, y *Tensor, k int) {
	switch {
	case t.F != nil:
		t.F[i] = a.f(x.F[j], y.F[k])
	case a.u != nil && t.Elem.IsUnsigned():
		t.I[i] = int64(a.u(uint64(x.I[j]), uint64(y.I[k])))
	default:
		t.I[i] = a.i(x.I[j], y.I[k])
	}
}

// dividing refuses a division of integers by zero, of which ONNX does not say what it is.
func dividing(k kernel) kernel {
	return func(c *Call) error {
		if x, y := c.X(0), c.X(1); x.Len() > 0 && slices.Contains(y.I, 0) {
			return fmt.Errorf("an integer divided by zero")
		}
		return k(c)
	}
}

// divInt cuts towards zero.
func divInt(x, y int64) int64 {
	if y == -1 {
		return -x // also of the least number, which wraps
	}
	return x / y
}

func maxFloat(x, y float64) float64 { return max(x, y) }
func minFloat(x, y float64) float64 { return min(x, y) }
func maxInt(x, y int64) int64       { return max(x, y) }
func minInt(x, y int64) int64       { return min(x, y) }
func maxUint(x, y uint64) uint64    { return max(x, y) }
func minUint(x, y uint64) uint64    { return min(x, y) }

func mod(c *Call) error {
	fmod := c.Int("fmod") != 0
	return binary(arith{
		f: func(x, y float64) float64 {
			r := math.Mod(x, y)
			if !fmod && r != 0 && (r < 0) != (y < 0) {
				r += y
			}
			return r
		},
		i: func(x, y int64) int64 {
			r := x - y*divInt(x, y)
			if !fmod && r != 0 && (r < 0) != (y < 0) {
				r += y
			}
			return r
		},
		u: func(x, y uint64) uint64 { return x % y },
	})(c)
}

// pow computes in the wider of the two types: floats as float64, integers by squaring, which wraps.
func pow(c *Call) error {
	x, y := c.X(0), c.X(1)
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return err
	}
	z := New(x.Elem, shape...)
	xs, ys := stretched(x.Shape, shape), stretched(y.Shape, shape)
	for i := range xs {
		if x.I != nil && y.I != nil && (y.I[ys[i]] >= 0 || y.Elem.IsUnsigned()) {
			z.I[i] = powInt(x.I[xs[i]], uint64(y.I[ys[i]]))
			continue
		}
		z.SetFloat(i, math.Pow(x.Float(xs[i]), y.Float(ys[i])))
	}
	return c.Return(z)
}

func powInt(x int64, n uint64) int64 {
	p := int64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}

func bitShift(c *Call) error {
	left := c.Str("direction") == "LEFT"
	width := uint64(c.X(0).Elem.Bits())
	shift := func(x, n uint64) uint64 {
		switch {
		case n >= width:
			return 0
		case left:
			return x << n
		}
		return x & (math.MaxUint64 >> (bits.UintSize - width)) >> n
	}
	return binary(arith{
		i: func(x, n int64) int64 { return int64(shift(uint64(x), uint64(n))) },
		u: shift,
	})(c)
}

// order compares element i of x with element j of y: -1, 0 or 1, and 2 where a NaN makes them unordered.
func order(x *Tensor, i int, y *Tensor, j int) int {
	switch {
	case x.F != nil:
		a, b := x.F[i], y.F[j]
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		case a == b:
			return 0
		}
		return 2
	case x.S != nil:
		return cmpOf(x.S[i], y.S[j])
	case x.C != nil:
		if x.C[i] == y.C[j] {
			return 0
		}
		return 2
	case x.Elem == ir.U64:
		return cmpOf(uint64(x.I[i]), uint64(y.I[j]))
	}
	return cmpOf(x.I[i], y.I[j])
}

func cmpOf[T int64 | uint64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compare(holds func(order int) bool) kernel {
	return func(c *Call) error {
		x, y := c.X(0), c.X(1)
		shape, err := broadcast(x.Shape, y.Shape)
		if err != nil {
			return err
		}
		z := New(ir.Bool, shape...)
		xs, ys := stretched(x.Shape, shape), stretched(y.Shape, shape)
		for i := range z.I {
			z.I[i] = b2i(holds(order(x, xs[i], y, ys[i])))
		}
		return c.Return(z)
	}
}

func where(c *Call) error {
	k, x, y := c.X(0), c.X(1), c.X(2)
	shape, err := broadcast(k.Shape, x.Shape, y.Shape)
	if err != nil {
		return err
	}
	z := New(x.Elem, shape...)
	ks, xs, ys := stretched(k.Shape, shape), stretched(x.Shape, shape), stretched(y.Shape, shape)
	for i := range ks {
		if k.I[ks[i]] != 0 {
			z.Set(i, x, xs[i])
		} else {
			z.Set(i, y, ys[i])
		}
	}
	return c.Return(z)
}

// clip lets the upper bound win when the two cross, as ONNX says.
func clip(c *Call) error {
	y := c.X(0).Clone()
	lo, hi := c.X(1), c.X(2)
	for _, b := range []*Tensor{lo, hi} {
		if b != nil && b.Len() != 1 {
			return fmt.Errorf("a bound is %s instead of one number", b.Type())
		}
	}
	for i := range y.Len() {
		if lo != nil && order(y, i, lo, 0) == -1 {
			y.Set(i, lo, 0)
		}
		if hi != nil && order(y, i, hi, 0) == 1 {
			y.Set(i, hi, 0)
		}
	}
	return c.Return(y)
}
