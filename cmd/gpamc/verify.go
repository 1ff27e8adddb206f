package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/suite"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/urfave/cli/v2"
)

// defaultTolerance is that of a whole model in float32 against the reference's float64.
var defaultTolerance = values.Tolerance{Abs: 1e-4, Rel: 1e-3}

var verifyCommand = &cli.Command{
	Name:      "verify",
	Usage:     "compare the compiled model with the reference",
	ArgsUsage: "MODEL",
	Description: "Compiles and builds the model, runs it with 1, 2 and 4 threads, and compares the outputs with those of the reference\n" +
		"runtime. Inputs are those recorded beside the model (test_data_set_0), or else random ones.",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "bisect", Usage: "if they differ, find the rewriting rules without which they agree"},
		&cli.StringSliceFlag{Name: "input", Aliases: []string{"i"}, Usage: "`NAME=FILE`: an input, .npy or ONNX .pb"},
		&cli.Float64Flag{Name: "atol", Value: defaultTolerance.Abs, Usage: "absolute tolerance"},
		&cli.Float64Flag{Name: "rtol", Value: defaultTolerance.Rel, Usage: "relative tolerance"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed of random inputs"},
		precisionFlag,
		dimFlag,
		cacheFlag,
		setFlag,
		onlyFlag,
	},
	Action: runVerify,
}

func runVerify(c *cli.Context) error {
	p, err := loadToRun(c)
	if err != nil {
		return err
	}
	v := verification{program: p, recorded: recorded(c, p), tol: values.Tolerance{Abs: c.Float64("atol"), Rel: c.Float64("rtol")}, seed: c.Uint64("seed"),
		files: c.StringSlice("input"), bisect: c.Bool("bisect"), out: os.Stdout}
	v.given = c.IsSet("atol") || c.IsSet("rtol")
	if v.precision, err = precision(c); err != nil {
		return err
	}
	if v.bisect && v.precision != codegen.Float32 {
		return fmt.Errorf("verify: --bisect looks for a wrong rule among float32 packages; leave --precision %s out", v.precision)
	}
	if v.dims, err = dims(c, p); err != nil {
		return err
	}
	return v.run(c.Context)
}

// A verification compares what a program computes when it is compiled with what the reference makes of it.
type verification struct {
	program  *ir.Program
	recorded string // folder with inputs, or ""
	dims     map[string]int
	off      []string
	files    []string
	seed     uint64
	tol      values.Tolerance
	given    bool // whether the user has given tol
	bisect   bool
	out      io.Writer // what was compared; nil for nothing

	precision codegen.Precision
}

// verifyLimit is how long one run of a compiled model may take.
const verifyLimit = 10 * time.Minute

func (v *verification) run(ctx context.Context) error {
	if v.out == nil {
		v.out = io.Discard
	}
	inputs, err := v.inputs()
	if err != nil {
		return err
	}
	want, err := pipeline.Evaluate(v.program, inputs)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	compiled, err := pipeline.Build(ctx, v.program, pipeline.Options{Off: v.off, Codegen: codegen.Options{Precision: v.precision}})
	if err != nil {
		return err
	}
	defer compiled.Close()
	var first built.Done
	for i, threads := range []int{1, 2, 4} {
		done, err := compiled.Run(inputs, pipeline.RunOptions{Threads: threads, Limit: verifyLimit})
		if err != nil {
			return v.guilty(ctx, inputs, want, err)
		}
		if i == 0 {
			first = done
			continue
		}
		for k, o := range done.Outputs {
			if !o.Tensor.Equal(first.Outputs[k].Tensor) {
				return fmt.Errorf("output %q: not the same bits with %d threads as with 1", v.program.Main.ResultName(k), threads)
			}
		}
	}
	if err := v.compare(first.Outputs, want); err != nil {
		return v.guilty(ctx, inputs, want, err)
	}
	fmt.Fprintln(v.out, "the compiled model agrees with the reference; 1, 2 and 4 threads give the same bits")
	return nil
}

// inputs are those of the user's files, those recorded beside the model, or random ones.
func (v *verification) inputs() ([]onnx.Value, error) {
	if len(v.files) > 0 {
		return values.Inputs(v.program.Main, v.files)
	}
	return recordedOrRandom(v.program, v.recorded, v.dims, v.seed)
}

func recordedOrRandom(p *ir.Program, recorded string, dims map[string]int, seed uint64) ([]onnx.Value, error) {
	if recorded != "" {
		return suite.Inputs(p, recorded, dims)
	}
	return pipeline.RandomInputs(p, seed, dims), nil
}

// compare says how the outputs differ, and prints by how much.
func (v *verification) compare(got, want []onnx.Value) error {
	var errs []error
	for i := range want {
		name := v.program.Main.ResultName(i)
		if err := values.Compare(got[i], want[i], v.tolerance()); err != nil {
			errs = append(errs, fmt.Errorf("output %q: %w", name, err))
			continue
		}
		if v.narrow() != codegen.Float32 {
			printCost(v.out, name, got[i], want[i])
			continue
		}
		diff, scale := values.Worst(got[i].Tensor, want[i].Tensor)
		fmt.Fprintf(v.out, "output %s %s: largest difference %.2g, largest value %.3g\n", name, want[i].Tensor.Type(), diff, scale)
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, errDiffer)...)
	}
	return nil
}

// guilty adds to what went wrong which rule is to blame, if the user wants to know.
func (v *verification) guilty(ctx context.Context, inputs, want []onnx.Value, cause error) error {
	if !v.bisect {
		return fmt.Errorf("%s: %w", filepath.Base(v.program.Source), cause)
	}
	names, err := pipeline.Bisect(ctx, v.program, inputs, func(got []onnx.Value) bool {
		for i := range want {
			if values.Compare(got[i], want[i], v.tolerance()) != nil {
				return false
			}
		}
		return true
	})
	switch {
	case err != nil:
		return errors.Join(cause, err)
	case len(names) == 0:
		return fmt.Errorf("%w\nit differs with any rule switched off, and without all of them: the code generator is to blame", cause)
	}
	return fmt.Errorf("%w\nthey agree without any one of: %s", cause, quoted(names))
}
