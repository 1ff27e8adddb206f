package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// contribDomain is the domain of ONNX Runtime's own operators: what its optimizer writes, its quantizers, and the builders of language
// models. They are built from ONNX's, as the table contributed says.
const contribDomain = "com.microsoft"

// A contribution builds the results of an operator. What it needs of the attributes it takes; one that is left over is an error.
type contribution func(s *steps) []*ir.Value

// contributed are the operators of contribDomain, in files by family.
var contributed = map[string]contribution{}

func contribute(rows map[string]contribution) {
	for op, f := range rows {
		if contributed[op] != nil {
			panic("BUG: two ways to build " + op)
		}
		contributed[op] = f
	}
}

// isContributed reports whether the operator is one of ONNX Runtime's own, known or not. Some files leave their domain out.
func isContributed(domain, op string) bool {
	return domain == contribDomain || domain == "" && history[op] == nil && contributed[op] != nil
}

// Contributed are the names of the operators of ONNX Runtime's own that can be imported, sorted.
func Contributed() []string { return slices.Sorted(maps.Keys(contributed)) }

// contributedNode builds the results of n.
func (n *node) contributedNode() error {
	s := &steps{n: n}
	results := contributed[n.op](s)
	switch {
	case s.err != nil:
		return s.err
	case len(n.attrs) > 0:
		return fmt.Errorf("attribute %q is not supported", slices.Min(slices.Collect(maps.Keys(n.attrs))))
	}
	for len(results) < len(n.used) {
		results = append(results, nil)
	}
	n.results = results
	return nil
}

// fail makes err, the first one, that of all steps.
func (s *steps) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// required is argument i, of which an operator cannot do without.
func (s *steps) required(i int) *ir.Value {
	v := s.n.input(i)
	if v == nil && s.err == nil {
		s.err = errors.New("an input is missing")
	}
	return v
}

// ranked is argument i, of one of the numbers of dimensions given.
func (s *steps) ranked(i int, ranks ...int) *ir.Value {
	v := s.required(i)
	if s.err == nil && (!v.Type.Ranked() || !slices.Contains(ranks, v.Type.Rank())) {
		s.fail("input %d is %s: %d dimensions are wanted", i, v.Type, ranks[0])
	}
	return v
}

// sum is a + b, or what is there of them.
func (s *steps) sum(a, b *ir.Value) *ir.Value {
	switch {
	case b == nil:
		return a
	case a == nil:
		return b
	}
	return s.new("Add", nil, a, b)
}

// ints is an int64 vector.
func (s *steps) ints(xs ...int64) *ir.Value {
	return s.new("Const", ir.Attrs{"value": ir.Vector(xs...)})
}

// like is x as a constant of v's element type.
func (s *steps) like(v *ir.Value, x float64) *ir.Value {
	if s.err != nil {
		return nil
	}
	c, err := s.n.scalarLike(v, x)
	s.err = err
	return c
}
