package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A site is one attention of a model: what its family decides about it. The rest is the mechanism's.
type site struct {
	place string // encoder, decoder or cross
	layer int
	name  string // how the names of its weights begin

	x, from          *ir.Value // of the queries, and of keys and values: [batch,L,width]
	heads, kv, dim   int
	scale            float64
	mask             *ir.Value
	causal           string
	project          func(q, k, v int) (qx, kx, vx *ir.Value) // the projections, of these widths
	rotate           func(x *ir.Value) *ir.Value              // turns [batch,heads,L,dim] by positions; nil does not
	queries, keys, v *ir.Value                                // [batch,heads,L,dim], not rotated
}

// self is a site whose keys and values are of what its queries are of.
func (s site) self(x *ir.Value) site {
	s.x, s.from = x, x
	return s
}

// named gives a site three projections with names of their own.
func (s site) named(n *net, query, key, value string, bias bool) site {
	s.project = func(q, k, v int) (qx, kx, vx *ir.Value) {
		return n.linear(s.x, s.name+query, q, bias), n.linear(s.from, s.name+key, k, bias), n.linear(s.from, s.name+value, v, bias)
	}
	return s
}

// attend is the output of an attention before its last projection, [batch,L,heads·dim].
func (n *net) attend(s site) *ir.Value {
	m := n.c.mechanism(s.place, s.layer)
	if s.scale == 0 {
		s.scale = 1 / math.Sqrt(float64(s.dim))
	}
	queries := s.heads
	if m.Kind == "diff" && m.Version == 2 {
		queries *= 2
	}
	if n.cached && s.causal == "self" {
		s.causal = "cache"
	}
	q, k, v := s.project(queries*s.dim, s.kv*s.dim, s.kv*s.dim)
	n.b.Name = s.name
	s.queries, s.keys, s.v = n.split(q, queries), n.split(k, s.kv), n.split(v, s.kv)
	var y *ir.Value
	switch m.Kind {
	case "sdpa":
		y = n.b.New(ir.Attention, s.attrs(), s.turn(s.queries), n.key(&s), n.value(&s), s.mask)
	case "sink":
		sink := n.scalar(&s, scalar{name: "sinks", value: *m.Sink}, "head")
		y = n.b.New(ir.Attention, s.attrs(), s.turn(s.queries), n.key(&s), n.value(&s), s.mask, nil, sink)
	case "dagpam":
		y = n.dagpam(&s, m, q)
	case "diff":
		y = n.diff(&s, m, v)
	case "shaped":
		x := n.scalars(&s, m)
		y = n.uniform(&s, x[0], x[1], x[2])
	case "centred":
		one := n.b.Scalar(ir.F32, 1)
		y = n.uniform(&s, one, one, nil)
	default:
		panic("BUG: attention kind " + m.Kind)
	}
	return n.merge(y)
}

// split turns [batch,L,heads·dim] into [batch,heads,L,dim].
func (n *net) split(x *ir.Value, heads int) *ir.Value {
	s := x.Type.Shape
	y := n.b.New(ir.Reshape, nil, x, n.b.Dims(s[0], s[1], ir.N(heads), ir.N(width(x)/heads)))
	return n.b.New(ir.Transpose, ir.Attrs{"perm": []int{0, 2, 1, 3}}, y)
}

// merge turns [batch,heads,L,dim] into [batch,L,heads·dim].
func (n *net) merge(x *ir.Value) *ir.Value {
	y := n.b.New(ir.Transpose, ir.Attrs{"perm": []int{0, 2, 1, 3}}, x)
	s := y.Type.Shape
	return n.b.New(ir.Reshape, nil, y, n.b.Dims(s[0], s[1], s[2].Mul(s[3])))
}

// turn rotates queries or keys, where the model does that.
func (s *site) turn(x *ir.Value) *ir.Value {
	if s.rotate == nil {
		return x
	}
	return s.rotate(x)
}

// key is the keys of a site, turned, and value its values; with those of earlier runs, where it looks at these, or an earlier run's.
func (n *net) key(s *site) *ir.Value   { return n.behind(s, "key", s.turn(s.keys)) }
func (n *net) value(s *site) *ir.Value { return n.behind(s, "value", s.v) }

