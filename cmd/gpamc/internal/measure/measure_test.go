package measure

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
)

func TestWork(t *testing.T) {
	for _, c := range []struct{ params, node, want string }{
		{"x f32[b,3,8], w f32[8,4]", "MatMul(x, w)", "192*b"},
		{"x f32[2,3]", "Relu(x)", "6"},
		{"x f32[2,3]", "Transpose(x) perm=[1,0]", "0"},
		{"x f32[2,s]", "Softmax(x)", "10*s"},
		{"x f32[2,s], a i64[1]", "ReduceSum(x, a) keepdims=1", "2*s"},
		{"x f32[1,4,8,8], w f32[6,2,3,3]", "Conv(x, w) group=2 pads=[1,1,1,1]", "13824"},
		{"a f32[b,i,j], c f32[b,j,k]", `Einsum(a, c) equation="bij,bjk->bik"`, "2*b*i*j*k"},
		{"a f32[7,3], c f32[7,5]", "Gemm(a, c) transA=1", "210"},
	} {
		f, err := ir.Parse("func f(" + c.params + ") {\n v = " + c.node + "\n return v\n}")
		if err != nil {
			t.Errorf("%s: %v", c.node, err)
			continue
		}
		if got := Work(f).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.node, got, c.want)
		}
	}
}

func TestNodeBytes(t *testing.T) {
	for _, c := range []struct{ params, node, want string }{
		{"x f32[b,8], w f32[8,4]", "MatMul(x, w)", "48*b+128"},
		{"x f32[b,8], w u4[8,4], s f32[2,4], z u4[2,4]", "BlockedLinear(x, w, s, z) block_size=4", "48*b+52"},
		{"x f32[9,4], i i64[n]", "Gather(x, i)", "40*n"},
	} {
		f, err := ir.Parse("func f(" + c.params + ") {\n v = " + c.node + "\n return v\n}")
		if err != nil {
			t.Fatal(err)
		}
		if got := NodeBytes(f.Nodes[len(f.Nodes)-1]).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.node, got, c.want)
		}
	}
}

// TestBytesOfRegion: x is read by two nodes of one step, and what they hand on is in no memory.
func TestBytesOfRegion(t *testing.T) {
	f, err := ir.Parse(`func f(x f32[b,8], w f32[8]) {
		y = Mul(x, w)
		z = Tanh(y)
		v = Add(z, x)
		return v
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := NodeBytes(f.Nodes[2], f.Nodes[:2]...).String(), "64*b+32"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestBytesOfSum: of each table that a step looks up, and of one that it does twice, what it finds is read.
func TestBytesOfSum(t *testing.T) {
	f, err := ir.Parse(`func f(x f32[900,4], y f32[7,4], g f32[4], i i64[n]) {
		a = Gather(x, i)
		b = Gather(y, i)
		c = Add(a, b)
		d = Gather(x, i)
		e = Add(c, d)
		v = RMSNormalization(e, g)
		return v
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := NodeBytes(f.Nodes[5], f.Nodes[:5]...).String(), "72*n+16"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCensus(t *testing.T) {
	f, err := ir.Parse(`func f(x f32[2,4]) {
		w = Weight() name="w" type=f32[4,4]
		w2 = Weight() name="w" type=f32[4,4]
		y = MatMul(x, w)
		z = MatMul(y, w2)
		return z
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if ops := Operators(f); len(ops) != 1 || ops["MatMul"] != 2 {
		t.Errorf("got %v", ops)
	}
	if count, bytes := Parameters(f); count != 16 || bytes != 64 {
		t.Errorf("got %d parameters of %d bytes", count, bytes)
	}
}
