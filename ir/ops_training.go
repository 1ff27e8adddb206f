package ir

// Steps of training, of ONNX's domain ai.onnx.preview.training. Each takes a learning rate r, the number t of steps before, and any
// number of tensors x with their gradients g and what is kept of the steps before; it gives the new x and the new of what is kept.
var (
	// Adagrad is x - r/(1+t·decay_factor)·G/(√H+epsilon) with G = norm_coefficient·x + g and H = h + G²; it gives x and H.
	Adagrad = define(Op{Name: "Adagrad", Args: "r t xs...", Results: "ys...",
		Attrs: "decay_factor:float=0 epsilon:float=0 norm_coefficient:float=0", Expand: expandAdagrad,
		Example: "Adagrad(f32[]{0.1}, i64[]{3}, x, g, h) epsilon=0.5", Inputs: "x f32[3] g f32[3] h f32[3]"})

	// Adam is (1-norm_coefficient_post)·(x - R·V/(√H+epsilon)) with G = norm_coefficient·x + g, V = alpha·v + (1-alpha)·G,
	// H = beta·h + (1-beta)·G² and R = r·√(1-beta^t)/(1-alpha^t), r at t = 0; it gives x, V and H.
	Adam = define(Op{Name: "Adam", Args: "r t xs...", Results: "ys...",
		Attrs:   "alpha:float=0.9 beta:float=0.999 epsilon:float=0 norm_coefficient:float=0 norm_coefficient_post:float=0",
		Expand:  expandAdam,
		Example: "Adam(f32[]{0.1}, i64[]{3}, x, g, v, h) epsilon=0.5 beta=0.5", Inputs: "x f32[3] g f32[3] v f32[3] h f32[3]"})

	// Momentum is x - r·V, or x - r·(G + alpha·V) in mode nesterov, with G = norm_coefficient·x + g and V = alpha·v + beta·G, where
	// beta is 1 at t = 0; it gives x and V.
	Momentum = define(Op{Name: "Momentum", Args: "r t xs...", Results: "ys...",
		Attrs: "alpha:float beta:float mode:string norm_coefficient:float", Expand: expandMomentum,
		Example: `Momentum(f32[]{0.1}, i64[]{3}, x, g, v) alpha=0.9 beta=0.5 mode="nesterov" norm_coefficient=0.1`,
		Inputs:  "x f32[3] g f32[3] v f32[3]"})
)

// A trainer builds the arithmetic of one tensor's step.
type trainer struct {
	b    *Builder
	n    *Node
	elem Elem
	args []*Value // the tensor, its gradient, what is kept
}

func (s trainer) num(x float64) *Value          { return s.b.Scalar(s.elem, x) }
func (s trainer) do(op *Op, v ...*Value) *Value { return s.b.New(op, nil, v...) }

// scaled is a·x.
func (s trainer) scaled(a float64, x *Value) *Value { return s.do(Mul, s.num(a), x) }

// rate is the learning rate, count the number of steps, as the tensor's elements.
func (s trainer) rate() *Value  { return s.b.New(Cast, Attrs{"to": s.elem}, s.n.Args[0]) }
func (s trainer) count() *Value { return s.b.New(Cast, Attrs{"to": s.elem}, s.n.Args[1]) }

// begun is whether there were steps before.
func (s trainer) begun() *Value { return s.do(Greater, s.count(), s.num(0)) }

// gradient is the gradient with what draws the weights to 0.
func (s trainer) gradient() *Value {
	return s.do(Add, s.scaled(s.n.Float("norm_coefficient"), s.args[0]), s.args[1])
}

// trained builds step for each tensor of n, which has kept values beside its gradient, and orders the results as the arguments are.
func trained(b *Builder, n *Node, kept int, step func(s trainer) []*Value) []*Value {
	per := kept + 2
	count := (len(n.Args) - 2) / per
	if count < 1 || len(n.Args) != 2+count*per {
		unfit("%d arguments instead of two and %d for each tensor", len(n.Args), per)
	}
	out := make([]*Value, count*(kept+1))
	for i := range count {
		s := trainer{b: b, n: n}
		for k := range per {
			s.args = append(s.args, n.Args[2+k*count+i])
		}
		s.elem = s.args[0].Type.Elem
		for k, v := range step(s) {
			out[k*count+i] = v
		}
	}
	return out
}

func expandAdagrad(b *Builder, n *Node) []*Value {
	return trained(b, n, 1, func(s trainer) []*Value {
		slow := s.do(Add, s.num(1), s.scaled(n.Float("decay_factor"), s.count()))
		g := s.gradient()
		h := s.do(Add, s.args[2], s.do(Mul, g, g))
		step := s.do(Div, g, s.do(Add, s.do(Sqrt, h), s.num(n.Float("epsilon"))))
		return []*Value{s.do(Sub, s.args[0], s.do(Mul, s.do(Div, s.rate(), slow), step)), h}
	})
}

func expandAdam(b *Builder, n *Node) []*Value {
	return trained(b, n, 2, func(s trainer) []*Value {
		alpha, beta := n.Float("alpha"), n.Float("beta")
		g := s.gradient()
		v := s.do(Add, s.scaled(alpha, s.args[2]), s.scaled(1-alpha, g))
		h := s.do(Add, s.scaled(beta, s.args[3]), s.scaled(1-beta, s.do(Mul, g, g)))
		left := func(x float64) *Value { return s.do(Sub, s.num(1), s.do(Pow, s.num(x), s.count())) }
		late := s.do(Div, s.do(Mul, s.rate(), s.do(Sqrt, left(beta))), left(alpha))
		rate := s.do(Where, s.begun(), late, s.rate())
		step := s.do(Div, s.do(Mul, rate, v), s.do(Add, s.do(Sqrt, h), s.num(n.Float("epsilon"))))
		return []*Value{s.scaled(1-n.Float("norm_coefficient_post"), s.do(Sub, s.args[0], step)), v, h}
	})
}

func expandMomentum(b *Builder, n *Node) []*Value {
	return trained(b, n, 1, func(s trainer) []*Value {
		alpha := n.Float("alpha")
		g := s.gradient()
		beta := s.do(Where, s.begun(), s.num(n.Float("beta")), s.num(1))
		v := s.do(Add, s.scaled(alpha, s.args[2]), s.do(Mul, beta, g))
		step := v
		switch mode := n.Str("mode"); mode {
		case "standard":
		case "nesterov":
			step = s.do(Add, g, s.scaled(alpha, v))
		default:
			unfit("mode %q is neither standard nor nesterov", mode)
		}
		return []*Value{s.do(Sub, s.args[0], s.do(Mul, s.rate(), step)), v}
	})
}
