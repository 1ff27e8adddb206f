package main

import (
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"go/version"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/passes"
	"github.com/urfave/cli/v2"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

var compileCommand = &cli.Command{
	Name:      "compile",
	Usage:     "turn a model into a Go package",
	ArgsUsage: "MODEL",
	Description: "The package depends on nothing but the standard library. Where its folder lies in no Go module, it gets a go.mod.\n" +
		"A package chooses its instructions where it runs; there, GPAMC_ISA=portable, avx2 or avx512 in the environment asks for less\n" +
		"than the machine has: avx512 is without products by pairs (docs/pairs.md).",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the package to `DIR`"},
		&cli.StringFlag{Name: "package", Usage: "`NAME` of the package; by default that of the folder"},
		&cli.BoolFlag{Name: "main", Usage: "also emit a program that runs the model on files"},
		&cli.StringFlag{Name: "weights", Value: "embed", Usage: "where the weights are: embed, in the program; file, in a file of the package that Load maps"},
		&cli.StringFlag{Name: "isa", Value: "avx512,avx2,portable", Usage: "`LIST` of instruction sets that the package has kernels for; the highest brings those below it"},
		&cli.BoolFlag{Name: "verify", Usage: "compare the package with the reference before writing it"},
		&cli.BoolFlag{Name: "pprof-labels", Usage: "label steps in CPU profiles of the program, by layer and step (go tool pprof -tags)"},
		&cli.StringFlag{Name: "dump", Usage: "write the IR after each pass to `DIR`"},
		&cli.StringFlag{Name: "off", Usage: "passes and rules not to run: `NAMES` with commas between them"},
		&cli.BoolFlag{Name: "stateful", Usage: "keep in sessions what runs append to inputs, such as the keys and values of earlier tokens"},
		precisionFlag,
		dimFlag,
		cacheFlag,
		setFlag,
		onlyFlag,
	},
	Action: runCompile,
}

func runCompile(c *cli.Context) error {
	if err := need(c, "output"); err != nil {
		return err
	}
	weights := c.String("weights")
	if weights != "embed" && weights != "file" {
		return fmt.Errorf("compile: --weights is %q, want embed or file", weights)
	}
	p, err := load(c)
	if err != nil {
		return err
	}
	sizes, err := dims(c, p)
	if err != nil {
		return err
	}
	off := list(c.String("off"))
	if err := (passes.Options{Passes: pipeline.List(), Off: off}).Check(); err != nil {
		return err
	}
	narrow, err := precision(c)
	if err != nil {
		return err
	}
	isa, err := codegen.ParseISA(c.String("isa"))
	if err != nil {
		return fmt.Errorf("--isa: %w", err)
	}
	dir := c.String("output")
	if c.Bool("stateful") && c.Bool("verify") {
		return errors.New("compile: --verify is for packages without a state: leave --stateful out")
	}
	name, importPath, goMod, err := whereTo(dir, c.String("package"))
	if err != nil {
		return err
	}
	folder, err := place.NewFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	file := &weightsIn{folder: folder}
	dumps := map[string][]byte{}
	out, err := pipeline.Compile(p, pipeline.Options{Dims: sizes, Off: off, Dump: dumper(c, dumps),
		Codegen: codegen.Options{Package: name, File: weights == "file", Weights: file, Main: c.Bool("main"), Import: importPath,
			Labels: c.Bool("pprof-labels"), Precision: narrow, ISA: isa, Stateful: c.Bool("stateful")}})
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", p.Source, err)
	}
	if goMod != nil {
		out.Files["go.mod"] = goMod
	}
	if c.Bool("verify") {
		v := verification{program: p, recorded: recorded(c, p), dims: sizes, off: off, tol: defaultTolerance, precision: narrow}
		if err := v.run(c.Context); err != nil {
			return err
		}
	}
	if d := c.String("dump"); d != "" {
		if err := place.Dir(d, dumps); err != nil {
			return err
		}
	}
	if err := folder.Keep(out.Files); err != nil {
		return err
	}
	files := len(out.Files)
	if out.Size > 0 {
		files++
	}
	fmt.Printf("%s: package %s, import %q: %d files, %s of weights\n", dir, name, importPath, files, values.Size(out.Size))
	return nil
}

