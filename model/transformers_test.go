package model

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// TestTransformers loads checkpoints that Hugging Face's transformers wrote and compares with what it computed: testdata/transformers has
// the script.
func TestTransformers(t *testing.T) {
	folders, err := filepath.Glob("testdata/transformers/*/config.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < len(Families()) {
		t.Errorf("%d checkpoints for %d families", len(folders), len(Families()))
	}
	for _, path := range folders {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			d, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Build(d)
			if err != nil {
				t.Fatal(err)
			}
			io, err := OpenSafetensors(filepath.Join(dir, "io.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			checkRecorded(t, p, io.Tensors)
			if _, err := passes.Run(p, passes.Options{}); err != nil {
				t.Fatal(err)
			}
			checkRecorded(t, p, io.Tensors)
		})
	}
}

// checkRecorded evaluates p on recorded inputs. Padded places of what an encoder makes are compared, too: they see the same keys.
func checkRecorded(t *testing.T, p *ir.Program, recorded map[string]*ir.Data) {
	t.Helper()
	var inputs []runtime.Value
	for _, v := range p.Main.Params {
		if recorded[v.Name] == nil {
			t.Fatalf("no input %s was recorded", v.Name)
		}
		inputs = append(inputs, runtime.FromData(recorded[v.Name]))
	}
	out, err := runtime.Eval(p, inputs, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range out {
		name := p.Main.ResultName(i)
		got, want := v.(*runtime.Tensor), recorded["want."+name]
		if want == nil || !slices.Equal(got.Shape, want.Shape) {
			t.Fatalf("%s is %s, want %v", name, got.Type(), want)
		}
		worst := 0.0
		for k := range want.Len() {
			worst = math.Max(worst, math.Abs(got.F[k]-want.Float(k)))
		}
		if !(worst <= 1e-5) {
			t.Errorf("%s is off by %g", name, worst)
		}
	}
	if wants := strings.Count(strings.Join(keysOf(recorded), " "), "want."); wants != len(out) {
		t.Errorf("%d results, %d were recorded", len(out), wants)
	}
}

func keysOf(m map[string]*ir.Data) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}
