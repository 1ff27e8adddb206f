package codegen

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// Sequences and optionals are slices of items, which are shared and never written to: what is put in is copied, what is taken out
// is not.
var _ = register(portable, map[*ir.Op]lowering{
	ir.SequenceEmpty: func(e *emitter, n *ir.Node) error {
		e.Line("%s = nil", e.Val(n.Out()))
		return nil
	},
	ir.SequenceConstruct: func(e *emitter, n *ir.Node) error {
		items := make([]string, len(n.Args))
		for i, a := range n.Args {
			items[i] = e.item(a)
		}
		e.Line("%s = []%s{%s}", e.Val(n.Out()), goCell(n.Out().Type), strings.Join(items, ", "))
		return nil
	},
	ir.SequenceAt: func(e *emitter, n *ir.Node) error {
		e.takeItem(n.Out(), fmt.Sprintf("itemAt(%s, %s)", e.X(n, 0), e.Scalar(n.Args[1])))
		return nil
	},
	ir.SequenceErase: func(e *emitter, n *ir.Node) error {
		place := "-1"
		if e.Has(n, 1) {
			place = e.Scalar(n.Args[1])
		}
		e.Line("%s = eraseItem(%s, %s)", e.Val(n.Out()), e.X(n, 0), place)
		return nil
	},
	ir.SequenceInsert: func(e *emitter, n *ir.Node) error {
		place := "len(" + e.X(n, 0) + ")"
		if e.Has(n, 2) {
			place = e.Scalar(n.Args[2])
		}
		e.Line("%s = insertItem(%s, %s, %s)", e.Val(n.Out()), e.X(n, 0), e.item(n.Args[1]), place)
		return nil
	},
	ir.SequenceLength: func(e *emitter, n *ir.Node) error {
		e.Line("%s[0] = int64(len(%s))", e.Y(n, 0), e.X(n, 0))
		return nil
	},
	ir.SplitToSequence:    lowerSplitToSequence,
	ir.ConcatFromSequence: lowerConcatFromSequence,
	ir.SequenceMap:        lowerSequenceMap,
	ir.OptionalNew: func(e *emitter, n *ir.Node) error {
		text := "nil"
		if e.Has(n, 0) {
			text = fmt.Sprintf("[]%s{%s}", goCell(n.Out().Type), e.item(n.Args[0]))
		}
		e.Line("%s = %s", e.Val(n.Out()), text)
		return nil
	},
	ir.OptionalGetElement: func(e *emitter, n *ir.Node) error {
		switch {
		case n.TypeAt(0).Kind == ir.Optional:
			e.takeItem(n.Out(), "heldItem("+e.X(n, 0)+")")
		case isList(n.TypeAt(0)):
			e.Line("%s = %s", e.Val(n.Out()), e.X(n, 0))
		default:
			e.Line("copy(%s, %s)", e.Y(n, 0), e.X(n, 0))
		}
		return nil
	},
	ir.OptionalHasElement: func(e *emitter, n *ir.Node) error {
		has := fmt.Sprint(e.Has(n, 0))
		if e.Has(n, 0) && n.TypeAt(0).Kind == ir.Optional {
			has = "len(" + e.X(n, 0) + ") > 0"
		}
		e.Line("%s[0] = %s", e.Y(n, 0), has)
		return nil
	},
})

// item is v as a new item.
func (e *emitter) item(v *ir.Value) string {
	if isList(v.Type) {
		return e.Val(v)
	}
	return fmt.Sprintf("itemOf(%s, %s)", e.Val(v), e.Shape(v))
}

// takeItem makes v what expr, an item or a list, holds.
func (e *emitter) takeItem(v *ir.Value, expr string) {
	if isList(v.Type) {
		e.Line("%s = %s", e.Val(v), expr)
		return
	}
	e.ready[v] = true
	e.Line("{")
	e.Line("item := %s", expr)
	e.takeShape(v)
	e.Line("%s = item.Data", e.Val(v))
	e.Line("}")
}

