package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestSharedHeads: keys and values need not have equally many heads, as in Differential Transformers whose queries go by groups.
func TestSharedHeads(t *testing.T) {
	out, err := codegen.Compile(program(t, `func f(q f32[b,4,s,8], k f32[b,1,s,8], v f32[b,2,s,16], n f32[b,4,s,8], m f32[b,1,s,8], u f32[b,2,s,8]) {
    y = DualAttention(q, k, v, n, m, _, 1.0, 0.5) scale_p=0.5 scale_n=0.5
    z = Attention(q, u, k) scale=0.5
    return y, z
}
`), codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	for _, want := range []string{"dualAttention(", "kShare: 2", "attention(", "vShare: 2"} {
		if !strings.Contains(steps, want) {
			t.Errorf("there is no %s in\n%s", want, steps)
		}
	}
	for _, name := range []string{"Softmax", "MatMul"} {
		if strings.Contains(steps, "// "+name) {
			t.Errorf("attention is taken apart:\n%s", steps)
		}
	}
}
