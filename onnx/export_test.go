package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/onnxtest"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/runtime"
	"google.golang.org/protobuf/proto"
)

func small(causal bool, dual onnxtest.Dual) onnxtest.Transformer {
	return onnxtest.Transformer{Layers: 2, Width: 24, Heads: 3, FFN: 48, Vocab: 50, Positions: 16, Causal: causal, Dual: dual, Seed: 7}
}

func importText(t *testing.T, m proto.Message) *ir.Program {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ImportBytes("m.onnx", b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTransformersGoRound(t *testing.T) {
	for _, m := range []onnxtest.Transformer{small(false, ""), small(true, ""), small(false, onnxtest.DualFull), small(true, onnxtest.DualReLU)} {
		first := importText(t, m.Model())
		for _, opset := range []int{0, 13, 18, 23} {
			exported, err := Model(first, ExportOptions{Opset: opset})
			if err != nil {
				t.Fatal(err)
			}
			if got := exported.OpsetImport[0].Version; opset != 0 && got != int64(opset) || opset == 0 && got != 16 {
				t.Errorf("opset %d gives %d", opset, got)
			}
			again := importText(t, exported)
			if got, want := sortedNodes(again), sortedNodes(first); got != want {
				t.Fatalf("opset %d: got\n%s\nwant\n%s", opset, got, want)
			}
			for name, d := range first.Weights {
				if !d.Equal(again.Weights[name]) {
					t.Errorf("weight %q changed", name)
				}
			}
		}
	}
}

// sortedNodes is p's text with its weights, whose order does not matter, left out, and the values numbered anew.
func sortedNodes(p *ir.Program) string {
	var b strings.Builder
	number := map[*ir.Value]int{}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Weight || n.Op == ir.Const {
			return
		}
		b.WriteString(n.Op.Name)
		for _, a := range n.Args {
			switch {
			case a.Is(ir.Weight):
				b.WriteString(" " + a.Def.Str("name"))
			case a == nil || a.Def == nil || a.Is(ir.Const):
				b.WriteString(" _")
			default:
				b.WriteString(" v" + string(rune('0'+number[a]%10)))
			}
		}
		b.WriteString(" -> " + n.Out().Type.String() + "\n")
		number[n.Out()] = len(number)
	})
	return b.String()
}

func TestExportSymbolic(t *testing.T) {
	f, err := ir.Parse(`func f(x f32[b,s,8], n i64[m]) {
		a = Reshape(x, [b*s,2,4])
		c = Expand(n, [s+1-1,m])
		d = Range(0, dim((s+3)/2), 1)
		return a, c, d
	}`)
	if err != nil {
		t.Fatal(err)
	}
	p := ir.NewProgram(f)
	m, err := Model(p, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	again := importText(t, m)
	for i, r := range again.Main.Results {
		if got, want := r.Type.String(), f.Results[i].Type.String(); got != want {
			t.Errorf("result %d is %s, want %s", i, got, want)
		}
	}
}

// TestExportOldReshape writes Reshape for opset 13, where a 0 in a shape always stands for the input's dimension.
func TestExportOldReshape(t *testing.T) {
	const params = "func f(x f32[b,4,s,8], y f32[b,s,32], z f32[0,4], n f32[m,6]) {\n"
	f, err := ir.Parse(params + `
		a = Reshape(x, [b,2,2,s*8]) allowzero=1
		c = Reshape(y, [b,s,4,8]) allowzero=1
		d = Reshape(z, [0,2,2]) allowzero=1
		e = Reshape(n, [2,3,m]) allowzero=1
		return a, c, d, e
	}`)
	if err != nil {
		t.Fatal(err)
	}
	p := ir.NewProgram(f)
	m, err := Model(p, ExportOptions{Opset: 13})
	if err != nil {
		t.Fatal(err)
	}
	again := importText(t, m)
	again.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Reshape && n.Int("allowzero") != 0 {
			t.Errorf("%s has allowzero", n.Name)
		}
	})
	for _, dims := range []map[string]int{{"b": 2, "s": 3, "m": 5}, {"b": 0, "s": 3, "m": 2}} {
		in := runtime.RandomInputs(p.Main, 1, dims)
		want, err := runtime.Eval(p, in, runtime.Options{Dims: dims})
		if err != nil {
			t.Fatal(err)
		}
		got, err := runtime.Eval(again, in, runtime.Options{Dims: dims})
		if err != nil {
			t.Fatalf("%v: %v", dims, err)
		}
		for i := range want {
			if !got[i].(*runtime.Tensor).Data().Equal(want[i].(*runtime.Tensor).Data()) {
				t.Errorf("%v: result %d is %s, want %s", dims, i, got[i].(*runtime.Tensor).Type(), want[i].(*runtime.Tensor).Type())
			}
		}
	}
	if f, err = ir.Parse(params + "a = Reshape(z, [4,0]) allowzero=1\nreturn a\n}"); err != nil {
		t.Fatal(err)
	}
	_, err = Model(ir.NewProgram(f), ExportOptions{Opset: 13})
	checkError(t, err, "cannot be written as ONNX of opset 13: Reshape with allowzero needs opset 14")
}

func TestExportComposites(t *testing.T) {
	for _, o := range ir.Ops() {
		if onnxName(o) != "" && history[onnxName(o)] != nil || o.Expand == nil {
			continue
		}
		f, err := o.ExampleFunc()
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		m, err := Model(ir.NewProgram(f), ExportOptions{})
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		again := importText(t, m)
		for i, r := range again.Main.Results {
			if got, want := r.Type.Elem, f.Results[i].Type.Elem; got != want {
				t.Errorf("%s: result %d has elements of %s, want %s", o.Name, i, got, want)
			}
		}
	}
}

