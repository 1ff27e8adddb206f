package runtime

import "github.com/gpamc/gpamc/ir"

// A Value is a *Tensor, a *Sequence or an *Optional; an argument that is absent is nil.
type Value interface {
	Type() ir.Type
}

// A Sequence is a list of values of one type.
type Sequence struct {
	Of    ir.Type // of the elements; their shapes may differ
	Items []Value
}

// Type is seq(T).
func (s *Sequence) Type() ir.Type { return ir.SequenceOf(s.Of) }

// An Optional has a value or none.
type Optional struct {
	Of    ir.Type
	Value Value // nil when there is none
}

// Type is opt(T).
func (o *Optional) Type() ir.Type { return ir.OptionalOf(o.Of) }
