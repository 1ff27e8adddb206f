package codegen

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{ir.LSTM: lowerRecurrent, ir.GRU: lowerRecurrent, ir.RNN: lowerRecurrent})

// Weights that are known, packed.
var _ = register(fast, map[*ir.Op]lowering{ir.LSTM: lowerPackedRecurrent, ir.GRU: lowerPackedRecurrent, ir.RNN: lowerPackedRecurrent})

// activations are ONNX's names for them, the functions of package lib and their default parameters.
var activations = map[string]struct {
	f           string
	alpha, beta float64
}{
	"affine": {"actAffine", 1, 0}, "relu": {"actRelu", 0, 0}, "tanh": {"actTanh", 0, 0}, "sigmoid": {"actSigmoid", 0, 0},
	"scaledtanh": {"actScaledTanh", 1, 1}, "softsign": {"actSoftsign", 0, 0}, "softplus": {"actSoftplus", 0, 0},
	"hardsigmoid": {"actHardSigmoid", 0.2, 0.5}, "leakyrelu": {"actLeakyRelu", 0.01, 0},
	"thresholdedrelu": {"actThresholdedRelu", 1, 0}, "elu": {"actElu", 1, 0},
}

// recurrentParts says of each recurrent operator its function in package lib, its usual activations, and how many gates it has.
var recurrentParts = map[*ir.Op]struct {
	f     string
	acts  []string
	gates int
}{
	ir.LSTM: {"lstm", []string{"Sigmoid", "Tanh", "Tanh"}, 4},
	ir.GRU:  {"gru", []string{"Sigmoid", "Tanh"}, 3},
	ir.RNN:  {"rnn", []string{"Tanh"}, 1},
}

func lowerRecurrent(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil {
		return err
	}
	part := recurrentParts[n.Op]
	acts, err := e.activations(n, part.acts)
	if err != nil {
		return err
	}
	return code(floats, fmt.Sprintf("%s(%s%s)", part.f, e.recurrent(n, "x1", "x2", ", acts: "+acts), ", ints(x4)"+recurrentEnd[n.Op]))(e, n)
}

// recurrentEnd are the last arguments of the functions, portable or not.
var recurrentEnd = map[*ir.Op]string{ir.LSTM: ", x6, y2, x7, bool(@input_forget)", ir.GRU: ", bool(@linear_before_reset)"}

// recurrent is the literal of what the recurrent operators share, as code takes it.
func (e *emitter) recurrent(n *ir.Node, w, r, more string) string {
	x := n.TypeAt(0).Shape
	seq, batch := x[0], x[1]
	if n.Int("layout") != 0 {
		seq, batch = batch, seq
	}
	clip := 0.0
	if n.Has("clip") {
		clip = n.Float("clip")
	}
	return fmt.Sprintf("recurrent[elem(x0)]{out: y, last: y1, in: x0, w: %s, r: %s, b: x3, h0: x5, seq: %s, batch: %s, input: %s, hidden: %s, dirs: %d, "+
		"batchFirst: bool(@layout), backward: %t, clip: %s%s}", w, r, e.Dim(seq), e.Dim(batch), e.agreed(x[2], n.TypeAt(1).Shape[2]), e.Dim(n.TypeAt(2).Shape[2]), directions(n),
		n.Str("direction") == "reverse", floatLiteral(clip), more)
}

// directions is how many directions the node has.
func directions(n *ir.Node) int {
	if n.Str("direction") == "bidirectional" {
		return 2
	}
	return 1
}

var errRecurrent = errors.New("no weights that are known, or an activation that has no kernel")

// lowerPackedRecurrent serves float32 with weights that are known and activations that have kernels.
func lowerPackedRecurrent(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil || n.TypeAt(0).Elem != ir.F32 {
		return cmp.Or(err, errElem)
	}
	part := recurrentParts[n.Op]
	acts, ok := recurrentKernels(n, part.acts)
	if !ok || !stored(n.Args[1]) || !stored(n.Args[2]) {
		return errRecurrent
	}
	w, r := n.TypeAt(1), n.TypeAt(2)
	hidden, known := r.Shape[2].Const()
	shape := func(k ir.Dim) []ir.Dim { return []ir.Dim{ir.N(directions(n)), ir.N(part.gates * hidden), k} }
	if !known || !ir.EqualDims(w.Shape, shape(n.TypeAt(0).Shape[2])) || !ir.EqualDims(r.Shape, shape(r.Shape[2])) {
		return errShape
	}
	layout := gatesLayout(part.gates)
	line, err := e.fill(n, fmt.Sprintf("%s32(CTX, %s, %s, ints(x4)%s)", part.f, e.recurrent(n, "INPUTS", "STATES", ""), acts, recurrentEnd[n.Op]))
	if err != nil {
		return err
	}
	names := strings.NewReplacer("CTX", e.Ctx(), "INPUTS", e.g.weightExpr(e.fn, n.Args[1], layout), "STATES", e.g.weightExpr(e.fn, n.Args[2], layout))
	e.Line("%s", names.Replace(line))
	return nil
}

// recurrentKernels are the kernels of the node's activations as a literal with three places for each direction, if all have one.
func recurrentKernels(n *ir.Node, usual []string) (string, bool) {
	names := n.StrList("activations")
	var text []string
	for dir := range directions(n) {
		for i := range 3 {
			name := "Tanh"
			switch k := dir*len(usual) + i; {
			case i >= len(usual):
			case names == nil:
				name = usual[i]
			case k < len(names):
				name = names[k]
			default:
				return "", false
			}
			kernel := actKernels[strings.ToLower(name)]
			if kernel != "sigmoid32" && kernel != "tanh32" && kernel != "relu32" {
				return "", false
			}
			text = append(text, kernel)
		}
	}
	return "gateKernels{" + strings.Join(text, ", ") + "}", names == nil || len(names) == directions(n)*len(usual)
}

// activations are the node's activations as a literal, those of each direction one after the other.
func (e *emitter) activations(n *ir.Node, usual []string) (string, error) {
	names, dirs := n.StrList("activations"), directions(n)
	if names == nil {
		for range dirs {
			names = append(names, usual...)
		}
	}
	if len(names) != dirs*len(usual) {
		return "", fmt.Errorf("%d activations instead of %d", len(names), dirs*len(usual))
	}
	alphas, betas := n.FloatList("activation_alpha"), n.FloatList("activation_beta")
	text := make([]string, len(names))
	for i, name := range names {
		a, ok := activations[strings.ToLower(name)]
		if !ok {
			return "", fmt.Errorf("activation %q", name)
		}
		if i < len(alphas) {
			a.alpha = alphas[i]
		}
		if i < len(betas) {
			a.beta = betas[i]
		}
		text[i] = fmt.Sprintf("{%s, %s, %s}", a.f, floatLiteral(a.alpha), floatLiteral(a.beta))
	}
	return "[]activation{" + strings.Join(text, ", ") + "}", nil
}
