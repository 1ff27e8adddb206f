package passes

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// refresh infers all types of f again, so that what a rewrite has made known reaches those who come after.
func refresh(f *ir.Func) {
	for _, n := range f.Nodes {
		for _, b := range n.Bodies {
			refresh(b)
		}
		if err := n.Refresh(); err != nil {
			panic(fmt.Sprintf("BUG: node %q (%s): %v", n.Name, n.Op.Name, err))
		}
	}
}
