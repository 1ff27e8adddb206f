// Package operators writes docs/operators.md: what each operator runs as, and which of ONNX's tests fail, and why.
package operators

//go:generate go run ./write ../../../../docs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

// A Failing is a test of ONNX's suite that does not pass with one of the runtimes.
type Failing struct{ Name, Runtime, Reason string }

// The files in the folder of documentation: what is read, and what is written from it and the operator table.
const (
	ListFile = "failing.tsv"
	PageFile = "operators.md"
)

// ParseFailing reads the list: a line for each test, with its name, the runtime, and the reason behind tabs.
func ParseFailing(text string) ([]Failing, error) {
	var list []Failing
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\t")
		if len(parts) != 3 || parts[1] != "reference" && parts[1] != "compiled" && parts[1] != "both" {
			return nil, fmt.Errorf("%s:%d: want a test, reference, compiled or both, and a reason, with tabs between them", ListFile, i+1)
		}
		list = append(list, Failing{parts[0], parts[1], parts[2]})
	}
	return list, nil
}

// Page is docs/operators.md.
func Page(failing []Failing) string {
	var b strings.Builder
	b.WriteString(head)
	for _, domain := range []string{"ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", ""} {
		table(&b, domain)
	}
	b.WriteString(tests)
	for _, f := range failing {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.Name, f.Runtime, f.Reason)
	}
	return b.String()
}

const head = `# Operators

Generated from the operator table and ` + ListFile + ` by ` + "`go generate ./cmd/gpamc/internal/operators`" + `; do not edit.

An operator of which ONNX has several versions is brought to its newest form when a model is read, so that what stands here holds for
all of them. The reference runtime evaluates an operator itself or, as "expansion" says, the simpler operators that it stands for; an
emitted package likewise. "Go" is portable Go; "kernel" is assembly for some element types and shapes, with Go for the others. Dimensions
may be names, or known only when the data are; the number of dimensions must be known in a package.
`

const tests = `
## Tests of ONNX that do not pass

Of the suite of ONNX's own backend tests for single operators. Tests whose outputs are random are not among them: their results are
checked for what no draw can give.

| test | runtime | reason |
| --- | --- | --- |
`

var titles = map[string]string{
	"ai.onnx": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml, versions 1 to 5", "ai.onnx.preview.training": "ai.onnx.preview.training, version 1",
	"": "Operators of gpamc's own",
}

var notes = map[string]string{
	"ai.onnx.ml": "CategoryMapper and OneHotEncoder become other operators when a model is read, TreeEnsembleRegressor and\n" +
		"TreeEnsembleClassifier become TreeEnsemble. CastMap, DictVectorizer, SVMClassifier, SVMRegressor and ZipMap are not supported.\n\n",
	"ai.onnx.preview.training": "Gradient becomes the derivatives of the arithmetic before it when a model is read.\n\n",
	"":                         "Passes build them from what models have, and they are written to ONNX as functions or as what they stand for.\n\n",
}

func table(b *strings.Builder, domain string) {
	fmt.Fprintf(b, "\n## %s\n\n%s", titles[domain], notes[domain])
	if domain == "ai.onnx" {
		b.WriteString("| operator | changed in opset | reference | compiled |\n| --- | --- | --- | --- |\n")
	} else {
		b.WriteString("| operator | reference | compiled |\n| --- | --- | --- |\n")
	}
	var rows []string
	for _, op := range ir.Ops() {
		d, name, since := onnx.Versions(op)
		if d != domain {
			continue
		}
		row := "| " + op.Name
		if name != "" && name != op.Name {
			row = fmt.Sprintf("| %s (%s here)", name, op.Name)
		}
		if domain == "ai.onnx" {
			row += " | " + versions(since)
		}
		rows = append(rows, row+" | "+evaluated(op)+" | "+compiled(op)+" |\n")
	}
	slices.Sort(rows)
	b.WriteString(strings.Join(rows, ""))
}

func versions(since []int) string {
	var texts []string
	for _, v := range since {
		if v < 0 {
			texts = append(texts, "gone in "+strconv.Itoa(-v))
			continue
		}
		texts = append(texts, strconv.Itoa(v))
	}
	return strings.Join(texts, ", ")
}

func evaluated(op *ir.Op) string {
	switch {
	case runtime.Evaluates(op):
		return "yes"
	case op.Expand != nil:
		return "expansion"
	}
	return "no"
}

func compiled(op *ir.Op) string {
	portable, kernel := codegen.Lowerings(op)
	var how []string
	if kernel {
		how = append(how, "kernel")
	}
	switch {
	case portable:
		how = append(how, "Go")
	case op.Expand != nil:
		how = append(how, "expansion")
	case op == ir.Const || op == ir.Weight:
		how = append(how, "data")
	}
	if how == nil {
		return "no"
	}
	return strings.Join(how, ", else ")
}
