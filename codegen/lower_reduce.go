package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.ReduceSum:  reducing(accumulator, "0", "sumUp", "plain"),
	ir.ReduceProd: reducing(accumulator, "1", "multiplyUp", "plain"),
	ir.ReduceMean: reducing(accumulator, "0", "sumUp", "average"),
	ir.ReduceMax:  extremum("lowest", "keepLargest", "false", "either"),
	ir.ReduceMin:  extremum("highest", "keepLeast", "true", "both"),
	ir.ArgMax:     code(numbers, "argReduce(y, x0, shape(x0), @axis, greater, bool(@select_last_index))"),
	ir.ArgMin:     code(numbers, "argReduce(y, x0, shape(x0), @axis, less, bool(@select_last_index))"),
	ir.CumSum:     cumulating("0", "sumUp"),
	ir.CumProd:    cumulating("1", "multiplyUp"),
})

// accumulator is the Go type in which elements of type e are added up: wider than e, so that the result is rounded once.
func accumulator(e ir.Elem) string {
	if e.IsFloat() {
		return "float64"
	}
	return "int64"
}

// reducing folds with functions of package lib, beginning with init.
func reducing(acc func(ir.Elem) string, init, step, finish string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if err := checkNode(n, numbers); err != nil {
			return err
		}
		return reduce(e, n, acc(n.TypeAt(0).Elem)+"("+init+")", step, finish)
	}
}

func extremum(init, step, boolInit, boolStep string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if n.TypeAt(0).Elem == ir.Bool {
			return reduce(e, n, boolInit, boolStep, "asIs")
		}
		if err := checkNode(n, numbers); err != nil {
			return err
		}
		return reduce(e, n, init+"["+e.Elem(n.Args[0])+"]()", step, "asIs")
	}
}

func reduce(e *emitter, n *ir.Node, init, step, finish string) error {
	if reducesNothing(n) {
		return sized(anyElem, "dim(x0)", "copy(y, x0)")(e, n)
	}
	if axes := n.ArgAt(1); n.Int("noop_with_empty_axes") != 0 && axes != nil && !axes.Type.Size().IsConst() {
		return fmt.Errorf("whether there are axes in %s is not known, and without any nothing is reduced", axes.Type)
	}
	size := "reducedSize(dim(x0), AXIS, rank(x0), ints(x1))"
	if n.Int("keepdims") == 0 {
		size = "keptSize(shape(x0), ints(x1), AXIS, rank(y))"
	}
	return sized(anyElem, size, "reduce(y, x0, shape(x0), ints(x1), "+init+", "+step+", "+finish+")")(e, n)
}

// reducesNothing reports whether the node's list of axes is empty, and that means none.
func reducesNothing(n *ir.Node) bool {
	axes := n.ArgAt(1)
	return n.Int("noop_with_empty_axes") != 0 && (axes == nil || axes.Type.Ranked() && axes.Type.Size().Is(0))
}

func cumulating(init, step string) lowering {
	return func(e *emitter, n *ir.Node) error {
		acc := accumulator(n.TypeAt(0).Elem)
		return code(numbers, "cumulate(y, x0, shape(x0), int(x1), bool(@exclusive), bool(@reverse), "+acc+"("+init+"), "+step+")")(e, n)
	}
}
