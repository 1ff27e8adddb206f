package ir

import "math"

import "slices"

// Symbolic returns the elements of v as dimensions where the program's shapes decide them: what exporters compute with Shape, Gather
// and Concat before a Reshape. An element that is not known is nil; so is the whole when nothing is. Only integers and booleans of
// few elements are followed.
func (v *Value) Symbolic() []*Dim {
	if v == nil || v.Def == nil {
		return nil
	}
	if !v.symOK {
		v.sym, v.symOK = symbolic(v), true
	}
	return v.sym
}

// SymbolicDims is Symbolic when every element is known.
func (v *Value) SymbolicDims() ([]Dim, bool) {
	sym := v.Symbolic()
	if sym == nil {
		return nil, false
	}
	ds := make([]Dim, len(sym))
	for i, d := range sym {
		if d == nil {
			return nil, false
		}
		ds[i] = *d
	}
	return ds, true
}

// ConstInts returns the integers that v is known to hold.
func (v *Value) ConstInts() ([]int64, bool) {
	ds, ok := v.SymbolicDims()
	if !ok {
		return nil, false
	}
	ns := make([]int64, len(ds))
	for i, d := range ds {
		n, ok := d.Const()
		if !ok {
			return nil, false
		}
		ns[i] = int64(n)
	}
	return ns, true
}

// maxSymbolic is the number of elements up to which contents are followed: far more than any shape has.
const maxSymbolic = 256

func symbolic(v *Value) []*Dim {
	e := v.Type.Elem
	// Narrower and unsigned integers wrap where dimensions do not.
	if v.Type.Kind != Tensor || e != I64 && e != I32 && e != Bool {
		return nil
	}
	if v.Def.Op.Name == "Split" {
		return symSplit(v)
	}
	if v.Index != 0 {
		return nil
	}
	if n, ok := v.Type.Size().Const(); v.Type.Ranked() && ok && n > maxSymbolic {
		return nil
	}
	if f := symbolicOps[v.Def.Op.Name]; f != nil {
		if out := f(v.Def); len(out) <= maxSymbolic {
			return out
		}
	}
	return nil
}

// symbolicOps follow contents through an operator. By name: the table refers to Infer, which refers to this.
var symbolicOps map[string]func(n *Node) []*Dim

func init() {
	first := func(n *Node) []*Dim { return n.Args[0].Symbolic() }
	symbolicOps = map[string]func(n *Node) []*Dim{
		"Const": symConst, "Shape": symShape, "Size": symSize, "Gather": symGather, "Slice": symSlice, "Concat": symConcat,
		"Where": symWhere, "Expand": symFill, "ConstantOfShape": symFill, "Range": symRange, "Cast": symCast,
		"Identity": first, "Unsqueeze": first, "Squeeze": first, "Reshape": first, "Flatten": first,
		"Add": symBinary(func(x, y Dim) (Dim, bool) { return x.Add(y), true }),
		"Sub": symBinary(func(x, y Dim) (Dim, bool) { return x.Sub(y), true }),
		"Mul": symBinary(func(x, y Dim) (Dim, bool) { return x.Mul(y), true }),
		"Div": symBinary(symDiv),
		"Mod": symBinary(func(x, y Dim) (Dim, bool) {
			if !x.nonNegative() || !y.positive() {
				return Dim{}, false
			}
			return x.Mod(y)
		}),
		"Min":            symBinary(func(x, y Dim) (Dim, bool) { return x.Min(y), true }),
		"Max":            symBinary(func(x, y Dim) (Dim, bool) { return x.Max(y), true }),
		"Equal":          symCompare(func(d int64) bool { return d == 0 }, false, false),
		"Greater":        symCompare(func(d int64) bool { return d > 0 }, true, false),
		"Less":           symCompare(func(d int64) bool { return d < 0 }, false, true),
		"GreaterOrEqual": symCompare(func(d int64) bool { return d >= 0 }, true, false),
		"LessOrEqual":    symCompare(func(d int64) bool { return d <= 0 }, false, true),
		"And":            symBinary(func(x, y Dim) (Dim, bool) { return x.Mul(y), true }),
		"Or":             symBinary(func(x, y Dim) (Dim, bool) { return x.Add(y).Min(N(1)), true }),
		"Not":            symUnary(func(x Dim) Dim { return N(1).Sub(x) }),
		"Neg":            symUnary(Dim.Neg),
		"Abs":            symAbs,
		"ReduceProd":     symProd,
		"Transpose":      symTranspose,
	}
}

