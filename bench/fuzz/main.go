// Command fuzz compares the reference with ONNX Runtime on random programs, exported as they are and after the compiler's passes,
// for a fixed time.
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
	"strings"
	"time"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/fuzz"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// The outcomes for one program in one of its forms.
const (
	same     = "same"
	noSense  = "the reference cannot compute it"
	noExport = "has no form in ONNX"
	noORT    = "ONNX Runtime cannot run it"
	differs  = "DIFFERS"
)

// opset is the newest one that ONNX Runtime 1.30 implements all of.
const opset = 21

func main() {
	limit := flag.Duration("time", time.Minute, "how long to go on")
	seed := flag.Int("seed", 0, "the first program")
	verbose := flag.Bool("v", false, "print what ONNX Runtime or the export refuse, too")
	flag.Parse()
	tmp, err := os.MkdirTemp("", "fuzz")
	if err = errors.Join(err, ort.Start()); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
	defer os.RemoveAll(tmp)
	f := &fuzzer{file: filepath.Join(tmp, "model.onnx"), counts: map[string]int{}, verbose: *verbose}
	for start := time.Now(); time.Since(start) < *limit && f.counts[differs] < 10; *seed++ {
		f.program(*seed)
	}
	for _, k := range slices.Sorted(maps.Keys(f.counts)) {
		fmt.Printf("%6d %s\n", f.counts[k], k)
	}
	if f.counts[differs] > 0 || f.counts[same] == 0 {
		os.Exit(1)
	}
}

type fuzzer struct {
	file    string
	counts  map[string]int
	verbose bool
}

func (f *fuzzer) program(seed int) {
	p := fuzz.Random(seed, fuzz.Options{Elem: []ir.Elem{ir.F32, ir.F32, ir.F32, ir.F64}[seed%4], Use: comparable})
	for _, optimise := range []bool{false, true} {
		outcome, err := f.check(p, seed, optimise)
		f.counts[outcome]++
		if outcome == differs {
			small := fuzz.Blame(p, func(q *ir.Program) bool { o, _ := f.check(q, seed, optimise); return o == differs })
			_, err = f.check(small, seed, optimise)
			fmt.Printf("program %d, optimised %v: %v\n%s\n", seed, optimise, err, small)
		} else if err != nil && f.verbose {
			fmt.Printf("program %d, optimised %v: %s: %v\n", seed, optimise, outcome, err)
		}
	}
}

// comparable leaves out what ONNX leaves to the implementation, and what the binding cannot pass.
func comparable(op *ir.Op) bool {
	return !strings.Contains(op.Inputs, "seq(") && !strings.Contains(op.Inputs, "opt(") && !strings.Contains(op.Inputs, "str[")
}

func (f *fuzzer) check(p *ir.Program, seed int, optimise bool) (outcome string, err error) {
	defer func() {
		if r := recover(); r != nil {
			outcome, err = differs, fmt.Errorf("panic: %v", r)
		}
	}()
	sizes := map[string]int{"b": []int{2, 1, 3}[seed%3], "s": []int{3, 1, 5, 2, 9}[seed%5]}
	in := runtime.RandomInputs(p.Main, uint64(seed), sizes)
	want, err := fuzz.Evaluate(p, in)
	if err != nil {
		return noSense, err
	}
	q := p.Clone()
	if optimise {
		if _, err := passes.Run(q, passes.Options{}); err != nil {
			return noSense, err
		}
	}
	if err := onnx.Export(q, f.file, onnx.ExportOptions{Opset: opset}); err != nil {
		return noExport, err
	}
	got, err := f.run(q, in)
	if err != nil {
		return noORT, err
	}
	for i, v := range got { // some operators of ONNX Runtime compute with 32 bits, whatever they are given
		if t, ok := v.(*runtime.Tensor); ok && t.Elem == ir.F64 {
			coarse(want, i, t)
		}
	}
	if err := want.Agree(got); err != nil {
		return differs, err
	}
	return same, nil
}

// coarse gives 64-bit floats the slack of numbers that went through 32 bits.
func coarse(want *fuzz.Expectation, i int, t *runtime.Tensor) {
	scale := 1.0
	for _, x := range t.F {
		if x = math.Abs(x); x < 1e30 {
			scale = math.Max(scale, x)
		}
	}
	for k := range want.Slack[i] {
		want.Slack[i][k] = math.Max(want.Slack[i][k], 1e-5*scale)
	}
}

// run computes the exported model with ONNX Runtime.
func (f *fuzzer) run(p *ir.Program, in []runtime.Value) ([]runtime.Value, error) {
	s, err := ort.Open(f.file, ort.Options{Threads: 1, Unchanged: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var values []onnx.Value
	for _, info := range s.Inputs {
		i := slices.IndexFunc(p.Main.Params, func(v *ir.Value) bool { return v.Name == info.GetName() })
		if i < 0 {
			return nil, fmt.Errorf("no parameter %q", info.GetName())
		}
		t, ok := in[i].(*runtime.Tensor)
		if !ok {
			return nil, fmt.Errorf("input %q is no tensor", info.GetName())
		}
		values = append(values, onnx.Value{Name: info.GetName(), Tensor: t.Data()})
	}
	out, err := s.Run(values)
	if err != nil {
		return nil, err
	}
	got := make([]runtime.Value, len(out))
	for i, v := range out {
		got[i] = runtime.FromData(v.Tensor)
	}
	return got, nil
}
