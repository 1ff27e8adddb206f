package analyze

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

func parse(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := ir.ParseProgram(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// random is a tensor of seeded numbers; those of integers are 0, those of booleans mostly true.
func random(ty ir.Type, seed uint64) *runtime.Tensor {
	shape, _ := ty.Static()
	x := runtime.New(ty.Elem, shape...)
	for i, v := range normal(shape, seed, 9).F {
		switch {
		case x.F != nil:
			x.F[i] = v
		case ty.Elem == ir.Bool && v > -1:
			x.I[i] = 1
		}
	}
	return x
}

// loss is <C, results>.
func loss(t *testing.T, p *ir.Program, inputs []*runtime.Tensor) float64 {
	t.Helper()
	in := make([]runtime.Value, len(inputs))
	for i, x := range inputs {
		in[i] = x
	}
	out, err := runtime.Eval(p, in, runtime.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for k, v := range out {
		y := v.(*runtime.Tensor)
		if y.F == nil {
			continue
		}
		for i, c := range normal(y.Shape, 1, 1<<32+uint64(k)).F {
			sum += c * y.F[i]
		}
	}
	return sum
}

// slope is the derivative of f as one number changes, by the central difference.
func slope(x *float64, f func() float64) float64 {
	const h = 1e-5
	old := *x
	*x = old + h
	high := f()
	*x = old - h
	low := f()
	*x = old
	return (high - low) / (2 * h)
}

// agree compares a gradient with that of finite differences, as large as the largest of these makes rounding.
func agree(t *testing.T, name string, got, want *runtime.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) {
		t.Errorf("%s: a gradient of shape %v, want %v", name, got.Shape, want.Shape)
		return
	}
	scale := 1.0
	for _, x := range want.F {
		scale = max(scale, math.Abs(x))
	}
	for i, x := range got.F {
		if math.Abs(x-want.F[i]) > 1e-7*scale {
			t.Errorf("%s: element %d is %v, finite differences give %v", name, i, x, want.F[i])
			return
		}
	}
}

// differences is the gradient of the loss of p by parameter k.
func differences(t *testing.T, p *ir.Program, inputs []*runtime.Tensor, k int) *runtime.Tensor {
	g := zeros(inputs[k].Shape)
	for i := range g.F {
		g.F[i] = slope(&inputs[k].F[i], func() float64 { return loss(t, p, inputs) })
	}
	return g
}

// back is the gradients of the loss of p by its parameters, but those of skip.
func back(t *testing.T, p *ir.Program, inputs []*runtime.Tensor, skip ...string) *tape {
	t.Helper()
	in := make([]runtime.Value, len(inputs))
	for i, x := range inputs {
		in[i] = x
	}
	tp, err := record(p, in, runtime.Options{Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Main.Results {
		if y := tp.values[v]; y.F != nil {
			tp.grads[v] = plus(tp.grads[v], normal(y.Shape, 1, 1<<32+uint64(i)))
		}
	}
	var roots []*ir.Value
	for _, v := range p.Main.Params {
		if v.Type.Elem.IsFloat() && !slices.Contains(skip, v.Name) {
			roots = append(roots, v)
		}
	}
	if err := tp.back(dependents(p.Main, roots...)); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	return tp
}

func checkGradients(t *testing.T, name string, p *ir.Program, positive bool, skip ...string) {
	t.Helper()
	var inputs []*runtime.Tensor
	for i, v := range p.Main.Params {
		x := random(v.Type, uint64(i+1))
		for k := range x.F {
			if positive {
				x.F[k] = 0.5 + math.Abs(x.F[k])
			} else if math.Abs(x.F[k]) < 0.01 {
				x.F[k] = 0.01 // away from the kinks
			}
		}
		inputs = append(inputs, x)
	}
	tp := back(t, p, inputs, skip...)
	for k, v := range p.Main.Params {
		if !v.Type.Elem.IsFloat() || slices.Contains(skip, v.Name) {
			continue
		}
		want := differences(t, p, inputs, k)
		got := tp.grads[v]
		if got == nil {
			got = zeros(want.Shape)
		}
		agree(t, name+": "+v.Name, got, want)
	}
}

// Every derivative in the table, by the operators' own examples; and composites, by their expansions.
func TestDerivatives(t *testing.T) {
	ops := []*ir.Op{ir.Gelu, ir.Swish, ir.SwiGLU, ir.Linear, ir.HardSwish, ir.Scores, ir.ReduceL2}
	for op := range adjoints {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b *ir.Op) int { return strings.Compare(a.Name, b.Name) })
	unknown := map[*ir.Op][]string{ // what the rules refuse
		ir.LayerNormalization: {"scale", "b"}, ir.RMSNormalization: {"scale"}, ir.RotaryEmbedding: {"c", "s"}, ir.MaskedSoftmax: {"s"},
		ir.Attention: {"m"}, ir.DualAttention: {"m"},
	}
	sizes := strings.NewReplacer("f32[b", "f64[2", "f32[n", "f64[3", "f32[", "f64[", "[b", "[2", ",s", ",3")
	for _, op := range ops {
		example := op.Example
		switch op {
		case ir.Cast:
			example = "Cast(x) to=11"
		case ir.LayerNormalization, ir.RMSNormalization:
			example += " stash_type=11" // differences need all the bits
		}
		if len(unknown[op]) > 0 && op != ir.Attention && op != ir.DualAttention {
			unknown[op] = exampleArgs(example)[1:]
		}
		text := fmt.Sprintf("func f(%s) {\n%s = %s\nreturn y0\n}", exampleParams(sizes.Replace(op.Inputs)), exampleResults(op), example)
		positive := op == ir.Log || op == ir.Sqrt || op == ir.Pow || op == ir.Div
		checkGradients(t, op.Name, parse(t, text), positive, unknown[op]...)
	}
}

// exampleParams puts commas between "x f32[2] y f32[3]".
func exampleParams(inputs string) string {
	words := strings.Fields(inputs)
	var out []string
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, words[i]+" "+words[i+1])
	}
	return strings.Join(out, ", ")
}

// exampleArgs are the arguments of "Op(x, y)".
func exampleArgs(example string) []string {
	_, rest, _ := strings.Cut(example, "(")
	args, _, _ := strings.Cut(rest, ")")
	return strings.Split(args, ", ")
}

func exampleResults(op *ir.Op) string {
	if op == ir.Split {
		return "y0, y1"
	}
	return "y0"
}

// The formulas for attention in all its forms: gradients of queries, keys, values and the weights of the branches.
func TestAttentionGradients(t *testing.T) {
	for name, text := range map[string]string{
		"plain":          "func f(q f64[3,4], k f64[5,4], v f64[5,2]) {\ny = Attention(q, k, v) scale=0.7\nreturn y\n}",
		"causal capped":  `func f(q f64[2,2,3,4], k f64[2,2,3,4], v f64[2,2,3,4]) {` + "\n" + `y = Attention(q, k, v) scale=1.3 softcap=0.8 causal="self"` + "\nreturn y\n}",
		"grouped masked": "func f(q f64[2,4,2,3], k f64[2,2,3,3], v f64[2,2,3,5], m bool[2,1,1,3]) {\ny = Attention(q, k, v, m) fill=-3\nreturn y\n}",
		"shared keys":    "func f(q f64[2,4,2,3], k f64[1,1,3,3], v f64[1,1,3,2], s f64[4,1,1]) {\ny = Attention(q, k, v, _, _, s) scale=0.5\nreturn y\n}",
		"window cache":   `func f(q f64[2,2,3], k f64[2,4,3], v f64[2,4,3]) {` + "\n" + `y = Attention(q, k, v) window=2 causal="cache"` + "\nreturn y\n}",
		"dagpam": "func f(q f64[2,3,4,3], k f64[2,3,4,3], v f64[2,3,4,3], w f64[3,3], a f64[], b f64[]) {\nr = Relu(q)\nn = MatMul(r, w)\n" +
			"y = DualAttention(q, k, v, n, _, _, a, b) scale_p=0.57 scale_n=0.57\nreturn y\n}",
		"differential": "func f(q f64[2,4,3,2], k f64[2,2,3,2], v f64[2,2,3,4], n f64[2,2,3,2], l f64[2,2,3,2], b f64[2,4,3,1]) {\n" +
			`y = DualAttention(q, k, v, n, l, _, f64[]{1}, b) scale_p=0.7 scale_n=0.6 causal="self"` + "\nreturn y\n}",
		"shaped": "func f(q f64[1,2,4,3], k f64[1,2,4,3], v f64[1,2,4,3], n f64[1,2,4,3], u f64[1,2,4,3], a f64[2,1,1], b f64[2,1,1], c f64[2,1,1]) {\n" +
			"y = DualAttention(q, k, v, n, _, u, a, b, _, _, c)\nreturn y\n}",
		"own values of a cache": "func f(q f64[1,2,2,3], k f64[1,2,4,3], v f64[1,2,4,3], n f64[1,2,2,3], a f64[], b f64[], c f64[]) {\n" +
			`y = DualAttention(q, k, v, n, _, _, a, b, _, _, c) causal="cache"` + "\nreturn y\n}",
	} {
		checkGradients(t, name, parse(t, text), false, "s")
	}
}

// The gradient of the logits itself: with keys that are the unit vectors, the queries are the logits.
func TestLogitGradients(t *testing.T) {
	text := "func f(q f64[2,3,3], v f64[2,3,2], n f64[2,3,3]) {\nk = Const() value=f64[1,3,3]{1,0,0,0,1,0,0,0,1}\n" +
		`y = DualAttention(q, k, v, n, _, _, f64[]{1.5}, f64[]{0.5}) causal="self"` + "\nreturn y\n}"
	p := parse(t, text)
	var inputs []*runtime.Tensor
	for i, v := range p.Main.Params {
		inputs = append(inputs, random(v.Type, uint64(i+1)))
	}
	tp := back(t, p, inputs)
	var dual *ir.Node
	for _, n := range p.Main.Nodes {
		if n.Op == ir.DualAttention {
			dual = n
		}
	}
	a, err := newAttention(dual, func(name string) *runtime.Tensor { return tp.values[dual.Arg(name)] })
	if err != nil {
		t.Fatal(err)
	}
	g := a.gradient(normal(a.shape, 1, 1<<32))
	agree(t, "dS+", g.plus.s, differences(t, p, inputs, 0))
	agree(t, "dS-", g.minus.s, differences(t, p, inputs, 2))
}

// layerText is two layers of width 4 with everything on the way from weights to queries: heads, a normalisation, a rotation, one product
// for all of queries, keys and values, or dual attention.
func layerText(dual bool) string {
	var b strings.Builder
	b.WriteString("func f(x f64[2,3,4], w0 f64[4,12], w1 f64[4,12], c f64[2,3,1], s f64[2,3,1]) {\ng = Const() value=f64[2]{1,1.5}\nh = Const() value=f64[4]{1,2,1,1}\n")
	x := "x"
	for l := range 2 {
		line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
		line("u%d = RMSNormalization(%s, h) stash_type=11", l, x)
		line("m%d = Linear(u%d, w%d)", l, l, l)
		line("i%d, j%d, o%d = Split(m%d, [4,4,4]) axis=2", l, l, l, l)
		for _, v := range []string{"i", "j", "o"} {
			line("r%s%d = Reshape(%s%d, [2,3,2,2])", v, l, v, l)
			line("t%s%d = Transpose(r%s%d) perm=[0,2,1,3]", v, l, v, l)
		}
		line("n%d = LayerNormalization(ti%d, g) stash_type=11 epsilon=0.5", l, l)
		line("q%d = RotaryEmbedding(n%d, c, s)", l, l)
		if dual {
			line("e%d = Relu(q%d)", l, l)
			line("y%d = DualAttention(q%d, tj%d, to%d, e%d, _, _, f64[]{2}, f64[]{1}) scale_p=0.7 scale_n=0.7", l, l, l, l, l)
		} else {
			line(`y%d = Attention(q%d, tj%d, to%d) scale=0.7 causal="self"`, l, l, l, l)
		}
		line("z%d = Transpose(y%d) perm=[0,2,1,3]", l, l)
		line("p%d = Reshape(z%d, [2,3,4])", l, l)
		line("x%d = Add(%s, p%d)", l, x, l)
		x = fmt.Sprintf("x%d", l)
	}
	fmt.Fprintf(&b, "return %s\n}\n", x)
	return b.String()
}

// The norms that the report has for the query weights, against finite differences of the losses.
func TestQueryGradients(t *testing.T) {
	for _, dual := range []bool{false, true} {
		p := parse(t, layerText(dual))
		var inputs []*runtime.Tensor
		var in []runtime.Value
		for i, v := range p.Main.Params {
			x := random(v.Type, uint64(i+1))
			inputs, in = append(inputs, x), append(in, x)
		}
		r, err := Run(p, in, Options{Loss: "outputs", Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for l, layer := range r.Layers {
			g := differences(t, p, inputs, 1+l)
			sum := 0.0
			for i, x := range g.F {
				if i%12 < 4 { // the columns of the queries
					sum += x * x
				}
			}
			if want := math.Sqrt(sum); math.Abs(float64(layer.Query)-want) > 1e-6*want {
				t.Errorf("dual %v, layer %d: the gradient of the query weights is %v, finite differences give %v", dual, l+1, layer.Query, want)
			}
		}
		for _, loss := range []string{"attention", "squares"} {
			checkLocalLoss(t, p, in, loss)
		}
	}
}

// checkLocalLoss compares the query gradients of layer 1 with differences of the loss that its attention's result has.
func checkLocalLoss(t *testing.T, p *ir.Program, in []runtime.Value, loss string) {
	t.Helper()
	r, err := Run(p, in, Options{Loss: loss, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	var y *ir.Value
	for _, n := range p.Main.Nodes {
		if y == nil && (n.Op == ir.Attention || n.Op == ir.DualAttention) {
			y = n.Out()
		}
	}
	w := in[1].(*runtime.Tensor)
	sum := 0.0
	for i := range w.F {
		if i%12 >= 4 {
			continue
		}
		d := slope(&w.F[i], func() float64 {
			tp, err := record(p, in, runtime.Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			v := tp.values[y]
			sum := 0.0
			for i, c := range normal(v.Shape, 7, 0).F {
				if loss == "squares" {
					c = v.F[i] / 2
				}
				sum += c * v.F[i]
			}
			return sum
		})
		sum += d * d
	}
	if got, want := float64(r.Layers[0].Query), math.Sqrt(sum); math.Abs(got-want) > 1e-6*want {
		t.Errorf("loss %q: the gradient of the query weights is %v, finite differences give %v", loss, got, want)
	}
}

func TestNoDerivative(t *testing.T) {
	p := parse(t, `func f(x f32[3,4]) {
		w = Weight() name="w" type=f32[4,4]
		q = Linear(x, w)
		y = Attention(q, x, x)
		z = ReduceProd(y, [1])
		return z
	}`)
	if _, err := passes.Run(p, passes.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err := Run(p, Seeded(p, 1, nil), Options{Loss: "outputs"})
	if err == nil || !strings.Contains(err.Error(), `(ReduceProd): its derivative is not known here`) {
		t.Errorf("got %v", err)
	}
	if _, err := Run(p, Seeded(p, 1, nil), Options{}); err != nil {
		t.Errorf("the loss of the attention needs no more: %v", err)
	}
}
