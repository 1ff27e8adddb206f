package codegen_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
)

// TestContract: what callers do wrong is an error, on any number of threads, and what they do with results is nobody else's business.
func TestContract(t *testing.T) {
	p := program(t, `func f(x f32[n,m,8], ids i64[n,m]) {
		w = Weight() name="w" type=f32[70]
		cosines = Weight() name="cosines" type=f32[9,4]
		sines = Weight() name="sines" type=f32[9,4]
		heads = Reshape(x, [n,1,m,8])
		turned = RotaryEmbedding(heads, cosines, sines, ids)
		c = Const() value=f32[3]{1,2,3}
		return turned=turned, ids=ids, w=w, c=c, again=ids
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted", File: true})
	if err != nil {
		t.Fatal(err)
	}
	testEmitted(t, out, "testdata/contract_test.go.txt")
}

// TestImpossibleSizes: sizes that no tensor has are errors, wherever they come from, and not results with such shapes.
func TestImpossibleSizes(t *testing.T) {
	p := program(t, `func f(x f32[1,1,h,w], shape i64[2], parts i64[2], scales f32[4]) {
		kernel = Weight() name="kernel" type=f32[1,1,3,3]
		y = Conv(x, kernel)
		filled = ConstantOfShape(shape)
		five = Const() value=f32[5]{1,2,3,4,5}
		left, right = Split(five, parts)
		resized = Resize(x, _, scales)
		return y=y, filled=filled, left=left, right=right, resized=resized
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	testEmitted(t, out, "testdata/sizes_test.go.txt")
}

// TestNames compiles models whose names Go cannot have. Fields of Inputs and Outputs can be set from other packages, and nothing but the
// strings that errors show has what cannot be seen.
func TestNames(t *testing.T) {
	names := []string{"输入", "ß", "1st", "²", "", "a\x00b", "a b", "a_b", "\u202ex", "\ufeff", "\u2028", "x\ny", `a"b`, "*/", "Run", "range", "Batch"}
	p := &ir.Program{Main: ir.NewFunc("f")}
	b := ir.NewBuilder(p.Main)
	for _, name := range names {
		x := p.Main.Param(name, ir.Type{Elem: ir.F32, Shape: []ir.Dim{ir.Sym("b"), ir.N(3)}})
		b.Name = name
		p.Main.Results = append(p.Main.Results, b.New(ir.Sigmoid, nil, x))
		p.Main.ResultNames = append(p.Main.ResultNames, name)
	}
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	for file, src := range out.Files {
		if i := bytes.IndexFunc(src, func(r rune) bool { return strings.ContainsRune("\x00\u202e\ufeff\u2028", r) }); i >= 0 {
			t.Errorf("%s has %q", file, src[i:i+3])
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "session.go", out.Files["session.go"], 0)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]int{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.TypeSpec); ok && (s.Name.Name == "Inputs" || s.Name.Name == "Outputs") {
			for _, field := range s.Type.(*ast.StructType).Fields.List {
				if fields[s.Name.Name]++; !field.Names[0].IsExported() {
					t.Errorf("%s.%s cannot be set from outside", s.Name, field.Names[0])
				}
			}
		}
		return true
	})
	if fields["Inputs"] != len(names)+1 || fields["Outputs"] != len(names) {
		t.Errorf("fields: %v", fields)
	}
	dir := t.TempDir()
	write(t, dir, out)
	gotool(t, dir, nil, "vet", ".")
}

func TestNoOutputs(t *testing.T) {
	p := &ir.Program{Main: ir.NewFunc("f")}
	p.Main.Param("x", ir.Type{Elem: ir.F32, Shape: []ir.Dim{ir.Sym("n")}})
	_, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err == nil || !strings.Contains(err.Error(), "no outputs") {
		t.Errorf("the error is %v", err)
	}
}