func known(ds ...Dim) []*Dim {
	out := make([]*Dim, len(ds))
	for i := range ds {
		out[i] = &ds[i]
	}
	return out
}

func symConst(n *Node) []*Dim {
	if s, ok := n.Attrs["value"].(SymData); ok {
		return known(s.Dims...)
	}
	d := n.Data("value")
	if d.Len() > maxSymbolic {
		return nil
	}
	out := make([]Dim, d.Len())
	for i := range out {
		out[i] = Dim{c: d.Int(i)}
	}
	return known(out...)
}

func symShape(n *Node) []*Dim {
	t := n.TypeAt(0)
	if !t.Ranked() {
		return nil
	}
	lo, hi := clampRange(n.Int("start"), n.attr("end"), t.Rank())
	return known(append([]Dim{}, t.Shape[lo:hi]...)...)
}

// clampRange resolves Shape's start and end against the rank.
func clampRange(start int, end any, rank int) (lo, hi int) {
	hi = rank
	if e, ok := end.(int64); ok {
		hi = int(e)
	}
	fix := func(i int) int {
		if i < 0 {
			i += rank
		}
		return min(max(i, 0), rank)
	}
	lo, hi = fix(start), fix(hi)
	return lo, max(lo, hi)
}

func symSize(n *Node) []*Dim {
	if t := n.TypeAt(0); t.Ranked() {
		return known(t.Size())
	}
	return nil
}

func symGather(n *Node) []*Dim {
	x, idx := n.Args[0].Symbolic(), n.Args[1].Symbolic()
	if x == nil || idx == nil || n.TypeAt(0).Rank() != 1 {
		return nil
	}
	out := make([]*Dim, len(idx))
	for i, d := range idx {
		if d == nil {
			continue
		}
		k, ok := d.Const()
		if k < 0 {
			k += len(x)
		}
		if ok && k >= 0 && k < len(x) {
			out[i] = x[k]
		}
	}
	return out
}

func symSlice(n *Node) []*Dim {
	x := n.Args[0].Symbolic()
	starts, ok1 := n.ArgAt(1).ConstInts()
	ends, ok2 := n.ArgAt(2).ConstInts()
	sizes, ok3 := numbers(n.TypeAt(0))
	if x == nil || !ok1 || !ok2 || !ok3 || len(sizes) == 0 || len(starts) != 1 || len(ends) != 1 {
		return nil
	}
	axis, step := 0, int64(1)
	if n.ArgAt(3) != nil {
		axes, ok := n.ArgAt(3).ConstInts()
		if !ok || len(axes) != 1 {
			return nil
		}
		at, err := Axis(int(axes[0]), len(sizes))
		if err != nil {
			return nil
		}
		axis = at
	}
	if n.ArgAt(4) != nil {
		steps, ok := n.ArgAt(4).ConstInts()
		if !ok || len(steps) != 1 || steps[0] == 0 {
			return nil
		}
		step = steps[0]
	}
	lo, count := sliceRange(starts[0], ends[0], step, int64(sizes[axis]))
	row := 1
	for _, size := range sizes[axis+1:] {
		row *= size
	}
	var out []*Dim
	for block := 0; block < len(x); block += sizes[axis] * row {
		for i := range count {
			at := block + int(lo+i*step)*row
			out = append(out, x[at:at+row]...)
		}
	}
	return out
}

// symTranspose turns tables of numbers, as exporters do with the amounts of a Pad, which PyTorch counts from the last axis on.
func symTranspose(n *Node) []*Dim {
	x := n.Args[0].Symbolic()
	sizes, ok := numbers(n.TypeAt(0))
	if x == nil || !ok {
		return nil
	}
	perm := n.Ints("perm")
	if perm == nil {
		for i := len(sizes) - 1; i >= 0; i-- {
			perm = append(perm, int64(i))
		}
	}
	steps, step := make([]int, len(sizes)), 1
	for i := len(sizes) - 1; i >= 0; i-- {
		steps[i] = step
		step *= sizes[i]
	}
	at := []int{0} // where the elements before each axis of the result begin in x
	for _, p := range perm {
		var next []int
		for _, from := range at {
			for i := range sizes[p] {
				next = append(next, from+i*steps[p])
			}
		}
		at = next
	}
	out := make([]*Dim, len(at))
	for i, from := range at {
		out[i] = x[from]
	}
	return out
}

