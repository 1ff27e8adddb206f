package ir

import (
	"slices"
	"strings"
)

// Kind says what a Type is a type of.
type Kind uint8

const (
	Tensor   Kind = iota // Elem and Shape hold
	Sequence             // of Of
	Optional             // of Of
)

// A Type is the type of a value: a tensor's element type and shape, or a sequence or an optional of another type. The zero Type is
// unknown.
type Type struct {
	Kind     Kind
	Elem     Elem
	Shape    []Dim
	Unranked bool // not even the number of dimensions is known; Shape is nil
	Of       *Type
}

// T is the type of a tensor.
func T(e Elem, shape ...Dim) Type { return Type{Elem: e, Shape: shape} }

// TN is the type of a tensor whose dimensions are numbers.
func TN(e Elem, shape ...int) Type { return Type{Elem: e, Shape: Dims(shape...)} }

// Unranked is the type of a tensor of which only the element type is known.
func Unranked(e Elem) Type { return Type{Elem: e, Unranked: true} }

// SequenceOf is the type of a sequence.
func SequenceOf(t Type) Type { return Type{Kind: Sequence, Of: &t} }

// OptionalOf is the type of an optional.
func OptionalOf(t Type) Type { return Type{Kind: Optional, Of: &t} }

// Known reports whether t says anything.
func (t Type) Known() bool { return t.Kind != Tensor || t.Elem != NoElem }

// Ranked reports whether t is a tensor whose number of dimensions is known.
func (t Type) Ranked() bool { return t.Kind == Tensor && t.Elem != NoElem && !t.Unranked }

// Rank is the number of dimensions, -1 when it is not known.
func (t Type) Rank() int {
	if !t.Ranked() {
		return -1
	}
	return len(t.Shape)
}

// Static returns the shape as numbers, if all are.
func (t Type) Static() ([]int, bool) {
	if !t.Ranked() {
		return nil, false
	}
	ns := make([]int, len(t.Shape))
	for i, d := range t.Shape {
		n, ok := d.Const()
		if !ok {
			return nil, false
		}
		ns[i] = n
	}
	return ns, true
}

// Size is the number of elements of a ranked tensor.
func (t Type) Size() Dim { return Product(t.Shape) }

// Product is the product of the dimensions.
func Product(ds []Dim) Dim {
	p := N(1)
	for _, d := range ds {
		p = p.Mul(d)
	}
	return p
}

// Equal reports whether the two types are the same.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Elem != u.Elem || t.Unranked != u.Unranked || (t.Of == nil) != (u.Of == nil) {
		return false
	}
	return EqualDims(t.Shape, u.Shape) && (t.Of == nil || t.Of.Equal(*u.Of))
}

// EqualDims reports whether the two shapes are the same expressions.
func EqualDims(a, b []Dim) bool { return slices.EqualFunc(a, b, Dim.Equal) }

// With returns the tensor type with another element type.
func (t Type) With(e Elem) Type { t.Elem = e; return t }

// Subst replaces names of dimensions by what env has for them.
func (t Type) Subst(env map[string]Dim) Type {
	if len(env) == 0 {
		return t
	}
	t.Shape = slices.Clone(t.Shape)
	for i := range t.Shape {
		t.Shape[i] = t.Shape[i].Subst(env)
	}
	if t.Of != nil {
		of := t.Of.Subst(env)
		t.Of = &of
	}
	return t
}

// String is the type as the text form has it: f32[b,seq,8], f32[] for a scalar, f32[...] when the rank is not known, seq(T), opt(T).
func (t Type) String() string {
	switch t.Kind {
	case Sequence:
		return "seq(" + t.Of.String() + ")"
	case Optional:
		return "opt(" + t.Of.String() + ")"
	}
	if t.Unranked {
		return t.Elem.String() + "[...]"
	}
	return t.Elem.String() + "[" + JoinDims(t.Shape) + "]"
}

// JoinDims prints dimensions with commas between them.
func JoinDims(ds []Dim) string {
	s := make([]string, len(ds))
	for i, d := range ds {
		s[i] = d.String()
	}
	return strings.Join(s, ",")
}
