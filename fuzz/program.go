package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"pgregory.net/rapid"
)

// Options say what programs to make.
type Options struct {
	Elem  ir.Elem              // of most values: ir.F32 or ir.F64; 0 is ir.F32
	Steps int                  // how many operators, examples and patterns at most; 0 is 8
	Use   func(op *ir.Op) bool // which operators may be used; nil for all
}

// Random is a program with its weights, the same for the same seed. A panic while it is put together is a bug of the compiler's.
func Random(seed int, o Options) *ir.Program {
	var bug any
	p := rapid.Custom(func(t *rapid.T) *ir.Program {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case string, error:
				bug = r
				panic(r)
			default:
				panic(r) // rapid's own
			}
		}()
		return Program(t, o)
	}).Example(seed)
	if bug != nil {
		panic(bug)
	}
	return p
}

// Program draws a program with its weights.
func Program(t *rapid.T, o Options) *ir.Program {
	if o.Elem == ir.NoElem {
		o.Elem = ir.F32
	}
	if o.Steps == 0 {
		o.Steps = 8
	}
	f := ir.NewFunc("random")
	a := &author{t: t, o: o, f: f, b: ir.NewBuilder(f)}
	a.stream = a.param(ir.T(o.Elem, ir.Sym("b"), ir.Sym("s"), ir.N(8)))
	a.keep(a.stream)
	for range rapid.IntRange(1, o.Steps).Draw(t, "steps") {
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 0:
			a.example()
		case 1, 2:
			a.pattern()
		default:
			a.operator()
		}
	}
	a.finish()
	p := ir.NewProgram(f)
	f.Prune()
	fillWeights(p)
	return p
}

// An author writes one program.
type author struct {
	t      *rapid.T
	o      Options
	f      *ir.Func
	b      *ir.Builder
	pool   []*ir.Value // tensors, the newest last
	stream *ir.Value   // [b,s,8], which patterns work on
}

func (a *author) int(lo, hi int) int { return rapid.IntRange(lo, hi).Draw(a.t, "n") }

func (a *author) flip() bool { return rapid.Bool().Draw(a.t, "flip") }

func one[T any](a *author, xs ...T) T { return rapid.SampledFrom(xs).Draw(a.t, "one") }

func (a *author) param(t ir.Type) *ir.Value { return a.f.Param(fmt.Sprintf("x%d", len(a.f.Params)), t) }

func (a *author) weight(dims ...int) *ir.Value {
	name := fmt.Sprintf("w%d", len(a.f.Nodes))
	return a.b.New(ir.Weight, ir.Attrs{"name": name, "type": ir.TN(a.o.Elem, dims...)})
}

func (a *author) scalar(x float64) *ir.Value { return a.b.Scalar(a.o.Elem, x) }

// keep lets later steps use the tensors among vs.
func (a *author) keep(vs ...*ir.Value) {
	for _, v := range vs {
		if v.Type.Kind == ir.Tensor && v.Type.Elem != ir.NoElem {
			a.pool = append(a.pool, v)
		}
	}
}

// pick is some value, the newest most often, so that programs get deep.
func (a *author) pick() *ir.Value {
	n := len(a.pool)
	return a.pool[n-1-min(a.int(0, n-1), a.int(0, n-1))]
}

// finish returns the newest values, and others, which thereby cannot vanish in a fusion.
func (a *author) finish() {
	results := []*ir.Value{a.pool[len(a.pool)-1], a.stream}
	for range a.int(0, 2) {
		results = append(results, a.pick())
	}
	var out []*ir.Value
	for _, v := range results {
		if v.Type.Ranked() && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	a.f.Return(out...)
	for i := range out {
		a.f.ResultNames = append(a.f.ResultNames, fmt.Sprintf("y%d", i))
	}
}

// allowed reports whether the program may use the operator.
func (a *author) allowed(op *ir.Op) bool {
	if strings.HasPrefix(op.Name, "Random") || op == ir.Bernoulli || op == ir.Multinomial || op == ir.Dropout || op == ir.Weight || op == ir.Const {
		return false // what is drawn at random compares with nothing; the last two are everywhere
	}
	return a.o.Use == nil || a.o.Use(op)
}

// fillWeights gives each weight numbers between -1 and 1, by its name.
func fillWeights(p *ir.Program) {
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.Weight {
			name := n.Str("name")
			seed := uint64(len(name))
			for _, c := range name {
				seed = seed*31 + uint64(c)
			}
			p.Weights[name] = runtime.RandomTensor(n.Out().Type, seed, map[string]int{}).Data()
		}
	})
}