// behind is x [batch,heads,L,dim] behind what earlier runs had in its place; what is of the encoder's tokens, one earlier run has computed, and
// x is for that to return.
func (n *net) behind(s *site, what string, x *ir.Value) *ir.Value {
	of, length := "", n.past()
	switch {
	case n.cached && s.place == "cross":
		of, length = "encoder.", x.Type.Shape[2]
	case s.causal != "cache":
		return x
	case families[n.c.Family].places == "both":
		of = "decoder."
	}
	name := fmt.Sprintf("%d.%s%s", s.layer, of, what)
	shape := slices.Clone(x.Type.Shape)
	shape[2] = length
	y := n.input("past_key_values."+name, ir.F32, shape...)
	if s.place != "cross" {
		x = n.b.New(ir.Concat, ir.Attrs{"axis": 2}, y, x)
		y = x
	}
	n.present = append(n.present, named{"present." + name, x})
	return y
}

// attrs are those of Attention.
func (s *site) attrs() ir.Attrs { return ir.Attrs{"scale": s.scale, "causal": s.causal} }

// dual is a∘Attention(qp, kp, v) - b∘Attention(qn, kn, v) + c∘v.
func (n *net) dual(s *site, qp, kp, v, qn, kn, a, b, c *ir.Value, scaleN float64) *ir.Value {
	attrs := ir.Attrs{"scale_p": s.scale, "scale_n": scaleN, "causal": s.causal}
	return n.b.New(ir.DualAttention, attrs, qp, kp, v, qn, kn, nil, a, b, s.mask, nil, c)
}

// scalars are the mechanism's numbers as arguments of DualAttention.
func (n *net) scalars(s *site, m Mechanism) []*ir.Value {
	var vs []*ir.Value
	for _, x := range m.scalars() {
		vs = append(vs, n.scalar(s, x, m.Per))
	}
	return vs
}

// scalar is a number, or a weight: one for the layer or one for each head, as [heads,1,1]. One value for a layer is repeated, so that
// layers differ in the contents of their weights alone.
func (n *net) scalar(s *site, x scalar, per string) *ir.Value {
	if !x.value.Weights {
		return n.b.Scalar(ir.F32, x.value.Value+x.offset)
	}
	count := 1
	if per == "head" {
		count = s.heads
	}
	w := n.weight(s.name+"."+x.name, fill{mean: 0.5, std: 0.1, neutral: &x.neutral}, count)
	w = n.b.New(ir.Reshape, nil, w, n.b.Vector(int64(count), 1, 1))
	if x.offset != 0 {
		w = n.add(w, n.b.Scalar(ir.F32, x.offset))
	}
	if count == 1 {
		w = n.repeated(w, s.heads)
	}
	return w
}

// repeated is one number as [heads,1,1].
func (n *net) repeated(x *ir.Value, heads int) *ir.Value {
	return n.b.New(ir.Expand, nil, x, n.b.Vector(int64(heads), 1, 1))
}

// dagpam is a Attention(Q+, K, V) - b Attention(Q-, K-, V). Q- comes from Q+ before positions turn either.
func (n *net) dagpam(s *site, m Mechanism, q *ir.Value) *ir.Value {
	var qn, kn *ir.Value
	switch m.Query {
	case "shared":
		shape := q.Type.Shape
		r := n.b.New(ir.Relu, nil, q)
		r = n.b.New(ir.Reshape, nil, r, n.b.Dims(shape[0], shape[1], ir.N(s.heads), ir.N(s.dim)))
		qn = n.b.New(ir.Transpose, ir.Attrs{"perm": []int{0, 2, 1, 3}}, n.linear(r, s.name+".q_neg", s.dim, false))
	case "head":
		w := n.stored(s.name+".q_neg.weight", perInput(s.dim), s.heads, s.dim, s.dim)
		qn = n.b.New(ir.MatMul, nil, n.b.New(ir.Relu, nil, s.queries), n.transposed(w))
	case "own":
		qn = n.split(n.linear(s.x, s.name+".q_neg", s.heads*s.dim, false), s.heads)
	}
	if m.Key == "own" {
		kn = n.behind(s, "key_neg", s.turn(n.split(n.linear(s.from, s.name+".k_neg", s.kv*s.dim, false), s.kv)))
	}
	n.b.Name = s.name
	x := n.scalars(s, m)
	return n.dual(s, s.turn(s.queries), n.key(s), n.value(s), s.turn(qn), kn, x[0], x[1], nil, s.scale)
}

// uniform is a∘Attention(q, k, v) less b times the mean of the values that a query sees, plus c times its own. Scores of 0 give the mean.
func (n *net) uniform(s *site, a, b, c *ir.Value) *ir.Value {
	q := s.turn(s.queries)
	return n.dual(s, q, n.key(s), n.value(s), q, nil, a, b, c, 0)
}

