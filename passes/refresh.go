package passes

import "github.com/gpamc/gpamc/ir"

// refresh infers all types of f again, so that what a rewrite has made known reaches those who come after.
func refresh(f *ir.Func) {
	for _, n := range f.Nodes {
		for _, b := range n.Bodies {
			refresh(b)
		}
		// What is known now may show that a branch cannot be taken. Its types stay until it goes; the verifier has the last word.
		_ = n.Refresh()
	}
}
