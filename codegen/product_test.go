package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestProductOfWhatTheDataDecides: which side of a product has one matrix for all is seen in the run, and so is what does not fit.
func TestProductOfWhatTheDataDecides(t *testing.T) {
	out, err := codegen.Compile(program(t, `func f(x f32[5,3,4], c bool[5], w f32[b,k,2]) {
    a = Compress(x, c) axis=0
    y = MatMul(a, w)
    return y
}
`), codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	if steps := string(out.Files["steps.go"]); !strings.Contains(steps, "matmul(") {
		t.Errorf("no kernel is used:\n%s", steps)
	}
	testEmitted(t, out, "testdata/product_test.go.txt")
}
