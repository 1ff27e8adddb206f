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

// TestHalf: what is stored in half precision is computed by the kernels of float32, and rounded where it leaves them.
func TestHalf(t *testing.T) {
	out, err := codegen.Compile(program(t, `func f(x f16[b,s,16]) {
    w = Weight() name="w" type=f16[16,48]
    o = Weight() name="o" type=f16[16,16]
    p = Linear(x, w)
    q, k, v = Split(p, [16,16,16]) axis=-1
    qr = Reshape(q, [b,s,2,8])
    kr = Reshape(k, [b,s,2,8])
    vr = Reshape(v, [b,s,2,8])
    qh = Transpose(qr) perm=[0,2,1,3]
    kh = Transpose(kr) perm=[0,2,1,3]
    vh = Transpose(vr) perm=[0,2,1,3]
    a = Attention(qh, kh, vh) scale=0.5
    at = Transpose(a) perm=[0,2,1,3]
    ar = Reshape(at, [b,s,16])
    y = Linear(ar, o, _, x)
    return y
}
`), codegen.Options{Package: "emitted", Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range out.Steps {
		steps = append(steps, s.Node.Op.Name)
	}
	// x is widened for either product, which reads it as input and as residual.
	if got, want := strings.Join(steps, " "), "Cast Linear Attention Cast Linear Cast"; got != want {
		t.Errorf("the steps are %s, want %s", got, want)
	}
}

// TestHalfWithoutKernel: what is widened for a kernel that turns out not to fit is expanded instead.
func TestHalfWithoutKernel(t *testing.T) {
	_, err := codegen.Compile(program(t, `func f(q f16[b,2,s,8], k f16[b,2,s,8], v f16[b,2,s,8], m bool[4,4]) {
    c = Slice(m, [0,0], [s,s], [0,1])
    y = Attention(q, k, v, c) fill=-10000
    return y
}
`), codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCacheWrittenInPlace: new keys are written into the cache that was put together for them, unless somebody else reads that.
func TestCacheWrittenInPlace(t *testing.T) {
	steps := func(results string) string {
		out, err := codegen.Compile(program(t, `func f(past f32[b,2,p,8], room f32[b,2,r,8], k f32[b,2,s,8], at i64[b]) {
    c = Concat(past, room) axis=2
    n = TensorScatter(c, k, at)
    y = Relu(n)
    z = TensorScatter(past, k, at)
    return `+results+`
}
`), codegen.Options{Package: "emitted"})
		if err != nil {
			t.Fatal(err)
		}
		return string(out.Files["steps.go"])
	}
	for results, want := range map[string][]string{
		"y, n, z": {"tensorScatter(f.concat, f.concat, in.K", "f.relu, f.concat, ", "tensorScatter(f.tensorScatter, in.Past, in.K"},
		"y, c":    {"tensorScatter(f.tensorScatter, f.concat, in.K"},
	} {
		got := steps(results)
		for _, call := range want {
			if !strings.Contains(got, call) {
				t.Errorf("there is no %s in\n%s", call, got)
			}
		}
	}
}
