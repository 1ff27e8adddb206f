package main

import (
	"fmt"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/urfave/cli/v2"
)

var runCommand = &cli.Command{
	Name:        "run",
	Usage:       "run a model on inputs from files",
	ArgsUsage:   "MODEL",
	Description: "The reference runs the model, slowly; with --compiled a package does. Each input of the model needs a file.",
	Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "input", Aliases: []string{"i"}, Usage: "`NAME=FILE`: an input, .npy or ONNX .pb"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the outputs to files in `DIR`; without it, print how they begin"},
		&cli.StringFlag{Name: "format", Value: "npy", Usage: "format of the output files: npy or pb"},
		&cli.BoolFlag{Name: "compiled", Usage: "compile the model and run that, instead of the reference"},
		threadsFlag("threads of the compiled model"),
		precisionFlag,
		cacheFlag,
		setFlag,
		onlyFlag,
	},
	Action: runRun,
}

func runRun(c *cli.Context) error {
	format := c.String("format")
	if format != "npy" && format != "pb" {
		return fmt.Errorf("run: --format is %q, want npy or pb", format)
	}
	p, err := loadToRun(c)
	if err != nil {
		return err
	}
	inputs, err := values.Inputs(p.Main, c.StringSlice("input"))
	if err != nil {
		return err
	}
	outputs, err := outputsOf(c, p, inputs)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	results := make([]string, len(outputs))
	for i := range outputs {
		results[i] = p.Main.ResultName(i)
	}
	names := codegen.FileNames(results)
	for i, v := range outputs {
		v.Name = results[i]
		if c.String("output") == "" {
			fmt.Printf("%s %s\n", v.Name, values.Summary(v))
			continue
		}
		name := names[i] + "." + format
		if v.Kind != ir.Tensor || v.Tensor.Elem == ir.String { // which .npy cannot hold
			name = names[i] + ".pb"
		}
		if files[name], err = values.Format(name, v); err != nil {
			return err
		}
	}
	if dir := c.String("output"); dir != "" {
		return place.Dir(dir, files)
	}
	return nil
}

func outputsOf(c *cli.Context, p *ir.Program, inputs []onnx.Value) ([]onnx.Value, error) {
	narrow, err := precision(c)
	switch {
	case err != nil:
		return nil, err
	case !c.Bool("compiled") && narrow != codegen.Float32:
		return nil, fmt.Errorf("run: --precision %s is for compiled models: add --compiled", narrow)
	case !c.Bool("compiled"):
		return pipeline.Evaluate(p, inputs)
	}
	prog, err := pipeline.Build(c.Context, p, pipeline.Options{Codegen: codegen.Options{Precision: narrow}})
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	done, err := prog.Run(inputs, pipeline.RunOptions{Threads: c.Int("threads"), Limit: time.Hour})
	if err != nil {
		return nil, err
	}
	return done.Outputs, nil
}
