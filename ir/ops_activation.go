package ir

var (
	// Relu is max(x, 0).
	Relu = define(Op{Name: "Relu", Args: "x", Infer: same, Example: "Relu(x)", Inputs: "x f32[2,3]"})

	// Sigmoid is 1/(1+exp(-x)).
	Sigmoid = define(Op{Name: "Sigmoid", Args: "x", Infer: same, Example: "Sigmoid(x)", Inputs: "x f32[2,3]"})

	// Softmax is exp(x) over its sum along axis.
	Softmax = define(Op{Name: "Softmax", Args: "x", Attrs: "axis:int=-1", Infer: sameAlongAxis, Example: "Softmax(x) axis=1", Inputs: "x f32[2,3,4]"})
)

// sameAlongAxis is same for an operator that works along the axis of its attribute.
func sameAlongAxis(n *Node) ([]Type, error) {
	t := n.TypeAt(0)
	if t.Ranked() {
		if _, err := Axis(n.Int("axis"), t.Rank()); err != nil {
			return nil, err
		}
	}
	return []Type{t}, nil
}
