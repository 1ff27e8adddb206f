package lib

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// sequelOf is a sequel of those parts that are wanted, and what it makes of y.
func sequelOf(r, least, most []float32) (sequel, func(y []float64)) {
	return sequel{add: r, least: least, most: most}, func(y []float64) {
		for i := range y {
			if r != nil {
				y[i] += float64(r[i])
			}
			if least != nil {
				y[i] = max(y[i], float64(least[0]))
			}
			if most != nil {
				y[i] = min(y[i], float64(most[0]))
			}
		}
	}
}

// drawSequel draws one for results y, which are whole numbers, and applies it
// to them.
func drawSequel(t *rapid.T, y []float32) sequel {
	var r, least, most []float32
	if rapid.Bool().Draw(t, "residual") {
		r = counting[float32](len(y))
	}
	if rapid.Bool().Draw(t, "least") {
		least = []float32{float32(rapid.IntRange(-50, 50).Draw(t, "at least"))}
	}
	if rapid.Bool().Draw(t, "most") {
		most = []float32{float32(rapid.IntRange(-50, 500).Draw(t, "at most"))}
	}
	s, apply := sequelOf(r, least, most)
	exact := float64s(y)
	apply(exact)
	for i, v := range exact {
		y[i] = float32(v)
	}
	return s
}

// TestEnding has all kinds of ends of a product, of all heights of tiles, and
// NaN among the sums.
func TestEnding(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		const k = 5
		for m := 1; m < 30; m++ {
			x, w := random(t, m*k, 1), random(t, k*panelCols, 2)
			x[m/2*k] = float32(math.NaN())
			for kinds := range 16 {
				var bias, add []float32
				var end ending
				if kinds&1 > 0 {
					bias = random(t, panelCols, 3)
				}
				if kinds&2 > 0 {
					add = random(t, m*(panelCols+1), 4)
				}
				if kinds&4 > 0 {
					end.rows = random(t, m, 5)
				}
				if kinds&8 > 0 {
					end.limits = []float32{-.5, .75}
				}
				want := make([]float64, m*panelCols)
				for i := range want {
					r, j := i/panelCols, i%panelCols
					for p := range k {
						want[i] += float64(x[r*k+p]) * float64(w[p*panelCols+j])
					}
					if bias != nil {
						want[i] += float64(bias[j])
					}
					if add != nil {
						want[i] += float64(add[r*(panelCols+1)+j])
					}
					if end.rows != nil {
						want[i] += float64(end.rows[r])
					}
					if end.limits != nil {
						want[i] = min(max(want[i], -.5), .75)
					}
				}
				y := garbage(t, m*panelCols)
				panelMulEnd(y, panelCols, x, k, 1, w, bias, add, nil, panelCols+1, m, k, end)
				near(t, fmt.Sprintf("%d rows, %04b", m, kinds), y, want, 4*eps*(4+k))
			}
		}
	})
}

// TestTurnAdded has blocks of all heights and widths around the 8 x 8 that are
// turned at a time.
func TestTurnAdded(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for rows := 1; rows < 34; rows++ {
			for cols := 1; cols < 34; cols++ {
				yRow, xRow := rows+3, cols+1
				x, r := random(t, (rows-1)*xRow+cols, 1), random(t, (cols-1)*yRow+rows, 2)
				x[0] = float32(math.NaN())
				for _, limits := range [][]float32{nil, {-.5, .75}} {
					y, want := garbage(t, len(r)), make([]float64, len(r))
					for i := range want {
						want[i] = math.NaN()
						if j, i := i/yRow, i%yRow; i < rows {
							v := float64(x[i*xRow+j]) + float64(r[j*yRow+i])
							if limits != nil {
								v = min(max(v, -.5), .75)
							}
							want[j*yRow+i] = v
						}
					}
					turnAdded(y, x, r, rows, cols, yRow, xRow, limits)
					near(t, fmt.Sprintf("%d x %d", rows, cols), y, want, 2*eps)
				}
			}
		}
	})
}
