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
	if len(sum) != 1 || len(cols) != 1 || len(rows) != 1 && (all != "" || rows == "") {
		return m.No("%s is no product of matrices", eq)
	}
	// The batch in the order of the result, so that most results need no Transpose.
	all = strings.Map(func(c rune) rune {
		if strings.ContainsRune(all, c) {
			return c
		}
		return -1
	}, out)
	p := b.New(ir.MatMul, nil, permuted(b, m.V("x"), x, all+rows+sum), permuted(b, m.V("y"), y, all+sum+cols))
	return permuted(b, p, all+rows+cols, out)
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
