package codegen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/codegen/lib"
)

// TestPrecision checks which kernels and how many bytes a package gets, and that it is one that the go command has nothing against.
func TestPrecision(t *testing.T) {
	size := map[codegen.Precision]int{}
	for _, c := range []struct {
		precision codegen.Precision
		call      string
	}{{codegen.Float32, "linear(s.ctx"}, {codegen.BF16, "gemmBF16(s.ctx"}, {codegen.Int8, "gemmInt8(s.ctx"}} {
		out, err := codegen.Compile(program(t, `func f(x f32[b,64]) {
			up = Weight() name="up" type=f32[64,256]
			down = Weight() name="down" type=f32[256,64]
			u = Linear(x, up) act="gelu"
			y = Linear(u, down, _, x)
			return y=y
		}`), codegen.Options{Package: "emitted", Precision: c.precision})
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(out.Files["steps.go"]), c.call); n != 2 {
			t.Errorf("%q: %d calls of %s, want 2:\n%s", c.precision, n, c.call, out.Files["steps.go"])
		}
		size[c.precision] = len(out.Weights) - 8 // behind them stands their checksum
		if c.precision != codegen.Float32 {
			dir := t.TempDir()
			write(t, dir, out)
			gotool(t, dir, nil, "vet", ".")
			gotool(t, dir, []string{"GOARCH=arm64"}, "vet", ".")
		}
	}
	const columns = 64 + 256 // each of which has a scale and a sum in int8
	corners := 4 * (lib.LinearLen(64, 256) - lib.PackedLen(64, 256) + lib.LinearLen(256, 64) - lib.PackedLen(256, 64))
	scales := 4 * (lib.PackedBF16Len(64, 256) + lib.PackedBF16Len(256, 64) - 64*256)
	if f := size[codegen.Float32] - corners; size[codegen.BF16] != f/2+scales || size[codegen.Int8] != f/4+8*columns {
		t.Errorf("bytes of weights: %v", size)
	}
}

// TestPrecisionOfDeepSums checks that sums which may not fit into 32 bits are left as they are.
func TestPrecisionOfDeepSums(t *testing.T) {
	for k, call := range map[int]string{lib.MaxInt8Depth: "gemmInt8(s.ctx", lib.MaxInt8Depth + 1: "linear(s.ctx"} {
		out, err := codegen.Compile(program(t, fmt.Sprintf(`func f(x f32[b,%d]) {
			w = Weight() name="w" type=f32[%d,1]
			y = MatMul(x, w)
			return y=y
		}`, k, k)), codegen.Options{Package: "emitted", Precision: codegen.Int8})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out.Files["steps.go"]), call) {
			t.Errorf("k=%d: no call of %s", k, call)
		}
	}
}

func TestParsePrecision(t *testing.T) {
	for text, want := range map[string]codegen.Precision{"": codegen.Float32, "float32": codegen.Float32, "bf16": codegen.BF16, "int8": codegen.Int8} {
		if p, err := codegen.ParsePrecision(text); err != nil || p != want {
			t.Errorf("%q is %q, %v", text, p, err)
		}
	}
	if _, err := codegen.ParsePrecision("int4"); err == nil || !strings.Contains(err.Error(), "bf16") {
		t.Errorf("int4: %v", err)
	}
}

// TestPrecisionOfAttention checks that attention is in fixed point where weights are narrow, and that other packages bring nothing of that.
func TestPrecisionOfAttention(t *testing.T) {
	const attention = `func f(q f32[b,4,s,32], k f32[b,4,s,32], v f32[b,4,s,32], n f32[b,4,s,32]) {
		y = DualAttention(q, k, v, n, _, _, 1.0, 0.5) scale_p=0.5 scale_n=0.5
		z = Attention(q, k, v) scale=0.5 causal="self"
		return y, z
	}`
	for _, precision := range []codegen.Precision{codegen.Float32, codegen.BF16, codegen.Int8} {
		out, err := codegen.Compile(program(t, attention), codegen.Options{Package: "emitted", Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		want := 2
		if precision == codegen.Float32 {
			want = 0
		}
		if n := strings.Count(string(out.Files["steps.go"]), "format: fixedAttention{}"); n != want {
			t.Errorf("%q: %d attentions in fixed point, want %d:\n%s", precision, n, want, out.Files["steps.go"])
		}
		if _, ok := out.Files["attention_fixed.go"]; ok != (want > 0) {
			t.Errorf("%q: a file attention_fixed.go: %v", precision, ok)
		}
		dir := t.TempDir()
		write(t, dir, out)
		gotool(t, dir, nil, "vet", ".")
		gotool(t, dir, []string{"GOARCH=arm64"}, "vet", ".")
	}
}
