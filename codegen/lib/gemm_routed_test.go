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

// TestRoutedPaired has so many rows for each expert that they are multiplied by
// pairs.
func TestRoutedPaired(t *testing.T) {
	const experts, m, k, n = 2, 300, 100, 64
	x, w, routes := random(t, m*k, 1), linearWeights(t, experts, k, n), make([]float32, experts*m)
	want := make([]float64, experts*m*n)
	for i := range routes {
		if i%3 > 0 {
			routes[i] = 1
			for j := range n {
				for p := range k {
					want[i*n+j] += float64(x[i%m*k+p]) * float64(w[i/m*linearLen(k, n)+j/panelCols*panelCols*k+p*panelCols+j%panelCols])
				}
			}
		}
	}
	eachPaired(t, func(t *testing.T) {
		y := garbage(t, experts*m*n)
		routedMatMul(newCtx(2), y, x, 0, w, routes, experts, m, k, n)
		near(t, "routed by pairs", y, want, 200*eps)
	})
}
