// Command roundtrip imports models, exports them again and compares what ONNX Runtime computes of both. Its arguments are folders of
// ONNX backend tests.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
)

// The outcomes for one folder, from best to worst.
const (
	same        = "same"
	skippedORT  = "ONNX Runtime cannot run the original"
	unsupported = "not supported"
	failed      = "FAILED"
)

func main() {
	opset := flag.Int("opset", 0, "opset of the export, 0 for the model's own or the next that is possible")
	external := flag.Bool("external", false, "put weights into a file of their own")
	optimize := flag.Bool("optimize", false, "run the compiler's passes before the export")
	verbose := flag.Bool("v", false, "print every folder, not only failures")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: roundtrip [-opset N] [-external] [-optimize] [-v] DIR...")
		os.Exit(2)
	}
	tmp, err := os.MkdirTemp("", "roundtrip")
	if err = errors.Join(err, ort.Start()); err != nil {
		fmt.Fprintln(os.Stderr, "roundtrip:", err)
		os.Exit(1)
	}
	defer os.RemoveAll(tmp)
	counts := map[string]int{}
	for _, dir := range flag.Args() {
		outcome, err := check(dir, filepath.Join(tmp, "model.onnx"), onnx.ExportOptions{Opset: *opset, External: *external}, *optimize)
		counts[outcome]++
		if *verbose || outcome == failed {
			fmt.Println(outcome, dir, err)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("%5d %s\n", counts[k], k)
	}
	if counts[failed] > 0 {
		os.Exit(1)
	}
}

// check compares the model of dir with its export, on the folder's first data set.
func check(dir, exported string, o onnx.ExportOptions, optimize bool) (string, error) {
	model, set := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "test_data_set_0")
	want, inputs, err := runOriginal(model, set)
	if err != nil {
		return skippedORT, err
	}
	prog, err := onnx.Import(model)
	var missing *onnx.UnsupportedError
	if errors.As(err, &missing) {
		return unsupported, err
	}
	if err != nil {
		return failed, err
	}
	if optimize {
		if _, err := passes.Run(prog, passes.Options{}); err != nil {
			return failed, err
		}
	}
	if err := onnx.Export(prog, exported, o); err != nil {
		return failed, err
	}
	s, err := ort.Open(exported, ort.Options{})
	if err != nil {
		return failed, err
	}
	defer s.Close()
	got, err := s.Run(inputs)
	if err != nil {
		return failed, err
	}
	for i := range want {
		if err := equal(got[i], want[i]); err != nil {
			return failed, fmt.Errorf("output %q: %w", want[i].Name, err)
		}
	}
	return same, nil
}

func runOriginal(model, set string) (out, in []onnx.Value, err error) {
	s, err := ort.Open(model, ort.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	in, ok, err := ort.ReadValues(set, "input", s.Inputs)
	if err != nil || !ok {
		return nil, nil, errors.Join(err, errors.New("inputs are missing"))
	}
	out, err = s.Run(in)
	return out, in, err
}

// equal says where a and b differ by more than the two orders of a sum may.
func equal(a, b onnx.Value) error {
	switch {
	case a.Kind != b.Kind || len(a.Elems) != len(b.Elems):
		return fmt.Errorf("%d elements instead of %d", len(a.Elems), len(b.Elems))
	case a.Kind != ir.Tensor:
		for i := range a.Elems {
			if err := equal(a.Elems[i], b.Elems[i]); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	}
	x, y := a.Tensor, b.Tensor
	if x.Equal(y) {
		return nil
	}
	if !x.Type().Equal(y.Type()) {
		return fmt.Errorf("%s instead of %s", x.Type(), y.Type())
	}
	if x.Elem == ir.String {
		return fmt.Errorf("%q instead of %q", x.Str, y.Str)
	}
	relative := map[ir.Elem]float64{ir.F16: 2e-3, ir.BF16: 2e-2}[x.Elem] + 1e-5
	worst, at := 0.0, -1
	for i := range x.Len() {
		p, q := x.Float(i), y.Float(i)
		if p == q || math.IsNaN(p) && math.IsNaN(q) {
			continue
		}
		if d := math.Abs(p-q) - relative*math.Abs(q); !(d <= 1e-5) && (at < 0 || d > worst) {
			worst, at = d, i
		}
	}
	if at >= 0 {
		return fmt.Errorf("element %d is %g instead of %g", at, x.Float(at), y.Float(at))
	}
	return nil
}
