package onnx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// bodies builds the graphs among the attributes and takes them out of there.
func (n *node) bodies(op *ir.Op) ([]*ir.Func, error) {
	var bodies []*ir.Func
	for _, name := range op.BodyNames() {
		g, ok := n.attrs[name].(*pb.GraphProto)
		if !ok {
			return nil, fmt.Errorf("attribute %q is missing", name)
		}
		f, err := n.buildBody(name, g)
		if err != nil {
			return nil, err
		}
		delete(n.attrs, name)
		bodies = append(bodies, f)
	}
	return bodies, nil
}

func (n *node) buildBody(name string, g *pb.GraphProto) (*ir.Func, error) {
	switch n.op {
	case "If":
		return n.body(name, g, nil)
	case "Loop":
		types := []ir.Type{ir.T(ir.I64), ir.T(ir.Bool)}
		for i := 2; i < len(n.args); i++ {
			types = append(types, typeOfArg(n.args[i]))
		}
		return n.settle(name, g, types, 2, 1)
	case "Scan":
		types, states, err := n.scanParams()
		if err != nil {
			return nil, err
		}
		return n.settle(name, g, types[:min(states+n.scanned(), len(types))], 0, 0)
	case "SequenceMap":
		types := make([]ir.Type, len(n.args))
		for i, a := range n.args {
			if types[i] = typeOfArg(a); types[i].Kind == ir.Sequence {
				types[i] = *types[i].Of
			}
		}
		return n.body(name, g, types)
	}
	return nil, errors.New("operators with graphs inside, other than If, Loop, Scan and SequenceMap, are not supported")
}

func typeOfArg(v *ir.Value) ir.Type {
	if v == nil {
		return ir.Type{}
	}
	return v.Type
}

func (n *node) scanned() int {
	k, _ := n.attrs["num_scan_inputs"].(int64)
	return int(k)
}

// scanParams are the types of the arguments of a Scan's body: states as they come in, then one slice of each sequence.
func (n *node) scanParams() (types []ir.Type, states int, err error) {
	states = len(n.args) - n.scanned()
	if n.scanned() < 1 || states < 0 {
		return nil, 0, fmt.Errorf("num_scan_inputs is %d of %d inputs", n.scanned(), len(n.args))
	}
	axes, _ := n.attrs["scan_input_axes"].([]int64)
	for i, a := range n.args {
		t := typeOfArg(a)
		if i >= states && t.Ranked() {
			axis := 0
			if k := i - states; k < len(axes) {
				axis = int(axes[k])
			}
			if axis, err = ir.Axis(axis, t.Rank()); err != nil {
				return nil, 0, err
			}
			t.Shape = append(append([]ir.Dim{}, t.Shape[:axis]...), t.Shape[axis+1:]...)
		}
		types = append(types, t)
	}
	return types, states, nil
}

// batchedScan is the first Scan, whose inputs all had a batch as axis 0: a Scan over the batch of a Scan over each sequence.
func batchedScan(n *node) error {
	if n.input(0) != nil {
		return errors.New("sequences of different lengths are not supported")
	}
	if len(n.args) < 2 {
		return errors.New("its inputs are missing")
	}
	n.args = n.args[1:]
	f := n.b.F.NewBody("batch")
	in := &node{scope: n.inside(ir.NewBuilder(f)), op: "Scan", outputs: n.outputs, attrs: map[string]any{
		"body": n.attrs["body"], "num_scan_inputs": n.attrs["num_scan_inputs"],
	}}
	if directions := n.take("directions"); directions != nil {
		in.attrs["scan_input_directions"] = directions
	}
	for i, a := range n.args {
		t := typeOfArg(a)
		if t.Rank() < 1 {
			return errors.New("it needs inputs of known rank")
		}
		in.args = append(in.args, f.Param(fmt.Sprintf("sample_%d", i), ir.T(t.Elem, t.Shape[1:]...)))
	}
	results, err := in.finish()
	if err != nil {
		return err
	}
	f.Return(results...)
	n.results, err = n.add(ir.Scan, n.outputs, ir.Attrs{"num_scan_inputs": len(n.args)}, []*ir.Func{f}, n.args...)
	return err
}

// maxTries bounds the bodies built for one node, and maxNested the depth at which types are still tried.
const (
	maxTries  = 4
	maxNested = 3
)

// settle builds a body whose parameters from first on come back as results, from another place on, for the next round. What a round
// changes of a type is left open, until nothing changes.
func (n *node) settle(name string, g *pb.GraphProto, types []ir.Type, first, back int) (*ir.Func, error) {
	carried := len(types) - first
	if n.op == "Scan" {
		carried -= n.scanned()
	}
	if n.nested >= maxNested {
		for i := range carried {
			types[first+i] = open(types[first+i])
		}
	}
	n.nested++
	defer func() { n.nested-- }()
	for try := 0; ; try++ {
		f, err := n.body(name, g, types)
		if try == maxTries || err != nil && !n.loosen(types[first:first+carried]) {
			return f, err
		}
		if err != nil {
			continue
		}
		settled := true
		for i := range carried {
			if first+i >= len(f.Params) || back+i >= len(f.Results) {
				break // the node is wrong, as its inference will say
			}
			t, same := n.join(f.Params[first+i].Type, f.Results[back+i].Type)
			if !same {
				types[first+i], settled = t, false
			}
		}
		if settled {
			return f, nil
		}
	}
}

// loosen opens shapes that are not open yet: a body may be valid only for those that later rounds have.
func (n *node) loosen(types []ir.Type) bool {
	opened := false
	for i, t := range types {
		if t.Ranked() && t.Rank() > 0 && n.nested == 1 {
			types[i], opened = open(t), true
		}
	}
	return opened
}

func open(t ir.Type) ir.Type {
	if t.Ranked() {
		return ir.Unranked(t.Elem)
	}
	return t
}

// join is a type for both t and u, and whether t is one already.
func (n *node) join(t, u ir.Type) (ir.Type, bool) {
	switch {
	case !t.Ranked() || t.Kind != u.Kind || t.Elem != u.Elem:
		return t, true
	case !u.Ranked() || u.Rank() != t.Rank():
		return ir.Unranked(t.Elem), false
	}
	same, shape := true, append([]ir.Dim{}, t.Shape...)
	for i, d := range u.Shape {
		if d.Equal(shape[i]) {
			continue
		}
		if name, ok := shape[i].Name(); !ok || !strings.HasPrefix(name, "?") {
			n.im.dims.fresh++
			shape[i], same = ir.Sym(fmt.Sprintf("?d%d", n.im.dims.fresh)), false
		}
	}
	t.Shape = shape
	return t, same
}
