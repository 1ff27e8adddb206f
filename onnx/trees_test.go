package onnx

import (
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx/pb"
	"github.com/gpamc/gpamc/runtime"
)

// evalML evaluates a node of ai.onnx.ml.
func evalML(t *testing.T, version int64, inputs, outputs string, n *pb.NodeProto, in *ir.Data) ([]*ir.Data, error) {
	t.Helper()
	n.Domain = mlDomain
	m := testModel(t, 21, inputs, outputs, n)
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: mlDomain, Version: version})
	p, err := importProto(t, m)
	if err != nil {
		return nil, err
	}
	out, err := runtime.Eval(p, []runtime.Value{runtime.FromData(in)}, runtime.Options{})
	var data []*ir.Data
	for _, v := range out {
		data = append(data, v.(*runtime.Tensor).Data())
	}
	return data, err
}

func wantML(t *testing.T, version int64, inputs, outputs string, n *pb.NodeProto, in *ir.Data, want ...*ir.Data) {
	t.Helper()
	got, err := evalML(t, version, inputs, outputs, n, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if !got[i].Equal(w) {
			t.Errorf("%s: result %d is %v, want %v", n.OpType, i, got[i], w)
		}
	}
}

// Two trees: one asks whether the only feature is at most 1, the other is nothing but a leaf.
func treeAttrs(more ...*pb.AttributeProto) []*pb.AttributeProto {
	return append([]*pb.AttributeProto{
		attr("nodes_treeids", []int64{0, 0, 0, 1}), attr("nodes_nodeids", []int64{0, 1, 2, 0}), attr("nodes_featureids", []int64{0, 0, 0, 0}),
		attr("nodes_truenodeids", []int64{1, 0, 0, 0}), attr("nodes_falsenodeids", []int64{2, 0, 0, 0}), attr("nodes_values", []float64{1, 0, 0, 0}),
		attr("nodes_modes", []string{"BRANCH_LEQ", "LEAF", "LEAF", "LEAF"}),
	}, more...)
}

func TestTreeEnsembleRegressor(t *testing.T) {
	x := ir.Floats(ir.F32, []int{2, 1}, 0, 2)
	leaves := []*pb.AttributeProto{attr("target_treeids", []int64{0, 0, 0, 1}), attr("target_nodeids", []int64{1, 1, 2, 0}),
		attr("target_ids", []int64{0, 1, 1, 0}), attr("target_weights", []float64{1, 10, 20, 0.5}), attr("n_targets", 2)}
	for mode, want := range map[string][]float64{"SUM": {101.5, 210, 100.5, 220}, "AVERAGE": {100.75, 205, 100.25, 210}} {
		n := op("y = TreeEnsembleRegressor(x)", treeAttrs(append(leaves, attr("base_values", []float64{100, 200}), attr("aggregate_function", mode))...)...)
		wantML(t, 3, "x f32[b,1]", "y f32[b,2]", n, x, ir.Floats(ir.F32, []int{2, 2}, want...))
	}
	n := op("y = TreeEnsembleRegressor(x)", treeAttrs(append(leaves, attr("aggregate_function", "MAX"))...)...)
	if _, err := evalML(t, 3, "x f32[b,1]", "y f32[b,2]", n, x); err == nil || !strings.Contains(err.Error(), "MIN and MAX") {
		t.Errorf("the error is %v", err)
	}
}

func TestTreeEnsembleClassifier(t *testing.T) {
	x := ir.Floats(ir.F64, []int{2, 1}, 1, 1.5)
	leaves := func(ids []int64, weights []float64) []*pb.AttributeProto {
		return []*pb.AttributeProto{attr("class_treeids", []int64{0, 0, 1}), attr("class_nodeids", []int64{1, 2, 0}),
			attr("class_ids", ids), attr("class_weights", weights)}
	}
	n := op("label, y = TreeEnsembleClassifier(x)", treeAttrs(append(leaves([]int64{2, 1, 0}, []float64{3, 4, 3.5}),
		attr("classlabels_strings", []string{"a", "b", "c"}))...)...)
	wantML(t, 1, "x f64[b,1]", "label str[b], y f32[b,3]", n, x, ir.Strings([]int{2}, "a", "b"),
		ir.Floats(ir.F32, []int{2, 3}, 3.5, 0, 3, 3.5, 4, 0))
	two := attr("classlabels_int64s", []int64{7, 9})
	n = op("label, y = TreeEnsembleClassifier(x)", treeAttrs(append(leaves([]int64{1, 1, 1}, []float64{0.5, 0.125, 0.125}), two)...)...)
	wantML(t, 1, "x f64[b,1]", "label i64[b], y f32[b,2]", n, x, ir.Vector(9, 7), ir.Floats(ir.F32, []int{2, 2}, 0.375, 0.625, 0.75, 0.25))
	n = op("label, y = TreeEnsembleClassifier(x)", treeAttrs(append(leaves([]int64{0, 0, 0}, []float64{-1, 0.25, 0.25}), two,
		attr("base_values", []float64{-0.75}))...)...)
	wantML(t, 1, "x f64[b,1]", "label i64[b], y f32[b,2]", n, x, ir.Vector(7, 7), ir.Floats(ir.F32, []int{2, 2}, 1.5, -1.5, 0.25, -0.25))
}

// The older forms of encoders.
func TestEncoders(t *testing.T) {
	words := ir.Strings([]int{3}, "b", "x", "a")
	list := attr("classes_strings", []string{"a", "b"})
	wantML(t, 1, "x str[3]", "y i64[3]", op("y = LabelEncoder(x)", list), words, ir.Vector(1, -1, 0))
	wantML(t, 1, "x i64[3]", "y str[3]", op("y = LabelEncoder(x)", list, attr("default_string", "?")), ir.Vector(1, 5, 0), ir.Strings([]int{3}, "b", "?", "a"))
	wantML(t, 2, "x str[3]", "y f32[3]", op("y = LabelEncoder(x)", attr("keys_strings", []string{"a", "b"}), attr("values_floats", []float64{0.5, 2})),
		words, ir.Floats(ir.F32, []int{3}, 2, 0, 0.5))
	wantML(t, 1, "x str[3]", "y i64[3]", op("y = CategoryMapper(x)", attr("cats_strings", []string{"a", "b"}), attr("cats_int64s", []int64{5, 6}),
		attr("default_int64", 3)), words, ir.Vector(6, 3, 5))
	wantML(t, 1, "x str[3]", "y f32[3,2]", op("y = OneHotEncoder(x)", attr("cats_strings", []string{"a", "b"})), words,
		ir.Floats(ir.F32, []int{3, 2}, 0, 1, 0, 0, 1, 0))
	for want, n := range map[string]*pb.NodeProto{
		"zeros=0":           op("y = OneHotEncoder(x)", attr("cats_strings", []string{"a"}), attr("zeros", 0)),
		"not supported yet": op("y = SVMRegressor(x)"),
		"keys or values":    op("y = LabelEncoder(x)"),
	} {
		if _, err := evalML(t, 3, "x str[3]", "y f32[3,1]", n, words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
