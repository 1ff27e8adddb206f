package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/suite"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/urfave/cli/v2"
)

var (
	dimFlag = &cli.StringSliceFlag{Name: "dim", Usage: "`NAME=N`: give the dimension of that name the size N"}

	cacheFlag = &cli.BoolFlag{Name: "cache", Usage: "of a model definition: add inputs for the keys and values of earlier runs, and outputs for the next"}

	// setFlag and onlyFlag ask for a part of a model.
	setFlag  = &cli.StringSliceFlag{Name: "set", Usage: "`NAME=VALUE`: make the input of that name a constant, VALUE in all its elements"}
	onlyFlag = &cli.StringFlag{Name: "only", Usage: "the outputs that are wanted: `NAMES` or patterns such as 'present.*', with commas between them; nothing else is computed"}
)

func threadsFlag(usage string) *cli.IntFlag {
	return &cli.IntFlag{Name: "threads", Value: 1, Usage: usage, Action: func(c *cli.Context, n int) error {
		if n < 1 {
			return fmt.Errorf("%s: --threads %d: one at least does the work", c.Command.Name, n)
		}
		return nil
	}}
}

// recorded is the folder with the first set of data beside a model. They are of the whole model: a part of it has none.
func recorded(c *cli.Context, p *ir.Program) string {
	if c.IsSet(setFlag.Name) || c.IsSet(onlyFlag.Name) {
		return ""
	}
	return suite.Beside(p.Source)
}

// load reads the model that is the command's one argument: an ONNX file, the folder of a model definition, or IR text. Of it, it makes the part
// that is wanted.
func load(c *cli.Context) (*ir.Program, error) {
	if c.NArg() != 1 {
		return nil, errors.New(strings.TrimSuffix(fmt.Sprintf("%s: one model is wanted, not %d: %s", c.Command.Name, c.NArg(), strings.Join(c.Args().Slice(), " ")), ": "))
	}
	path := c.Args().First()
	if info, err := os.Stat(path); c.Bool("cache") && err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s: --cache is for model definitions; %s is as it is", c.Command.Name, path)
	}
	p, err := loadWithCache(path, c.Bool("stateful") || c.Bool("cache"))
	if err != nil {
		return nil, err
	}
	set := map[string]string{}
	for _, s := range c.StringSlice("set") {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: want NAME=VALUE", s)
		}
		set[name] = value
	}
	if err := pipeline.Narrow(p, set, list(c.String("only"))); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Source, err)
	}
	return p, nil
}

// loadPath reads one model.
func loadPath(path string) (*ir.Program, error) { return loadWithCache(path, false) }

// loadWithCache is loadPath; where it is a definition the model can have inputs for keys and values of earlier runs.
func loadWithCache(path string, cache bool) (*ir.Program, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return loadDefinition(path, cache)
	case filepath.Ext(path) == ".gpam":
		return loadText(path)
	}
	return onnx.Import(path)
}

// loadToRun is load for commands that compute: a program from text gets weights.
func loadToRun(c *cli.Context) (*ir.Program, error) {
	p, err := load(c)
	if err == nil && filepath.Ext(p.Source) == ".gpam" {
		pipeline.FillWeights(p)
	}
	return p, err
}

func loadText(path string) (*ir.Program, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := ir.ParseProgram(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	p.Source = path
	return p, nil
}

// dims reads the sizes given by --dim. They must be of dimensions that the program's inputs have.
func dims(c *cli.Context, p *ir.Program) (map[string]int, error) {
	known := inputDims(p)
	sizes, err := parseDims(c.StringSlice("dim"))
	for _, name := range sortedKeys(sizes) {
		if !known[name] {
			return nil, fmt.Errorf("--dim %s=%d: no input has a dimension %q; there are %s", name, sizes[name], name, quoted(sortedKeys(known)))
		}
	}
	return sizes, err
}

// inputDims are the names in the shapes of the program's inputs.
func inputDims(p *ir.Program) map[string]bool {
	names := map[string]bool{}
	for _, v := range p.Main.Params {
		for _, d := range v.Type.Shape {
			d.Names(names)
		}
	}
	return names
}

func parseDims(flags []string) (map[string]int, error) {
	sizes := map[string]int{}
	for _, s := range flags {
		name, text, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(text)
		if !ok || err != nil || n < 0 {
			return nil, fmt.Errorf("--dim %s: want NAME=N", s)
		}
		sizes[name] = n
	}
	return sizes, nil
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	for i, n := range names {
		names[i] = strconv.Quote(n)
	}
	return strings.Join(names, ", ")
}

// list splits a flag's value at commas and spaces.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// need reports flags without which the command cannot work.
func need(c *cli.Context, flags ...string) error {
	var errs []error
	for _, f := range flags {
		if c.String(f) == "" {
			errs = append(errs, fmt.Errorf("%s: --%s is missing", c.Command.Name, f))
		}
	}
	return errors.Join(errs...)
}
