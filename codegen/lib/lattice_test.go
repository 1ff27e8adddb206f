package lib

import (
	"fmt"
	"testing"
)

// TestSlide compares the kernels with what they stand for, for all sizes
// around the width of vectors, between guards.
func TestSlide(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, rows := range []int{1, 2, 3, 7, 8, 9, 16, 23} {
			for cols := range 40 {
				for _, at := range [][]int{{0}, {3, 0, 1}, {0, 1, 2, 5, 6, 7, 10, 11, 12}} {
					xRow, yRow := cols+2, cols+1
					x, w := random(t, (rows-1)*xRow+at[len(at)-1]+3+cols, 1), random(t, len(at), 2)
					if len(at) < 3 {
						x = x[2:]
					}
					y, z := garbage(t, (rows-1)*yRow+cols), garbage(t, (rows-1)*yRow+cols)
					want := make([]float64, len(y))
					most := make([]float64, len(y))
					for i := range want {
						want[i], most[i] = float64(y[i]), float64(y[i])
						if i%yRow >= cols {
							continue
						}
						want[i], most[i] = 0.5, -1
						for k, p := range at {
							v := float64(x[i/yRow*xRow+p+i%yRow])
							want[i] += v * float64(w[k])
							most[i] = max(most[i], v)
						}
					}
					what := fmt.Sprintf("%d x %d with %d taps", rows, cols, len(at))
					slideSum(y, x, w, at, rows, cols, yRow, xRow, 0.5, nil)
					near(t, "sum of "+what, y, want, 20*eps)
					limited := make([]float64, len(want))
					for i, v := range want {
						limited[i] = min(max(v, -.25), .75)
					}
					slideSum(y, x, w, at, rows, cols, yRow, xRow, 0.5, []float32{-.25, .75})
					near(t, "limited sum of "+what, y, limited, 20*eps)
					slideMax(z, x, at, rows, cols, yRow, xRow)
					near(t, "most of "+what, z, most, 0)
				}
			}
		}
		for cols := 1; cols < 100; cols++ {
			x, w, y := random(t, cols+4, 1), random(t, 2, 2), garbage(t, cols)
			slideSum(y, x, w, []int{0, 4}, 1, cols, 0, 0, 1, nil)
			want := make([]float64, cols)
			for i := range want {
				want[i] = 1 + float64(x[i])*float64(w[0]) + float64(x[i+4])*float64(w[1])
			}
			near(t, "one row", y, want, 8*eps)
		}
	})
}

// TestRows lays rows out as they are and in pairs, between guards.
func TestRows(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, rows := range []int{1, 2, 5} {
			for cols := range 100 {
				x, to := random(t, rows*(cols+3)-3, 1), garbage(t, rows*(cols+2)-2)
				spreadRows(to, x, rows, cols, cols+2, cols+3)
				half := (cols+1)/2 + 1
				even, odd := garbage(t, (rows-1)*half+(cols+1)/2), garbage(t, (rows-1)*half+cols/2)
				splitRows(even, odd, x, rows, cols, half, cols+3)
				for r := range rows {
					for i, v := range x[r*(cols+3):][:cols] {
						if got := to[r*(cols+2)+i]; got != v {
							t.Fatalf("%d of %d x %d is %g, want %g", i, rows, cols, got, v)
						}
						if got := [][]float32{even, odd}[i%2][r*half+i/2]; got != v {
							t.Fatalf("%d of %d x %d in pairs is %g, want %g", i, rows, cols, got, v)
						}
					}
				}
				for i, v := range to {
					if i%(cols+2) >= cols && v == v {
						t.Fatalf("%d x %d: written behind a row", rows, cols)
					}
				}
				for i, v := range odd {
					if i%half >= cols/2 && v == v {
						t.Fatalf("%d x %d: written behind the pairs of a row", rows, cols)
					}
				}
			}
		}
	})
}

func TestTakePieces(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, pieces := range [][]piece{{{0, 0}, {16, 16}}, {{3, 0}, {19, 7}, {40, 8}, {50, 20}}, {{5, 0}, {0, 31}}, {{0, 0}}} {
			for k := range 5 {
				at := []int{0, 7, 9, 20, 30}[:k]
				x, dst := random(t, 30+50+pieceCols, 1), garbage(t, k*panelCols)
				takePieces(dst, x, at, pieces)
				for r, p := range at {
					for i, q := range pieces {
						end := q.to + pieceCols
						if i+1 < len(pieces) {
							end = min(end, pieces[i+1].to)
						}
						for j := q.to; j < min(end, panelCols); j++ {
							if dst[r*panelCols+j] != x[p+q.from+j-q.to] {
								t.Fatalf("row %d, column %d", r, j)
							}
						}
					}
				}
			}
		}
	})
}
