package passes_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// attentions is how many of each kind the models have: one in each encoder layer, two in each decoder layer that looks at an encoder.
var attentions = map[string]struct{ single, dual, norms, gelus int }{
	"encoder": {2, 0, 5, 2}, "encoder_dagpam": {0, 2, 5, 2}, "encoder_dagpam_paper": {0, 2, 5, 2},
	"lm": {2, 0, 5, 2}, "lm_dagpam": {0, 2, 5, 2},
	"seq2seq": {6, 0, 10, 2}, "seq2seq_dagpam": {0, 6, 10, 2},
	"vit": {2, 0, 5, 2}, "vit_dagpam": {0, 2, 5, 2},
}

// shapeArithmetic is what must not be left of a model: shapes are known as expressions of the inputs' dimensions.
var shapeArithmetic = []*ir.Op{ir.Shape, ir.Size, ir.ConstantOfShape, ir.Unsqueeze, ir.Squeeze, ir.Equal, ir.Identity, ir.If, ir.Scores, ir.Softmax,
	ir.ReduceMean, ir.Erf, ir.MatMul, ir.Gemm}

// TestModels shows what is left of the models that PyTorch exported, in a file for each, and that it computes the same.
func TestModels(t *testing.T) {
	files, err := filepath.Glob("../testdata/models/*/model.onnx")
	if err != nil || len(files) != len(attentions) {
		t.Fatalf("%d models instead of %d: %v", len(files), len(attentions), err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) { testModel(t, name, file) })
	}
}

func testModel(t *testing.T, name, file string) {
	p, err := onnx.Import(file)
	if err != nil {
		t.Fatal(err)
	}
	before := p.Clone()
	if _, err := passes.Run(p, passes.Options{}); err != nil {
		t.Fatal(err)
	}
	compareText(t, filepath.Join("testdata", "models", name+".txt"), countsOf(p)+"\n"+p.String())

	ops := map[*ir.Op]int{}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) { ops[n.Op]++ })
	want := attentions[name]
	if ops[ir.Attention] != want.single || ops[ir.DualAttention] != want.dual || ops[ir.LayerNormalization] != want.norms || ops[ir.Gelu] != want.gelus {
		t.Errorf("%d Attention, %d DualAttention, %d LayerNormalization, %d Gelu; want %v", ops[ir.Attention], ops[ir.DualAttention],
			ops[ir.LayerNormalization], ops[ir.Gelu], want)
	}
	for _, op := range shapeArithmetic {
		if ops[op] > 0 {
			t.Errorf("%d %s are left", ops[op], op.Name)
		}
	}
	for _, dims := range []map[string]int{{"batch": 2, "seq": 5, "src_len": 4, "tgt_len": 3}, {"batch": 1, "seq": 1, "src_len": 1, "tgt_len": 2}} {
		sameResults(t, before, p, dims)
	}
}

// countsOf lists how many nodes of each operator there are.
func countsOf(p *ir.Program) string {
	counts := map[string]int{}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) { counts[n.Op.Name]++ })
	var b strings.Builder
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "# %3d %s\n", counts[op], op)
	}
	return b.String()
}

func compareText(t *testing.T, file, got string) {
	if os.Getenv("GPAMC_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what comes out now:\n%s", file, got)
	}
	if _, err := ir.Parse(got); err != nil {
		t.Errorf("%s does not parse: %v", file, err)
	}
}

func sameResults(t *testing.T, before, after *ir.Program, dims map[string]int) {
	in := runtime.RandomInputs(before.Main, 3, dims)
	x, err := runtime.Eval(before, in, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	y, err := runtime.Eval(after, in, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		a, b := x[i].(*runtime.Tensor), y[i].(*runtime.Tensor)
		if !slices.Equal(a.Shape, b.Shape) {
			t.Fatalf("result %d: %s became %s", i, a.Type(), b.Type())
		}
		worst := 0.0
		for k := range a.Len() {
			worst = max(worst, math.Abs(a.Float(k)-b.Float(k)))
			if math.IsNaN(a.Float(k)) || math.IsNaN(b.Float(k)) {
				t.Fatalf("result %d is no number at %d", i, k)
			}
		}
		if worst > 2e-5 { // two layers of sums of 100 terms about 1 in 32 bits
			t.Errorf("result %d differs by %g for %v", i, worst, dims)
		}
		t.Logf("result %d for %v: %g", i, dims, worst)
	}
}
