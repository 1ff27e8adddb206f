package lib

import (
	"fmt"
	"slices"
	"testing"
)

func TestStackMatMul(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, s := range [][5]int{{1, 1, 1, 1, 1}, {2, 3, 5, 40, 33}, {1, 2, 700, 9, 32}, {3, 4, 0, 3, 3}, {1, 2, 3, 0, 4}, {1, 4, 1, 300, 500}, {2, 12, 64, 64, 64}, {2, 3, 40, 300, 400}} {
			outer, count, m, k, n := s[0], s[1], s[2], s[3], s[4]
			size := linearLen(k, n)
			// Rows of x hold two elements more than a row; one matrix for all products, or one for each.
			for _, step := range []int{0, m * (k + 2)} {
				ldx, xOuter := k+2, max(step*count, m*(k+2))
				x, w := random(t, outer*xOuter, 1), linearWeights(t, count, k, n)
				want := make([]float32, outer*count*m*n)
				for o := range outer {
					for i := range count {
						if m > 0 {
							gemm(newCtx(1), want[(o*count+i)*m*n:], n, x[o*xOuter+i*step:], ldx, w[i*size:][:size], nil, nil, 0, nil, m, k, n)
						}
					}
				}
				for _, threads := range []int{1, 2, 5} {
					y := garbage(t, outer*count*m*n)
					stackMatMul(newCtx(threads), y, x, w, outer, count, m, k, n, xOuter, step, ldx)
					if !slices.Equal(reinterpret[uint32](y), reinterpret[uint32](want)) {
						t.Error(fmt.Sprint(s, step, threads, ": other bits than those of gemm"))
					}
				}
			}
		}
	})
}
