package onnx

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

// forms is the opset in which each operator got the form that the IR has. It is filled late, as upgradesOf is.
var forms = map[string]int{}

func init() {
	for op, versions := range history {
		if versions[len(versions)-1] > 0 {
			forms[op] = versions[0]
		}
	}
	for _, u := range upgrades {
		if _, ok := forms[u.op]; ok {
			forms[u.op] = max(forms[u.op], u.since)
		}
	}
}

// added has the opset in which an operator of unchanged form got an attribute or, by its number, an input.
var added = map[string]int{
	"Attention.left_window_size": 25, "Attention.right_window_size": 25, "Attention.6": 24, "AveragePool.dilations": 19,
	"Cast.saturate": 19, "Cast.round_mode": 24, "DequantizeLinear.block_size": 21, "DequantizeLinear.output_dtype": 23, "GRU.layout": 14,
	"LSTM.layout": 14, "LpPool.ceil_mode": 18, "LpPool.dilations": 18, "Pad.3": 18, "QuantizeLinear.block_size": 21,
	"QuantizeLinear.output_dtype": 21, "QuantizeLinear.precision": 23, "QuantizeLinear.saturate": 19, "RNN.layout": 14,
	"Range.stash_type": 27, "Reshape.allowzero": 14, "Resize.antialias": 18, "Resize.axes": 18, "Resize.keep_aspect_ratio_policy": 18,
	"ScatterElements.reduction": 16, "ScatterND.reduction": 16, "Shape.end": 15, "Shape.start": 15,
}

// A downgrade writes an operator in the form that it had before forms says.
type downgrade struct {
	fits   func(n *ir.Node) bool // whether n can be written so
	change func(n *ir.Node, p *pb.NodeProto)
}

var downgrades = map[string]downgrade{
	"ReduceL1": axesAttribute, "ReduceL2": axesAttribute, "ReduceLogSum": axesAttribute, "ReduceLogSumExp": axesAttribute,
	"ReduceMax": axesAttribute, "ReduceMean": axesAttribute, "ReduceMin": axesAttribute, "ReduceProd": axesAttribute,
	"ReduceSumSquare": axesAttribute,
	"Split":           {evenSplit, func(_ *ir.Node, p *pb.NodeProto) { dropAttr(p, "num_outputs") }},
}

// axesAttribute is for reductions, whose axes were an attribute before they became an input.
var axesAttribute = downgrade{
	func(n *ir.Node) bool {
		_, ok := n.ArgAt(1).ConstInts()
		return (n.ArgAt(1) == nil || ok) && n.Int("noop_with_empty_axes") == 0
	},
	func(n *ir.Node, p *pb.NodeProto) {
		axes, _ := n.ArgAt(1).ConstInts()
		p.Input = p.Input[:1]
		if len(axes) > 0 {
			p.Attribute = append(p.Attribute, &pb.AttributeProto{Name: "axes", Type: pb.AttributeProto_INTS, Ints: axes})
		}
	},
}

// evenSplit reports whether a Split without sizes divides without a rest, the only thing it once could.
func evenSplit(n *ir.Node) bool {
	if n.ArgAt(1) != nil {
		return true
	}
	t := n.TypeAt(0)
	axis, err := ir.Axis(n.Int("axis"), t.Rank())
	if err != nil {
		return false
	}
	size, ok := t.Shape[axis].Const()
	return ok && size%len(n.Results) == 0
}

func dropAttr(p *pb.NodeProto, name string) {
	for i, a := range p.Attribute {
		if a.Name == name {
			p.Attribute = append(p.Attribute[:i], p.Attribute[i+1:]...)
			return
		}
	}
}

// needs is the oldest opset in which n can be written, and which of its parts decides that; 0 is for what ONNX has not.
func needs(n *ir.Node) (opset int, why string) {
	if mlWritten[n.Op] != nil {
		return oldestExport, ""
	}
	name := onnxName(n.Op)
	opset = forms[name]
	if d, ok := downgrades[name]; ok && d.fits(n) {
		opset = min(opset, oldestExport)
	}
	if opset == 0 {
		return 0, ""
	}
	for key, since := range added {
		op, part, _ := strings.Cut(key, ".")
		if op != name || since <= opset {
			continue
		}
		_, has := n.Attrs[part]
		for i, a := range n.Args {
			has = has || a != nil && part == fmt.Sprint(i)
		}
		if has {
			opset, why = since, " with "+part
		}
	}
	return opset, why
}
