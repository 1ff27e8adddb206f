package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// A forest is what TreeEnsembleRegressor and TreeEnsembleClassifier have in their attributes, on its way to those of TreeEnsemble: inner
// nodes and leaves in tables of their own, and one target for each leaf. A leaf that has several stands in as many copies of its tree,
// for the weights are summed up.
type forest struct {
	elem                     ir.Elem
	features, missing, modes []int64
	splits                   []float64
	yes, no, yesLeaf, noLeaf []int64
	leafTargets              []int64
	leafWeights              []float64
	roots                    []int64
	trees                    int
	weights                  map[[2]int64][]weight // of leaves, by tree and node
}

type weight struct {
	target int64
	value  float64
}

// flatTree is a tree node as the old attributes have it.
type flatTree struct {
	feature, yes, no, missing int64
	mode                      string
	split                     float64
}

var treeModes = map[string]int64{"BRANCH_LEQ": 0, "BRANCH_LT": 1, "BRANCH_GTE": 2, "BRANCH_GT": 3, "BRANCH_EQ": 4, "BRANCH_NEQ": 5}

// numbers is the attribute of that name, a list or, by another name, a tensor.
func (n *node) numbers(name string) []float64 {
	xs, _ := n.take(name).([]float64)
	if d, ok := n.take(name + "_as_tensor").(*ir.Data); ok {
		xs = make([]float64, d.Len())
		for i := range xs {
			xs[i] = d.Float(i)
		}
	}
	return xs
}

func (n *node) takeInts(name string) []int64 {
	v, _ := n.take(name).([]int64)
	return v
}

// forest reads the attributes; kind begins the names of those of the leaves: target or class.
func (n *node) forest(kind string) (*forest, error) {
	trees, ids := n.takeInts("nodes_treeids"), n.takeInts("nodes_nodeids")
	features, yes, no := n.takeInts("nodes_featureids"), n.takeInts("nodes_truenodeids"), n.takeInts("nodes_falsenodeids")
	modes, _ := n.take("nodes_modes").([]string)
	splits, missing := n.numbers("nodes_values"), n.takeInts("nodes_missing_value_tracks_true")
	n.numbers("nodes_hitrates")
	if len(missing) == 0 {
		missing = make([]int64, len(ids))
	}
	for _, k := range []int{len(trees), len(features), len(yes), len(no), len(modes), len(splits), len(missing)} {
		if k != len(ids) || k == 0 {
			return nil, fmt.Errorf("the tables of nodes have %d and %d elements", len(ids), k)
		}
	}
	f := &forest{elem: ir.F32, weights: map[[2]int64][]weight{}}
	leafTrees, leafIDs, leafTargets, values := n.takeInts(kind+"_treeids"), n.takeInts(kind+"_nodeids"), n.takeInts(kind+"_ids"), n.numbers(kind+"_weights")
	if len(leafTrees) != len(leafIDs) || len(leafIDs) != len(leafTargets) || len(leafTargets) != len(values) {
		return nil, errors.New("the tables of leaves are not of one length")
	}
	copies := 1
	for i, w := range values {
		key := [2]int64{leafTrees[i], leafIDs[i]}
		f.weights[key] = append(f.weights[key], weight{leafTargets[i], w})
		copies = max(copies, len(f.weights[key]))
	}
	flat := map[[2]int64]flatTree{}
	var order [][2]int64
	child := map[[2]int64]bool{}
	for i, id := range ids {
		key := [2]int64{trees[i], id}
		if _, twice := flat[key]; twice {
			return nil, fmt.Errorf("tree %d has node %d twice", trees[i], id)
		}
		flat[key] = flatTree{features[i], yes[i], no[i], missing[i], modes[i], splits[i]}
		order = append(order, key)
		if modes[i] != "LEAF" {
			child[[2]int64{trees[i], yes[i]}], child[[2]int64{trees[i], no[i]}] = true, true
		}
	}
	for c := range copies {
		if err := f.add(flat, order, child, c); err != nil {
			return nil, err
		}
	}
	f.trees /= copies
	return f, nil
}

