package pipeline

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// Where vectors of unknown length say how many dimensions there are, a package goes by what the model declares, and refuses vectors that
// say otherwise.
func TestDeclaredRanks(t *testing.T) {
	freshCache(t)
	p, err := ir.ParseProgram(`func f(x f32[a,1,b], shape i64[r], axes i64[k], new i64[n], wide i64[w], at i64[m,q]) {
		v1 f32[?1,?1.1] = Reshape(x, shape)
		v2 f32[?2,?2.1] = Squeeze(x, axes)
		v3 f32[?3,?3.1,?3.2,?3.3,?3.4] = Unsqueeze(x, new)
		v4 f32[?4,?4.1,?4.2,?4.3] = Expand(x, wide)
		v5 f32[?5,?5.1] = GatherND(x, at)
		v6 f32[?6,?6.1] = ReduceSum(x, axes) keepdims=0
		v7 f32[?7,?7.1] = ConstantOfShape(shape) value=f32[1]{3}
		return v1, v2, v3, v4, v5, v6, v7
	}`)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Build(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	vector := func(xs ...int64) onnx.Value { return onnx.Value{Tensor: ir.Vector(xs...)} }
	inputs := func() []onnx.Value {
		return []onnx.Value{floats([]int{2, 1, 3}, 1, 2, 3, 4, 5, 6), vector(3, 2), vector(-2), vector(-1, 1), vector(4, 1, 2, 1),
			{Tensor: ir.Ints(ir.I64, []int{2, 2}, 1, 0, 0, 0)}}
	}
	want, err := Evaluate(p, inputs())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Run(inputs(), RunOptions{Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if err := values.Compare(got.Outputs[i], want[i], values.Tolerance{}); err != nil {
			t.Errorf("%s: %v", p.Main.Results[i].Def.Op.Name, err)
		}
	}
	for _, wrong := range []struct {
		input int
		v     onnx.Value
		says  string
	}{
		{1, vector(6), "1 dimensions instead of 2"},
		{1, vector(4, 2), "6 elements do not fit a shape of 8"},
		{2, vector(1, 1, 0), "is squeezed that is not 1"},
		{3, vector(0), "4 dimensions instead of 5"},
		{3, vector(0, -5), "axis 0 is added twice"},
		{4, vector(2, 1, 3), "3 dimensions instead of 4"},
		{5, onnx.Value{Tensor: ir.Ints(ir.I64, []int{2, 1}, 1, 0)}, "3 dimensions instead of 2"},
	} {
		in := inputs()
		in[wrong.input] = wrong.v
		if _, err := c.Run(in, RunOptions{Limit: time.Minute}); err == nil || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%s = %s: the error is %v", p.Main.Params[wrong.input].Name, values.Summary(wrong.v), err)
		}
	}
}

// A Reshape in a branch has to fit where the branch is taken, and there alone.
func TestReshapeInBranch(t *testing.T) {
	freshCache(t)
	p, err := ir.ParseProgram(`func f(x f32[b,d], one bool[]) {
		y = If(one) then_branch=func() {
			a = Reshape(x, [b,1])
			c = Neg(a)
			return c=c
		} else_branch=func() {
			m = ReduceMax(x, [1])
			return m=m
		}
		return y
	}`)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Build(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, trial := range []struct {
		wide int
		one  bool
		says string
	}{{1, true, ""}, {1, false, ""}, {3, false, ""}, {3, true, "6 elements do not fit a shape of 2"}} {
		in := RandomInputs(p, 1, map[string]int{"b": 2, "d": trial.wide})
		in[1].Tensor.Bytes()[0] = 0
		if trial.one {
			in[1].Tensor.Bytes()[0] = 1
		}
		_, err := c.Run(in, RunOptions{Limit: time.Minute})
		if trial.says == "" && err != nil || trial.says != "" && (err == nil || !strings.Contains(err.Error(), trial.says)) {
			t.Errorf("%v: the error is %v", trial, err)
		}
	}
}

// Sizes with which a Reshape would lose elements are refused.
func TestReshapeOfOtherSizes(t *testing.T) {
	freshCache(t)
	p, err := ir.ParseProgram(`func f(x f32[b,d]) {
		heads = Reshape(x, [0,3,-1])
		y = Neg(heads)
		return y
	}`)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Build(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Run(RandomInputs(p, 1, map[string]int{"b": 2, "d": 6}), RunOptions{Limit: time.Minute}); err != nil {
		t.Error(err)
	}
	_, err = c.Run(RandomInputs(p, 1, map[string]int{"b": 2, "d": 7}), RunOptions{Limit: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "14 elements do not fit a shape of 12") {
		t.Errorf("the error is %v", err)
	}
}
