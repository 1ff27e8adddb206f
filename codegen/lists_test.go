package codegen_test

import (
	"errors"
	"testing"

	"github.com/gpamc/gpamc/codegen"
)

// TestListsVanish compiles what is done with lists of tensors whose items are known.
func TestListsVanish(t *testing.T) {
	p := program(t, `func f(x f32[4,3], y f32[2,3], z f32[b,6]) {
		s = SplitToSequence(x, i64[]{3})
		last = SequenceAt(s, i64[]{-1})
		t = SequenceInsert(s, y, i64[]{0})
		u = SequenceErase(t)
		same = Identity(u)
		joined = ConcatFromSequence(same) axis=0
		count = SequenceLength(same)
		rows = SplitToSequence(x) keepdims=0
		stacked = ConcatFromSequence(rows) axis=1 new_axis=1
		parts = SplitToSequence(z, [2,4]) axis=1
		wide = SequenceAt(parts, i64[]{1})
		twice = Add(wide, wide)
		o = Optional(x)
		held = OptionalGetElement(o)
		holds = OptionalHasElement(o)
		e = SequenceEmpty() dtype=1
		one = SequenceInsert(e, y)
		got = SequenceAt(one, i64[]{0})
		return last, joined, count, stacked, twice, held, holds, got
	}`)
	compareCompiled(t, p, []string{"last", "joined", "count", "stacked", "twice", "held", "holds", "got"}, map[string]int{"b": 3})
}

// TestListsOfUnknownItems refuses a list that depends on the data.
func TestListsOfUnknownItems(t *testing.T) {
	_, err := codegen.Compile(program(t, `func f(x f32[4,3], k i64[]) {
		s = SplitToSequence(x, i64[]{2})
		y = SequenceAt(s, k)
		return y
	}`), codegen.Options{Package: "emitted"})
	var missing codegen.Missing
	if !errors.As(err, &missing) || len(missing) != 1 || missing[0].Op != "SplitToSequence" {
		t.Errorf("the error is %v", err)
	}
}
