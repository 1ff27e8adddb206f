package onnx

import (
	"errors"
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// An upgrade brings an operator from the versions before Since to the form it has from there on.
type upgrade struct {
	op    string
	since int
	to    func(n *node) error
}

// upgrades lists every change of form. A version that only added types, or attributes whose default is the old behaviour, needs none.
var upgrades = []upgrade{
	{"Add", 7, legacyBroadcast}, {"Sub", 7, legacyBroadcast}, {"Mul", 7, legacyBroadcast}, {"Div", 7, legacyBroadcast},
	{"Pow", 7, legacyBroadcast}, {"And", 7, legacyBroadcast}, {"Or", 7, legacyBroadcast}, {"Xor", 7, legacyBroadcast},
	{"Equal", 7, legacyBroadcast}, {"Greater", 7, legacyBroadcast}, {"Less", 7, legacyBroadcast},
	{"PRelu", 7, channelSlope},
	{"Gemm", 7, func(n *node) error { n.take("broadcast"); return nil }}, // the third input may always be broadcast since
	{"BatchNormalization", 7, func(n *node) error { n.take("is_test"); return nil }},
	{"BatchNormalization", 9, spatial},
	{"BatchNormalization", 14, inferenceOnly},
	{"Cast", 6, castByName},
	{"Clip", 11, attrsToInputs("min", "max")},
	{"Concat", 4, func(n *node) error { n.attrs["axis"] = n.takeInt("axis", 1); return nil }},
	{"DFT", 20, axisToInput},
	{"Dropout", 7, func(n *node) error { n.take("is_test"); return nil }},
	{"Dropout", 10, floatMask},
	{"Dropout", 12, attrsToInputs("ratio")},
	{"GridSample", 20, renamed("mode", map[string]string{"bilinear": "linear", "bicubic": "cubic"})},
	{"GroupNormalization", 21, scalePerChannel},
	{"Softmax", 13, flattened}, {"LogSoftmax", 13, flattened}, {"Hardmax", 13, flattened},
	{"Pad", 2, func(n *node) error { n.attrs["pads"] = n.take("paddings"); return nil }},
	{"Pad", 11, padInputs},
	{"ReduceSum", 13, axesInput},
	{"ReduceL1", 18, axesInput}, {"ReduceL2", 18, axesInput}, {"ReduceLogSum", 18, axesInput}, {"ReduceLogSumExp", 18, axesInput},
	{"ReduceMax", 18, axesInput}, {"ReduceMean", 18, axesInput}, {"ReduceMin", 18, axesInput}, {"ReduceProd", 18, axesInput},
	{"ReduceSumSquare", 18, axesInput},
	{"Reshape", 5, intsInput("shape", 1)},
	{"Resize", 11, asymmetric},
	{"RoiAlign", 16, defaultString("coordinate_transformation_mode", "output_half_pixel")},
	{"Scan", 9, batchedScan},
	{"Scatter", 11, becoming("ScatterElements")},
	{"Slice", 10, sliceInputs},
	{"Split", 13, intsInput("split", 1)},
	{"Split", 18, func(n *node) error { return equalParts(n) }},
	{"Squeeze", 13, intsInput("axes", 1)},
	{"Unsqueeze", 13, intsInput("axes", 1)},
	{"Tile", 6, func(n *node) error { return errors.New("before opset 6 it is not supported") }},
	{"TopK", 10, topCount},
	{"Upsample", 7, scalesPerAxis},
	{"Upsample", 9, scalesInput},
	{"Upsample", 10, becoming("Resize")},
}

// alwaysUpgraded have more than one spelling in their newest version too.
var alwaysUpgraded = map[string]func(n *node) error{
	"Attention": becoming(ir.ONNXAttention.Name),
	"CastLike":  castToElem,
	"Range":     scalarInputs,
	"Resize":    resizeInputs,
	"Split":     equalParts,
}

// upgradesOf are the rows of one operator, in the order of their versions. It is filled late because an upgrade builds nodes, which
// may need upgrades.
var upgradesOf = map[string][]upgrade{}

func init() {
	for _, u := range upgrades {
		upgradesOf[u.op] = append(upgradesOf[u.op], u)
	}
}

// becomes is the name that an operator's newest form has.
func becomes(op string) string {
	switch op {
	case "Scatter":
		return "ScatterElements"
	case "Upsample":
		return "Resize"
	case "Attention": // that name is our own, simpler operator's
		return ir.ONNXAttention.Name
	}
	return op
}

// upgrade brings n from its form in opset to the newest one.
func (n *node) upgrade(opset int) error {
	v, err := version(n.op, opset)
	if err != nil && n.op != "LayerNormalization" {
		return err
	}
	if v < 6 {
		n.take("consumed_inputs") // a hint for memory in the first opsets
	}
	for {
		i := 0
		steps := upgradesOf[n.op]
		for i < len(steps) && steps[i].since <= v {
			i++
		}
		if i == len(steps) {
			break
		}
		v = steps[i].since
		if err := steps[i].to(n); err != nil || n.results != nil {
			return err
		}
	}
	if f := alwaysUpgraded[n.op]; f != nil {
		return f(n)
	}
	return nil
}

// legacyBroadcast inserts the axes that the second input lacks: without the attribute, shapes were equal.
func legacyBroadcast(n *node) error {
	axis, has := n.take("axis").(int64)
	if n.takeInt("broadcast", 0) == 0 || !has {
		return nil
	}
	x, y := n.input(0), n.input(1)
	if x == nil || y == nil || x.Type.Rank() < 0 || y.Type.Rank() < 0 {
		return errors.New("broadcasting along an axis needs inputs of known rank")
	}
	if axis < 0 {
		axis += int64(x.Type.Rank())
	}
	more := int64(x.Type.Rank()) - axis - int64(y.Type.Rank())
	if axis < 0 || more < 0 {
		return fmt.Errorf("%s does not fit %s at axis %d", y.Type, x.Type, axis)
	}
	return n.pad(1, more)
}

// pad gives input i so many more axes of size 1 at its end.
func (n *node) pad(i int, more int64) error {
	if more <= 0 {
		return nil
	}
	rank := int64(n.args[i].Type.Rank())
	axes := make([]int64, more)
	for k := range axes {
		axes[k] = rank + int64(k)
	}
	at, err := n.vector(axes...)
	if err == nil {
		n.args[i], err = n.new("Unsqueeze", nil, n.args[i], at)
	}
	return err
}

// channelSlope lets a slope per channel meet axis 1, where it belonged before it followed the rule of broadcasting.
func channelSlope(n *node) error {
	x, slope := n.input(0), n.input(1)
	if x == nil || slope == nil || x.Type.Rank() < 3 || slope.Type.Rank() != 1 || slope.Type.Shape[0].Is(1) {
		return nil
	}
	return n.pad(1, int64(x.Type.Rank())-2)
}

func spatial(n *node) error {
	if n.takeInt("spatial", 1) != 1 {
		return errors.New("statistics per position (spatial=0) are not supported")
	}
	return nil
}

// inferenceOnly refuses the other outputs: before opset 14 to ask for them meant training.
func inferenceOnly(n *node) error {
	if n.outputs > 1 {
		return errors.New("training is not supported")
	}
	return nil
}

func castByName(n *node) error {
	names := map[string]ir.Elem{
		"FLOAT": ir.F32, "UINT8": ir.U8, "INT8": ir.I8, "UINT16": ir.U16, "INT16": ir.I16, "INT32": ir.I32, "INT64": ir.I64,
		"STRING": ir.String, "BOOL": ir.Bool, "FLOAT16": ir.F16, "DOUBLE": ir.F64, "UINT32": ir.U32, "UINT64": ir.U64,
	}
	to, _ := n.take("to").(string)
	e, ok := names[to]
	if !ok {
		return fmt.Errorf("no element type is called %q", to)
	}
	n.attrs["to"] = int64(e)
	return nil
}

// castToElem turns a CastLike into the Cast that it is once types are known.
func castToElem(n *node) error {
	x, like := n.input(0), n.input(1)
	if x == nil || like == nil {
		return errors.New("an input is missing")
	}
	if t := like.Type; t.Kind != ir.Tensor || t.Elem == ir.NoElem {
		return fmt.Errorf("its second input is %s; a tensor is wanted", t)
	}
	n.op, n.args = "Cast", n.args[:1]
	n.attrs["to"] = int64(like.Type.Elem)
	return nil
}

// attrsToInputs makes scalar inputs of attributes, in this order after the first input, of its element type.
func attrsToInputs(names ...string) func(n *node) error {
	return func(n *node) error {
		for i, name := range names {
			v, ok := n.take(name).(float64)
			if !ok {
				continue
			}
			c, err := n.scalarLike(n.input(0), v)
			if err != nil {
				return err
			}
			n.setInput(i+1, c)
		}
		return nil
	}
}

// scalarLike is x as a constant of v's element type.
func (n *node) scalarLike(v *ir.Value, x float64) (*ir.Value, error) {
	if v == nil {
		return nil, errors.New("its input is missing")
	}
	if t := v.Type; t.Kind != ir.Tensor || t.Elem == ir.NoElem || t.Elem == ir.String {
		return nil, fmt.Errorf("its input is %s; a tensor of numbers is wanted", t)
	}
	return n.new("Const", ir.Attrs{"value": ir.Scalar(v.Type.Elem, x)})
}

// intsInput makes input i of an attribute of integers.
func intsInput(name string, i int) func(n *node) error {
	return func(n *node) error {
		xs, ok := n.take(name).([]int64)
		if !ok {
			return nil
		}
		v, err := n.vector(xs...)
		if err == nil {
			n.setInput(i, v)
		}
		return err
	}
}

// axesInput is intsInput of a reduction's axes, where an empty list meant all of them, as none does.
func axesInput(n *node) error {
	if xs, ok := n.attrs["axes"].([]int64); ok && len(xs) == 0 {
		n.take("axes")
	}
	return intsInput("axes", 1)(n)
}

func axisToInput(n *node) error {
	axis := n.takeInt("axis", 1)
	v, err := n.new("Const", ir.Attrs{"value": ir.Ints(ir.I64, nil, axis)})
	if err == nil {
		n.setInput(2, v)
	}
	return err
}

// floatMask gives Dropout's second output, which was of the data's type, from the Boolean one that it is now.
func floatMask(n *node) error {
	if n.outputs < 2 || n.input(0) == nil {
		return nil
	}
	if err := attrsToInputs("ratio")(n); err != nil {
		return err
	}
	results, err := n.finish()
	if err != nil {
		return err
	}
	mask, err := n.new("Cast", ir.Attrs{"to": int64(n.input(0).Type.Elem)}, results[1])
	n.results = []*ir.Value{results[0], mask}
	return err
}

// renamed gives a string attribute its new values.
func renamed(attr string, names map[string]string) func(n *node) error {
	return func(n *node) error {
		old, _ := n.attrs[attr].(string)
		if name, ok := names[old]; ok {
			n.attrs[attr] = name
		}
		return nil
	}
}

// defaultString spells out a default that changed.
func defaultString(attr, value string) func(n *node) error {
	return func(n *node) error {
		if n.attrs[attr] == nil {
			n.attrs[attr] = value
		}
		return nil
	}
}

// becoming changes the operator.
func becoming(op string) func(n *node) error {
	return func(n *node) error { n.op = op; return nil }
}
