package passes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A whyLog remembers, for each node that a rule was tried on, the attempt that came nearest.
type whyLog struct {
	rule string
	best map[*ir.Node]attempt
}

type attempt struct {
	matched int // nodes of the pattern
	reason  string
}

// maxWhy is the number of attempts that a report lists.
const maxWhy = 8

func (w *whyLog) note(root *ir.Node, matched int, v *ir.Value, reason string) {
	if matched == 0 || matched <= w.best[root].matched {
		return
	}
	w.best[root] = attempt{matched, describe(v) + reason}
}

// describe names the value that stopped a match.
func describe(v *ir.Value) string {
	switch {
	case v == nil:
		return ""
	case v.Def == nil:
		return fmt.Sprintf("parameter %s %s: ", v.Name, v.Type)
	case v.Def.Name != "":
		return fmt.Sprintf("%s %q: ", v.Def.Op.Name, v.Def.Name)
	}
	return fmt.Sprintf("%s of type %s: ", v.Def.Op.Name, v.Type)
}

// report lists the nearest attempts first.
func (w *whyLog) report(fired int) string {
	type line struct {
		root *ir.Node
		attempt
	}
	var lines []line
	for root, a := range w.best {
		lines = append(lines, line{root, a})
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.matched, a.matched), cmp.Compare(a.root.ID, b.root.ID))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s fired %d times\n", w.rule, fired)
	for i, l := range lines {
		if i == maxWhy {
			fmt.Fprintf(&b, "and %d more\n", len(lines)-i)
			break
		}
		fmt.Fprintf(&b, "at %s %q: %d nodes match, then: %s\n", l.root.Op.Name, l.root.Name, l.matched, l.reason)
	}
	return b.String()
}
