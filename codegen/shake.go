package codegen

import (
	"bytes"
	"embed"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/codegen/kernel"
)

// Emitted packages are made of declarations of the package lib, which is compiled and tested here and whose source travels in the
// compiler. An emitted package gets those that its own code reaches, in files of the same names.

//go:embed lib/*.go
var libSource embed.FS

// library is the parsed source of package lib.
type library struct {
	files []*libFile
	decls map[string][]*decl // by name; a name can stand in files of different build constraints
	// methods are by the type's name.
	methods map[string][]*decl
}

type libFile struct {
	name       string
	constraint string // the //go:build line, or ""
	imports    map[string]string
	decls      []*decl
}

// A decl is a declaration at the top of a file: what it defines and what it refers to.
type decl struct {
	file      *libFile
	names     []string
	method    string // a method's name
	text      string
	refs      map[string]bool // names at the top of lib
	selectors map[string]bool // names behind a dot, or in an interface: methods that may be called
	packages  map[string]bool // names of packages
	stub      bool            // a function without body: assembly
}

func newLibrary(k libraryKind) *library {
	lib := &library{decls: map[string][]*decl{}, methods: map[string][]*decl{}}
	entries, err := libSource.ReadDir("lib")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "export.go" || e.Name() == "doc.go" {
			continue
		}
		src, err := libSource.ReadFile(path.Join("lib", e.Name()))
		if err != nil {
			panic("BUG: " + err.Error())
		}
		if k.labels {
			src = handingOn(e.Name(), src)
		}
		if src = limited(e.Name(), src, k.isa); src != nil {
			lib.add(e.Name(), src)
		}
	}
	return lib
}

func (lib *library) add(name string, src []byte) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	f := &libFile{name: name, imports: map[string]string{}}
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) && c.Pos() < tree.Package {
				f.constraint = c.Text
			}
		}
	}
	for _, imp := range tree.Imports {
		p, _ := strconv.Unquote(imp.Path.Value)
		local := path.Base(p)
		if imp.Name != nil {
			local = imp.Name.Name
		}
		f.imports[local] = p
	}
	for _, d := range tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		lib.enter(f, newDecl(f, fset, src, tree, d))
	}
	lib.files = append(lib.files, f)
}

func (lib *library) enter(f *libFile, d *decl) {
	f.decls = append(f.decls, d)
	if d.method != "" {
		lib.methods[d.names[0]] = append(lib.methods[d.names[0]], d)
		return
	}
	for _, name := range d.names {
		lib.decls[name] = append(lib.decls[name], d)
	}
}

func newDecl(f *libFile, fset *token.FileSet, src []byte, tree *ast.File, node ast.Decl) *decl {
	d := &decl{file: f, refs: map[string]bool{}, selectors: map[string]bool{}, packages: map[string]bool{}}
	begin := node.Pos()
	doc := func(c *ast.CommentGroup) {
		if c != nil {
			begin = c.Pos()
		}
	}
	switch n := node.(type) {
	case *ast.FuncDecl:
		doc(n.Doc)
		d.names, d.stub = []string{n.Name.Name}, n.Body == nil
		if n.Recv != nil {
			d.method = n.Name.Name
			d.names = []string{receiver(n.Recv.List[0].Type)}
		}
	case *ast.GenDecl:
		doc(n.Doc)
		for _, s := range n.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				d.names = append(d.names, s.Name.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					d.names = append(d.names, id.Name)
				}
			}
		}
	}
	d.text = string(src[fset.Position(begin).Offset:fset.Position(node.End()).Offset])
	d.scan(tree, node)
	return d
}

func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	panic(fmt.Sprintf("BUG: a receiver of kind %T", t))
}

// scan finds what node refers to. Names behind a dot are not lib's own, nor are those of fields and methods where they are declared,
// nor what the parser resolved to something inside a function.
func (d *decl) scan(tree *ast.File, node ast.Node) {
	skipped := map[*ast.Ident]bool{}
	skip := func(names ...*ast.Ident) {
		for _, id := range names {
			skipped[id] = true
		}
	}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			d.selectors[n.Sel.Name] = true
			if id, ok := n.X.(*ast.Ident); ok && id.Obj == nil {
				d.packages[id.Name] = true
			}
			skip(n.Sel)
		case *ast.FuncDecl:
			skip(n.Name)
		case *ast.Field:
			skip(n.Names...)
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				for _, name := range m.Names {
					d.selectors[name.Name] = true
				}
			}
		case *ast.Ident:
			if !skipped[n] && (n.Obj == nil || tree.Scope.Lookup(n.Name) == n.Obj) {
				d.refs[n.Name] = true
			}
		}
		return true
	})
}

