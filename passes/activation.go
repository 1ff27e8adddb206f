package passes

import (
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// activation recognises GELU, exact and by tanh, Swish, also called SiLU, and HardSwish, in the orders that exporters multiply.
var activation = []Rule{
	{"gelu", halved("(Erf (Mul x #0.7071067811865476))"), func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Gelu, nil, m.V("x"))
	}},
	{"gelu-doubled", "(Mul x (Add (Erf (Mul x #0.7071067811865476)) #1))", func(b *ir.Builder, m *Match) *ir.Value {
		return doubled(b, m, nil)
	}},
	{"gelu-tanh", halved(geluCubes()...), func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Gelu, ir.Attrs{"approximate": "tanh"}, m.V("x"))
	}},
	{"gelu-tanh-doubled", spelledBy("(Mul x (Add T #1))", geluCubes()...), func(b *ir.Builder, m *Match) *ir.Value {
		return doubled(b, m, ir.Attrs{"approximate": "tanh"})
	}},
	{"hardswish", "(Mul x s:(HardSigmoid x alpha=_ beta=_))", func(b *ir.Builder, m *Match) *ir.Value {
		if n, e := m.N("s"), m.Type("x").Elem; !near(e, n.Float("alpha"), 1.0/6) || !near(e, n.Float("beta"), 0.5) {
			return m.No("the line is another")
		}
		return b.New(ir.HardSwish, nil, m.V("x"))
	}},
	{"swish", "(Mul x (Sigmoid x))", func(b *ir.Builder, m *Match) *ir.Value { return b.New(ir.Swish, nil, m.V("x")) }},
	{"swish-alpha", "(Mul x (Sigmoid (Mul x #a)))", func(b *ir.Builder, m *Match) *ir.Value {
		return b.New(ir.Swish, ir.Attrs{"alpha": m.Scalar("a")}, m.V("x"))
	}},
}

// doubled is a GELU whose half has gone elsewhere, unless it follows.
func doubled(b *ir.Builder, m *Match, attrs ir.Attrs) *ir.Value {
	for _, n := range m.g.users[m.Root.Out()] {
		if d := n.ArgAt(1).Const(); m.g.alive(n) && n.Op == ir.Mul && d != nil && d.Len() == 1 && d.Float(0) == 0.5 {
			return m.No("the half follows")
		}
	}
	return b.New(ir.Mul, nil, b.New(ir.Gelu, attrs, m.V("x")), b.Scalar(m.Type("x").Elem, 2))
}

// halved are the spellings of x/2·(1 + t) for each t.
func halved(ts ...string) string {
	return strings.Join([]string{
		spelledBy("(Mul (Mul x (Add T #1)) #0.5)", ts...),
		spelledBy("(Mul (Mul x #0.5) (Add T #1))", ts...),
		spelledBy("(Mul x (Mul (Add T #1) #0.5))", ts...),
		spelledBy("(Mul x (Add (Mul T #0.5) #0.5))", ts...),
	}, "\n")
}

// spelledBy is the form with each of ts in the place of T.
func spelledBy(form string, ts ...string) string {
	var lines []string
	for _, t := range ts {
		lines = append(lines, strings.Replace(form, "T", t, 1))
	}
	return strings.Join(lines, "\n")
}

// geluCubes are the spellings of tanh(√(2/π)·(x + 0.044715·x³)).
func geluCubes() (ts []string) {
	for _, cube := range []string{
		"(Mul (Mul (Mul x x) x) #0.044715)",
		"(Mul (Mul x x) (Mul x #0.044715))",
		"(Mul (Mul (Mul x #0.044715) x) x)",
		"(Mul (Mul (Mul x x) #0.044715) x)",
	} {
		ts = append(ts, "(Tanh (Mul (Add x "+cube+") #0.7978845608028654))")
	}
	return append(ts, "(Tanh (Mul (Mul x #0.7978845608028654) (Add (Mul (Mul x x) #0.044715) #1)))",
		"(Tanh (Mul (Mul x #0.7978845608028654) (Add (Mul (Mul x #0.044715) x) #1)))",
		"(Tanh (Mul x (Mul (Add (Mul (Mul x x) #0.044715) #1) #0.7978845608028654)))",
		"(Tanh (Mul x (Add (Mul (Mul x x) #0.035677408136300125) #0.7978845608028654)))")
}
