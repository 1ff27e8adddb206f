package runtime

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
	"pgregory.net/rapid"
)

// drawShapeProgram builds integer arithmetic on the shape of a parameter, as exporters write it, by trying operators on what is there.
func drawShapeProgram(t *rapid.T) *ir.Func {
	f := ir.NewFunc("f")
	x := f.Param("x", ir.T(ir.F32, ir.Sym("b"), ir.Sym("s"), ir.Sym("p").Add(ir.Sym("s")), ir.N(12)))
	b := ir.NewBuilder(f)
	pool := []*ir.Value{b.New(ir.Shape, nil, x), b.Vector(4), b.Vector(-1, 2), b.Scalar(ir.I64, 3), b.Vector(0), b.Vector(1)}
	flags := []*ir.Value{b.Const(ir.Ints(ir.Bool, []int{1}, 1))}
	ops := []*ir.Op{ir.Gather, ir.Slice, ir.Concat, ir.Add, ir.Sub, ir.Mul, ir.Div, ir.Mod, ir.Min, ir.Max, ir.Equal, ir.Greater, ir.Less,
		ir.GreaterOrEqual, ir.LessOrEqual, ir.Where, ir.Cast, ir.Unsqueeze, ir.Squeeze, ir.ReduceProd, ir.Reshape, ir.ConstantOfShape,
		ir.Expand, ir.Neg, ir.And, ir.Or, ir.Not, ir.Shape, ir.Range, ir.Flatten, ir.Size}
	for range rapid.IntRange(1, 25).Draw(t, "nodes") {
		op := rapid.SampledFrom(ops).Draw(t, "op")
		some := func() *ir.Value { return rapid.SampledFrom(pool).Draw(t, "arg") }
		flag := func() *ir.Value { return rapid.SampledFrom(flags).Draw(t, "flag") }
		var args []*ir.Value
		attrs := ir.Attrs{}
		switch op {
		case ir.Not:
			args = []*ir.Value{flag()}
		case ir.And, ir.Or:
			args = []*ir.Value{flag(), flag()}
		case ir.Where:
			args = []*ir.Value{flag(), some(), some()}
		case ir.Slice, ir.Range:
			args = []*ir.Value{some(), some(), some()}
		case ir.Cast:
			args, attrs["to"] = []*ir.Value{rapid.SampledFrom([]*ir.Value{some(), flag()}).Draw(t, "cast")}, ir.I64
		case ir.Concat:
			args, attrs["axis"] = []*ir.Value{some(), some()}, rapid.IntRange(-1, 1).Draw(t, "axis")
		case ir.ConstantOfShape:
			args, attrs["value"] = []*ir.Value{some()}, ir.Vector(rapid.Int64Range(-1, 3).Draw(t, "value"))
		case ir.Neg, ir.Shape, ir.Flatten, ir.Size:
			args = []*ir.Value{some()}
		default:
			args = []*ir.Value{some(), some()}
		}
		n, err := b.Add(op, 1, attrs, nil, args...)
		if err != nil {
			continue // the arguments do not fit
		}
		if n.Out().Type.Elem == ir.Bool {
			flags = append(flags, n.Out())
		} else {
			pool = append(pool, n.Out())
		}
	}
	return f
}

// What Symbolic says of contents is what the reference computes, whatever the dimensions are.
func TestSymbolicContentsAreComputed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawShapeProgram(t)
		env := map[string]int{} // not 0: b/b counts as 1, an empty tensor having nothing to decide it
		for _, name := range []string{"b", "s", "p"} {
			env[name] = rapid.IntRange(1, 5).Draw(t, name)
		}
		compared := func(n *ir.Node, results []Value) {
			x, ok := results[0].(*Tensor)
			sym := n.Out().Symbolic()
			if !ok || sym == nil {
				return
			}
			if len(sym) != x.Len() {
				t.Fatalf("%s: %d elements are known of %s in\n%s", n.Op.Name, len(sym), x.Type(), f)
			}
			for i, d := range sym {
				if d == nil {
					continue
				}
				if want, ok := d.Eval(env); ok && want != x.Int(i) {
					t.Fatalf("%s: element %d is %d, and said to be %s, with %v in\n%s", n.Op.Name, i, x.Int(i), d, env, f)
				}
			}
		}
		in := []Value{New(ir.F32, env["b"], env["s"], env["p"]+env["s"], 12)}
		// The data may not fit, a division by zero among it: then there is nothing to compare from there on.
		if _, err := Eval(ir.NewProgram(f), in, Options{Trace: compared}); err != nil {
			t.Logf("stopped: %v", err)
		}
	})
}
