// Command exported writes models as ONNX in every form and for every opset, runs the files with ONNX Runtime, and compares what comes out
// with the reference. It also reads each file back and counts the attentions that the passes find in it. Its arguments are ONNX models,
// folders of model definitions, and IR text.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gpamc/gpamc/bench/internal/ort"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/model"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

func main() {
	opsets := flag.String("opsets", "13,17,18,19,20,21,22,23,24,25", "opsets to write")
	limit := flag.Float64("atol", 1e-4, "largest difference from the reference")
	verbose := flag.Bool("v", false, "print every file, not only failures")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: exported [-opsets LIST] [-atol X] [-v] MODEL...")
		os.Exit(2)
	}
	c := &checker{limit: *limit, verbose: *verbose}
	for _, s := range strings.Split(*opsets, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			fmt.Fprintln(os.Stderr, "exported: -opsets:", err)
			os.Exit(2)
		}
		c.opsets = append(c.opsets, n)
	}
	if err := c.run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "exported:", err)
		os.Exit(1)
	}
}

type checker struct {
	opsets  []int
	limit   float64
	verbose bool
	file    string
	worst   float64
	failed  int
	files   int
}

func (c *checker) run(models []string) error {
	tmp, err := os.MkdirTemp("", "exported")
	if err = errors.Join(err, ort.Start()); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	c.file = filepath.Join(tmp, "model.onnx")
	for _, m := range models {
		if err := c.model(m); err != nil {
			return err
		}
	}
	fmt.Printf("%d files, %d failed, largest difference %.2g\n", c.files, c.failed, c.worst)
	if c.failed > 0 || c.files == 0 {
		return errors.New("not all is well")
	}
	return nil
}

// model checks one model, and a definition of a decoder with a cache as well.
func (c *checker) model(path string) error {
	programs, err := load(path)
	for _, p := range programs {
		err = errors.Join(err, c.program(path, p))
	}
	return err
}

// program checks one program in all forms.
func (c *checker) program(path string, p *ir.Program) error {
	inputs := runtime.RandomInputs(p.Main, 1, map[string]int{"batch": 2})
	want, err := runtime.Eval(p, inputs, runtime.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	plain := p.Clone()
	if _, err := passes.Run(plain, passes.Options{}); err != nil {
		return err
	}
	attentions := count(plain)
	if _, err := passes.Run(p, passes.Portable); err != nil {
		return err
	}
	for _, form := range []onnx.Form{onnx.Functions, onnx.Inline, onnx.Standard} {
		for _, opset := range c.opsets {
			c.files++
			diff, err := c.check(p, onnx.ExportOptions{Form: form, Opset: opset}, inputs, want, attentions)
			c.worst = max(c.worst, diff)
			if err != nil {
				c.failed++
			}
			if err != nil || c.verbose {
				fmt.Println(path, form, opset, diff, err)
			}
		}
	}
	return nil
}

func load(path string) ([]*ir.Program, error) {
	one := func(p *ir.Program, err error) ([]*ir.Program, error) {
		if err != nil {
			return nil, err
		}
		return []*ir.Program{p}, nil
	}
	if filepath.Ext(path) == ".gpam" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return one(ir.ParseProgram(string(b)))
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return one(onnx.Import(path))
	}
	d, err := model.Load(path)
	if err != nil {
		return nil, err
	}
	programs, err := one(model.Build(d))
	if !slices.Contains([]string{"bert", "vit"}, d.Config.Family) && err == nil {
		d.Cache = true
		cached, err := model.Build(d)
		return append(programs, cached), err
	}
	return programs, err
}

// count counts the attentions of a program, of one kind and of the other.
func count(p *ir.Program) (n [2]int) {
	p.Main.Walk(func(_ *ir.Func, m *ir.Node) {
		switch m.Op {
		case ir.Attention:
			n[0]++
		case ir.DualAttention:
			n[1]++
		}
	})
	return n
}

// sinks reports whether an attention of p has a sink.
func sinks(p *ir.Program) (found bool) {
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		found = found || (n.Op == ir.Attention || n.Op == ir.DualAttention) && n.Arg("sink") != nil
	})
	return found
}

func (c *checker) check(p *ir.Program, o onnx.ExportOptions, inputs, want []runtime.Value, attentions [2]int) (diff float64, err error) {
	err = onnx.Export(p, c.file, o)
	if o.Form == onnx.Standard && attentions != [2]int{} && (o.Opset < 23 || sinks(p)) {
		if err == nil {
			return 0, errors.New("what ONNX's Attention cannot say was accepted")
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	again, err := onnx.Import(c.file)
	if err != nil {
		return 0, err
	}
	if _, err := passes.Run(again, passes.Options{}); err != nil {
		return 0, err
	}
	if got := count(again); got != attentions {
		return 0, fmt.Errorf("%v of Attention and DualAttention come back, of %v", got, attentions)
	}
	s, err := ort.Open(c.file, ort.Options{Threads: 1})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	in := make([]onnx.Value, len(inputs))
	for i, v := range inputs {
		t, ok := v.(*runtime.Tensor)
		if !ok {
			return 0, fmt.Errorf("input %d is no tensor", i)
		}
		in[i] = onnx.Value{Tensor: t.Data()}
	}
	got, err := s.Run(in)
	if err != nil {
		return 0, err
	}
	for i, v := range got {
		d, err := difference(v.Tensor, want[i].(*runtime.Tensor).Data())
		diff = max(diff, d)
		if err == nil && !(d <= c.limit) {
			err = fmt.Errorf("differs by %g", d)
		}
		if err != nil {
			return diff, fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return diff, nil
}

// difference is the largest between two tensors; NaN is equal to nothing.
func difference(a, b *ir.Data) (worst float64, err error) {
	if !a.Type().Equal(b.Type()) {
		return 0, fmt.Errorf("%s instead of %s", a.Type(), b.Type())
	}
	for i := range a.Len() {
		d := math.Abs(a.Float(i) - b.Float(i))
		if math.IsNaN(d) {
			return d, nil
		}
		worst = max(worst, d)
	}
	return worst, nil
}