// Examples of all operators come back as they were.
func TestExportExamples(t *testing.T) {
	for _, o := range ir.Ops() {
		name := onnxName(o)
		if forms[name] == 0 || o == ir.Swish || o.Name == "CastLike" { // the import makes that a Cast
			continue
		}
		f, err := o.ExampleFunc()
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		m, err := Model(ir.NewProgram(f), ExportOptions{Opset: newest})
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		again := importText(t, m)
		if !usesOp(again.Main, o) {
			t.Errorf("%s comes back as\n%s", o.Name, again)
		}
	}
}

func usesOp(f *ir.Func, o *ir.Op) bool {
	found := false
	f.Walk(func(_ *ir.Func, n *ir.Node) { found = found || n.Op == o })
	return found
}

func TestExportRefuses(t *testing.T) {
	p := importText(t, testModel(t, 20, "x f32[2]", "y f32[2]", op("y = Gelu(x)"), op("z = Mish(y)")))
	if m, err := Model(p, ExportOptions{Opset: 17}); err != nil || m.OpsetImport[0].Version != 17 { // they can be expanded
		t.Errorf("got %v", err)
	}
	p = importText(t, testModel(t, 19, "x f32[1,1,4,4], s i64[2]", "y f32[...]", op("y = Resize(x, , , s)", attr("axes", []int64{2, 3}))))
	_, err := Model(p, ExportOptions{Opset: 17})
	checkError(t, err, "m.onnx: cannot be written as ONNX of opset 17: Resize with axes needs opset 18")
	_, err = Model(p, ExportOptions{Opset: 7})
	checkError(t, err, "cannot export opset 7; 13 to 28 are possible")
	delete(p.Weights, "w")
	p = importText(t, small(false, "").Model())
	clear(p.Weights)
	_, err = Model(p, ExportOptions{})
	checkError(t, err, "no data for this weight")
}

func TestExportFiles(t *testing.T) {
	dir := t.TempDir()
	p := importText(t, small(false, "").Model())
	for _, external := range []bool{false, true} {
		path := filepath.Join(dir, "m.onnx")
		if err := Export(p, path, ExportOptions{External: external}); err != nil {
			t.Fatal(err)
		}
		_, err := os.Stat(path + ".data")
		if external != (err == nil) {
			t.Errorf("external %v: %v", external, err)
		}
		again, err := Import(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range p.Weights {
			if !d.Equal(again.Weights[name]) {
				t.Errorf("external %v: weight %q changed", external, name)
			}
		}
	}
	if err := Export(p, filepath.Join(dir, "none", "m.onnx"), ExportOptions{}); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%d files are left, want 2: %v", len(left), left)
	}
}

// An output that is an input, a constant, or an output twice needs a node of its own; names of branches must not meet.
func TestExportOutputs(t *testing.T) {
	yes, no := body(t, "", "y f32[2]", op("y = Add(x, x)")), body(t, "", "y f32[2]", op("k = Neg(x)"), op("y = Neg(k)"))
	m := testModel(t, 17, "x f32[2], c bool[]", "x f32[2], a f32[2], b f32[2], k f32[]",
		op("a = If(c)", attr("then_branch", yes), attr("else_branch", no)), op("b = Identity(a)"), op("k = Constant()", attr("value_float", 1.0)))
	p := importText(t, m)
	p.Main.Results[2] = p.Main.Results[1]
	out, err := Model(p, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	countNames(t, out.Graph, defined)
	for i, o := range out.Graph.Output {
		if !defined[o.Name] {
			t.Errorf("output %d, %q, is not computed", i, o.Name)
		}
	}
	if again := importText(t, out); len(again.Main.Results) != 4 {
		t.Errorf("got %s", again)
	}
}

func countNames(t *testing.T, g *pb.GraphProto, defined map[string]bool) {
	for _, n := range g.Node {
		for _, o := range n.Output {
			if defined[o] {
				t.Errorf("%q is defined twice", o)
			}
			defined[o] = true
		}
		for _, a := range n.Attribute {
			if a.G != nil {
				countNames(t, a.G, defined)
			}
		}
	}
}

// ONNX wants all results of a node that are not optional, and those of loops, even if nobody uses the last; and ONNX Runtime the size
// of a recurrent network's state, which the shapes say.
func TestExportedResults(t *testing.T) {
	for text, want := range map[string]int{
		"y = DynamicQuantizeLinear(x)": 3,
		"y = TopK(x, [1])":             2,
		"y = Loop(3, _, x) body=func(i i64[], c bool[], h f32[2,3]) {\nv1 = Add(h, h)\nreturn c, v1, h\n}":    2,
		"y = Scan(x, x) num_scan_inputs=1 body=func(h f32[2,3], e f32[3]) {\nv1 = Add(h, e)\nreturn v1, e\n}": 2,
		"y = Relu(x)": 1,
	} {
		p, err := ir.ParseProgram("func f(x f32[2,3]) {\n" + text + "\nreturn y\n}")
		if err != nil {
			t.Fatal(err)
		}
		m, err := Model(p, ExportOptions{Opset: 21})
		if err != nil {
			t.Fatal(err)
		}
		nodes := m.Graph.Node
		if n := nodes[len(nodes)-1]; len(n.Output) != want {
			t.Errorf("%s has outputs %q, want %d", n.OpType, n.Output, want)
		}
	}
	p, err := ir.ParseProgram("func f(x f32[3,2,4], w f32[1,15,4], r f32[1,15,5]) {\ny = GRU(x, w, r)\nreturn y\n}")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Model(p, ExportOptions{Opset: 21})
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Graph.Node[0].Attribute; len(a) != 1 || a[0].Name != "hidden_size" || a[0].I != 5 {
		t.Errorf("GRU has attributes %v", a)
	}
}
