package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// TestCache gives decoders their tokens in pieces, with what the piece before has returned, and compares with the oracle on all of them.
func TestCache(t *testing.T) {
	for _, c := range cases {
		if families[c.family].places == "encoder" {
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
	all := in.ids
	caches := map[string]runtime.Value{}
	crossed := false
	for _, v := range p.Main.Params {
		if v.Name == "decoder_input_ids" {
			all = in.targets
		}
		if !strings.HasPrefix(v.Name, "past_key_values.") {
			continue
		}
		shape := []int{2}
		for _, d := range v.Type.Shape[1:] {
			k, _ := d.Const() // 0 for the past
			if d.Equal(src) {
				k, crossed = len(in.ids[0]), true
			}
			shape = append(shape, k)
		}
		caches[v.Name] = runtime.New(ir.F32, shape...)
	}
	if len(p.Main.Results) != 1+len(caches) {
		t.Fatalf("%d results for %d caches", len(p.Main.Results), len(caches))
	}
	inputs := func(from, n int) []runtime.Value {
		piece := in
		cut := [][]int{all[0][from : from+n], all[1][from : from+n]}
		if crossed {
			piece.targets = cut
		} else {
			piece.ids = cut
		}
		vs := piece.inputs(p)
		for i, v := range p.Main.Params {
			if c := caches[v.Name]; c != nil {
				vs[i] = c
			}
		}
		return vs
	}
	keep := func(vs []runtime.Value, encoder bool) {
		out, err := runtime.Eval(p, vs, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range p.Main.ResultNames {
			if rest, ok := strings.CutPrefix(name, "present."); ok && strings.Contains(rest, ".encoder.") == encoder {
				caches["past_key_values."+rest] = out[i]
			}
		}
	}
	if crossed {
		keep(inputs(0, 1), true)
	}
	for from, n := 0, 2; from < len(all[0]); from, n = from+n, 3-n {
		n = min(n, len(all[0])-from)
		var rows []float64
		for b := range all {
			at := (b*len(all[b]) + from) * want.cols
			rows = append(rows, want.x[at:at+n*want.cols]...)
		}
		vs := inputs(from, n)
		compare(t, fmt.Sprintf("%s, tokens %d to %d", when, from, from+n), p, vs, matrix{2 * n, want.cols, rows})
		keep(vs, false)
	}
}

func TestCacheOfEncoder(t *testing.T) {
	for _, family := range []string{"bert", "vit"} {
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
