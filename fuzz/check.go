package fuzz

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// An Expectation is what a program computes of its inputs, and how far each number may be off.
type Expectation struct {
	Results []runtime.Value
	Slack   [][]float64 // of each result that is a tensor of numbers, for each element; infinite where nothing can be said

	p     *ir.Program
	in    []runtime.Value
	sure  bool // that no rounding error explains a difference, as far as that can be known
	tried uint64
	wild  bool // a value is no number, or too large for the integer it becomes
}

// runs is how often a program is computed with noise, and doubts how often more, with more noise, before a difference counts.
const runs, doubts = 3, 24

// ends is where numbers may leave the range of their type by rounding.
const ends = 1e30

// unit is the distance of a number of the type to the next, relative to it.
func unit(e ir.Elem) float64 {
	switch e {
	case ir.F64:
		return 0x1p-52
	case ir.F16:
		return 0x1p-10
	case ir.BF16:
		return 0x1p-7
	}
	return 0x1p-23
}

// Evaluate computes p by the reference. An error says that the inputs make no sense to p.
func Evaluate(p *ir.Program, in []runtime.Value) (*Expectation, error) {
	out, err := runtime.Eval(p, in, runtime.Options{})
	if err != nil {
		return nil, err
	}
	x := &Expectation{Results: out, Slack: make([][]float64, len(out)), p: p, in: in}
	for i, v := range out {
		if t, ok := v.(*runtime.Tensor); ok && t.S == nil {
			x.Slack[i] = slices.Repeat([]float64{0}, t.Len())
		}
	}
	return x, x.shake(runs, 8)
}

// shake computes the program with noise of some units in the last place.
func (x *Expectation) shake(times int, units float64) error {
	for range times {
		x.tried++
		noisy, err := runtime.Eval(x.p, x.in, runtime.Options{Trace: x.noise(units)})
		if err != nil {
			return fmt.Errorf("rounding decides whether it can be computed: %w", err)
		}
		for i, v := range noisy {
			x.widen(i, v)
		}
	}
	return nil
}

// widen enters what noise has changed of result i.
func (x *Expectation) widen(i int, noisy runtime.Value) {
	want, ok := x.Results[i].(*runtime.Tensor)
	got, ok2 := noisy.(*runtime.Tensor)
	if !ok || !ok2 || x.Slack[i] == nil {
		return
	}
	if !slices.Equal(want.Shape, got.Shape) { // rounding decides the shape
		x.Slack[i] = nil
		return
	}
	scale := largest(want)
	for k := range want.Len() {
		a, b := want.Float(k), got.Float(k)
		d := math.Abs(a - b)
		switch {
		case math.IsNaN(a) && math.IsNaN(b) || a == b:
			d = 0
		case math.IsNaN(d) || math.IsInf(d, 0):
			d = math.Inf(1)
		}
		if want.F != nil {
			d = 4*d + 16*unit(want.Elem)*(math.Abs(a)+scale/4)
		} else if d > 0 {
			d = math.Inf(1) // a rounding error decides which integer it is
		}
		if math.IsNaN(a) || math.Abs(a) > ends {
			d = math.Inf(1)
		}
		x.Slack[i][k] = math.Max(x.Slack[i][k], d)
	}
}

// largest is the largest of t's numbers, by size, that is finite.
func largest(t *runtime.Tensor) float64 {
	m := 0.0
	for _, x := range t.F {
		if x = math.Abs(x); x < ends {
			m = math.Max(m, x)
		}
	}
	return m
}

