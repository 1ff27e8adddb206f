package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// decoder has two equal layers that look at what came before, sums of all keys, which no view serves, and a cache that is asked for its
// contents and so is none of the session's.
const decoder = `func f(x f32[b,s,16], k1 f32[b,2,p,4], v1 f32[b,2,p,4], k2 f32[b,2,p,4], v2 f32[b,2,p,4], c f32[b,p,3], mask f32[b,1,1,p+s]) {
    w1 = Weight() name="w1" type=f32[16,16]
    u1 = Weight() name="u1" type=f32[16,8]
    q1 = Linear(x, w1)
    qr1 = Reshape(q1, [b,s,4,4])
    qh1 = Transpose(qr1) perm=[0,2,1,3]
    n1 = Linear(x, u1)
    nr1 = Reshape(n1, [b,s,2,4])
    nh1 = Transpose(nr1) perm=[0,2,1,3]
    a1 = Concat(k1, nh1) axis=2
    t1 = Concat(v1, nh1) axis=-2
    y1 = Attention(qh1, a1, t1, mask) causal="cache"
    z1 = Transpose(y1) perm=[0,2,1,3]
    o1 = Reshape(z1, [b,s,16])
    r1 = Add(x, o1)
    w2 = Weight() name="w2" type=f32[16,16]
    u2 = Weight() name="u2" type=f32[16,8]
    q2 = Linear(r1, w2)
    qr2 = Reshape(q2, [b,s,4,4])
    qh2 = Transpose(qr2) perm=[0,2,1,3]
    n2 = Linear(r1, u2)
    nr2 = Reshape(n2, [b,s,2,4])
    nh2 = Transpose(nr2) perm=[0,2,1,3]
    a2 = Concat(k2, nh2) axis=2
    t2 = Concat(v2, nh2) axis=-2
    y2 = Attention(qh2, a2, t2, mask) causal="cache"
    z2 = Transpose(y2) perm=[0,2,1,3]
    o2 = Reshape(z2, [b,s,16])
    r2 = Add(r1, o2)
    sum = ReduceSum(a2, [2]) keepdims=0
    first = Slice(x, [0], [3], [2])
    d = Concat(c, first) axis=1
    e = Neg(c)
    return y=r2, a1=a1, t1=t1, sum=sum, a2=a2, t2=t2, d=d, e=e
}
`

// TestStateful runs a package whose sessions keep keys and values.
func TestStateful(t *testing.T) {
	out, err := codegen.Compile(program(t, decoder), codegen.Options{Package: "emitted", Stateful: true})
	if err != nil {
		t.Fatal(err)
	}
	steps := string(out.Files["steps.go"])
	if n := strings.Count(steps, "appendRows("); n != 2 { // in one function for both layers
		t.Errorf("%d times rows are appended in the text:\n%s", n, steps)
	}
	if n := strings.Count(steps, "keptRows("); n != 1 {
		t.Errorf("%d times in the text what is kept is copied", n)
	}
	var names []string
	for _, p := range append(out.Inputs, out.Results...) {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "x c mask y sum d e" {
		t.Errorf("inputs and results are %s", got)
	}
	testEmitted(t, out, "testdata/stateful_test.go.txt")
}

func TestNothingToKeep(t *testing.T) {
	_, err := codegen.Compile(program(t, positions), codegen.Options{Package: "emitted", Stateful: true})
	if err == nil || !strings.Contains(err.Error(), "nothing that a session could keep") {
		t.Errorf("error %v", err)
	}
	two := `func f(x f32[b,s,3], k f32[b,p,3], v f32[b,q,3]) {
    a = Concat(k, x) axis=1
    c = Concat(v, x) axis=1
    return a, c
}
`
	_, err = codegen.Compile(program(t, two), codegen.Options{Package: "emitted", Stateful: true})
	if err == nil || !strings.Contains(err.Error(), "must have as many") {
		t.Errorf("error %v", err)
	}
}
