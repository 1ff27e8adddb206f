package codegen_test

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestRoutedMatMul compiles products of the rows that are wanted, of rows for all experts and for each, and one with weights that only the
// run knows.
func TestRoutedMatMul(t *testing.T) {
	p := program(t, `func f(x f32[1,t,40], r f32[3,t,1], u f32[3,7,2]) {
		w = Weight() name="w" type=f32[3,40,33]
		chosen = Relu(r)
		y = RoutedMatMul(x, w, chosen)
		v = Weight() name="v" type=f32[3,33,7]
		z = RoutedMatMul(y, v, chosen)
		o = RoutedMatMul(z, u, chosen)
		return y, z, o
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out.Files["steps.go"]), "routedMatMul("); n != 2 {
		t.Errorf("%d products of the rows that are wanted instead of 2", n)
	}
	sizes := []map[string]int{{"t": 1}, {"t": 5}, {"t": 300}}
	compareCompiled(t, p, []string{"y", "z", "o"}, sizes...)
}

// TestStackMatMul compiles products with a stack of stored matrices: of one matrix for all, of one for each, and of heads where they lie.
func TestStackMatMul(t *testing.T) {
	p := program(t, `func f(x f32[t,40], h f32[b,t,120], u f32[3,7,2]) {
		w = Weight() name="w" type=f32[3,40,33]
		x3 = Unsqueeze(x, [0])
		y = MatMul(x3, w)
		v = Weight() name="v" type=f32[3,33,7]
		z = MatMul(y, v)
		o = MatMul(z, u)
		h4 = Reshape(h, [b,t,3,40])
		ht = Transpose(h4) perm=[0,2,1,3]
		a = MatMul(ht, w)
		q = Weight() name="q" type=f32[1,33,5]
		d = MatMul(y, q)
		return y, z, o, a, d
	}`)
	out, err := codegen.Compile(p, codegen.Options{Package: "emitted"})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out.Files["steps.go"]), "stackMatMul("); n != 3 {
		t.Errorf("%d products with a stack of matrices instead of 3", n)
	}
	sizes := []map[string]int{{"t": 1, "b": 2}, {"t": 5, "b": 1}, {"t": 300, "b": 2}, {"t": 0, "b": 1}}
	compareCompiled(t, p, []string{"y", "z", "o", "a", "d"}, sizes...)
}
