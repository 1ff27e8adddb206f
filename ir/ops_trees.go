package ir

import (
	"math"
	"slices"
)

// TreeEnsemble lets each row of x fall through decision trees to a leaf of each and aggregates the leaves' weights, by target: their
// average (0), sum (1), least (2) or greatest (3). At an inner node the row's feature is compared with the split as the mode says: at
// most (0), less (1), at least (2), greater (3), equal (4), unequal (5), or a member of the node's own set (6); the sets stand in
// membership_values, a NaN behind each.
var TreeEnsemble = define(Op{Name: "TreeEnsemble", Args: "x",
	Attrs: "aggregate_function:int=1 leaf_targetids:ints leaf_weights:tensor membership_values:tensor? n_targets:int=1 " +
		"nodes_falseleafs:ints nodes_falsenodeids:ints nodes_featureids:ints nodes_hitrates:tensor? " +
		"nodes_missing_value_tracks_true:ints? nodes_modes:tensor nodes_splits:tensor nodes_trueleafs:ints nodes_truenodeids:ints " +
		"post_transform:int=0 tree_roots:ints",
	Expand: expandTrees,
	Example: "TreeEnsemble(x) leaf_targetids=[0,1,0] leaf_weights=f32[3]{1, 2, 3} n_targets=2 nodes_falseleafs=[0,1] nodes_falsenodeids=[1,2] " +
		"nodes_featureids=[0,1] nodes_modes=u8[2]{0, 3} nodes_splits=f32[2]{0.5, -0.25} nodes_trueleafs=[1,1] nodes_truenodeids=[0,1] tree_roots=[0]",
	Inputs: "x f32[3,2]"})

// The modes of inner nodes.
const (
	treeAtMost = iota
	treeLess
	treeAtLeast
	treeGreater
	treeEqual
	treeUnequal
	treeMember
)

// trees are an ensemble's nodes; leaves follow them in the numbering, each leading to itself.
type trees struct {
	b        *Builder
	n        *Node
	x        *Value
	inner    int
	yes, no  []int64
	modes    *Data
	features []int64
	missing  []int64
	splits   *Data
	leaves   *Data
	targets  []int64
	roots    []int64
	depth    int
}

func expandTrees(b *Builder, n *Node) []*Value {
	t := newTrees(b, n)
	at := b.Const(Ints(I64, []int{1, len(t.roots)}, t.roots...))
	rows := b.New(Slice, nil, b.New(Shape, nil, t.x), b.Vector(0), b.Vector(1))
	at = b.New(Expand, nil, at, b.New(Concat, Attrs{"axis": 0}, rows, b.Vector(int64(len(t.roots)))))
	for range t.depth {
		at = t.step(at)
	}
	leaf := b.New(Sub, nil, at, b.Scalar(I64, float64(t.inner)))
	weights := b.New(Gather, nil, b.Const(t.leaves), leaf)
	targets := b.New(Gather, nil, b.Vector(t.targets...), leaf)
	columns := make([]*Value, n.Int("n_targets"))
	for k := range columns {
		columns[k] = t.aggregate(weights, b.New(Equal, nil, targets, b.Scalar(I64, float64(k))))
	}
	y := b.New(Concat, Attrs{"axis": 1}, columns...)
	posts := []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}
	post := n.Int("post_transform")
	if post < 0 || post >= len(posts) {
		unfit("post_transform %d is not known", post)
	}
	return []*Value{transformed(b, posts[post], y)}
}

