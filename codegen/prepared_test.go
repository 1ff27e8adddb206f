package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// positions adds to x what a table has for each row, and returns it twice as well.
const positions = `func f(x f32[s,2]) {
    rows i64[s] = Range(0, dim(s), 1)
    table = Const() value=f32[4,1]{10, 20, 30, 40}
    of f32[s,1] = Gather(table, rows)
    wide f32[s,2] = Expand(of, [s,2])
    y = Add(x, of)
    z = Add(of, of)
    return y=y, z=z, wide=wide
}
`

// TestPrepared runs a package with steps that depend on sizes alone: they are done again when these change, or when they failed.
func TestPrepared(t *testing.T) {
	out, err := codegen.Compile(program(t, positions), codegen.Options{Package: "emitted", Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	prepare, run, ok := strings.Cut(string(out.Files["steps.go"]), "// run ")
	if !ok || strings.Count(prepare, "\t// ") != 2 || !strings.Contains(prepare, "gather(") || strings.Contains(run, "gather(") {
		t.Errorf("the positions are not prepared, or more than they:\n%s", out.Files["steps.go"])
	}
	if len(out.Steps) != 3 {
		t.Errorf("%d steps are measured", len(out.Steps))
	}
	testEmitted(t, out, "testdata/prepared_test.go.txt")
}
