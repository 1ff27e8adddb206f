package lib

import (
	"fmt"
	"math"
	"testing"
)

// TestLastPanel multiplies by panels of every width, between guards.
func TestLastPanel(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, m := range []int{1, 2, 5, 12, 13, 31, 240} {
			for _, k := range []int{1, 7, 40, 512} {
				if m*k > 10_000 {
					continue
				}
				x, b := random(t, m*k, 1), random(t, m*panelCols, 4)
				w, rows := random(t, k*panelCols, 2), random(t, m, 3)
				for n := 1; n < panelCols; n++ {
					for _, add := range [][]float32{nil, b} {
						y, want := garbage(t, (m-1)*(n+3)+n), make([]float64, (m-1)*(n+3)+n)
						for i := range want {
							r, j := i/(n+3), i%(n+3)
							if j >= n {
								want[i] = math.NaN()
								continue
							}
							if add != nil {
								want[i] = float64(add[r*panelCols+j])
							}
							for p := range k {
								want[i] += float64(x[r*k+p]) * float64(w[p*panelCols+j])
							}
						}
						lastPanel(y, n+3, x, k, w, add, panelCols, m, k, n, ending{})
						near(t, fmt.Sprintf("%dx%dx%d", m, k, n), y, want, 4*eps*float64(2+k))
						for i := range want {
							want[i] = min(max(want[i]+float64(rows[i/(n+3)]), -.5), .75)
						}
						lastPanel(y, n+3, x, k, w, add, panelCols, m, k, n, ending{rows, []float32{-.5, .75}})
						near(t, fmt.Sprintf("%dx%dx%d and an ending", m, k, n), y, want, 4*eps*float64(3+k))
					}
				}
			}
		}
	})
}
