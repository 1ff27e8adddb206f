package codegen_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

func TestFileNames(t *testing.T) {
	results := []string{"a/b", "a_b", "..", "", strings.Repeat("n", 300), "A_B", "output_8", "logits", "logits", "x\ny"}
	want := []string{"a_b", "output_1", "output_2", "output_3", "output_4", "output_5", "output_8", "logits", "output_8_", "x_y"}
	if got := codegen.FileNames(results); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