// newTrees checks the tables.
func newTrees(b *Builder, n *Node) *trees {
	t := &trees{b: b, n: n, x: n.Args[0], modes: n.Data("nodes_modes"), splits: n.Data("nodes_splits"), leaves: n.Data("leaf_weights"),
		features: n.Ints("nodes_featureids"), missing: n.Ints("nodes_missing_value_tracks_true"), targets: n.Ints("leaf_targetids"),
		roots: n.Ints("tree_roots")}
	if t.modes == nil || t.splits == nil || t.leaves == nil || t.x.Type.Rank() != 2 || t.leaves.Elem != t.x.Type.Elem {
		unfit("rows of numbers, and tables of their element type, are wanted; x is %s", t.x.Type)
	}
	t.inner = t.modes.Len()
	if len(t.missing) == 0 {
		t.missing = make([]int64, t.inner)
	}
	count := n.Int("n_targets")
	for _, of := range []int{t.splits.Len(), len(t.features), len(t.missing), len(n.Ints("nodes_truenodeids")), len(n.Ints("nodes_falsenodeids")),
		len(n.Ints("nodes_trueleafs")), len(n.Ints("nodes_falseleafs"))} {
		if of != t.inner {
			unfit("the tables of nodes have %d and %d elements", t.inner, of)
		}
	}
	if len(t.targets) != t.leaves.Len() || len(t.roots) == 0 || count < 1 || count > 1<<16 {
		unfit("%d leaves with %d targets of %d, %d trees", t.leaves.Len(), len(t.targets), count, len(t.roots))
	}
	t.yes = t.next("nodes_truenodeids", "nodes_trueleafs")
	t.no = t.next("nodes_falsenodeids", "nodes_falseleafs")
	for i := range t.leaves.Len() { // a leaf stays where it is
		t.yes, t.no = append(t.yes, int64(t.inner+i)), append(t.no, int64(t.inner+i))
	}
	t.depth = t.height()
	return t
}

// next are the nodes that follow when a comparison has one result.
func (t *trees) next(ids, leafs string) []int64 {
	to := slices.Clone(t.n.Ints(ids))
	for i, leaf := range t.n.Ints(leafs) {
		most := t.inner
		if leaf != 0 {
			most = t.leaves.Len()
		}
		if to[i] < 0 || to[i] >= int64(most) {
			unfit("%s names node %d of %d", ids, to[i], most)
		}
		if leaf != 0 {
			to[i] += int64(t.inner)
		}
	}
	return to
}

// height is the length of the longest way from a root to a leaf.
func (t *trees) height() int {
	level := map[int64]bool{}
	for _, r := range t.roots {
		if r < 0 || r >= int64(t.inner) {
			unfit("a tree begins with node %d of %d", r, t.inner)
		}
		level[r] = true
	}
	for depth := 0; ; depth++ {
		below := map[int64]bool{}
		for k := range level {
			if k < int64(t.inner) {
				below[t.yes[k]], below[t.no[k]] = true, true
			}
		}
		if len(below) == 0 {
			return depth
		}
		if depth > t.inner {
			unfit("the trees have a cycle")
		}
		level = below
	}
}

// perNode is a table's rows at nodes, 0 for leaves.
func (t *trees) perNode(at *Value, xs []int64) *Value {
	xs = append(slices.Clone(xs), make([]int64, t.leaves.Len())...)
	return t.b.New(Gather, nil, t.b.Vector(xs...), at)
}

