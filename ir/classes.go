package ir

import "fmt"

// A class is a set of element types that an argument may have.
type class struct {
	name string
	has  func(Elem) bool
}

var (
	number  = class{"a number", func(e Elem) bool { return e.IsInt() || e.IsFloat() }}
	float   = class{"a floating-point number", Elem.IsFloat}
	integer = class{"an integer", Elem.IsInt}
	boolean = class{"bool", func(e Elem) bool { return e == Bool }}
	ordered = class{"a number or bool", func(e Elem) bool { return e.IsInt() || e.IsFloat() || e == Bool }}
	anyElem = class{"a tensor", Elem.Valid}
)

// tensorAt is the type of argument i, which must be a tensor of the class; one of unknown element type passes.
func (n *Node) tensorAt(i int, c class) (Type, error) {
	t := n.TypeAt(i)
	name := fmt.Sprint(i)
	if i < len(n.Op.params) {
		name = n.Op.params[i].name
	}
	if t.Kind != Tensor {
		return t, fmt.Errorf("argument %s is %s instead of a tensor", name, t)
	}
	if t.Elem != NoElem && !c.has(t.Elem) {
		return t, fmt.Errorf("argument %s is %s: its elements must be %s", name, t, c.name)
	}
	return t, nil
}

// unary is the inference of an operator of one argument whose result is like it.
func unary(c class) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		t, err := n.tensorAt(0, c)
		return []Type{t}, err
	}
}

// floats is infer where the arguments of these numbers must be floating-point numbers.
func floats(infer func(n *Node) ([]Type, error), args ...int) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		for _, i := range args {
			if _, err := n.tensorAt(i, float); err != nil {
				return nil, err
			}
		}
		return infer(n)
	}
}

// variadic is the inference of an operator whose arguments are broadcast together and have one element type.
func variadic(c class) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		if len(n.Args) == 0 {
			return nil, fmt.Errorf("no arguments")
		}
		t, err := n.broadcastArgs(c)
		return []Type{t}, err
	}
}

// broadcastArgs is the type of all arguments broadcast together.
func (n *Node) broadcastArgs(c class) (Type, error) {
	ts := make([]Type, len(n.Args))
	at := make([]int, len(n.Args))
	for i := range n.Args {
		t, err := n.tensorAt(i, c)
		if err != nil {
			return t, err
		}
		ts[i], at[i] = t, i
	}
	e, err := n.SameElem(at...)
	if err != nil {
		return Type{}, err
	}
	return BroadcastTypes(e, ts...)
}

// compare is variadic with a result of booleans.
func compare(c class) func(n *Node) ([]Type, error) {
	return func(n *Node) ([]Type, error) {
		t, err := n.broadcastArgs(c)
		return []Type{t.With(Bool)}, err
	}
}
