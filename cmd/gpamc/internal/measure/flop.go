// Package measure says how large a program is: its operators, parameters and floating-point operations; and shows what the passes
// make of it.
package measure

import (
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Work is the number of floating-point operations of f, as an expression of its dimensions. A multiplication and an addition are
// two, any other function of an element is one, moving data is none. Composites count as their expansions; bodies of control flow
// count once, whatever the number of their turns.
func Work(f *ir.Func) ir.Dim {
	total := ir.N(0)
	for _, n := range f.Nodes {
		total = total.Add(NodeWork(n))
	}
	return total
}

// NodeWork is the number of floating-point operations of one node.
func NodeWork(n *ir.Node) ir.Dim {
	total := ir.N(0)
	for _, b := range n.Bodies {
		total = total.Add(Work(b))
	}
	switch {
	case work[n.Op.Name] != nil:
		return work[n.Op.Name](n)
	case n.Op.Expand != nil:
		return Work(n.Expansion())
	case moves[n.Op.Name] || len(n.Bodies) > 0:
		return total
	case strings.HasPrefix(n.Op.Name, "Reduce") || strings.HasPrefix(n.Op.Name, "Arg"):
		return size(n.TypeAt(0))
	}
	return size(n.Out().Type)
}

// moves are the operators that compute nothing.
var moves = set(`Const Weight Identity Reshape Transpose Squeeze Unsqueeze Flatten Concat Split Slice Gather GatherElements GatherND
	Scatter ScatterElements ScatterND Expand Tile Pad Shape Size ConstantOfShape EyeLike Trilu Range OneHot NonZero Compress Unique
	DepthToSpace SpaceToDepth ReverseSequence Cast CastLike BitCast TensorScatter Where
	SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence ConcatFromSequence
	Optional OptionalGetElement OptionalHasElement`)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(names) {
		m[name] = true
	}
	return m
}

// work has the operators whose cost is not the size of their result.
var work = map[string]func(n *ir.Node) ir.Dim{
	"MatMul": product(0), "MatMulInteger": product(0), "QLinearMatMul": product(0),
	"Gemm":   gemm,
	"Einsum": einsum,
	"Conv":   conv(1), "ConvInteger": conv(1), "QLinearConv": conv(3), "ConvTranspose": convTranspose,
	"Softmax": perElement(5), "LogSoftmax": perElement(5), // maximum, difference, exponential, sum, quotient
	"LSTM": recurrent, "GRU": recurrent, "RNN": recurrent,
}

// size is the number of elements where it is known, and else 0.
func size(t ir.Type) ir.Dim {
	if !t.Ranked() {
		return ir.N(0)
	}
	return t.Size()
}

func perElement(k int) func(*ir.Node) ir.Dim {
	return func(n *ir.Node) ir.Dim { return size(n.Out().Type).Mul(ir.N(k)) }
}

// product is 2·(elements of the result)·(length of the inner dimension), the last of argument a.
func product(a int) func(*ir.Node) ir.Dim {
	return func(n *ir.Node) ir.Dim {
		t := n.TypeAt(a)
		if t.Rank() < 1 {
			return ir.N(0)
		}
		return size(n.Out().Type).Mul(t.Shape[t.Rank()-1]).Mul(ir.N(2))
	}
}

func gemm(n *ir.Node) ir.Dim {
	t := n.TypeAt(0)
	if t.Rank() != 2 {
		return ir.N(0)
	}
	return size(n.Out().Type).Mul(t.Shape[1-n.Int("transA")]).Mul(ir.N(2))
}

// conv is 2·(elements of the result)·(elements of one filter); the filters, argument w, are [M, C/group, kernel...].
func conv(w int) func(*ir.Node) ir.Dim {
	return func(n *ir.Node) ir.Dim {
		t := n.TypeAt(w)
		if t.Rank() < 1 {
			return ir.N(0)
		}
		return size(n.Out().Type).Mul(ir.Product(t.Shape[1:])).Mul(ir.N(2))
	}
}

// convTranspose is 2·(elements of x)·(elements of one filter); the filters are [C, M/group, kernel...].
func convTranspose(n *ir.Node) ir.Dim {
	t := n.TypeAt(1)
	if t.Rank() < 1 {
		return ir.N(0)
	}
	return size(n.TypeAt(0)).Mul(ir.Product(t.Shape[1:])).Mul(ir.N(2))
}

// recurrent is 2·length·batch·(elements of W and R).
func recurrent(n *ir.Node) ir.Dim {
	t := n.TypeAt(0)
	if t.Rank() != 3 {
		return ir.N(0)
	}
	return ir.Product(t.Shape[:2]).Mul(size(n.TypeAt(1)).Add(size(n.TypeAt(2)))).Mul(ir.N(2))
}

// einsum is 2·(product of all dimensions that the equation names), once for each argument after the first.
func einsum(n *ir.Node) ir.Dim {
	equation, _, _ := strings.Cut(strings.ReplaceAll(n.Str("equation"), " ", ""), "->")
	terms := strings.Split(equation, ",")
	dims := map[rune]ir.Dim{}
	total := ir.N(2 * max(len(terms)-1, 1))
	for i, term := range terms {
		t := n.TypeAt(i)
		if t.Rank() != len(term) { // an ellipsis, or an unknown rank
			return size(n.Out().Type)
		}
		for k, label := range term {
			if _, ok := dims[label]; !ok {
				dims[label] = t.Shape[k]
				total = total.Mul(t.Shape[k])
			}
		}
	}
	return total
}

// NodeBytes is how many bytes a node must read and write at least: all of its arguments and results once; of tables in which it looks
// things up, what it finds. Elements of less than a byte take one, as they do in emitted packages. What it is handed by those nodes before
// that are one step with it is in no memory, and what they read counts.
func NodeBytes(n *ir.Node, before ...*ir.Node) ir.Dim {
	total := ir.N(0)
	add := func(t ir.Type) { total = total.Add(size(t).Mul(ir.N(max(t.Elem.Bits()/8, 1)))) }
	seen := map[*ir.Value]bool{}
	for _, b := range before {
		seen[b.Out()] = true
	}
	for _, m := range append([]*ir.Node{n}, before...) {
		for i, v := range m.Args {
			switch {
			case v == nil || !v.Type.Ranked() || len(before) > 0 && seen[v]:
			case i == 0 && lookups[m.Op.Name]:
				add(m.Out().Type)
				continue
			case m.Op == ir.BlockedLinear && v.Type.Elem.Bits() < 8: // these are packed
				count, _ := v.Type.Size().Const()
				total = total.Add(ir.N(count * v.Type.Elem.Bits() / 8))
			default:
				add(v.Type)
			}
			seen[v] = true
		}
	}
	for _, v := range n.Results {
		if v.Type.Ranked() {
			add(v.Type)
		}
	}
	return total
}

// lookups read as much of their first argument as their result has.
var lookups = set(`Gather GatherElements GatherND Slice Split`)
