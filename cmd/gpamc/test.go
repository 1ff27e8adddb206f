package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/suite"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/urfave/cli/v2"
)

var testCommand = &cli.Command{
	Name:      "test",
	Usage:     "run folders of ONNX backend tests",
	ArgsUsage: "DIR...",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "runtime", Value: "both", Usage: "reference, compiled or both"},
		&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
		&cli.Float64Flag{Name: "atol", Value: values.ONNX.Abs, Usage: "absolute tolerance of tests that name none"},
		&cli.Float64Flag{Name: "rtol", Value: values.ONNX.Rel, Usage: "relative tolerance of tests that name none"},
		&cli.DurationFlag{Name: "limit", Value: time.Minute, Usage: "time that one test may take"},
		&cli.BoolFlag{Name: "strict", Usage: "what is not supported counts as failed"},
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
	opts := suite.Options{Limit: c.Duration("limit")}
	var results []suite.Result
	if rt != "compiled" {
		tick, done := progress(len(cases), "reference")
		opts.Tick = tick
		results = append(results, suite.RunReference(cases, opts)...)
		done()
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
