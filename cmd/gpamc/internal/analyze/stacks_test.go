package analyze

import (
	"fmt"
	"math"
	"strings"
)

// A stack is IR text on its way. Its weights have no data, so that their names and the seed decide them: uniform in [-1, 1]; the
// factors bring products with them to the variance that they are to have.
type stack struct {
	b strings.Builder
	n int
}

func (s *stack) add(format string, args ...any) string {
	s.n++
	name := fmt.Sprintf("v%d", s.n)
	fmt.Fprintf(&s.b, "    %s = %s\n", name, fmt.Sprintf(format, args...))
	return name
}

// linear is x·W, of gain times x's standard deviation.
func (s *stack) linear(x, name, elem string, in, out int, gain float64) string {
	w := s.add("Weight() name=%q type=%s[%d,%d]", name, elem, in, out)
	return s.add("Mul(%s, %s)", s.add("Linear(%s, %s)", x, w), scalar(elem, gain*math.Sqrt(3/float64(in))))
}

func scalar(elem string, x float64) string { return fmt.Sprintf("%s[]{%.6g}", elem, x) }

// toyText is six layers that are nothing but one head of daGPAM each, on 16 tokens of width 16.
func toyText(lambda float64) string {
	const d, e = 16, "f64"
	s := &stack{}
	fmt.Fprintf(&s.b, "func toy(x f64[16,%d]) {\n", d)
	x := "x"
	for l := range 6 {
		of := func(x, name string, gain float64) string {
			return s.linear(x, fmt.Sprintf("%d.%s", l, name), e, d, d, gain)
		}
		q := of(x, "q", 1.2)
		n := of(s.add("Relu(%s)", q), "n", math.Sqrt2)
		x = s.add("DualAttention(%s, %s, %s, %s, _, _, %s, %s) scale_p=0.25 scale_n=0.25", q, of(x, "k", 1.2), of(x, "v", 1), n,
			scalar(e, 1+lambda), scalar(e, lambda))
	}
	fmt.Fprintf(&s.b, "    return y=%s\n}\n", x)
	return s.b.String()
}

// The causal language model of the example, without its head.
const (
	stackLayers = 15
	stackWidth  = 64
	stackHeads  = 4
	stackVocab  = 100
)

// stackText is a decoder of 15 layers with skip connections, normalisation (before each part, or after it) and feed-forward nets.
// Lambda 0 is ordinary attention; any other has the weights of that, and W_Q- beside.
func stackText(lambda float64, post bool) string {
	const d, e = stackWidth, "f32"
	s := &stack{}
	fmt.Fprintf(&s.b, "func decoder(ids i64[batch,seq]) {\n")
	one := s.add("Const() value=f32[%d]{1%s}", d, strings.Repeat(",1", d-1))
	table := s.add("Weight() name=\"tokens\" type=f32[%d,%d]", stackVocab, d)
	x := s.add("Mul(%s, %s)", s.add("Gather(%s, ids)", table), scalar(e, math.Sqrt(3)))
	norm := func(x string) string { return s.add("LayerNormalization(%s, %s)", x, one) }
	block := func(x string, part func(x string) string) string {
		if post {
			return norm(s.add("Add(%s, %s)", x, part(x)))
		}
		return s.add("Add(%s, %s)", x, part(norm(x)))
	}
	for l := range stackLayers {
		of := func(x, name string, in, out int, gain float64) string {
			return s.linear(x, fmt.Sprintf("%d.%s", l, name), e, in, out, gain)
		}
		x = block(x, func(h string) string { return s.attention(h, lambda, of) })
		x = block(x, func(h string) string {
			return of(s.add("Gelu(%s)", of(h, "f1", d, 2*d, 1)), "f2", 2*d, d, 1)
		})
	}
	fmt.Fprintf(&s.b, "    return y=%s\n}\n", x)
	return s.b.String()
}

func (s *stack) attention(h string, lambda float64, of func(x, name string, in, out int, gain float64) string) string {
	const d, head, e = stackWidth, stackWidth / stackHeads, "f32"
	split := func(name string) string {
		y := s.add("Reshape(%s, [batch,seq,%d,%d])", of(h, name, d, d, 1), stackHeads, head)
		return s.add("Transpose(%s) perm=[0,2,1,3]", y)
	}
	q, k, v := split("q"), split("k"), split("v")
	var y string
	if lambda == 0 {
		y = s.add(`Attention(%s, %s, %s) scale=0.25 causal="self"`, q, k, v)
	} else {
		n := of(s.add("Relu(%s)", q), "n", head, head, math.Sqrt2)
		y = s.add(`DualAttention(%s, %s, %s, %s, _, _, %s, %s) scale_p=0.25 scale_n=0.25 causal="self"`, q, k, v, n,
			scalar(e, 1+lambda), scalar(e, lambda))
	}
	y = s.add("Reshape(%s, [batch,seq,%d])", s.add("Transpose(%s) perm=[0,2,1,3]", y), d)
	return of(y, "o", d, d, 1)
}
