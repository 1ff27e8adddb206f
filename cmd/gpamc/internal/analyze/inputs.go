package analyze

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// DefaultTokens is how long sequences are whose length nobody gives.
const DefaultTokens = 32

// Seeded makes inputs for a program, the same for the same seed: standard normal floats, integers that index a table uniform over its
// rows, and 1 for other integers and booleans, which are masks. Of dimensions that dims lacks, those that come first in an
// input of several are batches, of 1; others are DefaultTokens.
func Seeded(p *ir.Program, seed uint64, dims map[string]int) []runtime.Value {
	env := map[string]int{}
	for _, v := range p.Main.Params {
		for i, d := range v.Type.Shape {
			names := map[string]bool{}
			d.Names(names)
			for name := range names {
				if size, ok := dims[name]; ok {
					env[name] = size
				} else if env[name] == 0 {
					env[name] = DefaultTokens
					if i == 0 && len(v.Type.Shape) > 1 {
						env[name] = 1
					}
				}
			}
		}
	}
	out := make([]runtime.Value, len(p.Main.Params))
	for i, v := range p.Main.Params {
		if v.Type.Kind != ir.Tensor || !v.Type.Elem.IsFloat() && !v.Type.Elem.IsInt() && v.Type.Elem != ir.Bool {
			out[i] = runtime.RandomInputs(&ir.Func{Params: []*ir.Value{v}}, seed, env)[0]
			continue
		}
		out[i] = seededTensor(p, v, seed, env)
	}
	return out
}

func seededTensor(p *ir.Program, v *ir.Value, seed uint64, env map[string]int) *runtime.Tensor {
	shape := make([]int, len(v.Type.Shape))
	for i, d := range v.Type.Shape {
		n, _ := d.Eval(env)
		shape[i] = max(n, 0)
	}
	h := fnv.New64a()
	h.Write([]byte(v.Name))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	t := runtime.New(v.Type.Elem, shape...)
	table := tableRows(p.Main, v)
	for i := range t.Len() {
		switch {
		case t.F != nil:
			t.F[i] = runtime.RoundTo(v.Type.Elem, r.NormFloat64(), true)
		case table > 0:
			t.SetInt(i, r.Int64N(int64(table)))
		default:
			t.SetInt(i, 1)
		}
	}
	return t
}

// tableRows is the number of rows of the smallest table that v, or what is only another form of it, is an index into; 0 if there is none.
func tableRows(f *ir.Func, v *ir.Value) int {
	forms := map[*ir.Value]bool{v: true}
	least := 0
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		switch n.Op {
		case ir.Cast, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Flatten, ir.Transpose, ir.Identity, ir.Slice:
			if forms[n.Args[0]] {
				forms[n.Out()] = true
			}
		case ir.Gather:
			if !forms[n.Args[1]] || n.TypeAt(0).Rank() < 1 || !n.TypeAt(0).Elem.IsFloat() {
				return
			}
			axis, err := ir.Axis(n.Int("axis"), n.TypeAt(0).Rank())
			if err != nil {
				return
			}
			if rows, ok := n.TypeAt(0).Shape[axis].Const(); ok && rows > 0 && (least == 0 || rows < least) {
				least = rows
			}
		}
	})
	return least
}
