package onnx

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// What the operators of Domain can look like, beside the examples that they have.
var customCases = []string{
	`y = Attention(q, k, v)`,
	`y = Attention(q, k2, v2, m) scale=0.5`,
	`y = Attention(q, k1, v2, f, r, z) scale=0.25 softcap=30 causal="cache" window=3`,
	`y = Attention(q, k, v, m) scale=0.5 fill=-10000`,
	`y = Attention(q3, k3, k3) causal="self"`,
	`y = Attention(h, h, h, hm) scale=0.5`,
	`y = DualAttention(q, k2, v2, q2, k2, v2, a, 0.5, m) scale_p=0.5 scale_n=0.25`,
	`y = DualAttention(q, k, v, q, _, _, a, b, f, r, a, z) scale_p=0.5 scale_n=0 softcap=20 causal="cache"`,
	`y = Scores(q, k2, m) scale=0.5 window=2`,
	`y = MaskedSoftmax(r)`,
	`y = NON(q, k2, v2)`,
	`y = NAP(q, k2, v2, a, b) epsilon=0.5`,
}

const customParams = `q f32[b,4,s,8], k f32[b,4,s,8], v f32[b,4,s,5], k2 f32[b,2,s,8], v2 f32[b,2,s,5], k1 f32[b,1,s,8], q2 f32[b,2,s,8],
	m bool[b,1,1,s], f f32[b,1,s,s], r f32[4,s,s], z f32[4,1,1], a f32[4,1,1], b f32[b,1,s,1], q3 f32[6,s,8], k3 f32[6,s,8], h f16[1,4,s,8], hm f16[s,s]`

func customProgram(t testing.TB, nodes string) *ir.Program {
	t.Helper()
	f, err := ir.Parse("func f(" + strings.ReplaceAll(customParams, "\n", " ") + ") {\n" + nodes + "\n}")
	if err != nil {
		t.Fatal(err)
	}
	f.Prune()
	return ir.NewProgram(f)
}

// Every operator comes back as it was, also where a function has nothing but a name to tell it from others, and is in the file as one node.
func TestCustomOperatorsGoRound(t *testing.T) {
	var programs []*ir.Program
	for _, c := range customCases {
		programs = append(programs, customProgram(t, c+"\nreturn y"))
	}
	for _, name := range slices.Sorted(maps.Keys(customs)) {
		f, err := customs[name].op.ExampleFunc()
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, ir.NewProgram(f))
	}
	for _, p := range programs {
		for _, opset := range []int{17, 21, 25} {
			m, err := Model(p, ExportOptions{Form: Functions, Opset: opset})
			if err != nil {
				t.Fatalf("%v in\n%s", err, p)
			}
			if len(m.Functions) != 1 || len(m.Graph.Node) != 1 || m.Functions[0].Name != m.Graph.Node[0].OpType {
				t.Errorf("opset %d: %d functions and %d nodes for\n%s", opset, len(m.Functions), len(m.Graph.Node), p)
				continue
			}
			again := importText(t, m)
			got, want := again.Main.Results[0].Def, p.Main.Results[0].Def
			if got.Op != want.Op || !sameAttrs(got, want) || !got.Out().Type.Equal(want.Out().Type) {
				t.Errorf("opset %d: got\n%swant\n%s", opset, again, p)
			}
		}
	}
}

// sameAttrs compares attributes in the precision that files have.
func sameAttrs(n, m *ir.Node) bool {
	for _, name := range n.Op.AttrNames() {
		if float32(n.Float(name)) != float32(m.Float(name)) || n.Int(name) != m.Int(name) || n.Str(name) != m.Str(name) {
			return false
		}
	}
	return true
}

// Each argument has names for its axes.
func TestCustomAxes(t *testing.T) {
	for name, c := range customs {
		for _, arg := range c.op.ArgNames() {
			if c.axes[arg] == "" {
				t.Errorf("%s: argument %s has no axes", name, arg)
			}
		}
		for _, attr := range c.passed {
			if !c.op.HasAttr(attr) {
				t.Errorf("%s has no attribute %s", name, attr)
			}
		}
	}
}

