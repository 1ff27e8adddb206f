package passes

import (
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// einsum spells a sum of products as products of matrices, transposed before and after as need be. More than two factors are multiplied
// two at a time; what stands in one argument alone is summed first; and where nothing is summed, elements are multiplied.
func einsum(b *ir.Builder, m *Match) *ir.Value {
	xs := m.List("xs")
	terms, out, ok := plainTerms(m.Root)
	if !ok || slices.ContainsFunc(append(slices.Clone(terms), out), repeats) {
		return m.No("%q has a diagonal, or arguments of unknown rank", m.Root.Str("equation"))
	}
	switch e := xs[0].Type.Elem; {
	case len(xs) == 1:
		x, of := summed(b, xs[0], terms[0], out)
		return permuted(b, x, of, out)
	case len(xs) > 2:
		return inTurn(b, xs, terms, out)
	case !e.IsFloat() && e != ir.I32 && e != ir.I64:
		return m.No("MatMul has no %s", e)
	}
	left, x := summed(b, xs[0], terms[0], terms[1]+out)
	right, y := summed(b, xs[1], terms[1], terms[0]+out)
	return m.product(b, left, right, x, y, out)
}

// plainTerms are the letters of each argument of an Einsum and of its result, the axes of an ellipsis with letters of their own.
func plainTerms(n *ir.Node) (terms []string, out string, ok bool) {
	terms, out, err := ir.EinsumTerms(n.Str("equation"), len(n.Args))
	if err != nil {
		return nil, "", false
	}
	free := ""
	for c := 'a'; c <= 'z'; c++ {
		for _, c := range []rune{c, c - 'a' + 'A'} {
			if !strings.ContainsRune(strings.Join(terms, ""), c) {
				free += string(c)
			}
		}
	}
	most := 0
	for i, a := range n.Args {
		rank := a.Type.Rank()
		if rank < 0 {
			return nil, "", false
		}
		if at := strings.IndexByte(terms[i], '.'); at >= 0 {
			k := rank - len(terms[i]) + 1
			if k < 0 || k > len(free) {
				return nil, "", false
			}
			most = max(most, k)
			terms[i] = terms[i][:at] + reversed(free[:k]) + terms[i][at+1:]
		}
		if len(terms[i]) != rank {
			return nil, "", false
		}
	}
	return terms, strings.Replace(out, ".", reversed(free[:most]), 1), true
}

// reversed are the letters of an ellipsis, which are counted from its last axis.
func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// summed is x, and its labels, without those axes that nobody wants.
func summed(b *ir.Builder, x *ir.Value, labels, wanted string) (*ir.Value, string) {
	var axes []int64
	for i, c := range labels {
		if !strings.ContainsRune(wanted, c) {
			axes = append(axes, int64(i))
		}
	}
	if axes == nil {
		return x, labels
	}
	return b.New(ir.ReduceSum, ir.Attrs{"keepdims": 0}, x, b.Vector(axes...)), within(labels, wanted)
}

// inTurn multiplies those two arguments of an Einsum whose product has the fewest axes for what they have, if need be without summing,
// and leaves the others to another Einsum.
func inTurn(b *ir.Builder, xs []*ir.Value, terms []string, out string) *ir.Value {
	type pair struct{ i, j, cost int }
	best := pair{cost: 1 << 30}
	product := func(i, j int) string {
		wanted := out
		for k, t := range terms {
			if k != i && k != j {
				wanted += t
			}
		}
		return within(union(terms[i], terms[j]), wanted)
	}
	for i := range xs {
		for j := range xs[:i] {
			cost := 2 * (len(product(i, j)) - len(terms[i]) - len(terms[j]))
			if len(product(i, j)) < len(union(terms[i], terms[j])) {
				cost++
			}
			if cost < best.cost {
				best = pair{j, i, cost}
			}
		}
	}
	i, j := best.i, best.j
	both := product(i, j)
	first := b.New(ir.Einsum, ir.Attrs{"equation": terms[i] + "," + terms[j] + "->" + both}, xs[i], xs[j])
	rest, left := []*ir.Value{first}, []string{both}
	for k := range xs {
		if k != i && k != j {
			rest, left = append(rest, xs[k]), append(left, terms[k])
		}
	}
	return b.New(ir.Einsum, ir.Attrs{"equation": strings.Join(left, ",") + "->" + out}, rest...)
}

// union is the labels of both, in the order of x and then of y.
func union(x, y string) string {
	for _, c := range y {
		if !strings.ContainsRune(x, c) {
			x += string(c)
		}
	}
	return x
}

// product is the sum of products of left and right whose labels are x and y, each of them in the other or in out.
func (m *Match) product(b *ir.Builder, left, right *ir.Value, x, y, out string) *ir.Value {
	all, rows, cols, sum := "", "", "", ""
	for _, c := range union(x, y) {
		i, j, k := strings.ContainsRune(x, c), strings.ContainsRune(y, c), strings.ContainsRune(out, c)
		switch s := string(c); {
		case i && j && k:
			all += s
		case i && j:
			sum += s
		case i:
			rows += s
		default:
			cols += s
		}
	}
	if sum == "" {
		return b.New(ir.Mul, nil, spread(b, left, x, out), spread(b, right, y, out))
	}
	// The batch in the order of the result, so that most results need no Transpose; for the same reason what comes first there is the rows.
	all = within(out, all)
	if rows != "" && cols != "" && strings.IndexByte(out, rows[0]) > strings.IndexByte(out, cols[0]) {
		left, right, x, y, rows, cols = right, left, y, x, cols, rows
	}
	rows, cols = within(out, rows), within(out, cols)
	sizes, ok := sizesOf(left, right, x, y)
	if !ok {
		return m.vagueProduct(b, left, right, x, y, out, [4]string{all, rows, cols, sum})
	}
	groups := []string{all, rows}
	if all == "" { // rows of any number of axes meet one matrix
		groups = strings.Split(rows, "")
	}
	left = m.merged(b, permuted(b, left, x, all+rows+sum), sizes, append(groups, sum), all != "")
	right = m.merged(b, permuted(b, right, y, all+sum+cols), sizes, []string{all, sum, cols}, true)
	p := b.New(ir.MatMul, nil, left, right)
	return permuted(b, m.reshaped(b, p, sizes, all+rows+cols), all+rows+cols, out)
}

// vagueProduct is the product where dimensions are not known, so that axes cannot be put together: of rows and columns all axes but the
// last go to the batch, to which the other side is broadcast.
func (m *Match) vagueProduct(b *ir.Builder, left, right *ir.Value, x, y, out string, kinds [4]string) *ir.Value {
	all, rows, cols, sum := kinds[0], kinds[1], kinds[2], kinds[3]
	if len(sum) != 1 || rows == "" || cols == "" {
		return m.No("the shapes %s and %s are not known", left.Type, right.Type)
	}
	at := func(v *ir.Value, labels string) ir.Dim { return v.Type.Shape[strings.Index(labels, sum)] }
	if k, l := at(left, x), at(right, y); k.IsConst() && l.IsConst() && !k.Equal(l) {
		return m.No("%s is %s and %s", sum, k, l)
	}
	row, col := rows[len(rows)-1:], cols[len(cols)-1:]
	batch := all + rows[:len(rows)-1] + cols[:len(cols)-1]
	if all == "" && len(cols) == 1 {
		right = spread(b, right, y, sum+col)
	} else {
		right = spread(b, right, y, batch+sum+col)
	}
	p := b.New(ir.MatMul, nil, spread(b, left, x, batch+row+sum), right)
	return permuted(b, p, batch+row+col, out)
}

// spread is v with its axes in the order of to, and one of length 1 for each that it has not.
func spread(b *ir.Builder, v *ir.Value, labels, to string) *ir.Value {
	v = permuted(b, v, labels, within(to, labels))
	var missing []int64
	for i, c := range to {
		if !strings.ContainsRune(labels, c) {
			missing = append(missing, int64(i))
		}
	}
	if missing == nil {
		return v
	}
	return b.New(ir.Unsqueeze, nil, v, b.Vector(missing...))
}

// sizesOf is the dimension of each label, if all are known and both sides agree.
func sizesOf(left, right *ir.Value, x, y string) (map[rune]ir.Dim, bool) {
	sizes := map[rune]ir.Dim{}
	for i, c := range x {
		sizes[c] = left.Type.Shape[i]
	}
	for i, c := range y {
		if d, ok := sizes[c]; ok && !d.Equal(right.Type.Shape[i]) {
			return nil, false
		}
		sizes[c] = right.Type.Shape[i]
	}
	return sizes, knownShape(left.Type) && knownShape(right.Type)
}

// within is the labels in the order of out.
func within(out, labels string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(labels, c) {
			return c
		}
		return -1
	}, out)
}

