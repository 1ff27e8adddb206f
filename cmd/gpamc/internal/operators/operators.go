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

// runtimes are what a test can fail with; dynamic is compiled, with names in the place of all sizes.
var runtimes = []string{"reference", "compiled", "both", "dynamic"}

// ParseFailing reads the list: a line for each test, with its name, the runtime, and the reason behind tabs.
func ParseFailing(text string) ([]Failing, error) {
	var list []Failing
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\t")
		if len(parts) != 3 || !slices.Contains(runtimes, parts[1]) {
			return nil, fmt.Errorf("%s:%d: want a test, a runtime, and a reason, with tabs between them", ListFile, i+1)
		}
		list = append(list, Failing{parts[0], parts[1], parts[2]})
	}
	return list, nil
}

// Floors are how many tests of each suite pass at least, by suite and then by runtime; "resized" are those that the compiled model also
// passes with other sizes than the test's own.
type Floors map[string]map[string]int

// FloorsFile is where CI has them, from the folder of documentation.
const FloorsFile = "../.ci/floors"

// ParseFloors reads the list: a line for each suite and runtime, with the number.
func ParseFloors(text string) (Floors, error) {
	floors := Floors{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var suite, rt string
		var n int
		if _, err := fmt.Sscan(line, &suite, &rt, &n); err != nil {
			return nil, fmt.Errorf("floors:%d: want a suite, a runtime and a number", i+1)
		}
		if floors[suite] == nil {
			floors[suite] = map[string]int{}
		}
		floors[suite][rt] = n
	}
	return floors, nil
}

// Page is docs/operators.md.
func Page(failing []Failing, floors Floors) string {
	var b strings.Builder
	b.WriteString(head)
	for _, domain := range []string{"ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", ""} {
		table(&b, domain)
	}
	fmt.Fprintf(&b, contributed, strings.Join(onnx.Contributed(), ", "))
	b.WriteString(suites)
	for _, s := range suiteRows {
		fmt.Fprintf(&b, "| %s |", s[1])
		for _, rt := range []string{"reference", "compiled", "resized"} {
			if n, ok := floors[s[0]][rt]; ok {
				fmt.Fprintf(&b, " %d |", n)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
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

const contributed = `
## com.microsoft

ONNX Runtime's own operators, which its optimizer, its quantizers and the builders of language models write. When a model is read they
become operators of ONNX, and then whatever passes make of those; ONNX Runtime's results for each are in testdata/contrib, where its CPU
provider has the operator. Some forms are not supported, and refused with the reason. Those that are known:

%s.
`

const suites = `
## How many tests of ONNX pass

That many at least; CI fails where there are fewer. "Other sizes" are those of the compiled ones that were also run with sizes that the
test has not, each of its sizes alone and all together changed, and agreed with the reference wherever that takes the sizes; a test for
which there are none fixes its sizes by attributes or by contents of its inputs. "With names" means: ` + "`gpamc test --dynamic`" + ` puts a
name in the place of each size of each input, the same one for equal sizes. Where no package can be made because the length of a vector of
integers is the number of dimensions of another value, such lengths stay: in 26 tests, of affine_grid, reductions without keepdims, and two
of reductions that may have no axes.

| suite | reference | compiled | other sizes |
| --- | --- | --- | --- |
`

// suiteRows are the suites, by the names that CI gives them.
var suiteRows = [][2]string{
	{"node", "single operators, opset 28: 1,831 tests, of which 10 have random outputs"},
	{"node-dynamic", "the same with names for sizes"},
	{"simple", "small models: 23 tests"},
	{"pytorch-operator", "exports of single modules: 35 tests"},
	{"older", "those of ONNX 1.12, up to opset 17: 1,072 tests, of which 10 have random outputs"},
	{"older-converted", "those of its node tests that ONNX's converter can bring to opsets 7, 9, 11 and 13: 522, of which 3 are random"},
	{"zoo-converted", "112 models of testdata/zoo in the opsets from 10 to 16 that it can bring them to"},
}

const tests = `
## Tests of ONNX that do not pass

Of those for single operators; "dynamic" is compiled, with names for sizes. Tests whose outputs are random are not among them: their
results are checked for what no draw can give. Of the tests of ONNX 1.12, six do not pass with either runtime because of what is recorded
in them: test_adam_multiple was computed with an epsilon that its model does not have, test_cast_FLOAT_to_BFLOAT16 cuts off instead of
rounding, and in four of test_castlike the input "like" has another shape than the model says. What it converts has the same faults, and
others: it drops the types of sequences, and leaves Scan as it was.

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
