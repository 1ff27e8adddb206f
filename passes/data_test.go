package passes

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// TestMovedWeights folds what moves and widens weights, those that are made later as well, and compares them with what the reference computes.
func TestMovedWeights(t *testing.T) {
	for _, source := range []string{
		`func f() {
			w = Weight() name="w" type=f32[N,5]
			y = Transpose(w) perm=[1,0]
			return y=y
		}`,
		`func f() {
			w = Weight() name="w" type=i8[3,N,2]
			y = Transpose(w) perm=[2,0,1]
			return y=y
		}`,
		`func f() {
			w = Weight() name="w" type=f16[N,3]
			u = Weight() name="u" type=f16[N,2]
			a = Transpose(w) perm=[1,0]
			b = Transpose(u) perm=[1,0]
			c = Concat(a, b, a) axis=0
			d = Transpose(c) perm=[1,0]
			y = Cast(d) to=1
			return y=y
		}`,
	} {
		for _, n := range []string{"70", "700000"} { // the bytes of the second are many
			p := withWeights(t, strings.ReplaceAll(source, "N", n))
			q := p.Clone()
			if _, err := Run(q, Options{Passes: Default}); err != nil {
				t.Fatal(err)
			}
			d := (&Match{P: q}).data(q.Main.Results[0])
			if d == nil {
				t.Fatalf("nothing was folded:\n%s", q)
			}
			want, err := runtime.Eval(p, nil, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !d.Equal(want[0].(*runtime.Tensor).Data()) {
				t.Errorf("%s differs from what the reference computes", d.Type())
			}
		}
	}
}

// withWeights is a program with random weights.
func withWeights(t *testing.T, source string) *ir.Program {
	t.Helper()
	p, err := ir.ParseProgram(source)
	if err != nil {
		t.Fatal(err)
	}
	p.Weights = map[string]*ir.Data{}
	r := rand.New(rand.NewPCG(1, 2))
	for _, node := range p.Main.Nodes {
		if node.Op != ir.Weight {
			continue
		}
		shape, _ := node.Out().Type.Static()
		d := ir.NewData(node.Out().Type.Elem, shape...)
		for i := range d.Len() {
			d.SetFloat(i, 100*r.Float64()-50)
		}
		p.Weights[node.Str("name")] = d
	}
	return p
}
