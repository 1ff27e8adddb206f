package codegen

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A generator is one attempt to emit a package. A node that its lowering cannot serve is noted; the next attempt expands or widens it.
type generator struct {
	p       *ir.Program
	opts    Options
	fns     []*function
	plans   map[*function]*plan
	slotOf  map[*ir.Value]int
	names   *namer                  // names at the top of the package
	fields  map[*function]*namer    // names in a function's frame
	field   map[*ir.Value]string    // of values in a frame
	groups  map[*ir.Value]*ir.Value // results of calls that share memory, see group
	dimName map[string]string       // Go names of dimensions
	dimList []string
	consts  map[string]string // content to name
	constGo []string          // their declarations
	blocks  map[string]string // the functions of regions, body to name
	blockGo []string          // their declarations
	weights weightTable
	outputs []string           // Go expressions of the results
	nested  map[*ir.Value]bool // values of control flow and in its bodies
	failed  map[*ir.Node]error
	asked   map[string]bool // names of dimensions that steps read
	defined map[string]bool // those that steps find out
	sizes   map[string]bool // by their first fresh name, nodes that others ask for sizes
	whole   map[int]bool    // nodes, by their number, whose arguments must be in memory
	steps   []Step          // whose time is measured
	states  []*state        // what sessions keep
	prepare string          // the body of prepare
}

func newGenerator(p *ir.Program, opts Options, states []state) *generator {
	g := &generator{p: p, opts: opts, plans: map[*function]*plan{}, slotOf: map[*ir.Value]int{}, fields: map[*function]*namer{},
		field: map[*ir.Value]string{}, groups: map[*ir.Value]*ir.Value{}, dimName: map[string]string{},
		consts: map[string]string{}, blocks: map[string]string{}, failed: map[*ir.Node]error{}, nested: map[*ir.Value]bool{}, asked: map[string]bool{}, defined: map[string]bool{}}
	for _, s := range states {
		s.value = p.Main.Params[s.value.Index]
		g.states = append(g.states, &s)
	}
	g.names = newNamer(loadLibrary(opts).names(), reserved)
	g.nameDims()
	g.findSizes()
	return g
}

func (g *generator) main() *function { return g.fns[0] }

// nameDims gives every name of a dimension a field of the emitted dims.
func (g *generator) nameDims() {
	set := map[string]bool{}
	add := func(t ir.Type) {
		for _, d := range t.Shape {
			d.Names(set)
		}
	}
	for _, p := range g.p.Main.Params {
		add(p.Type)
	}
	for _, s := range g.states {
		set[s.past] = true
	}
	params := sortedKeys(set)
	g.p.Main.Walk(func(f *ir.Func, n *ir.Node) {
		for _, r := range n.Results {
			add(r.Type)
			if f != g.p.Main || len(n.Bodies) > 0 {
				g.nested[r] = true
			}
		}
		for _, b := range n.Bodies {
			for _, v := range b.Params {
				add(v.Type)
				g.nested[v] = true
			}
		}
	})
	names := newNamer(map[string]bool{})
	for _, name := range sortedKeys(set) {
		if slices.Contains(params, name) {
			g.dimName[name] = names.take(goName(name, false), "n")
			g.dimList = append(g.dimList, name)
		}
	}
	for _, name := range sortedKeys(set) {
		if !slices.Contains(params, name) {
			g.dimName[name] = names.take("n"+strings.ReplaceAll(strings.TrimPrefix(name, "?"), ".", "x"), "n")
		}
	}
}

// inputDims are the names of dimensions that inputs have, in the order of the text.
func (g *generator) inputDims() []string { return g.dimList }

func (g *generator) dimField(name string) string {
	f, ok := g.dimName[name]
	if !ok {
		panic("BUG: a dimension without a name: " + name)
	}
	return f
}

// undefined fails the nodes whose results have a size that steps ask for and none finds out: the model can say of a result how many
// dimensions it has where inference cannot, and then the node's lowering need not know how to tell them.
func (g *generator) undefined() {
	if len(g.failed) > 0 { // what is lowered next time may find them out
		return
	}
	for _, v := range g.p.Main.Results {
		for _, d := range v.Type.Shape {
			d.Names(g.asked)
		}
	}
	g.p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		for _, v := range n.Results {
			names := map[string]bool{}
			for _, d := range v.Type.Shape {
				d.Names(names)
			}
			for name := range names {
				if g.asked[name] && !g.defined[name] && !isInput(g.dimList, name) && g.failed[n] == nil {
					g.failed[n] = fmt.Errorf("the sizes of its result %s are not known", v.Type)
				}
			}
		}
	})
}

// owns reports whether the dimension of that name is one that n brings into being.
func owns(n *ir.Node, name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return first == n.Fresh(0).String()
}

