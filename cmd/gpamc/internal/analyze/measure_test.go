package analyze

import (
	"math"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"gonum.org/v1/gonum/mat"
)

func near(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

func TestMeasures(t *testing.T) {
	x := mat.NewDense(2, 3, []float64{1, -2, 3, 3, 4, 1})
	near(t, "composite norm", compositeNorm(x), math.Sqrt(6*8), 1e-12)            // columns 4, 6, 4; rows 6, 8
	near(t, "residual", compositeNorm(residual(x)), math.Sqrt(6*5), 1e-12)        // rows ∓(1, 3, -1): columns 2, 6, 2; rows 5
	near(t, "similarity", similarity(x), -2/(math.Sqrt(14)*math.Sqrt(26)), 1e-12) // 3 - 8 + 3
	same := mat.NewDense(3, 2, []float64{1, 2, 1, 2, 1, 2})
	near(t, "residual of equal tokens", compositeNorm(residual(same)), 0, 1e-15)
	near(t, "similarity of equal tokens", similarity(same), 1, 1e-12)
	near(t, "rank of equal tokens", effectiveRank(same), 1, 1e-6)
	near(t, "rank of unit vectors", effectiveRank(mat.NewDense(3, 3, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1})), 3, 1e-12)
	two := []float64{3, 0, 0, 1} // singular values 3 and 1
	near(t, "rank", effectiveRank(mat.NewDense(2, 2, two)), math.Exp(-.75*math.Log(.75)-.25*math.Log(.25)), 1e-12)
	near(t, "entropy", entropy([]float64{.25, .25, .25, .25}), math.Log(4), 1e-12)
	for name, x := range map[string]float64{"similarity of one token": similarity(mat.NewDense(1, 2, nil)), "entropy of nothing": entropy([]float64{0, 0})} {
		if !math.IsNaN(x) {
			t.Errorf("%s is %v", name, x)
		}
	}
}

// The Jacobian's norm, entry by entry, with and without a sink.
func TestJacobian(t *testing.T) {
	for _, p := range [][]float64{{.25, .25, .25, .25}, {.7, .1, .2}, {.5, .2}, {0, 0}} {
		want := 0.0
		for i := range p {
			for j := range p {
				d := -p[i] * p[j]
				if i == j {
					d += p[i]
				}
				want += math.Abs(d)
			}
		}
		near(t, "Jacobian", jacobian(p), want, 1e-12)
	}
	near(t, "Jacobian of the uniform row", jacobian([]float64{.25, .25, .25, .25}), 2*(1-.25), 1e-12)
}

func values(t ir.Type, xs ...float64) *runtime.Tensor {
	shape, _ := t.Static()
	return runtime.Floats(t.Elem, shape, xs...)
}

// The numbers of a dual attention computed by hand: Q- = ReLU(Q+)·W.
func handAttention(t *testing.T, causal string, plus, minus float64) *attention {
	t.Helper()
	f := ir.NewFunc("f")
	m, s := ir.TN(ir.F64, 3, 2), ir.TN(ir.F64)
	args := map[string]*runtime.Tensor{
		"qp": values(m, 1, -.5, .5, 1, -1, .25), "qn": values(m, -1, .5, -.25, -.75, .0625, -.25),
		"kp": values(m, .5, 1, -1, .5, 1, 1), "vp": values(m, 1, 0, 0, 1, 2, -1), "a": values(s, 1+plus), "b": values(s, minus),
	}
	var vs []*ir.Value
	for _, name := range []string{"qp", "kp", "vp", "qn", "", "", "a", "b"} {
		if name == "" {
			vs = append(vs, nil)
			continue
		}
		vs = append(vs, f.Param(name, args[name].Type()))
	}
	scale := 1 / math.Sqrt2
	y := ir.NewBuilder(f).New(ir.DualAttention, ir.Attrs{"scale_p": scale, "scale_n": scale, "causal": causal}, vs...)
	a, err := newAttention(y.Def, func(name string) *runtime.Tensor { return args[name] })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMatrixMeasure(t *testing.T) {
	none := func(int, int) bool { return false }
	for _, c := range []struct {
		causal      string
		plus, minus float64
		sum         float64
	}{{"", 1, 1, 1}, {"", .5, .25, 1.25}, {"self", 1, 1, 1}, {"self", .5, .25, 1.25}} {
		a := handAttention(t, c.causal, c.plus, c.minus)
		m := a.matrixMeasure(none)
		near(t, "row sum", float64(m.RowSum), c.sum, 1e-12)
		near(t, "least row sum", float64(m.RowMin), c.sum, 1e-12)
		near(t, "greatest row sum", float64(m.RowMax), c.sum, 1e-12)
		if float64(m.Min) < -c.minus || float64(m.Max) > 1+c.plus || m.Min >= m.Max {
			t.Errorf("entries from %v to %v, want them within %v and %v", m.Min, m.Max, -c.minus, 1+c.plus)
		}
	}
	// Row 0 of a causal attention is one key: probability 1 on both sides, no entropy, no slope.
	m := handAttention(t, "self", 1, 1).matrixMeasure(func(_, row int) bool { return row > 0 })
	for name, x := range map[string]Number{"entropy": m.Entropy, "Jacobian": m.Jacobian, "min - 1": m.Min - 1, "max - 1": m.Max - 1} {
		near(t, name+" of the first row", float64(x), 0, 1e-12)
	}
	// By hand: the probabilities of the last row, which sees all.
	a := handAttention(t, "", 1, 1)
	m = a.matrixMeasure(func(_, row int) bool { return row != 2 })
	softmax := func(s ...float64) []float64 {
		sum := 0.0
		for i := range s {
			s[i] = math.Exp(s[i] / math.Sqrt2)
			sum += s[i]
		}
		for i := range s {
			s[i] /= sum
		}
		return s
	}
	p, q := softmax(-.25, 1.125, -.75), softmax(-.21875, -.1875, -.1875)
	low, high := math.Inf(1), math.Inf(-1)
	for i := range p {
		low, high = min(low, 2*p[i]-q[i]), max(high, 2*p[i]-q[i])
	}
	near(t, "least entry", float64(m.Min), low, 1e-12)
	near(t, "greatest entry", float64(m.Max), high, 1e-12)
	near(t, "entropy", float64(m.Entropy), entropy(p), 1e-12)
	near(t, "Jacobian", float64(m.Jacobian), 2*jacobian(p)+jacobian(q), 1e-12)
}

// c∘I counts in the matrix, on the diagonal.
func TestOwnValuesInTheMatrix(t *testing.T) {
	a := handAttention(t, "", 0, 1)
	a.c = values(ir.TN(ir.F64), 3)
	m := a.matrixMeasure(func(int, int) bool { return false })
	near(t, "row sum", float64(m.RowSum), 3, 1e-12)
	if m.Max < 2 || m.Min > 0 {
		t.Errorf("entries from %v to %v: the diagonal is 3 and the rest of its rows about 0", m.Min, m.Max)
	}
}
