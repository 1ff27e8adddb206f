// Command makemodel writes a transformer with random weights as an ONNX model, with one set of inputs.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/gpamc/gpamc/onnx/onnxtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "makemodel:", err)
		os.Exit(1)
	}
}

func run() error {
	name := flag.String("model", "encoder6", "shape: encoder6, bert-base or gpt2; \"-dual\" or \"-dual-paper\" behind it for dual attention, \"-one\" at the end for the result of one token")
	out := flag.String("o", "", "folder to write, laid out as a backend test")
	batch := flag.Int64("batch", 1, "batch size of the inputs")
	seq := flag.Int64("seq", 128, "length of the inputs")
	layers := flag.Int64("layers", 0, "number of layers, if not that of the shape")
	width := flag.Int64("width", 0, "width, if not that of the shape")
	heads := flag.Int64("heads", 0, "number of heads, if not that of the shape")
	ffn := flag.Int64("ffn", 0, "width of the feed-forward nets, if not that of the shape")
	vocab := flag.Int64("vocab", 0, "size of the vocabulary, if not that of the shape")
	seed := flag.Uint64("seed", 1, "seed of the weights")
	flag.Parse()
	if *out == "" {
		return fmt.Errorf("-o is missing: it names the folder to write")
	}
	t, err := onnxtest.Named(*name)
	if err != nil {
		return err
	}
	t.Seed = *seed
	for flagged, field := range map[*int64]*int64{layers: &t.Layers, width: &t.Width, heads: &t.Heads, ffn: &t.FFN, vocab: &t.Vocab} {
		if *flagged > 0 {
			*field = *flagged
		}
	}
	return t.Write(*out, *batch, *seq)
}
