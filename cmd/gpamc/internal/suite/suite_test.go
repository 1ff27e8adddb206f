package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

func program(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := ir.ParseProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func floats(xs ...float64) onnx.Value {
	return onnx.Value{Tensor: ir.Floats(ir.F32, []int{len(xs)}, xs...)}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Status
	}{
		{nil, Pass},
		{errors.New("wrong"), Fail},
		{fmt.Errorf("set: %w", &onnx.UnsupportedError{Operators: []string{"X"}}), Unsupported},
		{fmt.Errorf("set: %w", &runtime.Unsupported{Nodes: []runtime.Missing{{Op: "X"}}}), Unsupported},
		{fmt.Errorf("set: %w", codegen.Missing{{Op: "X"}}), Unsupported},
		{fmt.Errorf("set: %w", isRandom{"Bernoulli"}), Random},
	} {
		if got := (Case{}).result("reference", c.err); got.Status != c.want {
			t.Errorf("%v is %s, want %s", c.err, got.Status, c.want)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	err := recovered(func() error {
		var xs []int
		_ = xs[len(os.Args)]
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "index out of range") || !strings.Contains(err.Error(), "suite_test.go:") {
		t.Errorf("got %v", err)
	}
}

// Random outputs need not be the recorded ones, but must be such as the operator draws.
func TestRandomOutputs(t *testing.T) {
	bernoulli := program(t, "func f(x f32[4]) {\n y = Bernoulli(x)\n return y=y\n}")
	dropout := program(t, "func f(x f32[4], r f32[], t bool[]) {\n y = Dropout(x, r, t)\n return y=y\n}")
	plain := program(t, "func f(x f32[4]) {\n y = Relu(x)\n return y=y\n}")
	for _, c := range []struct {
		p             *ir.Program
		in, got, want onnx.Value
		status        Status
	}{
		{bernoulli, floats(0, 1, 0.5, 0.5), floats(0, 1, 1, 0), floats(0, 1, 1, 0), Pass},
		{bernoulli, floats(0, 1, 0.5, 0.5), floats(0, 1, 0, 1), floats(0, 1, 1, 0), Random},
		{bernoulli, floats(0, 1, 0.5, 0.5), floats(1, 1, 0, 1), floats(0, 1, 1, 0), Fail},
		{bernoulli, floats(0, 1, 0.5, 0.5), floats(0, 1, 0.5, 1), floats(0, 1, 1, 0), Fail},
		{bernoulli, floats(0, 1, 0.5, 0.5), floats(0, 1, 1), floats(0, 1, 1, 0), Fail},
		{dropout, floats(1, -2, 3, 4), floats(0, -4, 6, 0), floats(2, 0, 6, 0), Random},
		{dropout, floats(1, -2, 3, 4), floats(0, 4, 6, 0), floats(2, 0, 6, 0), Fail},
		{plain, floats(1, 2, 3, 4), floats(0, 1, 1, 1), floats(0, 1, 1, 0), Fail},
	} {
		err := verdict(c.p, Set{Inputs: []onnx.Value{c.in}, Outputs: []onnx.Value{c.want}}, []onnx.Value{c.got}, values.ONNX)
		if got := (Case{}).result("reference", err).Status; got != c.status {
			t.Errorf("%s from %s, recorded %s: %s (%v), want %s", values.Summary(c.got), values.Summary(c.in), values.Summary(c.want), got, err, c.status)
		}
	}
}

func TestResized(t *testing.T) {
	p := program(t, "func f(x f32[b,s], m i64[b,s+1]) {\n return y=x\n}")
	set := Set{Name: "set", Outputs: []onnx.Value{floats(1)}, Inputs: []onnx.Value{
		{Tensor: ir.Floats(ir.F32, []int{2, 3}, 1, 2, 3, 4, 5, 6)}, {Tensor: ir.NewData(ir.I64, 2, 4)}}}
	got, err := resized(p, []Set{set}, Options{Dims: map[string]int{"s": 4, "other": 9}, Vary: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"set b=2 s=4 [2 4] [2 5]", "set b=1 s=1 [1 1] [1 2]", "set b=3 s=6 [3 6] [3 7]", "set b=2 s=11 [2 11] [2 12]"}
	for i, s := range got {
		text := fmt.Sprintf("%s %v %v", s.Name, s.Inputs[0].Tensor.Shape, s.Inputs[1].Tensor.Shape)
		if i >= len(want) || text != want[i] || s.Outputs != nil {
			t.Errorf("set %d: %s", i, text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d sets, want %d", len(got), len(want))
	}
}

// Each size is changed alone, and all together; that of an empty tensor stays.
func TestOneByOne(t *testing.T) {
	var got []string
	for _, env := range oneByOne(map[string]int{"s0": 0, "s1": 1, "s3": 3}) {
		got = append(got, fmt.Sprint(env["s0"], env["s1"], env["s3"]))
	}
	if want := []string{"0 2 3", "0 1 1", "0 1 4", "0 1 6", "0 2 6"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if envs := oneByOne(map[string]int{"s0": 0}); envs != nil {
		t.Errorf("%v for no size that can change", envs)
	}
}

// What a list holds keeps its sizes, and inputs keep their contents where their own size does not change.
func TestResizedBesideLists(t *testing.T) {
	p := program(t, "func f(x f32[s2], l seq(f32[n]), k i64[s3]) {\n return y=x\n}")
	list := onnx.Value{Kind: ir.Sequence, Elems: []onnx.Value{floats(1, 2)}}
	set := Set{Name: "set", Inputs: []onnx.Value{floats(1, 2), list, {Tensor: ir.Vector(7, 8, 9)}}}
	got, err := resize(p, set, map[string]int{"s2": 3, "s3": 3})
	if err != nil {
		t.Fatal(err)
	}
	if s := values.Summary(got.Inputs[0]); s != "f32[3] 1 2 1" {
		t.Errorf("x is %s", s)
	}
	if s := values.Summary(got.Inputs[2]); s != "i64[3] 7 8 9" || len(got.Inputs[1].Elems) != 1 {
		t.Errorf("k is %s, l %v", s, got.Inputs[1])
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a/model.onnx", "")
	write("a/test_data_set_0/input_0.pb", "")
	write("b/c/model.onnx", "")
	write("b/c/test_data_set_1/input_0.pb", "")
	write("b/c/test_data_set_0/input_0.pb", "")
	write("b/c/data.json", `{"rtol": 0.5}`)
	cases, err := Find([]string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "b")}, values.Tolerance{Abs: 1, Rel: 2})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range cases {
		got += fmt.Sprintln(c.Name, c.Sets, c.Tol)
	}
	if want := "a [test_data_set_0] {1 2 0}\nb/c [test_data_set_0 test_data_set_1] {1 0.5 0}\nc [test_data_set_0 test_data_set_1] {1 0.5 0}\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	write("b/c/data.json", "{")
	if _, err := Find([]string{dir}, values.ONNX); err == nil || !strings.Contains(err.Error(), "data.json") {
		t.Errorf("got %v", err)
	}
	write("d/model.onnx", "")
	if _, err := Find([]string{filepath.Join(dir, "d")}, values.ONNX); err == nil || !strings.Contains(err.Error(), "no test_data_set_0") {
		t.Errorf("got %v", err)
	}
}

func TestBrief(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`m.onnx: 1 operator is not supported: X, opset 9: not supported yet (node "/a", "/b")`, "X, opset 9: not supported yet"},
		{"a node cannot be compiled:\n\tnode \"n\" (Resize): there is no Go", "(Resize): there is no Go"},
		{"2 nodes cannot be compiled:\n\tnode \"n\" (If): no Go\n\tnode \"k\" (If): no Go", "(If): no Go"},
		{`2 operators are not supported: Loop (node "l"), Loop (node "k")`, "Loop"},
	} {
		if got := brief(c.in); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}
