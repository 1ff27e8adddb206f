package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// main writes the outermost graph. The names of its inputs and outputs are the model's and come before all others.
func (e *exporter) main(f *ir.Func) (*pb.GraphProto, error) {
	w := &graphWriter{exporter: e, GraphProto: &pb.GraphProto{Name: f.Name}, places: map[string]extent{}, own: map[*ir.Value]bool{}}
	e.outer = w.GraphProto
	for _, p := range f.Params {
		w.param(p)
	}
	outputs := make([]string, len(f.Results))
	for i := range f.Results {
		if outputs[i] = f.ResultName(i); outputs[i] == "" {
			outputs[i] = fmt.Sprintf("output_%d", i)
		}
		outputs[i] = e.unique(outputs[i])
	}
	return w.GraphProto, w.body(f, outputs)
}

// inner writes the graph of a body, which sees the names around it.
func (w *graphWriter) inner(f *ir.Func) (*pb.GraphProto, error) {
	in := &graphWriter{
		exporter: w.exporter, GraphProto: &pb.GraphProto{Name: f.Name}, places: maps.Clone(w.places), own: map[*ir.Value]bool{},
	}
	for _, p := range f.Params {
		in.param(p)
	}
	outputs := make([]string, len(f.Results))
	for i := range f.Results {
		outputs[i] = w.unique(f.ResultName(i))
	}
	return in.GraphProto, in.body(f, outputs)
}

func (w *graphWriter) param(p *ir.Value) {
	w.names[p] = w.unique(p.Name)
	w.Input = append(w.Input, valueInfo(w.names[p], p.Type))
	w.see(p)
}

// body writes nodes and outputs. An output that no node of this graph computes, or that is an output twice, gets an Identity.
func (w *graphWriter) body(f *ir.Func, outputs []string) error {
	for i, r := range f.Results {
		if r.Def != nil && r.Def.Op != ir.Const && r.Def.Op != ir.Weight && w.names[r] == "" && slices.Contains(f.Nodes, r.Def) {
			w.names[r] = outputs[i]
		}
	}
	for _, n := range f.Nodes {
		if err := w.write(n); err != nil {
			return fmt.Errorf("node %q (%s): %w", n.Name, n.Op.Name, err)
		}
	}
	for i, r := range f.Results {
		if w.names[r] != outputs[i] {
			w.node("Identity", "", []string{w.names[r]}, []string{outputs[i]})
		}
		w.Output = append(w.Output, valueInfo(outputs[i], r.Type))
	}
	return nil
}

func (w *graphWriter) node(op, name string, in, out []string) *pb.NodeProto {
	n := &pb.NodeProto{OpType: op, Name: name, Input: in, Output: out}
	w.Node = append(w.Node, n)
	return n
}

// nodeName is name, or name with a number: an expansion gives several nodes that of the one they stand for.
func (e *exporter) nodeName(name string) string {
	if name == "" {
		return ""
	}
	u := name
	for i := 2; e.nodes[u]; i++ {
		u = name + "_" + strconv.Itoa(i)
	}
	e.nodes[u] = true
	return u
}

func (w *graphWriter) write(n *ir.Node) (err error) {
	switch n.Op {
	case ir.Weight:
		w.names[n.Out()], err = w.weight(n)
		return err
	case ir.Const:
		return w.constant(n)
	}
	p := &pb.NodeProto{OpType: onnxName(n.Op), Name: w.nodeName(n.Name)}
	for _, a := range n.Args {
		p.Input = append(p.Input, w.names[a]) // "" for nil
	}
	for _, r := range n.Results {
		if w.names[r] == "" {
			w.names[r] = w.unique(r.Name)
		}
		p.Output = append(p.Output, w.names[r])
	}
	for _, name := range n.Op.AttrNames() {
		v, ok := n.Attrs[name]
		if !ok {
			continue
		}
		a, err := attributeProto(name, v)
		if err != nil {
			return err
		}
		p.Attribute = append(p.Attribute, a)
	}
	if d, ok := downgrades[p.OpType]; ok && w.opset < forms[p.OpType] {
		d.change(n, p)
	}
	for i, name := range n.Op.BodyNames() {
		g, err := w.inner(n.Bodies[i])
		if err != nil {
			return err
		}
		p.Attribute = append(p.Attribute, &pb.AttributeProto{Name: name, Type: pb.AttributeProto_GRAPH, G: g})
	}
	w.Node = append(w.Node, p)
	for _, r := range n.Results {
		w.see(r)
	}
	return nil
}

// constant makes an initializer of a constant, or computes it when it mentions dimensions by name.
func (w *graphWriter) constant(n *ir.Node) error {
	if s, ok := n.Attrs["value"].(ir.SymData); ok {
		name, err := w.symbolic(s)
		w.names[n.Out()] = name
		return err
	}
	name := n.Out().Name
	if name == "" {
		name = "const"
	}
	name = w.unique(name)
	w.names[n.Out()] = name
	w.Initializer = append(w.Initializer, tensorProto(name, n.Data("value")))
	return nil
}

func attributeProto(name string, v any) (*pb.AttributeProto, error) {
	a := &pb.AttributeProto{Name: name}
	switch v := v.(type) {
	case int64:
		a.Type, a.I = pb.AttributeProto_INT, v
	case float64:
		a.Type, a.F = pb.AttributeProto_FLOAT, float32(v)
	case string:
		a.Type, a.S = pb.AttributeProto_STRING, []byte(v)
	case []int64:
		a.Type, a.Ints = pb.AttributeProto_INTS, v
	case []float64:
		a.Type, a.Floats = pb.AttributeProto_FLOATS, make([]float32, len(v))
		for i, x := range v {
			a.Floats[i] = float32(x)
		}
	case []string:
		a.Type = pb.AttributeProto_STRINGS
		for _, s := range v {
			a.Strings = append(a.Strings, []byte(s))
		}
	case *ir.Data:
		a.Type, a.T = pb.AttributeProto_TENSOR, tensorProto("", v)
	case ir.Type:
		a.Type, a.Tp = pb.AttributeProto_TYPE_PROTO, typeProto(v)
	default:
		return nil, fmt.Errorf("attribute %q: a %T cannot be written", name, v)
	}
	return a, nil
}
