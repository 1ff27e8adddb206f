package ir

import (
	"fmt"
	"strings"
)

var (
	// If is what then_branch gives if cond, else what else_branch gives. The branches have no parameters and use the values around them.
	If = define(Op{Name: "If", Args: "cond", Results: "ys...", Bodies: "then_branch else_branch", Infer: inferIf,
		Example: "If(c) then_branch=func() {\n    return x\n} else_branch=func() {\n    v1 = Neg(x)\n    return v1\n}", Inputs: "c bool[] x f32[2]"})

	// Loop runs body(i, cond, vs...) -> (cond, vs..., scans...) at most trip times and while cond; the results are the last vs, and each
	// scan's values of all the rounds, stacked along a new first axis.
	Loop = define(Op{Name: "Loop", Args: "trip? cond? vs...", Results: "ys...", Bodies: "body", Infer: inferLoop,
		Example: "Loop(i64[]{3}, _, x) body=func(i i64[], c bool[], h f32[2]) {\n    v1 = Add(h, h)\n    return c, v1, h\n}", Inputs: "x f32[2]"})

	// Scan runs body(states..., elements...) -> (states..., outputs...) along an axis of its last num_scan_inputs arguments; the results
	// are the last states, and each output's values of all the rounds, stacked along an axis. A direction of 1 goes from last to first.
	Scan = define(Op{Name: "Scan", Args: "xs...", Results: "ys...", Bodies: "body",
		Attrs: "num_scan_inputs:int scan_input_axes:ints? scan_input_directions:ints? scan_output_axes:ints? scan_output_directions:ints?", Infer: inferScan,
		Example: "Scan(s, x) num_scan_inputs=1 body=func(h f32[2], e f32[2]) {\n    v1 = Add(h, e)\n    return v1, v1\n}", Inputs: "s f32[2] x f32[3,2]"})

	// SequenceMap is body(item, others...) for each item of the sequence; of the others, sequences give their item of the same place.
	SequenceMap = define(Op{Name: "SequenceMap", Args: "seq xs...", Results: "ys...", Bodies: "body", Infer: inferSequenceMap,
		Example: "SequenceMap(s) body=func(e f32[2]) {\n    v1 = Neg(e)\n    return v1\n}", Inputs: "s seq(f32[2])"})
)

// renewed is t with a name of n's own for each dimension that is no number, k being the first: values of one sequence, or of the
// rounds of a loop, need not agree in those.
func (n *Node) renewed(t Type, k int, keep func(Dim) bool) Type {
	if t.Kind != Tensor {
		of := n.renewed(*t.Of, k, keep)
		t.Of = &of
		return t
	}
	shape := make([]Dim, len(t.Shape))
	for i, d := range t.Shape {
		if shape[i] = d; !keep(d) {
			shape[i] = n.Fresh(k + i)
		}
	}
	if t.Ranked() {
		t.Shape = shape
	}
	return t
}

// resultNames is the first number for Fresh of result i: far enough from its neighbours' for any rank.
func resultNames(i int) int { return 16 * i }

// joined is the type of what is of type t or of type u: what differs is left open. ok is false when one value cannot have both.
func (n *Node) joined(t, u Type, k int) (Type, bool) {
	switch {
	case !t.Known():
		return u, true
	case !u.Known():
		return t, true
	case t.Kind != u.Kind:
		return t, false
	case t.Kind != Tensor:
		of, ok := n.joined(*t.Of, *u.Of, k)
		t.Of = &of
		return t, ok
	case t.Elem != u.Elem:
		return t, false
	case t.Unranked || u.Unranked || len(t.Shape) != len(u.Shape):
		return Unranked(t.Elem), true
	}
	shape := make([]Dim, len(t.Shape))
	for i := range shape {
		if shape[i] = t.Shape[i]; !shape[i].Equal(u.Shape[i]) {
			shape[i] = n.Fresh(k + i)
		}
	}
	return T(t.Elem, shape...), true
}

func inferIf(n *Node) ([]Type, error) {
	if c := n.TypeAt(0); c.Known() && (c.Kind != Tensor || c.Elem != Bool) {
		return nil, fmt.Errorf("the condition is %s, not a boolean", c)
	}
	yes, no := n.Bodies[0], n.Bodies[1]
	if len(yes.Params)+len(no.Params) > 0 {
		return nil, fmt.Errorf("a branch has parameters")
	}
	if len(yes.Results) != len(no.Results) {
		return nil, fmt.Errorf("the branches have %d and %d results", len(yes.Results), len(no.Results))
	}
	ts := make([]Type, len(yes.Results))
	for i := range ts {
		t, ok := n.joined(yes.Results[i].Type, no.Results[i].Type, resultNames(i))
		if !ok {
			return nil, fmt.Errorf("result %d is %s in one branch, %s in the other", i, yes.Results[i].Type, no.Results[i].Type)
		}
		ts[i] = t
	}
	return ts, nil
}

// carried is the type of a value that a body gets as p, gives back as out, and that was in at first.
func (n *Node) carried(in, p, out Type, i int) (Type, error) {
	if in.Kind == Optional && out.Kind != Optional { // from the first round on it holds something
		in = *in.Of
		if p.Kind == Optional {
			p = *p.Of
		}
	}
	t, ok := n.joined(in, out, resultNames(i))
	if _, fits := n.joined(in, p, 0); !ok || !fits {
		return t, fmt.Errorf("value %d begins as %s, is %s in the body, which makes it %s", i, in, p, out)
	}
	// A name that the body gave its own parameter says nothing outside.
	return n.renewed(t, resultNames(i), func(d Dim) bool { return d.IsConst() || hasDim(in, d) }), nil
}

