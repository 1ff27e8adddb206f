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
		&cli.IntFlag{Name: "opset", Usage: "ai.onnx opset to write", DefaultText: "that of the model, or the next that has all its operators"},
		&cli.StringFlag{Name: "form", Value: onnx.Functions.String(), Usage: "how to write attention: function, as operators of domain " + onnx.Domain +
			" with bodies that other runtimes can run; inline, as simpler operators; standard, as ONNX's Attention (opset 23 and later)"},
		cacheFlag,
		&cli.BoolFlag{Name: "as-is", Usage: "write the model as it is, without running the passes first"},
		&cli.BoolFlag{Name: "external", Usage: "put the weights into a file beside the model, whatever their size"},
		setFlag,
		onlyFlag,
	},
	Action: runExport,
}

func runExport(c *cli.Context) error {
	if err := need(c, "onnx"); err != nil {
		return err
	}
	form, err := onnx.ParseForm(c.String("form"))
	if err != nil {
		return fmt.Errorf("export: --form: %w", err)
	}
	p, err := load(c)
	if err != nil {
		return err
	}
	if !c.Bool("as-is") {
		if _, err := passes.Run(p, passes.Portable); err != nil {
			return err
		}
	}
	return onnx.Export(p, c.String("onnx"), onnx.ExportOptions{Form: form, Opset: c.Int("opset"), External: c.Bool("external")})
}
