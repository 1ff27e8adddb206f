package lib

import (
	"math"
	"testing"
)

// masked is a case of 41 queries behind 300 keys of an earlier time, whose masks say the rest.
func masked(t testing.TB, name string, dual bool, sees func(i, j int) bool, hidden float32, asKeep bool) attentionCase {
	s := attentionShape{batch: 1, heads: 4, kvHeads: 2, queries: 41, keys: 341, d: 8, dv: 40, ends: maskEnds}
	a := newAttentionCase(t, name, s, dual)
	if asKeep {
		a.keep = keep{make([]bool, s.queries*s.keys), 0, 0, s.keys, 1}
		if !math.IsInf(float64(hidden), -1) {
			a.s.fill = hidden
		}
	} else {
		a.bias = bias{make([]float32, s.queries*s.keys), 0, 0, s.keys, 1}
	}
	for i := range s.queries {
		for j := range s.keys {
			switch at := i*s.keys + j; {
			case asKeep:
				a.keep.x[at] = sees(i, j)
			case sees(i, j):
				a.bias.x[at] = float32(j%5) / 4
			default:
				a.bias.x[at] = hidden
			}
		}
	}
	return a
}

var seen = map[string]struct {
	sees     func(i, j int) bool
	from, to int // what a block of the queries 0 to 12 looks at
}{
	"all":                      {func(i, j int) bool { return true }, 0, 341},
	"causal":                   {func(i, j int) bool { return j <= i+300 }, 0, 312},
	"causal, earlier":          {func(i, j int) bool { return j <= i+100 }, 0, 112},
	"causal, padded":           {func(i, j int) bool { return j <= i+300 && j >= 90 }, 90, 312},
	"window":                   {func(i, j int) bool { return j <= i+300 && j > i+250 }, 251, 312},
	"a row that sees nothing":  {func(i, j int) bool { return j <= i+300 && i != 7 }, 0, 341},
	"early rows, only padding": {func(i, j int) bool { return j <= i+300 && j >= 310 }, 0, 341},
}

func TestMaskEnds(t *testing.T) {
	one := newCtx(1)
	lowest := float32(-math.MaxFloat32)
	for name, c := range seen {
		for _, hidden := range []float32{-1e9, lowest, float32(math.Inf(-1))} {
			for _, asKeep := range []bool{false, true} {
				if hidden == -1e9 && !c.sees(7, 307) {
					continue // beside so much the scores of a row that sees nothing else lose their digits, here and not in the reference
				}
				a := masked(t, name, true, c.sees, hidden, asKeep)
				near(t, a.name, a.run(t, one), a.reference(), 32*eps*a.scale)

				task := attentionTask{attentionShape: a.s, bias: a.bias, keep: a.keep, group: 2}
				from, to := maskEnds(attentionBlock{attentionTask: &task, n: 12}, 0, a.s.keys)
				if from > c.from || to < c.to || from < c.from-panelCols || to >= c.to+panelCols {
					t.Errorf("%s, hidden %g, keep %v: keys %d to %d are looked at, not %d to %d", name, hidden, asKeep, from, to, c.from, c.to)
				}
			}
		}
	}
}
