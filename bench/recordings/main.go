// Command recordings writes the small models of package onnxtest to folders onnx-NAME, and those of ONNX Runtime's own operators to
// folders contrib/NAME, with the outputs that ONNX Runtime computes.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/onnx/onnxtest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: recordings DIR")
		os.Exit(2)
	}
	for _, s := range onnxtest.Samples() {
		must(s, filepath.Join(os.Args[1], "onnx-"+s.Name))
	}
	for _, s := range onnxtest.Contributed() {
		must(s, filepath.Join(os.Args[1], "contrib", s.Name))
	}
}

func must(s onnxtest.Sample, dir string) {
	if err := record(s, dir); err != nil {
		fmt.Fprintf(os.Stderr, "recordings: %s: %v\n", s.Name, err)
		os.Exit(1)
	}
}

func record(s onnxtest.Sample, dir string) error {
	if err := s.Write(dir); err != nil {
		return err
	}
	session, err := ort.Open(filepath.Join(dir, "model.onnx"), ort.Options{})
	if err != nil {
		return err
	}
	defer session.Close()
	set := filepath.Join(dir, "test_data_set_0")
	inputs, _, err := ort.ReadValues(set, "input", session.Inputs)
	if err != nil {
		return err
	}
	outputs, err := session.Run(inputs)
	if err != nil {
		return err
	}
	for i, v := range outputs {
		if err := onnx.WriteValue(filepath.Join(set, fmt.Sprintf("output_%d.pb", i)), v); err != nil {
			return err
		}
	}
	return nil
}
