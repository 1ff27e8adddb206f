package codegen

import (
	"fmt"

	"github.com/gpamc/gpamc/codegen/lib"
	"github.com/gpamc/gpamc/ir"
)

// A Precision is the format in which float32 values and weights are multiplied. It is about products alone, those with weights and, in
// fixed point, those of attention: all else stays as it is in the model, and so do sums.
type Precision string

// The precisions.
const (
	Float32 Precision = ""     // as in the model
	BF16    Precision = "bf16" // both factors rounded to bfloat16, sums in float32
	Int8    Precision = "int8" // weights in int8 with a scale a column, rows of the other factor in uint8 with a scale found in the run
)

// ParsePrecision reads what a user asks for.
func ParsePrecision(s string) (Precision, error) {
	switch p := Precision(s); p {
	case BF16, Int8:
		return p, nil
	case Float32, "f32", "float32":
		return Float32, nil
	}
	return "", fmt.Errorf("%q is no precision; there are float32, bf16 and int8", s)
}

// gemm is the function that multiplies with a weight of k rows, and the layout in which it reads it.
func (p Precision) gemm(k ir.Dim) (function string, as layout) {
	switch depth, _ := k.Const(); {
	case p == BF16:
		return "gemmBF16", bf16Layout
	case p == Int8 && depth <= lib.MaxInt8Depth:
		return "gemmInt8", int8Layout
	}
	return "gemm", linearLayout
}