// noise changes what each node computes by some units in the last place, of the number itself and, little, of the largest beside it.
// Whole numbers stay what they are: nothing has rounded them, but in a DFT, where one way to add up finds 0 and another does not.
func (x *Expectation) noise(units float64) func(n *ir.Node, results []runtime.Value) {
	r := rand.New(rand.NewPCG(x.tried, 3))
	seen := map[*runtime.Tensor]bool{} // a result may be an argument itself
	for _, v := range x.in {
		if t, ok := v.(*runtime.Tensor); ok {
			seen[t] = true
		}
	}
	infinite := map[*ir.Value]bool{} // as the logarithm of an empty sum is, even of integers
	return func(n *ir.Node, results []runtime.Value) {
		for i, v := range results {
			t, ok := v.(*runtime.Tensor)
			if !ok || seen[t] {
				continue
			}
			seen[t] = true
			infinite[n.Results[i]] = slices.ContainsFunc(t.F, func(f float64) bool { return math.IsInf(f, 0) })
			x.wild = x.wild || wild(n, t) || t.I != nil && n.Op == ir.Cast && infinite[n.Args[0]]
			if t.F == nil || n.Op == ir.Const || n.Op == ir.Weight {
				continue
			}
			t.F = slices.Clone(t.F)
			eps, scale := units*unit(t.Elem), largest(t)
			for k, f := range t.F {
				if size := math.Abs(f); size < ends && (f != math.Trunc(f) || size > 4096 || n.Op == ir.DFT) {
					t.F[k] = runtime.RoundTo(t.Elem, f+eps*(2*r.Float64()-1)*(size+scale/16), true)
				}
			}
		}
	}
}

// wild reports whether t, a result of n, has a NaN, or an integer of which ONNX does not say what it is. Fused operators may make
// something else of a NaN, such as zeros of a row of attention that may look nowhere.
func wild(n *ir.Node, t *runtime.Tensor) bool {
	return slices.ContainsFunc(t.F, math.IsNaN) ||
		n.Op == ir.Cast && slices.ContainsFunc(t.I, func(i int64) bool { return i < -1<<30 || i > 1<<30 })
}

// Agree says where the results got are none of those expected, nil if they all are.
func (x *Expectation) Agree(got []runtime.Value) error {
	err := x.differ(got)
	if err != nil && x.wild {
		return nil
	}
	if err != nil && !x.sure {
		x.sure = true
		if x.shake(doubts, 16) != nil {
			return nil
		}
		err = x.differ(got)
	}
	return err
}

func (x *Expectation) differ(got []runtime.Value) error {
	if len(got) != len(x.Results) {
		return fmt.Errorf("%d results, want %d", len(got), len(x.Results))
	}
	for i, v := range x.Results {
		want, ok := v.(*runtime.Tensor)
		if !ok {
			continue
		}
		t, ok := got[i].(*runtime.Tensor)
		if !ok || t.Elem != want.Elem {
			return fmt.Errorf("result %d is %s, want %s", i, got[i].Type(), want.Type())
		}
		if err := x.agree(i, t, want); err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	return nil
}

func (x *Expectation) agree(i int, got, want *runtime.Tensor) error {
	slack := x.Slack[i]
	if slack == nil && want.S == nil {
		return nil
	}
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("it is %s, want %s", got.Type(), want.Type())
	}
	if want.S != nil {
		if !slices.Equal(got.S, want.S) {
			return fmt.Errorf("it is %q, want %q", got.S, want.S)
		}
		return nil
	}
	for k := range want.Len() {
		if math.IsInf(slack[k], 1) {
			continue
		}
		if want.I != nil && got.I[k] == want.I[k] || want.C != nil && got.C[k] == want.C[k] {
			continue
		}
		a, b := want.Float(k), got.Float(k)
		if want.C != nil || !(math.Abs(a-b) <= slack[k]) {
			return fmt.Errorf("element %d of %s is %v, want %v (give or take %.2g)", k, want.Type(), b, a, slack[k])
		}
	}
	return nil
}

// Blame cuts p down to the first of its nodes, in order, for which fails holds when its tensors are the only results. It is p itself
// if there is none.
func Blame(p *ir.Program, fails func(p *ir.Program) bool) *ir.Program {
	for _, q := range Cuts(p) {
		if fails(q.Clone()) {
			return q
		}
	}
	return p
}

// Cuts are the programs that compute what single nodes of p do.
func Cuts(p *ir.Program) []*ir.Program {
	var cuts []*ir.Program
	for i, n := range p.Main.Nodes {
		if n.Op == ir.Const || n.Op == ir.Weight || !n.Out().Type.Ranked() {
			continue
		}
		q := p.Clone()
		q.Main.Return(q.Main.Nodes[i].Out())
		q.Main.ResultNames = []string{"y"}
		q.Main.Prune()
		cuts = append(cuts, q)
	}
	return cuts
}
