package codegen

import (
	"bytes"
	"fmt"
	"go/format"
	"go/scanner"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gpamc/gpamc/ir"
)

// inputs are the params as fields of the emitted Inputs.
func (g *generator) inputs() []Port {
	params := g.params()
	return g.ports(params, func(i int) string { return params[i].Name })
}

// params are the model's inputs that the caller gives.
func (g *generator) params() []*ir.Value {
	return slices.DeleteFunc(slices.Clone(g.p.Main.Params), func(v *ir.Value) bool { return g.stateOf(v) != nil })
}

// results are the model's results as fields of the emitted Outputs.
func (g *generator) results() []Port { return g.ports(g.p.Main.Results, g.p.Main.ResultName) }

func (g *generator) ports(vs []*ir.Value, name func(i int) string) []Port {
	names := newNamer(map[string]bool{})
	out := make([]Port, len(vs))
	for i, v := range vs {
		out[i] = Port{Name: name(i), Type: v.Type, Field: names.take(goName(name(i), true), "X")}
	}
	return out
}

// dimensions are the sizes that the caller gives, as fields of the emitted Inputs.
func (g *generator) dimensions() []Dimension {
	taken := map[string]bool{}
	for _, p := range g.inputs() {
		taken[p.Field] = true
	}
	names := newNamer(taken)
	var out []Dimension
	for _, name := range g.inputDims() {
		if g.isOwn(name) {
			continue
		}
		field := goName(name, true)
		if taken[field] {
			field += "Dim"
		}
		out = append(out, Dimension{Name: name, Field: names.take(field, "N")})
	}
	return out
}

// apiType is the Go type of elements in Inputs and Outputs: bits for what Go has no type for.
func apiType(e ir.Elem) string {
	switch e {
	case ir.F16, ir.BF16:
		return "uint16"
	case ir.I4, ir.I2:
		return "int8"
	case ir.U4, ir.U2, ir.F4E2M1, ir.F8E4M3FN, ir.F8E4M3FNUZ, ir.F8E5M2, ir.F8E5M2FNUZ, ir.F8E8M0:
		return "uint8"
	}
	return goType(e)
}

// print puts the package together.
func (g *generator) print(bodies map[*function]string) (*Output, error) {
	out := &Output{Inputs: g.inputs(), Results: g.results(), Dims: g.dimensions(), Steps: g.steps}
	size := g.weights.layOut(g.fns)
	if size > maxEmbedded && !g.opts.File {
		return nil, fmt.Errorf("%d MB of weights are too many to embed: --weights file leaves them in a file beside the package", size>>20)
	}
	checksum, err := g.writeWeights(out, size)
	if err != nil {
		return nil, err
	}
	sources := map[string]string{
		"session.go": g.labelSource(g.profileSource(g.sessionSource())),
		"steps.go":   g.stepsSource(bodies),
		"model.go":   g.modelSource(out.Size, checksum),
	}
	if len(g.constGo) > 0 {
		sources["consts.go"] = "// Constants of the model.\n\n" + strings.Join(g.constGo, "\n") + "\n"
	}
	formatted := map[string][]byte{}
	for name, body := range sources {
		if formatted[name], err = g.source(name, body); err != nil {
			return nil, err
		}
	}
	if out.Files, err = loadLibrary(g.opts).shake(g.opts.Package, formatted); err != nil {
		return nil, err
	}
	for name, src := range formatted {
		if out.Files[name] != nil {
			panic("BUG: a file of the library is called " + name)
		}
		out.Files[name] = src
	}
	if g.opts.Main {
		for name, src := range g.mainSources() {
			out.Files["cmd/"+g.opts.Package+"/"+name] = src
		}
	}
	return out, nil
}

var importable = []string{"context", "errors", "fmt", "math"}

// source adds what stands above a file's declarations, and formats.
func (g *generator) source(name, body string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(generatedBy)
	if name == "model.go" {
		fmt.Fprintf(&b, "\n%s", g.packageComment())
	} else {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "package %s\n\n", g.opts.Package)
	var imports []string
	for _, p := range importable {
		if regexp.MustCompile(`\b` + p + `\.`).MatchString(stripComments(body)) {
			imports = append(imports, fmt.Sprintf("%q", p))
		}
	}
	if strings.Contains(body, "//go:embed") {
		imports = append([]string{`_ "embed"`}, imports...)
	}
	if len(imports) > 0 {
		fmt.Fprintf(&b, "import (\n%s\n)\n\n", strings.Join(imports, "\n"))
	}
	b.WriteString(body)
	src, err := format.Source(b.Bytes())
	if err != nil {
		panic(fmt.Sprintf("BUG: emitted %s: %v\n%s", name, err, b.Bytes()))
	}
	return src, nil
}

