package passes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
)

// counted are the operators that testdata/zoo/counts.txt counts: what fusions make, what they take apart, and shape arithmetic.
var counted = []*ir.Op{ir.Attention, ir.DualAttention, ir.RotaryEmbedding, ir.LayerNormalization, ir.RMSNormalization, ir.Gelu, ir.Swish, ir.Linear,
	ir.MatMul, ir.Einsum, ir.Softmax, ir.Erf, ir.Tanh, ir.ReduceMean, ir.Shape, ir.Size, ir.ConstantOfShape, ir.NonZero, ir.Tile, ir.If, ir.Loop}

// TestZoo counts what is left of each model in testdata/zoo; GPAMC_UPDATE=1 writes the file.
func TestZoo(t *testing.T) {
	const file = "../testdata/zoo/counts.txt"
	models, err := filepath.Glob("../testdata/zoo/*/model.onnx")
	if err != nil || len(models) == 0 {
		t.Fatal("no models", err)
	}
	var b strings.Builder
	for _, m := range models {
		name := filepath.Base(filepath.Dir(m))
		p, err := onnx.Import(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := passes.Run(p, passes.Options{}); err != nil {
			t.Fatal(err)
		}
		ops := map[*ir.Op]int{}
		p.Main.Walk(func(_ *ir.Func, n *ir.Node) { ops[n.Op]++ })
		fmt.Fprintf(&b, "%s:", name)
		for _, op := range counted {
			if ops[op] > 0 {
				fmt.Fprintf(&b, " %s=%d", op.Name, ops[op])
			}
		}
		fmt.Fprintln(&b)
		checkDual(t, name, ops)
	}
	if os.Getenv("GPAMC_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, strings.Split(b.String(), "\n"), strings.Split(string(want), "\n"))
}

// checkDual holds the models named dual or diff to one operator for each of their two attentions, and the near-misses to none.
func checkDual(t *testing.T, name string, ops map[*ir.Op]int) {
	kind, _, _ := strings.Cut(name, "-")
	switch {
	case (kind == "dual" || kind == "diff") && (ops[ir.DualAttention] != 2 || ops[ir.Attention]+ops[ir.Softmax]+ops[ir.Scores] > 0):
		t.Errorf("%s: %d DualAttention, %d Attention, %d Softmax; want 2, 0, 0", name, ops[ir.DualAttention], ops[ir.Attention], ops[ir.Softmax])
	case kind == "near" && ops[ir.DualAttention] > 0:
		t.Errorf("%s: DualAttention of two that do not belong together", name)
	}
}

func compareLines(t *testing.T, got, want []string) {
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("got  %s\nwant %s", g, w)
			if len(got) != len(want) {
				return
			}
		}
	}
}
