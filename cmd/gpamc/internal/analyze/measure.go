package analyze

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// compositeNorm is √(‖A‖₁·‖A‖∞), from the greatest sums of absolute values of a column and of a row (Dong et al., arXiv 2103.03404).
func compositeNorm(a *mat.Dense) float64 {
	if a.IsEmpty() {
		return 0
	}
	return math.Sqrt(a.Norm(1) * a.Norm(math.Inf(1)))
}

// residual is X - 1·x̄ᵀ, x̄ being the mean of the rows.
func residual(x *mat.Dense) *mat.Dense {
	rows, cols := x.Dims()
	out := mat.NewDense(rows, cols, nil)
	for j := range cols {
		mean := 0.0
		for i := range rows {
			mean += x.At(i, j) / float64(rows)
		}
		for i := range rows {
			out.Set(i, j, x.At(i, j)-mean)
		}
	}
	return out
}

// similarity is the mean cosine between two different rows, NaN if there are no two.
func similarity(x *mat.Dense) float64 {
	rows, cols := x.Dims()
	sum, used := make([]float64, cols), 0.0
	for i := range rows {
		row := x.RawRowView(i)
		length := mat.Norm(mat.NewVecDense(cols, row), 2)
		if length == 0 {
			continue // no direction
		}
		used++
		for j, v := range row {
			sum[j] += v / length
		}
	}
	square := 0.0
	for _, v := range sum {
		square += v * v
	}
	return (square - used) / (used * (used - 1))
}

// effectiveRank is exp(-Σ p·ln p), p being the singular values over their sum (Roy and Vetterli 2007).
func effectiveRank(x *mat.Dense) float64 {
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDNone) {
		return math.NaN()
	}
	return math.Exp(entropy(svd.Values(nil)))
}

// entropy is -Σ p·ln p of the numbers, none negative, over their sum.
func entropy(xs []float64) float64 {
	sum, h := 0.0, 0.0
	for _, x := range xs {
		sum += x
	}
	for _, x := range xs {
		if p := x / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	if sum == 0 {
		return math.NaN()
	}
	return h
}

// jacobian is the sum of the absolute entries of ∂p/∂s = diag(p) - p·pᵀ, for p a softmax's row: 2(1 - Σp²), or s + s² - 2Σp² where a
// sink takes a part and p sums to s.
func jacobian(p []float64) float64 {
	sum, square := 0.0, 0.0
	for _, x := range p {
		sum += x
		square += x * x
	}
	return sum + sum*sum - 2*square
}

// A mean is the mean of numbers that are added one by one; NaN when there are none.
type mean struct{ sum, n float64 }

func (m *mean) add(x float64) {
	if !math.IsNaN(x) {
		m.sum += x
		m.n++
	}
}

func (m *mean) value() float64 { return m.sum / m.n }

// tokensMeasure measures matrices of tokens, one for each sequence of a batch; the measures are means over the batch.
func tokensMeasure(xs []*mat.Dense) Tokens {
	var res, rel, sim, rank mean
	for _, x := range xs {
		r, whole := compositeNorm(residual(x)), compositeNorm(x)
		res.add(r)
		rel.add(r / whole)
		sim.add(similarity(x))
		rank.add(effectiveRank(x))
	}
	return Tokens{Number(res.value()), Number(rel.value()), Number(sim.value()), Number(rank.value())}
}

// matrixMeasure measures the attention matrix a∘P+ - b∘P- + c∘I of all heads, row by row. Rows that see nothing, and entries of keys that
// are not seen, do not count; skip says which rows of which matrix of a batch do not either.
func (t *attention) matrixMeasure(skip func(matrix, row int) bool) Matrix {
	m := Matrix{Min: Number(math.Inf(1)), Max: Number(math.Inf(-1)), RowMin: Number(math.Inf(1)), RowMax: Number(math.Inf(-1))}
	var sums, entropies, slopes mean
	full := append(append([]int{}, t.shape[:len(t.shape)-1]...), 1)
	ps := matrices(t.plus.p.Shape, full)
	a, b, c := t.perRow(t.a), t.perRow(t.b), t.perRow(t.c)
	var ms []int
	if t.minus != nil {
		ms = matrices(t.minus.p.Shape, full)
	}
	lq, lk := last2(t.plus.p.Shape)
	none := make([]float64, lk)
	for i, j := range ps {
		for r := range lq {
			p, q := matrix(t.plus.p, j).RawRowView(r), none
			weights := [2]float64{a[i*lq+r], 0}
			if t.minus != nil {
				q, weights[1] = matrix(t.minus.p, ms[i]).RawRowView(r), b[i*lq+r]
			}
			if skip(i, r) || empty(p) && empty(q) {
				continue
			}
			sum := 0.0
			own := -1
			if t.c != nil {
				own = t.ownOffset() + r
			}
			for k := range p {
				x := weights[0]*p[k] - weights[1]*q[k]
				if k == own {
					x += c[i*lq+r]
				} else if p[k] == 0 && q[k] == 0 {
					continue
				}
				sum += x
				m.Min, m.Max = min(m.Min, Number(x)), max(m.Max, Number(x))
			}
			sums.add(sum)
			m.RowMin, m.RowMax = min(m.RowMin, Number(sum)), max(m.RowMax, Number(sum))
			entropies.add(entropy(p))
			slopes.add(math.Abs(weights[0])*jacobian(p) + math.Abs(weights[1])*jacobian(q))
		}
	}
	m.RowSum, m.Entropy, m.Jacobian = Number(sums.value()), Number(entropies.value()), Number(slopes.value())
	return m
}

func empty(p []float64) bool {
	for _, x := range p {
		if x != 0 {
			return false
		}
	}
	return true
}
