package runtime

import (
	"fmt"
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// Numbers that a program of loops over rows and columns computed from the formulas, for the queries, keys and values of the reference
// numbers of DualAttention. The second mask hides one key of the first row and all of the third.
func TestComparedAttentions(t *testing.T) {
	in := []Value{
		Floats(ir.F64, []int{3, 2}, 1, -.5, .5, 1, -1, .25), Floats(ir.F64, []int{3, 2}, .5, 1, -1, .5, 1, 1), Floats(ir.F64, []int{3, 2}, 1, 0, 0, 1, 2, -1),
	}
	masks := []*Tensor{Ints(ir.Bool, []int{1, 3}, 1, 1, 1), Ints(ir.Bool, []int{3, 3}, 1, 1, 0, 1, 1, 1, 0, 0, 0)}
	for _, c := range []struct {
		node string
		want [2][]float64
	}{
		{"NON(q, k, v, m) scale=0.7071067811865476", [2][]float64{
			{.40824829, -.71443451, 1.73505523, -.61237244, -.71443451, .76546554}, {0, -.51031036, 1.73505523, -.61237244, 0, 0}}},
		{"NAP(q, k, v, 1.5, 0.25, m)", [2][]float64{
			{4.3166242, -3.5666242, 4.17895117, -3.42895117, -2.79767648, 3.54767648}, {1.749976, -1.249976, 4.17895117, -3.42895117, 0, 0}}},
		{"CoDA(q, k, v, m) scale=0.7071067811865476", [2][]float64{
			{.3492787, -.32628751, 2.00518757, -.64841403, -.30232857, .72474629}, {0, -.15164815, 2.00518757, -.64841403, 0, 0}}},
	} {
		for i, mask := range masks {
			f, err := ir.Parse("func f(q f64[3,2], k f64[3,2], v f64[3,2], m " + mask.Type().String() + ") {\ny = " + c.node + "\nreturn y\n}")
			if err != nil {
				t.Fatal(err)
			}
			out, err := Eval(ir.NewProgram(f), append(in[:3:3], mask), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for k, want := range c.want[i] {
				if got := out[0].(*Tensor).Float(k); !(math.Abs(got-want) < 1e-8) {
					t.Errorf("%s, mask %d: element %d is %.9f, want %.9f", c.node, i, k, got, want)
				}
			}
		}
	}
}

// Heads of keys that queries share, and no mask: the same as with heads of their own and a mask of nothing.
func TestComparedAttentionsShareHeads(t *testing.T) {
	for _, op := range []string{"NON(%s%s)", "NAP(%s, 1.5, 0.25%s)", "CoDA(%s%s)"} {
		shared, own := fmt.Sprintf(op, "q, k, v", ""), fmt.Sprintf(op, "q, k2, v2", ", bool[1,1,1,1]{1}")
		f, err := ir.Parse("func f(q f64[2,4,3,5], k f64[2,2,6,5], v f64[2,2,6,7]) {\n" +
			"r = Reshape(k, [2,2,1,6,5])\nr2 = Expand(r, [2,2,2,6,5])\nk2 = Reshape(r2, [2,4,6,5])\n" +
			"s = Reshape(v, [2,2,1,6,7])\ns2 = Expand(s, [2,2,2,6,7])\nv2 = Reshape(s2, [2,4,6,7])\n" +
			"a = " + shared + "\nb = " + own + "\nreturn a, b\n}")
		if err != nil {
			t.Fatal(err)
		}
		out, err := Eval(ir.NewProgram(f), RandomInputs(f, 1, nil), Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, b := out[0].(*Tensor), out[1].(*Tensor)
		for i := range a.Len() {
			if !(math.Abs(a.Float(i)-b.Float(i)) < 1e-12) {
				t.Fatalf("%s: element %d is %g and %g", op, i, a.Float(i), b.Float(i))
			}
		}
	}
}
