package ir

import "fmt"

// Normalisations. All are composites; the sums are in the type of stash_type where an operator has that attribute.
var (
	// LayerNormalization is (x-mean)/√(var+epsilon)·scale + b, mean and var over the axes from axis on; mean and 1/√(var+epsilon) are
	// results, too.
	LayerNormalization = define(Op{Name: "LayerNormalization", Args: "x scale b?", Results: "y mean? inv_std_dev?",
		Attrs: "axis:int=-1 epsilon:float=1e-05 stash_type:int=1", Infer: inferLayerNorm, Expand: expandLayerNorm,
		Example: "LayerNormalization(x, s, b)", Inputs: "x f32[2,3,4] s f32[4] b f32[4]"})

	// RMSNormalization is x/√(mean(x²)+epsilon)·scale, the mean over the axes from axis on.
	RMSNormalization = define(Op{Name: "RMSNormalization", Args: "x scale", Attrs: "axis:int=-1 epsilon:float=1e-05 stash_type:int=1",
		Infer: inferRMSNorm, Expand: expandRMSNorm, Example: "RMSNormalization(x, s)", Inputs: "x f32[2,3,4] s f32[4]"})

	// GroupNormalization is (x-mean)/√(var+epsilon)·scale + bias, mean and var over each of num_groups groups of channels of x [N,C,..];
	// scale and bias are [C].
	GroupNormalization = define(Op{Name: "GroupNormalization", Args: "x scale bias", Attrs: "epsilon:float=1e-05 num_groups:int stash_type:int=1",
		Infer: likeX, Expand: expandGroupNorm, Example: "GroupNormalization(x, s, b) num_groups=2", Inputs: "x f32[2,4,3] s f32[4] b f32[4]"})

	// InstanceNormalization is (x-mean)/√(var+epsilon)·scale + b, mean and var over the axes of x [N,C,..] behind the channels.
	InstanceNormalization = define(Op{Name: "InstanceNormalization", Args: "x scale b", Attrs: "epsilon:float=1e-05",
		Infer: likeX, Expand: expandInstanceNorm, Example: "InstanceNormalization(x, s, b)", Inputs: "x f32[2,3,4] s f32[3] b f32[3]"})

	// BatchNormalization is (x-mean)/√(var+epsilon)·scale + b for each channel of x [N,C,..]. With training_mode mean and var are those of
	// x, and the running ones, momentum·old + (1-momentum)·new, are results.
	BatchNormalization = define(Op{Name: "BatchNormalization", Args: "x scale b mean var", Results: "y running_mean? running_var?",
		Attrs: "epsilon:float=1e-05 momentum:float=0.9 training_mode:int=0", Infer: inferBatchNorm, Expand: expandBatchNorm,
		Example: "BatchNormalization(x, s, b, m, v)", Inputs: "x f32[2,3,4] s f32[3] b f32[3] m f32[3] v f32[3]"})

	// LpNormalization is x over (Σ|x|^p)^(1/p) along axis, 0 where that is 0.
	LpNormalization = define(Op{Name: "LpNormalization", Args: "x", Attrs: "axis:int=-1 p:int=2", Infer: sameAlongAxis, Expand: expandLpNorm,
		Example: "LpNormalization(x) p=1", Inputs: "x f32[2,3,4]"})

	// MeanVarianceNormalization is (x-mean)/(√var + 1e-9) over axes.
	MeanVarianceNormalization = define(Op{Name: "MeanVarianceNormalization", Args: "x", Attrs: "axes:ints=[0,2,3]", Infer: likeX, Expand: expandMVN,
		Example: "MeanVarianceNormalization(x) axes=[0,2]", Inputs: "x f32[2,3,4]"})

	// LRN is x/(bias + alpha/size·Σx²)^beta, the sum over the size channels around each of x [N,C,..].
	LRN = define(Op{Name: "LRN", Args: "x", Attrs: "alpha:float=0.0001 beta:float=0.75 bias:float=1 size:int", Infer: likeX, Expand: expandLRN,
		Example: "LRN(x) size=3", Inputs: "x f32[2,5,3]"})
)

// likeX is the inference of a composite of floats whose result is like its first argument, even if that is of unknown rank.
func likeX(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil || !x.Ranked() {
		return []Type{x}, err
	}
	return n.expandedTypes()
}

// share is d/k, which must leave no remainder as far as one can tell.
func (b *Builder) share(d, k Dim) Dim {
	q, ok := d.Div(k)
	if r, known := d.Mod(k); !ok || known && r.IsConst() && !r.Is(0) {
		refuse("%s does not divide by %s", d, k)
	}
	return q
}

// axesFrom are the axes from first on, of rank.
func axesFrom(first, rank int) []int64 {
	axes := []int64{}
	for i := first; i < rank; i++ {
		axes = append(axes, int64(i))
	}
	return axes
}

