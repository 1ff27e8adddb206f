package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// A node is an operator on its way from the form it has in the file to its newest one. Upgrades change it, or build its results.
type node struct {
	*scope
	op      string
	args    []*ir.Value
	attrs   map[string]any
	outputs int         // how many results are wanted
	used    []bool      // which of them have a name
	results []*ir.Value // once an upgrade, or the last step, has built them
}

// node builds n and defines its outputs.
func (s *scope) node(p *pb.NodeProto) error {
	if s.im.budget--; s.im.budget < 0 {
		return s.nodeError(p, errors.New("the model's functions inside of functions grow beyond all measure"))
	}
	results, err := s.build(p)
	if err != nil {
		return s.nodeError(p, err)
	}
	for i, name := range p.Output {
		if name == "" {
			continue
		}
		if i >= len(results) {
			return s.nodeError(p, fmt.Errorf("output %q: the operator has %d results", name, len(results)))
		}
		if results[i] == nil && isContributed(domain(p.GetDomain()), p.GetOpType()) {
			continue // files name outputs that only training computes; who reads one finds it undefined
		}
		if err := s.define(name, s.declare(name, results[i])); err != nil {
			return s.nodeError(p, err)
		}
	}
	return nil
}

// declare gives v the name and what the model declares of its type.
func (s *scope) declare(name string, v *ir.Value) *ir.Value {
	if v == nil || v.Def == nil {
		return v
	}
	if v.Name == "" {
		v.Name = s.prefix + name
	}
	if d := s.declared[name]; d != nil {
		if t, err := s.im.dims.declared(d); err == nil {
			v.Type = refine(v.Type, branchSizes(v, ownSizes(v, t)))
		}
	}
	return v
}

// ownSizes is the type t that the model declares for v, with the sizes that it leaves open as dimensions of v's node, which finds them
// out when it runs.
func ownSizes(v *ir.Value, t ir.Type) ir.Type {
	if !v.Type.Unranked || !t.Ranked() {
		return t
	}
	t.Shape = slices.Clone(t.Shape)
	for axis, d := range t.Shape {
		if name, ok := d.Name(); ok && strings.HasPrefix(name, "?") {
			t.Shape[axis] = v.Def.Fresh(maxRank*v.Index + axis)
		}
	}
	return t
}

// branchSizes is t without the sizes that hold in one branch of an If at most, which v is a result of: models that are merged from one for the
// first token and one for those behind it call the keys of both alike.
func branchSizes(v *ir.Value, t ir.Type) ir.Type {
	if v.Def.Op != ir.If || !t.Ranked() || !v.Type.Ranked() || t.Rank() != v.Type.Rank() {
		return t
	}
	yes, no := v.Def.Bodies[0].Results[v.Index].Type, v.Def.Bodies[1].Results[v.Index].Type
	t.Shape = slices.Clone(t.Shape)
	for axis := range t.Shape {
		if x, y := yes.Shape[axis], no.Shape[axis]; !x.Equal(y) && !strings.Contains(x.String()+y.String(), "?") {
			t.Shape[axis] = v.Type.Shape[axis]
		}
	}
	return t
}

// maxRank keeps the dimensions of a node's results apart.
const maxRank = 64

func (s *scope) build(p *pb.NodeProto) ([]*ir.Value, error) {
	args, err := s.arguments(p)
	if err != nil {
		return nil, err
	}
	s.b.Name = s.prefix + p.GetName()
	n := &node{scope: s, op: p.GetOpType(), args: args}
	if k, f := s.im.function(p); f != nil {
		c, ok := s.recognise(p, k, args)
		if !ok {
			return s.call(p, k, f, args)
		}
		n.op = c.op.Name
	}
	for i, out := range p.Output {
		n.used = append(n.used, out != "")
		if out != "" {
			n.outputs = i + 1
		}
	}
	if n.attrs, err = s.attributes(p); err != nil {
		return nil, err
	}
	d := domain(p.GetDomain())
	switch {
	case isFlexAttention(d, n.op):
		err := n.flexAttention()
		return n.results, err
	case isContributed(d, n.op):
		err := n.contributedNode()
		return n.results, err
	}
	switch d {
	case Domain:
	case mlDomain, trainingDomain:
		if f := elsewhere[n.op]; f != nil {
			if err := f(n); err != nil {
				return nil, err
			}
		}
	default:
		if n.op == "Constant" {
			return n.constantNode(p.Output)
		}
		if err := n.upgrade(s.opsets[d]); err != nil {
			return nil, err
		}
	}
	if n.results == nil {
		n.results, err = n.finish()
	}
	return n.results, err
}

