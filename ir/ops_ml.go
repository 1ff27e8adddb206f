package ir

import (
	"fmt"
	"math"
	"slices"
)

// Operators of ONNX's domain ai.onnx.ml: features and linear models. Trees are in ops_trees.go. All are composites.
var (
	// ArrayFeatureExtractor is the elements of x at the places in y along the last axis.
	ArrayFeatureExtractor = define(Op{Name: "ArrayFeatureExtractor", Args: "x y", Expand: expandFeatureExtractor,
		Example: "ArrayFeatureExtractor(x, [2,0])", Inputs: "x f32[3,4]"})

	// Binarizer is 1 where x > threshold, else 0.
	Binarizer = define(Op{Name: "Binarizer", Args: "x", Attrs: "threshold:float=0", Expand: func(b *Builder, n *Node) []*Value {
		e := n.TypeAt(0).Elem
		return b.New1(Cast, Attrs{"to": e}, b.New(Greater, nil, n.Args[0], b.Scalar(e, n.Float("threshold"))))
	}, Example: "Binarizer(x) threshold=0.5", Inputs: "x f32[3,4]"})

	// LabelEncoder is for each element of x the value at the place where keys has it, the default where keys has it not. NaN is a key
	// as any other.
	LabelEncoder = define(Op{Name: "LabelEncoder", Args: "x", Attrs: "keys:tensor values:tensor default:tensor", Expand: expandLabelEncoder,
		Example: `LabelEncoder(x) keys=f32[3]{1, 2, nan} values=str[3]{"a", "b", "c"} default=str[1]{"d"}`, Inputs: "x f32[2,3]"})

	// Scaler is (x - offset)·scale in float32.
	Scaler = define(Op{Name: "Scaler", Args: "x", Attrs: "offset:floats? scale:floats?", Expand: expandScaler,
		Example: "Scaler(x) offset=[1,2,3] scale=[2]", Inputs: "x i64[2,3]"})

	// Normalizer is each row of x, in float32, over its largest element (MAX), the sum of its absolute elements (L1), or its length (L2);
	// the row itself where that is 0.
	Normalizer = define(Op{Name: "Normalizer", Args: "x", Attrs: "norm:string=MAX", Expand: expandNormalizer,
		Example: `Normalizer(x) norm="L2"`, Inputs: "x f32[2,3]"})

	// Imputer is x with what is to be replaced, which may be NaN, replaced: by one value, or by that of its column.
	Imputer = define(Op{Name: "Imputer", Args: "x",
		Attrs:  "imputed_value_floats:floats? imputed_value_int64s:ints? replaced_value_float:float=0 replaced_value_int64:int=0",
		Expand: expandImputer, Example: "Imputer(x) imputed_value_floats=[1,2,3] replaced_value_float=0.5", Inputs: "x f32[2,3]"})

	// FeatureVectorizer is the rows of its arguments, in float32, one beside the other; a vector is one row.
	FeatureVectorizer = define(Op{Name: "FeatureVectorizer", Args: "xs...", Attrs: "inputdimensions:ints?", Expand: func(b *Builder, n *Node) []*Value {
		xs := make([]*Value, len(n.Args))
		for i, x := range n.Args {
			xs[i] = b.New(Cast, Attrs{"to": F32}, x)
			shape, rows := ranked(x), N(1)
			if len(shape) > 1 {
				rows, shape = shape[0], shape[1:]
			}
			xs[i] = b.New(Reshape, nil, xs[i], b.Dims(rows, Product(shape)))
		}
		return b.New1(Concat, Attrs{"axis": -1}, xs...)
	}, Example: "FeatureVectorizer(x, y)", Inputs: "x f32[2,3] y i64[2,1]"})

	// LinearRegressor is x·coefficientsᵀ + intercepts, one column for each target.
	LinearRegressor = define(Op{Name: "LinearRegressor", Args: "x",
		Attrs: "coefficients:floats intercepts:floats? targets:int=1 post_transform:string=NONE",
		Expand: func(b *Builder, n *Node) []*Value {
			return []*Value{transformed(b, n.Str("post_transform"), linearScores(b, n, n.Int("targets")))}
		}, Example: "LinearRegressor(x) coefficients=[1,2,3] intercepts=[0.5]", Inputs: "x f32[2,3]"})

	// LinearClassifier is the label with the largest of the scores x·coefficientsᵀ + intercepts, and the scores.
	LinearClassifier = define(Op{Name: "LinearClassifier", Args: "x", Results: "label scores",
		Attrs: "coefficients:floats intercepts:floats? classlabels_ints:ints? classlabels_strings:strings? multi_class:int=0 " +
			"post_transform:string=NONE", Expand: expandLinearClassifier,
		Example: `LinearClassifier(x) coefficients=[1,2,3,4,5,6] intercepts=[0.5,1] classlabels_strings=["a","b"] post_transform="SOFTMAX"`,
		Inputs:  "x f32[2,3]"})
)