func hasDim(t Type, d Dim) bool {
	for _, e := range t.Shape {
		if e.Equal(d) {
			return true
		}
	}
	return t.Of != nil && hasDim(*t.Of, d)
}

// stacked is the type of a body's result of all the rounds, as axis.
func (n *Node) stacked(t Type, rounds Dim, axis, i int) (Type, error) {
	if t.Kind != Tensor {
		return t, fmt.Errorf("result %d is %s: only tensors are stacked", i, t)
	}
	t = n.renewed(t, resultNames(i)+1, func(d Dim) bool { return d.IsConst() || !strings.Contains(d.String(), "?") })
	if !t.Ranked() {
		return t, nil
	}
	axis, err := Axis(axis, t.Rank()+1)
	if err != nil {
		return t, err
	}
	shape := append([]Dim{}, t.Shape[:axis]...)
	return T(t.Elem, append(append(shape, rounds), t.Shape[axis:]...)...), nil
}

func inferLoop(n *Node) ([]Type, error) {
	body := n.Bodies[0]
	k := max(0, len(n.Args)-2)
	if len(body.Params) != k+2 {
		return nil, fmt.Errorf("the body has %d parameters for %d values, with the round and the condition", len(body.Params), k)
	}
	if len(body.Results) < k+1 {
		return nil, fmt.Errorf("the body has %d results for %d values and the condition", len(body.Results), k)
	}
	ts := make([]Type, len(body.Results)-1)
	for i := range ts {
		var err error
		out := body.Results[i+1].Type
		if i < k {
			ts[i], err = n.carried(n.TypeAt(i+2), body.Params[i+2].Type, out, i)
		} else {
			ts[i], err = n.stacked(out, n.rounds(resultNames(i)), 0, i)
		}
		if err != nil {
			return nil, err
		}
	}
	return ts, nil
}

// rounds is how often a Loop runs: the trip count where nothing else can end it, else the name k.
func (n *Node) rounds(k int) Dim {
	body := n.Bodies[0]
	on := body.Results[0]
	forever := on == body.Params[1] || isTrue(on)
	if c := n.ArgAt(1); c != nil && !isTrue(c) {
		forever = false
	}
	if trip, ok := n.ArgAt(0).SymbolicDims(); ok && len(trip) == 1 && forever {
		return trip[0].Max(N(0))
	}
	return n.Fresh(k)
}

func isTrue(v *Value) bool {
	c, ok := v.ConstInts()
	return ok && len(c) == 1 && c[0] != 0
}

// ScanAxis is the axis of scan argument or output i under that attribute.
func (n *Node) ScanAxis(attr string, i int) int {
	if axes := n.Ints(attr); i < len(axes) {
		return int(axes[i])
	}
	return 0
}

func inferScan(n *Node) ([]Type, error) {
	body, scans := n.Bodies[0], n.Int("num_scan_inputs")
	states := len(n.Args) - scans
	if scans < 1 || states < 0 || len(body.Params) != len(n.Args) || len(body.Results) < states {
		return nil, fmt.Errorf("%d arguments, %d of them scanned; the body has %d parameters and %d results", len(n.Args), scans, len(body.Params), len(body.Results))
	}
	rounds := n.Fresh(resultNames(len(body.Results)))
	for i := range scans {
		t := n.TypeAt(states + i)
		if !t.Ranked() {
			continue
		}
		axis, err := Axis(n.ScanAxis("scan_input_axes", i), t.Rank())
		if err != nil {
			return nil, err
		}
		if d := t.Shape[axis]; d.IsConst() || !rounds.IsConst() {
			rounds = d
		}
	}
	ts := make([]Type, len(body.Results))
	for i := range ts {
		var err error
		out := body.Results[i].Type
		if i < states {
			ts[i], err = n.carried(n.TypeAt(i), body.Params[i].Type, out, i)
		} else {
			ts[i], err = n.stacked(out, rounds, n.ScanAxis("scan_output_axes", i-states), i)
		}
		if err != nil {
			return nil, err
		}
	}
	return ts, nil
}

func inferSequenceMap(n *Node) ([]Type, error) {
	body := n.Bodies[0]
	if t := n.TypeAt(0); t.Known() && t.Kind != Sequence {
		return nil, fmt.Errorf("a sequence is wanted, not %s", t)
	}
	if len(body.Params) != len(n.Args) {
		return nil, fmt.Errorf("the body has %d parameters for %d arguments", len(body.Params), len(n.Args))
	}
	for i, p := range body.Params {
		t := n.TypeAt(i)
		if t.Kind == Sequence && t.Of != nil {
			t = *t.Of
		}
		if t.Elem != NoElem && p.Type.Elem != NoElem && t.Elem != p.Type.Elem {
			return nil, fmt.Errorf("parameter %d of the body is %s and gets %s", i, p.Type, t)
		}
	}
	ts := make([]Type, len(body.Results))
	for i, r := range body.Results {
		ts[i] = SequenceOf(n.renewed(r.Type, resultNames(i), Dim.IsConst))
	}
	return ts, nil
}
