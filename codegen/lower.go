package codegen

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A lowering writes the Go statements that compute one node. It returns an error that names what it cannot serve: a type, an
// attribute. Operators that have none run as their expansion.
type lowering func(e *emitter, n *ir.Node) error

// lowerings are all operators that the code generator knows, each with the ways to lower it, the one to try first in front. Each
// lower_*.go adds its family by
//
//	var _ = register(portable, map[*ir.Op]lowering{...})
var lowerings = map[*ir.Op][]ranked{}

type ranked struct {
	rank rank
	low  lowering
}

// A rank says which of two lowerings of an operator is tried first: a portable one serves what a fast one cannot.
type rank int

const (
	portable rank = iota + 1
	fast
)

// register enters a family's table.
func register(r rank, family map[*ir.Op]lowering) bool {
	for op, low := range family {
		lowerings[op] = append(lowerings[op], ranked{r, low})
		slices.SortFunc(lowerings[op], func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	}
	return true
}

// An emitter writes the statements of one function of the package.
type emitter struct {
	g  *generator
	fn *function
	b  strings.Builder

	ready map[*ir.Value]bool // heap values whose slice has its size already
}

// Line writes one statement.
func (e *emitter) Line(format string, args ...any) { fmt.Fprintf(&e.b, "\t"+format+"\n", args...) }

// Call writes the statement fn(args...). Strings are Go expressions; other arguments are printed as Go literals.
func (e *emitter) Call(fn string, args ...any) { e.Line("%s", callText(fn, args)) }

func callText(fn string, args []any) string {
	s := make([]string, len(args))
	for i, a := range args {
		s[i] = literal(a)
	}
	return fn + "(" + strings.Join(s, ", ") + ")"
}

func literal(a any) string {
	switch x := a.(type) {
	case string:
		return x
	case float64:
		return floatLiteral(x)
	case []int:
		return intsLiteral(x)
	case []int64:
		ns := make([]int, len(x))
		for i, n := range x {
			ns[i] = int(n)
		}
		return intsLiteral(ns)
	}
	return fmt.Sprint(a)
}

// X is the slice of argument i, contiguous.
func (e *emitter) X(n *ir.Node, i int) string { return e.Val(n.Args[i]) }

// Has reports whether argument i is there.
func (e *emitter) Has(n *ir.Node, i int) bool { return n.ArgAt(i) != nil }

// Y is the slice of result i, to be filled. Where only data decides its size, all its dimensions must be defined by then.
func (e *emitter) Y(n *ir.Node, i int) string {
	v := n.Results[i]
	if e.g.onHeap(v) && !e.ready[v] {
		e.ready[v] = true
		size := e.Size(v)
		if !v.Type.Size().IsConst() {
			size = "room(" + e.Dims(v.Type.Shape) + ")"
		}
		e.Line("%s = grow(%s, %s)", e.Val(v), e.Val(v), size)
	}
	return e.Val(v)
}

// Val is the slice of a value.
func (e *emitter) Val(v *ir.Value) string { return e.g.valueExpr(e.fn, v) }

// CallDyn writes f.y, d.n7 = fn(args...) for a node whose first result's fresh dimensions only the call finds out: fn returns the
// slice, and then those dimensions in the order of the result's shape.
func (e *emitter) CallDyn(fn string, n *ir.Node, args ...any) {
	lhs := []string{e.Val(n.Out())}
	for _, name := range e.g.freshOf(n) {
		lhs = append(lhs, e.define(name))
	}
	e.ready[n.Out()] = true
	e.Line("%s = %s", strings.Join(lhs, ", "), callText(fn, args))
}

// Define writes d.n7 = expr for a dimension that the node itself brings into being.
func (e *emitter) Define(d ir.Dim, expr string) {
	name, ok := d.Name()
	if !ok {
		panic("BUG: a dimension is defined that is no name: " + d.String())
	}
	e.Line("%s = %s", e.define(name), expr)
}

// define is the variable of a dimension, which is to be assigned.
func (e *emitter) define(name string) string {
	e.g.defined[name] = true
	return "d." + e.g.dimField(name)
}

// Dim is a dimension as a Go expression of type int.
func (e *emitter) Dim(d ir.Dim) string { return e.g.dim(d) }

// Dims are dimensions as []int{...}.
func (e *emitter) Dims(ds []ir.Dim) string {
	s := make([]string, len(ds))
	for i, d := range ds {
		s[i] = e.Dim(d)
	}
	return "[]int{" + strings.Join(s, ", ") + "}"
}

// Shape is the shape of v as []int{...}.
func (e *emitter) Shape(v *ir.Value) string { return e.Dims(v.Type.Shape) }

// Size is the number of v's elements.
func (e *emitter) Size(v *ir.Value) string { return e.Dim(v.Type.Size()) }

// Product is the product of dimensions.
func (e *emitter) Product(ds []ir.Dim) string { return e.Dim(ir.Product(ds)) }

// Strides are the distances of v's elements along the axes of a result of that shape, as []int{...}: 0 where v is broadcast. Where
// only the run can tell whether it is, the expression asks.
func (e *emitter) Strides(v *ir.Value, shape []ir.Dim) string {
	s := make([]string, len(shape))
	own := v.Type.Shape
	step := ir.N(1)
	for i := len(shape) - 1; i >= 0; i-- {
		j := i - len(shape) + len(own)
		switch {
		case j < 0 || own[j].Is(1):
			s[i] = "0"
			continue
		case own[j].Equal(shape[i]) || own[j].IsConst():
			s[i] = e.Dim(step)
		default:
			s[i] = fmt.Sprintf("stride(%s, %s)", e.Dim(own[j]), e.Dim(step))
		}
		step = step.Mul(own[j])
	}
	return "[]int{" + strings.Join(s, ", ") + "}"
}

// Ints are integers as []int{...}.
func (e *emitter) Ints(ns []int64) string { return literal(ns) }

// Elem is the Go type of v's elements.
func (e *emitter) Elem(v *ir.Value) string { return goType(v.Type.Elem) }

// Ctx is the session's threads, the first argument of the fast kernels.
func (e *emitter) Ctx() string { return "s.ctx" }

var goTypes = map[ir.Elem]string{
	ir.F32: "float32", ir.F64: "float64", ir.I8: "int8", ir.I16: "int16", ir.I32: "int32", ir.I64: "int64",
	ir.U8: "uint8", ir.U16: "uint16", ir.U32: "uint32", ir.U64: "uint64", ir.Bool: "bool", ir.String: "string",
	ir.C64: "complex64", ir.C128: "complex128", ir.F16: "float16", ir.BF16: "bfloat16",
	ir.F8E4M3FN: "float8e4m3fn", ir.F8E4M3FNUZ: "float8e4m3fnuz", ir.F8E5M2: "float8e5m2", ir.F8E5M2FNUZ: "float8e5m2fnuz",
	ir.F8E8M0: "float8e8m0", ir.F4E2M1: "float4e2m1", ir.I4: "int4", ir.U4: "uint4", ir.I2: "int2", ir.U2: "uint2",
}

// goType is the Go type of one element in an emitted package.
func goType(e ir.Elem) string { return goTypes[e] }

func intsLiteral(ns []int) string {
	s := make([]string, len(ns))
	for i, n := range ns {
		s[i] = strconv.Itoa(n)
	}
	return "[]int{" + strings.Join(s, ", ") + "}"
}

// Lowerings says how op runs in a package other than as its expansion: as portable Go, by kernels in assembly, or either.
func Lowerings(op *ir.Op) (portably, byKernel bool) {
	for _, r := range lowerings[op] {
		portably = portably || r.rank == portable
		byKernel = byKernel || r.rank == fast
	}
	return portably, byKernel
}
