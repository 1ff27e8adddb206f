package analyze

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// adjoints are the derivatives of what stands between attentions. A composite that is not here goes by its expansion.
var adjoints = map[*ir.Op]func(s *step) error{}

func init() {
	for op, df := range slopes {
		adjoints[op] = func(s *step) error {
			out := zeros(s.y[0].Shape)
			for i, g := range s.g[0].F {
				out.F[i] = g * df(s.x[0].F[i], s.y[0].F[i])
			}
			s.set(0, out)
			return nil
		}
	}
	for op, d := range partials {
		adjoints[op] = func(s *step) error { return binary(s, d) }
	}
	for op, from := range movements {
		adjoints[op] = func(s *step) error { return moved(s, from) }
	}
	for op, rule := range map[*ir.Op]func(s *step) error{
		ir.MatMul: product, ir.Softmax: softmax, ir.MaskedSoftmax: softmax, ir.LogSoftmax: logSoftmax,
		ir.LayerNormalization: func(s *step) error { return normalised(s, true) },
		ir.RMSNormalization:   func(s *step) error { return normalised(s, false) },
		ir.ReduceSum:          func(s *step) error { return reduced(s, false) },
		ir.ReduceMean:         func(s *step) error { return reduced(s, true) },
		ir.RotaryEmbedding:    turned,
		ir.Attention:          attended, ir.DualAttention: attended,
	} {
		adjoints[op] = rule
	}
}

