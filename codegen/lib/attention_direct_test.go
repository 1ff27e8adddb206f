package lib

import (
	"fmt"
	"testing"
)

// TestDirect compares the two products of a few queries with their twins, for all numbers of rows that go together.
func TestDirect(t *testing.T) {
	const pad = 3
	eachISA(t, func(t *testing.T) {
		for rows := range 8 {
			for _, n := range []int{0, 1, 3, 4, 5, 8, 67} {
				for _, d := range []int{0, 1, 7, 8, 9, 16, 17, 33, 64, 100, 128} {
					ldn, ldd := n+pad, d+pad
					span := func(rows, ld, n int) int { return max(0, (rows-1)*ld+n) }
					q, k := random(t, span(rows, ldd, d), 1), random(t, span(n, ldd, d), 2)
					check := func(what string, y []float32, ld, n int, want []float32) {
						t.Helper()
						name := fmt.Sprintf("%s: %d rows, %d keys, %d elements", what, rows, len(want)/max(rows, 1), d)
						for r := range rows {
							exact := make([]float64, n)
							for i, v := range want[r*ld : r*ld+n] {
								exact[i] = float64(v)
							}
							near(t, name, y[r*ld:r*ld+n], exact, 1e-4)
							for _, v := range y[min(r*ld+n, len(y)):min((r+1)*ld, len(y))] {
								if v == v {
									t.Fatalf("%s: wrote behind row %d", name, r)
								}
							}
						}
					}
					s, want := garbage(t, span(rows, ldn, n)), make([]float32, span(rows, ldn, n))
					dots(s, ldn, q, ldd, k, ldd, rows, n, d)
					dotsGo(want, ldn, q, ldd, k, ldd, rows, n, d)
					check("dots", s, ldn, n, want)
					for more := range 2 {
						y, want := garbage(t, span(rows, ldd, d)), make([]float32, span(rows, ldd, d))
						for r := range rows * more {
							for i := range d {
								y[r*ldd+i], want[r*ldd+i] = float32(r), float32(r)
							}
						}
						p := random(t, span(rows, ldn, n), 3)
						mix(y, ldd, p, ldn, k, ldd, rows, n, d, more)
						mixGo(want, ldd, p, ldn, k, ldd, rows, n, d, more)
						check("mix", y, ldd, d, want)
					}
				}
			}
		}
	})
}
