package lib

import "math"

// leastExp is where exponentials of a softmax become 0, as natural logarithm:
// 2⁻¹⁰⁰ of the largest weight changes no sum, but many processors are slow with
// the subnormal numbers that come below.
const leastExp = -100 * math.Ln2

// expRowsGo goes on with the softmax of rows, of which s holds the next cols
// scores: it makes of them t, scale·s+bias where there is a bias and else s,
// and of that the weights exp(c·(t-top)), where c is 1 where there is a bias
// and else scale, which then must be positive. top is the largest t that the
// row has had.
//
//	s    [rows, cols], row r at s[r*ld]; behind each row there is room up to the next multiple of 16
//	bias [rows, cols], row r at bias[r*ldBias], or nil
//	was  [rows], top before, or -math.MaxFloat32
//	top  [rows], the new one
//	sum  [rows], of all weights, in relation to top, until now and then including these
//
// Row r sees the first seen+r*step scores; the weights of others are 0.
func expRowsGo(s []float32, ld int, bias []float32, ldBias int, was, top, sum []float32, rows, cols, seen, step int, scale float32) {
	for r := range rows {
		x := s[r*ld : r*ld+cols]
		n := max(0, min(seen+r*step, cols))
		clear(x[n:])
		x = x[:n]
		c := float64(scale)
		if bias != nil {
			c = 1
			for j, b := range bias[r*ldBias : r*ldBias+n] {
				x[j] = x[j]*scale + b
			}
		}
		t := max(was[r], rowMaxGo(x))
		total := float64(sum[r]) * weight(c*float64(was[r]-t))
		for j := range x {
			e := weight(c * float64(x[j]-t))
			x[j] = float32(e)
			total += e
		}
		top[r], sum[r] = t, float32(total)
	}
}

func weight(x float64) float64 {
	if x < leastExp {
		return 0
	}
	return math.Exp(x)
}

// blendRowsGo is s = a·s + b·u for rows of cols columns, a and b being one
// number a row; without u it is s = a·s. Behind each row there is room up to
// the next multiple of 16.
func blendRowsGo(s, u []float32, ld int, a, b []float32, rows, cols int) {
	for r := range rows {
		x := s[r*ld : r*ld+cols]
		for j := range x {
			x[j] *= a[r]
		}
		if u != nil {
			for j, v := range u[r*ld : r*ld+cols] {
				x[j] += b[r] * v
			}
		}
	}
}
