package codegen_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// layered is a small model of equal layers with all that the code generator treats specially: attention whose heads are views, dual
// attention of four heads, a residual, an epilogue, a weight that is used plain and packed, a result that is an input.
func layered(layers, head int) string {
	var b strings.Builder
	b.WriteString(`func f(ids i64[b,s], mask bool[b,1,1,s]) {
		table = Weight() name="table" type=f32[17,$w]
		t = Weight() name="t" type=f32[$w,17]
		x0 = Gather(table, ids)
`)
	for i := range layers {
		w := func(name, typ string) {
			fmt.Fprintf(&b, "\t\t%s%d = Weight() name=\"l.%d.%s\" type=%s\n", name, i, i, name, typ)
		}
		w("qkv", "f32[$w,$3w]")
		w("bias", "f32[$3w]")
		w("neg", "f32[$d,$d]")
		w("gain", "f32[4,1,1]")
		w("o", "f32[$w,$w]")
		w("g", "f32[$w]")
		w("up", "f32[$w,$u]")
		w("down", "f32[$u,$w]")
		fmt.Fprintf(&b, strings.ReplaceAll(`
		n@ = LayerNormalization(x@, g@, g@)
		p@ = Linear(n@, qkv@, bias@)
		q@, k@, v@ = Split(p@, [$w,$w,$w]) axis=-1
		qr@ = Reshape(q@, [b,s,4,$d])
		kr@ = Reshape(k@, [b,s,4,$d])
		vr@ = Reshape(v@, [b,s,4,$d])
		qh@ = Transpose(qr@) perm=[0,2,1,3]
		kh@ = Transpose(kr@) perm=[0,2,1,3]
		vh@ = Transpose(vr@) perm=[0,2,1,3]
		relu@ = Relu(qh@)
		qn@ = MatMul(relu@, neg@)
		a@ = DualAttention(qh@, kh@, vh@, qn@, _, _, gain@, gain@, mask) scale_p=0.5 scale_n=0.5 causal="self"
		at@ = Transpose(a@) perm=[0,2,1,3]
		ar@ = Reshape(at@, [b,s,$w])
		y@ = Linear(ar@, o@, _, x@)
		u@ = Linear(y@, up@) act="gelu"
		x%d = Linear(u@, down@, _, y@)
`, "@", fmt.Sprint(i)), i+1)
	}
	fmt.Fprintf(&b, "\t\tlogits = MatMul(x%d, t)\n\t\treturn hidden=x%d, logits=logits, mask=mask\n}", layers, layers)
	n := func(n int) string { return fmt.Sprint(n) }
	return strings.NewReplacer("$3w", n(12*head), "$w", n(4*head), "$u", n(8*head+1), "$d", n(head)).Replace(b.String())
}

// program reads text and gives it seeded weights.
func program(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := ir.ParseProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range p.Main.Nodes {
		if n.Op == ir.Weight {
			shape, _ := n.Out().Type.Static()
			d := ir.NewData(n.Out().Type.Elem, shape...)
			for i := range d.Len() {
				d.SetFloat(i, r.NormFloat64()/math.Sqrt(float64(max(16, shape[0]))))
			}
			p.Weights[n.Str("name")] = d
		}
	}
	return p
}

// write puts a package into dir as module "emitted".
func write(t *testing.T, dir string, out *codegen.Output) {
	t.Helper()
	files := map[string][]byte{codegen.WeightsFile: out.Weights, "go.mod": []byte("module emitted\n\ngo 1.24\n")}
	for name, b := range out.Files {
		files[name] = b
	}
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// testEmitted runs a test within an emitted package, in the folder that it returns.
func testEmitted(t *testing.T, out *codegen.Output, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, out)
	test, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "emitted_test.go"), test, 0o666); err != nil {
		t.Fatal(err)
	}
	gotool(t, dir, nil, "vet", ".")
	gotool(t, dir, nil, "test", "-count=1", ".")
	return dir
}

func gotool(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0"), env...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v go %s: %v\n%s", env, strings.Join(args, " "), err, b)
	}
	return string(b)
}

// TestEmittedPackage builds a package for every kind of machine and runs its own test: against the reference, for several sizes,
// instruction sets and numbers of threads, without allocations.
func TestEmittedPackage(t *testing.T) {
	p := program(t, layered(3, 4))
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted", Main: true, Import: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	var cases []map[string]any
	for i, size := range [][2]int{{1, 1}, {2, 5}, {1, 40}, {3, 13}} {
		cases = append(cases, reference(t, p, uint64(i), size[0], size[1]))
	}
	dir := writeCases(t, out, cases...)
	gotool(t, dir, nil, "vet", "./...")
	native := gotool(t, dir, nil, "test", "-v", "-count=1", ".")
	for _, isa := range []string{"avx2", "portable"} {
		gotool(t, dir, []string{"GPAMC_ISA=" + isa}, "test", "-count=1", ".")
	}
	gotool(t, dir, nil, "test", "-tags=purego", "-count=1", ".")
	gotool(t, dir, []string{"GOARCH=arm64"}, "vet", ".")
	gotool(t, dir, []string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "./...")
	if !strings.Contains(native, "--- PASS: TestReference") {
		t.Errorf("the emitted test did not run:\n%s", native)
	}
}

