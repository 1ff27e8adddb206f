package pipeline

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

const product = `func f(x f32[b,s,8]) {
	w = Weight() name="w" type=f32[8,4]
	k = Weight() name="k" type=f32[4]
	v1 = MatMul(x, w)
	v2 = Add(v1, k)
	v3 = Erf(v2)
	return y=v3
}`

func compiled(t *testing.T, o Options) (*ir.Program, *Compiled) {
	t.Helper()
	freshCache(t)
	p, err := ir.ParseProgram(product)
	if err != nil {
		t.Fatal(err)
	}
	FillWeights(p)
	before := p.String()
	c, err := Build(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if p.String() != before {
		t.Error("compiling changed the program")
	}
	return p, c
}

func TestCompiledAgreesWithReference(t *testing.T) {
	p, c := compiled(t, Options{})
	for _, dims := range []map[string]int{{"b": 2, "s": 3}, {"b": 1, "s": 17}, {"b": 0, "s": 4}} {
		in := RandomInputs(p, 1, dims)
		want, err := Evaluate(p, in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Run(in, RunOptions{Threads: 2, Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := values.Compare(got.Outputs[0], want[0], values.Tolerance{Abs: 1e-5}); err != nil {
			t.Errorf("%v: %v", dims, err)
		}
	}
}

func TestFixedSizesAreChecked(t *testing.T) {
	p, c := compiled(t, Options{Dims: map[string]int{"s": 3}})
	if _, err := c.Run(RandomInputs(p, 1, map[string]int{"b": 2, "s": 3}), RunOptions{Limit: time.Minute}); err != nil {
		t.Error(err)
	}
	if _, err := c.Run(RandomInputs(p, 1, map[string]int{"b": 2, "s": 4}), RunOptions{Limit: time.Minute}); err == nil {
		t.Error("another length than the package was made for was accepted")
	}
}

// Steps are measured where that is asked for, and nowhere else.
func TestProfile(t *testing.T) {
	p, c := compiled(t, Options{Codegen: codegen.Options{Profile: true}})
	d, err := c.Run(RandomInputs(p, 1, map[string]int{"b": 20, "s": 30}), RunOptions{Threads: 1, Runs: 4, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, s := range c.Steps {
		text = append(text, s.Node.Op.Name+" "+s.Kernel)
	}
	if !slices.Equal(text, []string{"Linear linear", "Erf unary"}) {
		t.Errorf("the steps are %v", text)
	}
	total := time.Duration(0) // of medians of three runs: in one of them both steps took as long
	for _, s := range d.Steps {
		if s <= 0 {
			t.Errorf("steps took %v", d.Steps)
		}
		total += s
	}
	if len(d.Steps) != len(c.Steps) || total > slices.Max(d.Times) {
		t.Errorf("steps took %v, runs %v", d.Steps, d.Times)
	}
	out, err := Compile(p, Options{Codegen: codegen.Options{Package: "model"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range out.Files {
		if strings.Contains(string(src), "clock") {
			t.Errorf("%s has a clock", name)
		}
	}
}

// A bisection blames what is to blame for the difference that its caller sees, here that of a rule's own name.
func TestBisect(t *testing.T) {
	p, err := ir.ParseProgram(product)
	if err != nil {
		t.Fatal(err)
	}
	FillWeights(p)
	freshCache(t)
	in := RandomInputs(p, 1, map[string]int{"b": 2, "s": 3})
	turns := 0
	names, err := Bisect(context.Background(), p, in, func([]onnx.Value) bool { turns++; return turns == 1 })
	if err != nil || len(names) != 1 {
		t.Errorf("got %v, %v", names, err)
	}
	if names, err = Bisect(context.Background(), p, in, func([]onnx.Value) bool { return false }); err != nil || names != nil {
		t.Errorf("nothing helps, but %v is to blame (%v)", names, err)
	}
	if names, err = Bisect(context.Background(), p, in, func([]onnx.Value) bool { return true }); err != nil || !slices.Contains(names, "fuse-linear") {
		t.Errorf("all helps, but only %v is to blame (%v)", names, err)
	}
}

// freshCache hides the programs that are kept from earlier runs, but not what the go command keeps.
func freshCache(t *testing.T) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(out)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}
