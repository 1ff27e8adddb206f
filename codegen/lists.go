package codegen

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// withoutLists is p with sequences and optionals taken out of its main function as far as their items are known: what exporters make
// of split, unbind and lists of Python. Compiled packages have none. p itself is not changed.
func withoutLists(p *ir.Program) *ir.Program {
	if !slices.ContainsFunc(p.Main.Nodes, func(n *ir.Node) bool {
		return slices.ContainsFunc(n.Results, func(v *ir.Value) bool { return v.Type.Kind != ir.Tensor })
	}) {
		return p
	}
	q := p.Clone()
	l := &lists{f: q.Main, items: map[*ir.Value][]*ir.Value{}}
	for i := 0; i < len(l.f.Nodes); i++ {
		n := l.f.Nodes[i]
		if n.Refresh() != nil {
			return p // the items do not fit where the sequence's type did
		}
		l.b = ir.NewBuilder(l.f)
		l.b.At, l.b.Name = i, n.Name
		if f := listOps[n.Op]; f != nil {
			if by := f(l, n); by != nil {
				l.f.Replace(map[*ir.Value]*ir.Value{n.Out(): by})
			}
		}
		i = l.b.At
	}
	prune(l.f)
	return q
}

// lists are the sequences of a function whose items are known; an optional that holds something is a sequence of one.
type lists struct {
	f     *ir.Func
	b     *ir.Builder
	items map[*ir.Value][]*ir.Value
}

// listOps either note the items of their result, or give what stands for it.
var listOps = map[*ir.Op]func(l *lists, n *ir.Node) *ir.Value{
	ir.SequenceConstruct: func(l *lists, n *ir.Node) *ir.Value { return l.note(n, n.Args, true) },
	ir.SequenceEmpty:     func(l *lists, n *ir.Node) *ir.Value { return l.note(n, nil, true) },
	ir.Identity: func(l *lists, n *ir.Node) *ir.Value {
		items, ok := l.items[n.Args[0]]
		return l.note(n, items, ok)
	},
	ir.SequenceInsert: func(l *lists, n *ir.Node) *ir.Value {
		items, ok := l.items[n.Args[0]]
		at, known := position(n.ArgAt(2), len(items), len(items), len(items))
		if !ok || !known {
			return nil
		}
		return l.note(n, slices.Insert(slices.Clone(items), at, n.Args[1]), true)
	},
	ir.SequenceErase: func(l *lists, n *ir.Node) *ir.Value {
		items, ok := l.items[n.Args[0]]
		at, known := position(n.ArgAt(1), len(items)-1, len(items), len(items)-1)
		if !ok || !known {
			return nil
		}
		return l.note(n, slices.Delete(slices.Clone(items), at, at+1), true)
	},
	ir.SequenceAt: func(l *lists, n *ir.Node) *ir.Value {
		items, ok := l.items[n.Args[0]]
		if at, known := position(n.Args[1], -1, len(items), len(items)-1); ok && known {
			return items[at]
		}
		return nil
	},
	ir.SequenceLength: func(l *lists, n *ir.Node) *ir.Value {
		if items, ok := l.items[n.Args[0]]; ok {
			return l.b.Dim(ir.N(len(items)))
		}
		return nil
	},
	ir.SplitToSequence:    (*lists).split,
	ir.ConcatFromSequence: (*lists).concat,
	ir.OptionalNew: func(l *lists, n *ir.Node) *ir.Value {
		return l.note(n, n.Args, n.ArgAt(0) != nil && n.TypeAt(0).Kind == ir.Tensor)
	},
	ir.OptionalGetElement: func(l *lists, n *ir.Node) *ir.Value {
		if items := l.items[n.Args[0]]; n.TypeAt(0).Kind == ir.Optional && len(items) == 1 {
			return items[0]
		}
		return nil
	},
	ir.OptionalHasElement: func(l *lists, n *ir.Node) *ir.Value {
		if len(l.items[n.ArgAt(0)]) == 1 && n.TypeAt(0).Kind == ir.Optional {
			return l.b.Scalar(ir.Bool, 1)
		}
		return nil
	},
}

// note remembers the items of n's result. They must be tensors of known rank.
func (l *lists) note(n *ir.Node, items []*ir.Value, ok bool) *ir.Value {
	for _, v := range items {
		ok = ok && v != nil && v.Type.Ranked()
	}
	if ok {
		l.items[n.Out()] = items
	}
	return nil
}

// position is the number, at most most, that v is known to be, counted from the end of count items when negative; def when v is absent.
func position(v *ir.Value, def, count, most int) (at int, known bool) {
	at = def
	if v != nil {
		k, ok := v.ConstInts()
		if !ok || len(k) != 1 {
			return 0, false
		}
		if at = int(k[0]); at < 0 {
			at += count
		}
	}
	return at, at >= 0 && at <= most
}

// split cuts as Split does, into parts whose number is known.
func (l *lists) split(n *ir.Node) *ir.Value {
	x := n.Args[0]
	if !x.Type.Ranked() {
		return nil
	}
	axis, err := ir.Axis(n.Int("axis"), x.Type.Rank())
	if err != nil {
		return nil
	}
	size, fixed := x.Type.Shape[axis].Const()
	sizes, known := []int64{1}, true
	if v := n.ArgAt(1); v != nil {
		if sizes, known = v.ConstInts(); !known {
			return nil
		}
		if v.Type.Rank() > 0 {
			return l.pieces(n, axis, sizes)
		}
	}
	if !fixed || len(sizes) != 1 || sizes[0] < 1 {
		return nil
	}
	step := sizes[0]
	sizes = nil
	for left := int64(size); left > 0; left -= step {
		sizes = append(sizes, min(step, left))
	}
	return l.pieces(n, axis, sizes)
}

func (l *lists) pieces(n *ir.Node, axis int, sizes []int64) *ir.Value {
	if len(sizes) == 0 {
		return nil
	}
	c, err := l.b.Add(ir.Split, len(sizes), ir.Attrs{"axis": axis}, nil, n.Args[0], l.b.Vector(sizes...))
	if err != nil {
		return nil
	}
	items := slices.Clone(c.Results)
	if n.ArgAt(1) == nil && n.Int("keepdims") == 0 {
		for i, v := range items {
			items[i] = l.b.New(ir.Squeeze, nil, v, l.b.Vector(int64(axis)))
		}
	}
	return l.note(n, items, true)
}

func (l *lists) concat(n *ir.Node) *ir.Value {
	items := slices.Clone(l.items[n.Args[0]])
	if len(items) == 0 {
		return nil
	}
	if n.Int("new_axis") != 0 {
		for i, v := range items {
			items[i] = l.b.New(ir.Unsqueeze, nil, v, l.b.Vector(int64(n.Int("axis"))))
		}
	}
	c, err := l.b.Add(ir.Concat, 1, ir.Attrs{"axis": n.Int("axis")}, nil, items...)
	if err != nil {
		return nil
	}
	return c.Out()
}
