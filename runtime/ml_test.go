package runtime

import (
	"strings"
	"testing"
)

// What ai.onnx.ml's operators say, computed by hand.
func TestMLValues(t *testing.T) {
	for _, c := range []struct {
		results    int
		node, want string
	}{
		{1, "ArrayFeatureExtractor(f32[2,3]{1,2,3,4,5,6}, i64[2]{2,0})", "f32[2,2]{3,1,6,4}"},
		{1, "ArrayFeatureExtractor(f32[3]{1,2,3}, i64[2]{2,0})", "f32[1,2]{3,1}"},
		{1, "Binarizer(f32[4]{-1,0.5,0.6,nan}) threshold=0.5", "f32[4]{0,0,1,0}"},
		{1, "LabelEncoder(i64[3]{7,8,9}) keys=i64[2]{9,7} values=f32[2]{0.5,1.5} default=f32[]{-1}", "f32[3]{1.5,-1,0.5}"},
		{1, "LabelEncoder(f32[2]{nan,1}) keys=f32[2]{1,nan} values=i64[2]{10,20} default=i64[1]{0}", "[20,10]"},
		{1, "Scaler(i64[2,2]{1,2,3,4}) offset=[1,2] scale=[2,0.5]", "f32[2,2]{0,0,4,1}"},
		{1, `Normalizer(f32[2,2]{3,-4,0,0}) norm="L1"`, "f32[2,2]{0.42857143,-0.5714286,0,0}"},
		{1, `Normalizer(f32[1,2]{3,-4}) norm="L2"`, "f32[1,2]{0.6,-0.8}"},
		{1, `Normalizer(f32[1,2]{2,8})`, "f32[1,2]{0.25,1}"},
		{1, "Imputer(f32[2,2]{nan,1,2,nan}) imputed_value_floats=[8,9] replaced_value_float=nan", "f32[2,2]{8,1,2,9}"},
		{1, "Imputer(i64[3]{-1,1,-1}) imputed_value_int64s=[5] replaced_value_int64=-1", "[5,1,5]"},
		{1, "FeatureVectorizer(f32[2,1]{1,2}, i64[2,2]{3,4,5,6})", "f32[2,3]{1,3,4,2,5,6}"},
		{1, "FeatureVectorizer(f32[2]{1,2}, i64[1,1,2]{3,4})", "f32[1,4]{1,2,3,4}"},
		{1, "LinearRegressor(f32[2,2]{1,2,3,4}) coefficients=[1,10,100,1000] intercepts=[0.5,0.25] targets=2",
			"f32[2,2]{21.5,2100.25,43.5,4300.25}"},
		{2, `LinearClassifier(f32[2,1]{1,-1}) coefficients=[1,-1] classlabels_strings=["up","down"] post_transform="SOFTMAX_ZERO"`,
			`str[2]{"up","down"} f32[2,2]{0.880797,0.11920292,0.11920292,0.880797}`},
		{1, "TreeEnsemble(f32[3,1]{0,1,2}) aggregate_function=0 leaf_targetids=[0,0] leaf_weights=f32[2]{10,20} nodes_falseleafs=[1,1] " +
			"nodes_falsenodeids=[1,0] nodes_featureids=[0,0] nodes_modes=u8[2]{0,1} nodes_splits=f32[2]{1,2} nodes_trueleafs=[1,1] " +
			"nodes_truenodeids=[0,1] tree_roots=[0,1]", "f32[3,1]{15,15,15}"},
		{1, "TreeEnsemble(f32[2,1]{nan,3}) leaf_targetids=[1,0] leaf_weights=f32[2]{10,20} n_targets=2 nodes_falseleafs=[1] " +
			"nodes_falsenodeids=[1] nodes_featureids=[0] nodes_missing_value_tracks_true=[1] nodes_modes=u8[1]{4} nodes_splits=f32[1]{7} " +
			"nodes_trueleafs=[1] nodes_truenodeids=[0] tree_roots=[0]", "f32[2,2]{0,10,20,0}"},
		{2, "Adagrad(f32[]{1}, i64[]{3}, f32[1]{5}, f32[1]{3}, f32[1]{16}) decay_factor=1", "f32[1]{4.85} f32[1]{25}"},
		{2, `Momentum(f32[]{0.5}, i64[]{0}, f32[1]{5}, f32[1]{3}, f32[1]{2}) alpha=0.5 beta=9 mode="standard" norm_coefficient=0`,
			"f32[1]{3} f32[1]{4}"},
		{3, "Adam(f32[]{1}, i64[]{1}, f32[1]{5}, f32[1]{3}, f32[1]{1}, f32[1]{7}) alpha=0.5 beta=0.5", "f32[1]{4} f32[1]{2} f32[1]{8}"},
	} {
		got, err := evalText(t, c.results, c.node)
		if err != nil || got != c.want {
			t.Errorf("%s\n is %s, %v\nwant %s", c.node, got, err, c.want)
		}
	}
}

// Tables that do not fit each other are refused, and say why.
func TestMLRefused(t *testing.T) {
	for node, want := range map[string]string{
		"LabelEncoder(i64[1]{7}) keys=i64[2]{9,7} values=f32[1]{0.5} default=f32[]{-1}": "as many values",
		`LabelEncoder(i64[1]{7}) keys=str[1]{"a"} values=f32[1]{0.5} default=f32[]{-1}`: "keys are str",
		`Normalizer(f32[1]{1}) norm="L3"`:                                               "norm",
		`LinearRegressor(f32[1,1]{1}) coefficients=[1] post_transform="PROBIT"`:         "PROBIT",
		`LinearClassifier(f32[1,1]{1}) coefficients=[1] classlabels_ints=[1]`:           "two are the fewest",
		"TreeEnsemble(f32[1,1]{1}) leaf_targetids=[0] leaf_weights=f32[1]{1} nodes_falseleafs=[0] nodes_falsenodeids=[0] " +
			"nodes_featureids=[0] nodes_modes=u8[1]{0} nodes_splits=f32[1]{1} nodes_trueleafs=[0] nodes_truenodeids=[0] tree_roots=[0]": "cycle",
		`Momentum(f32[]{0.5}, i64[]{0}, f32[1]{5}, f32[1]{3}) alpha=0.5 beta=9 mode="standard" norm_coefficient=0`: "arguments instead of",
	} {
		if got, err := evalText(t, 1, node); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %s, %v; want an error with %q", node, got, err, want)
		}
	}
}
