package measure

import (
	"github.com/gpamc/gpamc/ir"
)

// Operators counts the nodes of f and its bodies by operator, without constants and weights.
func Operators(f *ir.Func) map[string]int {
	counts := map[string]int{}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op != ir.Const && n.Op != ir.Weight {
			counts[n.Op.Name]++
		}
	})
	return counts
}

// Parameters is the number of elements of f's weights, each weight once, and the bytes that they take.
func Parameters(f *ir.Func) (count, bytes int) {
	seen := map[string]bool{}
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op != ir.Weight || seen[n.Str("name")] {
			return
		}
		seen[n.Str("name")] = true
		t := n.Out().Type
		if k, ok := size(t).Const(); ok {
			count += k
			bytes += k * t.Elem.Size()
		}
	})
	return count, bytes
}
