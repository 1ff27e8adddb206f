package fuzz

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

// pattern adds something that the compiler fuses, written in one of many ways, to the stream.
func (a *author) pattern() {
	x := a.stream
	var y *ir.Value
	switch a.int(0, 6) {
	case 0:
		y = a.norm(x)
	case 1:
		y = a.gelu(a.linear(x, 8))
	case 2:
		y = a.linear(x, 8)
	case 3, 4:
		y = a.attention(x, false)
	case 5:
		y = a.attention(x, true)
	default:
		y = a.swish(a.linear(x, 8))
	}
	a.keep(y)
	if a.flip() {
		y = a.both(ir.Add, y, x)
		a.keep(y)
	}
	a.stream = y
}

// both builds op with its arguments in one order or the other.
func (a *author) both(op *ir.Op, x, y *ir.Value) *ir.Value {
	if a.flip() {
		x, y = y, x
	}
	return a.b.New(op, nil, x, y)
}

// scaled multiplies x by c, or divides it by 1/c.
func (a *author) scaled(x *ir.Value, c float64) *ir.Value {
	if a.flip() {
		return a.b.New(ir.Div, nil, x, a.scalar(1/c))
	}
	return a.both(ir.Mul, x, a.scalar(c))
}

// linear is x·w + c.
func (a *author) linear(x *ir.Value, columns int) *ir.Value {
	w := a.weight(8, columns)
	if a.int(0, 3) == 0 {
		w = a.b.New(ir.Transpose, ir.Attrs{"perm": []int64{1, 0}}, a.weight(columns, 8))
	}
	y := a.b.New(ir.MatMul, nil, x, w)
	if a.flip() {
		y = a.both(ir.Add, y, a.weight(columns))
	}
	return y
}

// norm is LayerNormalization or RMSNormalization.
func (a *author) norm(x *ir.Value) *ir.Value {
	b := a.b
	mean := func(v *ir.Value) *ir.Value { return b.New(ir.ReduceMean, nil, v, b.Vector(one(a, int64(-1), 2))) }
	d := x
	if a.flip() {
		d = b.New(ir.Sub, nil, x, mean(x))
	}
	square := b.New(ir.Mul, nil, d, d)
	if a.flip() {
		square = b.New(ir.Pow, nil, d, a.scalar(2))
	}
	e := a.both(ir.Add, mean(square), a.scalar(one(a, 1e-6, 1e-5, 1e-3)))
	root := b.New(ir.Sqrt, nil, e)
	if a.flip() {
		root = b.New(ir.Pow, nil, e, a.scalar(0.5))
	}
	y := b.New(ir.Div, nil, d, root)
	if a.flip() {
		y = a.both(ir.Mul, d, b.New(ir.Reciprocal, nil, root))
	}
	if a.flip() {
		y = a.both(ir.Mul, y, a.weight(8))
	}
	if a.flip() {
		y = a.both(ir.Add, y, a.weight(8))
	}
	return y
}

// gelu is GELU, exact or by tanh.
func (a *author) gelu(x *ir.Value) *ir.Value {
	b := a.b
	var u *ir.Value
	if a.flip() {
		u = b.New(ir.Erf, nil, a.scaled(x, math.Sqrt(0.5)))
	} else {
		cube := a.both(ir.Mul, b.New(ir.Mul, nil, x, x), x)
		if a.flip() {
			cube = b.New(ir.Pow, nil, x, a.scalar(3))
		}
		u = a.both(ir.Add, x, a.both(ir.Mul, cube, a.scalar(0.044715)))
		u = b.New(ir.Tanh, nil, a.both(ir.Mul, u, a.scalar(math.Sqrt(2/math.Pi))))
	}
	u = a.both(ir.Add, u, a.scalar(1))
	if a.flip() {
		return a.scaled(a.both(ir.Mul, x, u), 0.5)
	}
	return a.both(ir.Mul, a.scaled(x, 0.5), u)
}

// swish is x·sigmoid(x).
func (a *author) swish(x *ir.Value) *ir.Value {
	return a.both(ir.Mul, x, a.b.New(ir.Sigmoid, nil, x))
}

// A mind is what the heads of one attention share.
type mind struct {
	rotate         bool
	cos, sin       *ir.Value
	mask, hide     *ir.Value
	fill, cap      float64
	causal, shared bool
}