// shake returns the files of the library that hold what the sources reach, with their package clause changed. The assembly that the
// kept stubs need is a file of its own.
func (lib *library) shake(pkg string, sources map[string][]byte) (map[string][]byte, error) {
	roots := &decl{refs: map[string]bool{}, selectors: map[string]bool{}, packages: map[string]bool{}}
	for _, name := range sortedKeys(sources) {
		tree, err := parser.ParseFile(token.NewFileSet(), name, sources[name], 0)
		if err != nil {
			return nil, fmt.Errorf("BUG: emitted %s does not parse: %w", name, err)
		}
		roots.scan(tree, tree)
	}
	kept := lib.reach(roots)
	files := map[string][]byte{}
	var stubs []string
	for _, f := range lib.files {
		var b bytes.Buffer
		packages := map[string]bool{}
		for _, d := range f.decls {
			if !kept[d] {
				continue
			}
			fmt.Fprintf(&b, "\n%s\n", d.text)
			for p := range d.packages {
				packages[p] = true
			}
			if d.stub && !slices.Contains(stubs, d.names[0]) {
				stubs = append(stubs, d.names[0])
			}
		}
		if b.Len() > 0 {
			src, err := format.Source(append(f.header(pkg, packages), b.Bytes()...))
			if err != nil {
				return nil, fmt.Errorf("BUG: emitted %s: %w", f.name, err)
			}
			files[f.name] = src
		}
	}
	return files, assemble(files, stubs)
}

// assemble adds the assembly that the stubs need: a file for each architecture.
func assemble(files map[string][]byte, stubs []string) error {
	slices.Sort(stubs)
	var amd64, arm64 []string
	for _, name := range stubs {
		if kernel.IsNEON(name) {
			arm64 = append(arm64, name)
		} else {
			amd64 = append(amd64, name)
		}
	}
	var err error
	if len(amd64) > 0 {
		if files["kernels_amd64.s"], err = kernel.Emit(amd64); err != nil {
			return err
		}
	}
	if len(arm64) > 0 {
		files["kernels_arm64.s"], err = kernel.EmitNEON(arm64)
	}
	return err
}

// header is what stands above a file's declarations.
func (f *libFile) header(pkg string, packages map[string]bool) []byte {
	var b bytes.Buffer
	b.WriteString(generatedBy)
	if f.constraint != "" {
		fmt.Fprintf(&b, "\n%s\n", f.constraint)
	}
	fmt.Fprintf(&b, "\npackage %s\n", pkg)
	var imports []string
	for local, p := range f.imports {
		if packages[local] {
			line := strconv.Quote(p)
			if path.Base(p) != local {
				line = local + " " + line
			}
			imports = append(imports, line)
		}
	}
	slices.Sort(imports)
	if len(imports) > 0 {
		fmt.Fprintf(&b, "\nimport (\n%s\n)\n", strings.Join(imports, "\n"))
	}
	return b.Bytes()
}

// generatedBy is the first line of every emitted file.
const generatedBy = "// Code generated by gpamc. DO NOT EDIT.\n"

// reach is the closure of what roots refers to: declarations by name, and the methods of reached types that something may call.
func (lib *library) reach(roots *decl) map[*decl]bool {
	kept := map[*decl]bool{}
	called := map[string]bool{}
	var types []string
	var visit func(d *decl)
	methods := func(typ string) {
		for _, m := range lib.methods[typ] {
			if called[m.method] && !kept[m] {
				kept[m] = true
				visit(m)
			}
		}
	}
	visit = func(d *decl) {
		for name := range d.refs {
			for _, to := range lib.decls[name] {
				if !kept[to] {
					kept[to] = true
					types = append(types, to.names...)
					visit(to)
				}
			}
		}
		for name := range d.selectors {
			called[name] = true
		}
	}
	visit(roots)
	for before := -1; before != len(kept); { // a method may call what makes another one reachable
		before = len(kept)
		for _, t := range slices.Clone(types) {
			methods(t)
		}
	}
	return kept
}

// names are all names at the top of the library, which emitted code must not take for its own.
func (lib *library) names() map[string]bool {
	out := map[string]bool{}
	for name := range lib.decls {
		out[name] = true
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