// What a function says in place of its node has the type that the node has, and no number in it stands for an attribute.
func TestFunctionsSayTheSame(t *testing.T) {
	for _, c := range customCases {
		p := customProgram(t, c+"\nreturn y")
		m, err := Model(p, ExportOptions{Form: Functions, Opset: 18})
		if err != nil {
			t.Fatal(err)
		}
		f := m.Functions[0]
		f.Domain, m.Graph.Node[0].Domain = "elsewhere", "elsewhere"
		again := importText(t, m)
		if got, want := again.Main.Results[0].Type, p.Main.Results[0].Type; !got.Equal(want) {
			t.Errorf("%s is %s, its function %s", c, want, got)
		}
		if usesOp(again.Main, p.Main.Results[0].Def.Op) {
			t.Errorf("%s: a function of another domain was taken for the operator", c)
		}
		again.Main.Walk(func(_ *ir.Func, n *ir.Node) {
			if n.Op != ir.Const || n.Data("value") == nil {
				return
			}
			for d, i := n.Data("value"), 0; i < d.Len(); i++ {
				if x := math.Abs(d.Float(i)); x > 1e6 && !math.IsInf(x, 0) {
					t.Errorf("%s: a constant is %g", c, x)
				}
			}
		})
	}
}

// A function is for all sizes, and for all values of attributes that it passes on.
func TestFunctionsServeAllSizes(t *testing.T) {
	const node = ` = DualAttention(q, k, v, n, _, _, a, a, m) scale_p=0.5 scale_n=0.25 causal="cache"`
	f, err := ir.Parse(`func f(q f32[b,4,s,8], k f32[b,2,t,8], v f32[b,2,t,8], n f32[b,4,s,8], a f32[4,1,1], m f32[b,1,1,t],
		q2 f32[3,6,1,16], k2 f32[3,3,7,16], v2 f32[3,3,7,5], a2 f32[], m2 f32[1,7]) {
		y` + node + `
		z = DualAttention(q2, k2, v2, q2, _, _, a2, a2, m2) scale_p=0.5 causal="cache"
		w = Attention(q, k, v, m) scale=0.5 causal="cache"
		u = Attention(q, k, v, m) scale=3 fill=-1000
		return y, z, w, u
	}`)
	if err != nil {
		t.Fatal(err)
	}
	for opset, names := range map[int][]string{
		20: {"DualAttention", "Attention_mask_cache", "Attention_mask_fill"},
		21: {"DualAttention", "Attention:mask_cache", "Attention:mask_fill"},
	} {
		m, err := Model(ir.NewProgram(f), ExportOptions{Form: Functions, Opset: opset})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range m.Functions {
			name := f.Name
			if f.Overload != "" {
				name += ":" + f.Overload
			}
			got = append(got, name)
		}
		if !slices.Equal(got, names) {
			t.Errorf("opset %d has the functions %q, want %q", opset, got, names)
		}
		again := importText(t, m)
		for i, r := range again.Main.Results {
			if want := f.Results[i]; r.Def.Op != want.Def.Op || !r.Type.Equal(want.Type) {
				t.Errorf("opset %d: result %d is %s %s", opset, i, r.Def.Op.Name, r.Type)
			}
		}
	}
}