// comments are also what strings hold: neither refers to a variable.
var comments = regexp.MustCompile(`(?m)^\s*//.*$|"(?:[^"\\]|\\.)*"`)

func stripComments(s string) string { return comments.ReplaceAllString(s, "") }

func (g *generator) packageComment() string {
	from := "a model"
	if g.p.Source != "" {
		from = filepath.Base(g.p.Source)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// Package %s computes %s:\n//\n", g.opts.Package, oneLine(from))
	for _, p := range g.inputs() {
		fmt.Fprintf(&b, "//\t%s %s\n", oneLine(p.Name), p.Type)
	}
	b.WriteString("//\n// gives\n//\n")
	for _, p := range g.results() {
		fmt.Fprintf(&b, "//\t%s %s\n", oneLine(p.Name), p.Type)
	}
	if len(g.states) > 0 {
		fmt.Fprintf(&b, "//\n// and appends to what a session keeps, of which %s rows are there\n//\n", g.states[0].past)
		for _, s := range g.states {
			fmt.Fprintf(&b, "//\t%s %s\n", oneLine(s.value.Name), s.value.Type)
		}
	}
	return b.String()
}

// oneLine is s as it can stand in a comment: on one line, and what cannot be seen, as a string of Go says it.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range spaces.ReplaceAllString(s, " ") {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// modelSource is Model, its weights and how they are loaded.
func (g *generator) modelSource(size int, checksum uint64) string {
	var b strings.Builder
	b.WriteString("// A Model is the weights. Any number of sessions, on any goroutines, can use one.\ntype Model struct{ w weights }\n\n")
	g.declareWeights(&b)
	switch {
	case g.opts.File:
		fmt.Fprintf(&b, `
// Load maps the file of the weights, %s in the package's folder, and does no other work.
func Load(path string) (*Model, error) {
	b, err := mapFile(path)
	if err != nil {
		return nil, err
	}
`, WeightsFile)
	case size > 0:
		fmt.Fprintf(&b, `
//go:embed %s
var weightsFile string

// Load finds the weights, which are part of the program, and does no other work.
func Load() (*Model, error) {
	b := embedded(weightsFile)
`, WeightsFile)
	default:
		b.WriteString("\n// Load makes the model, which has no weights.\nfunc Load() (*Model, error) { return new(Model), nil }\n")
		return b.String()
	}
	fmt.Fprintf(&b, "\tif err := checkWeights(b, %d, %#x); err != nil {\n\t\treturn nil, err\n\t}\n\tm := new(Model)\n",
		size, checksum)
	g.bindWeights(&b)
	b.WriteString("\treturn m, nil\n}\n")
	return b.String()
}

// maxSteps is the number of steps after which a function is cut in two.
const maxSteps = 60

// stepsSource is the functions.
func (g *generator) stepsSource(bodies map[*function]string) string {
	var b strings.Builder
	if g.prepare != "" {
		b.WriteString(g.mainSource("prepare", "does the steps that depend on sizes and weights alone: when sizes change", g.prepare) + "\n")
	}
	b.WriteString(g.mainSource("run", "does the model's steps", bodies[g.main()]))
	for _, fn := range g.fns[1:] {
		var params []string
		if g.hasWeights(fn) {
			params = append(params, "w *"+fn.name+"Weights")
		}
		typed := func(name string, v *ir.Value) { params = append(params, name+" []"+goCell(v.Type)) }
		comment := ""
		for i, v := range fn.results {
			typed(fn.outs[i], v)
			comment += fmt.Sprintf("//\t%s %s\n", fn.outs[i], g.typeText(v))
		}
		for _, v := range fn.params {
			typed(fn.refs[v], v)
			comment += fmt.Sprintf("//\t%s %s\n", fn.refs[v], g.typeText(v))
		}
		fmt.Fprintf(&b, "\n// %s is %s.\n//\n%sfunc (s *Session) %s(%s) {\n", fn.name, fn.what, comment, fn.name, strings.Join(params, ", "))
		b.WriteString(g.locals(fn, bodies[fn], false) + bodies[fn] + "}\n")
	}
	for _, block := range g.blockGo {
		b.WriteString("\n" + block)
	}
	return b.String()
}

// mainSource is the steps of the main function, or those of prepare, in parts where they are many.
func (g *generator) mainSource(name, what, body string) string {
	parts := cutSteps(body)
	var b strings.Builder
	fmt.Fprintf(&b, "// %s %s.\nfunc (s *Session) %s() {\n", name, what, name)
	if len(parts) == 1 {
		b.WriteString(g.locals(g.main(), body, true) + body + "}\n")
		return b.String()
	}
	part := map[string]string{"run": "part", "prepare": "preparation"}[name]
	for i := range parts {
		fmt.Fprintf(&b, "\ts.%s%d()\n", part, i+1)
	}
	b.WriteString("}\n")
	for i, body := range parts {
		fmt.Fprintf(&b, "\n// %s%d is steps of %s.\nfunc (s *Session) %s%d() {\n%s%s}\n", part, i+1, name, part, i+1, g.locals(g.main(), body, true), body)
	}
	return b.String()
}

// cutSteps cuts a body at the comments that begin its steps, not at those of steps within a loop or a branch.
func cutSteps(body string) []string {
	var parts []string
	begin, count, depth := 0, 0, 0
	file := token.NewFileSet().AddFile("", -1, len(body))
	var tokens scanner.Scanner
	tokens.Init(file, []byte(body), nil, scanner.ScanComments)
	for {
		pos, kind, _ := tokens.Scan()
		switch kind {
		case token.EOF:
			return append(parts, body[begin:])
		case token.LBRACE:
			depth++
		case token.RBRACE:
			depth--
		case token.COMMENT:
			at := file.Offset(pos) - 1 // that of the tab before
			if depth > 0 || at < 0 || body[at] != '\t' {
				continue
			}
			if count++; count > maxSteps {
				parts = append(parts, body[begin:at])
				begin, count = at, 1
			}
		}
	}
}

// mentions are the regular expressions of uses, by local. Programs are compiled side by side.
var mentions sync.Map

// uses reports whether a field or method of the local variable stands in a body.
func uses(body, local string) bool {
	r, ok := mentions.Load(local)
	if !ok {
		r, _ = mentions.LoadOrStore(local, regexp.MustCompile(`(^|[^\w.])`+local+`\.`))
	}
	return r.(*regexp.Regexp).MatchString(stripComments(body))
}

// locals declares what a body mentions.
func (g *generator) locals(fn *function, body string, main bool) string {
	var b strings.Builder
	if main && uses(body, "in") {
		b.WriteString("\tin := &s.in\n")
	}
	if main && uses(body, "w") {
		b.WriteString("\tw := &s.m.w\n")
	}
	if uses(body, "d") {
		b.WriteString("\td := &s.dims\n")
	}
	if uses(body, "f") {
		fmt.Fprintf(&b, "\tf := &s.frame.%s\n", fn.frame)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// frameSource declares the buffers of all functions.
func (g *generator) frameSource(b *strings.Builder) {
	b.WriteString("// frames are the buffers of the steps, function by function.\ntype frames struct {\n")
	for _, fn := range g.fns {
		if len(fn.fields) == 0 {
			continue
		}
		fmt.Fprintf(b, "\t%s struct {\n", fn.frame)
		for _, v := range fn.fields {
			fmt.Fprintf(b, "\t\t%s []%s // %s\n", g.field[v], goCell(v.Type), g.typeText(v))
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
}

// layOutSource is the method that gives the buffers their places for given dimensions.
func (g *generator) layOutSource(b *strings.Builder) {
	b.WriteString("\n// layOut gives the buffers their places in the arena.\nfunc (s *Session) layOut() {\n")
	var body strings.Builder
	body.WriteString("\ts.arena.size = 0\n")
	base := 0
	for _, fn := range g.fns {
		inUse := map[int]bool{} // unused may have dropped all the fields of a slot
		for _, v := range fn.fields {
			inUse[g.slotOf[v]] = true
		}
		for i, sl := range fn.slots {
			if !inUse[i] {
				continue
			}
			sizes := make([]string, len(sl.sizes))
			for j, size := range sl.sizes {
				sizes[j] = g.dim(size)
			}
			expr := sizes[0]
			if len(sizes) > 1 {
				expr = "max(" + strings.Join(sizes, ", ") + ")"
			}
			fmt.Fprintf(&body, "\tslot%d := s.arena.take(%s)\n", base+i+1, expr)
		}
		base += len(fn.slots)
	}
	body.WriteString("\ts.arena.allocate()\n\tmem := s.arena.mem\n")
	base = 0
	any := false
	for _, fn := range g.fns {
		for _, v := range fn.fields {
			if k := g.slotOf[v]; k >= 0 {
				any = true
				fmt.Fprintf(&body, "\ts.frame.%s.%s = view[%s](mem, slot%d, %s)\n",
					fn.frame, g.field[v], goType(v.Type.Elem), base+k+1, g.dim(g.plans[fn].size(v)))
			}
		}
		base += len(fn.slots)
	}
	if !any {
		b.WriteString("}\n")
		return
	}
	if uses(body.String(), "d") {
		b.WriteString("\td := &s.dims\n")
	}
	b.WriteString(body.String() + "}\n")
}

// unused drops the fields that no statement mentions.
func (g *generator) unused() {
	for _, fn := range g.fns {
		fn.fields = slices.DeleteFunc(fn.fields, func(v *ir.Value) bool { return g.field[v] == "" })
	}
}