// add appends all trees, with the weight number c of each leaf.
func (f *forest) add(flat map[[2]int64]flatTree, order [][2]int64, child map[[2]int64]bool, c int) error {
	inner, leaf := map[[2]int64]int64{}, map[[2]int64]int64{}
	count := int64(len(f.modes))
	for _, key := range order {
		if flat[key].mode != "LEAF" {
			inner[key] = count
			count++
			continue
		}
		w := weight{}
		if ws := f.weights[key]; c < len(ws) {
			w = ws[c]
		}
		leaf[key] = f.leaf(w)
	}
	for _, key := range order {
		t := flat[key]
		if t.mode == "LEAF" {
			continue
		}
		mode, ok := treeModes[t.mode]
		if !ok {
			return fmt.Errorf("mode %q of a node is not known", t.mode)
		}
		to := func(id int64) (at, isLeaf int64, err error) {
			next := [2]int64{key[0], id}
			if at, ok := inner[next]; ok {
				return at, 0, nil
			}
			if at, ok := leaf[next]; ok {
				return at, 1, nil
			}
			return 0, 0, fmt.Errorf("tree %d has no node %d", key[0], id)
		}
		yes, yesLeaf, err := to(t.yes)
		no, noLeaf, err2 := to(t.no)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		f.node(t.feature, mode, t.missing, t.split, [2]int64{yes, yesLeaf}, [2]int64{no, noLeaf})
	}
	for _, key := range order {
		if child[key] {
			continue
		}
		f.trees++
		if at, ok := inner[key]; ok {
			f.roots = append(f.roots, at)
		} else {
			f.only(leaf[key])
		}
	}
	return nil
}

func (f *forest) leaf(w weight) int64 {
	f.leafTargets, f.leafWeights = append(f.leafTargets, w.target), append(f.leafWeights, w.value)
	return int64(len(f.leafTargets) - 1)
}

func (f *forest) node(feature, mode, missing int64, split float64, yes, no [2]int64) {
	f.features, f.modes, f.missing, f.splits = append(f.features, feature), append(f.modes, mode), append(f.missing, missing), append(f.splits, split)
	f.yes, f.yesLeaf = append(f.yes, yes[0]), append(f.yesLeaf, yes[1])
	f.no, f.noLeaf = append(f.no, no[0]), append(f.noLeaf, no[1])
}

// only adds a tree that is nothing but a leaf.
func (f *forest) only(leaf int64) {
	f.roots = append(f.roots, int64(len(f.modes)))
	f.node(0, 0, 0, 0, [2]int64{leaf, 1}, [2]int64{leaf, 1})
}

// attributes are those of TreeEnsemble.
func (f *forest) attributes(targets, aggregate, post int64) ir.Attrs {
	modes := ir.Ints(ir.U8, []int{len(f.modes)}, f.modes...)
	return ir.Attrs{"aggregate_function": aggregate, "n_targets": targets, "post_transform": post, "tree_roots": f.roots,
		"leaf_targetids": f.leafTargets, "leaf_weights": ir.Floats(f.elem, []int{len(f.leafWeights)}, f.leafWeights...),
		"nodes_modes": modes, "nodes_splits": ir.Floats(f.elem, []int{len(f.splits)}, f.splits...), "nodes_featureids": f.features,
		"nodes_missing_value_tracks_true": f.missing, "nodes_truenodeids": f.yes, "nodes_falsenodeids": f.no,
		"nodes_trueleafs": f.yesLeaf, "nodes_falseleafs": f.noLeaf}
}

