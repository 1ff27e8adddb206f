// Command ortserve runs a model with ONNX Runtime as often as it is asked to, for sidebyside. It loads the model, writes a line, and
// then, for each line that it reads, runs once and writes the nanoseconds that took; a line that names a folder asks for the first
// result, too. It does nothing else, so that its memory and the time until its first line are ONNX Runtime's.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

func main() {
	threads := flag.Int("threads", 1, "number of threads")
	in := flag.String("in", "", "names of the inputs, with commas between")
	out := flag.String("out", "", "names of the outputs")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: ortserve [-threads N] -in NAMES -out NAMES MODEL.onnx INPUT-DIR")
		os.Exit(2)
	}
	if err := serve(flag.Arg(0), flag.Arg(1), strings.Split(*in, ","), strings.Split(*out, ","), *threads); err != nil {
		fmt.Fprintln(os.Stderr, "ortserve:", err)
		os.Exit(1)
	}
}

func serve(model, dir string, in, out []string, threads int) error {
	s, err := ort.OpenNamed(model, in, out, ort.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("ready")
	inputs := make([]onnx.Value, len(in))
	for i := range in {
		if inputs[i], err = onnx.ReadValue(filepath.Join(dir, fmt.Sprintf("input_%d.pb", i)), ir.Type{Kind: ir.Tensor}); err != nil {
			return err
		}
	}
	var run func() error
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start := time.Now()
		if line := lines.Text(); line != "run" {
			err = save(s, inputs, line)
		} else if run == nil {
			run, _, err = s.Bind(inputs) // which runs it once
		} else {
			err = run()
		}
		if err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	return nil
}

// save writes the first result to output_0.raw in dir.
func save(s *ort.Session, inputs []onnx.Value, dir string) error {
	results, err := s.Run(inputs)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "output_0.raw"), results[0].Tensor.Bytes(), 0o666)
}
