package codegen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestTurnedConv compiles convolutions whose weights are packed, and beside them some of whose they are not: weights that another node reads
// as they are, images that are large, or of which only the run knows how large they are.
func TestTurnedConv(t *testing.T) {
	p := program(t, `func f(x f32[b,64,7,7], u f32[b,64,30,30], v f32[b,64,h,7]) {
		w = Weight() name="w" type=f32[72,64,3,3]
		c = Weight() name="c" type=f32[72]
		y1 = Conv(x, w, c) pads=[1,1,1,1]
		p = Weight() name="p" type=f32[96,72,1,1]
		y2 = Conv(y1, p)
		q = Weight() name="q" type=f32[32,96,1,1]
		y3 = Conv(y2, q) strides=[2,2]
		s = Weight() name="s" type=f32[32,64,3,3]
		y4 = Conv(x, s)
		y5 = Conv(u, s) strides=[3,3]
		y6 = Conv(u, s)
		y7 = Conv(v, s)
		r = Weight() name="r" type=f32[32,64,1,1]
		y8 = Conv(x, r)
		y9 = Neg(r)
		return y1, y2, y3, y4, y5, y6, y7, y8, y9
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	if turned, others := strings.Count(steps, "convTurned32("), strings.Count(steps, "conv32("); turned != 3 || others != 5 {
		t.Errorf("%d convolutions with packed weights and %d others instead of 3 and 5:\n%s", turned, others, steps)
	}
	if n, most := len(out.Files["weights.bin"]), 4*(96*64*9+96*72+32*96+32*64*9+32*64+72)+7*64; n > most {
		t.Errorf("the weights take %d bytes, more than %d: some are there twice", n, most)
	}
	sizes := []map[string]int{{"b": 1, "h": 3}, {"b": 6, "h": 9}}
	compareCompiled(t, p, []string{"y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8", "y9"}, sizes...)
}

// TestCorneredConv compiles convolutions whose weights have corners, of images of any size and in groups, and beside them some with weights
// that another node reads as they are, or that are too small.
func TestCorneredConv(t *testing.T) {
	p := program(t, `func f(x f32[b,64,h,30]) {
		w = Weight() name="w" type=f32[72,64,3,3]
		c = Weight() name="c" type=f32[72]
		y1 = Conv(x, w, c) pads=[1,1,1,1]
		y2 = Conv(x, w) strides=[2,2]
		g = Weight() name="g" type=f32[64,32,3,1]
		a = Conv(x, g) group=2
		y3 = Relu(a)
		s = Weight() name="s" type=f32[40,64,3,3]
		y4 = Conv(x, s)
		y5 = Neg(s)
		m = Weight() name="m" type=f32[16,64,1,1]
		y6 = Conv(x, m)
		return y1, y2, y3, y4, y5, y6
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	model := string(out.Files["model.go"])
	for text, times := range map[string]int{"rows with corners, 1/1 of them a group": 1, "rows with corners, 1/2 of them a group": 1} {
		if n := strings.Count(model, text); n != times {
			t.Errorf("%q %d times instead of %d:\n%s", text, n, times, model)
		}
	}
	compareCompiled(t, p, []string{"y1", "y2", "y3", "y4", "y5", "y6"}, map[string]int{"b": 1, "h": 3}, map[string]int{"b": 2, "h": 21})
}

// TestConvSequel compiles what kernels of convolutions do with their sums: residuals on either side, and limits, of which some are not
// there. Beside it stands what they do not: other functions, what is broadcast, what is there twice or read by others too, and types that
// have no kernel.
func TestConvSequel(t *testing.T) {
	p := program(t, `func f(x f32[b,64,7,7], u f32[b,40,h,9], z f64[b,2,5,5], one f32[], m f32[b,40,1,1]) {
		w = Weight() name="w" type=f32[72,64,3,3]
		c = Weight() name="c" type=f32[72]
		a1 = Conv(x, w, c) pads=[1,1,1,1]
		a2 = Relu(a1)
		k = Weight() name="k" type=f32[64,72,1,1]
		a3 = Conv(a2, k)
		a4 = Add(x, a3)
		y1 = Clip(a4, -0.5, one)
		d = Weight() name="d" type=f32[40,1,3,3]
		b1 = Conv(u, d) group=40 pads=[1,1,1,1]
		b2 = Clip(b1, _, 0.25)
		e = Weight() name="e" type=f32[40,40,1,1]
		b3 = Conv(b2, e)
		b4 = Add(b3, u)
		b5 = Relu(b4)
		y2 = HardSwish(b5)
		q = Weight() name="q" type=f32[40,20,3,1]
		g1 = Conv(u, q) group=2 pads=[1,0,1,0]
		g2 = Sigmoid(g1)
		g3 = Gelu(u)
		g4 = Mul(g1, g2)
		y3 = Sub(g3, g4)
		h1 = Conv(u, e)
		h2 = Mul(h1, m)
		y4 = Relu(h2)
		i1 = Conv(u, e)
		y5 = Swish(i1)
		j1 = Conv(u, d) group=40 pads=[1,1,1,1]
		j2 = Conv(u, d) group=40 pads=[1,1,1,1] dilations=[1,1]
		y6 = Add(j1, j2)
		l1 = Conv(u, e)
		l2 = Add(l1, l1)
		y7 = Relu(l2)
		n1 = Conv(u, e)
		y8 = Tanh(n1)
		v = Weight() name="v" type=f64[3,2,2,2]
		o1 = Conv(z, v)
		y9 = Relu(o1)
		return y1, y2, y3, y4, y5, y6, y7, y8, y9, n1
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	for text, times := range map[string]int{
		"// Conv, Relu ": 1, "sequel{least: zero[:]}": 1, "// Conv, Add, Clip ": 1, "// Conv, Clip ": 1, "sequel{most: ": 1,
		"// Conv, Add, Relu ": 1, "sequel{add: in.U, least: zero[:]}": 1, "// Conv, Add ": 1, "sequel{add: f.": 1,
		"// Mul, Add, Clip, Mul ": 1, "// Mul, Relu ": 1, "// Add, Relu ": 1, "sequel{}": 6,
	} {
		if n := strings.Count(steps, text); n != times {
			t.Errorf("%q %d times instead of %d", text, n, times)
		}
	}
	if t.Failed() {
		t.Log(steps)
	}
	sizes := []map[string]int{{"b": 1, "h": 1}, {"b": 3, "h": 20}}
	compareCompiled(t, p, []string{"y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8", "y9", "n1"}, sizes...)
}

// TestConvLayers compiles layers that begin, and end, with Relu: each keeps it behind its last convolution.
func TestConvLayers(t *testing.T) {
	var text strings.Builder
	text.WriteString("func f(x f32[b,8,6,6]) {\n\tr0 = Relu(x)\n")
	for i := range 4 {
		fmt.Fprintf(&text, `
		u%[1]d = Weight() name="u%[1]d" type=f32[8,8,3,3]
		v%[1]d = Weight() name="v%[1]d" type=f32[8,8,3,3]
		a%[1]d = Conv(r%[1]d, u%[1]d) pads=[1,1,1,1]
		b%[1]d = Relu(a%[1]d)
		c%[1]d = Conv(b%[1]d, v%[1]d) pads=[1,1,1,1]
		d%[1]d = Add(c%[1]d, r%[1]d)
		r%[2]d = Relu(d%[1]d)
`, i, i+1)
	}
	p := program(t, text.String()+"\treturn r4\n}")
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	for text, times := range map[string]int{"// Relu ": 1, "// Conv, Relu ": 1, "// Conv, Add, Relu ": 1, "len(w.layer)": 1} {
		if n := strings.Count(steps, text); n != times {
			t.Errorf("%q %d times instead of %d:\n%s", text, n, times, steps)
		}
	}
	compareCompiled(t, p, []string{"r4"}, map[string]int{"b": 2})
}
