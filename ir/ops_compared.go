package ir

// Attentions without a softmax, to which generalised probabilistic attention (Heo and Choi, arXiv 2410.15578) is compared. The scores are
// s = scale·q·kᵀ; heads are shared as those of Scores are. mask is true where attention is allowed, and broadcasts to [..., H, Lq, Lk]; the
// weight of what it excludes is 0.
var (
	// NON is s·v/√Lk, with no normalisation of rows (Richter and Wattenhofer, arXiv 2005.09561).
	NON = define(Op{Name: "NON", Args: "q k v mask?", Attrs: "scale:float=1", Expand: expandNON,
		Example: "NON(q, k, v, m) scale=0.35355", Inputs: comparedInputs + " m bool[b,1,1,t]"})

	// NAP is (g·(s - mean(s))/(std(s) + epsilon) + b)·v, mean and standard deviation being those of a row's allowed scores (Richter and
	// Wattenhofer, arXiv 2005.09561). g and b broadcast to [..., H, Lq, Lk]; the paper has no scale.
	NAP = define(Op{Name: "NAP", Args: "q k v g b mask?", Attrs: "scale:float=1 epsilon:float=1e-05", Expand: expandNAP,
		Example: "NAP(q, k, v, x, y, m)", Inputs: comparedInputs + " x f32[4,1,1] y f32[4,1,1] m bool[b,1,1,t]"})

	// CoDA is (tanh(s)∘2·sigmoid(-scale·|q - k|₁))·v, where |q - k|₁ is the sum of the distances along D (Tay and others, Compositional
	// De-Attention, 2019).
	CoDA = define(Op{Name: "CoDA", Args: "q k v mask?", Attrs: "scale:float=1", Expand: expandCoDA,
		Example: "CoDA(q, k, v, m) scale=0.35355", Inputs: comparedInputs + " m bool[b,1,1,t]"})
)

const comparedInputs = "q f32[b,4,s,8] k f32[b,2,t,8] v f32[b,2,t,5]"

// A compared is one of these on its way.
type compared struct {
	b    *Builder
	n    *Node
	e    Elem
	k, v *Value // with the queries' heads
	mask *Value // 1 where attention is allowed, 0 elsewhere; nil if it is everywhere
}

func comparedOf(b *Builder, n *Node) *compared {
	q, k, v := n.Arg("q"), n.Arg("k"), n.Arg("v")
	for _, x := range []*Value{q, k, v} {
		if x.Type.Rank() < 2 || !x.Type.Elem.IsFloat() {
			refuse("%s: matrices of numbers are wanted", x.Type)
		}
	}
	c := &compared{b: b, n: n, e: q.Type.Elem, k: repeatHeads(b, k, heads(q)), v: repeatHeads(b, v, heads(q))}
	if m := n.Arg("mask"); m != nil {
		if m.Type.Elem != Bool {
			refuse("the mask is %s: booleans are wanted", m.Type)
		}
		c.mask = b.cast(m, c.e)
	}
	return c
}

// scores are scale·q·kᵀ.
func (c *compared) scores() *Value {
	perm := make([]int, c.k.Type.Rank())
	for i := range perm {
		perm[i] = i
	}
	last := len(perm) - 1
	perm[last-1], perm[last] = last, last-1
	s := c.b.New(MatMul, nil, c.n.Arg("q"), c.b.New(Transpose, Attrs{"perm": perm}, c.k))
	return c.scaled(s, c.n.Float("scale"))
}

func (c *compared) scaled(x *Value, by float64) *Value {
	if by == 1 {
		return x
	}
	return c.b.New(Mul, nil, x, c.b.Scalar(c.e, by))
}

// allowed is x where attention is allowed, 0 elsewhere.
func (c *compared) allowed(x *Value) *Value {
	if c.mask == nil {
		return x
	}
	return c.b.New(Mul, nil, x, c.mask)
}

func expandNON(b *Builder, n *Node) []*Value {
	c := comparedOf(b, n)
	y := b.New(MatMul, nil, c.allowed(c.scores()), c.v)
	lk := c.k.Type.Shape[c.k.Type.Rank()-2]
	return b.New1(Div, nil, y, b.New(Sqrt, nil, b.cast(b.Dim(lk), c.e)))
}

func expandNAP(b *Builder, n *Node) []*Value {
	c := comparedOf(b, n)
	s := c.scores()
	axis := b.Vector(-1)
	count := b.cast(b.Dim(s.Type.Shape[s.Type.Rank()-1]), c.e)
	if c.mask != nil {
		count = b.New(ReduceSum, nil, b.New(Expand, nil, c.mask, b.Dims(s.Type.Shape...)), axis)
		count = b.New(Max, nil, count, b.Scalar(c.e, 1)) // of a row that sees nothing
	}
	mean := func(x *Value) *Value { return b.New(Div, nil, b.New(ReduceSum, nil, c.allowed(x), axis), count) }
	d := b.New(Sub, nil, s, mean(s))
	std := b.New(Sqrt, nil, mean(b.New(Mul, nil, d, d)))
	p := b.New(Div, nil, d, b.New(Add, nil, std, b.Scalar(c.e, n.Float("epsilon"))))
	p = b.New(Add, nil, b.New(Mul, nil, n.Arg("g"), p), n.Arg("b"))
	return b.New1(MatMul, nil, c.allowed(p), c.v)
}

func expandCoDA(b *Builder, n *Node) []*Value {
	c := comparedOf(b, n)
	far := b.New(Sub, nil, b.New(Unsqueeze, nil, n.Arg("q"), b.Vector(-2)), b.New(Unsqueeze, nil, c.k, b.Vector(-3)))
	far = b.New(ReduceSum, Attrs{"keepdims": 0}, b.New(Abs, nil, far), b.Vector(-1))
	near := b.New(Sigmoid, nil, b.New(Neg, nil, c.scaled(far, n.Float("scale"))))
	p := b.New(Mul, nil, b.New(Tanh, nil, c.scores()), c.scaled(near, 2))
	return b.New1(MatMul, nil, c.allowed(p), c.v)
}