// numbers are the sizes of a tensor if all of them are numbers.
func numbers(t Type) ([]int, bool) {
	if !t.Ranked() {
		return nil, false
	}
	sizes := make([]int, len(t.Shape))
	for i, d := range t.Shape {
		n, ok := d.Const()
		if !ok {
			return nil, false
		}
		sizes[i] = n
	}
	return sizes, true
}

// symSplit is the part v of a vector, behind those before it.
func symSplit(v *Value) []*Dim {
	x := v.Def.Args[0].Symbolic()
	from := 0
	for _, part := range v.Def.Results[:v.Index+1] {
		if part.Type.Rank() != 1 {
			return nil
		}
		size, ok := part.Type.Shape[0].Const()
		if !ok || from+size > len(x) {
			return nil
		}
		if part == v {
			return x[from : from+size]
		}
		from += size
	}
	return nil
}

// sliceRange gives the first index and the number of elements that Slice takes from n.
func sliceRange(start, end, step, n int64) (first, count int64) {
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if end <= start {
			return start, 0
		}
		return start, (end-start-1)/step + 1
	}
	start, end = min(max(start, -1), n-1), min(max(end, -1), n-1)
	if start <= end {
		return start, 0
	}
	return start, (start-end-1)/-step + 1
}

func symConcat(n *Node) []*Dim {
	out := []*Dim{}
	if axis := n.Int("axis"); axis != 0 && axis != -n.Out().Type.Rank() {
		return nil // rows would have to be put together one by one
	}
	for _, a := range n.Args {
		s := a.Symbolic()
		if s == nil {
			if k, ok := a.Type.Static(); ok && len(k) == 1 && k[0] <= maxSymbolic {
				s = make([]*Dim, k[0]) // of known length, of unknown contents
			} else {
				return nil
			}
		}
		out = append(out, s...)
	}
	return out
}

func symWhere(n *Node) []*Dim {
	c := n.Args[0].Symbolic()
	x, y := n.Args[1].Symbolic(), n.Args[2].Symbolic()
	size := max(len(c), len(x), len(y))
	if c == nil || x == nil || y == nil || !oneRow(n, size) {
		return nil
	}
	out := make([]*Dim, size)
	for i := range out {
		if d := at(c, i); d != nil && d.IsConst() {
			out[i] = at(y, i)
			if !d.Is(0) {
				out[i] = at(x, i)
			}
		}
	}
	return out
}

func at(s []*Dim, i int) *Dim {
	if len(s) == 1 {
		return s[0]
	}
	return s[i]
}

// oneRow reports whether each argument has one element or all of size, so that broadcasting needs no thought.
func oneRow(n *Node, size int) bool {
	for _, a := range n.Args {
		if k := len(a.Symbolic()); k != 1 && k != size {
			return false
		}
	}
	return n.Out().Type.Rank() <= 1
}

func symFill(n *Node) []*Dim {
	shape := n.ArgAt(len(n.Args) - 1).Symbolic()
	if shape == nil {
		return nil
	}
	count := 1
	for _, d := range shape {
		if d == nil || !d.IsConst() || d.c < 0 || d.c > maxSymbolic {
			return nil
		}
		count *= int(d.c)
	}
	if count > maxSymbolic {
		return nil
	}
	one := Dim{}
	if n.Op.Name == "Expand" {
		x := n.Args[0].Symbolic()
		if len(x) != 1 || x[0] == nil {
			return nil
		}
		one = *x[0]
	} else if d := n.Data("value"); d != nil {
		one = Dim{c: d.Int(0)}
	}
	out := make([]*Dim, count)
	for i := range out {
		out[i] = &one
	}
	return out
}

func symRange(n *Node) []*Dim {
	var k [3]int64
	for i := range k {
		c, ok := n.ArgAt(i).ConstInts()
		if !ok || len(c) != 1 {
			return nil
		}
		k[i] = c[0]
	}
	rounds := math.Ceil((float64(k[1]) - float64(k[0])) / float64(k[2])) // as floats: integers could overflow
	if k[2] == 0 || rounds > maxSymbolic {
		return nil
	}
	out := []Dim{}
	for i := range int64(max(rounds, 0)) {
		out = append(out, Dim{c: k[0] + i*k[2]})
	}
	return known(out...)
}

