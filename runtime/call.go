package runtime

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A kernel computes the results of one node.
type kernel func(c *Call) error

// kernels is the table of what the reference evaluates itself; register fills it, a family of operators at a time.
var kernels = map[*ir.Op]kernel{}

// register enters a family of kernels. It is called from init, because the kernels of control flow refer to the table.
func register(family map[*ir.Op]kernel) {
	for op, k := range family {
		if kernels[op] != nil {
			panic("BUG: two kernels for " + op.Name)
		}
		kernels[op] = k
	}
}

// A Call is one evaluation of a node: arguments in, results out.
type Call struct {
	*ir.Node
	Args []Value // nil where absent
	Out  []Value // what the kernel sets; floats are rounded and integers wrapped to their types after it
	fr   *frame
}

// Len is the number of arguments, absent ones within included.
func (c *Call) Len() int { return len(c.Args) }

// X is argument i as a tensor, nil when it is absent.
func (c *Call) X(i int) *Tensor {
	if i >= len(c.Args) || c.Args[i] == nil {
		return nil
	}
	t, ok := c.Args[i].(*Tensor)
	if !ok {
		panic(fmt.Sprintf("BUG: %s: argument %d is %s, no tensor", c.Op.Name, i, c.Args[i].Type()))
	}
	return t
}

// XArg is the argument of that name as a tensor, nil when it is absent.
func (c *Call) XArg(name string) *Tensor {
	i := c.Op.ArgIndex(name)
	if i < 0 {
		panic(fmt.Sprintf("BUG: %s has no argument %q", c.Op.Name, name))
	}
	return c.X(i)
}

// One is argument i, of which one element is wanted.
func (c *Call) One(i int) (*Tensor, error) {
	x := c.X(i)
	if x == nil || x.Len() != 1 {
		return nil, fmt.Errorf("argument %s is to be one number", c.Op.ArgNames()[i])
	}
	return x, nil
}

// Value is argument i, nil when it is absent.
func (c *Call) Value(i int) Value {
	if i < len(c.Args) {
		return c.Args[i]
	}
	return nil
}

// Return sets the results; more than the node has are dropped.
func (c *Call) Return(vs ...Value) error {
	c.Out = vs
	return nil
}

// Wants reports whether the node has result i.
func (c *Call) Wants(i int) bool { return i < len(c.Results) }

// Run evaluates body i of the node, which sees the values around it.
func (c *Call) Run(i int, args ...Value) ([]Value, error) {
	return c.fr.body(c.Bodies[i], args)
}

// Seed is the seed of this evaluation, different for each node.
func (c *Call) Seed() uint64 { return c.fr.run.opts.Seed ^ uint64(c.ID)*0x9e3779b97f4a7c15 }

// Unsupported is the error of a kernel that does not know a form of its operator; what says which.
func (c *Call) Unsupported(format string, args ...any) error {
	return &Unsupported{[]Missing{{c.Op.Name, c.Name, fmt.Sprintf(format, args...)}}}
}

// A Missing is a node that cannot be evaluated.
type Missing struct {
	Op, Node string
	Form     string // what of the operator is missing; all of it when empty
}

func (m Missing) String() string {
	s := m.Op
	if m.Form != "" {
		s += " with " + m.Form
	}
	if m.Node != "" {
		s += fmt.Sprintf(" (node %q)", m.Node)
	}
	return s
}

// Unsupported is the error for operators that cannot be evaluated.
type Unsupported struct{ Nodes []Missing }

func (u *Unsupported) Error() string {
	s := make([]string, len(u.Nodes))
	for i, m := range u.Nodes {
		s[i] = m.String()
	}
	if len(s) == 1 {
		return "1 operator is not supported: " + s[0]
	}
	return fmt.Sprintf("%d operators are not supported: %s", len(s), strings.Join(s, ", "))
}

// Evaluates reports whether the reference evaluates op itself, rather than its expansion.
func Evaluates(op *ir.Op) bool { return kernels[op] != nil || op == ir.Const || op == ir.Weight }

// Supports lists the nodes of f, bodies and expansions included, that have neither a kernel nor an expansion.
func Supports(f *ir.Func) []Missing {
	var missing []Missing
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		switch {
		case Evaluates(n.Op):
		case n.Op.Expand == nil:
			missing = append(missing, Missing{Op: n.Op.Name, Node: n.Name})
		default:
			f, err := n.TryExpansion()
			if err != nil {
				return // what is wrong, or not yet known, shows when it is evaluated
			}
			for _, m := range Supports(f) {
				if m.Node == "" {
					m.Node = n.Name
				}
				missing = append(missing, m)
			}
		}
	})
	return missing
}
