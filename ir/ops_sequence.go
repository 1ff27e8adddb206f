package ir

import "fmt"

var (
	// SequenceConstruct is the list of its arguments.
	SequenceConstruct = define(Op{Name: "SequenceConstruct", Args: "xs...", Infer: inferSequenceConstruct,
		Example: "SequenceConstruct(x, y)", Inputs: "x f32[2] y f32[3]"})

	// SequenceEmpty is the empty list.
	SequenceEmpty = define(Op{Name: "SequenceEmpty", Attrs: "dtype:int=1", Infer: func(n *Node) ([]Type, error) {
		return []Type{SequenceOf(Unranked(Elem(n.Int("dtype"))))}, nil
	}, Example: "SequenceEmpty() dtype=7"})

	// SequenceAt is the item at a position, counted from the end when negative.
	SequenceAt = define(Op{Name: "SequenceAt", Args: "seq position", Infer: func(n *Node) ([]Type, error) {
		of, err := itemType(n)
		return []Type{of}, err
	}, Example: "SequenceAt(s, i64[]{1})", Inputs: "s seq(f32[2])"})

	// SequenceErase is the list without the item at position, the last if there is none.
	SequenceErase = define(Op{Name: "SequenceErase", Args: "seq position?", Infer: sameSequence,
		Example: "SequenceErase(s)", Inputs: "s seq(f32[2])"})

	// SequenceInsert is the list with x put in before position, at the end if there is none.
	SequenceInsert = define(Op{Name: "SequenceInsert", Args: "seq x position?", Infer: inferSequenceInsert,
		Example: "SequenceInsert(s, x, i64[]{0})", Inputs: "s seq(f32[2]) x f32[3]"})

	// SequenceLength is the number of items.
	SequenceLength = define(Op{Name: "SequenceLength", Args: "seq", Infer: func(n *Node) ([]Type, error) {
		_, err := itemType(n)
		return []Type{T(I64)}, err
	}, Example: "SequenceLength(s)", Inputs: "s seq(f32[2])"})

	// SplitToSequence is x cut along axis: into pieces of the sizes in split, of the one size split, or of 1, whose axis keepdims=0 drops.
	SplitToSequence = define(Op{Name: "SplitToSequence", Args: "x split?", Attrs: "axis:int=0 keepdims:int=1", Infer: inferSplitToSequence,
		Example: "SplitToSequence(x, i64[]{2})", Inputs: "x f32[4,3]"})

	// ConcatFromSequence is the items put together along axis, along a new one with new_axis.
	ConcatFromSequence = define(Op{Name: "ConcatFromSequence", Args: "seq", Attrs: "axis:int new_axis:int=0", Infer: inferConcatFromSequence,
		Example: "ConcatFromSequence(s) axis=0", Inputs: "s seq(f32[2,3])"})

	// OptionalNew is ONNX's Optional: it holds x, or nothing of the given type.
	OptionalNew = define(Op{Name: "Optional", Args: "x?", Attrs: "type:type?", Infer: inferOptional, Example: "Optional(x)", Inputs: "x f32[2]"})

	// OptionalGetElement is what the optional holds.
	OptionalGetElement = define(Op{Name: "OptionalGetElement", Args: "x", Infer: func(n *Node) ([]Type, error) {
		if t := n.TypeAt(0); t.Kind == Optional {
			return []Type{*t.Of}, nil
		}
		return same(n)
	}, Example: "OptionalGetElement(x)", Inputs: "x opt(f32[2])"})

	// OptionalHasElement is whether x is there and, if it is an optional, holds something.
	OptionalHasElement = define(Op{Name: "OptionalHasElement", Args: "x?", Infer: func(n *Node) ([]Type, error) {
		return []Type{T(Bool)}, nil
	}, Example: "OptionalHasElement(x)", Inputs: "x opt(f32[2])"})
)

// itemType is the type of one item of the sequence that is argument 0: its dimensions by name are its own.
func itemType(n *Node) (Type, error) {
	t := n.TypeAt(0)
	if t.Kind != Sequence {
		if !t.Known() {
			return t, nil
		}
		return t, fmt.Errorf("a sequence is wanted, not %s", t)
	}
	return n.renewed(*t.Of, 0, Dim.IsConst), nil
}

func sameSequence(n *Node) ([]Type, error) {
	if _, err := itemType(n); err != nil {
		return nil, err
	}
	return same(n)
}

func inferSequenceConstruct(n *Node) ([]Type, error) {
	of := n.TypeAt(0)
	for i := range n.Args {
		t, ok := n.joined(of, n.TypeAt(i), 0)
		if !ok {
			return nil, fmt.Errorf("%s and %s cannot be in one sequence", of, n.TypeAt(i))
		}
		of = t
	}
	return []Type{SequenceOf(of)}, nil
}

func inferSequenceInsert(n *Node) ([]Type, error) {
	of, err := itemType(n)
	if err != nil {
		return nil, err
	}
	t, ok := n.joined(of, n.TypeAt(1), 0)
	if !ok {
		return nil, fmt.Errorf("%s cannot be put into %s", n.TypeAt(1), n.TypeAt(0))
	}
	return []Type{SequenceOf(t)}, nil
}

func inferSplitToSequence(n *Node) ([]Type, error) {
	t := n.TypeAt(0)
	if !t.Ranked() {
		return []Type{SequenceOf(t)}, nil
	}
	axis, err := Axis(n.Int("axis"), t.Rank())
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, t.Shape...)
	switch split, ok := n.ArgAt(1).ConstInts(); {
	case n.ArgAt(1) == nil && n.Int("keepdims") == 0:
		shape = append(shape[:axis], shape[axis+1:]...)
	case n.ArgAt(1) == nil:
		shape[axis] = N(1)
	case ok && len(split) == 1 && divides(split[0], shape[axis]):
		shape[axis] = N(int(split[0]))
	default:
		shape[axis] = n.Fresh(axis)
	}
	return []Type{SequenceOf(T(t.Elem, shape...))}, nil
}

func divides(k int64, d Dim) bool {
	n, ok := d.Const()
	return ok && k > 0 && int64(n)%k == 0
}

func inferConcatFromSequence(n *Node) ([]Type, error) {
	of, err := itemType(n)
	if err != nil || !of.Ranked() {
		return []Type{of}, err
	}
	rank := of.Rank()
	if n.Int("new_axis") != 0 {
		rank++
	}
	axis, err := Axis(n.Int("axis"), rank)
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, of.Shape[:axis]...)
	shape = append(shape, n.Fresh(rank))
	rest := of.Shape[axis:]
	if n.Int("new_axis") == 0 {
		rest = rest[1:]
	}
	return []Type{T(of.Elem, append(shape, rest...)...)}, nil
}

func inferOptional(n *Node) ([]Type, error) {
	if n.ArgAt(0) != nil {
		return []Type{OptionalOf(n.TypeAt(0))}, nil
	}
	t, ok := n.Attrs["type"].(Type)
	if !ok {
		return nil, fmt.Errorf("neither a value nor a type")
	}
	return []Type{OptionalOf(t)}, nil
}