// centred builds x-mean and the variance of x over axes.
func (b *Builder) centred(x, axes *Value) (mean, d, variance *Value) {
	mean = b.New(ReduceMean, nil, x, axes)
	d = b.New(Sub, nil, x, mean)
	return mean, d, b.New(ReduceMean, nil, b.New(Mul, nil, d, d), axes)
}

// invSqrt is 1/√(x+epsilon).
func (b *Builder) invSqrt(x *Value, epsilon float64) *Value {
	return b.New(Reciprocal, nil, b.New(Sqrt, nil, b.New(Add, nil, x, b.like(x, epsilon))))
}

// perChannel reshapes v [C] to [C,1,1..], to go with a tensor [N,C,..] of that rank.
func (b *Builder) perChannel(v *Value, rank int) *Value {
	if rank <= 2 {
		return v
	}
	return b.New(Unsqueeze, nil, v, b.Vector(axesFrom(1, rank-1)...))
}

func inferLayerNorm(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil {
		return nil, err
	}
	stash, err := n.elemAttr("stash_type")
	if err != nil {
		return nil, err
	}
	if !x.Ranked() {
		return []Type{x, Unranked(stash), Unranked(stash)}, nil
	}
	axis, err := Axis(n.Int("axis"), x.Rank())
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(n.Args); i++ {
		if n.Args[i] == nil {
			continue
		}
		if err := fits(n.TypeAt(i), x); err != nil {
			return nil, err
		}
		if e := n.TypeAt(i).Elem; e != NoElem && x.Elem != NoElem && e != x.Elem {
			return nil, fmt.Errorf("%s for %s: the same type of elements is wanted", n.TypeAt(i), x)
		}
	}
	stat := append([]Dim{}, x.Shape[:axis]...)
	for range x.Shape[axis:] {
		stat = append(stat, N(1))
	}
	return []Type{x, T(stash, stat...), T(stash, stat...)}, nil
}

// fits reports whether s can be broadcast to x, as the scale of a normalisation must.
func fits(s, x Type) error {
	if !s.Ranked() || !x.Ranked() {
		return nil
	}
	t, err := BroadcastTypes(x.Elem, x, s)
	if err == nil && t.Rank() == x.Rank() {
		for i, d := range t.Shape {
			if d.IsConst() && x.Shape[i].IsConst() && !d.Equal(x.Shape[i]) {
				err = fmt.Errorf("%s is wider", s)
			}
		}
	}
	if err != nil || t.Rank() != x.Rank() {
		return fmt.Errorf("%s cannot be broadcast to %s", s, x)
	}
	return nil
}

func expandLayerNorm(b *Builder, n *Node) []*Value {
	x := n.Arg("x")
	rank := len(ranked(x))
	axis, _ := Axis(n.Int("axis"), rank)
	mean, d, variance := b.centred(b.cast(x, Elem(n.Int("stash_type"))), b.Vector(axesFrom(axis, rank)...))
	inv := b.invSqrt(variance, n.Float("epsilon"))
	y := b.New(Mul, nil, b.cast(b.New(Mul, nil, d, inv), x.Type.Elem), n.Arg("scale"))
	if n.Arg("b") != nil {
		y = b.New(Add, nil, y, n.Arg("b"))
	}
	return []*Value{y, mean, inv}
}

func inferRMSNorm(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil {
		return nil, err
	}
	if x.Ranked() {
		if _, err := Axis(n.Int("axis"), x.Rank()); err != nil {
			return nil, err
		}
	}
	if err := fits(n.TypeAt(1), x); err != nil {
		return nil, err
	}
	if e := n.TypeAt(1).Elem; e != NoElem {
		x = x.With(e)
	}
	return []Type{x}, nil
}

func expandRMSNorm(b *Builder, n *Node) []*Value {
	x, scale := n.Arg("x"), n.Arg("scale")
	rank := len(ranked(x))
	axis, _ := Axis(n.Int("axis"), rank)
	c := b.cast(x, Elem(n.Int("stash_type")))
	mean := b.New(ReduceMean, nil, b.New(Mul, nil, c, c), b.Vector(axesFrom(axis, rank)...))
	y := b.New(Mul, nil, c, b.invSqrt(mean, n.Float("epsilon")))
	return b.New1(Mul, nil, b.cast(b.cast(y, x.Type.Elem), scale.Type.Elem), scale)
}

func expandGroupNorm(b *Builder, n *Node) []*Value {
	x, groups := n.Arg("x"), n.Int("num_groups")
	shape := ranked(x)
	if len(shape) < 2 || groups < 1 {
		refuse("cannot put %s into %d groups of channels", x.Type, groups)
	}
	each := b.share(shape[1], N(groups))
	flat := b.Dims(shape[0], N(groups), each.Mul(Product(shape[2:])))
	c := b.New(Reshape, nil, b.cast(x, Elem(n.Int("stash_type"))), flat)
	_, d, variance := b.centred(c, b.Vector(2))
	y := b.New(Mul, nil, d, b.invSqrt(variance, n.Float("epsilon")))
	y = b.cast(b.New(Reshape, nil, y, b.Dims(shape...)), x.Type.Elem)
	y = b.New(Mul, nil, y, b.perChannel(n.Arg("scale"), len(shape)))
	return b.New1(Add, nil, y, b.perChannel(n.Arg("bias"), len(shape)))
}

