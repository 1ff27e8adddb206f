package ir

import "fmt"

// Random numbers. Equal seeds give equal numbers; a node without one has a seed of its own.
var (
	// RandomUniformLike has x's shape, its elements drawn evenly from low..high.
	RandomUniformLike = define(Op{Name: "RandomUniformLike", Args: "x", Attrs: "dtype:int? high:float=1 low:float=0 seed:float?", Infer: inferRandomLike,
		Example: "RandomUniformLike(x) seed=3", Inputs: "x f32[2,3]"})

	// RandomNormalLike has x's shape, its elements drawn from the normal distribution of that mean and that deviation, scale.
	RandomNormalLike = define(Op{Name: "RandomNormalLike", Args: "x", Attrs: "dtype:int? mean:float=0 scale:float=1 seed:float?", Infer: inferRandomLike,
		Example: "RandomNormalLike(x) seed=3", Inputs: "x f32[2,3]"})

	// RandomUniform is RandomUniformLike of the given shape.
	RandomUniform = define(Op{Name: "RandomUniform", Attrs: "dtype:int=1 high:float=1 low:float=0 seed:float? shape:ints", Expand: expandRandom(RandomUniformLike),
		Example: "RandomUniform() shape=[2,3] seed=1"})

	// RandomNormal is RandomNormalLike of the given shape.
	RandomNormal = define(Op{Name: "RandomNormal", Attrs: "dtype:int=1 mean:float=0 scale:float=1 seed:float? shape:ints", Expand: expandRandom(RandomNormalLike),
		Example: "RandomNormal() shape=[2,3] seed=1"})

	// Bernoulli is 1 with the probability x, else 0.
	Bernoulli = define(Op{Name: "Bernoulli", Args: "x", Attrs: "dtype:int? seed:float?", Infer: inferRandomLike, Expand: expandBernoulli,
		Example: "Bernoulli(x) seed=2", Inputs: "x f32[2,3]"})

	// Multinomial draws sample_size classes for each row of x [N,C], the logarithms of their probabilities.
	Multinomial = define(Op{Name: "Multinomial", Args: "x", Attrs: "dtype:int=6 sample_size:int=1 seed:float?", Infer: inferMultinomial,
		Example: "Multinomial(x) sample_size=3 seed=2", Inputs: "x f32[2,3]"})

	// Dropout is x; in training x/(1-ratio), but 0 with the probability ratio. mask says where x was kept.
	Dropout = define(Op{Name: "Dropout", Args: "x ratio? training_mode?", Results: "y mask?", Attrs: "seed:int?", Infer: func(n *Node) ([]Type, error) {
		x, err := n.tensorAt(0, float)
		return []Type{x, x.With(Bool)}, err
	}, Expand: expandDropout, Example: "Dropout(x, 0.25, bool[]{1}) seed=5", Inputs: "x f32[2,3]"})
)

func inferRandomLike(n *Node) ([]Type, error) {
	if !n.Has("dtype") {
		x, err := n.tensorAt(0, float)
		return []Type{x}, err
	}
	x, err := n.tensorAt(0, anyElem)
	if err != nil {
		return nil, err
	}
	e, err := n.elemAttr("dtype")
	if err == nil && !ordered.has(e) {
		err = fmt.Errorf("what is drawn are no elements of type %s", e)
	}
	if !x.Known() {
		return []Type{Unranked(e)}, err
	}
	return []Type{x.With(e)}, err
}

// seeded are the attributes that n has of the named ones, and a seed: its own number if it has none.
func (n *Node) seeded(names ...string) Attrs {
	attrs := Attrs{"seed": n.ID}
	for _, name := range names {
		if v, ok := n.Attrs[name]; ok {
			attrs[name] = v
		}
	}
	return attrs
}

func expandRandom(like *Op) func(b *Builder, n *Node) []*Value {
	return func(b *Builder, n *Node) []*Value {
		attrs := n.seeded("high", "low", "mean", "scale", "seed")
		attrs["dtype"] = n.Int("dtype")
		return b.New1(like, attrs, b.New(ConstantOfShape, nil, b.Vector(n.Ints("shape")...)))
	}
}

func expandBernoulli(b *Builder, n *Node) []*Value {
	x := n.Arg("x")
	e := x.Type.Elem
	if n.Has("dtype") {
		e = Elem(n.Int("dtype"))
	}
	return []*Value{b.cast(b.New(Less, nil, b.New(RandomUniformLike, n.seeded("seed"), x), x), e)}
}

func inferMultinomial(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, float)
	if err != nil {
		return nil, err
	}
	e, err := n.elemAttr("dtype")
	if err != nil || !x.Ranked() {
		return []Type{Unranked(e)}, err
	}
	if x.Rank() != 2 {
		return nil, fmt.Errorf("%s is not [batch,classes]", x)
	}
	return []Type{T(e, x.Shape[0], N(n.Int("sample_size")))}, nil
}

func expandDropout(b *Builder, n *Node) []*Value {
	x, ratio, training := n.Arg("x"), n.Arg("ratio"), n.Arg("training_mode")
	if training == nil || isFalse(training) {
		return []*Value{b.New(Identity, nil, x), b.New(Expand, nil, b.Scalar(Bool, 1), b.New(Shape, nil, x))}
	}
	if ratio == nil {
		ratio = b.like(x, 0.5)
	}
	ratio = b.cast(ratio, x.Type.Elem)
	drawn := b.New(RandomUniformLike, n.seeded("seed"), x)
	mask := b.New(Or, nil, b.New(GreaterOrEqual, nil, drawn, ratio), b.New(Not, nil, training))
	kept := b.New(Where, nil, mask, b.New(Div, nil, x, b.New(Sub, nil, b.like(x, 1), ratio)), b.like(x, 0))
	return []*Value{b.New(Where, nil, training, kept, x), mask}
}

func isFalse(v *Value) bool {
	c, ok := v.ConstInts()
	return ok && len(c) == 1 && c[0] == 0
}

// Random reports whether o does not compute the same twice.
func (o *Op) Random() bool {
	switch o {
	case RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike, Bernoulli, Multinomial, Dropout:
		return true
	}
	return false
}
