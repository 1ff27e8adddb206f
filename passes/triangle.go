package passes

import (
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A triangle is a matrix of booleans or of floats that lets row i, counted from first on, see column j when j <= i.
type triangle struct {
	first ir.Dim
	hides float64 // what floats add where a key is hidden; -inf or less than hidden
}

// triangle recognises a triangle of lq rows and lk columns in v, cut from a table or computed; booleans are want where a key is seen.
func (m *Match) triangle(v *ir.Value, want bool, lq, lk ir.Dim) (t triangle, ok bool) {
	r, ok := m.regions(v, lq, lk)
	if !ok || r.uniform || v.Type.Rank() < 2 {
		return t, false
	}
	t = triangle{first: r.upTo, hides: r.above}
	if v.Type.Elem == ir.Bool {
		t.hides = math.Inf(-1)
		return t, r.below == number(want) && r.above == number(!want)
	}
	return t, v.Type.Elem.IsFloat() && r.below == 0 && r.above <= hiding(v.Type.Elem)
}

// A regions is a matrix that has one number in row i and column j where j-i is at most upTo, and another above that diagonal. All that
// exporters compute of masks is done to both numbers, whatever they write.
type regions struct {
	upTo         ir.Dim
	below, above float64
	uniform      bool // below everywhere
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// maxMask is how many nodes of a mask are looked at: what is used twice is looked at twice.
const maxMask = 1000

// regions reads v, a matrix of lq rows and lk columns or one that broadcasts to them; an argument that is left out is none.
func (m *Match) regions(v *ir.Value, lq, lk ir.Dim) (r regions, ok bool) {
	if m.work++; m.work > maxMask {
		return r, false
	}
	if d := m.data(v); d != nil {
		return tableRegions(d, lq, lk)
	}
	if v == nil || v.Def == nil || len(v.Def.Args) == 0 || !v.Type.Ranked() {
		return r, false
	}
	n := v.Def
	switch n.Op {
	case ir.Slice:
		return m.cutRegions(n, lq, lk)
	case ir.Trilu:
		return m.triluRegions(n, lq, lk)
	case ir.Transpose:
		if perm := permOf(n); len(perm) < 2 || !swapsLast(perm) {
			return r, false
		}
		if r, ok = m.regions(n.Args[0], lk, lq); !r.uniform { // j-i <= t is the opposite of i-j <= -t-1
			r.upTo, r.below, r.above = r.upTo.Neg().Sub(ir.N(1)), r.above, r.below
		}
		return r, ok
	case ir.Reshape, ir.Expand:
		x := n.Args[0]
		if r, ok = m.regions(x, lq, lk); r.uniform {
			return r, ok
		}
		k, l := v.Type.Rank(), x.Type.Rank()
		return r, ok && k > 1 && l > 1 && ir.EqualDims(v.Type.Shape[k-2:], x.Type.Shape[l-2:])
	case ir.Less, ir.LessOrEqual, ir.Greater, ir.GreaterOrEqual:
		if r, ok := m.comparedPositions(n); ok {
			return r, covers(v, lq, lk)
		}
	}
	return m.eachRegion(n, lq, lk)
}

// covers reports whether v is a whole matrix of lq rows and lk columns.
func covers(v *ir.Value, lq, lk ir.Dim) bool {
	r := v.Type.Rank()
	return r > 1 && v.Type.Shape[r-2].Equal(lq) && v.Type.Shape[r-1].Equal(lk)
}

func swapsLast(perm []int64) bool {
	p, last := slices.Clone(perm), len(perm)-1
	p[last-1], p[last] = p[last], p[last-1]
	return slices.IsSorted(p)
}

// eachRegion computes an element-wise operator of both regions.
func (m *Match) eachRegion(n *ir.Node, lq, lk ir.Dim) (r regions, ok bool) {
	below, above := make([]float64, len(n.Args)), make([]float64, len(n.Args))
	r.uniform = true
	for i, a := range n.Args {
		x, ok := m.regions(a, lq, lk)
		if !ok || !x.uniform && !r.uniform && !x.upTo.Equal(r.upTo) {
			return r, false
		}
		below[i], above[i] = x.below, x.above
		if !x.uniform {
			r.uniform, r.upTo = false, x.upTo
		}
	}
	var ok1, ok2 bool
	r.below, ok1 = element(n, below)
	r.above, ok2 = element(n, above)
	return r, ok1 && ok2
}

// element computes an element-wise operator of numbers; ok is false for operators that masks are not made of, and when no number comes out.
func element(n *ir.Node, x []float64) (y float64, ok bool) {
	switch n.Op {
	case ir.Identity:
		y = x[0]
	case ir.Cast:
		if y = x[0]; n.Out().Type.Elem == ir.Bool {
			y = number(y != 0)
		} else if n.Out().Type.Elem.IsInt() && y != math.Trunc(y) {
			return 0, false
		}
	case ir.Not:
		y = number(x[0] == 0)
	case ir.Neg:
		y = -x[0]
	case ir.Add:
		y = x[0] + x[1]
	case ir.Sub:
		y = x[0] - x[1]
	case ir.Mul:
		y = x[0] * x[1]
	case ir.And:
		y = x[0] * x[1]
	case ir.Or:
		y = max(x[0], x[1])
	case ir.Equal:
		y = number(x[0] == x[1])
	case ir.Less:
		y = number(x[0] < x[1])
	case ir.LessOrEqual:
		y = number(x[0] <= x[1])
	case ir.Greater:
		y = number(x[0] > x[1])
	case ir.GreaterOrEqual:
		y = number(x[0] >= x[1])
	case ir.Where:
		if y = x[1]; x[0] == 0 {
			y = x[2]
		}
	default:
		return 0, false
	}
	if e := n.Out().Type.Elem; e == ir.F32 {
		y = float64(float32(y))
	} else if e.IsInt() && math.IsInf(y, 0) {
		return 0, false
	}
	return y, !math.IsNaN(y)
}

// tableRegions reads a constant, one number or a whole matrix.
func tableRegions(d *ir.Data, lq, lk ir.Dim) (r regions, ok bool) {
	if d.Elem == ir.String || d.Elem.IsComplex() || d.Len() == 0 {
		return r, false
	}
	if d.Len() == 1 {
		return regions{below: d.Float(0), above: d.Float(0), uniform: true}, true
	}
	k := len(d.Shape)
	if k < 2 || !lq.Is(d.Shape[k-2]) || !lk.Is(d.Shape[k-1]) {
		return r, false
	}
	return diagonal(d)
}

// diagonal finds the regions of a constant matrix: the diagonal belongs to those below or to those above.
func diagonal(d *ir.Data) (r regions, ok bool) {
	k := len(d.Shape)
	if k < 2 || d.Len() != d.Shape[k-2]*d.Shape[k-1] || d.Shape[k-2] < 2 || d.Shape[k-1] < 2 {
		return r, false
	}
	cols, d := d.Shape[k-1], d.Made()
	r = regions{below: d.Float(cols), above: d.Float(1)} // of row 1 and column 0, and of row 0 and column 1
	if d.Float(0) != r.below {
		r.upTo = ir.N(-1)
	}
	upTo, _ := r.upTo.Const()
	for i := range d.Len() {
		want := r.above
		if i%cols-i/cols <= upTo {
			want = r.below
		}
		if d.Float(i) != want {
			return r, false
		}
	}
	return r, r.below != r.above
}

// cutRegions reads a piece of a constant matrix: rows from some place on, and columns from the first.
func (m *Match) cutRegions(n *ir.Node, lq, lk ir.Dim) (r regions, ok bool) {
	d := m.data(n.Args[0])
	if d == nil || d.Elem == ir.String || d.Elem.IsComplex() {
		return r, false
	}
	if r, ok = diagonal(d); !ok || !unitSteps(n.ArgAt(4)) {
		return r, false
	}
	k := len(d.Shape)
	start, ok1 := sliceStart(n, k-2)
	left, ok2 := sliceStart(n, k-1)
	r.upTo = r.upTo.Add(start)
	y := n.Out().Type.Shape
	return r, ok1 && ok2 && left.Is(0) && cutTo(y[k-2], lq, start, ir.N(d.Shape[k-2])) && cutTo(y[k-1], lk, left, ir.N(d.Shape[k-1]))
}

// triluRegions reads Trilu of one number.
func (m *Match) triluRegions(n *ir.Node, lq, lk ir.Dim) (r regions, ok bool) {
	r, ok = m.regions(n.Args[0], lq, lk)
	k := ir.N(0)
	if n.ArgAt(1) != nil {
		ks, known := n.Args[1].SymbolicDims()
		if !known {
			return r, false
		}
		k = ks[0]
	}
	if !ok || !r.uniform || !covers(n.Out(), lq, lk) {
		return r, false
	}
	r.uniform = false
	if n.Int("upper") == 0 {
		r.upTo, r.above = k, 0
	} else {
		r.upTo, r.above, r.below = k.Sub(ir.N(1)), r.below, 0
	}
	return r, true
}

// comparedPositions reads a comparison of rows and columns, as in col <= row, row-col >= 0 and the like.
func (m *Match) comparedPositions(n *ir.Node) (r regions, ok bool) {
	x, ok1 := m.affine(n.Args[0])
	y, ok2 := m.affine(n.Args[1])
	less, strict := n.Op == ir.Less || n.Op == ir.LessOrEqual, n.Op == ir.Less || n.Op == ir.Greater
	x = x.plus(y, -1)
	if x.row == 1 { // row-col+more < 0 is col-row-more > 0
		x, less = affine{}.plus(x, -1), !less
	}
	if !ok1 || !ok2 || x.row != -1 || x.col != 1 {
		return r, false
	}
	r = regions{upTo: x.more.Neg(), below: number(less), above: number(!less)}
	if less == strict { // what equals is above
		r.upTo = r.upTo.Sub(ir.N(1))
	}
	return r, true
}

// An affine is row·i + col·j + more in row i and column j of a matrix of integers.
type affine struct {
	row, col int
	more     ir.Dim
}

func (a affine) plus(b affine, times int) affine {
	return affine{a.row + times*b.row, a.col + times*b.col, a.more.Add(b.more.Mul(ir.N(times)))}
}

func (m *Match) affine(v *ir.Value) (a affine, ok bool) {
	if m.work++; m.work > maxMask {
		return a, false
	}
	if k, known := v.SymbolicDims(); known && len(k) == 1 && v.Type.Rank() == 0 {
		return affine{more: k[0]}, true
	}
	if start, ok := positions(v, 1); ok {
		return affine{col: 1, more: start}, true
	}
	if start, ok := positions(v, 2); ok {
		return affine{row: 1, more: start}, true
	}
	if v.Def == nil {
		return a, false
	}
	switch n := v.Def; n.Op {
	case ir.Expand:
		return m.affine(n.Args[0])
	case ir.Neg:
		x, ok := m.affine(n.Args[0])
		return a.plus(x, -1), ok
	case ir.Add, ir.Sub:
		x, ok1 := m.affine(n.Args[0])
		y, ok2 := m.affine(n.Args[1])
		if n.Op == ir.Sub {
			return x.plus(y, -1), ok1 && ok2
		}
		return x.plus(y, 1), ok1 && ok2
	}
	return a, false
}