// post is the attribute post_transform by its number.
func (n *node) post() (int64, error) {
	name := n.takeText("post_transform", "NONE")
	i := slices.Index([]string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"}, name)
	if i < 0 {
		return 0, fmt.Errorf("post_transform %q is not supported", name)
	}
	return int64(i), nil
}

// rows is argument 0 in the element type that the trees compare in.
func (s *steps) rows(f *forest) *ir.Value {
	x := s.n.input(0)
	if x == nil {
		s.err = errors.New("the input is missing")
		return nil
	}
	if x.Type.Elem == ir.F64 {
		f.elem = ir.F64
	}
	return s.cast(x, f.elem)
}

func (n *node) treeRegressor() error {
	f, err := n.forest("target")
	if err != nil {
		return err
	}
	post, err := n.post()
	if err != nil {
		return err
	}
	targets, base := n.takeInt("n_targets", 1), n.numbers("base_values")
	aggregate := int64(slices.Index([]string{"AVERAGE", "SUM", "MIN", "MAX"}, n.takeText("aggregate_function", "SUM")))
	switch {
	case aggregate < 0:
		return errors.New("the aggregate_function is not known")
	case aggregate > 1 && (len(base) > 0 || len(f.roots) > f.trees):
		return errors.New("MIN and MAX with base values, or with several targets of one leaf, are not supported")
	case aggregate == 0: // so that base values need not be averaged
		for i := range f.leafWeights {
			f.leafWeights[i] /= float64(f.trees)
		}
		aggregate = 1
	}
	f.base(base)
	s := &steps{n: n}
	x := s.rows(f)
	n.results = []*ir.Value{s.cast(s.new("TreeEnsemble", f.attributes(targets, aggregate, post), x), ir.F32)}
	return s.err
}

// base adds to each target its base value, if there are any.
func (f *forest) base(values []float64) {
	for k, v := range values {
		f.only(f.leaf(weight{int64(k), v}))
	}
}

func (n *node) treeClassifier() error {
	f, err := n.forest("class")
	if err != nil {
		return err
	}
	post, err := n.post()
	if err != nil {
		return err
	}
	labels := ir.Vector(n.takeInts("classlabels_int64s")...)
	if texts, ok := n.take("classlabels_strings").([]string); ok && len(texts) > 0 {
		labels = ir.Strings([]int{len(texts)}, texts...)
	}
	base := n.numbers("base_values")
	s := &steps{n: n}
	one := !slices.ContainsFunc(f.leafTargets, func(k int64) bool { return k != f.leafTargets[0] })
	if labels.Len() == 2 && one {
		return s.twoClasses(f, labels, base, post)
	}
	f.base(base)
	x := s.rows(f)
	raw := s.new("TreeEnsemble", f.attributes(int64(labels.Len()), 1, 0), x)
	at := s.new("ArgMax", ir.Attrs{"axis": -1, "keepdims": 0}, raw)
	label := s.new("Gather", nil, s.new("Const", ir.Attrs{"value": labels}), at)
	scores := s.new("TreeEnsemble", f.attributes(int64(labels.Len()), 1, post), x)
	n.results = []*ir.Value{label, s.cast(scores, ir.F32)}
	return s.err
}

// twoClasses is a classifier whose trees have weights for one of two classes alone: they are probabilities if none is negative.
func (s *steps) twoClasses(f *forest, labels *ir.Data, base []float64, post int64) error {
	if len(base) > 1 || post == 1 || post == 3 {
		return errors.New("one score for two classes with several base values, or with a softmax, is not supported")
	}
	positive := !slices.ContainsFunc(f.leafWeights, func(w float64) bool { return w < 0 })
	for i := range f.leafTargets {
		f.leafTargets[i] = 0
	}
	f.base(base)
	x := s.rows(f)
	score := s.cast(s.new("TreeEnsemble", f.attributes(1, 1, 0), x), ir.F32)
	half, first, second := 0.0, s.new("Neg", nil, score), score
	switch {
	case positive:
		half, first = 0.5, s.new("Sub", nil, s.scalar(1), score)
	case post == 2:
		first, second = s.new("Sigmoid", nil, first), s.new("Sigmoid", nil, score)
	}
	above := s.new("Greater", nil, score, s.scalar(half))
	at := s.new("Squeeze", nil, s.cast(above, ir.I64), s.new("Const", ir.Attrs{"value": ir.Vector(1)}))
	s.n.results = []*ir.Value{s.new("Gather", nil, s.new("Const", ir.Attrs{"value": labels}), at),
		s.new("Concat", ir.Attrs{"axis": 1}, first, second)}
	return s.err
}

func (s *steps) scalar(x float64) *ir.Value {
	return s.new("Const", ir.Attrs{"value": ir.Scalar(ir.F32, x)})
}
