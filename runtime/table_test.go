package runtime

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// evalExample evaluates f on seeded inputs.
func evalExample(t *testing.T, f *ir.Func) []Value {
	t.Helper()
	out, err := Eval(ir.NewProgram(f), RandomInputs(f, 1, nil), Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, f)
	}
	return out
}

func example(t *testing.T, op *ir.Op) *ir.Func {
	t.Helper()
	f, err := op.ExampleFunc()
	if err != nil || f == nil {
		t.Fatalf("no example: %v", err)
	}
	return f
}

// Every primitive has a kernel, every example evaluates, and its results have the types that inference gave.
func TestExamplesEvaluate(t *testing.T) {
	for _, op := range ir.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			f := example(t, op)
			if missing := Supports(f); len(missing) > 0 {
				t.Fatal(&Unsupported{missing})
			}
			for i, v := range evalExample(t, f) {
				if v == nil {
					t.Errorf("result %d is absent", i)
				}
			}
		})
	}
}

// An operator that commutes gives the same when its first two arguments change places.
func TestCommutingOperatorsCommute(t *testing.T) {
	for _, op := range ir.Ops() {
		if !op.Commutes {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			f, g := example(t, op), example(t, op)
			n := g.Nodes[len(g.Nodes)-1]
			n.Args[0], n.Args[1] = n.Args[1], n.Args[0]
			if err := n.Refresh(); err != nil {
				t.Fatal(err)
			}
			same(t, evalExample(t, f), evalExample(t, g))
		})
	}
}

// A composite that has a kernel of its own agrees with its expansion.
func TestKernelsOfCompositesAgreeWithExpansions(t *testing.T) {
	for _, op := range ir.Ops() {
		if op.Expand == nil || kernels[op] == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			k := kernels[op]
			want := evalExample(t, example(t, op))
			delete(kernels, op)
			defer func() { kernels[op] = k }()
			same(t, evalExample(t, example(t, op)), want)
		})
	}
}

func same(t *testing.T, got, want []Value) {
	t.Helper()
	for i := range want {
		x, ok1 := got[i].(*Tensor)
		y, ok2 := want[i].(*Tensor)
		if !ok1 || !ok2 || !x.Data().Equal(y.Data()) {
			t.Errorf("result %d: %v is not %v", i, got[i], want[i])
		}
	}
}
