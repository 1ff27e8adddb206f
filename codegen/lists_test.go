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

// TestListsOfUnknownItems compiles lists whose items only the data tell.
func TestListsOfUnknownItems(t *testing.T) {
	p := program(t, `func f(x f32[b,3], y f32[2,3]) {
		s = SplitToSequence(x, i64[]{2})
		n = SequenceLength(s)
		one = Const() value=i64[]{1}
		k = Sub(n, one)
		last = SequenceAt(s, k)
		t = SequenceInsert(s, y, k)
		u = SequenceErase(t, i64[]{0})
		all = ConcatFromSequence(u) axis=0
		doubled = SequenceMap(u) body=func(e f32[r,3]) {
			d = Add(e, e)
			return d
		}
		wide = ConcatFromSequence(doubled) axis=-2
		yes = Greater(n, one)
		o = If(yes) then_branch=func() {
			a = Optional(y)
			return a
		} else_branch=func() {
			c = Optional(x)
			return c
		}
		held = OptionalGetElement(o)
		has = OptionalHasElement(o)
		empty = SequenceEmpty() dtype=1
		looped = Loop(n, bool[]{1}, empty) body=func(i i64[], going bool[], list seq(f32[...])) {
			e = SequenceAt(s, i)
			more = SequenceInsert(list, e, i64[]{0})
			return going, more
		}
		count = SequenceLength(looped)
		return last, n, all, wide, has, count
	}`)
	compareCompiled(t, p, []string{"last", "n", "all", "wide", "has", "count"}, map[string]int{"b": 5})
}

// TestSizesOfWhatNobodyReads finds out a size of a value of which nothing else is wanted.
func TestSizesOfWhatNobodyReads(t *testing.T) {
	p := program(t, `func f(x f32[n]) {
		i = NonZero(x)
		s = Shape(i)
		return s
	}`)
	compareCompiled(t, p, []string{"s"}, map[string]int{"n": 5})
}

// TestListsRefused refuses what has no Go type.
func TestListsRefused(t *testing.T) {
	_, err := codegen.Compile(program(t, `func f(s seq(f16[3]), q seq(seq(seq(f32[3]))), k i64[]) {
		y = SequenceAt(s, k)
		z = SequenceAt(q, k)
		return y, z
	}`), codegen.Options{Package: "emitted"})
	var missing codegen.Missing
	if !errors.As(err, &missing) || len(missing) != 2 || missing[0].Op != "input" {
		t.Errorf("the error is %v", err)
	}
}
