package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// counted reports that v holds 0, 1, 2 ... along one axis, and the same along all others.
func counted(v *ir.Value) (axis int, ok bool) {
	n := v.Def
	if n == nil || !v.Type.Ranked() {
		return 0, false
	}
	switch n.Op {
	case ir.Const: // of one row
		ns, known := v.ConstInts()
		return 0, known && v.Type.Rank() > 0 && slices.Equal(ns, []int64{0})
	case ir.Range:
		from, ok1 := n.Args[0].ConstInts()
		step, ok2 := n.Args[2].ConstInts()
		return 0, ok1 && ok2 && from[0] == 0 && step[0] == 1
	case ir.Cast:
		return counted(n.Args[0])
	case ir.Expand:
		x := n.Args[0]
		axis, ok = counted(x)
		if !ok {
			return 0, false
		}
		size := x.Type.Shape[axis]
		axis += v.Type.Rank() - x.Type.Rank()
		return axis, size.Equal(v.Type.Shape[axis])
	case ir.Reshape:
		axis, ok = counted(n.Args[0])
		if !ok {
			return 0, false
		}
		return sameAxis(n.Args[0].Type.Shape, v.Type.Shape, axis)
	}
	return 0, false
}

// sameAxis is where an axis of s is in t, if the two differ in axes of length 1 only.
func sameAxis(s, t []ir.Dim, axis int) (int, bool) {
	one := func(d ir.Dim) bool { return d.Is(1) }
	if s[axis].Is(1) || !ir.EqualDims(slices.DeleteFunc(slices.Clone(s), one), slices.DeleteFunc(slices.Clone(t), one)) {
		return 0, false
	}
	nth := axis
	for _, d := range s[:axis] {
		if d.Is(1) {
			nth--
		}
	}
	for i, d := range t {
		if !d.Is(1) {
			if nth == 0 {
				return i, true
			}
			nth--
		}
	}
	return 0, false
}

// rowsOf reports whether at is [rows,1] of x, and y is as large as x.
func rowsOf(at, x, y *ir.Value) bool {
	t := at.Type
	return x.Type.Rank() > 0 && ir.EqualDims(x.Type.Shape, y.Type.Shape) && t.Rank() == 2 && t.Shape[1].Is(1) && t.Shape[0].Equal(x.Type.Shape[0])
}

// placesOf reports whether at is the place of each element of x, and y is as large as x.
func placesOf(at, x, y *ir.Value) bool {
	if !at.Is(ir.Concat) || !x.Type.Ranked() || !ir.EqualDims(x.Type.Shape, y.Type.Shape) {
		return false
	}
	rank, numbers := x.Type.Rank(), at.Def.Args
	axis, err := ir.Axis(at.Def.Int("axis"), at.Type.Rank())
	if err != nil || axis != rank || len(numbers) != rank || !ir.EqualDims(at.Type.Shape[:rank], x.Type.Shape) {
		return false
	}
	for i, v := range numbers {
		if k, ok := counted(v); !(ok && k == i) && !(x.Type.Shape[i].Is(1) && zeros(v)) {
			return false
		}
	}
	return true
}

// zeros reports whether v is 0 everywhere.
func zeros(v *ir.Value) bool {
	for v.Is(ir.Expand) || v.Is(ir.Reshape) || v.Is(ir.Cast) {
		v = v.Def.Args[0]
	}
	ns, ok := v.ConstInts()
	return ok && !slices.ContainsFunc(ns, func(n int64) bool { return n != 0 })
}

// gatherAll leaves the elements of x where they are, if they are looked up one after the other: row i, column j at place [.., i, .., j].
func gatherAll(b *ir.Builder, m *Match) *ir.Value {
	x, y, at := m.Type("x"), m.Root.Out().Type, m.Root.TypeAt(1)
	axis, err := ir.Axis(m.Root.Args[1].Def.Int("axis"), at.Rank())
	if err != nil || axis != at.Rank()-1 || !x.Ranked() || x.Rank() != len(m.List("xs")) || !y.Ranked() {
		return m.No("it looks up rows, or by something else than numbers of each axis")
	}
	shape, last := slices.Repeat([]ir.Dim{ir.N(1)}, y.Rank()), -1
	for i, v := range m.List("xs") {
		if x.Shape[i].Is(1) && zeros(v) {
			continue
		}
		k, ok := counted(v)
		if !ok || k <= last || k >= y.Rank() || !v.Type.Shape[k].Equal(x.Shape[i]) || !y.Shape[k].Equal(x.Shape[i]) {
			return m.No("the numbers for axis %d do not count", i)
		}
		shape[k], last = x.Shape[i], k
	}
	whole := m.reshape(b, m.V("x"), ir.T(x.Elem, shape...))
	if ir.EqualDims(shape, y.Shape) {
		return whole
	}
	return b.New(ir.Expand, nil, whole, b.Dims(y.Shape...))
}