// unfit ends an expansion whose arguments do not fit.
func unfit(format string, args ...any) { panic(&Misfit{fmt.Errorf(format, args...)}) }

func expandFeatureExtractor(b *Builder, n *Node) []*Value {
	y := b.New(Reshape, nil, n.Args[1], b.Vector(-1))
	z := b.New(Gather, Attrs{"axis": -1}, n.Args[0], y)
	if z.Type.Rank() == 1 {
		z = b.New(Unsqueeze, nil, z, b.Vector(0))
	}
	return []*Value{z}
}

func expandLabelEncoder(b *Builder, n *Node) []*Value {
	keys, values, def := n.Data("keys"), n.Data("values"), n.Data("default")
	e := n.TypeAt(0).Elem
	switch {
	case keys == nil || values == nil || def == nil || keys.Len() != values.Len() || keys.Len() == 0 || def.Len() != 1:
		unfit("keys, as many values and one default are wanted")
	case keys.Elem != e && e != NoElem:
		unfit("keys are %s and elements %s", keys.Elem, e)
	case values.Elem != def.Elem:
		unfit("values are %s and the default is %s", values.Elem, def.Elem)
	}
	flat := func(d *Data) *Value {
		c := *d
		c.Shape = []int{d.Len()}
		return b.Const(&c)
	}
	x := b.New(Unsqueeze, nil, n.Args[0], b.Vector(-1))
	same := b.New(Equal, nil, x, flat(keys))
	if e.IsFloat() {
		same = b.New(Or, nil, same, b.New(And, nil, b.New(IsNaN, nil, x), b.New(IsNaN, nil, flat(keys))))
	}
	hit := b.New(Cast, Attrs{"to": I32}, same)
	at := b.New(ArgMax, Attrs{"axis": -1, "keepdims": 0}, hit)
	found := b.New(Cast, Attrs{"to": Bool}, b.New(ReduceMax, Attrs{"keepdims": 0}, hit, b.Vector(-1)))
	one := *def
	one.Shape = nil
	return b.New1(Where, nil, found, b.New(Gather, nil, flat(values), at), b.Const(&one))
}

func expandScaler(b *Builder, n *Node) []*Value {
	x := b.New(Cast, Attrs{"to": F32}, n.Args[0])
	if offset := n.FloatList("offset"); len(offset) > 0 {
		x = b.New(Sub, nil, x, floats32(b, offset))
	}
	if scale := n.FloatList("scale"); len(scale) > 0 {
		x = b.New(Mul, nil, x, floats32(b, scale))
	}
	return []*Value{x}
}

// floats32 is a float32 vector, a scalar of one.
func floats32(b *Builder, xs []float64, shape ...int) *Value {
	if len(shape) == 0 && len(xs) != 1 {
		shape = []int{len(xs)}
	}
	return b.Const(Floats(F32, shape, xs...))
}

