package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// The sizes of the identities' tensors: grouped queries, values of another width, more keys than queries.
const (
	idHeads, idKV, idQueries, idKeys, idDim, idValue = 4, 2, 5, 7, 6, 3
)

// A dual is DualAttention in float64 with what its identities vary.
type dual struct {
	qp, k, v, qn runtime.Value
	a, b         float64
	attrs        ir.Attrs
}

func random64(r *rand.Rand, shape ...int) *runtime.Tensor {
	x := runtime.New(ir.F64, shape...)
	for i := range x.F {
		x.F[i] = r.NormFloat64()
	}
	return x
}

// eval computes the operator, or its positive branch alone with single.
func (d dual) eval(t *testing.T, single bool) []float64 {
	t.Helper()
	f := ir.NewFunc("f")
	b := ir.NewBuilder(f)
	in := []runtime.Value{d.qp, d.k, d.v, d.qn}
	var vs []*ir.Value
	for i, x := range in {
		vs = append(vs, f.Param(string(rune('p'+i)), x.Type()))
	}
	gain := func(x float64) *ir.Value { return b.Scalar(ir.F64, x) }
	attrs := ir.Attrs{"scale_p": 0.4, "scale_n": 0.4}
	alone := ir.Attrs{"scale": 0.4}
	for name, x := range d.attrs {
		attrs[name], alone[name] = x, x
	}
	if single {
		f.Return(b.New(ir.Mul, nil, gain(d.a), b.New(ir.Attention, alone, vs[0], vs[1], vs[2])))
	} else {
		f.Return(b.New(ir.DualAttention, attrs, vs[0], vs[1], vs[2], vs[3], nil, nil, gain(d.a), gain(d.b)))
	}
	out, err := runtime.Eval(ir.NewProgram(f), in, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].(*runtime.Tensor).F
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-12) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestIdentities are what must hold of DualAttention whatever the numbers, with and without a causal mask.
func TestIdentities(t *testing.T) {
	for _, causal := range []string{"", "self", "cache"} {
		r := rand.New(rand.NewPCG(1, 2))
		d := dual{qp: random64(r, 1, idHeads, idQueries, idDim), k: random64(r, 1, idKV, idKeys, idDim),
			v: random64(r, 1, idKV, idKeys, idValue), qn: random64(r, 1, idHeads, idQueries, idDim), a: 1.5, b: 0.75,
			attrs: ir.Attrs{"causal": causal}}

		none := d
		none.b = 0
		near(t, "b = 0 gives a times softmax attention", none.eval(t, false), d.eval(t, true))

		same, less := d, d
		same.qn, less.a = d.qp, d.a-d.b
		near(t, "equal branches give a - b times softmax attention", same.eval(t, false), less.eval(t, true))

		ones := d
		v := runtime.New(ir.F64, 1, idKV, idKeys, idValue)
		for i := range v.F {
			v.F[i] = 1
		}
		ones.v = v
		sums := ones.eval(t, false)
		want := make([]float64, len(sums))
		for i := range want {
			want[i] = d.a - d.b
		}
		near(t, "rows sum to a - b", sums, want)

		mean := d
		mean.qn, mean.a = runtime.New(ir.F64, 1, idHeads, idQueries, idDim), 0
		got := mean.eval(t, false)
		for h := range idHeads {
			for i := range idQueries {
				seen := map[string]int{"": idKeys, "self": i + 1, "cache": i + 1 + idKeys - idQueries}[causal]
				for c := range idValue {
					sum := 0.0
					for j := range seen {
						sum += d.v.(*runtime.Tensor).F[(h*idKV/idHeads*idKeys+j)*idValue+c]
					}
					at := (h*idQueries+i)*idValue + c
					near(t, "no queries give the mean", got[at:at+1], []float64{-d.b * sum / float64(seen)})
				}
			}
		}

		shifted := d // the same vector added to each key adds one number to a whole row of scores
		k, shift := d.k.(*runtime.Tensor).Clone(), random64(r, idDim)
		for i := range k.F {
			k.F[i] += shift.F[i%idDim]
		}
		shifted.k = k
		near(t, "a number more for a whole row", shifted.eval(t, false), d.eval(t, false))

		if causal == "self" {
			y := d.eval(t, false)
			for h := range idHeads {
				for c := range idValue {
					want := (d.a - d.b) * d.v.(*runtime.Tensor).F[h*idKV/idHeads*idKeys*idValue+c]
					at := h*idQueries*idValue + c
					near(t, "the first row sees one value", y[at:at+1], []float64{want})
				}
			}
		}
	}
}
