package passes

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"pgregory.net/rapid"
)

// TestRandomPrograms runs all passes over programs of the operators that rules look for, put together at random. They compute in 64 bits,
// so that a rule that changes the meaning stands out from one that rounds otherwise.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		before := p.Clone()
		fired := run(t, p, Options{Passes: slices.Concat(Default, Kernel)}).Fired
		in := runtime.RandomInputs(before.Main, rapid.Uint64().Draw(t, "seed"), map[string]int{"b": 2, "s": rapid.IntRange(0, 3).Draw(t, "s")})
		x, err := runtime.Eval(before, in, runtime.Options{})
		if err != nil {
			return // such as a reshape of nothing
		}
		y, err := runtime.Eval(p, in, runtime.Options{})
		if err != nil {
			t.Fatalf("%v after %v\n%s\nbecame\n%s", err, fired, before, p)
		}
		for i := range x {
			a, b := x[i].(*runtime.Tensor), y[i].(*runtime.Tensor)
			if err := close64(a, b); err != nil {
				t.Fatalf("result %d: %v after %v\n%s\nbecame\n%s", i, err, fired, before, p)
			}
		}
	})
}

func close64(a, b *runtime.Tensor) error {
	if a.Elem != b.Elem || !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%s became %s", a.Type(), b.Type())
	}
	for k := range a.Len() {
		x, y := a.Float(k), b.Float(k)
		if x == y || math.IsNaN(x) || math.IsInf(x, 0) || math.Abs(x) > 1e12 { // where numbers end anything may round across the border
			continue
		}
		if !(math.Abs(x-y) <= 1e-5*(1+math.Abs(x))) {
			return fmt.Errorf("element %d was %v and is %v", k, x, y)
		}
	}
	return nil
}

// randomProgram makes a program of up to 14 nodes on matrices of 64-bit floats.
func randomProgram(t *rapid.T) *ir.Program {
	f := ir.NewFunc("random")
	b := ir.NewBuilder(f)
	dims := [][]ir.Dim{{ir.Sym("b"), ir.Sym("s"), ir.N(4)}, {ir.Sym("b"), ir.N(4), ir.Sym("s")}, {ir.N(4)}, {ir.Sym("s"), ir.N(1)}, {ir.N(2), ir.N(4), ir.N(4)}}
	var pool []*ir.Value
	for i, d := range dims {
		pool = append(pool, f.Param(fmt.Sprintf("x%d", i), ir.T(ir.F64, d...)))
	}
	flag := f.Param("flag", ir.T(ir.Bool, ir.Sym("s"), ir.N(4)))
	numbers := []float64{0, 1, -1, 2, 3, 0.5, -0.5, 0.7071067811865476, 1e-5, -1e9, 0.044715, 0.7978845608028654, 8, math.Inf(-1)}
	pick := func() *ir.Value {
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			return b.Scalar(ir.F64, rapid.SampledFrom(numbers).Draw(t, "number"))
		}
		n := len(pool) // the newest most often, so that programs get deep
		return pool[n-1-min(rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b"))]
	}
	for range rapid.IntRange(3, 14).Draw(t, "nodes") {
		if n := randomNode(t, b, pick, flag); n != nil {
			pool = append(pool, n.Out())
		}
	}
	f.Return(pool[len(pool)-1], pool[max(0, len(pool)-1-rapid.IntRange(0, 3).Draw(t, "second"))])
	return ir.NewProgram(f)
}

// randomNode adds a node of pick's values; nil when they do not fit.
func randomNode(t *rapid.T, b *ir.Builder, pick func() *ir.Value, flag *ir.Value) *ir.Node {
	binary := []*ir.Op{ir.Add, ir.Sub, ir.Mul, ir.Div, ir.MatMul, ir.Pow, ir.Add, ir.Mul, ir.MatMul}
	unary := []*ir.Op{ir.Neg, ir.Reciprocal, ir.Sqrt, ir.Erf, ir.Tanh, ir.Sigmoid, ir.Softmax, ir.Relu, ir.Exp, ir.Identity, ir.Transpose, ir.IsNaN}
	x := pick()
	var op *ir.Op
	args, attrs := []*ir.Value{x}, ir.Attrs{}
	switch rapid.IntRange(0, 8).Draw(t, "form") {
	case 0, 1, 2:
		op = rapid.SampledFrom(binary).Draw(t, "op")
		args = append(args, pick())
	case 3, 4:
		if op = rapid.SampledFrom(unary).Draw(t, "op"); op == ir.IsNaN {
			return nil
		}
	case 5:
		op, args = ir.ReduceMean, append(args, b.Vector(-1))
	case 6:
		if op = ir.Transpose; x.Type.Rank() == 3 {
			attrs["perm"] = rapid.SampledFrom([][]int64{{0, 2, 1}, {1, 0, 2}, {2, 1, 0}}).Draw(t, "perm")
		}
	case 7:
		op, args = ir.Unsqueeze, append(args, b.Vector(0))
		if x.Type.Rank() > 2 {
			op, args = ir.Reshape, []*ir.Value{x, b.Vector(0, -1)}
		}
	default:
		op, args = ir.Where, []*ir.Value{flag, x, pick()}
	}
	before := len(b.F.Nodes)
	n, err := b.Add(op, 1, attrs, nil, args...)
	if err != nil || x.Type.Rank() > 4 {
		b.F.Nodes = b.F.Nodes[:before]
		return nil
	}
	return n
}
