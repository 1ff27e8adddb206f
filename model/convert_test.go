package model

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// TestConvert checks that a converted model computes what the model did, to the precision of float32, and has dual attention.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		family, attention string
		duals             int
	}{
		{"bert", `{"kind":"dagpam"}`, 2},
		{"bert", `{"kind":"dagpam","per":"head","query":"head","key":"own","layers":[0]}`, 1},
		{"gpt2", `{"kind":"dagpam","form":"complement"}`, 2},
		{"llama", `{"kind":"dagpam","form":"plain","query":"own"}`, 2},
		{"llama", `{"kind":"dagpam","lambda_plus":0,"lambda_minus":0}`, 2},
		{"seq2seq", `{"kind":"dagpam"}`, 6},
		{"vit", `{"kind":"shaped","alpha":"weights","beta":"weights","gamma":"weights"}`, 2},
		{"bert", `{"kind":"shaped","alpha":0,"gamma":0}`, 2},
		{"diffllama", `{"kind":"diff"}`, 2},
	} {
		name := c.family + " " + c.attention
		d, err := Init(*small(t, c.family, "", nil), 1)
		if err != nil {
			t.Fatal(err)
		}
		ms, err := ParseMechanisms([]byte(c.attention))
		if err != nil {
			t.Fatal(err)
		}
		before := len(d.Weights)
		e, err := Convert(d, ms, 2)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(d.Weights) != before || len(d.Config.Attention) != 0 {
			t.Errorf("%s: the definition that was converted has changed", name)
		}
		p, err := Build(e)
		if err != nil {
			t.Fatal(err)
		}
		in := makeTokens(&d.Config)
		compare(t, name, p, in.inputs(p), in.want(&oracle{&d.Config, d.Weights}))
		if _, err := passes.Run(p, passes.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := ops(p, ir.DualAttention); got != c.duals {
			t.Errorf("%s: %d DualAttention, want %d", name, got, c.duals)
		}
	}
}

func TestConvertErrors(t *testing.T) {
	for _, c := range []struct{ family, have, want, err string }{
		{"bert", "", `{"kind":"centred"}`, `layer 0 (encoder): attention of kind "sdpa" cannot become "centred"`},
		{"bert", "", `{"kind":"sink","layers":[1]}`, `layer 1 (encoder): attention of kind "sdpa" cannot become "sink"`},
		{"bert", `{"kind":"sink"}`, `{"kind":"dagpam"}`, `attention of kind "sink" cannot become "dagpam"`},
		{"bert", "", `{"kind":"dagpam","lambda_plus":0.5}`, "lambda_plus is fixed at 0.5"},
		{"bert", "", `{"kind":"shaped"}`, "alpha is fixed at 1"},
		{"bert", "", `{"kind":"dagpam","layers":[2]}`, "there are 2 layers"},
	} {
		d, err := Init(*small(t, c.family, c.have, nil), 1)
		if err != nil {
			t.Fatal(err)
		}
		ms, err := ParseMechanisms([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Convert(d, ms, 1); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v; want %s", c.want, err, c.err)
		}
	}
	d, err := Init(*small(t, "bert", "", nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	delete(d.Weights, "embeddings.LayerNorm.weight")
	if _, err := Convert(d, nil, 1); err == nil || !strings.Contains(err.Error(), "1 tensor is missing") {
		t.Errorf("%v", err)
	}
}

// TestConvertDeterministic checks that converting twice gives the same bytes, and that an old tensor is not another.
func TestConvertDeterministic(t *testing.T) {
	d, err := Init(*small(t, "llama", "", nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]bytes.Buffer
	for i := range out {
		e, err := Convert(d, []Mechanism{{Kind: "dagpam"}}, 9)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range d.Weights {
			if e.Weights[name] != w {
				t.Errorf("%s was made anew", name)
			}
		}
		if err := WriteSafetensors(&out[i], e.Weights, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) {
		t.Error("other bytes")
	}
}

// TestReferenceNumbers are numbers of daGPAM that were computed elsewhere, of the parts that models are built from.
func TestReferenceNumbers(t *testing.T) {
	q := []float64{1, -.5, .5, 1, -1, .25}
	k := []float64{.5, 1, -1, .5, 1, 1}
	v := []float64{1, 0, 0, 1, 2, -1}
	for _, c := range []struct {
		causal      string
		plus, minus float64
		want        []float64
	}{
		{"", 1, 1, []float64{2.129374, -1.129374, 1.815544, -.815544, .106444, .893556}},
		{"", .5, .25, []float64{1.888649, -.638649, 1.753206, -.503206, .579833, .670167}},
		{"self", 1, 1, []float64{1, 0, 1.044813, -.044813, .106444, .893556}},
		{"self", .5, .25, []float64{1.25, 0, .968830, .281170, .579833, .670167}},
		{"self", 0, 0, nil}, // softmax attention
	} {
		config := &Config{Family: "bert", Attention: []Mechanism{{Kind: "dagpam", LambdaPlus: Fixed(c.plus), LambdaMinus: Fixed(c.minus)}}}
		weights := map[string]*ir.Data{"a.q_neg.weight": ir.Floats(ir.F32, []int{2, 2}, -1, .25, .5, -1)} // transposed, as Linear keeps it
		n := newNet(config, weights)
		length := ir.Sym("L")
		in := func(name string) *ir.Value { return n.input(name, ir.F32, ir.N(1), length, ir.N(2)) }
		qx, kx, vx := in("q"), in("k"), in("v")
		s := site{place: "encoder", name: "a", heads: 1, kv: 1, dim: 2, causal: c.causal}.self(qx)
		s.project = func(_, _, _ int) (a, b, c *ir.Value) { return qx, kx, vx }
		n.output("y", n.attend(s))
		single := n.b.New(ir.Attention, ir.Attrs{"scale": 1 / 1.4142135623730951, "causal": c.causal}, qx, kx, vx)
		n.output("single", single)
		if err := n.err(); err != nil {
			t.Fatal(err)
		}
		tensor := func(x []float64) runtime.Value { return runtime.Floats(ir.F32, []int{1, 3, 2}, x...) }
		out, err := runtime.Eval(n.p, []runtime.Value{tensor(q), tensor(k), tensor(v)}, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		y, want := out[0].(*runtime.Tensor), c.want
		if want == nil {
			want = out[1].(*runtime.Tensor).F
		}
		for i := range want {
			if d := y.F[i] - want[i]; d > 2e-6 || d < -2e-6 {
				t.Errorf("causal %q, %v and %v: element %d is %v, want %v", c.causal, c.plus, c.minus, i, y.F[i], want[i])
			}
		}
		for i := range 3 { // V's rows add up to 1, and so do Y's to the row sum
			if sum := y.F[2*i] + y.F[2*i+1] - (1 + c.plus - c.minus); sum > 1e-6 || sum < -1e-6 {
				t.Errorf("causal %q, %v and %v: row %d sums to %v more", c.causal, c.plus, c.minus, i, sum)
			}
		}
	}
}
