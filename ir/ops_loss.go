package ir

var (
	// NegativeLogLikelihoodLoss is -x[n,t,..] for the class t = target[n,..], times weight[t], 0 where t is ignore_index; then the sum of
	// all, or their sum over that of the weights ("mean"), or "none" of these.
	NegativeLogLikelihoodLoss = define(Op{Name: "NegativeLogLikelihoodLoss", Args: "x target weight?", Attrs: "ignore_index:int? reduction:string=mean",
		Expand:  func(b *Builder, n *Node) []*Value { return []*Value{b.likelihood(n, n.Arg("x"))} },
		Example: "NegativeLogLikelihoodLoss(x, t, w)", Inputs: "x f32[3,5] t i64[3] w f32[5]"})

	// SoftmaxCrossEntropyLoss is NegativeLogLikelihoodLoss of LogSoftmax(scores) over the classes, which is the second result.
	SoftmaxCrossEntropyLoss = define(Op{Name: "SoftmaxCrossEntropyLoss", Args: "scores labels weights?", Results: "y log_prob?",
		Attrs: "ignore_index:int? reduction:string=mean",
		Expand: func(b *Builder, n *Node) []*Value {
			p := b.New(LogSoftmax, Attrs{"axis": 1}, n.Arg("scores"))
			return []*Value{b.likelihood(n, p), p}
		}, Example: `SoftmaxCrossEntropyLoss(x, t) reduction="sum"`, Inputs: "x f32[3,5,2] t i64[3,2]"})
)

// likelihood is the loss of x, the logarithms of the probabilities; n's other arguments are the classes and their weights.
func (b *Builder) likelihood(n *Node, x *Value) *Value {
	target, weight := n.Args[1], n.ArgAt(2)
	if len(ranked(x)) < 2 || len(ranked(target)) != len(ranked(x))-1 {
		refuse("classes %s for %s", target.Type, x.Type)
	}
	var ignored *Value
	if n.Has("ignore_index") {
		ignored = b.New(Equal, nil, target, b.like(target, float64(n.Int("ignore_index"))))
		target = b.New(Where, nil, ignored, b.like(target, 0), target) // any class that exists
	}
	axis := b.Vector(1)
	loss := b.New(Neg, nil, b.New(Squeeze, nil, b.New(GatherElements, Attrs{"axis": 1}, x, b.New(Unsqueeze, nil, target, axis)), axis))
	if weight != nil {
		weight = b.New(Gather, nil, weight, target)
		loss = b.New(Mul, nil, loss, weight)
	}
	if ignored != nil {
		if weight == nil {
			weight = b.like(x, 1)
		}
		weight = b.New(Where, nil, ignored, b.like(x, 0), weight)
		loss = b.New(Where, nil, ignored, b.like(x, 0), loss)
	}
	switch r := n.Str("reduction"); {
	case r == "none":
		return loss
	case r == "mean" && weight == nil:
		return b.New(ReduceMean, Attrs{"keepdims": 0}, loss)
	case r == "mean":
		return b.New(Div, nil, b.total(loss), b.total(weight))
	case r == "sum":
		return b.total(loss)
	default:
		refuse("reduction %q is neither \"none\", \"sum\" nor \"mean\"", r)
		return nil
	}
}

// total is the sum of all elements.
func (b *Builder) total(x *Value) *Value { return b.New(ReduceSum, Attrs{"keepdims": 0}, x) }