func symCast(n *Node) []*Dim {
	from, to := n.TypeAt(0).Elem, n.Out().Type.Elem
	if !from.IsInt() && from != Bool || to != I64 && to != I32 {
		return nil
	}
	x := n.Args[0].Symbolic()
	if slices.ContainsFunc(x, func(d *Dim) bool { return d != nil && d.c != int64(int32(d.c)) }) && to == I32 {
		return nil
	}
	return x
}

func symDiv(x, y Dim) (Dim, bool) {
	if x.IsConst() && y.IsConst() && y.c != 0 {
		return Dim{c: x.c / y.c}, true // ONNX cuts towards zero
	}
	if q, ok := x.divExact(y); ok && !y.Is(0) {
		return q, true
	}
	if !x.nonNegative() && !x.nonNegativeIfFull() || !y.positive() {
		return Dim{}, false
	}
	return x.Div(y)
}

// symAbs is what exporters write over sizes that may be -1 elsewhere.
func symAbs(n *Node) []*Dim {
	out := slices.Clone(n.Args[0].Symbolic())
	for i, d := range out {
		switch {
		case d == nil || d.nonNegative():
		case d.Neg().nonNegative():
			neg := d.Neg()
			out[i] = &neg
		default:
			out[i] = nil
		}
	}
	return out
}

// nonNegativeIfFull reports whether d cannot be negative where no name is 0, as frames-1 cannot: a sum of names and a number.
func (d Dim) nonNegativeIfFull() bool {
	least := d.c
	for _, t := range d.terms {
		if t.coef < 0 || len(t.atoms) != 1 || t.atoms[0].op != "" {
			return false
		}
		least += t.coef
	}
	return least >= 0
}

// nonNegative reports whether d cannot be negative, given that names cannot.
func (d Dim) nonNegative() bool {
	for _, t := range d.terms {
		if t.coef < 0 || slices.ContainsFunc(t.atoms, func(a atom) bool { return !a.nonNegative() }) {
			return false
		}
	}
	return d.c >= 0
}

func (a atom) nonNegative() bool {
	switch a.op {
	case "":
		return true
	case "max":
		return a.x.nonNegative() || a.y.nonNegative()
	}
	return a.x.nonNegative() && a.y.nonNegative()
}

// positive reports whether d is a positive number or, a name not being negative, is so for every tensor that is not empty.
func (d Dim) positive() bool { return d.nonNegative() && !d.Is(0) }

func symBinary(f func(x, y Dim) (Dim, bool)) func(n *Node) []*Dim {
	return func(n *Node) []*Dim {
		if len(n.Args) != 2 {
			return nil
		}
		x, y := n.Args[0].Symbolic(), n.Args[1].Symbolic()
		if x == nil || y == nil {
			return nil
		}
		size := max(len(x), len(y))
		if len(x) == 0 || len(y) == 0 {
			size = 0
		}
		if size > 0 && !oneRow(n, size) {
			return nil
		}
		out := make([]*Dim, size)
		for i := range out {
			if a, b := at(x, i), at(y, i); a != nil && b != nil {
				if d, ok := f(*a, *b); ok && d.parts() <= maxParts {
					out[i] = &d
				}
			}
		}
		return out
	}
}

func symUnary(f func(x Dim) Dim) func(n *Node) []*Dim {
	return func(n *Node) []*Dim {
		var out []*Dim
		for _, x := range n.Args[0].Symbolic() {
			if x == nil {
				out = append(out, nil)
				continue
			}
			d := f(*x)
			out = append(out, &d)
		}
		return out
	}
}

// symCompare decides a comparison where the difference is a number or of one sign; ifPositive and ifNegative are the answers for a
// difference of that sign.
func symCompare(decide func(diff int64) bool, ifPositive, ifNegative bool) func(n *Node) []*Dim {
	return symBinary(func(x, y Dim) (Dim, bool) {
		answer := func(b bool) (Dim, bool) {
			if b {
				return N(1), true
			}
			return N(0), true
		}
		diff := x.Sub(y)
		switch {
		case diff.IsConst():
			return answer(decide(diff.c))
		case diff.nonNegative() && diff.c > 0:
			return answer(ifPositive)
		case diff.Neg().nonNegative() && diff.c < 0:
			return answer(ifNegative)
		}
		return Dim{}, false
	})
}

func symProd(n *Node) []*Dim {
	x, ok := n.Args[0].SymbolicDims()
	if !ok || n.TypeAt(0).Rank() != 1 || n.ArgAt(1) != nil && n.ArgAt(1).Const() == nil {
		return nil
	}
	return known(Product(x))
}
