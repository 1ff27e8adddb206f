// Command ort runs a model with ONNX Runtime on the inputs of its test data, and writes the outputs beside them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/onnx"
)

func main() {
	out := flag.String("o", "", "folder for the outputs, if not that of the inputs")
	threads := flag.Int("threads", 0, "number of threads, 0 for ONNX Runtime's choice")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: ort [-o DIR] [-threads N] MODEL.onnx INPUT-DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *out, *threads); err != nil {
		fmt.Fprintln(os.Stderr, "ort:", err)
		os.Exit(1)
	}
}

func run(model, in, out string, threads int) error {
	s, err := ort.Open(model, ort.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer s.Close()
	inputs, ok, err := ort.ReadValues(in, "input", s.Inputs)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: there are only %d of %d inputs", in, len(inputs), len(s.Inputs))
	}
	outputs, err := s.Run(inputs)
	if err != nil {
		return err
	}
	if out == "" {
		out = in
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for i, v := range outputs {
		if err := onnx.WriteValue(filepath.Join(out, fmt.Sprintf("output_%d.pb", i)), v); err != nil {
			return err
		}
	}
	return nil
}
