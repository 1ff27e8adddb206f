package ir

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// inlineConst is the number of elements up to which a constant is printed where it is used.
const inlineConst = 8

// String is the program as text: its function. Weights appear by name and type.
func (p *Program) String() string { return p.Main.String() }

// String is f as text that Parse reads. Results of nodes are numbered in order; parameters keep their names.
func (f *Func) String() string {
	var b strings.Builder
	f.Print(&b, false)
	return b.String()
}

// Print writes f as text; with names, the nodes' names stand behind them as comments.
func (f *Func) Print(w io.Writer, names bool) {
	p := &printer{w: w, ids: map[*Value]string{}, taken: map[string]bool{}, names: names}
	fmt.Fprintf(w, "func %s", ident(f.Name))
	p.body(f, "")
	io.WriteString(w, "\n")
}

type printer struct {
	w     io.Writer
	ids   map[*Value]string
	taken map[string]bool
	count int
	names bool
}

func (p *printer) body(f *Func, indent string) {
	for _, v := range f.Params {
		name := v.Name
		for i := 2; name == "" || p.taken[name]; i++ {
			name = fmt.Sprintf("%s_%d", cmpOr(v.Name, "p"), i)
		}
		p.taken[name] = true
		p.ids[v] = ident(name)
	}
	params := make([]string, len(f.Params))
	for i, v := range f.Params {
		params[i] = p.ids[v] + " " + v.Type.String()
	}
	fmt.Fprintf(p.w, "(%s) {\n", strings.Join(params, ", "))
	for _, n := range f.Nodes {
		if inline(n) {
			continue
		}
		p.node(n, indent+"    ")
	}
	results := make([]string, len(f.Results))
	for i, v := range f.Results {
		results[i] = p.ref(v, true)
		if name := f.ResultName(i); name != "" {
			results[i] = ident(name) + "=" + results[i]
		}
	}
	fmt.Fprintf(p.w, "%s    return%s\n%s}", indent, leftPad(strings.Join(results, ", ")), indent)
}

func leftPad(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// inline reports whether n is a constant that is printed where it is used.
func inline(n *Node) bool {
	if n.Op != Const {
		return false
	}
	switch v := n.Attrs["value"].(type) {
	case *Data:
		return v.Len() <= inlineConst
	case SymData:
		return len(v.Dims) <= inlineConst
	}
	return false
}

func (p *printer) node(n *Node, indent string) {
	lhs := make([]string, len(n.Results))
	for i, v := range n.Results {
		p.count++
		for p.taken[fmt.Sprintf("v%d", p.count)] {
			p.count++
		}
		p.ids[v] = fmt.Sprintf("v%d", p.count)
		lhs[i] = p.ids[v]
		if v.Type.Known() {
			lhs[i] += " " + v.Type.String()
		}
	}
	args := make([]string, len(n.Args))
	typed := untypedElem(n)
	for i, a := range n.Args {
		args[i] = p.arg(a, typed)
	}
	fmt.Fprintf(p.w, "%s%s = %s(%s)%s", indent, strings.Join(lhs, ", "), n.Op.Name, strings.Join(args, ", "), n.attrsText())
	for i, b := range n.Bodies {
		fmt.Fprintf(p.w, " %s=func", n.Op.bodies[i])
		p.body(b, indent)
	}
	if p.names && n.Name != "" {
		fmt.Fprintf(p.w, "  # %s", strings.ReplaceAll(n.Name, "\n", " "))
	}
	io.WriteString(p.w, "\n")
}

// untypedElem is the element type that a bare number among n's arguments has: that of the first argument that is no inline constant.
func untypedElem(n *Node) Elem {
	for _, a := range n.Args {
		if a != nil && a.Type.Kind == Tensor && (a.Def == nil || !inline(a.Def)) {
			return a.Type.Elem
		}
	}
	return I64
}

// arg prints an argument; a scalar constant of type bare is a bare number.
func (p *printer) arg(v *Value, bare Elem) string {
	if v == nil {
		return "_"
	}
	if d := v.Const(); d != nil && inline(v.Def) && len(d.Shape) == 0 && d.Elem == bare && bare != String && bare != Bool && !bare.IsComplex() {
		return elemText(d, 0)
	}
	return p.ref(v, false)
}

func (p *printer) ref(v *Value, _ bool) string {
	if v == nil {
		return "_"
	}
	if id, ok := p.ids[v]; ok {
		return id
	}
	if v.Def != nil && inline(v.Def) {
		return attrText(v.Def.Attrs["value"])
	}
	return "!" + ident(cmpOr(v.Name, "undefined")) // only in a function that does not verify
}

func (n *Node) attrsText() string {
	var b strings.Builder
	for _, a := range n.Op.attrs {
		if v, ok := n.Attrs[a.name]; ok {
			b.WriteString(" " + a.name + "=" + attrText(v))
		}
	}
	return b.String()
}

func attrText(v any) string {
	switch x := v.(type) {
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return floatText(x)
	case string:
		return strconv.Quote(x)
	case []int64:
		return "[" + join(x, func(n int64) string { return strconv.FormatInt(n, 10) }) + "]"
	case []float64:
		return "[" + join(x, floatText) + "]"
	case []string:
		return "[" + join(x, strconv.Quote) + "]"
	case Type:
		return x.String()
	case SymData:
		if x.Scalar {
			return "dim(" + x.Dims[0].String() + ")"
		}
		return "[" + JoinDims(x.Dims) + "]"
	case *Data:
		elems := make([]string, x.Len())
		for i := range elems {
			elems[i] = elemText(x, i)
		}
		body := strings.Join(elems, ",")
		if x.Elem == I64 && len(x.Shape) == 1 {
			return "[" + body + "]"
		}
		return x.Type().String() + "{" + body + "}"
	}
	return fmt.Sprint(v)
}

func join[T any](xs []T, text func(T) string) string {
	s := make([]string, len(xs))
	for i, x := range xs {
		s[i] = text(x)
	}
	return strings.Join(s, ",")
}

func floatText(x float64) string {
	s := strconv.FormatFloat(x, 'g', -1, 64)
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return strings.ToLower(strings.TrimPrefix(s, "+"))
	}
	return s
}

func elemText(d *Data, i int) string {
	switch e := d.Elem; {
	case e == String:
		return strconv.Quote(d.Str[i])
	case e.IsComplex():
		c := d.Complex(i)
		return floatText(real(c)) + "|" + floatText(imag(c))
	case e == F32:
		x := d.Float(i)
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return floatText(x)
		}
		return strconv.FormatFloat(x, 'g', -1, 32)
	case e.IsFloat():
		return floatText(d.Float(i))
	case e == U64:
		return strconv.FormatUint(uint64(d.Int(i)), 10)
	}
	return strconv.FormatInt(d.Int(i), 10)
}

// ident quotes a name that is no identifier of the text form.
func ident(s string) string {
	if isIdent(s) && !slices.Contains([]string{"_", "func", "return", "dim", "inf", "nan"}, s) {
		return s
	}
	return strconv.Quote(s)
}

func isIdent(s string) bool {
	for i, r := range s {
		if !identRune(r, i == 0) {
			return false
		}
	}
	return s != ""
}

func identRune(r rune, first bool) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || !first && (r >= '0' && r <= '9' || r == '.')
}
