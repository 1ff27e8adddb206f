package passes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

const small = `func f(x f32[b,2]) {
    y = Identity(x)
    z = Mul(3, y)
    return z
}
`

func parse(t *testing.T, src string) *ir.Program {
	p, err := ir.ParseProgram(src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOptions(t *testing.T) {
	if err := (Options{Off: []string{"gelu"}, Only: []string{"canon"}, Why: "cse"}).Check(); err != nil {
		t.Error(err)
	}
	if err := (Options{Off: []string{"nothing"}}).Check(); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("an unknown rule: %v", err)
	}
	p := parse(t, small)
	s := run(t, p, Options{Only: []string{"canon"}, Off: []string{"identity"}})
	if len(s.Passes) != 1 || s.Fired["identity"] != 0 || s.Fired["const-right"] != 1 {
		t.Errorf("%+v", s)
	}
	if s := run(t, p, Options{Off: []string{"canon", "late"}}); s.Fired["identity"] != 0 {
		t.Errorf("canon is off, but %v", s.Fired)
	}
}

func TestDumpsReadBack(t *testing.T) {
	var names []string
	run(t, parse(t, small), Options{Dump: func(d PassDump) {
		if d.Index != len(names) {
			t.Errorf("dump %d has index %d", len(names), d.Index)
		}
		names = append(names, d.Pass)
		if _, err := ir.Parse(d.Program.String()); err != nil {
			t.Errorf("after %s: %v", d.Pass, err)
		}
	}})
	if len(names) != len(Default)+1 || names[0] != "" || names[1] != "fuse-quantized" {
		t.Errorf("dumps of %q", names)
	}
}

// TestNamesAreUnique: a rule may stand in several passes, but two rules, or a rule and a pass, must not share a name.
func TestNamesAreUnique(t *testing.T) {
	patterns := map[string]string{}
	for _, pass := range slices.Concat(Default, Kernel) {
		for _, r := range pass.Rules {
			if old, ok := patterns[r.Name]; ok && old != r.Pattern {
				t.Errorf("two rules are named %s", r.Name)
			}
			patterns[r.Name] = r.Pattern
		}
	}
	for _, pass := range slices.Concat(Default, Kernel) {
		if _, ok := patterns[pass.Name]; ok {
			t.Errorf("a pass and a rule are named %s", pass.Name)
		}
	}
}

// mustPanic runs bad passes and expects to be told so.
func mustPanic(t *testing.T, what string, list []Pass) {
	defer func() {
		if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "BUG:") || !strings.Contains(fmt.Sprint(r), what) {
			t.Errorf("want a panic about %q, not %v", what, r)
		}
	}()
	run(t, parse(t, small), Options{Passes: list})
}

func TestBugsAreCaught(t *testing.T) {
	mustPanic(t, "pass break leaves what does not verify", []Pass{{Name: "break", Run: func(p *ir.Program, _ *Count) bool {
		p.Main.Nodes = p.Main.Nodes[1:]
		return false
	}}})
	mustPanic(t, "rule cast turns Mul of type f32[b,2] into type i64", []Pass{{Name: "p", Rules: []Rule{
		{"cast", "(Mul x y)", func(b *ir.Builder, m *Match) *ir.Value { return b.New(ir.Cast, ir.Attrs{"to": ir.I64}, m.V("x")) }},
	}}})
	mustPanic(t, "does not come to an end", []Pass{{Name: "p", Rules: []Rule{
		{"there", "(Mul x y)", func(b *ir.Builder, m *Match) *ir.Value { return b.New(ir.Div, nil, m.V("x"), m.V("y")) }},
		{"back", "(Div x y)", func(b *ir.Builder, m *Match) *ir.Value { return b.New(ir.Mul, nil, m.V("x"), m.V("y")) }},
	}}})
}

// TestSameTwice: what comes out does not depend on the order of a map.
func TestSameTwice(t *testing.T) {
	src := `func f(x f32[b,s,4]) {
    wq = Weight() name="wq" type=f32[4,4]
    wk = Weight() name="wk" type=f32[4,4]
    q = MatMul(x, wq)
    k = MatMul(x, wk)
    kt = Transpose(k) perm=[0,2,1]
    a = MatMul(q, kt)
    p = Softmax(a)
    o = MatMul(p, k)
    return o
}
`
	var texts []string
	for range 3 {
		p := parse(t, src)
		fillWeights(p)
		run(t, p, Options{})
		texts = append(texts, p.String())
	}
	if texts[0] != texts[1] || texts[0] != texts[2] || !strings.Contains(texts[0], "wq+wk") {
		t.Errorf("%s\n%s", texts[0], texts[1])
	}
}

// run is Run without a contradiction in the program.
func run(t interface{ Fatal(...any) }, p *ir.Program, o Options) Stats {
	s, err := Run(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContradiction(t *testing.T) {
	p := parse(t, `func f(x f32[6], y f32[2,4]) {
		c = ConstantOfShape([2]) value=f32[1]{1.5}
		e = Exp(c)
		i = Cast(e) to=7
		o = Mul(i, [0,0])
		s = Add(o, [2,3])
		w = Reshape(x, s)
		z = MatMul(w, y)
		return z
	}`)
	p.Source = "model.onnx"
	_, err := Run(p, Options{})
	want := `model.onnx: node "" (MatMul): cannot multiply f32[2,3] by f32[2,4]: inner dimensions 3 and 2, now that constants are computed`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
