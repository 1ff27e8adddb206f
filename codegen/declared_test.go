package codegen_test

import (
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestDeclaredSizes: where a model declares what only the data decide, a run finds out whether that is so.
func TestDeclaredSizes(t *testing.T) {
	out, err := codegen.Compile(program(t, `func f(x f32[4,3], starts i64[1], ends i64[1], go bool[], count i64[]) {
    part f32[2,3] = Slice(x, starts, ends)
    last i64[], all i64[3] = Loop(count, go, i64[]{5}) body=func(i i64[], on bool[], v i64[]) {
        next = Add(v, i)
        return on, next, next
    }
    return part=part, all=all
}
`), codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	testEmitted(t, out, "testdata/declared_test.go.txt")
}
