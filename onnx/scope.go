package onnx

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// A scope is a graph that is being built: that of the model, of a body, of an inlined function, or of a branch whose condition is
// known. The last two go into the function of their caller.
type scope struct {
	im       *importer
	outer    *scope // the graph around a body or a branch; nil for a model and for a function, which see nothing outside
	b        *ir.Builder
	values   map[string]*ir.Value // nil is an optional argument that the caller left out
	declared map[string]*pb.TypeProto
	opsets   map[string]int
	attrs    map[string]*pb.AttributeProto // of the call that is being inlined
	prefix   string                        // goes before names, in a function
	nested   int                           // how many loops there are around it
}

// find returns the value of that name here or around here.
func (s *scope) find(name string) (*ir.Value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) define(name string, v *ir.Value) error {
	if _, ok := s.values[name]; ok {
		return fmt.Errorf("value %q is defined twice", name)
	}
	s.values[name] = v
	return nil
}

// inside is a scope for a branch or body of s that goes into f.
func (s *scope) inside(b *ir.Builder) *scope {
	return &scope{im: s.im, outer: s, b: b, values: map[string]*ir.Value{}, opsets: s.opsets, attrs: s.attrs, prefix: s.prefix, nested: s.nested}
}

// graph builds the initializers and nodes of g.
func (s *scope) graph(g *pb.GraphProto) error {
	s.declared = map[string]*pb.TypeProto{}
	for _, v := range g.ValueInfo {
		s.declared[v.GetName()] = v.Type
	}
	for _, v := range g.Output {
		s.declared[v.GetName()] = v.Type
	}
	s.b.Name = ""
	for _, t := range g.Initializer {
		d, err := tensorData(t, s.im.files)
		if err == nil {
			err = s.initializer(t.GetName(), d)
		}
		if err != nil {
			return err
		}
	}
	for _, t := range g.SparseInitializer {
		d, err := sparseData(t, s.im.files)
		if err == nil {
			err = s.initializer(t.GetValues().GetName(), d)
		}
		if err != nil {
			return err
		}
	}
	return s.nodes(g.Node)
}

func (s *scope) initializer(name string, d *ir.Data) error {
	if name == "" {
		return errors.New("an initializer has no name")
	}
	v, err := s.constant(s.prefix+name, d)
	if err != nil {
		return fmt.Errorf("initializer %q: %w", name, err)
	}
	return s.define(name, v)
}

// nodes builds nodes, each after those it uses.
func (s *scope) nodes(nodes []*pb.NodeProto) error {
	nodes, err := s.order(nodes)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := s.node(n); err != nil {
			return err
		}
	}
	return nil
}

// Up to so many elements a tensor is a constant in the text of the program, whose contents the passes see: shapes, axes, indices.
// Of floating-point numbers that is a single one; more are a weight.
const maxConst = 64

// constant is d as a value.
func (s *scope) constant(name string, d *ir.Data) (*ir.Value, error) {
	var n *ir.Node
	var err error
	if few := d.Len() <= maxConst; few && (d.Elem.IsInt() || d.Elem == ir.Bool) || d.Elem == ir.String || d.Len() <= 1 {
		n, err = s.b.Add(ir.Const, 1, ir.Attrs{"value": d}, nil)
	} else {
		n, err = s.b.Add(ir.Weight, 1, ir.Attrs{"name": s.im.weight(name, d), "type": d.Type()}, nil)
	}
	if err != nil {
		return nil, err
	}
	n.Out().Name = name
	return n.Out(), nil
}

// weight stores d in the program and returns its name there: the one given, or with a number when bodies use it for other data.
func (im *importer) weight(name string, d *ir.Data) string {
	if name == "" {
		name = "weight"
	}
	unique := name
	for i := 2; ; i++ {
		old, ok := im.prog.Weights[unique]
		if !ok {
			im.prog.Weights[unique] = d
			return unique
		}
		if old == d || old.Equal(d) { // bodies are built more than once
			return unique
		}
		unique = name + "_" + strconv.Itoa(i)
	}
}

// results looks up the outputs of g.
func (s *scope) results(g *pb.GraphProto) ([]*ir.Value, error) {
	out := make([]*ir.Value, len(g.Output))
	for i, o := range g.Output {
		v, ok := s.find(o.GetName())
		if !ok || v == nil {
			return nil, fmt.Errorf("graph %q: output %q is not defined anywhere", g.GetName(), o.GetName())
		}
		if t, err := s.im.dims.declared(o.Type); err == nil && t.Known() && v.Type.Known() && conflict(t, v.Type) {
			return nil, fmt.Errorf("graph %q: output %q is declared as %s but computes %s", g.GetName(), o.GetName(), t, v.Type)
		}
		out[i] = v
	}
	return out, nil
}

// conflict reports whether no value can have both types. Declared shapes are hints that exporters get wrong; kinds and elements are not.
func conflict(t, u ir.Type) bool {
	if t.Kind != u.Kind {
		return true
	}
	return t.Kind == ir.Tensor && t.Elem != u.Elem && t.Elem != ir.NoElem && u.Elem != ir.NoElem
}

// body builds a graph that a node holds as a function. The parameters have the given types, made more exact by the declared ones.
func (s *scope) body(name string, g *pb.GraphProto, params []ir.Type) (*ir.Func, error) {
	f := s.b.F.NewBody(name)
	in := s.inside(ir.NewBuilder(f))
	if len(g.Input) > len(params) {
		return nil, fmt.Errorf("%s: its graph has %d inputs where the node gives %d", name, len(g.Input), len(params))
	}
	for i, p := range g.Input {
		t, err := s.im.dims.declared(p.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: input %q: %w", name, p.GetName(), err)
		}
		if params[i].Known() && t.Known() && conflict(params[i], t) {
			return nil, fmt.Errorf("%s: input %q is declared as %s but gets %s", name, p.GetName(), t, params[i])
		}
		if t = refine(params[i], t); !t.Known() {
			return nil, fmt.Errorf("%s: the type of input %q is missing", name, p.GetName())
		}
		if err := in.define(p.GetName(), f.Param(s.prefix+p.GetName(), t)); err != nil {
			return nil, err
		}
	}
	if err := in.graph(g); err != nil {
		return nil, err
	}
	for _, o := range g.Output {
		f.ResultNames = append(f.ResultNames, s.prefix+o.GetName())
	}
	results, err := in.results(g)
	f.Return(results...)
	return f, err
}
