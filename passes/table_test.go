package passes

import (
	"slices"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// TestExamplesKeepTheirMeaning runs all passes over the example of every operator, and over what it expands to.
func TestExamplesKeepTheirMeaning(t *testing.T) {
	list := slices.Concat(Default, Kernel)
	for _, op := range ir.Ops() {
		f, err := op.ExampleFunc()
		if err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
		if f == nil || op.Random() {
			continue
		}
		g := &golden{file: op.Name}
		before := ir.NewProgram(f)
		fillWeights(before)
		after := before.Clone()
		run(t, after, Options{Passes: list})
		g.agree(t, before, after)
		if op.Expand == nil || strings.Contains(after.String(), "Random") {
			continue
		}
		expanded := before.Clone()
		expandAll(expanded.Main, op)
		run(t, expanded, Options{Passes: list})
		g.agree(t, before, expanded)
	}
}

// TestFusingUndoesExpanding: what a fused operator means is what the passes recognise.
func TestFusingUndoesExpanding(t *testing.T) {
	for _, src := range []string{
		`y = Linear(x, w, c)`,
		`y = Linear(x, w, c) act="gelu"`,
		`y = Linear(x, w, c, x) act="silu"`,
		`y = Attention(q, k, v, m) scale=0.5`,
		`y = Attention(q, k, v, b) scale=0.25 softcap=30`,
		`y = Attention(q, k, v, h, r) scale=0.5 causal="self"`,
		`y = Attention(q, k1, v1, b) fill=-10000`,
		`y = DualAttention(q, k, v, r4, _, _, 1.5, l, m) scale_p=0.5 scale_n=0.25`,
		`y = DualAttention(q, k, v, r4, v, k, l, 0.5) scale_p=0.5 scale_n=0.5 causal="self"`,
		`y = Attention(q, k, v, b, r, i) scale=0.5`,
		`y = Attention(q, k, v) scale=0.5 causal="self" window=3`,
		`y = Attention(q, k, v) scale=0.5 window=2`,
		`y = DualAttention(q, k, v, r4, _, _, l, l, b, _, 0.5) scale_p=0.5 scale_n=0.5`,
		`y = DualAttention(q, k, v, q, _, _, 1, 1, m, _, l) scale_p=0.5 scale_n=0`,
		`y = DualAttention(q, k, v, k1, k1, v1, l, l) scale_p=0.5 scale_n=0.5`,
		`y = LayerNormalization(x, c, c) epsilon=1e-06`,
		`y = RMSNormalization(x, c)`,
		`y = Gelu(x)`,
		`y = Gelu(x) approximate="tanh"`,
		`y = Swish(x) alpha=1.702`,
	} {
		p := parse(t, `func f(x f32[2,s,8], q f32[b,2,s,4], k f32[b,2,s,4], v f32[b,2,s,4],
			k1 f32[b,1,s,4], v1 f32[b,1,s,4], r4 f32[b,2,s,4], m f32[b,1,1,s],
			r f32[2,s,s], b bool[b,1,s,s], h f32[b,2,s,s], l f32[2,1,1], i f32[2,1,1]) {
			w = Weight() name="w" type=f32[8,8]
			c = Weight() name="c" type=f32[8]
			`+strings.ReplaceAll(src, "\n", "")+`
			return y
		}`)
		fillWeights(p)
		n := p.Main.Results[0].Def
		before := p.Clone()
		for expandAll(p.Main, ir.Linear, ir.Attention, ir.DualAttention, ir.Scores, ir.MaskedSoftmax, ir.LayerNormalization, ir.RMSNormalization, ir.Gelu, ir.Swish) {
		}
		list := slices.Concat(Default, Kernel[:2])
		run(t, p, Options{Passes: list})
		got := p.Main.Results[0].Def
		(&golden{file: src}).agree(t, before, p)
		if got.Op != n.Op || len(got.Args) != len(n.Args) {
			t.Errorf("%s became\n%s", src, p)
			continue
		}
		for _, name := range n.Op.AttrNames() {
			a, b := n.Attrs[name], got.Attrs[name]
			x, ok1 := a.(float64)
			y, ok2 := b.(float64)
			if attrKey(a) != attrKey(b) && !(ok1 && ok2 && near(ir.F32, x, y)) {
				t.Errorf("%s: attribute %s was %v and is %v", src, name, a, b)
			}
		}
	}
}

// expandAll replaces the nodes of the operators by their expansions; it reports whether there was one.
func expandAll(f *ir.Func, ops ...*ir.Op) (done bool) {
	for i := 0; i < len(f.Nodes); i++ {
		n := f.Nodes[i]
		if !slices.Contains(ops, n.Op) {
			continue
		}
		b := &ir.Builder{F: f, At: i, Name: n.Name}
		m := map[*ir.Value]*ir.Value{}
		for k, v := range b.Expand(n) {
			if k < len(n.Results) {
				m[n.Results[k]] = v
			}
		}
		f.Nodes = slices.Delete(f.Nodes, b.At, b.At+1)
		f.Replace(m)
		done, i = true, b.At-1
	}
	return done
}
