package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"google.golang.org/protobuf/proto"
)

// functions are those of Domain that a model needs, in the order in which they are written.
type functions struct {
	list  []*function
	byKey map[string]*function
}

// A function is one of Domain: for all nodes that differ only in sizes and in attributes that are passed on.
type function struct {
	proto  *pb.FunctionProto
	custom *custom
	suffix string
	calls  []*pb.NodeProto // that must get its name when it has one
}

// call writes n as a call of its function; the error says why it has none.
func (w *graphWriter) call(n *ir.Node, p *pb.NodeProto) error {
	c := customOf(n.Op)
	f, err := w.function(c, n)
	if err != nil {
		return err
	}
	p.Domain, p.Overload = Domain, functionID(f.proto)
	f.calls = append(f.calls, p)
	for _, r := range n.Results { // which tools that do not look into functions cannot infer
		w.ValueInfo = append(w.ValueInfo, valueInfo(w.names[r], r.Type))
	}
	for _, name := range c.passed {
		if always(name) && n.Attrs[name] == nil {
			a, err := attributeProto(name, n.Float(name))
			if err != nil {
				return err
			}
			p.Attribute = append(p.Attribute, a)
		}
	}
	return nil
}

// function is the function for n, written when it is the first of its kind.
func (e *exporter) function(c *custom, n *ir.Node) (*function, error) {
	g, err := c.generalize(n)
	if err != nil {
		return nil, err
	}
	proto, err := e.body(c, g)
	if err != nil {
		return nil, err
	}
	id := functionID(proto)
	f := e.functions.byKey[id]
	if f == nil {
		f = &function{proto: proto, custom: c, suffix: c.suffix(n)}
		e.functions.byKey[id] = f
		e.functions.list = append(e.functions.list, f)
	}
	return f, nil
}

// body writes the function of an operator. Its name may yet be changed, to tell it from others.
func (e *exporter) body(c *custom, g *general) (*pb.FunctionProto, error) {
	p := &pb.FunctionProto{Name: c.op.Name, Domain: Domain, DocString: c.doc}
	for _, name := range c.op.AttrNames() {
		if _, ok := g.node.Attrs[name]; ok || always(name) {
			p.Attribute = append(p.Attribute, name)
		}
	}
	in := *e
	in.nodes, in.taken, in.names = map[string]bool{}, map[string]bool{}, map[*ir.Value]string{}
	w := &graphWriter{exporter: &in, GraphProto: &pb.GraphProto{}, places: map[string]extent{}, read: map[extent]string{}, own: map[*ir.Value]bool{}, general: g}
	for _, name := range c.op.ArgNames()[:len(g.node.Args)] {
		p.Input = append(p.Input, in.unique(name)) // absent ones too: arguments go by their places
	}
	for _, v := range g.f.Params {
		w.names[v] = v.Name
		w.see(v)
	}
	outputs := []string{in.unique("y")}
	if err := in.expandIn(g.f, g.node); err != nil {
		return nil, err
	}
	if err := w.body(g.f, outputs); err != nil {
		return nil, err
	}
	p.Output, p.Node = outputs, w.Node
	p.OpsetImport = []*pb.OperatorSetIdProto{{Version: int64(e.opset)}}
	return p, nil
}

// expandIn replaces n in f, and whatever the opset lacks in what n stands for. Functions that call functions are beyond some runtimes; to
// ONNX Runtime 1.30 they are if the called one is an overload.
func (e *exporter) expandIn(f *ir.Func, n *ir.Node) error {
	expand(f, func(m *ir.Node) bool { return m == n || lacks(m, e.opset) })
	if e.opset < added["Reshape.allowzero"] {
		copyZeros(f)
	}
	for _, m := range f.Nodes {
		if since, why := needs(m); since > e.opset {
			return fmt.Errorf("%s%s needs opset %d", m.Op.Name, why, since)
		}
	}
	return nil
}

// functionID tells functions apart by what they compute: what comes behind their operator's name, names of nodes, and documentation are left out.
func functionID(p *pb.FunctionProto) string {
	name, _, _ := strings.Cut(p.Name, "_")
	q := &pb.FunctionProto{Name: name, Input: p.Input, Output: p.Output, Attribute: p.Attribute, AttributeProto: p.AttributeProto, OpsetImport: p.OpsetImport}
	for _, n := range p.Node {
		q.Node = append(q.Node, &pb.NodeProto{Input: n.Input, Output: n.Output, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
			Attribute: n.Attribute})
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(q)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// finish names the functions: the only one of an operator has the operator's name. Others are overloads, or where the format has none
// names with an underscore and a suffix.
func (fs *functions) finish(irVersion int64) (protos []*pb.FunctionProto) {
	count, taken := map[string]int{}, map[string]bool{}
	for _, f := range fs.list {
		count[f.proto.Name]++
	}
	for _, f := range fs.list {
		name, overload := f.proto.Name, ""
		if count[name] > 1 {
			overload = f.suffix
			for i := 2; taken[name+"_"+overload]; i++ {
				overload = f.suffix + "_" + strconv.Itoa(i)
			}
			taken[name+"_"+overload] = true
		}
		if irVersion < overloadsSince && overload != "" {
			name, overload = name+"_"+overload, ""
		}
		f.proto.Name, f.proto.Overload = name, overload
		for _, p := range f.calls {
			p.OpType, p.Overload = name, overload
		}
		protos = append(protos, f.proto)
	}
	return protos
}

// overloadsSince is the version of the file format that brought overloads of functions.
const overloadsSince = 10
