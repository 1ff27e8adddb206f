package onnx

import (
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Domain is the domain of the compiler's own operators, DomainVersion their version.
const (
	Domain        = "ai.gpam"
	DomainVersion = 1
)

// A custom is an operator of Domain. In a file each comes with a function that says the same by operators that every runtime has.
type custom struct {
	op *ir.Op
	// axes names the last axes of each argument; with a tilde, the argument broadcasts to them. Of names that begin with H, each is a
	// multiple of every smaller one.
	axes map[string]string
	// passed are the attributes that a function can pass on, since no step of the expansion depends on their values once they are there;
	// always those without which they might as well be absent.
	passed []string
	doc    string
}

// customs are the operators of Domain, by the name that they have there and in the IR.
var customs = customTable(
	custom{op: ir.Scores, passed: scorePassed, axes: map[string]string{"q": "H Lq D", "k": "Hk Lk D", "mask": "~H Lq Lk", "bias": "~H Lq Lk"},
		doc: "Y = cap(scale * Q * transpose(K)) + bias + mask; cap(s) = softcap * tanh(s / softcap)"},
	custom{op: ir.MaskedSoftmax, axes: map[string]string{"x": "H Lq Lk", "sink": "~H Lq 1"},
		doc: "Softmax along the last axis; a row of nothing but -inf gives 0; exp(sink) is added to the sum"},
	custom{op: ir.Attention, passed: scorePassed, axes: map[string]string{
		"q": "H Lq D", "k": "Hk Lk D", "v": "Hv Lk Dv", "mask": "~H Lq Lk", "bias": "~H Lq Lk", "sink": "~H Lq 1"},
		doc: "Y = MaskedSoftmax(Scores(Q, K, mask, bias), sink) * V"},
	custom{op: ir.DualAttention, passed: []string{"scale_p", "scale_n", "softcap", "window", "fill"}, axes: map[string]string{
		"qp": "H Lq D", "kp": "Hk Lk D", "vp": "Hv Lk Dv", "qn": "Hn Lq Dn", "kn": "Hm Lk Dn", "vn": "Hw Lk Dv",
		"a": "~H Lq 1", "b": "~H Lq 1", "c": "~H Lq 1", "mask": "~H Lq Lk", "bias": "~H Lq Lk", "sink": "~H Lq 1"},
		doc: "Generalized probabilistic attention: Y = a * Attention(Qp, Kp, Vp) - b * Attention(Qn, Kn, Vn) + c * V"},
	custom{op: ir.NON, passed: []string{"scale"}, axes: map[string]string{"q": "H Lq D", "k": "Hk Lk D", "v": "Hv Lk Dv", "mask": "~H Lq Lk"},
		doc: "Y = scale * Q * transpose(K) * V / sqrt(Lk)" + compared},
	custom{op: ir.NAP, passed: []string{"scale", "epsilon"}, axes: map[string]string{
		"q": "H Lq D", "k": "Hk Lk D", "v": "Hv Lk Dv", "g": "~H Lq Lk", "b": "~H Lq Lk", "mask": "~H Lq Lk"},
		doc: "Y = (g * (S - mean(S)) / (std(S) + epsilon) + b) * V with S = scale * Q * transpose(K)" + compared},
	custom{op: ir.CoDA, passed: []string{"scale"}, axes: map[string]string{"q": "H Lq D", "k": "Hk Lk D", "v": "Hv Lk Dv", "mask": "~H Lq Lk"},
		doc: "Y = tanh(scale * Q * transpose(K)) * 2 * sigmoid(-scale * L1(Q, K)) * V" + compared},
)

const compared = "; without a softmax, to compare with"

var scorePassed = []string{"scale", "softcap", "window", "fill"}

func customTable(rows ...custom) map[string]*custom {
	table := map[string]*custom{}
	for _, c := range rows {
		table[c.op.Name] = &c
	}
	return table
}

// customOf is the row for an operator of the IR, nil if it is not written as one of Domain.
func customOf(op *ir.Op) *custom {
	if c := customs[op.Name]; c != nil && c.op == op {
		return c
	}
	return nil
}

// customNamed is the row that a node's name means: a name, or one with an underscore and what tells apart functions of the same name
// where the file format has no overloads.
func customNamed(name string) *custom {
	name, _, _ = strings.Cut(name, "_")
	return customs[name]
}

// always are the passed attributes that nodes have even at their defaults.
func always(attr string) bool { return strings.HasPrefix(attr, "scale") || attr == "epsilon" }

// suffix describes what in n its function depends on: the optional arguments and the attributes that it was made for.
func (c *custom) suffix(n *ir.Node) string {
	var parts []string
	add := func(s string) { parts = append(parts, s) }
	for i, name := range n.Op.ArgNames() {
		a := n.ArgAt(i)
		if a == nil || !n.Op.Optional(i) {
			continue
		}
		if a.Type.Elem == ir.Bool {
			name = "bool" + name
		}
		add(name)
	}
	for _, name := range n.Op.AttrNames() {
		switch v := n.Attrs[name].(type) {
		case nil:
		case string:
			add(v)
		default:
			if !always(name) {
				add(name)
			}
		}
	}
	if e := n.TypeAt(0).Elem; e != ir.F32 {
		add(e.String())
	}
	return strings.Join(parts, "_")
}
