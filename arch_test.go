package gpamc

import (
	"go/parser"
	"go/token"
	"io/fs"
	pathpkg "path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gpamc/gpamc/"

// mayImport has, for each folder, the folders of ours that its code may import beside its own; every folder stands here. What is
// above does not know what is below it in this list, and only cmd knows all. A folder within another that has a row is not part of it.
var mayImport = map[string][]string{
	"ir":          {},
	"mapped":      {},
	"runtime":     {"ir"},
	"passes":      {"ir", "runtime"},
	"onnx":        {"ir", "mapped"},
	"onnx/onnxgo": {"ir", "runtime", "passes", "onnx"},
	"fuzz":        {"ir", "runtime"},
	"model":       {"ir", "mapped"},
	"codegen":     {"ir"},
	"cmd":         {"ir", "runtime", "passes", "onnx", "model", "codegen"},
}

// rowOf is the row that a path within the module belongs to, "" if there is none.
func rowOf(path string) string {
	for ; path != "."; path = pathpkg.Dir(path) {
		if _, known := mayImport[path]; known {
			return path
		}
	}
	return ""
}

// offDisk are the folders whose code must not touch the disk or the environment: they are given what they need. The library of emitted
// packages is another world.
var offDisk = []string{"ir", "runtime", "passes", "codegen"}

func TestImportOrder(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (path == "bench" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		folder := rowOf(pathpkg.Dir(filepath.ToSlash(path)))
		if pathpkg.Dir(filepath.ToSlash(path)) == "." || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		seen[folder] = true
		for _, why := range wrongImports(t, folder, path) {
			t.Errorf("%s %s", path, why)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range mayImport {
		if !seen[folder] {
			t.Errorf("there is no code in %s", folder)
		}
	}
}

func wrongImports(t *testing.T, folder, path string) (why []string) {
	allowed, known := mayImport[folder]
	if !known {
		return []string{"lies in a folder that the import order does not know"}
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if ours, ok := strings.CutPrefix(imported, module); ok {
			if row := rowOf(ours); row != folder && !slices.Contains(allowed, row) {
				why = append(why, "imports "+ours)
			}
		}
		library := strings.HasPrefix(filepath.ToSlash(path), "codegen/lib/") || strings.HasPrefix(filepath.ToSlash(path), "codegen/prog/")
		if imported == "os" && slices.Contains(offDisk, folder) && !library && f.Name.Name != "main" {
			why = append(why, "imports os")
		}
	}
	return why
}