func (s *scope) arguments(p *pb.NodeProto) ([]*ir.Value, error) {
	args := make([]*ir.Value, len(p.Input))
	for i, name := range p.Input {
		if name == "" {
			continue
		}
		v, ok := s.find(name)
		if !ok {
			return nil, fmt.Errorf("input %q is not defined anywhere", name)
		}
		args[i] = v
	}
	return args, nil
}

// finish builds the node in its newest form.
func (n *node) finish() ([]*ir.Value, error) {
	op := ir.Lookup(n.op)
	if op == nil {
		return nil, errors.New("not supported yet")
	}
	if n.op == "If" {
		if done, results, err := n.decidedIf(); done || err != nil {
			return results, err
		}
	}
	bodies, err := n.bodies(op)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(n.attrs)) {
		if !op.HasAttr(name) {
			return nil, fmt.Errorf("attribute %q is not supported", name)
		}
	}
	results := n.outputs
	if m := op.MaxResults(); m >= 0 && results > m {
		return nil, fmt.Errorf("%d outputs where the operator has %d", results, m)
	}
	return n.add(op, max(results, 1), n.attrs, bodies, n.args...)
}

// add builds a node; the operator's name that the builder puts before its errors is dropped, for messages have it already.
func (n *node) add(op *ir.Op, results int, attrs ir.Attrs, bodies []*ir.Func, args ...*ir.Value) ([]*ir.Value, error) {
	built, err := n.b.Add(op, results, attrs, bodies, args...)
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		return nil, err
	}
	return built.Results, nil
}

// constantNode is a Constant, in whichever of its attributes the data is.
func (n *node) constantNode(outputs []string) ([]*ir.Value, error) {
	if len(n.attrs) != 1 || len(n.args) > 0 {
		return nil, fmt.Errorf("%d attributes and %d inputs; a constant has one value and no input", len(n.attrs), len(n.args))
	}
	var d *ir.Data
	for name, v := range n.attrs {
		switch v := v.(type) {
		case *ir.Data:
			d = v
		case int64:
			d = ir.Ints(ir.I64, nil, v)
		case float64:
			d = ir.Floats(ir.F32, nil, v)
		case string:
			d = ir.Strings(nil, v)
		case []int64:
			d = ir.Ints(ir.I64, []int{len(v)}, v...)
		case []float64:
			d = ir.Floats(ir.F32, []int{len(v)}, v...)
		case []string:
			d = ir.Strings([]int{len(v)}, v...)
		default:
			return nil, fmt.Errorf("attribute %q holds no constant", name)
		}
	}
	name := ""
	if len(outputs) > 0 {
		name = outputs[0]
	}
	v, err := n.constant(n.prefix+name, d)
	return []*ir.Value{v}, err
}

// decidedIf builds, of an If whose condition the shapes decide, only the branch that is taken: the other need not even be valid.
func (n *node) decidedIf() (done bool, results []*ir.Value, err error) {
	if len(n.args) != 1 || n.args[0] == nil {
		return false, nil, nil
	}
	cond, ok := n.args[0].ConstInts()
	if !ok || len(cond) != 1 {
		return false, nil, nil
	}
	name := "else_branch"
	if cond[0] != 0 {
		name = "then_branch"
	}
	g, ok := n.attrs[name].(*pb.GraphProto)
	if !ok {
		return false, nil, fmt.Errorf("attribute %q is missing", name)
	}
	in := n.inside(n.b)
	if err := in.graph(g); err != nil {
		return true, nil, err
	}
	results, err = in.results(g)
	return true, results, err
}

// input is argument i, nil when it is absent.
func (n *node) input(i int) *ir.Value {
	if i < len(n.args) {
		return n.args[i]
	}
	return nil
}

// setInput makes v argument i.
func (n *node) setInput(i int, v *ir.Value) {
	for len(n.args) <= i {
		n.args = append(n.args, nil)
	}
	n.args[i] = v
}

// take removes an attribute and returns it, nil if it is not there.
func (n *node) take(name string) any {
	v := n.attrs[name]
	delete(n.attrs, name)
	return v
}

// takeInt is take of an integer, def if it is not there.
func (n *node) takeInt(name string, def int64) int64 {
	if v, ok := n.take(name).(int64); ok {
		return v
	}
	return def
}

// new builds a node of one result by its operator's name.
func (n *node) new(op string, attrs ir.Attrs, args ...*ir.Value) (*ir.Value, error) {
	o := ir.Lookup(op)
	if o == nil {
		return nil, fmt.Errorf("%s is needed for it and not supported yet", op)
	}
	built, err := n.add(o, 1, attrs, nil, args...)
	if err != nil {
		return nil, err
	}
	return built[0], nil
}

// vector builds an int64 constant.
func (n *node) vector(xs ...int64) (*ir.Value, error) {
	return n.new("Const", ir.Attrs{"value": ir.Vector(xs...)})
}
