package runtime

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"

	"github.com/gpamc/gpamc/ir"
)

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// RandomInputs makes inputs for f, the same for the same seed: floats between -1 and 1, integers from 0 to 3, but less than the rows of a
// table that they look up, booleans mostly true.
// dims gives the dimensions that are names; one that it lacks gets a small number of its own.
func RandomInputs(f *ir.Func, seed uint64, dims map[string]int) []Value {
	env := maps.Clone(dims)
	if env == nil {
		env = map[string]int{}
	}
	out := make([]Value, len(f.Params))
	for i, p := range f.Params {
		out[i] = randomValue(p.Type, seed^hash(fmt.Sprint(i, p.Name)), env)
		if t, ok := out[i].(*Tensor); ok && t.I != nil {
			rows := tableRows(f, p)
			for k, x := range t.I {
				t.I[k] = x % rows
			}
		}
	}
	return out
}

// tableRows is the number of rows of the smallest table that a node of f looks p up in, 4 if there is none that small.
func tableRows(f *ir.Func, p *ir.Value) int64 {
	least := 4
	for _, n := range f.Nodes {
		if n.Op != ir.Gather || n.Args[1] != p || !n.TypeAt(0).Ranked() {
			continue
		}
		axis, err := ir.Axis(n.Int("axis"), n.TypeAt(0).Rank())
		if err != nil {
			continue
		}
		if rows, ok := n.TypeAt(0).Shape[axis].Const(); ok && rows > 0 {
			least = min(least, rows)
		}
	}
	return int64(least)
}

func randomValue(t ir.Type, seed uint64, env map[string]int) Value {
	switch t.Kind {
	case ir.Sequence:
		return &Sequence{*t.Of, []Value{randomValue(*t.Of, seed, env), randomValue(*t.Of, seed+1, env)}}
	case ir.Optional:
		return &Optional{*t.Of, randomValue(*t.Of, seed, env)}
	}
	return RandomTensor(t, seed, env)
}

// RandomTensor makes a tensor as RandomInputs does. Names that env lacks are entered.
func RandomTensor(t ir.Type, seed uint64, env map[string]int) *Tensor {
	shape := make([]int, len(t.Shape))
	for i, d := range t.Shape {
		names := map[string]bool{}
		d.Names(names)
		for name := range names {
			if !has(env, name) {
				env[name] = 2 + int(hash(name)%4)
			}
		}
		n, _ := d.Eval(env)
		shape[i] = max(n, 0)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	x := New(t.Elem, shape...)
	for i := range x.Len() {
		switch {
		case x.F != nil:
			x.F[i] = 2*r.Float64() - 1
		case x.C != nil:
			x.C[i] = complex(2*r.Float64()-1, 2*r.Float64()-1)
		case x.S != nil:
			x.S[i] = string(rune('a' + r.IntN(4)))
		case t.Elem == ir.Bool:
			x.I[i] = int64(min(r.IntN(4), 1))
		default:
			x.I[i] = int64(r.IntN(4))
		}
	}
	x.settle()
	return x
}
