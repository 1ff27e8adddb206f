package lib

import (
	"fmt"
	"math"
	"testing"
)

// An expRowsCase is two steps of expRows over the same rows, the second of
// which sees larger scores: cols of them, and then cols again.
type expRowsCase struct {
	rows, cols, seen, step, ldBias int
	biased                         bool
	scale                          float32
}

func TestExpRows(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, cols := range []int{1, 5, 8, 15, 16, 17, 33, 64, 100, 200} {
			for _, seen := range []int{-2, 0, 1, cols / 2, cols - 1, cols, cols + 3} {
				for _, c := range []expRowsCase{
					{rows: 1, step: 0, scale: 0.5},
					{rows: 3, step: 1, scale: 4},
					{rows: 3, step: 0, scale: -2, biased: true},
					{rows: 4, step: 1, scale: 1, biased: true, ldBias: cols + 1},
				} {
					c.cols, c.seen = cols, seen
					c.check(t)
				}
			}
		}
	})
}

func (c expRowsCase) check(t *testing.T) {
	t.Helper()
	what := fmt.Sprintf("%+v", c)
	room := roundUp(c.cols, 16)
	ld := room + 7
	state := [3][]float32{garbage(t, c.rows), garbage(t, c.rows), garbage(t, c.rows)}
	sum := garbage(t, c.rows)
	clear(sum)
	for r := range c.rows {
		state[0][r] = -math.MaxFloat32
	}
	var s [2][]float32
	var scores [2][]float64 // of row after row, scaled, with bias
	for p := range 2 {
		s[p] = garbage(t, (c.rows-1)*ld+room)
		x := random(t, c.rows*c.cols, uint64(p+1))
		var bias []float32
		if c.biased {
			bias = random(t, (c.rows-1)*c.ldBias+c.cols, 5)
			bias[0] = float32(math.Inf(-1))
			bias[len(bias)-1] = -math.MaxFloat32
		}
		for i, v := range x {
			r, j := i/c.cols, i%c.cols
			v *= float32(10 * (p + 1))
			s[p][r*ld+j] = v
			z := float64(c.scale) * float64(v)
			if c.biased {
				z = float64(float32(z) + bias[r*c.ldBias+j])
			}
			if j >= c.seen+r*c.step {
				z = math.Inf(-1)
			}
			scores[p] = append(scores[p], z)
		}
		expRows(s[p], ld, bias, c.ldBias, state[p], state[p+1], sum, c.rows, c.cols, c.seen, c.step, c.scale)
	}
	rate := float64(c.scale)
	if c.biased {
		rate = 1
	}
	for r := range c.rows {
		total := 0.0
		for p := range 2 {
			top := float64(state[p+1][r]) * rate
			for j := range c.cols {
				z := scores[p][r*c.cols+j]
				want := math.Exp(z - top)
				size := 8 + 2*min(math.Abs(z)+math.Abs(top), 400) // scores are rounded before the exponential
				if got := float64(s[p][r*ld+j]); !(math.Abs(got-want) <= size*eps*want+1e-30) {
					t.Fatalf("%s: weight %d of row %d in step %d is %g, want %g", what, j, r, p, got, want)
				}
				total += math.Exp(z - float64(state[2][r])*rate)
			}
			for j := room; j < ld && r+1 < c.rows; j++ {
				if v := s[p][r*ld+j]; v == v {
					t.Fatalf("%s: wrote %g behind row %d", what, v, r)
				}
			}
		}
		near(t, what+", sum", sum[r:r+1], []float64{total}, 200*eps*total)
	}
}

func TestBlendRows(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, cols := range []int{1, 8, 15, 16, 17, 64, 100} {
			for _, rows := range []int{1, 3} {
				for _, both := range []bool{false, true} {
					ld := roundUp(cols, 16) + 3
					size := (rows-1)*ld + roundUp(cols, 16)
					s, a, b := random(t, size, 1), random(t, rows, 2), random(t, rows, 3)
					var u []float32
					if both {
						u = random(t, size, 4)
					}
					var want, got []float64
					for r := range rows {
						for j := range cols {
							w := float64(a[r]) * float64(s[r*ld+j])
							if both {
								w += float64(b[r]) * float64(u[r*ld+j])
							}
							want = append(want, w)
						}
					}
					blendRows(s, u, ld, a, b, rows, cols)
					for r := range rows {
						for j := range cols {
							got = append(got, float64(s[r*ld+j]))
						}
					}
					for i, w := range want {
						if !(math.Abs(got[i]-w) <= 2*eps) {
							t.Fatalf("%d x %d, both %v: element %d is %g, want %g", rows, cols, both, i, got[i], w)
						}
					}
				}
			}
		}
	})
}
