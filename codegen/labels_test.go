package codegen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// blocks is a model of equal layers that are worth a second thread.
func blocks(layers int) string {
	var b strings.Builder
	b.WriteString("func f(x0 f32[n,256]) {\n")
	for i := range layers {
		fmt.Fprintf(&b, strings.ReplaceAll(`
		g@ = Weight() name="g.@" type=f32[256]
		w@ = Weight() name="w.@" type=f32[256,256]
		v@ = Weight() name="v.@" type=f32[256,256]
		l@ = LayerNormalization(x@, g@, g@)
		a@ = Linear(l@, w@) act="gelu"
		b@ = Linear(a@, v@, _, x@)
		x%d = Tanh(b@)
`, "@", fmt.Sprint(i)), i+1)
	}
	fmt.Fprintf(&b, "\t\treturn y=x%d\n}", layers)
	return b.String()
}

// TestLabels finds the labels of layers and steps in a CPU profile, on the calling goroutine and on that of the pool.
func TestLabels(t *testing.T) {
	p := program(t, blocks(3))
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted", Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := testEmitted(t, out, "testdata/labels_test.go.txt")
	for _, goroutine := range []string{"Session..Run$", "pool..serve"} {
		tags := gotool(t, dir, nil, "tool", "pprof", "-tags", "-focus="+goroutine, "cpu.prof")
		for _, want := range []string{" layer: Total", "layer.0\n", "layer.1\n", "layer.2\n", " step: Total", "Linear"} {
			if !strings.Contains(tags, want) {
				t.Errorf("in %s there is no %q:\n%s", goroutine, want, tags)
			}
		}
	}
}

// TestNoLabels holds packages without labels to be what they are without that option.
func TestNoLabels(t *testing.T) {
	p := program(t, blocks(3))
	with, err := codegen.Compile(p, codegen.Options{Package: "emitted", Labels: true, Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	without, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range without.Files {
		if strings.Contains(strings.ToLower(string(src)), "labels") || strings.Contains(string(src), "pprof") {
			t.Errorf("%s speaks of labels", name)
		}
	}
	if src := string(with.Files["session.go"]); !strings.Contains(src, "labels *labels") || !strings.Contains(src, "clock  clock") {
		t.Errorf("a session with labels and times is\n%s", src)
	}
}
