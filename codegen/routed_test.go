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
	for _, sizes := range []map[string]int{{"t": 1}, {"t": 5}, {"t": 300}} {
		compareCompiled(t, p, []string{"y", "z", "o"}, sizes)
	}
}