// freshOf are the names of the dimensions that n brings into being in its first result, in the order of the shape.
func (g *generator) freshOf(n *ir.Node) (names []string) {
	for _, d := range n.Out().Type.Shape {
		name, ok := d.Name()
		if ok && owns(n, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// onHeap reports whether v cannot be in the arena: only data decides its size, or it holds pointers.
func (g *generator) onHeap(v *ir.Value) bool {
	if v.Type.Elem == ir.String || g.nested[v] || isList(v.Type) {
		return true
	}
	set := map[string]bool{}
	for _, d := range v.Type.Shape {
		d.Names(set)
	}
	for name := range set {
		if strings.HasPrefix(name, "?") && !slices.Contains(g.dimList, name) {
			return true
		}
	}
	return false
}

// A goExpr is a Go expression with how strongly it binds: 3 for an operand, 2 for a product, 1 for a sum.
type goExpr struct {
	s    string
	prec int
}

// dim is a dimension as a Go expression.
func (g *generator) dim(d ir.Dim) string {
	return ir.Walk(d, ir.Walker[goExpr]{
		Num: func(n int) goExpr { return goExpr{strconv.Itoa(n), 3} },
		Name: func(s string) goExpr {
			g.asked[s] = true
			return goExpr{"d." + g.dimField(s), 3}
		},
		Bin: func(op string, x, y goExpr) goExpr {
			if op == "min" || op == "max" {
				return goExpr{fmt.Sprintf("%s(%s, %s)", op, x.s, y.s), 3}
			}
			prec := 2
			if op == "+" || op == "-" {
				prec = 1
			}
			return goExpr{paren(x, prec) + op + paren(y, prec+1), prec}
		},
	}).s
}

func paren(x goExpr, prec int) string {
	if x.prec < prec {
		return "(" + x.s + ")"
	}
	return x.s
}

// group is the value that stands for v's memory among the results of calls: where a loop of calls passes a value on, the odd ones and
// the even ones share.
func (g *generator) group(v *ir.Value) *ir.Value {
	if to := g.groups[v]; to != nil {
		return to
	}
	return v
}

// valueExpr is the slice that holds v, as seen from fn.
func (g *generator) valueExpr(fn *function, v *ir.Value) string {
	v = g.plans[fn].storage(v)
	if ref := fn.refs[v]; ref != "" {
		return ref
	}
	v = g.group(v)
	switch {
	case v.Is(ir.Const):
		return g.constExpr(fn, v)
	case v.Is(ir.Weight):
		return g.weightExpr(fn, v, plainLayout)
	}
	if name, ok := g.field[v]; ok {
		return "f." + name
	}
	if _, ok := g.slotOf[v]; !ok {
		panic(fmt.Sprintf("BUG: %s has no memory in %s", describe(v), fn.name))
	}
	names := g.fields[fn]
	if names == nil {
		names = newNamer(map[string]bool{})
		g.fields[fn] = names
	}
	g.field[v] = names.take(fieldName(v), "v")
	return "f." + g.field[v]
}

func describe(v *ir.Value) string {
	if v.Def == nil {
		return "parameter " + v.Name
	}
	return fmt.Sprintf("result %d of %s %q", v.Index, v.Def.Op.Name, v.Def.Name)
}

// fieldName says which operator made v.
func fieldName(v *ir.Value) string {
	if v.Def == nil {
		return cmp.Or(goName(v.Name, false), "param")
	}
	name := v.Def.Op.Name
	return strings.ToLower(name[:1]) + name[1:]
}

// maxLiteral is the number of elements up to which a constant is a literal in the source.
const maxLiteral = 64

// constExpr is a slice with the elements of a constant, as seen from fn.
func (g *generator) constExpr(fn *function, v *ir.Value) string {
	if s, ok := v.Def.Attrs["value"].(ir.SymData); ok {
		elems := make([]string, len(s.Dims))
		for i, d := range s.Dims {
			elems[i] = "int64(" + g.dim(d) + ")"
		}
		return "[]int64{" + strings.Join(elems, ", ") + "}"
	}
	d := v.Const()
	if d.Len() > maxLiteral && d.Elem != ir.String {
		return g.weightExpr(fn, v, plainLayout)
	}
	elems := make([]string, d.Len())
	for i := range elems {
		elems[i] = elemLiteral(d, i)
	}
	text := "[]" + goType(d.Elem) + "{" + strings.Join(elems, ", ") + "}"
	if d.Len() == 0 {
		return text
	}
	name, ok := g.consts[text]
	if !ok {
		name = g.names.take("const1", "const1")
		g.consts[text] = name
		g.constGo = append(g.constGo, fmt.Sprintf("var %s = %s", name, text))
	}
	return name
}

// elemLiteral is an element as a Go expression of its type.
func elemLiteral(d *ir.Data, i int) string {
	switch e := d.Elem; {
	case e == ir.String:
		return strconv.Quote(d.Str[i])
	case e == ir.Bool:
		return strconv.FormatBool(d.Int(i) != 0)
	case e == ir.F32 || e == ir.F64:
		x := d.Float(i)
		if math.IsNaN(x) || math.IsInf(x, 0) || x == 0 && math.Signbit(x) {
			if e == ir.F32 {
				return fmt.Sprintf("math.Float32frombits(%#x)", math.Float32bits(float32(x)))
			}
			return fmt.Sprintf("math.Float64frombits(%#x)", math.Float64bits(x))
		}
		bits := 64
		if e == ir.F32 {
			bits = 32
		}
		return strconv.FormatFloat(x, 'g', -1, bits)
	case e.IsComplex():
		c := d.Complex(i)
		return fmt.Sprintf("complex(%s, %s)", floatLiteral(real(c)), floatLiteral(imag(c)))
	case e == ir.U64:
		return strconv.FormatUint(uint64(d.Int(i)), 10)
	case e.IsInt():
		return strconv.FormatInt(d.Int(i), 10)
	case e.Size() == 2:
		return fmt.Sprintf("%#04x", uint16(d.Bytes()[2*i])|uint16(d.Bytes()[2*i+1])<<8)
	}
	return fmt.Sprintf("%#02x", d.Bytes()[i])
}

// floatLiteral is x as a Go expression.
func floatLiteral(x float64) string {
	switch {
	case math.IsNaN(x):
		return "math.NaN()"
	case math.IsInf(x, 0):
		return fmt.Sprintf("math.Inf(%+d)", int(math.Copysign(1, x)))
	case x == 0 && math.Signbit(x):
		return "math.Copysign(0, -1)"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
