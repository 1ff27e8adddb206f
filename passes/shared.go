package passes

import (
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// sharedSides leaves out the second keys and values of a DualAttention that are the same as the first: the kernel then reads them once.
var sharedSides = []Rule{
	{"dual-shared-keys", dualArgs("k", "v", "k", "w?"), func(b *ir.Builder, m *Match) *ir.Value { return without(b, m, "kn") }},
	{"dual-shared-values", dualArgs("k", "v", "j?", "v"), func(b *ir.Builder, m *Match) *ir.Value { return without(b, m, "vn") }},
}

func dualArgs(kp, vp, kn, vn string) string {
	return "(DualAttention q " + kp + " " + vp + " n " + kn + " " + vn +
		" x y mask? bias? c? sink? *=_)"
}

// without is the root without an argument.
func without(b *ir.Builder, m *Match, name string) *ir.Value {
	args := slices.Clone(m.Root.Args)
	args[m.Root.Op.ArgIndex(name)] = nil
	return m.rebuild(b, nil, args...)
}
