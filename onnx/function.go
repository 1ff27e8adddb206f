package onnx

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// A functionKey is what a node names a model-local function by.
type functionKey struct{ domain, name, overload string }

func (k functionKey) String() string {
	s := k.name
	if k.domain != "" {
		s = k.domain + "::" + s
	}
	if k.overload != "" {
		s += ":" + k.overload
	}
	return s
}

// function is the model's function that n calls, nil if it calls none.
func (im *importer) function(n *pb.NodeProto) (functionKey, *pb.FunctionProto) {
	k := functionKey{domain(n.GetDomain()), n.GetOpType(), n.GetOverload()}
	return k, im.functions[k]
}

// call builds f's nodes in place of n. A function sees nothing but its arguments and attributes.
func (s *scope) call(n *pb.NodeProto, k functionKey, f *pb.FunctionProto, args []*ir.Value) ([]*ir.Value, error) {
	if slices.Contains(s.im.calls, k) {
		return nil, fmt.Errorf("function %s calls itself", k)
	}
	if len(args) > len(f.Input) {
		return nil, fmt.Errorf("%d inputs where function %s has %d", len(args), k, len(f.Input))
	}
	if len(n.Output) > len(f.Output) {
		return nil, fmt.Errorf("%d outputs where function %s has %d", len(n.Output), k, len(f.Output))
	}
	in := &scope{im: s.im, b: s.b, nested: s.nested, values: map[string]*ir.Value{}, opsets: opsetsOfFunction(f, s.im.opsets)}
	if err := checkOpset(in.opsets); err != nil {
		return nil, fmt.Errorf("function %s: %w", k, err)
	}
	var err error
	if in.attrs, err = s.callAttrs(n, f); err != nil {
		return nil, err
	}
	if in.prefix = s.prefix + n.GetName(); n.GetName() == "" {
		in.prefix = s.prefix + f.GetName()
	}
	in.prefix += "/"
	in.declared = map[string]*pb.TypeProto{}
	for _, v := range f.ValueInfo {
		in.declared[v.GetName()] = v.Type
	}
	for i, name := range f.Input {
		var v *ir.Value
		if i < len(args) {
			v = args[i]
		}
		if err := in.define(name, v); err != nil {
			return nil, fmt.Errorf("function %s: %w", k, err)
		}
	}
	s.im.calls = append(s.im.calls, k)
	defer func() { s.im.calls = s.im.calls[:len(s.im.calls)-1] }()
	if err := in.nodes(f.Node); err != nil {
		return nil, err
	}
	results := make([]*ir.Value, len(f.Output))
	for i, name := range f.Output {
		v, ok := in.find(name)
		if !ok {
			return nil, fmt.Errorf("function %s: output %q is not defined anywhere", k, name)
		}
		results[i] = v
	}
	return results, nil
}

// opsetsOfFunction are the function's own operator sets, the model's for domains that it does not name.
func opsetsOfFunction(f *pb.FunctionProto, model map[string]int) map[string]int {
	sets := maps.Clone(model)
	for _, o := range f.OpsetImport {
		sets[domain(o.GetDomain())] = int(o.GetVersion())
	}
	return sets
}

// callAttrs are the attributes that f's body can refer to: those of the call and the defaults of those it leaves out.
func (s *scope) callAttrs(n *pb.NodeProto, f *pb.FunctionProto) (map[string]*pb.AttributeProto, error) {
	attrs := map[string]*pb.AttributeProto{}
	for _, a := range f.AttributeProto {
		attrs[a.GetName()] = a
	}
	for _, a := range n.Attribute {
		name := a.GetName()
		if ref := a.GetRefAttrName(); ref != "" {
			if a = s.attrs[ref]; a == nil {
				continue
			}
		}
		if attrs[name] == nil && !slices.Contains(f.Attribute, name) {
			return nil, fmt.Errorf("function %s has no attribute %q", f.GetName(), name)
		}
		attrs[name] = a
	}
	return attrs, nil
}
