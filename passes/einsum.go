package passes

import (
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// einsum spells a sum over one index of two arguments as a product of matrices, transposed before and after as need be.
func einsum(b *ir.Builder, m *Match) *ir.Value {
	if e := m.Type("x").Elem; !e.IsFloat() && e != ir.I32 && e != ir.I64 {
		return m.No("MatMul has no %s", e)
	}
	eq := strings.ReplaceAll(m.Root.Str("equation"), " ", "")
	in, out, ok := strings.Cut(eq, "->")
	x, y, ok2 := strings.Cut(in, ",")
	if !ok || !ok2 || strings.Contains(eq, ".") || strings.Contains(y, ",") || repeats(x) || repeats(y) || repeats(out) {
		return m.No("%s is no product of two", eq)
	}
	all, rows, cols, sum := "", "", "", ""
	for _, c := range x + y {
		i, j, k := strings.ContainsRune(x, c), strings.ContainsRune(y, c), strings.ContainsRune(out, c)
		switch s := string(c); {
		case i && j && k:
			if !strings.Contains(all, s) {
				all += s
			}
		case i && j:
			if !strings.Contains(sum, s) {
				sum += s
			}
		case i && k:
			rows += s
		case j && k:
			cols += s
		default:
			return m.No("%s sums over one argument alone", eq)
		}
	}
	if sum == "" {
		return m.No("%s is no product of matrices", eq)
	}
	// The batch in the order of the result, so that most results need no Transpose; for the same reason what comes first there is the rows.
	all = within(out, all)
	left, right := m.V("x"), m.V("y")
	if rows != "" && cols != "" && strings.IndexByte(out, rows[0]) > strings.IndexByte(out, cols[0]) {
		left, right, x, y, rows, cols = right, left, y, x, cols, rows
	}
	if !knownShape(left.Type) || !knownShape(right.Type) {
		return m.No("the shapes are not known")
	}
	rows, cols = within(out, rows), within(out, cols)
	sizes := map[rune]ir.Dim{}
	for _, side := range []struct {
		labels string
		v      *ir.Value
	}{{x, left}, {y, right}} {
		for i, c := range side.labels {
			if d, ok := sizes[c]; ok && !d.Equal(side.v.Type.Shape[i]) {
				return m.No("%s is %s and %s", string(c), d, side.v.Type.Shape[i])
			}
			sizes[c] = side.v.Type.Shape[i]
		}
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
