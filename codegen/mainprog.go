package codegen

import (
	_ "embed"
	"fmt"
	"go/format"
	"regexp"
	"strings"
)

// The program that is emitted beside a package is the sources of package prog and a main around RunTensors.

//go:embed prog/npy.go
var npySource string

//go:embed prog/pb.go
var pbSource string

var packageClause = regexp.MustCompile(`(?m)^(// Package .*\n)*package prog\n`)

// mainSources are the files of the program by name. Its command line is that of gpamc run.
func (g *generator) mainSources() map[string][]byte {
	files := map[string][]byte{}
	for name, src := range map[string]string{"npy.go": npySource, "pb.go": pbSource} {
		files[name] = []byte(generatedBy + "\n" + packageClause.ReplaceAllString(src, "package main\n"))
	}
	load := "m.Load()"
	usage := ""
	if g.opts.File {
		load = "m.Load(*weights)"
		usage = "\tweights := flag.String(\"weights\", \"" + WeightsFile + "\", \"the `FILE` of the model's weights\")\n"
	}
	var names, results []string
	for _, p := range g.inputs() {
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	for _, p := range g.results() {
		results = append(results, p.Name)
	}
	for i, name := range FileNames(results) {
		results[i] = fmt.Sprintf("%q", name+".npy")
	}
	src := fmt.Sprintf(mainTemplate, generatedBy, g.opts.Package, g.opts.Import, strings.Join(names, ", "), strings.Join(results, ", "), usage, load)
	formatted, err := format.Source([]byte(src))
	if err != nil {
		panic("BUG: the emitted main: " + err.Error())
	}
	files["main.go"] = formatted
	return files
}

// FileNames are names for the files of results: their own, but for what folders separate with, and output_0, output_1, ... for those that
// have none that a file can have to itself.
func FileNames(results []string) []string {
	taken := map[string]bool{}
	names := make([]string, len(results))
	for i, name := range results {
		name = strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
				return '_'
			}
			return r
		}, name)
		if key := strings.ToLower(name); strings.Trim(name, "._") == "" || len(name) > maxFileName || taken[key] {
			name = fmt.Sprintf("output_%d", i)
		}
		for taken[strings.ToLower(name)] { // an output that is called so itself
			name += "_"
		}
		taken[strings.ToLower(name)] = true
		names[i] = name
	}
	return names
}

// maxFileName is less than the 255 bytes of most file systems by what stands before and behind.
const maxFileName = 200

const mainTemplate = `%[1]s
// Command %[2]s runs the model on files: .npy, or ONNX tensors in .pb files.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	m %[3]q
)

var (
	inputs  = []string{%[4]s}
	results = []string{%[5]s} // their files
)

func main() {
	files := map[string]string{}
	flag.Func("input", "` + "`NAME=FILE`" + `: an input's name and its file; once for each input", func(s string) error {
		name, file, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("want NAME=FILE")
		}
		files[name] = file
		return nil
	})
	dir := flag.String("output", ".", "the ` + "`DIR`" + ` that the results go to, NAME.npy each")
	threads := flag.Int("threads", 1, "how many threads work")
%[6]s	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "%%q is no flag\n", flag.Arg(0))
		os.Exit(2)
	}
	model, err := %[7]s
	if err == nil {
		err = run(model, files, *dir, *threads)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(model *m.Model, files map[string]string, dir string, threads int) error {
	s, err := model.NewSession(m.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer s.Close()
	var in []m.Tensor
	for _, name := range inputs {
		if files[name] == "" {
			return fmt.Errorf("input %%q is missing: --input %%s=FILE", name, name)
		}
		t, err := readTensor(files[name])
		if err != nil {
			return err
		}
		in = append(in, m.Tensor{Shape: t.Shape, Data: t.Data})
		delete(files, name)
	}
	for name := range files {
		return fmt.Errorf("there is no input %%q; the inputs are %%q", name, inputs)
	}
	out, err := s.RunTensors(in)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i, t := range out {
		if err := writeNpy(filepath.Join(dir, results[i]), tensor{t.Shape, t.Data}); err != nil {
			return err
		}
	}
	return nil
}
`
