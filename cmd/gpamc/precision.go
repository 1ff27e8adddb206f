package main

import (
	"fmt"
	"io"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/urfave/cli/v2"
)

var precisionFlag = &cli.StringFlag{Name: "precision", Value: "float32",
	Usage: "`FORMAT` of weights in matrix products: float32, bf16 or int8; attention is in fixed point then, all else in float32"}

func precision(c *cli.Context) (codegen.Precision, error) {
	p, err := codegen.ParsePrecision(c.String("precision"))
	if err != nil {
		return "", fmt.Errorf("%s: --precision: %w", c.Command.Name, err)
	}
	return p, nil
}

// shares say how far an output may be off after products in a narrow format, as a share of the largest value in the output: two to three
// times what the worst output of transformers of 6 and 12 layers with random weights loses (docs/precision.md).
var shares = map[codegen.Precision]float64{codegen.Float32: values.Rounding, codegen.BF16: 0.05, codegen.Int8: 0.15}

// narrow is the format of products: the user's, or int8 where the model itself rounds rows to that. Then the least difference before a
// product may be one of a 127th behind it.
func (v *verification) narrow() codegen.Precision {
	p := v.precision
	v.program.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op == ir.FakeQuantize || n.Op == ir.BlockedLinear && n.Int("int8") != 0 {
			p = codegen.Int8
		}
	})
	return p
}

// tolerance is the user's, or one that depends on the values of an output.
func (v *verification) tolerance() values.Tolerance {
	tol := v.tol
	if !v.given {
		tol.Share = shares[v.narrow()]
	}
	return tol
}

func isFloats(v onnx.Value) bool { return v.Kind == ir.Tensor && v.Tensor.Elem.IsFloat() }

// printCost says what a narrow format has cost an output in accuracy.
func printCost(w io.Writer, name string, got, want onnx.Value) {
	if !isFloats(want) {
		fmt.Fprintf(w, "output %s: agrees\n", name)
		return
	}
	a := values.AccuracyOf(got.Tensor, want.Tensor)
	fmt.Fprintf(w, "output %s %s: largest difference %.2g, mean %.2g, largest value %.3g, cosine %.6f", name, want.Tensor.Type(), a.Max, a.Mean,
		a.Scale, a.Cosine)
	if a.Rows > 0 {
		fmt.Fprintf(w, "; the same place is largest in %d of %d rows", a.SameTop, a.Rows)
	}
	fmt.Fprintln(w)
}