// What somebody made of a function holds, whatever its name promises; so does a version that is not ours.
func TestChangedFunctionsAreRead(t *testing.T) {
	p := customProgram(t, "y = Attention(q, k, v, m) scale=0.5\nreturn y")
	for what, change := range map[string]func(m *pb.ModelProto){
		"a node": func(m *pb.ModelProto) { last(m.Functions[0].Node).OpType = "Mod" },
		"a number": func(m *pb.ModelProto) {
			for _, n := range m.Functions[0].Node {
				if n.OpType == "Constant" && n.Attribute[0].T != nil {
					n.Attribute[0].T = tensorProto("", ir.Scalar(ir.F32, -5))
				}
			}
		},
		"a version": func(m *pb.ModelProto) { last(m.OpsetImport).Version = 2 },
		"a name":    func(m *pb.ModelProto) { m.Functions[0].Name, m.Graph.Node[0].OpType = "MyAttention", "MyAttention" },
	} {
		m, err := Model(p, ExportOptions{Form: Functions, Opset: 17})
		if err != nil {
			t.Fatal(err)
		}
		if again := importText(t, m); !usesOp(again.Main, ir.Attention) {
			t.Fatal("the function is not recognised")
		}
		change(m)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ImportBytes("m.onnx", b); err == nil && usesOp(again.Main, ir.Attention) {
			t.Errorf("%s was changed, and the function is taken for ours", what)
		}
	}
}

func last[T any](xs []T) T { return xs[len(xs)-1] }

// Elements that attributes have too few digits for, and numbers of heads of which none divides the next, are expanded in their places.
func TestCustomOperatorsWithoutFunction(t *testing.T) {
	f, err := ir.Parse(`func f(q f64[b,4,s,8], k f64[b,2,s,8]) {
		y = Attention(q, k, k) scale=0.3
		return y
	}`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Model(ir.NewProgram(f), ExportOptions{Form: Functions})
	if err != nil || len(m.Functions) != 0 || len(m.OpsetImport) != 1 {
		t.Errorf("%d functions, %v", len(m.GetFunctions()), err)
	}
}

func TestStandardForm(t *testing.T) {
	for _, c := range customCases {
		p := customProgram(t, c+"\nreturn y")
		m, err := Model(p, ExportOptions{Form: Standard})
		switch {
		case strings.Contains(c, " z)"):
			checkError(t, err, "ONNX's Attention has no sink")
		case strings.Contains(c, "fill=-10000"):
			checkError(t, err, "its mask puts -10000 in the place of scores")
		case strings.Contains(c, "k1"):
			checkError(t, err, "heads of keys and")
		case err != nil:
			t.Errorf("%s: %v", c, err)
		case strings.Contains(c, "Attention"):
			count := 0
			for _, n := range m.Graph.Node {
				if n.OpType == "Attention" && n.Domain == "" {
					count++
				}
			}
			if want := 1 + strings.Count(c, "Dual"); count != want || m.OpsetImport[0].Version != 23 {
				t.Errorf("%s: %d Attentions of opset %d", c, count, m.OpsetImport[0].Version)
			}
			if again := importText(t, m); !again.Main.Results[0].Type.Equal(p.Main.Results[0].Type) {
				t.Errorf("%s comes back as\n%s", c, again)
			}
		}
	}
	_, err := Model(customProgram(t, customCases[0]+"\nreturn y"), ExportOptions{Form: Standard, Opset: 22})
	checkError(t, err, "f: cannot be written in the standard form with opset 22: ONNX has Attention from opset 23 on")
}

// The same program gives the same bytes, in every form.
func TestExportIsDeterministic(t *testing.T) {
	var nodes strings.Builder
	for i, c := range customCases[:4] {
		fmt.Fprintf(&nodes, "%s\n", strings.Replace(c, "y", fmt.Sprint("y", i), 1))
	}
	for _, form := range []Form{Inline, Functions} {
		var first []byte
		for range 3 {
			m, err := Model(customProgram(t, nodes.String()+"return y0, y1, y2, y3"), ExportOptions{Form: form, Opset: 21})
			if err != nil {
				t.Fatal(err)
			}
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b
			} else if string(b) != string(first) {
				t.Errorf("form %s: the bytes differ", form)
			}
		}
	}
}

// Readers of version 2 of the language of messages see attributes that are 0.
func TestZerosAreWritten(t *testing.T) {
	p := customProgram(t, "y = Concat(a, z) axis=0\nreturn y")
	m, err := Model(p, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(m.Graph.Node[0].Attribute[0])
	if err != nil || !strings.Contains(string(b), "\x18\x00") {
		t.Errorf("the attribute is %q on the wire, %v", b, err)
	}
}
