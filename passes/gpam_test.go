package passes

import (
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// TestDualAttentionNumbers: daGPAM of three tokens, Qn = ReLU(Qp)·W and a scale of 1/√2, computed by hand in 64 bits; and what must hold
// of any numbers.
func TestDualAttentionNumbers(t *testing.T) {
	const source = `func f(a f64[], c f64[]) {
    q = Const() value=f64[1,1,3,2]{1,-0.5,0.5,1,-1,0.25}
    k = Const() value=f64[1,1,3,2]{0.5,1,-1,0.5,1,1}
    v = Const() value=f64[1,1,3,2]{1,0,0,1,2,-1}
    w = Const() value=f64[2,2]{-1,0.5,0.25,-1}
    r = Relu(q)
    n = MatMul(r, w)
    y = DualAttention(q, k, v, n, _, _, a, c) scale_p=0.7071067811865476 scale_n=0.7071067811865476
    z = DualAttention(q, k, v, n, _, _, a, c) scale_p=0.7071067811865476 scale_n=0.7071067811865476 causal="self"
    o = Const() value=f64[1,1,3,1]{1,1,1}
    sum = DualAttention(q, k, o, n, _, _, a, c) scale_p=0.3 scale_n=0.7
    same = DualAttention(q, k, v, q, _, _, a, c) scale_p=0.5 scale_n=0.5
    one = Attention(q, k, v) scale=0.5
    hidden = DualAttention(q, k, v, n, _, _, a, c, bool[3,1]{1,0,1})
    return y, z, sum, same, one, hidden
}
`
	for _, test := range []struct {
		a, c         float64
		full, causal []float64
	}{
		{2, 1, []float64{2.129374, -1.129374, 1.815544, -.815544, .106444, .893556}, []float64{1, 0, 1.044813, -.044813, .106444, .893556}},
		{1.5, .25, []float64{1.888649, -.638649, 1.753206, -.503206, .579833, .670167}, []float64{1.25, 0, .968830, .281170, .579833, .670167}},
	} {
		p := parse(t, source)
		run(t, p, Options{})
		out, err := runtime.Eval(p, []runtime.Value{runtime.Scalar(ir.F64, test.a), runtime.Scalar(ir.F64, test.c)}, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := func(result, i int) float64 { return out[result].(*runtime.Tensor).Float(i) }
		expect := func(what string, got, want, within float64) {
			if !(math.Abs(got-want) <= within) {
				t.Errorf("a=%g b=%g: %s is %.7f, want %.7f", test.a, test.c, what, got, want)
			}
		}
		for i := range 6 {
			expect("an element", at(0, i), test.full[i], 1e-6)
			expect("an element behind the causal mask", at(1, i), test.causal[i], 1e-6)
			expect("with the same queries twice", at(3, i), (test.a-test.c)*at(4, i), 1e-14)
		}
		for i := range 3 {
			expect("a row's sum", at(2, i), test.a-test.c, 1e-14)
		}
		expect("a hidden row", at(5, 2), 0, 0)
		expect("a hidden row", at(5, 3), 0, 0)
	}
}
