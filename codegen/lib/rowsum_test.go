package lib

import (
	"fmt"
	"testing"
)

// TestSumNorm compares with gathering, adding and normalising one after the
// other: of two to four addends, which are rows of a table, or repeat in turn
// or one after the other.
func TestSumNorm(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	eachISA(t, func(t *testing.T) {
		for _, size := range [][3]int{{1, 1, 1}, {1, 1, 40}, {2, 3, 16}, {3, 40, 33}, {2, 50, 384}, {0, 3, 8}} {
			outer, inner, cols := size[0], size[1], size[2]
			rows := outer * inner
			const words, kinds = 9, 5
			ids, ids32 := make([]int64, rows), make([]int32, inner)
			for i := range ids {
				ids[i] = int64(i*5%(2*words)) - words
			}
			for i := range ids32 {
				ids32[i] = int32(i*3%(2*kinds)) - kinds
			}
			x := addends{
				{x: random(t, words*cols, 1), ids: ids, every: 1, count: rows},
				{x: random(t, kinds*cols, 2), ids32: ids32, every: 1, count: inner},
				{x: random(t, outer*cols, 3), every: inner, count: outer},
				{x: random(t, cols, 4), every: 1, count: 1},
			}
			whole := [4][]float32{}
			for k := range whole {
				whole[k] = make([]float32, rows*cols)
			}
			gather(whole[0], x[0].x, ids, []int{words, cols}, 0)
			for i := range rows {
				gather(whole[1][i*cols:][:cols], x[1].x, ids32[i%inner:][:1], []int{kinds, cols}, 0)
				copy(whole[2][i*cols:][:cols], x[2].x[i/inner*cols:])
				copy(whole[3][i*cols:][:cols], x[3].x)
			}
			gamma, beta := random(t, cols, 5), random(t, cols, 6)
			sum, want := make([]float32, rows*cols), make([]float32, rows*cols)
			copy(sum, whole[0])
			for n := 2; n <= len(whole); n++ {
				add32(sum, sum, whole[n-1])
				for _, c := range []*ctx{one, three} {
					what := fmt.Sprintf("%v: %d addends, %d threads", size, n, c.threads)
					some := addends{}
					copy(some[:n], x[:])
					y, s := garbage(t, rows*cols), garbage(t, rows*cols)
					layerNorm(one, want, cols, nil, sum, nil, gamma, beta, rows, cols, 1e-3)
					sumNorm(c, y, cols, s, some, layerNormRow, gamma, beta, rows, cols, 1e-3)
					sameBits(t, what, y, want)
					sameBits(t, what+", the sum", s, sum)
					rmsNorm(one, want, cols, nil, sum, nil, gamma, rows, cols, 1e-3)
					apart := garbage(t, rows*(cols+3))
					sumNorm(c, apart, cols+3, nil, some, rmsNormRow, gamma, nil, rows, cols, 1e-3)
					for i := range rows {
						sameBits(t, what+", rows apart", apart[i*(cols+3):][:cols], want[i*cols:][:cols])
					}
				}
			}
		}
	})
}

// TestSumNormRefuses: of indices that are beyond their tables the first one is
// reported, on any number of threads, even where no row is wanted.
func TestSumNormRefuses(t *testing.T) {
	const rows, cols = 4096, 8
	y, g := make([]float32, rows*cols), make([]float32, cols)
	ids, ids32 := make([]int64, rows), make([]int32, rows)
	ids[7], ids[4000], ids32[1] = -4, 1<<33, 3
	refused := func(c *ctx, rows int, x ...addend) (got any) {
		defer func() { got = recover() }()
		var all addends
		copy(all[:], x)
		sumNorm(c, y, cols, nil, all, layerNormRow, g, nil, rows, cols, 1e-3)
		return nil
	}
	for _, threads := range []int{1, 2, 3} {
		c := newCtx(threads)
		defer c.close()
		table := y[:3*cols]
		x, z := addend{x: table, ids: ids, every: 1, count: rows}, addend{x: table, ids32: ids32, every: 1, count: rows}
		for want, got := range map[any]any{
			inputError("index -4 is not within 3 elements"): refused(c, rows, x, z),
			inputError("index 3 is not within 3 elements"):  refused(c, 0, z, x),
		} {
			if got != want {
				t.Errorf("%d threads: %v instead of %v", threads, got, want)
			}
		}
	}
}
