package runtime

import "github.com/gpamc/gpamc/ir"

func init() {
	register(map[*ir.Op]kernel{
		ir.Identity: func(c *Call) error { return c.Return(c.Args[0]) },
	})
}
