package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFlagsFirst(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"gpamc", "gpamc"},
		{"gpamc --help", "gpamc --help"},
		{"gpamc compile m.onnx -o dir", "gpamc compile -o dir m.onnx"},
		{"gpamc compile m.onnx --main -o dir --dim a=1 --dim=b=2", "gpamc compile --main -o dir --dim a=1 --dim=b=2 m.onnx"},
		{"gpamc compile --main m.onnx -h", "gpamc compile --main -h m.onnx"},
		{"gpamc test a --json b --runtime both c", "gpamc test --json --runtime both a b c"},
		{"gpamc opt - -- --odd -name", "gpamc opt - -- --odd -name"},
		{"gpamc run m -o", "gpamc run -o m"},
		{"gpamc nonsense a -b", "gpamc nonsense a -b"},
	} {
		if got := flagsFirst(strings.Fields(c.in), commands()); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s becomes %v", c.in, got)
		}
	}
}