// takeShape defines those of v's dimensions that are not given otherwise as item's, which must have the others.
func (e *emitter) takeShape(v *ir.Value) {
	e.Line("checkRank(item.Shape, %d)", v.Type.Rank())
	seen := map[string]bool{}
	fixed := false
	for axis, d := range v.Type.Shape {
		name, ok := d.Name()
		if !ok || seen[name] || isInput(e.g.dimList, name) {
			fixed = true
			continue
		}
		seen[name] = true
		e.Define(d, fmt.Sprintf("item.Shape[%d]", axis))
	}
	if fixed {
		e.Line("checkItemShape(item.Shape, %s)", e.Shape(v))
	}
}

func lowerSplitToSequence(e *emitter, n *ir.Node) error {
	x := n.TypeAt(0)
	axis, err := ir.Axis(n.Int("axis"), x.Rank())
	if err != nil {
		return err
	}
	sizes, each, keep := "[]int(nil)", "1", true
	switch {
	case !e.Has(n, 1):
		keep = n.Int("keepdims") != 0
	case n.TypeAt(1).Rank() == 0:
		each = e.Scalar(n.Args[1])
	default:
		sizes = e.Vector(n.Args[1])
	}
	e.Line("%s = splitItems(%s, %s, %d, %s, %s, %t)", e.Val(n.Out()), e.X(n, 0), e.Shape(n.Args[0]), axis, sizes, each, keep)
	return nil
}

func lowerConcatFromSequence(e *emitter, n *ir.Node) error {
	e.takeItem(n.Out(), fmt.Sprintf("joinItems(%s, %d, %t)", e.X(n, 0), n.Int("axis"), n.Int("new_axis") != 0))
	return nil
}

func lowerSequenceMap(e *emitter, n *ir.Node) error {
	body := n.Bodies[0]
	for _, r := range body.Results {
		if isList(r.Type) {
			return errors.New("a sequence of sequences")
		}
	}
	for _, y := range n.Results {
		e.Line("%s = nil", e.Val(y))
	}
	e.Line("for i := range %s {", e.X(n, 0))
	for k, p := range body.Params {
		if x := n.Args[k]; x.Type.Kind == ir.Sequence {
			e.takeItem(p, fmt.Sprintf("itemAt(%s, i)", e.Val(x)))
		} else {
			e.set(p, x)
		}
	}
	e.block(body)
	for k, y := range n.Results {
		e.Line("%s = append(%s, %s)", e.Val(y), e.Val(y), e.item(body.Results[k]))
	}
	e.Line("}")
	return nil
}

// converted is v as a value of type t: one of the two may be an optional of the other's type.
func (e *emitter) converted(t ir.Type, v *ir.Value) string {
	switch {
	case goCell(t) == goCell(v.Type):
		return e.Val(v)
	case t.Kind == ir.Optional && goCell(*t.Of) == goCell(v.Type):
		return fmt.Sprintf("[]%s{%s}", goCell(t), e.item(v))
	case v.Type.Kind == ir.Optional && isList(t) && goCell(*v.Type.Of) == goCell(t):
		return "heldItem(" + e.Val(v) + ")"
	}
	return ""
}

// carriesAll is carries for all that a loop carries: what it begins with, what a round gives, what comes out.
func (e *emitter) carriesAll(n *ir.Node, params, results []*ir.Value) error {
	for i, p := range params {
		if err := errors.Join(e.carries(p, n.Args[2+i]), e.carries(p, results[i]), e.carries(n.Results[i], p)); err != nil {
			return err
		}
	}
	return nil
}

// carries says why a value of one type cannot become one of another, from one round of a loop to the next.
func (e *emitter) carries(to, from *ir.Value) error {
	if !isList(to.Type) && !isList(from.Type) || e.converted(to.Type, from) != "" {
		return nil
	}
	return fmt.Errorf("a value of type %s becomes %s", from.Type, to.Type)
}
