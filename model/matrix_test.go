package model

import (
	"math"

	"github.com/gpamc/gpamc/ir"
)

// A matrix is what the independent evaluation computes with: plain loops over float64.
type matrix struct {
	rows, cols int
	x          []float64
}

func zeros(rows, cols int) matrix { return matrix{rows, cols, make([]float64, rows*cols)} }

// build makes a matrix of what at gives.
func build(rows, cols int, at func(i, j int) float64) matrix {
	m := zeros(rows, cols)
	for i := range rows {
		for j := range cols {
			m.x[i*cols+j] = at(i, j)
		}
	}
	return m
}

func (m matrix) at(i, j int) float64 { return m.x[i*m.cols+j] }

func (m matrix) mul(n matrix) matrix {
	return build(m.rows, n.cols, func(i, j int) float64 {
		sum := 0.0
		for k := range m.cols {
			sum += m.at(i, k) * n.at(k, j)
		}
		return sum
	})
}

func (m matrix) t() matrix {
	return build(m.cols, m.rows, func(i, j int) float64 { return m.at(j, i) })
}

func (m matrix) each(f func(x float64) float64) matrix {
	return build(m.rows, m.cols, func(i, j int) float64 { return f(m.at(i, j)) })
}

func (m matrix) plus(n matrix) matrix {
	return build(m.rows, m.cols, func(i, j int) float64 { return m.at(i, j) + n.at(i%n.rows, j) })
}

func (m matrix) times(n matrix) matrix {
	return build(m.rows, m.cols, func(i, j int) float64 { return m.at(i, j) * n.at(i%n.rows, j) })
}

func (m matrix) scaled(c float64) matrix { return m.each(func(x float64) float64 { return c * x }) }

// columns are the columns from lo to before hi.
func (m matrix) columns(lo, hi int) matrix {
	return build(m.rows, hi-lo, func(i, j int) float64 { return m.at(i, lo+j) })
}

// beside puts matrices of the same rows beside each other.
func beside(ms ...matrix) matrix {
	out := matrix{rows: ms[0].rows}
	for _, m := range ms {
		out.cols += m.cols
	}
	for i := range out.rows {
		for _, m := range ms {
			out.x = append(out.x, m.x[i*m.cols:(i+1)*m.cols]...)
		}
	}
	return out
}

// under puts matrices of the same columns under each other.
func under(ms ...matrix) matrix {
	out := matrix{cols: ms[0].cols}
	for _, m := range ms {
		out.rows += m.rows
		out.x = append(out.x, m.x...)
	}
	return out
}

// layerNorm and rmsNorm normalise rows.
func (m matrix) layerNorm(eps float64) matrix {
	out := zeros(m.rows, m.cols)
	for i := range m.rows {
		mean, variance := 0.0, 0.0
		for j := range m.cols {
			mean += m.at(i, j) / float64(m.cols)
		}
		for j := range m.cols {
			variance += (m.at(i, j) - mean) * (m.at(i, j) - mean) / float64(m.cols)
		}
		for j := range m.cols {
			out.x[i*m.cols+j] = (m.at(i, j) - mean) / math.Sqrt(variance+eps)
		}
	}
	return out
}

func (m matrix) rmsNorm(eps float64) matrix {
	out := zeros(m.rows, m.cols)
	for i := range m.rows {
		square := 0.0
		for j := range m.cols {
			square += m.at(i, j) * m.at(i, j) / float64(m.cols)
		}
		for j := range m.cols {
			out.x[i*m.cols+j] = m.at(i, j) / math.Sqrt(square+eps)
		}
	}
	return out
}

// softmax is that of each row over the columns that it sees, beside a column of exp(sink); a row that sees none is 0.
func (m matrix) softmax(sees func(i, j int) bool, sink float64) matrix {
	out := zeros(m.rows, m.cols)
	for i := range m.rows {
		top, sum := sink, 0.0
		for j := range m.cols {
			if sees(i, j) {
				top = math.Max(top, m.at(i, j))
			}
		}
		if math.IsInf(top, -1) {
			continue
		}
		for j := range m.cols {
			if sees(i, j) {
				out.x[i*m.cols+j] = math.Exp(m.at(i, j) - top)
				sum += out.at(i, j)
			}
		}
		sum += math.Exp(sink - top)
		for j := range m.cols {
			out.x[i*m.cols+j] /= sum
		}
	}
	return out
}

// rotated turns the pairs (j, j+cols/2) of row i by i·θ^(-2j/cols).
func (m matrix) rotated(theta float64) matrix {
	half := m.cols / 2
	return build(m.rows, m.cols, func(i, j int) float64 {
		angle := float64(i) * math.Pow(theta, -2*float64(j%half)/float64(m.cols))
		if j < half {
			return m.at(i, j)*math.Cos(angle) - m.at(i, j+half)*math.Sin(angle)
		}
		return m.at(i, j)*math.Cos(angle) + m.at(i, j-half)*math.Sin(angle)
	})
}

// The activations, from their definitions.
var exact = map[string]func(x float64) float64{
	"gelu": func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 },
	"gelu_new": func(x float64) float64 {
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	},
	"relu":       func(x float64) float64 { return math.Max(x, 0) },
	"silu":       func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	"tanh":       math.Tanh,
	"quick_gelu": func(x float64) float64 { return x / (1 + math.Exp(-1.702*x)) },
}

// stored is a tensor of a definition as a matrix; its last axis are the columns.
func stored(d *ir.Data) matrix {
	cols := 1
	if len(d.Shape) > 0 {
		cols = d.Shape[len(d.Shape)-1]
	}
	m := zeros(d.Len()/cols, cols)
	for i := range m.x {
		m.x[i] = d.Float(i)
	}
	return m
}
