package fuzz

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// What rounding explains is no difference, and what it does not is one.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		agree bool
	}{
		{"y = Mul(x, 0.5)", "y = Mul(x, 0.5000001)", true},
		{"y = Mul(x, 0.5)", "y = Mul(x, 0.50002)", false},
		{"v = Add(x, 1234567.8)\ny = Sub(v, 1234567.8)", "y = Identity(x)", true},
		{"y = Relu(x)", "y = Abs(x)", false},
		{"v = Mul(x, 0.3333333)\ny = Less(v, v)", "v = Mul(x, 0.3333333)\ny = LessOrEqual(v, v)", false},
		{"v = Div(x, 3)\nw = Mul(x, 0.33333334)\ny = Less(v, w)", "v = Div(x, 3)\nw = Mul(x, 0.33333334)\ny = Less(w, v)", true},
		{"y = ArgMax(x)", "y = ArgMin(x)", false},
		{"u = Sub(x, 2)\nv = Sqrt(u)\ny = Less(x, v)", "y = LessOrEqual(x, x)", true},
	} {
		var out [2]*ir.Program
		for i, text := range []string{c.a, c.b} {
			p, err := ir.ParseProgram("func f(x f32[2,8]) {\n" + text + "\nreturn y\n}")
			if err != nil {
				t.Fatal(err)
			}
			out[i] = p
		}
		in := runtime.RandomInputs(out[0].Main, 1, nil)
		x, err := Evaluate(out[0], in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := runtime.Eval(out[1], in, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Agree(got); (err == nil) != c.agree {
			t.Errorf("%q and %q: %v", c.a, c.b, err)
		}
	}
}