// TestWidePackage runs the test of a package whose matrices are large enough for products by pairs, with them and without.
func TestWidePackage(t *testing.T) {
	p := program(t, layered(1, 32))
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	dir := writeCases(t, out, reference(t, p, 1, 1, 31), reference(t, p, 2, 1, 32), reference(t, p, 3, 2, 130))
	for _, isa := range []string{"", "avx512", "avx2", "portable"} {
		gotool(t, dir, []string{"GPAMC_ISA=" + isa}, "test", "-count=1", ".")
	}
}

// writeCases puts a package into a folder, with a test that compares it with the reference.
func writeCases(t *testing.T, out *codegen.Output, cases ...map[string]any) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, out)
	b, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	test, err := os.ReadFile("testdata/emitted_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cases.json": b, "emitted_test.go": test} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func reference(t *testing.T, p *ir.Program, seed uint64, b, s int) map[string]any {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	ids, mask := runtime.New(ir.I64, b, s), runtime.New(ir.Bool, b, 1, 1, s)
	keep := make([]bool, b*s)
	for i := range ids.I {
		ids.I[i] = int64(r.IntN(17))
		keep[i] = r.IntN(5) > 0
		if keep[i] {
			mask.I[i] = 1
		}
	}
	out, err := runtime.Eval(p, []runtime.Value{ids, mask}, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"B": b, "S": s, "IDs": ids.I, "Mask": keep,
		"Hidden": out[0].(*runtime.Tensor).F, "Logits": out[1].(*runtime.Tensor).F}
}

func TestSameBytesTwice(t *testing.T) {
	var first map[string][]byte
	for range 3 {
		out, err := codegen.Compile(program(t, layered(2, 4)), codegen.Options{Package: "emitted", Main: true, Import: "emitted"})
		if err != nil {
			t.Fatal(err)
		}
		out.Files[codegen.WeightsFile] = out.Weights
		if first == nil {
			first = out.Files
			continue
		}
		for name, b := range out.Files {
			if !bytes.Equal(b, first[name]) {
				t.Errorf("%s differs", name)
			}
		}
	}
}

// TestISA builds packages without what is above an instruction set, which must say nothing of it and agree with the reference.
func TestISA(t *testing.T) {
	p := program(t, layered(2, 4))
	for isa, absent := range map[codegen.ISA]string{codegen.AVX2: "AVX512", codegen.Portable: "AVX2"} {
		out, err := codegen.Compile(p, codegen.Options{Package: "emitted", ISA: isa})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := out.Files["kernels_amd64.s"]; ok == (isa == codegen.Portable) {
			t.Errorf("%s: assembly: %v", isa, ok)
		}
		if asm := out.Files["kernels_amd64.s"]; bytes.Contains(asm, []byte(absent)) {
			t.Errorf("%s: the assembly has %s", isa, absent)
		}
		dir := writeCases(t, out, reference(t, p, 1, 1, 3), reference(t, p, 1, 2, 5))
		gotool(t, dir, nil, "vet", ".")
		gotool(t, dir, nil, "test", "-count=1", ".")
	}
}

// TestLayersOnce checks that the source does not grow with the depth.
func TestLayersOnce(t *testing.T) {
	lines := func(layers int) int {
		out, err := codegen.Compile(program(t, layered(layers, 4)), codegen.Options{Package: "emitted"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, b := range out.Files {
			n += bytes.Count(b, []byte("\n"))
		}
		if c := bytes.Count(out.Files["steps.go"], []byte("dualAttention(s.ctx")); c != 1 {
			t.Errorf("%d layers: the layer stands in the source %d times", layers, c)
		}
		return n
	}
	if a, b := lines(3), lines(24); a != b {
		t.Errorf("%d lines for 3 layers, %d for 24", a, b)
	}
}

// TestWeightsInPlace checks that the file holds the weights row by row where no kernel wants them otherwise.
func TestWeightsInPlace(t *testing.T) {
	p := program(t, `func f(i i64[n]) {
		w = Weight() name="w" type=f32[5,3]
		y = Gather(w, i)
		return y=y
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	d := p.Weights["w"]
	for i := range d.Len() {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(out.Weights[4*i:])); float64(got) != d.Float(i) {
			t.Fatalf("element %d is %g, want %g", i, got, d.Float(i))
		}
	}
}

func TestMissingListsAll(t *testing.T) {
	_, err := codegen.Compile(program(t, `func f(x f32[n], s seq(f32[...]), t seq(f32[...])) {
		i = SequenceAt(s, 0)
		j = SequenceAt(t, 1)
		return i, j, x
	}`), codegen.Options{Package: "emitted"})
	var missing codegen.Missing
	if !errors.As(err, &missing) || len(missing) != 2 || missing[0].Op != "SequenceAt" {
		t.Errorf("the error is %v", err)
	}
}
