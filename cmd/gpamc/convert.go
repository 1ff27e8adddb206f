package main

import (
	"fmt"

	"github.com/gpamc/gpamc/model"
	"github.com/urfave/cli/v2"
)

var convertCommand = &cli.Command{
	Name:      "convert",
	Usage:     "give a model definition another attention, so that it computes the same",
	ArgsUsage: "MODEL",
	Description: "Softmax attention that becomes dagpam gets lambdas of 0 among its weights, and random matrices for the\n" +
		"negative queries: training can begin from where the model is.",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `DIR`"},
		attentionFlag,
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed of the weights that are added"},
	},
	Action: runConvert,
}

func runConvert(c *cli.Context) error {
	if err := need(c, "output", "attention"); err != nil {
		return err
	}
	if c.NArg() != 1 {
		return fmt.Errorf("convert: one folder with a model definition is wanted, not %d", c.NArg())
	}
	ms, err := mechanisms(c)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	d, err := model.Load(c.Args().First())
	if err != nil {
		return err
	}
	e, err := model.Convert(d, ms, c.Uint64("seed"))
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	return saveDefinition(c, e)
}
