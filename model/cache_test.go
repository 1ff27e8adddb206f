package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// TestCache gives decoders their tokens in pieces, with what the piece before has returned, and compares with the oracle on all of them.
func TestCache(t *testing.T) {
	for _, c := range cases {
		if families[c.family].places != "decoder" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			d, err := Init(*small(t, c.family, c.attention, c.change), 3)
			if err != nil {
				t.Fatal(err)
			}
			d.Cache = true
			p, err := Build(d)
			if err != nil {
				t.Fatal(err)
			}
			in := makeTokens(&d.Config)
			want := in.want(&oracle{&d.Config, d.Weights})
			inPieces(t, "as built", p, in, want)
			if _, err := passes.Run(p, passes.Options{}); err != nil {
				t.Fatal(err)
			}
			if duals, singles := ops(p, ir.DualAttention), ops(p, ir.Attention); duals != c.duals || singles != c.singles {
				t.Errorf("%d DualAttention and %d Attention after the passes, want %d and %d", duals, singles, c.duals, c.singles)
			}
			inPieces(t, "after the passes", p, in, want)
		})
	}
}

// inPieces compares rows of the first result with those of want, the oracle's for all tokens.
func inPieces(t *testing.T, when string, p *ir.Program, in tokens, want matrix) {
	t.Helper()
	params, results := p.Main.Params, p.Main.Results
	var caches []runtime.Value
	for _, v := range params[1:] {
		if !strings.HasPrefix(v.Name, "past_key_values.") {
			t.Fatalf("an input is called %s", v.Name)
		}
		shape := []int{2}
		for _, d := range v.Type.Shape[1:] {
			k, _ := d.Const() // 0 for the past
			shape = append(shape, k)
		}
		caches = append(caches, runtime.New(ir.F32, shape...))
	}
	if len(results) != len(params) {
		t.Fatalf("%d results for %d inputs", len(results), len(params))
	}
	from := 0
	for _, n := range []int{3, 1, 2, 1} {
		ids := runtime.New(ir.I64, 2, n)
		var rows []float64
		for b := range 2 {
			for i := range n {
				ids.I[b*n+i] = int64(in.ids[b][from+i])
				at := (b*len(in.ids[b]) + from + i) * want.cols
				rows = append(rows, want.x[at:at+want.cols]...)
			}
		}
		inputs := append([]runtime.Value{ids}, caches...)
		compare(t, fmt.Sprintf("%s, tokens %d to %d", when, from, from+n), p, inputs, matrix{2 * n, want.cols, rows})
		out, err := runtime.Eval(p, inputs, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		caches, from = slices.Clone(out[1:]), from+n
	}
}

func TestCacheOfEncoder(t *testing.T) {
	for _, family := range []string{"bert", "bart", "vit"} {
		d, err := Init(*small(t, family, "", nil), 3)
		if err != nil {
			t.Fatal(err)
		}
		d.Cache = true
		if _, err := Build(d); err == nil || !strings.Contains(err.Error(), "a cache of keys and values is for") {
			t.Errorf("%s: error %v", family, err)
		}
	}
}
