package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// supported reports all the operators of a model that cannot be imported, in one error, with the nodes that use them.
func (im *importer) supported(g *pb.GraphProto) error {
	c := &census{im: im, reasons: map[string]string{}, nodes: map[string][]string{}, seen: map[functionKey]bool{}}
	c.count(g.Node, im.opsets, "")
	return c.err()
}

// A census collects operators that are not supported.
type census struct {
	im      *importer
	order   []string          // the operators, as they were met
	reasons map[string]string // by operator
	nodes   map[string][]string
	seen    map[functionKey]bool // functions that have been looked through
}

func (c *census) count(nodes []*pb.NodeProto, opsets map[string]int, prefix string) {
	for _, n := range nodes {
		if k, f := c.im.function(n); f != nil {
			if !c.seen[k] {
				c.seen[k] = true
				c.count(f.Node, opsetsOfFunction(f, c.im.opsets), prefix+n.GetName()+"/")
			}
			continue
		}
		if err := known(n, opsets); err != nil {
			op := operatorName(n, opsets)
			if c.reasons[op] == "" {
				c.order = append(c.order, op)
				c.reasons[op] = err.Error()
			}
			c.nodes[op] = append(c.nodes[op], prefix+nodeName(n))
		}
		for _, a := range n.Attribute {
			if a.G != nil {
				c.count(a.G.Node, opsets, prefix)
			}
		}
	}
}

// known says why an operator cannot be imported.
func known(n *pb.NodeProto, opsets map[string]int) error {
	d := domain(n.GetDomain())
	opset, ok := opsets[d]
	switch {
	case isContributed(d, n.GetOpType()): // without its version, too: ONNX Runtime does not ask for it
		if contributed[n.GetOpType()] == nil {
			return errors.New("not supported yet")
		}
		return nil
	case !ok:
		return fmt.Errorf("the model does not say which opset of domain %q it uses", d)
	case d == Domain && ir.Lookup(n.GetOpType()) != nil, isFlexAttention(d, n.GetOpType()):
		return nil
	case d != "":
		return knownElsewhere(d, n.GetOpType(), opset)
	}
	op := n.GetOpType()
	if history[op] != nil {
		if _, err := version(op, opset); err != nil && op != "LayerNormalization" { // ONNX Runtime takes that in any opset
			return err
		}
	}
	if op == "Constant" || op == "CastLike" || ir.Lookup(becomes(op)) != nil {
		return nil
	}
	if history[op] == nil {
		return errors.New("ONNX has no operator of that name")
	}
	return errors.New("not supported yet")
}

func (c *census) err() error {
	if len(c.order) == 0 {
		return nil
	}
	var b strings.Builder
	if len(c.order) == 1 {
		b.WriteString("1 operator is not supported: ")
	} else {
		fmt.Fprintf(&b, "%d operators are not supported: ", len(c.order))
	}
	slices.Sort(c.order)
	for i, op := range c.order {
		if i > 0 {
			b.WriteString("; ")
		}
		names := c.nodes[op]
		more := ""
		if len(names) > 8 {
			names, more = names[:8], fmt.Sprintf(" and %d more", len(names)-8)
		}
		fmt.Fprintf(&b, "%s: %s (node %s%s)", op, c.reasons[op], strings.Join(names, ", "), more)
	}
	return &UnsupportedError{Operators: c.order, text: b.String()}
}

// An UnsupportedError says that a model is in order but uses operators that cannot be imported.
type UnsupportedError struct {
	Operators []string // with domain and opset, sorted
	text      string
}

func (e *UnsupportedError) Error() string { return e.text }

// operatorName is an operator as messages name it: "Gelu, opset 20" or "com.microsoft::Gelu, opset 1".
func operatorName(n *pb.NodeProto, opsets map[string]int) string {
	d := domain(n.GetDomain())
	name := functionKey{d, n.GetOpType(), n.GetOverload()}.String()
	if v, ok := opsets[d]; ok {
		return fmt.Sprintf("%s, opset %d", name, v)
	}
	return name
}

// nodeName is a node as messages name it: by its name or, without one, by what it computes.
func nodeName(n *pb.NodeProto) string {
	if n.GetName() != "" {
		return fmt.Sprintf("%q", n.GetName())
	}
	for _, out := range n.Output {
		if out != "" {
			return fmt.Sprintf("of %q", out)
		}
	}
	return "without name"
}

// nodeError puts a node's place before an error, once: an error from inside a body or a function has its own.
func (s *scope) nodeError(n *pb.NodeProto, err error) error {
	var placed *placedError
	if errors.As(err, &placed) {
		return err
	}
	name := nodeName(n)
	if s.prefix != "" {
		name += " in " + fmt.Sprintf("%q", strings.TrimSuffix(s.prefix, "/"))
	}
	return &placedError{fmt.Errorf("node %s (%s): %w", name, operatorName(n, s.opsets), err)}
}

// A placedError names its node.
type placedError struct{ error }

func (e *placedError) Unwrap() error { return e.error }
