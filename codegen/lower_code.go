package codegen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A class is a set of element types that a portable operator computes with.
type class struct {
	name string
	has  func(ir.Elem) bool
}

var (
	anyElem  = class{"", func(ir.Elem) bool { return true }}
	numbers  = class{"a number of Go", isNumber}
	floats   = class{"float32 or float64", isFloat}
	integers = class{"an integer of Go", func(e ir.Elem) bool { return isNumber(e) && e.IsInt() }}
	unsigned = class{"an unsigned integer of Go", func(e ir.Elem) bool { return isNumber(e) && e.IsUnsigned() }}
)

// isNumber reports whether Go computes with e.
func isNumber(e ir.Elem) bool {
	return isFloat(e) || e.IsInt() && e.Bits() >= 8
}

func isFloat(e ir.Elem) bool { return e == ir.F32 || e == ir.F64 }

// maxRank is that of package lib.
const maxRank = 8

// code is the lowering that writes statements of Go, in which
//
//	x0, x1 ..          are the arguments' slices, nil when absent
//	y, y1, y2          the results' slices, nil when nobody wants them
//	@axis              an attribute, as a Go literal; bool(@axis) compares it with 0
//	shape(x0)          its shape as []int; size(x0), rank(x0), elem(x0) likewise
//	int(x1), ints(x1)  the argument as an int or a slice of integers: numbers and dimensions that are known are written as such
//
// The first argument must be of the class.
func code(c class, lines ...string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if err := checkNode(n, c); err != nil {
			return err
		}
		for _, line := range lines {
			text, err := e.fill(n, line)
			if err != nil {
				return err
			}
			e.Line("%s", text)
		}
		return nil
	}
}

// checkNode refuses ranks and element types that the portable operators cannot serve.
func checkNode(n *ir.Node, c class) error {
	for _, v := range append(slices.Clone(n.Args), n.Results...) {
		if v == nil {
			continue
		}
		if v.Type.Kind != ir.Tensor || !v.Type.Ranked() {
			return fmt.Errorf("a value is %s: its rank is not known", v.Type)
		}
		if v.Type.Rank() > maxRank {
			return fmt.Errorf("a value has %d dimensions, more than %d", v.Type.Rank(), maxRank)
		}
	}
	if len(n.Args) > 0 && n.Args[0] != nil && !c.has(n.Args[0].Type.Elem) {
		return fmt.Errorf("elements are %s: %s is wanted", n.Args[0].Type.Elem, c.name)
	}
	return nil
}

