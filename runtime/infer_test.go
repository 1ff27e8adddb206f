package runtime

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"pgregory.net/rapid"
)

// Eval compares what a node computes with the type that inference gave, so that these tests need only make nodes: symbolic inference
// must be exact for whatever the names stand for.

// A shape under test: dimensions as text, some of them names, and their sizes.
type drawnShape struct {
	dims  []string
	sizes []int
	env   map[string]int
}

func drawShape(t *rapid.T, rank int) drawnShape {
	s := drawnShape{env: map[string]int{}}
	for i := range rank {
		n := rapid.IntRange(0, 6).Draw(t, "size")
		dim := fmt.Sprint(n)
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			dim = fmt.Sprintf("n%d", i)
			s.env[dim] = n
		case 1:
			p := rapid.IntRange(0, n).Draw(t, "part")
			dim = fmt.Sprintf("p%d+q%d", i, i)
			s.env[fmt.Sprintf("p%d", i)], s.env[fmt.Sprintf("q%d", i)] = p, n-p
		}
		s.dims, s.sizes = append(s.dims, dim), append(s.sizes, n)
	}
	return s
}

// check evaluates one node whose first parameter is x, of the drawn shape.
func (s drawnShape) check(t *rapid.T, node string) *Tensor {
	src := fmt.Sprintf("func f(x i64[%s]) {\ny = %s\nreturn y\n}", strings.Join(s.dims, ","), node)
	f, err := ir.Parse(src)
	if err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	x := New(ir.I64, s.sizes...)
	for i := range x.I {
		x.I[i] = int64(i)
	}
	out, err := Eval(ir.NewProgram(f), []Value{x}, Options{Dims: s.env})
	if err != nil {
		t.Fatalf("%v with %v in\n%s", err, s.env, f)
	}
	return out[0].(*Tensor)
}

// bound draws an index as text and number: a number, or a name of the shape with a part of it.
func (s drawnShape) bound(t *rapid.T, axis int) string {
	if d := s.dims[axis]; strings.Contains(d, "+") && rapid.Bool().Draw(t, "symbolic") {
		p, q, _ := strings.Cut(d, "+")
		return rapid.SampledFrom([]string{p, q, d, "-" + p, p + "+1"}).Draw(t, "bound")
	}
	return rapid.SampledFrom([]string{"0", "1", "-1", "2", "-3", "5", "-9", "9", "9223372036854775807", "-9223372036854775808", "2147483647"}).Draw(t, "bound")
}

func TestSliceInferenceIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t, 2)
		step := rapid.SampledFrom([]int{1, 1, 1, 2, 3, -1, -2}).Draw(t, "step")
		s.check(t, fmt.Sprintf("Slice(x, [%s], [%s], [1], [%d])", s.bound(t, 1), s.bound(t, 1), step))
	})
}

func TestMovementInferenceIsExact(t *testing.T) {
	nodes := []string{
		"Concat(x, x, x) axis=1", "Tile(x, [2,3])", "Pad(x, [1,0,2,1])", "Flatten(x) axis=2", "Transpose(x)", "Unsqueeze(x, [0,-1])",
		"Reshape(x, [-1])", "Gather(x, i64[1,3,0]{}) axis=1", "ReduceSum(x, [0])", "ReduceMax(x) keepdims=0", "NonZero(x)", "Shape(x)",
		"Size(x)", "Trilu(x)", "CumSum(x, 1) reverse=1", "OneHot(x, 3, [0,1]) axis=0", "Compress(x, bool[2]{1,1}) axis=0", "Unique(x)",
		"CenterCropPad(x, [3,2])", "EyeLike(x)", "Expand(x, [2,1,1])", "Add(x, x)", "Where(bool[1]{1}, x, 7)", "TopK(x, [0])",
	}
	rapid.Check(t, func(t *rapid.T) {
		drawShape(t, 2).check(t, rapid.SampledFrom(nodes).Draw(t, "node"))
	})
}

func TestSplitInferenceIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "parts")
		whole := rapid.IntRange(0, 3).Draw(t, "whole")
		f, err := ir.Parse(fmt.Sprintf("func f(x i64[%d*s]) {\na, b = Split(x, [%d*s,s])\nc = Concat(b, a) axis=0\nreturn c\n}", n+1, n))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Results[0].Type.Shape[0].String(); got != f.Params[0].Type.Shape[0].String() {
			t.Fatalf("parts of %s put together are %s", f.Params[0].Type, got)
		}
		if _, err := Eval(ir.NewProgram(f), []Value{New(ir.I64, (n+1)*whole)}, Options{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Moving data about and back is no change, whatever the shape.
func TestMovementsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t, 3)
		x := s.check(t, "Identity(x)")
		for _, node := range []string{"Transpose(x) perm=[2,0,1]", "Unsqueeze(x, [1])"} {
			s.check(t, node)
		}
		back := x.Transpose(2, 0, 1).Transpose(1, 2, 0)
		if !back.Data().Equal(x.Data()) {
			t.Fatal("a transposition and its inverse are not nothing")
		}
	})
}

// A dimension that only the data decides is bound when it appears, and what follows may use it.
func TestFreshDimensions(t *testing.T) {
	f, err := ir.Parse("func f(x i64[n]) {\nk = NonZero(x)\ns = Shape(k)\nz = ConstantOfShape(s) value=i64[1]{1}\ny = Add(k, z)\nreturn y\n}")
	if err != nil {
		t.Fatal(err)
	}
	out, err := Eval(ir.NewProgram(f), []Value{Ints(ir.I64, []int{4}, 0, 5, 0, 6)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].(*Tensor); got.Shape[1] != 2 || got.I[0] != 2 || got.I[1] != 4 {
		t.Errorf("got %v %v", got.Shape, got.I)
	}
}

func TestInputsAreChecked(t *testing.T) {
	f, err := ir.ParseTypes("x f32[b,s], m bool[b,s+p], n i64[2]")
	if err != nil {
		t.Fatal(err)
	}
	x, m, n := New(ir.F32, 2, 3), New(ir.Bool, 2, 5), New(ir.I64, 2)
	env := map[string]int{}
	if err := Bind(f, []Value{x, m, n}, env); err != nil || env["p"] != 2 {
		t.Errorf("%v %v", err, env)
	}
	for _, c := range []struct {
		in   []Value
		want string
	}{
		{[]Value{x, New(ir.Bool, 3, 5), n}, `input "m": bool[3,5] instead of bool[b,p+s]: dimension 0 is 3, but b is 2`},
		{[]Value{x, New(ir.F32, 2, 5), n}, `input "m": f32[2,5] instead of bool[b,p+s]`},
		{[]Value{x, m, New(ir.I64, 3)}, `input "n": i64[3] instead of i64[2]: dimension 0 is 3 instead of 2`},
		{[]Value{x, m, New(ir.I64, 1, 2)}, `2 dimensions instead of 1`},
		{[]Value{x, m}, "2 inputs instead of 3: x, m, n"},
		{[]Value{x, nil, n}, `input "m": a value of type bool[b,p+s] is missing`},
		{[]Value{x, New(ir.Bool, 2, 2), n}, "dimension 1 is 2: no p makes p+s so"},
	} {
		err := Bind(f, c.in, map[string]int{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
