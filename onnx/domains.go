package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// The domains of ONNX beside its own, and the newest version of each that is known.
const (
	mlDomain       = "ai.onnx.ml"
	trainingDomain = "ai.onnx.preview.training"
)

// mlVersion is the version of mlDomain that is written.
const mlVersion = 5

// mlWritten are the operators of mlDomain that are written as such, with the names that attributes have there: their expansions compare
// strings and choose booleans, which runtimes lack kernels for.
var mlWritten = map[*ir.Op]map[string]string{
	ir.LabelEncoder: {"keys": "keys_tensor", "values": "values_tensor", "default": "default_tensor"},
	ir.TreeEnsemble: {},
}

var otherDomains = map[string]struct {
	newest int
	ops    []string
}{
	mlDomain: {5, []string{"ArrayFeatureExtractor", "Binarizer", "CategoryMapper", "FeatureVectorizer", "Imputer", "LabelEncoder", "LinearClassifier",
		"LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"}},
	trainingDomain: {1, []string{"Adagrad", "Adam", "Gradient", "Momentum"}},
}

// knownElsewhere says why an operator of another domain than ONNX's own cannot be imported.
func knownElsewhere(domain, op string, opset int) error {
	d, ok := otherDomains[domain]
	switch {
	case !ok:
		return errors.New("operators of this domain are not supported")
	case opset < 1 || opset > d.newest:
		return fmt.Errorf("version %d of domain %q is not known; 1 to %d are", opset, domain, d.newest)
	case !slices.Contains(d.ops, op):
		return errors.New("not supported yet")
	}
	return nil
}

// Versions says where ONNX has op: its domain, its name there, and the versions of the domain in which it changed, "" and none where
// ONNX has it not.
func Versions(op *ir.Op) (domain, name string, since []int) {
	for d, known := range otherDomains {
		if slices.Contains(known.ops, op.Name) {
			return d, op.Name, nil
		}
	}
	if name = onnxName(op); history[name] != nil {
		return "ai.onnx", name, slices.Clone(history[name])
	}
	return "", "", nil
}

// elsewhere brings n, of another domain, to the operator that the table has.
var elsewhere = map[string]func(n *node) error{
	"LabelEncoder": (*node).labelEncoder, "CategoryMapper": (*node).categoryMapper, "OneHotEncoder": (*node).oneHotEncoder, "Gradient": (*node).gradient,
	"TreeEnsembleRegressor": (*node).treeRegressor, "TreeEnsembleClassifier": (*node).treeClassifier,
}

// table is the tensor in attributes that are called name_tensor, name_strings and so on, nil where there is none.
func (n *node) table(name string) *ir.Data {
	if d, ok := n.take(name + "_tensor").(*ir.Data); ok {
		return d
	}
	texts, hasTexts := n.take(name + "_strings").([]string)
	ints, hasInts := n.take(name + "_int64s").([]int64)
	floats, hasFloats := n.take(name + "_floats").([]float64)
	switch {
	case hasTexts && len(texts) > 0:
		return ir.Strings([]int{len(texts)}, texts...)
	case hasInts && len(ints) > 0:
		return ir.Ints(ir.I64, []int{len(ints)}, ints...)
	case hasFloats && len(floats) > 0:
		return ir.Floats(ir.F32, []int{len(floats)}, floats...)
	}
	return nil
}

// labelEncoder gathers keys, values and default of all versions into tensors.
func (n *node) labelEncoder() error {
	if classes, ok := n.take("classes_strings").([]string); ok { // version 1: strings to their places, or back
		return n.categories(classes, seq(len(classes)))
	}
	keys, values := n.table("keys"), n.table("values")
	if keys == nil || values == nil {
		return errors.New("keys or values are missing")
	}
	def, ok := n.take("default_tensor").(*ir.Data)
	text, number, real := n.takeText("default_string", "_Unused"), n.takeInt("default_int64", -1), n.takeFloat("default_float", 0)
	switch e := values.Elem; {
	case ok:
	case e == ir.String:
		def = ir.Strings(nil, text)
	case e.IsInt():
		def = ir.Ints(e, nil, number)
	default:
		def = ir.Floats(e, nil, real)
	}
	n.attrs["keys"], n.attrs["values"], n.attrs["default"] = keys, values, def
	return nil
}

func seq(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

// categoryMapper is a LabelEncoder whose two tables are attributes of their own.
func (n *node) categoryMapper() error {
	texts, ok := n.take("cats_strings").([]string)
	ints, ok2 := n.take("cats_int64s").([]int64)
	if !ok || !ok2 {
		return errors.New("cats_strings or cats_int64s is missing")
	}
	return n.categories(texts, ints)
}

// categories maps strings to integers, or back, as the input's type says.
func (n *node) categories(texts []string, ints []int64) error {
	n.op = "LabelEncoder"
	keys, values := ir.Strings([]int{len(texts)}, texts...), ir.Ints(ir.I64, []int{len(ints)}, ints...)
	text, number := n.takeText("default_string", "_Unused"), n.takeInt("default_int64", -1)
	n.attrs["keys"], n.attrs["values"], n.attrs["default"] = keys, values, ir.Ints(ir.I64, nil, number)
	if x := n.input(0); x != nil && x.Type.Elem != ir.String {
		n.attrs["keys"], n.attrs["values"], n.attrs["default"] = values, keys, ir.Strings(nil, text)
	}
	return nil
}

// takeText is take of a string, def if it is not there.
func (n *node) takeText(name, def string) string {
	if v, ok := n.take(name).(string); ok {
		return v
	}
	return def
}

// takeFloat is take of a number, def if it is not there.
func (n *node) takeFloat(name string, def float64) float64 {
	if v, ok := n.take(name).(float64); ok {
		return v
	}
	return def
}

// oneHotEncoder compares with the categories.
func (n *node) oneHotEncoder() error {
	cats := n.table("cats")
	if cats == nil {
		return errors.New("the categories are missing")
	}
	if n.takeInt("zeros", 1) == 0 {
		return errors.New("zeros=0, which forbids unknown categories, is not supported")
	}
	s := &steps{n: n}
	x := n.input(0)
	if x != nil && x.Type.Elem != cats.Elem && cats.Elem != ir.String {
		x = s.cast(x, cats.Elem)
	}
	wide := s.new("Unsqueeze", nil, x, s.new("Const", ir.Attrs{"value": ir.Vector(-1)}))
	y := s.cast(s.new("Equal", nil, wide, s.new("Const", ir.Attrs{"value": cats})), ir.F32)
	n.results = []*ir.Value{y}
	return s.err
}
