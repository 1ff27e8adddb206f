package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/suite"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/passes"
	"github.com/urfave/cli/v2"
)

var testCommand = &cli.Command{
	Name:      "test",
	Usage:     "run folders of ONNX backend tests",
	ArgsUsage: "DIR...",
	Description: "With GOOS or GOARCH of another system, packages are built for it and run by a command go_GOOS_GOARCH_exec, as go test does;\n" +
		"so do all commands that run packages.",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "runtime", Value: "both", Usage: "what runs the tests: reference, compiled or both"},
		&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
		&cli.Float64Flag{Name: "atol", Value: values.ONNX.Abs, Usage: "absolute tolerance of tests that name none"},
		&cli.Float64Flag{Name: "rtol", Value: values.ONNX.Rel, Usage: "relative tolerance of tests that name none"},
		&cli.DurationFlag{Name: "limit", Value: time.Minute, Usage: "time that one test may take"},
		&cli.BoolFlag{Name: "vary", Usage: "compiled: also run with other sizes of named dimensions, compared with the reference"},
		&cli.BoolFlag{Name: "dynamic", Usage: "put names in the place of all sizes of inputs; compiled: also run with other sizes, compared with the reference"},
		&cli.StringSliceFlag{Name: "dim", Usage: "`NAME=N`: compiled: run with this size instead of the recorded one, compared with the reference"},
		threadsFlag("compiled: threads of one run"),
		&cli.StringFlag{Name: "tags", Usage: "compiled: build tags, such as purego"},
		&cli.StringFlag{Name: "off", Usage: "compiled: passes and rules not to run: `NAMES` with commas between them"},
		&cli.BoolFlag{Name: "strict", Usage: "count what is not supported as failed"},
	},
	Action: runTest,
}

// errFailed is the exit status of tests that failed; the report has said why.
var errFailed = errors.New("some tests failed")

func runTest(c *cli.Context) error {
	if c.NArg() == 0 {
		return errors.New("test: name the folders of tests")
	}
	rt := c.String("runtime")
	if rt != "reference" && rt != "compiled" && rt != "both" {
		return fmt.Errorf("test: --runtime is %q, want reference, compiled or both", rt)
	}
	cases, err := suite.Find(c.Args().Slice(), values.Tolerance{Abs: c.Float64("atol"), Rel: c.Float64("rtol")})
	if err != nil {
		return err
	}
	opts := suite.Options{Limit: c.Duration("limit"), Vary: c.Bool("vary"), Dynamic: c.Bool("dynamic"), Threads: c.Int("threads"), Tags: c.String("tags"),
		Off: list(c.String("off"))}
	if opts.Dims, err = parseDims(c.StringSlice("dim")); err != nil {
		return err
	}
	if err := (passes.Options{Passes: pipeline.List(), Off: opts.Off}).Check(); err != nil {
		return err
	}
	results, err := testResults(c, rt, cases, opts)
	if err != nil {
		return err
	}
	report := suite.NewReport(results)
	if c.Bool("json") {
		err = report.JSON(os.Stdout)
	} else {
		report.Text(os.Stdout)
	}
	if err == nil && report.Failed(c.Bool("strict")) {
		err = errFailed
	}
	return err
}

func testResults(c *cli.Context, rt string, cases []suite.Case, opts suite.Options) (results []suite.Result, err error) {
	if rt != "compiled" {
		tick, done := progress(len(cases), "reference")
		opts.Tick = tick
		results = suite.RunReference(cases, opts)
		done()
	}
	if rt != "reference" {
		tick, done := progress(2*len(cases), "compiled")
		opts.Tick = tick
		compiled, err := suite.RunCompiled(c.Context, cases, opts)
		done()
		if err != nil {
			return nil, err
		}
		results = append(results, compiled...)
	}
	return results, nil
}
