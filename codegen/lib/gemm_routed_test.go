package lib

import (
	"fmt"
	"slices"
	"testing"
)

// TestRoutedMatMul compares with a product for each row.
func TestRoutedMatMul(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, s := range [][4]int{{1, 1, 1, 1}, {3, 5, 40, 33}, {2, 700, 9, 32}, {4, 0, 3, 3}, {2, 3, 0, 4}} {
			for every := 1; every < 4; every++ {
				experts, m, k, n := s[0], s[1], s[2], s[3]
				c, size := newCtx(2), packedLen(k, n)
				x, w := random(t, experts*m*k, 1), random(t, experts*size, 2)
				y, routes, want := garbage(t, experts*m*n), make([]float32, experts*m), make([]float32, experts*m*n)
				for i := range routes {
					if i%every == every/2 || i%7 == 0 {
						routes[i] = float32(i + 1)
						gemm(c, want[i*n:], n, x[i*k:], k, w[i/m*size:], nil, nil, 0, nil, 1, k, n)
					}
				}
				routedMatMul(c, y, x, m*k, w, routes, experts, m, k, n)
				if !slices.Equal(reinterpret[uint32](y), reinterpret[uint32](want)) {
					t.Error(fmt.Sprint(s, every, ": other bits than those of gemm"))
				}
			}
		}
	})
}
