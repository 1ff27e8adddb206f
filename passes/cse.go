package passes

import (
	"fmt"
	"sort"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// cse computes equal things once: nodes with the same operator, attributes and arguments, in one function or in one around it.
func cse(p *ir.Program, c *Count) bool {
	if c.Off("cse") {
		return false
	}
	s := &sharing{g: newGraph(p), c: c}
	s.function(p.Main, nil)
	s.g.sweep()
	return s.changed
}

type sharing struct {
	g       *graph
	c       *Count
	changed bool
}

// A scope is the values of a function by what computes them.
type scope struct {
	outer  *scope
	values map[string]*ir.Node
}

func (s *scope) find(key string) *ir.Node {
	for ; s != nil; s = s.outer {
		if n := s.values[key]; n != nil {
			return n
		}
	}
	return nil
}

func (s *sharing) function(f *ir.Func, outer *scope) {
	in := &scope{outer, map[string]*ir.Node{}}
	for _, n := range f.Nodes {
		for _, b := range n.Bodies {
			s.function(b, in)
		}
		if len(n.Bodies) > 0 || n.Op.Random() {
			continue
		}
		key := s.key(n)
		old := in.find(key)
		if old == nil {
			in.values[key] = n
			continue
		}
		for i, v := range n.Results {
			refine(old.Results[i], v.Type)
			s.g.replace(v, old.Results[i])
		}
		if n.Op != ir.Const && n.Op != ir.Weight { // that constants are shared is nothing to report
			s.c.Add("cse")
			s.changed = true
		}
	}
}

// key is the same for nodes that compute the same.
func (s *sharing) key(n *ir.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", n.Op.Name, len(n.Results))
	for _, a := range n.Args {
		if a == nil {
			b.WriteString(" _")
			continue
		}
		fmt.Fprintf(&b, " %p", a)
	}
	names := make([]string, 0, len(n.Attrs))
	for name := range n.Attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%s", name, attrKey(n.Attrs[name]))
	}
	return b.String()
}

func attrKey(v any) string {
	switch x := v.(type) {
	case *ir.Data:
		return fmt.Sprintf("%s %q %q", x.Type(), x.Bytes(), x.Str)
	case ir.SymData:
		return fmt.Sprint(x.Scalar, ir.JoinDims(x.Dims))
	}
	return fmt.Sprintf("%T %v", v, v)
}
