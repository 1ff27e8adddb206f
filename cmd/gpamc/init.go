package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/model"
	"github.com/urfave/cli/v2"
)

var attentionFlag = &cli.StringFlag{Name: "attention", Usage: "`KIND` of attention, or an attention section as in config.json: " +
	strings.Join(model.Kinds(), ", ")}

var initCommand = &cli.Command{
	Name:  "init",
	Usage: "write a model definition with random weights",
	Description: "The folder gets a config.json and a model.safetensors, as Hugging Face's checkpoints have them, and is a MODEL for the other\n" +
		"commands. Equal flags give equal bytes.",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `DIR`"},
		&cli.StringFlag{Name: "family", Usage: "family of the model: " + strings.Join(model.Families(), ", ")},
		attentionFlag,
		&cli.IntFlag{Name: "layers", Value: 4, Usage: "number of layers, of encoder and decoder each"},
		&cli.IntFlag{Name: "width", Value: 256, Usage: "size of a token's vector"},
		&cli.IntFlag{Name: "heads", Value: 4, Usage: "number of heads"},
		&cli.IntFlag{Name: "kv-heads", Usage: "number of heads of keys and values", DefaultText: "as many as of queries"},
		&cli.IntFlag{Name: "ffn", Usage: "inner size of the feed-forward part", DefaultText: "four times the width"},
		&cli.IntFlag{Name: "vocab", Value: 8192, Usage: "number of tokens"},
		&cli.IntFlag{Name: "positions", Usage: "number of positions", DefaultText: "the family's"},
		&cli.IntFlag{Name: "labels", Usage: "number of classes of a classifier", DefaultText: "2"},
		&cli.IntFlag{Name: "image-size", Usage: "pixels of an image's side", DefaultText: "224"},
		&cli.IntFlag{Name: "patch-size", Usage: "pixels of a patch's side", DefaultText: "16"},
		&cli.StringFlag{Name: "architecture", Usage: "what follows the layers, such as BertForSequenceClassification; by default the first that docs/model.md lists"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed of the weights"},
	},
	Action: runInit,
}

func runInit(c *cli.Context) error {
	if err := need(c, "output", "family"); err != nil {
		return err
	}
	if c.NArg() > 0 {
		return fmt.Errorf("init: no arguments are wanted, not %s", strings.Join(c.Args().Slice(), " "))
	}
	config, err := initConfig(c)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	d, err := model.Init(*config, c.Uint64("seed"))
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return saveDefinition(c, d)
}

// initConfig is the configuration that the flags ask for.
func initConfig(c *cli.Context) (*model.Config, error) {
	m, err := model.NewConfig(c.String("family"))
	if err != nil {
		return nil, err
	}
	sizes := []struct {
		flag string
		size *int
	}{
		{"layers", &m.Layers}, {"width", &m.Width}, {"heads", &m.Heads}, {"kv-heads", &m.KVHeads}, {"ffn", &m.FFN}, {"vocab", &m.Vocab},
		{"positions", &m.Positions}, {"image-size", &m.ImageSize}, {"patch-size", &m.PatchSize},
	}
	for _, s := range sizes {
		switch {
		case m.Has(s.size):
			if *s.size = c.Int(s.flag); c.IsSet(s.flag) && *s.size < 1 {
				return nil, fmt.Errorf("--%s is %d; a positive number is wanted", s.flag, *s.size)
			}
		case c.IsSet(s.flag):
			return nil, fmt.Errorf("--%s: %s has no such size", s.flag, m.Family)
		}
	}
	if m.FFN == 0 {
		m.FFN = 4 * m.Width
	}
	m.Labels, m.Architecture = c.Int("labels"), c.String("architecture")
	m.Attention, err = mechanisms(c)
	return m, err
}

// mechanisms reads --attention: a kind, or what config.json may have.
func mechanisms(c *cli.Context) ([]model.Mechanism, error) {
	text := strings.TrimSpace(c.String("attention"))
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		b, err := json.Marshal(model.Mechanism{Kind: text})
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	ms, err := model.ParseMechanisms([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("--attention: %w", err)
	}
	return ms, nil
}

// saveDefinition writes d, which must build, and says what was written.
func saveDefinition(c *cli.Context, d *model.Definition) error {
	if _, err := model.Build(d); err != nil {
		return err
	}
	dir := c.String("output")
	if err := d.Save(dir); err != nil {
		return err
	}
	bytes := 0
	for _, w := range d.Weights {
		bytes += len(w.Bytes())
	}
	fmt.Printf("%s: %s, %d tensors, %s of weights\n", dir, d.Config.Family, len(d.Weights), values.Size(bytes))
	return nil
}

// loadDefinition builds the model that a folder defines.
func loadDefinition(dir string, cache bool) (*ir.Program, error) {
	d, err := model.Load(dir)
	if err != nil {
		return nil, err
	}
	d.Cache = cache
	return model.Build(d)
}