func expandNormalizer(b *Builder, n *Node) []*Value {
	x := b.New(Cast, Attrs{"to": F32}, n.Args[0])
	op := map[string]*Op{"MAX": ReduceMax, "L1": ReduceL1, "L2": ReduceL2}[n.Str("norm")]
	if op == nil {
		unfit("norm %q is not MAX, L1 or L2", n.Str("norm"))
	}
	by := b.New(op, nil, x, b.Vector(-1))
	zero := b.New(Equal, nil, by, b.Scalar(F32, 0))
	return b.New1(Div, nil, x, b.New(Where, nil, zero, b.Scalar(F32, 1), by))
}

func expandImputer(b *Builder, n *Node) []*Value {
	x, e := n.Args[0], n.TypeAt(0).Elem
	var by, old *Value
	switch {
	case e.IsFloat() && len(n.FloatList("imputed_value_floats")) > 0:
		by = b.New(Cast, Attrs{"to": e}, floats32(b, n.FloatList("imputed_value_floats")))
		if v := n.Float("replaced_value_float"); !math.IsNaN(v) {
			old = b.New(Equal, nil, x, b.Scalar(e, v))
		} else {
			old = b.New(IsNaN, nil, x)
		}
	case e.IsInt() && len(n.Ints("imputed_value_int64s")) > 0:
		by = b.New(Cast, Attrs{"to": e}, b.Vector(n.Ints("imputed_value_int64s")...))
		old = b.New(Equal, nil, x, b.Const(Ints(e, nil, int64(n.Int("replaced_value_int64")))))
	default:
		unfit("no values to put into %s", e)
	}
	return b.New1(Where, nil, old, by, x)
}

// linearScores is x·coefficientsᵀ + intercepts, [rows, count].
func linearScores(b *Builder, n *Node, count int) *Value {
	coefficients := n.FloatList("coefficients")
	if count < 1 || len(coefficients)%count != 0 {
		unfit("%d coefficients for %d columns", len(coefficients), count)
	}
	x := b.New(Cast, Attrs{"to": F32}, n.Args[0])
	if x.Type.Rank() == 1 {
		x = b.New(Unsqueeze, nil, x, b.Vector(0))
	}
	w := floats32(b, coefficients, count, len(coefficients)/count)
	y := b.New(MatMul, nil, x, b.New(Transpose, Attrs{"perm": []int64{1, 0}}, w))
	if c := n.FloatList("intercepts"); len(c) > 0 {
		y = b.New(Add, nil, y, floats32(b, c))
	}
	return y
}

func expandLinearClassifier(b *Builder, n *Node) []*Value {
	ints, texts := n.Ints("classlabels_ints"), n.StrList("classlabels_strings")
	labels := Vector(ints...)
	if len(texts) > 0 {
		labels = Strings([]int{len(texts)}, slices.Clone(texts)...)
	}
	if labels.Len() < 2 {
		unfit("%d labels; two are the fewest", labels.Len())
	}
	scores := linearScores(b, n, labels.Len())
	at := b.New(ArgMax, Attrs{"axis": -1, "keepdims": 0}, scores)
	return []*Value{b.New(Gather, nil, b.Const(labels), at), transformed(b, n.Str("post_transform"), scores)}
}

// transformed is what becomes of the scores of a model of ai.onnx.ml.
func transformed(b *Builder, how string, x *Value) *Value {
	switch how {
	case "NONE", "":
		return x
	case "LOGISTIC":
		return b.New(Sigmoid, nil, x)
	case "SOFTMAX":
		return b.New(Softmax, nil, x)
	case "SOFTMAX_ZERO": // scores of 0 stay 0
		shifted := b.New(Sub, nil, x, b.New(ReduceMax, nil, x, b.Vector(-1)))
		zero := b.New(Equal, nil, x, b.Scalar(x.Type.Elem, 0))
		e := b.New(Where, nil, zero, b.Scalar(x.Type.Elem, 0), b.New(Exp, nil, shifted))
		sum := b.New(ReduceSum, nil, e, b.Vector(-1))
		none := b.New(Equal, nil, sum, b.Scalar(x.Type.Elem, 0))
		return b.New(Div, nil, e, b.New(Where, nil, none, b.Scalar(x.Type.Elem, 1), sum))
	}
	unfit("post_transform %s is not supported", how)
	return nil
}
