package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

func seqOf(items ...onnx.Value) onnx.Value { return onnx.Value{Kind: ir.Sequence, Elems: items} }
func optOf(items ...onnx.Value) onnx.Value { return onnx.Value{Kind: ir.Optional, Elems: items} }
func floats(shape []int, xs ...float64) onnx.Value {
	return onnx.Value{Tensor: ir.Floats(ir.F32, shape, xs...)}
}

// Sequences and optionals go into packages, come out of them, and are handed on inside.
func TestListsCompiled(t *testing.T) {
	freshCache(t)
	p, err := ir.ParseProgram(`func f(s seq(f32[...]), o opt(seq(f32[2])), q opt(i64[3]), w seq(str[2]), k i64[], rows seq(f32[n,2]), b f32[m,2]) {
		last = SequenceErase(s, k)
		has = OptionalHasElement(o)
		u = If(has) then_branch=func() {
			held = OptionalGetElement(o)
			v1 = SequenceInsert(held, f32[2]{7,8}, k)
			return v1
		} else_branch=func() {
			v2 = SequenceConstruct(f32[2]{1,2})
			return v2
		}
		x = SequenceAt(u, i64[]{-1})
		again = Optional(u)
		moved = SequenceMap(rows, b) body=func(r f32[i,2], c f32[m,2]) {
			y = Concat(r, c) axis=0
			return y
		}
		stack = ConcatFromSequence(moved) axis=-2
		return last, has, u, x, again, q, w, moved, stack
	}`)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Build(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	text := onnx.Value{Tensor: ir.Strings([]int{2}, "a", "")}
	inputs := func(o, q onnx.Value, k int64) []onnx.Value {
		return []onnx.Value{seqOf(floats(nil, 1), floats([]int{1, 2}, 3, 4), floats([]int{0})), o, q, seqOf(text, text),
			{Tensor: ir.Ints(ir.I64, nil, k)}, seqOf(floats([]int{1, 2}, 5, 6), floats([]int{3, 2}, 1, 2, 3, 4, 5, 6)), floats([]int{1, 2}, 9, 9)}
	}
	pair := optOf(seqOf(floats([]int{2}, 1, 2), floats([]int{2}, 3, 4)))
	three := optOf(onnx.Value{Tensor: ir.Vector(1, 2, 3)})
	for i, in := range [][]onnx.Value{inputs(pair, three, -2), inputs(optOf(), optOf(), 1), inputs(pair, optOf(), 0)} {
		want, err := Evaluate(p, in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Run(in, RunOptions{Threads: 1, Runs: 2, Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for j := range want {
			if err := values.Compare(got.Outputs[j], want[j], values.Tolerance{}); err != nil {
				t.Errorf("%d: %s: %v", i, p.Main.ResultName(j), err)
			}
		}
	}
	wrong := inputs(pair, three, 3)
	if _, err := c.Run(wrong, RunOptions{Limit: time.Minute}); err == nil {
		t.Error("a position behind the end was accepted")
	}
	wrong = inputs(optOf(seqOf(floats([]int{3}, 1, 2, 3))), three, 0)
	wrong[4] = onnx.Value{Tensor: ir.Ints(ir.I64, nil, 1)}
	if _, err := c.Run(wrong, RunOptions{Limit: time.Minute}); err == nil {
		t.Error("an item of three where two are declared was accepted")
	}
}
