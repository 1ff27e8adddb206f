package onnxgo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// A program is the graph for inputs of certain types, ready to run.
type program struct {
	key             string // of all that it was made for
	p               *ir.Program
	inputs, results []*Node
}

// opsets are tried in this order: from 7 to 12 no node that fits two of them means two things.
var opsets = []int{9, 10, 11, 12, 8, 7, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25}

// Run computes the results from the inputs that are set. Inputs that are not set are zeros, of the shape that the model declares.
func (g *Graph) Run() error {
	if err := g.run(); err != nil {
		return fmt.Errorf("onnxgo: %w", err)
	}
	return nil
}

func (g *Graph) run() error {
	for _, n := range g.order {
		n.fresh = false
	}
	inputs, results := g.ends()
	var in []runtime.Value
	var key strings.Builder
	for _, n := range inputs {
		d, err := n.data()
		if err != nil {
			return fmt.Errorf("input %q: %w", n.name, err)
		}
		in = append(in, runtime.FromData(d))
		fmt.Fprintf(&key, "%d %s\n", n.id, d.Type())
	}
	for _, n := range results {
		fmt.Fprintln(&key, n.id)
	}
	if g.prepared == nil || g.prepared.key != key.String() {
		p, err := g.prepare(inputs, results)
		if err != nil {
			return err
		}
		g.prepared = &program{key.String(), p, inputs, results}
	}
	out, err := runtime.Eval(g.prepared.p, in, runtime.Options{})
	if err != nil {
		return err
	}
	for i, n := range results {
		x, ok := out[i].(*runtime.Tensor)
		if !ok {
			return fmt.Errorf("result %q is of type %s, which is no tensor", n.name, out[i].Type())
		}
		if n.t, err = tensorOf(x.Data()); err != nil {
			return fmt.Errorf("result %q: %w", n.name, err)
		}
		n.fresh = true
	}
	return nil
}

// ends are the inputs, and the results that are to be computed, in the order in which the model has them.
func (g *Graph) ends() (inputs, results []*Node) {
	used := map[*Node]bool{}
	for _, op := range g.ops {
		for _, a := range op.args {
			used[a] = true
		}
	}
	for _, n := range g.order {
		switch {
		case n.made && (!used[n] || g.wanted[n]):
			results = append(results, n)
		case n.input() && used[n]:
			inputs = append(inputs, n)
		}
	}
	return inputs, results
}

// prepare imports the graph in the first opset that fits, and optimises it.
func (g *Graph) prepare(inputs, results []*Node) (*ir.Program, error) {
	if len(g.ops) == 0 {
		return nil, errors.New("there is no model: no operation was applied")
	}
	try := opsets
	if g.Opset != 0 {
		try = []int{g.Opset}
	}
	var errs []error
	for _, opset := range try {
		b, err := g.encode(opset, inputs, results)
		if err != nil {
			return nil, err
		}
		p, err := onnx.ImportBytes("model", b)
		if err == nil {
			_, err = passes.Run(p, passes.Options{})
			return p, err
		}
		errs = append(errs, err)
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, fmt.Errorf("the nodes fit together in no opset from %d to %d; in opset %d: %w", slices.Min(opsets), slices.Max(opsets), opsets[0], errs[0])
}