// attention is multi-head attention of x with itself, with two heads of four; dual, it is the difference of two.
func (a *author) attention(x *ir.Value, dual bool) *ir.Value {
	b, m := a.b, &mind{rotate: a.int(0, 2) == 0}
	s, t := ir.Sym("s"), ir.N(1)
	if m.rotate {
		m.cos, m.sin = a.angles(), a.angles()
	}
	switch a.int(0, 3) {
	case 0:
		m.mask = a.param(ir.T(a.o.Elem, ir.Sym("b"), t, t, s))
	case 1:
		m.hide = a.param(ir.T(ir.Bool, ir.Sym("b"), t, t, s))
		m.fill = one(a, -1e4, -1e9, math.Inf(-1))
	}
	m.causal, m.shared = a.int(0, 3) == 0, a.flip()
	if a.int(0, 3) == 0 {
		m.cap = 20
	}
	var parts []*ir.Value
	if m.shared {
		parts = b.NewN(ir.Split, 3, ir.Attrs{"axis": -1}, a.linear(x, 24), b.Vector(8, 8, 8))
	} else {
		parts = []*ir.Value{a.linear(x, 8), a.linear(x, 8), a.linear(x, 8)}
	}
	v := a.heads(parts[2], m, false)
	p := a.probabilities(parts[0], parts[1], m)
	if dual {
		n := a.probabilities(a.linear(x, 8), one(a, parts[1], a.linear(x, 8)), m)
		if a.flip() {
			n = a.both(ir.Mul, n, one(a, a.scalar(0.7), a.weight(2, 1, 1)))
		}
		p = b.New(ir.Sub, nil, p, n)
	}
	o := b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 2, 1, 3}}, b.New(ir.MatMul, nil, p, v))
	o = b.New(ir.Reshape, nil, o, b.Dims(ir.Sym("b"), s, ir.N(8)))
	if a.flip() {
		o = a.linear(o, 8)
	}
	return o
}

// angles is a table in which the second half of each row repeats the first; or is another, which no operator for rotations takes.
func (a *author) angles() *ir.Value {
	if a.int(0, 4) == 0 {
		return a.param(ir.T(a.o.Elem, ir.Sym("s"), ir.N(4)))
	}
	half := a.param(ir.T(a.o.Elem, ir.Sym("s"), ir.N(2)))
	return a.b.New(ir.Concat, ir.Attrs{"axis": -1}, half, half)
}

// heads cuts x into [b,2,s,4]; keys of scores may be rotated.
func (a *author) heads(x *ir.Value, m *mind, rotate bool) *ir.Value {
	b := a.b
	x = b.New(ir.Reshape, nil, x, b.Dims(ir.Sym("b"), ir.Sym("s"), ir.N(2), ir.N(4)))
	x = b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 2, 1, 3}}, x)
	if !rotate || !m.rotate {
		return x
	}
	left := b.New(ir.Slice, nil, x, b.Vector(0), b.Vector(2), b.Vector(-1))
	right := b.New(ir.Slice, nil, x, b.Vector(2), b.Vector(math.MaxInt64), b.Vector(3))
	turned := b.New(ir.Concat, ir.Attrs{"axis": -1}, b.New(ir.Neg, nil, right), left)
	return a.both(ir.Add, a.both(ir.Mul, x, m.cos), a.both(ir.Mul, turned, m.sin))
}

// probabilities is softmax(cap(q·kᵀ·c) + masks).
func (a *author) probabilities(q, k *ir.Value, m *mind) *ir.Value {
	b := a.b
	scale := [3]float64{1, 1, 1}
	scale[a.int(0, 2)] *= 0.5
	qh, kh := a.heads(q, m, true), a.heads(k, m, true)
	if scale[0] != 1 {
		qh = a.scaled(qh, scale[0])
	}
	kt := b.New(ir.Transpose, ir.Attrs{"perm": []int64{0, 1, 3, 2}}, kh)
	if scale[1] != 1 {
		kt = a.scaled(kt, scale[1])
	}
	x := b.New(ir.MatMul, nil, qh, kt)
	if scale[2] != 1 {
		x = a.scaled(x, scale[2])
	}
	if m.cap != 0 {
		x = a.scaled(b.New(ir.Tanh, nil, a.scaled(x, 1/m.cap)), m.cap)
	}
	if m.causal {
		s := b.Dim(ir.Sym("s"))
		row := b.New(ir.Range, nil, b.Const(ir.Ints(ir.I64, nil, 0)), s, b.Const(ir.Ints(ir.I64, nil, 1)))
		later := b.New(ir.Greater, nil, b.New(ir.Unsqueeze, nil, row, b.Vector(0)), b.New(ir.Unsqueeze, nil, row, b.Vector(1)))
		x = b.New(ir.Where, nil, later, a.scalar(one(a, -1e9, math.Inf(-1))), x)
	}
	switch {
	case m.hide != nil && a.flip():
		x = b.New(ir.Where, nil, b.New(ir.Not, nil, m.hide), x, a.scalar(m.fill))
	case m.hide != nil:
		x = b.New(ir.Where, nil, m.hide, a.scalar(m.fill), x)
	case m.mask != nil:
		x = a.both(ir.Add, x, m.mask)
	}
	return b.New(ir.Softmax, nil, x)
}
