package onnx

import (
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
)

func body(t *testing.T, inputs, outputs string, nodes ...*pb.NodeProto) *pb.GraphProto {
	return testModel(t, 17, inputs, outputs, nodes...).Graph
}

func TestBranches(t *testing.T) {
	// Both branches call their value y, one shadows x, and both see what is outside.
	yes := body(t, "", "y f32[2]", op("y = Add(x, b)"))
	no := body(t, "", "y f32[2]", op("x = Neg(b)"), op("y = Mul(x, b)"))
	wantText(t, testModel(t, 17, "x f32[2], b f32[2], c bool[]", "z f32[2]",
		op("z = If(c)", attr("then_branch", yes), attr("else_branch", no))), `
		v1 f32[2] = If(c) then_branch=func() {
		v2 f32[2] = Add(x, b)
		return y=v2
		} else_branch=func() {
		v3 f32[2] = Neg(b)
		v4 f32[2] = Mul(v3, b)
		return y=v4
		}
		return z=v1`)
}

func TestBranchesOfOtherSizes(t *testing.T) {
	// Both results are declared with the size of what the model is given, as it is in neither branch; that of y is so in one that only data
	// decide.
	yes := body(t, "", "a f32[n], b f32[...]", op("a = Constant()", attr("value", tensorProto("", ir.Floats(ir.F32, []int{1}, 0)))), op("b = Compress(x, on)"))
	no := body(t, "", "a f32[n], b f32[n]", op("a = Neg(h)"), op("b = Neg(h)"))
	p, err := importProto(t, testModel(t, 17, "x f32[n], h f32[m], on bool[n], c bool[]", "z f32[n], y f32[n]",
		op("z, y = If(c)", attr("then_branch", yes), attr("else_branch", no))))
	if err != nil {
		t.Fatal(err)
	}
	if z, y := p.Main.Results[0].Type.String(), p.Main.Results[1].Type.String(); z == "f32[n]" || y != "f32[n]" {
		t.Errorf("got %s and %s, want an open size and f32[n]", z, y)
	}
}

func TestDecidedIf(t *testing.T) {
	// The exporter asks whether an axis is 1 before it squeezes it; the branch that is not taken would not even be valid.
	one := tensorProto("", ir.Ints(ir.I64, nil, 1))
	wantText(t, testModel(t, 17, "x f32[n,3]", "z f32[n,3]",
		op("s = Shape(x)"), op("i = Constant()", attr("value", one)), op("d = Gather(s, i)"), op("c = Equal(d, i)"),
		op("z = If(c)",
			attr("then_branch", body(t, "", "y f32[n]", op("a = Constant()", attr("value_ints", []int64{1})), op("y = Squeeze(x, a)"))),
			attr("else_branch", body(t, "", "y f32[n,3]", op("y = Neg(x)"))))), `
		v1 f32[n,3] = Neg(x)
		return z=v1`)
}

func TestLoop(t *testing.T) {
	// h keeps its shape, l grows with every round.
	b := body(t, "i i64[], c bool[], h f32[...], l f32[...]", "c2 bool[], h2 f32[...], l2 f32[...]",
		op("c2 = Identity(c)"), op("h2 = Add(h, x)"), op("l2 = Concat(l, x)", attr("axis", 0)))
	p, err := importProto(t, testModel(t, 17, "x f32[3], n i64[]", "y f32[3], z f32[...]",
		op("y, z = Loop(n, , x, x)", attr("body", b))))
	if err != nil {
		t.Fatal(err)
	}
	if h, l := p.Main.Results[0].Type.String(), p.Main.Results[1].Type; h != "f32[3]" || l.Rank() != 1 || l.Shape[0].IsConst() {
		t.Errorf("got %s and %s, want f32[3] and an open length\n%s", h, l, p)
	}
	wantError(t, testModel(t, 17, "x f32[3]", "y f32[3]", op("y = Loop(, , x)")), `node "n_y" (Loop, opset 17): attribute "body" is missing`)
}

func TestScan(t *testing.T) {
	b := body(t, "h f32[...], e f32[...]", "h2 f32[...], o f32[...]", op("h2 = Add(h, e)"), op("o = Neg(h2)"))
	p, err := importProto(t, testModel(t, 17, "h f32[b], x f32[s,b]", "y f32[b], z f32[s,b]",
		op("y, z = Scan(h, x)", attr("body", b), attr("num_scan_inputs", 1))))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Main.Results[1].Type.String(); got != "f32[s,b]" {
		t.Errorf("got %s\n%s", got, p)
	}
}

