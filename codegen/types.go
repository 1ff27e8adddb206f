package codegen

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// maxNesting is how deep sequences and optionals may be nested: an optional sequence.
const maxNesting = 2

// nesting is the number of sequences and optionals around the tensors of a type.
func nesting(t ir.Type) (depth int, of ir.Type) {
	for of = t; of.Kind != ir.Tensor; depth++ {
		of = *of.Of
	}
	return depth, of
}

// isList reports whether t is a sequence or an optional. Their Go type is []Item[T], or [][]Item[T] with one in the other.
func isList(t ir.Type) bool { return t.Kind != ir.Tensor }

// goCell is the Go type of what the slice that holds a value of type t is made of: of its elements, its items, its lists.
func goCell(t ir.Type) string { return cellOf(t, goType) }

// apiCell is goCell in Inputs and Outputs.
func apiCell(t ir.Type) string { return cellOf(t, apiType) }

func cellOf(t ir.Type, elem func(ir.Elem) string) string {
	if !isList(t) {
		return elem(t.Elem)
	}
	if t.Of.Kind == ir.Tensor {
		return "Item[" + elem(t.Of.Elem) + "]"
	}
	return "[]" + cellOf(*t.Of, elem)
}

// checkType says why values of type t have no Go type.
func checkType(t ir.Type) error {
	depth, of := nesting(t)
	if depth == 0 && t.Ranked() || 0 < depth && depth <= maxNesting && of.Elem != ir.NoElem {
		return nil
	}
	return fmt.Errorf("a value of type %s is not supported in compiled packages", t)
}

// checkPort is checkType of an input or result.
func checkPort(t ir.Type) error {
	if _, of := nesting(t); isList(t) && apiType(of.Elem) != goType(of.Elem) {
		return fmt.Errorf("an input or result of type %s is not supported in compiled packages: Go has no %s", t, of.Elem)
	}
	return checkType(t)
}

// checkList writes the check of an input that is a sequence or optional.
func checkList(b *strings.Builder, p Port) {
	check, want := "checkItems", "nil"
	depth, of := nesting(p.Type)
	if depth > 1 {
		check = "checkLists"
	}
	if of.Ranked() {
		sizes := make([]int, len(of.Shape))
		for i, d := range of.Shape {
			var ok bool
			if sizes[i], ok = d.Const(); !ok {
				sizes[i] = -1
			}
		}
		want = intsLiteral(sizes)
	}
	fmt.Fprintf(b, "\tif err := %s(%q, in.%s, %s); err != nil {\n\t\treturn out, err\n\t}\n", check, p.Name, p.Field, want)
	if p.Type.Kind == ir.Optional {
		fmt.Fprintf(b, "\tif err := checkOptional(%q, len(in.%s)); err != nil {\n\t\treturn out, err\n\t}\n", p.Name, p.Field)
	}
}

// listReader is the function that makes a list of a Tensor.
func listReader(t ir.Type) string {
	depth, of := nesting(t)
	return map[int]string{1: "tensorItems", 2: "tensorLists"}[depth] + "[" + apiType(of.Elem) + "]"
}

// listWriter is the function that makes a Tensor's data of a list.
func listWriter(t ir.Type) string {
	depth, _ := nesting(t)
	return map[int]string{1: "itemTensors", 2: "listTensors"}[depth]
}