// hole matches what fill replaces, and strings, which it leaves alone.
var hole = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b(?:shape|size|rank|elem|int|ints|bool)\((?:[xy]\d?|@\w+)\)|@\w+|\b[xy]\d?\b`)

// fill writes a node's own expressions into a line of code.
func (e *emitter) fill(n *ir.Node, line string) (string, error) {
	var bad error
	text := hole.ReplaceAllStringFunc(line, func(s string) string {
		r, err := e.expr(n, s)
		if err != nil {
			bad = err
		}
		return r
	})
	return text, bad
}

func (e *emitter) expr(n *ir.Node, s string) (string, error) {
	of, what, ok := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	switch {
	case s[0] == '"':
		return s, nil
	case ok && what[0] == '@':
		return strconv.FormatBool(n.Int(what[1:]) != 0), nil
	case !ok && s[0] == '@':
		return attrLiteral(n, s[1:])
	case !ok && s[0] == 'y':
		if i := digit(s); i < len(n.Results) {
			return e.Y(n, i), nil
		}
		return "nil", nil
	case !ok:
		if e.Has(n, digit(s)) {
			return e.X(n, digit(s)), nil
		}
		return "nil", nil
	}
	v := n.ArgAt(digit(what))
	if what[0] == 'y' {
		v = n.Results[digit(what)]
	}
	switch {
	case v == nil && of == "ints":
		return "[]int(nil)", nil
	case v == nil && of == "shape":
		return "nil", nil
	case v == nil:
		return "", fmt.Errorf("argument %s is missing", what)
	}
	switch of {
	case "shape":
		return e.Shape(v), nil
	case "size":
		return e.Size(v), nil
	case "rank":
		return strconv.Itoa(v.Type.Rank()), nil
	case "elem":
		return e.Elem(v), nil
	case "int":
		return e.Scalar(v), nil
	case "ints":
		return e.Vector(v), nil
	}
	panic("BUG: " + s)
}

// digit is the number at the end of x0 or y, 0 if there is none.
func digit(s string) int {
	if len(s) == 1 {
		return 0
	}
	return int(s[1] - '0')
}

func attrLiteral(n *ir.Node, name string) (string, error) {
	switch kind := n.Op.AttrKind(name); kind {
	case "int":
		return strconv.Itoa(n.Int(name)), nil
	case "float":
		return floatLiteral(n.Float(name)), nil
	case "ints":
		return literal(n.Ints(name)), nil
	case "string":
		return strconv.Quote(n.Str(name)), nil
	default:
		return "", fmt.Errorf("attribute %s is of kind %s", name, kind)
	}
}

// Scalar is the one element of v as an expression of type int.
func (e *emitter) Scalar(v *ir.Value) string {
	if ds, ok := v.SymbolicDims(); ok && len(ds) == 1 {
		return e.Dim(ds[0])
	}
	return "int(" + e.Val(v) + "[0])"
}

// Vector is v as a slice of integers of any type.
func (e *emitter) Vector(v *ir.Value) string {
	if ds, ok := v.SymbolicDims(); ok {
		return e.Dims(ds)
	}
	return e.Val(v)
}

// At is element i of v as an expression of type int.
func (e *emitter) At(v *ir.Value, i int) string {
	if s := v.Symbolic(); i < len(s) && s[i] != nil {
		return e.Dim(*s[i])
	}
	return fmt.Sprintf("int(%s[%d])", e.Val(v), i)
}

// DefineFresh writes the definition of each dimension that n brings into being in one of its results: expr is that of an axis. Where the
// model declares such a dimension, it writes a check that the model is right.
func (e *emitter) DefineFresh(n *ir.Node, result int, expr func(axis int) string) {
	shape := n.Results[result].Type.Shape
	var found []ir.Dim // what can be said without the declaration
	if ts, err := n.InferTypes(); err == nil && result < len(ts) {
		found = ts[result].Shape
	}
	for axis, d := range shape {
		if own(n, d) {
			e.Define(d, expr(axis))
		} else if axis < len(found) && own(n, found[axis]) {
			e.Call("declared", expr(axis), e.Dim(d))
		}
	}
}

// own reports whether n brings the dimension into being.
func own(n *ir.Node, d ir.Dim) bool {
	name, ok := d.Name()
	return ok && owns(n, name)
}

// sized is code for an operator whose result may have dimensions that only its data decides: each is the value of the expression
// size, in which AXIS is the axis' number, and dim(x0) that dimension of an argument.
func sized(c class, size string, lines ...string) lowering {
	write := code(c, lines...)
	return func(e *emitter, n *ir.Node) error {
		if err := checkNode(n, c); err != nil {
			return err
		}
		var bad error
		e.DefineFresh(n, 0, func(axis int) string {
			text, err := e.fill(n, e.fillAxis(n, size, axis))
			if err != nil {
				bad = err
			}
			return text
		})
		if bad != nil {
			return bad
		}
		return write(e, n)
	}
}

var axisHole = regexp.MustCompile(`AXIS|(?:dim|at)\(x\d\)`)

// fillAxis writes what belongs to one axis: dim(x0) is that dimension of an argument, aligned at the last one and 1 where there is
// none; at(x1) is that element of a vector.
func (e *emitter) fillAxis(n *ir.Node, size string, axis int) string {
	return axisHole.ReplaceAllStringFunc(size, func(s string) string {
		if s == "AXIS" {
			return strconv.Itoa(axis)
		}
		of, what, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
		v := n.ArgAt(digit(what))
		if of == "at" {
			return e.At(v, axis)
		}
		if k := axis - n.Out().Type.Rank() + v.Type.Rank(); k >= 0 {
			return e.Dim(v.Type.Shape[k])
		}
		return "1"
	})
}