// weightsIn is the file of the weights in a package's folder, which is there once something is written.
type weightsIn struct {
	folder *place.Folder
	file   *os.File
}

func (w *weightsIn) Write(b []byte) (n int, err error) {
	if w.file == nil {
		if w.file, err = w.folder.Create(codegen.WeightsFile); err != nil {
			return 0, err
		}
	}
	return w.file.Write(b)
}

func (w *weightsIn) Close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// whereTo decides the package's name and import path; goMod is the module's file where the folder needs one.
func whereTo(dir, name string) (pkg, importPath string, goMod []byte, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", "", nil, err
	}
	if pkg = name; pkg == "" {
		pkg = packageName(abs)
	}
	root, err := place.Module(abs)
	if err != nil {
		return "", "", nil, err
	}
	if err := sameName(abs, pkg); err != nil {
		return "", "", nil, err
	}
	if root == "" {
		importPath = pkg
		if p, err := build.Import(pkg, "", build.FindOnly); err == nil && p.Goroot {
			importPath = "example.com/" + pkg // or else Go finds its own package of that name
		}
		return pkg, importPath, []byte("module " + importPath + "\n\ngo " + built.GoVersion + "\n"), checkImport(importPath)
	}
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", "", nil, err
	}
	modulePath := modfile.ModulePath(b)
	if modulePath == "" {
		return "", "", nil, fmt.Errorf("%s has no module line", filepath.Join(root, "go.mod"))
	}
	if err := checkLanguage(filepath.Join(root, "go.mod"), b); err != nil {
		return "", "", nil, err
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return "", "", nil, err
	}
	importPath = path.Join(modulePath, filepath.ToSlash(rel))
	return pkg, importPath, nil, checkImport(importPath)
}

// language is the first version of Go that has all of the language that packages are written in. Of the library they need that of
// built.GoVersion.
const language = "1.22"

// checkLanguage refuses a module whose go.mod asks for less.
func checkLanguage(name string, goMod []byte) error {
	f, err := modfile.ParseLax(name, goMod, nil)
	if err != nil {
		return err
	}
	says := "1.16" // which is what Go takes it for when nothing is said
	if f.Go != nil {
		says = f.Go.Version
	}
	if version.Compare("go"+says, "go"+language) < 0 {
		return fmt.Errorf("%s says go %s, with which the package would not build: go mod edit -go=%s changes that", name, says, built.GoVersion)
	}
	return nil
}

// checkImport refuses folders whose packages Go does not import.
func checkImport(importPath string) error {
	if err := module.CheckImportPath(importPath); err != nil {
		return fmt.Errorf("the package could not be imported from there: %w", err)
	}
	return nil
}

// sameName refuses a folder that has another package in it: two do not build. Files of earlier runs go, and tests and what is not built may
// have other names.
func sameName(dir, pkg string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // whoever writes to it says what is wrong
	}
	for _, e := range entries {
		name := e.Name()
		if built, err := build.Default.MatchFile(dir, name); err != nil || !built || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.HasPrefix(string(src), place.Generated) {
			continue
		}
		if f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly); err == nil && f.Name.Name != pkg {
			return fmt.Errorf("%s has package %s in it, in %s: package %s needs a folder of its own", dir, f.Name.Name, name, pkg)
		}
	}
	return nil
}

// packageName makes a package's name of a folder's.
func packageName(dir string) string {
	name := ""
	for _, r := range strings.ToLower(filepath.Base(dir)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && name != "" {
			name += string(r)
		}
	}
	if name == "main" || !token.IsIdentifier(name) {
		return "model"
	}
	return name
}

// dumper collects the IR after each pass as files, if the user asked for them.
func dumper(c *cli.Context, files map[string][]byte) func(passes.PassDump) {
	if c.String("dump") == "" {
		return nil
	}
	return func(d passes.PassDump) {
		name := d.Pass
		if name == "" {
			name = "import"
		}
		files[fmt.Sprintf("%02d-%s.gpam", d.Index, name)] = []byte(d.Program.String())
	}
}

// errDiffer is what verify returns after it has said what differs.
var errDiffer = errors.New("the compiled model differs from the reference")
