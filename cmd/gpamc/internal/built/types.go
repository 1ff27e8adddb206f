package built

import (
	"fmt"

	"github.com/gpamc/gpamc/ir"
)

// goTypes are the element types of RunTensors' slices: Go's own, and the emitted package's for those that Go lacks.
var goTypes = map[ir.Elem]string{
	ir.F32: "float32", ir.F64: "float64", ir.I8: "int8", ir.I16: "int16", ir.I32: "int32", ir.I64: "int64",
	ir.U8: "uint8", ir.U16: "uint16", ir.U32: "uint32", ir.U64: "uint64", ir.Bool: "bool", ir.String: "string",
	ir.C64: "complex64", ir.C128: "complex128",
}

// goType is the type of e's elements in package number i of main.go.
func goType(i int, e ir.Elem) string {
	if t, ok := goTypes[e]; ok {
		return t
	}
	return fmt.Sprintf("p%d.%s", i, e)
}