func TestBatchedScan(t *testing.T) {
	b := body(t, "h f32[3], e f32[3]", "h2 f32[3], o f32[3]", op("h2 = Add(h, e)"), op("o = Neg(h2)"))
	wantText(t, testModel(t, 8, "h f32[b,3], x f32[b,s,3]", "y f32[b,3], z f32[b,s,3]",
		op("y, z = Scan(, h, x)", attr("body", b), attr("num_scan_inputs", 1), attr("directions", []int64{1}))), `
		v1 f32[b,3], v2 f32[b,s,3] = Scan(h, x) num_scan_inputs=2 body=func(sample_0 f32[3], sample_1 f32[s,3]) {
		v3 f32[3], v4 f32[s,3] = Scan(sample_0, sample_1) num_scan_inputs=1 scan_input_directions=[1] body=func(h_2 f32[3], e f32[3]) {
		v5 f32[3] = Add(h_2, e)
		v6 f32[3] = Neg(v5)
		return h2=v5, o=v6
		}
		return v3, v4
		}
		return y=v1, z=v2`)
}

func TestFunctions(t *testing.T) {
	m := testModel(t, 17, "x f32[2,3]", "y f32[2,3], z f32[3,2]", op("y = my::Twice(x)", attr("axis", 0)), op("z = my::Turn(y)"))
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: "my", Version: 1})
	sets := []*pb.OperatorSetIdProto{{Version: 12}, {Domain: "my", Version: 1}} // its own opset: Softmax of 12 is the old one
	turn := &pb.FunctionProto{Domain: "my", Name: "Turn", Input: []string{"a"}, Output: []string{"b"}, OpsetImport: sets,
		Node: []*pb.NodeProto{op("b = Transpose(a)")}}
	overload := op("v = my::Turn:soft(u)", attr("axis", "$axis"))
	soft := &pb.FunctionProto{Domain: "my", Name: "Turn", Overload: "soft", Input: []string{"a", "absent"}, Output: []string{"b"},
		Attribute: []string{"axis"}, OpsetImport: sets, Node: []*pb.NodeProto{op("b = Softmax(a)", attr("axis", "$axis"))}}
	twice := &pb.FunctionProto{Domain: "my", Name: "Twice", Input: []string{"u"}, Output: []string{"w"}, OpsetImport: sets,
		AttributeProto: []*pb.AttributeProto{attr("axis", 1)}, Node: []*pb.NodeProto{op("w = Add(v, v)"), overload}}
	m.Functions = []*pb.FunctionProto{turn, soft, twice}
	p := wantText(t, m, `
		v1 f32[1,6] = Flatten(x) axis=0
		v2 f32[1,6] = Softmax(v1)
		v3 i64[2] = Shape(x)
		v4 f32[2,3] = Reshape(v2, v3)
		v5 f32[2,3] = Add(v4, v4)
		v6 f32[3,2] = Transpose(v5)
		return y=v5, z=v6`)
	if got := p.Main.Nodes[1].Name; got != "n_y/n_v/n_b" {
		t.Errorf("the inner node is called %q", got)
	}

	m.Functions[0].Node = []*pb.NodeProto{op("b = my::Turn(a)")}
	wantError(t, m, "function my::Turn calls itself")
	m.Functions = m.Functions[1:]
	wantError(t, m, `my::Turn, opset 1: operators of this domain are not supported (node "n_z")`)
}

// Each function calls the next twice: thirty of them would be a thousand million nodes.
func TestFunctionsDoNotExplode(t *testing.T) {
	m := testModel(t, 17, "x f32[2]", "y f32[2]", op("y = my::F0(x)"))
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: "my", Version: 1})
	for i := range 30 {
		call := op("v = my::F" + string(rune('A'+i)) + "(u)")
		again := op("w = my::F" + string(rune('A'+i)) + "(v)")
		f := &pb.FunctionProto{Domain: "my", Name: "F" + string(rune('A'+i-1)), Input: []string{"u"}, Output: []string{"w"}, Node: []*pb.NodeProto{call, again}}
		if i == 0 {
			f.Name = "F0"
		}
		m.Functions = append(m.Functions, f)
	}
	m.Functions = append(m.Functions, &pb.FunctionProto{Domain: "my", Name: "F" + string(rune('A'+29)), Input: []string{"u"}, Output: []string{"w"},
		Node: []*pb.NodeProto{op("w = Neg(u)")}})
	wantError(t, m, "beyond all measure")
}