func knownShape(t ir.Type) bool { return t.Ranked() && !slices.ContainsFunc(t.Shape, fresh) }

// merged sees each group of labels as one axis, except the first if it is the batch, which keeps its axes.
func (m *Match) merged(b *ir.Builder, v *ir.Value, sizes map[rune]ir.Dim, groups []string, batch bool) *ir.Value {
	var shape []ir.Dim
	for i, g := range groups {
		n := ir.N(1)
		for _, c := range g {
			if n = n.Mul(sizes[c]); i == 0 && batch {
				shape = append(shape, sizes[c])
			}
		}
		if i > 0 || !batch {
			shape = append(shape, n)
		}
	}
	return m.withShape(b, v, shape)
}

func (m *Match) reshaped(b *ir.Builder, v *ir.Value, sizes map[rune]ir.Dim, labels string) *ir.Value {
	var shape []ir.Dim
	for _, c := range labels {
		shape = append(shape, sizes[c])
	}
	return m.withShape(b, v, shape)
}

// withShape is v, reshaped if need be.
func (m *Match) withShape(b *ir.Builder, v *ir.Value, shape []ir.Dim) *ir.Value {
	if ir.EqualDims(v.Type.Shape, shape) {
		return v
	}
	return m.reshape(b, v, ir.T(v.Type.Elem, shape...))
}

func repeats(labels string) bool {
	seen := []rune(labels)
	slices.Sort(seen)
	return len(slices.Compact(seen)) != len(labels)
}

// permuted transposes v from one order of labels to another.
func permuted(b *ir.Builder, v *ir.Value, from, to string) *ir.Value {
	if from == to {
		return v
	}
	perm := make([]int64, len(to))
	for i, c := range to {
		perm[i] = int64(strings.IndexRune(from, c))
	}
	return b.New(ir.Transpose, ir.Attrs{"perm": perm}, v)
}
