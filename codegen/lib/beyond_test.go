package lib

import (
	"math"
	"testing"
)

// Integers of 64 bits that an int of 32 has no room for: the ends of slices and indices that mean something else when they are cut off.
func TestBeyondInt(t *testing.T) {
	starts, axes := []int64{2}, []int64{0}
	for end, want := range map[int64]int{math.MaxInt64: 8, 1 << 32: 8, 1<<32 + 5: 8, math.MinInt64: 0, -1 << 32: 0, 5: 3, -1: 7} {
		if got := sliceSize(10, 0, 1, starts, []int64{end}, axes, []int64{1}); got != want {
			t.Errorf("from 2 to %d of 10: %d elements, want %d", end, got, want)
		}
	}
	if got := sliceSize(10, 0, 1, []int64{math.MaxInt64}, []int64{math.MinInt64}, axes, []int64{-1}); got != 10 {
		t.Errorf("backwards from the end: %d elements", got)
	}
	if got := sliceSize(10, 0, 1, starts, []int64{math.MaxInt64}, axes, []int64{math.MaxInt64}); got != 1 {
		t.Errorf("in one step: %d elements", got)
	}
	y := make([]int64, 3)
	slice(y, []int64{0, 1, 2}, []int{3}, []int{3}, []int64{-1 << 32}, []int64(nil), []int64(nil))
	if y[0] != 0 || y[2] != 2 {
		t.Errorf("from before the beginning: %v", y)
	}
	for _, i := range []int64{1 << 32, -1<<32 - 1, math.MaxInt64, math.MinInt64} {
		func() {
			defer func() {
				if _, ok := recover().(inputError); !ok {
					t.Errorf("index %d of 10 is not refused", i)
				}
			}()
			indexOf(i, 10)
		}()
	}
}