func expandInstanceNorm(b *Builder, n *Node) []*Value {
	x := n.Arg("x")
	rank := len(ranked(x))
	if rank < 3 {
		refuse("%s has no axes behind its channels", x.Type)
	}
	_, d, variance := b.centred(x, b.Vector(axesFrom(2, rank)...))
	y := b.New(Mul, nil, d, b.invSqrt(variance, n.Float("epsilon")))
	y = b.New(Mul, nil, y, b.perChannel(n.Arg("scale"), rank))
	return b.New1(Add, nil, y, b.perChannel(n.Arg("b"), rank))
}

func inferBatchNorm(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil {
		return nil, err
	}
	if x.Ranked() && x.Rank() > 1 {
		c := x.Shape[1]
		for i := 1; i < 5; i++ {
			t := n.TypeAt(i)
			if t.Ranked() && (t.Rank() != 1 || t.Shape[0].IsConst() && c.IsConst() && !t.Shape[0].Equal(c)) {
				return nil, fmt.Errorf("argument %s is %s for %s channels", n.Op.params[i].name, t, c)
			}
		}
	}
	return []Type{x, n.TypeAt(3), n.TypeAt(4)}, nil
}

// expandBatchNorm computes in the type of the running statistics, which may be wider than x's.
func expandBatchNorm(b *Builder, n *Node) []*Value {
	x, mean, variance := n.Arg("x"), n.Arg("mean"), n.Arg("var")
	e := mean.Type.Elem
	rank := len(ranked(x))
	c := b.cast(x, e)
	runningMean, runningVar := mean, variance
	if n.Int("training_mode") != 0 {
		axes := b.Vector(append([]int64{0}, axesFrom(2, rank)...)...)
		m, _, v := b.centred(c, axes)
		mix := func(old, new *Value) *Value {
			p := n.Float("momentum")
			return b.New(Add, nil, b.scaled(old, p), b.scaled(new, 1-p))
		}
		mean, variance = b.New(Squeeze, nil, m, axes), b.New(Squeeze, nil, v, axes)
		runningMean, runningVar = mix(runningMean, mean), mix(runningVar, variance)
	}
	y := b.New(Sub, nil, c, b.perChannel(mean, rank))
	y = b.New(Mul, nil, y, b.perChannel(b.invSqrt(variance, n.Float("epsilon")), rank))
	y = b.New(Mul, nil, y, b.perChannel(b.cast(n.Arg("scale"), e), rank))
	y = b.New(Add, nil, y, b.perChannel(b.cast(n.Arg("b"), e), rank))
	return []*Value{b.cast(y, x.Type.Elem), runningMean, runningVar}
}

func expandLpNorm(b *Builder, n *Node) []*Value {
	x, axis := n.Arg("x"), b.Vector(int64(n.Int("axis")))
	op := map[int]*Op{1: ReduceL1, 2: ReduceL2}[n.Int("p")]
	if op == nil {
		refuse("p=%d is neither 1 nor 2", n.Int("p"))
	}
	norm := b.New(op, nil, x, axis)
	zero := b.New(Equal, nil, norm, b.like(x, 0))
	return b.New1(Div, nil, x, b.New(Where, nil, zero, b.like(x, 1), norm)) // where the norm is 0, so is x
}

func expandMVN(b *Builder, n *Node) []*Value {
	_, d, variance := b.centred(n.Arg("x"), b.Vector(n.Ints("axes")...))
	return b.New1(Div, nil, d, b.New(Add, nil, b.New(Sqrt, nil, variance), b.like(d, 1e-9)))
}

// expandLRN sums over channels as a pooling: x [N,C,D..] is [N,1,C,ΠD] to it.
func expandLRN(b *Builder, n *Node) []*Value {
	x, size := n.Arg("x"), n.Int("size")
	shape := ranked(x)
	if len(shape) < 2 || size < 1 {
		refuse("cannot sum %d channels of %s", size, x.Type)
	}
	flat := b.Dims(shape[0], N(1), shape[1], Product(shape[2:]))
	squares := b.New(Reshape, nil, b.New(Mul, nil, x, x), flat)
	mean := b.New(AveragePool, Attrs{"kernel_shape": []int64{int64(size), 1}, "count_include_pad": 1,
		"pads": []int64{int64((size - 1) / 2), 0, int64(size / 2), 0}}, squares)
	mean = b.New(Reshape, nil, mean, b.Dims(shape...))
	base := b.New(Add, nil, b.scaled(mean, n.Float("alpha")), b.like(x, n.Float("bias")))
	return b.New1(Div, nil, x, b.New(Pow, nil, base, b.like(x, n.Float("beta"))))
}
