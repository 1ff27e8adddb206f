package main

import (
	"fmt"

	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/urfave/cli/v2"
)

var exportCommand = &cli.Command{
	Name:      "export",
	Usage:     "write a model as ONNX",
	ArgsUsage: "MODEL",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "onnx", Usage: "write to `FILE`"},
		&cli.IntFlag{Name: "opset", Usage: "ai.onnx opset to write; by default that of the model, or the next that has all its operators"},
		&cli.StringFlag{Name: "form", Value: "standard", Usage: "standard: ONNX's own operators only"},
		&cli.BoolFlag{Name: "optimize", Usage: "write what the passes make of the model, fused operators being expanded again"},
		&cli.BoolFlag{Name: "external", Usage: "put the weights into a file beside the model, whatever their size"},
	},
	Action: runExport,
}

func runExport(c *cli.Context) error {
	if err := need(c, "onnx"); err != nil {
		return err
	}
	if form := c.String("form"); form != "standard" {
		return fmt.Errorf("export: --form %s is not supported, only standard is", form)
	}
	p, err := load(c)
	if err != nil {
		return err
	}
	if c.Bool("optimize") {
		passes.Run(p, passes.Options{})
	}
	return onnx.Export(p, c.String("onnx"), onnx.ExportOptions{Opset: c.Int("opset"), External: c.Bool("external")})
}
