package onnx

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/encoding/protowire"
)

// main writes the outermost graph. The names of its inputs and outputs are the model's and come before all others.
func (e *exporter) main(f *ir.Func) (*pb.GraphProto, error) {
	w := &graphWriter{exporter: e, GraphProto: &pb.GraphProto{Name: f.Name}, places: map[string]extent{}, read: map[extent]string{}, own: map[*ir.Value]bool{}}
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
		exporter: w.exporter, GraphProto: &pb.GraphProto{Name: f.Name}, places: maps.Clone(w.places), read: maps.Clone(w.read), own: map[*ir.Value]bool{},
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
	w.sweep()
	return nil
}

// sweep drops constants that nobody uses: older forms of operators have attributes in their places.
func (w *graphWriter) sweep() {
	used := map[string]bool{}
	for _, o := range w.Output {
		used[o.Name] = true
	}
	mentions(w.GraphProto, used)
	w.Initializer = slices.DeleteFunc(w.Initializer, func(t *pb.TensorProto) bool { return !used[t.Name] })
	w.Node = slices.DeleteFunc(w.Node, func(n *pb.NodeProto) bool { return n.OpType == "Constant" && !used[n.Output[0]] })
}

// mentions collects the names that nodes of g have as inputs, those of inner graphs included.
func mentions(g *pb.GraphProto, used map[string]bool) {
	for _, n := range g.Node {
		for _, name := range n.Input {
			used[name] = true
		}
		for _, a := range n.Attribute {
			if a.G != nil {
				mentions(a.G, used)
				for _, o := range a.G.Output {
					used[o.Name] = true
				}
			}
		}
	}
}

func (w *graphWriter) node(op, name string, in, out []string) *pb.NodeProto {
	n := &pb.NodeProto{OpType: op, Name: name, Input: in, Output: out}
	w.Node = append(w.Node, n)
	return n
}

// nodeName is name or, since an expansion gives several nodes that of the one they stand for, name with the operator's, and with a number.
func (e *exporter) nodeName(name string, op *ir.Op) string {
	if name == "" {
		return ""
	}
	u := name
	for i := 1; e.nodes[u]; i++ {
		if u = name + "/" + op.Name; i > 1 {
			u += "_" + strconv.Itoa(i)
		}
	}
	e.nodes[u] = true
	return u
}

// valueName is the name of a result of a node: its own, the node's, or the operator's.
func valueName(r *ir.Value, p *pb.NodeProto) string {
	switch {
	case r.Name != "":
		return r.Name
	case p.Name != "":
		return p.Name + "_output_" + strconv.Itoa(r.Index)
	}
	return strings.ToLower(p.OpType)
}

func (w *graphWriter) write(n *ir.Node) (err error) {
	switch n.Op {
	case ir.Weight:
		w.names[n.Out()], err = w.weight(n)
		return err
	case ir.Const:
		return w.constant(n)
	}
	p := &pb.NodeProto{OpType: onnxName(n.Op), Name: w.nodeName(n.Name, n.Op)}
	ml := mlWritten[n.Op]
	if ml != nil {
		p.Domain, w.ml = mlDomain, true
	}
	custom := w.general == nil && w.isCustom(n.Op)
	if custom {
		p.OpType = n.Op.Name
	}
	for _, a := range n.Args {
		p.Input = append(p.Input, w.names[a]) // "" for nil
	}
	for _, r := range n.Results {
		if w.names[r] == "" {
			w.names[r] = w.unique(valueName(r, p))
		}
		p.Output = append(p.Output, w.names[r])
	}
	for len(p.Output) < leastResults(n) {
		p.Output = append(p.Output, w.unique(valueName(&ir.Value{Index: len(p.Output)}, p)))
	}
	if custom {
		if err := w.call(n, p); err != nil {
			return err
		}
	}
	for _, name := range n.Op.AttrNames() {
		v, ok := n.Attrs[name]
		if !ok && name == "hidden_size" && n.TypeAt(2).Rank() == 3 { // optional in ONNX, but ONNX Runtime asks for it
			size, known := n.Args[2].Type.Shape[2].Const()
			v, ok = int64(size), known
		}
		if !ok {
			continue
		}
		if d, isData := v.(*ir.Data); isData && ml != nil && len(d.Shape) == 0 { // which wants a vector of one
			v = d.Reshaped(1)
		}
		a, err := attributeProto(cmp.Or(ml[name], name), v)
		if err != nil {
			return err
		}
		p.Attribute = append(p.Attribute, w.passOn(a, v))
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

// leastResults is the number of results that ONNX wants n to have: those after the last that is used may be missing here.
func leastResults(n *ir.Node) int {
	switch {
	case n.Op == ir.Loop:
		return len(n.Bodies[0].Results) - 1
	case len(n.Bodies) > 0:
		return len(n.Bodies[0].Results)
	}
	return n.Op.MinResults()
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
	if !w.passedConstant(name, n.Data("value")) {
		w.tensor(name, n.Data("value"))
	}
	return nil
}

// tensor writes a constant: an initializer, which functions do not have.
func (w *graphWriter) tensor(name string, d *ir.Data) {
	if w.general == nil {
		w.Initializer = append(w.Initializer, w.initializer(name, d))
		return
	}
	t := tensorProto("", d)
	w.node("Constant", "", nil, []string{name}).Attribute = []*pb.AttributeProto{{Name: "value", Type: pb.AttributeProto_TENSOR, T: t}}
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

// explicitZeros gives attributes of 0 and "" their values on the wire, where version 3 of the language of messages leaves them out: readers
// of version 2, as ONNX's own, tell those from none.
func explicitZeros(nodes []*pb.NodeProto) {
	for _, n := range nodes {
		for _, a := range n.Attribute {
			if a.G != nil {
				explicitZeros(a.G.Node)
			}
			if a.RefAttrName != "" {
				continue
			}
			var b []byte
			switch {
			case a.Type == pb.AttributeProto_FLOAT && a.F == 0 && !math.Signbit(float64(a.F)):
				b = protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), 0)
			case a.Type == pb.AttributeProto_INT && a.I == 0:
				b = protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 0)
			case a.Type == pb.AttributeProto_STRING && len(a.S) == 0:
				b = protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), nil)
			default:
				continue
			}
			a.ProtoReflect().SetUnknown(b)
		}
	}
}
