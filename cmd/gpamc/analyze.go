package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/analyze"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
	"github.com/urfave/cli/v2"
)

var analyzeCommand = &cli.Command{
	Name:      "analyze",
	Usage:     "measure rank collapse, attention matrices and gradients, layer by layer",
	ArgsUsage: "MODEL...",
	Description: "Runs each model with the reference and measures what its attentions do to the tokens: on the inputs given, or on seeded\n" +
		"ones. Several models are measured with the same seed. docs/analyze.md says what the columns mean.",
	Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "input", Aliases: []string{"i"}, Usage: "`NAME=FILE`: an input, .npy or ONNX .pb; without any, all are made from the seed"},
		&cli.StringFlag{Name: "loss", Value: analyze.Losses[0], Usage: "what gradients are those of: " + strings.Join(analyze.Losses, ", ")},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed of inputs, losses, and the weights of models that are text"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		&cli.StringFlag{Name: "plot", Usage: "draw residual, similarity and gradient over the layers in `FILE`, .svg or .png"},
		dimFlag,
	},
	Action: runAnalyze,
}

func runAnalyze(c *cli.Context) error {
	format := strings.ToLower(filepath.Ext(c.String("plot")))
	switch {
	case c.NArg() == 0:
		return fmt.Errorf("analyze: a model is wanted")
	case c.String("plot") != "" && !slices.Contains(analyze.Formats, format):
		return fmt.Errorf("analyze: --plot %s: want a file that ends in %s", c.String("plot"), strings.Join(analyze.Formats, " or "))
	case !slices.Contains(analyze.Losses, c.String("loss")):
		return fmt.Errorf("analyze: --loss is %q, want one of %s", c.String("loss"), strings.Join(analyze.Losses, ", "))
	}
	var reports []*analyze.Report
	for _, path := range c.Args().Slice() {
		r, err := analyzed(c, path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	if path := c.String("plot"); path != "" {
		err := place.File(path, func(tmp string) error {
			f, err := os.Create(tmp)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := analyze.Plot(f, format, reports); err != nil {
				return err
			}
			return f.Close()
		})
		if err != nil {
			return err
		}
	}
	if c.Bool("json") {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"models": reports})
	}
	for _, r := range reports {
		if err := r.Print(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// analyzed is the report on one model.
func analyzed(c *cli.Context, path string) (*analyze.Report, error) {
	p, err := loadPath(path)
	if err != nil {
		return nil, err
	}
	inputs, err := analyzedInputs(c, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := passes.Run(p, passes.Portable); err != nil {
		return nil, err
	}
	nodes := 0
	p.Main.Walk(func(*ir.Func, *ir.Node) { nodes++ })
	tick, done := progress(nodes, path)
	r, err := analyze.Run(p, inputs, analyze.Options{Loss: c.String("loss"), Seed: c.Uint64("seed"), Tick: tick})
	done()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Model = path
	return r, nil
}

func analyzedInputs(c *cli.Context, p *ir.Program) ([]runtime.Value, error) {
	if files := c.StringSlice("input"); len(files) > 0 {
		vs, err := values.Inputs(p.Main, files)
		if err != nil {
			return nil, err
		}
		in := make([]runtime.Value, len(vs))
		for i, v := range vs {
			in[i] = values.ToRuntime(v, p.Main.Params[i].Type)
		}
		return in, nil
	}
	sizes, err := dims(c, p)
	if err != nil {
		return nil, err
	}
	return analyze.Seeded(p, c.Uint64("seed"), sizes), nil
}