// step is the nodes after those at, [rows, trees].
func (t *trees) step(at *Value) *Value {
	b := t.b
	x := b.New(GatherElements, Attrs{"axis": 1}, t.x, t.perNode(at, t.features))
	split := NewData(t.x.Type.Elem, t.inner+t.leaves.Len())
	modes := make([]int64, t.inner)
	for i := range t.inner {
		split.SetFloat(i, t.splits.Float(i))
		modes[i] = t.modes.Int(i)
	}
	s := b.New(Gather, nil, b.Const(split), at)
	mode := t.perNode(at, modes)
	compare := map[int64]func() *Value{
		treeAtMost:  func() *Value { return b.New(LessOrEqual, nil, x, s) },
		treeLess:    func() *Value { return b.New(Less, nil, x, s) },
		treeAtLeast: func() *Value { return b.New(GreaterOrEqual, nil, x, s) },
		treeGreater: func() *Value { return b.New(Greater, nil, x, s) },
		treeEqual:   func() *Value { return b.New(Equal, nil, x, s) },
		treeUnequal: func() *Value { return b.New(Not, nil, b.New(Equal, nil, x, s)) },
		treeMember:  func() *Value { return t.member(at, x, modes) },
	}
	used := slices.Compact(slices.Sorted(slices.Values(modes)))
	var yes *Value
	for _, m := range used {
		f := compare[m]
		if f == nil {
			unfit("mode %d of a node is not known", m)
		}
		if yes == nil {
			yes = f()
			continue
		}
		yes = b.New(Where, nil, b.New(Equal, nil, mode, b.Scalar(I64, float64(m))), f(), yes)
	}
	if slices.Contains(t.missing, 1) && x.Type.Elem.IsFloat() {
		tracks := b.New(Cast, Attrs{"to": Bool}, t.perNode(at, t.missing))
		yes = b.New(Or, nil, yes, b.New(And, nil, b.New(IsNaN, nil, x), tracks))
	}
	return b.New(Where, nil, yes, b.New(Gather, nil, b.Vector(t.yes...), at), b.New(Gather, nil, b.Vector(t.no...), at))
}

// member is whether x is in the sets of the nodes: a row of a table each, filled up with NaN.
func (t *trees) member(at, x *Value, modes []int64) *Value {
	var sets [][]float64
	if d := t.n.Data("membership_values"); d != nil {
		set := []float64{}
		for i := range d.Len() {
			if v := d.Float(i); !math.IsNaN(v) {
				set = append(set, v)
				continue
			}
			sets, set = append(sets, set), []float64{}
		}
		if len(set) > 0 {
			sets = append(sets, set)
		}
	}
	width := 1
	for _, s := range sets {
		width = max(width, len(s))
	}
	rows := t.inner + t.leaves.Len()
	table := NewData(x.Type.Elem, rows, width)
	for i := range rows * width {
		table.SetFloat(i, math.NaN())
	}
	k := 0
	for i, m := range modes {
		if m != treeMember {
			continue
		}
		if k == len(sets) {
			unfit("membership_values has %d sets, fewer than nodes that ask for one", len(sets))
		}
		for j, v := range sets[k] {
			table.SetFloat(i*width+j, v)
		}
		k++
	}
	b := t.b
	hit := b.New(Equal, nil, b.New(Unsqueeze, nil, x, b.Vector(-1)), b.New(Gather, nil, b.Const(table), at))
	return b.New(Cast, Attrs{"to": Bool}, b.New(ReduceMax, Attrs{"keepdims": 0}, b.New(Cast, Attrs{"to": I32}, hit), b.Vector(-1)))
}

// aggregate is one target's column: of is which leaves are its own.
func (t *trees) aggregate(weights, of *Value) *Value {
	b, e := t.b, t.x.Type.Elem
	fold := func(op *Op, none float64) *Value {
		return b.New(op, nil, b.New(Where, nil, of, weights, b.Scalar(e, none)), b.Vector(1))
	}
	switch t.n.Int("aggregate_function") {
	case 0:
		return b.New(Div, nil, fold(ReduceSum, 0), b.Scalar(e, float64(len(t.roots))))
	case 1:
		return fold(ReduceSum, 0)
	case 2:
		return t.reached(of, fold(ReduceMin, math.Inf(1)))
	case 3:
		return t.reached(of, fold(ReduceMax, math.Inf(-1)))
	}
	unfit("aggregate_function %d is not known", t.n.Int("aggregate_function"))
	return nil
}

// reached is v where a leaf of the target was reached, else 0.
func (t *trees) reached(of, v *Value) *Value {
	b := t.b
	some := b.New(Cast, Attrs{"to": Bool}, b.New(ReduceMax, nil, b.New(Cast, Attrs{"to": I32}, of), b.Vector(1)))
	return b.New(Where, nil, some, v, b.Scalar(t.x.Type.Elem, 0))
}