// diff is differential attention: the difference of the attentions of two heads.
func (n *net) diff(s *site, m Mechanism, v *ir.Value) *ir.Value {
	q := s.turn(s.queries)
	qp, qn := n.pair(q, m.Pairing)
	one := n.b.Scalar(ir.F32, 1)
	if m.Version == 2 {
		l := n.linear(s.x, s.name+".lambda_proj", s.heads, false)
		shape := l.Type.Shape
		l = n.b.New(ir.Transpose, ir.Attrs{"perm": []int{0, 2, 1}}, n.b.New(ir.Sigmoid, nil, l))
		l = n.b.New(ir.Reshape, nil, l, n.b.Dims(shape[0], shape[2], shape[1], ir.N(1)))
		n.b.Name = s.name
		return n.dual(s, qp, n.key(s), n.value(s), qn, nil, one, l, nil, s.scale)
	}
	k, values := n.key(s), s.v
	if s.kv%2 != 0 {
		k, values = n.repeatHeads(k, s.heads), n.repeatHeads(values, s.heads)
		v = nil
	}
	kp, kn := n.pair(k, m.Pairing)
	init := or(m.LambdaInit, 0.8-0.6*math.Exp(-0.3*float64(s.layer)))
	values = n.behind(s, "value", n.pairValues(values, v, m.Pairing))
	y := n.dual(s, qp, kp, values, qn, kn, one, n.diffLambda(s, init), nil, s.scale)
	return n.diffNorm(s, m, y, init)
}

// pair are the two halves of the heads of x [batch,heads,L,dim] that belong together, in order.
func (n *net) pair(x *ir.Value, pairing string) (p, q *ir.Value) {
	heads, _ := x.Type.Shape[1].Const()
	cut := func(start, end, step int) *ir.Value {
		return n.b.New(ir.Slice, nil, x, n.b.Vector(int64(start)), n.b.Vector(int64(end)), n.b.Vector(1), n.b.Vector(int64(step)))
	}
	if pairing == "interleaved" {
		return cut(0, heads, 2), cut(1, heads, 2)
	}
	return cut(0, heads/2, 1), cut(heads/2, heads, 1)
}

// pairValues puts the values of paired heads beside each other: [batch,heads/2,L,2·dim]. flat, where there is one, is what x was split from.
func (n *net) pairValues(x, flat *ir.Value, pairing string) *ir.Value {
	if pairing == "interleaved" && flat != nil { // neighbours are beside each other already
		heads, _ := x.Type.Shape[1].Const()
		return n.split(flat, heads/2)
	}
	p, q := n.pair(x, pairing)
	return n.b.New(ir.Concat, ir.Attrs{"axis": 3}, p, q)
}

// repeatHeads lets each head of x stand as often as makes heads of them.
func (n *net) repeatHeads(x *ir.Value, heads int) *ir.Value {
	s := x.Type.Shape
	have, _ := s[1].Const()
	if have == heads {
		return x
	}
	y := n.b.New(ir.Reshape, nil, x, n.b.Dims(s[0], s[1], ir.N(1), s[2], s[3]))
	y = n.b.New(ir.Expand, nil, y, n.b.Dims(s[0], s[1], ir.N(heads/have), s[2], s[3]))
	return n.b.New(ir.Reshape, nil, y, n.b.Dims(s[0], ir.N(heads), s[2], s[3]))
}

// diffLambda is exp(q1·k1) - exp(q2·k2) + init.
func (n *net) diffLambda(s *site, init float64) *ir.Value {
	part := func(i string) *ir.Value {
		x := n.b.New(ir.Mul, nil, n.weight(s.name+".lambda_q"+i, aroundZero, s.dim), n.weight(s.name+".lambda_k"+i, aroundZero, s.dim))
		return n.b.New(ir.Exp, nil, n.b.New(ir.ReduceSum, nil, x))
	}
	l := n.b.New(ir.Sub, nil, part("1"), part("2"))
	return n.repeated(n.add(l, n.b.Scalar(ir.F32, init)), s.heads/2)
}

// diffNorm is the norm of each head, times 1 - init.
func (n *net) diffNorm(s *site, m Mechanism, y *ir.Value, init float64) *ir.Value {
	if m.Norm == "none" {
		return y
	}
	scale := n.b.Scalar(ir.F32, 1-init)
	if m.Norm == "scaled" {
		scale = n.b.New(ir.Mul, nil, n.weight(s.name+".subln.weight", aroundOne, 2*s.dim), scale)
	} else {
		scale = n.b.New(ir.Expand, nil, scale, n.b.Vector(int64(2*s.dim)))
	}
	return n.b.New(ir.RMSNormalization, ir.Attrs{"epsilon": n.c.NormEps}, y, scale)
}
