package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestRegions compiles element-wise nodes that are one step: chains and what meets again, arguments that are broadcast along any axes,
// bounds, a value that others read, and so ends a region, and more arguments than a region has.
func TestRegions(t *testing.T) {
	p := program(t, `func f(x f32[b,s,6], r f32[b,1,6], c f32[b,s,1], m f32[s,1], one f32[]) {
		w = Weight() name="w" type=f32[6]
		a = Mul(x, w)
		g = Sigmoid(a)
		h = Mul(a, g)
		k = Clip(h, -0.5, one)
		y = Sub(k, r)
		d = Add(c, m)
		e = Tanh(d)
		u = Mul(x, e)
		v0 = Gelu(u)
		v = Max(v0, one)
		z = Add(v, y)
		q = Div(one, z)
		p1 = Add(x, r)
		p2 = Add(p1, c)
		p3 = Add(p2, m)
		p4 = Add(p3, w)
		p5 = Add(p4, d)
		p6 = Swish(p5)
		only = Mul(r, m)
		return y, z, q, p6, e, only
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	for _, want := range []string{"does Mul, Sigmoid, Mul, Clip, Sub on", "does Mul, Gelu, Max, Add on", "does Add, Add, Add, Add, Swish on", "does Mul on"} {
		if !strings.Contains(steps, want) {
			t.Errorf("no function %s a block:\n%s", want, steps)
		}
	}
	sizes := []map[string]int{{"b": 1, "s": 1}, {"b": 2, "s": 3}, {"b": 3, "s": 500}}
	compareCompiled(t, p, []string{"y", "z", "q", "p6", "e", "only"}, sizes...)
}

// TestGaps compiles products and a normalization whose results have a gap behind each row, and one that has none, since it is a result.
func TestGaps(t *testing.T) {
	p := program(t, `func f(x f32[b,s,24]) {
		up = Weight() name="up" type=f32[24,1024]
		mid = Weight() name="mid" type=f32[1024,2048]
		down = Weight() name="down" type=f32[2048,24]
		g = Weight() name="g" type=f32[1024]
		h = Linear(x, up) act="silu"
		r = Linear(x, up)
		n = LayerNormalization(r, g, g)
		i = Linear(n, mid, _, _) act="relu"
		y = Linear(i, down, _, x)
		j = Linear(h, mid)
		z = Linear(j, down)
		k = Mul(r, g)
		o = Linear(k, mid)
		return y, z, j, o
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	for text, times := range map[string]int{", 1040, ": 6, ", 2064, ": 2} {
		if n := strings.Count(steps, text); n != times {
			t.Errorf("%q %d times instead of %d:\n%s", text, n, times, steps)
		}
	}
	sizes := []map[string]int{{"b": 1, "s": 1}, {"b": 2, "s": 13}}
	compareCompiled(t, p, []string{"y", "z", "j", "o"}, sizes...)
}
