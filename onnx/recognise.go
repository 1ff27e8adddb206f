package onnx

import (
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// recognise reports whether f, the function of Domain that n calls, is the one that an export of n would write, so that n means the
// operator of the same name. Of a function that says something else, because another program wrote it or changed it, what it says holds.
func (s *scope) recognise(n *pb.NodeProto, k functionKey, args []*ir.Value) (*custom, bool) {
	c := customNamed(k.name)
	if c == nil || k.domain != Domain || s.opsets[Domain] != DomainVersion {
		return nil, false
	}
	attrs, err := s.attributes(n)
	if err != nil {
		return nil, false
	}
	f := s.im.functions[k]
	e := &exporter{form: Functions, opset: opsetsOfFunction(f, s.im.opsets)[""], functions: &functions{byKey: map[string]*function{}}}
	if e.opset < oldestExport || e.opset > newest {
		return nil, false
	}
	like, err := apply(c.op, attrs, args)
	if err != nil {
		return nil, false
	}
	want, err := e.function(c, like)
	if err != nil {
		return nil, false
	}
	return c, functionID(f) == functionID(want.proto)
}

// apply is a node of op with arguments of the types of args, outside of any program.
func apply(op *ir.Op, attrs ir.Attrs, args []*ir.Value) (*ir.Node, error) {
	f := ir.NewFunc(op.Name)
	params := make([]*ir.Value, len(args))
	for i, a := range args {
		if a != nil {
			params[i] = f.Param("", a.Type)
		}
	}
	return ir.NewBuilder(f).Add(op, 1, attrs, nil, params...)
}