// slopes are dy/dx of functions of one number.
var slopes = map[*ir.Op]func(x, y float64) float64{
	ir.Neg:        func(x, y float64) float64 { return -1 },
	ir.Exp:        func(x, y float64) float64 { return y },
	ir.Log:        func(x, y float64) float64 { return 1 / x },
	ir.Sqrt:       func(x, y float64) float64 { return 0.5 / y },
	ir.Reciprocal: func(x, y float64) float64 { return -y * y },
	ir.Sigmoid:    func(x, y float64) float64 { return y * (1 - y) },
	ir.Tanh:       func(x, y float64) float64 { return 1 - y*y },
	ir.Erf:        func(x, y float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
	ir.Sin:        func(x, y float64) float64 { return math.Cos(x) },
	ir.Cos:        func(x, y float64) float64 { return -math.Sin(x) },
	ir.Softplus:   func(x, y float64) float64 { return 1 / (1 + math.Exp(-x)) },
	ir.Abs:        func(x, y float64) float64 { return math.Copysign(1, x) },
	ir.Clip: func(x, y float64) float64 {
		if x == y {
			return 1
		}
		return 0
	},
	ir.Relu: func(x, y float64) float64 {
		if x > 0 {
			return 1
		}
		return 0
	},
}

// partials are dz/dx and dz/dy of z = f(x, y).
var partials = map[*ir.Op]func(x, y, z float64) (dx, dy float64){
	ir.Add: func(x, y, z float64) (float64, float64) { return 1, 1 },
	ir.Sub: func(x, y, z float64) (float64, float64) { return 1, -1 },
	ir.Mul: func(x, y, z float64) (float64, float64) { return y, x },
	ir.Div: func(x, y, z float64) (float64, float64) { return 1 / y, -z / y },
	ir.Pow: func(x, y, z float64) (float64, float64) { return y * math.Pow(x, y-1), z * math.Log(x) },
}

func binary(s *step, d func(x, y, z float64) (float64, float64)) error {
	z := s.y[0]
	xs, ys := sources(s.x[0].Shape, z.Shape), sources(s.x[1].Shape, z.Shape)
	gx, gy := zeros(z.Shape), zeros(z.Shape)
	for i, g := range s.g[0].F {
		dx, dy := d(s.x[0].Float(xs[i]), s.x[1].Float(ys[i]), z.F[i])
		gx.F[i], gy.F[i] = g*dx, g*dy
	}
	s.set(0, gx)
	s.set(1, gy)
	return nil
}

// movements are the operators that only place elements, by the first of the arguments that have them; -1 is the end of those.
var movements = map[*ir.Op][2]int{
	ir.Identity: {0, 1}, ir.Reshape: {0, 1}, ir.Flatten: {0, 1}, ir.Squeeze: {0, 1}, ir.Unsqueeze: {0, 1}, ir.Transpose: {0, 1},
	ir.Expand: {0, 1}, ir.Tile: {0, 1}, ir.Slice: {0, 1}, ir.Split: {0, 1}, ir.Gather: {0, 1}, ir.GatherElements: {0, 1},
	ir.GatherND: {0, 1}, ir.Trilu: {0, 1}, ir.Cast: {0, 1}, ir.Concat: {0, -1}, ir.Where: {1, 3},
}

// moved lets the operator place the numbers of its arguments' elements, from 1 on, 0 being an element that comes from nowhere; the
// gradients go the other way.
func moved(s *step, from [2]int) error {
	first, end := from[0], from[1]
	if s.n.Op == ir.Cast && (s.x[0].F == nil || s.y[0].F == nil) {
		return nil // a step has no slope
	}
	if end < 0 {
		end = len(s.x)
	}
	args := append([]*runtime.Tensor{}, s.x...)
	count := 1
	starts := make([]int, end)
	for i := first; i < end; i++ {
		starts[i] = count
		args[i] = counting(args[i].Shape, count)
		count += args[i].Len()
	}
	attrs := s.n.Attrs
	if s.n.Op == ir.Cast {
		attrs = ir.Attrs{"to": ir.F64}
	}
	numbers, err := apply(s.n.Op, len(s.n.Results), attrs, args...)
	if err != nil {
		return err
	}
	all := make([]float64, count)
	for k, g := range s.g {
		if g == nil {
			continue
		}
		for i, x := range g.F {
			all[int(numbers[k].F[i])] += x
		}
	}
	for i := first; i < end; i++ {
		s.set(i, &runtime.Tensor{Elem: ir.F64, Shape: args[i].Shape, F: all[starts[i] : starts[i]+args[i].Len()]})
	}
	return nil
}

// product is that of matrices: da = g·bᵀ, db = aᵀ·g.
func product(s *step) error {
	a, b, g := wide(s.x[0]), wide(s.x[1]), s.g[0]
	if a.Rank() < 2 || b.Rank() < 2 {
		return fmt.Errorf("the derivative of a product with a vector is not known here")
	}
	bt, err := transposed(b)
	if err != nil {
		return err
	}
	at, err := transposed(a)
	if err != nil {
		return err
	}
	for i, pair := range [][2]*runtime.Tensor{{g, bt}, {at, g}} {
		if !s.need[i] {
			continue
		}
		d, err := apply1(ir.MatMul, nil, pair[0], pair[1])
		if err != nil {
			return err
		}
		s.set(i, d)
	}
	return nil
}

// rows calls f for each row of t along axis: the places of its elements.
func rows(t *runtime.Tensor, axis int, f func(at []int)) {
	if axis < 0 {
		axis += t.Rank()
	}
	stride := 1
	for _, k := range t.Shape[axis+1:] {
		stride *= k
	}
	at := make([]int, t.Shape[axis])
	for i := range t.F {
		if i/stride%len(at) != 0 {
			continue
		}
		for k := range at {
			at[k] = i + k*stride
		}
		f(at)
	}
}

// softmax: dx = y∘(g - Σ y∘g), with a sink too.
func softmax(s *step) error {
	y, g, dx, axis := s.y[0], s.g[0], zeros(s.y[0].Shape), -1
	if s.n.Op == ir.Softmax {
		axis = s.n.Int("axis")
	} else if len(s.need) > 1 && s.need[1] {
		return fmt.Errorf("the derivative by the sink is not known here")
	}
	rows(y, axis, func(at []int) {
		sum := 0.0
		for _, i := range at {
			sum += y.F[i] * g.F[i]
		}
		for _, i := range at {
			dx.F[i] = y.F[i] * (g.F[i] - sum)
		}
	})
	s.set(0, dx)
	return nil
}

// logSoftmax: dx = g - eʸ·Σ g.
func logSoftmax(s *step) error {
	y, g, dx := s.y[0], s.g[0], zeros(s.y[0].Shape)
	rows(y, s.n.Int("axis"), func(at []int) {
		sum := 0.0
		for _, i := range at {
			sum += g.F[i]
		}
		for _, i := range at {
			dx.F[i] = g.F[i] - math.Exp(y.F[i])*sum
		}
	})
	s.set(0, dx)
	return nil
}

// reduced spreads the gradient of a sum, or of a mean, over what went into it.
func reduced(s *step, mean bool) error {
	x := s.x[0]
	kept, err := apply1(s.n.Op, ir.Attrs{"noop_with_empty_axes": s.n.Int("noop_with_empty_axes")}, append([]*runtime.Tensor{wide(x)}, s.x[1:]...)...)
	if err != nil {
		return err
	}
	scale := 1.0
	if mean {
		scale = float64(kept.Len()) / float64(x.Len())
	}
	dx := zeros(x.Shape)
	for i, j := range sources(kept.Shape, x.Shape) {
		dx.F[i] = scale * s.g[0].F[j]
	}
	s.set(0, dx)
	return nil
}

// normalised: with n = x̂ and h = g∘scale, dx = (h - mean(h) - n·mean(h∘n))/σ; the mean of h only where x was centred.
func normalised(s *step, centred bool) error {
	for _, g := range s.g[1:] {
		if g != nil {
			return fmt.Errorf("the derivative of mean and deviation is not known here")
		}
	}
	for _, need := range s.need[1:] {
		if need {
			return fmt.Errorf("the derivative by scale and shift is not known here")
		}
	}
	x, dx := s.x[0], zeros(s.x[0].Shape)
	axis := s.n.Int("axis")
	if axis < 0 {
		axis += x.Rank()
	}
	size := 1
	for _, k := range x.Shape[axis:] {
		size *= k
	}
	scale := sources(s.x[1].Shape, x.Shape)
	for first := 0; first < len(x.F); first += size {
		row := x.F[first : first+size]
		mean, square := 0.0, 0.0
		if centred {
			for _, v := range row {
				mean += v / float64(size)
			}
		}
		for _, v := range row {
			square += (v - mean) * (v - mean) / float64(size)
		}
		inv := 1 / math.Sqrt(square+s.n.Float("epsilon"))
		hMean, hn := 0.0, 0.0
		for i, v := range row {
			h := s.g[0].F[first+i] * s.x[1].F[scale[first+i]] / float64(size)
			hMean += h
			hn += h * (v - mean) * inv
		}
		if !centred {
			hMean = 0
		}
		for i, v := range row {
			h := s.g[0].F[first+i] * s.x[1].F[scale[first+i]]
			dx.F[first+i] = inv * (h - hMean - (v-mean)*inv*hn)
		}
	}
	s.set(0, dx)
	return nil
}

// turned turns the gradient back, by the opposite angle.
func turned(s *step) error {
	sin, err := apply1(ir.Neg, nil, wide(s.arg("sin")))
	if err != nil {
		return err
	}
	dx, err := apply1(ir.RotaryEmbedding, s.n.Attrs, s.g[0], wide(s.arg("cos")), sin, s.arg("position_ids"))
	if err != nil {
		return err
	}
	s.set(0, dx)
	return nil
}

// attended goes back through a whole attention.
func attended(s *step) error {
	for _, name := range []string{"mask", "bias", "sink"} {
		if i := s.n.Op.ArgIndex(name); i < len(s.need) && s.need[i] {
			return fmt.Errorf("the derivative by %s is not known here", name)
		}
	}
	t, err := newAttention(s.n, s.arg)
	if err != nil {
		return err
	}
	g := t.gradient(s.g[0])
	at := s.n.Op.ArgIndex
	if s.n.Op == ir.Attention {
		s.set(at("q"), g.plus.q)
		s.set(at("k"), g.plus.k)
		s.set(at("v"), g.plus.v)
		return nil
	}
	s.set(at("qp"), g.plus.q)
	s.set(at("qn"), g.minus.q)
	s.set(at("a"), g.a)
	s.set(at("b"), g.b)
	s.set(at("c"), g.c)
	k, v := g.plus.k, g.plus.v
	if g.own != nil {
		v = plus(v, g.own)
	}
	if s.arg("kn") == nil {
		k = plus(k, g.minus.k)
	} else {
		s.set(at("kn"), g.minus.k)
	}
	if s.arg("vn") == nil {
		v = plus(v, g.minus.v)
	} else {
		s.set(at("vn"), g.minus.v)
	}
	s.set(at("kp"), k)
	s.set(at("vp"), v)
	return nil
}
