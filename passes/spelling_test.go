package passes

import (
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"pgregory.net/rapid"
)

// A speller writes attention as one of the many exporters might.
type speller struct {
	t    *rapid.T
	b    *ir.Builder
	f    *ir.Func
	mask *ir.Value // added, or nil
	rel  *ir.Value // a bias for each head, or nil
	hide *ir.Value // true where a key is hidden, or nil
	fill float64
	cap  float64
}

func (s *speller) flip(name string) bool { return rapid.Bool().Draw(s.t, name) }

func (s *speller) scalar(x float64) *ir.Value { return s.b.Scalar(ir.F64, x) }

// both builds op with its arguments in one order or the other.
func (s *speller) both(op *ir.Op, x, y *ir.Value) *ir.Value {
	if s.flip("swap") {
		x, y = y, x
	}
	return s.b.New(op, nil, x, y)
}

// scaled multiplies x by c, or divides it by 1/c.
func (s *speller) scaled(x *ir.Value, c float64) *ir.Value {
	if s.flip("divide") {
		return s.b.New(ir.Div, nil, x, s.scalar(1/c))
	}
	return s.both(ir.Mul, x, s.scalar(c))
}

// heads is an input [b,l,2·4], cut and turned to [b,2,l,4] or, for keys, to [b,2,4,l].
func (s *speller) heads(name, l string, keys bool, scale float64) *ir.Value {
	x := s.f.Param(name, ir.T(ir.F64, ir.Sym("b"), ir.Sym(l), ir.N(8)))
	place := 0
	if scale != 1 {
		place = rapid.IntRange(0, 2).Draw(s.t, "place")
	}
	if place == 1 {
		x = s.scaled(x, scale)
	}
	x = s.b.New(ir.Reshape, nil, x, s.b.Dims(ir.Sym("b"), ir.Sym(l), ir.N(2), ir.N(4)))
	perms := [][]int64{{0, 2, 1, 3}}
	if keys && s.flip("once") {
		perms = [][]int64{{0, 2, 3, 1}}
	} else if keys {
		perms = append(perms, []int64{0, 1, 3, 2})
	}
	for _, perm := range perms {
		x = s.b.New(ir.Transpose, ir.Attrs{"perm": perm}, x)
	}
	if place != 1 && scale != 1 {
		x = s.scaled(x, scale)
	}
	return x
}

// probabilities is softmax(cap(q·kᵀ·c) + masks).
func (s *speller) probabilities(q, k string) *ir.Value {
	scale := [3]float64{1, 1, 1} // of queries, keys and scores
	scale[rapid.IntRange(0, 2).Draw(s.t, "scale")] *= 0.5
	scale[rapid.IntRange(0, 2).Draw(s.t, "more")] *= 0.75
	x := s.b.New(ir.MatMul, nil, s.heads(q, "s", false, scale[0]), s.heads(k, "t", true, scale[1]))
	if scale[2] != 1 {
		x = s.scaled(x, scale[2])
	}
	if s.cap != 0 {
		x = s.scaled(s.b.New(ir.Tanh, nil, s.scaled(x, 1/s.cap)), s.cap)
	}
	if s.rel != nil {
		x = s.both(ir.Add, x, s.rel)
	}
	switch {
	case s.hide != nil && s.flip("negated"):
		x = s.b.New(ir.Where, nil, s.b.New(ir.Not, nil, s.hide), x, s.scalar(s.fill))
	case s.hide != nil:
		x = s.b.New(ir.Where, nil, s.hide, s.scalar(s.fill), x)
	case s.mask != nil:
		x = s.both(ir.Add, x, s.mask)
	}
	if s.flip("axis") {
		return s.b.New(ir.Softmax, ir.Attrs{"axis": 3}, x)
	}
	return s.b.New(ir.Softmax, nil, x)
}

// weighted multiplies x, probabilities or values, by a weight: none, a number, one for each head, or one for each row.
func (s *speller) weighted(x *ir.Value, name string) *ir.Value {
	switch rapid.IntRange(0, 3).Draw(s.t, "weight") {
	case 1:
		return s.both(ir.Mul, x, s.scalar(0.7))
	case 2:
		return s.both(ir.Mul, x, s.f.Param(name, ir.T(ir.F64, ir.N(2), ir.N(1), ir.N(1))))
	case 3:
		w := s.f.Param(name, ir.T(ir.F64, ir.Sym("b"), ir.N(2), ir.Sym("s"), ir.N(1)))
		return s.both(ir.Mul, x, s.both(ir.Add, w, s.scalar(1)))
	}
	return x
}

// TestSpellingsOfAttention: however it is written, one operator comes out, and it computes the same.
func TestSpellingsOfAttention(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := ir.NewFunc("spelled")
		s := &speller{t: t, b: ir.NewBuilder(f), f: f}
		dims := func(ds ...ir.Dim) []ir.Dim { return ds }
		one, b, l, h := ir.N(1), ir.Sym("b"), ir.Sym("t"), ir.N(2)
		if s.flip("bias") {
			s.rel = f.Param("rel", ir.T(ir.F64, dims(one, h, ir.Sym("s"), l)...))
		}
		switch rapid.IntRange(0, 2).Draw(t, "mask") {
		case 1:
			s.mask = f.Param("mask", ir.T(ir.F64, dims(b, one, one, l)...))
		case 2:
			s.hide = f.Param("hide", ir.T(ir.Bool, dims(b, one, one, l)...))
			s.fill = rapid.SampledFrom([]float64{-1e4, -1e9, -3.4028234663852886e38}).Draw(t, "fill")
		}
		if s.flip("capped") {
			s.cap = 20
		}
		op, v := ir.Attention, func() *ir.Value { return s.heads("v", "t", false, 1) }
		p := s.probabilities("q", "k")
		var y *ir.Value
		switch rapid.IntRange(0, 2).Draw(t, "difference") {
		case 0:
			y = s.b.New(ir.MatMul, nil, p, v())
		case 1:
			op = ir.DualAttention
			p, n := s.weighted(p, "a"), s.weighted(s.probabilities("qn", "kn"), "c")
			y = s.b.New(ir.MatMul, nil, s.b.New(ir.Sub, nil, p, n), v())
		default:
			op = ir.DualAttention
			x := v()
			p, n := s.b.New(ir.MatMul, nil, p, x), s.b.New(ir.MatMul, nil, s.probabilities("qn", "kn"), x)
			y = s.b.New(ir.Sub, nil, s.weighted(p, "a"), s.weighted(n, "c"))
		}
		f.Return(y)
		s.check(ir.NewProgram(f), op)
	})
}

// TestSpellingsOfNorms: so with layer and RMS normalisation.
func TestSpellingsOfNorms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := ir.NewFunc("spelled")
		s := &speller{t: t, b: ir.NewBuilder(f), f: f}
		x := f.Param("x", ir.T(ir.F64, ir.Sym("b"), ir.Sym("s"), ir.N(8)))
		mean := func(v *ir.Value) *ir.Value {
			return s.b.New(ir.ReduceMean, nil, v, s.b.Vector(rapid.SampledFrom([]int64{-1, 2}).Draw(t, "axis")))
		}
		op, d := ir.RMSNormalization, x
		if s.flip("centred") {
			op, d = ir.LayerNormalization, s.b.New(ir.Sub, nil, x, mean(x))
		}
		square := s.b.New(ir.Mul, nil, d, d)
		if s.flip("power") {
			square = s.b.New(ir.Pow, nil, d, s.scalar(2))
		}
		e := s.both(ir.Add, mean(square), s.scalar(1e-6))
		root := s.b.New(ir.Sqrt, nil, e)
		if s.flip("half") {
			root = s.b.New(ir.Pow, nil, e, s.scalar(0.5))
		}
		var y *ir.Value
		switch rapid.IntRange(0, 3).Draw(t, "quotient") {
		case 0:
			y = s.b.New(ir.Div, nil, d, root)
		case 1:
			y = s.both(ir.Mul, d, s.b.New(ir.Reciprocal, nil, root))
		case 2:
			y = s.both(ir.Mul, d, s.b.New(ir.Div, nil, s.scalar(1), root))
		default:
			y = s.both(ir.Mul, d, s.b.New(ir.Pow, nil, e, s.scalar(-0.5)))
		}
		weight := func(name string) *ir.Value {
			return s.b.New(ir.Weight, ir.Attrs{"name": name, "type": ir.TN(ir.F64, 8)})
		}
		if s.flip("scale") {
			y = s.both(ir.Mul, y, weight("g"))
		}
		if op == ir.LayerNormalization && s.flip("shift") {
			y = s.both(ir.Add, y, weight("c"))
		}
		f.Return(y)
		p := ir.NewProgram(f)
		fillWeights(p)
		s.check(p, op)
	})
}

// TestSpellingsOfGelu: and with GELU.
func TestSpellingsOfGelu(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := ir.NewFunc("spelled")
		s := &speller{t: t, b: ir.NewBuilder(f), f: f}
		x := f.Param("x", ir.T(ir.F64, ir.Sym("b"), ir.Sym("s"), ir.N(8)))
		var u *ir.Value
		if s.flip("exact") {
			u = s.b.New(ir.Erf, nil, s.scaled(x, math.Sqrt(0.5)))
		} else {
			cube := s.both(ir.Mul, s.b.New(ir.Mul, nil, x, x), x)
			if s.flip("power") {
				cube = s.b.New(ir.Pow, nil, x, s.scalar(3))
			}
			u = s.both(ir.Add, x, s.both(ir.Mul, cube, s.scalar(0.044715)))
			u = s.b.New(ir.Tanh, nil, s.both(ir.Mul, u, s.scalar(math.Sqrt(2/math.Pi))))
		}
		u = s.both(ir.Add, u, s.scalar(1))
		var y *ir.Value
		switch rapid.IntRange(0, 2).Draw(t, "half") {
		case 0:
			y = s.both(ir.Mul, s.scaled(x, 0.5), u)
		case 1:
			y = s.both(ir.Mul, x, s.scaled(u, 0.5))
		default:
			y = s.scaled(s.both(ir.Mul, x, u), 0.5)
		}
		f.Return(y)
		s.check(ir.NewProgram(f), ir.Gelu)
	})
}

func (s *speller) check(p *ir.Program, op *ir.Op) {
	before := p.Clone()
	fired := run(s.t, p, Options{}).Fired
	if n := p.Main.Results[0].Def; n == nil || n.Op != op {
		s.t.Fatalf("no %s after %v\n%s\nbecame\n%s", op.Name, fired, before, p)
	}
	in := runtime.RandomInputs(before.Main, 11, map[string]int{"b": 3, "s": 3, "t": 4})
	x, err := runtime.Eval(before, in, runtime.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	y, err := runtime.Eval(p, in, runtime.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	a, c := x[0].(*runtime.Tensor), y[0].(*runtime.Tensor)
	for i := range a.Len() {
		if d := math.Abs(a.Float(i) - c.Float(i)); !(d <= 1e-6) { // near -1e9 a score has ten digits less
			s.t.Fatalf("element %d was %v and is %v\n%s\nbecame\n%s", i, a.Float(i), c.Float(i), before, p)
		}
	}
}
