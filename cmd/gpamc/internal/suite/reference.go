package suite

import (
	"fmt"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

// Options say how cases are run.
type Options struct {
	Limit time.Duration  // for one case, imported and evaluated
	Dims  map[string]int // sizes to run with instead of the recorded ones, outputs compared with the reference's
	Vary  bool           // run with other sizes too
	Tick  func()         // is called after each case
}

// reference runs one case with the reference runtime.
func reference(c Case, opts Options) Result {
	done := make(chan error, 1)
	go func() {
		done <- recovered(func() error { return c.reference() })
	}()
	select {
	case err := <-done:
		return c.result("reference", err)
	case <-time.After(opts.Limit):
		return c.result("reference", fmt.Errorf("took more than %v", opts.Limit))
	}
}

func (c Case) reference() error {
	p, err := onnx.Import(c.Model())
	if err != nil {
		return err
	}
	sets, err := c.Read(p)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if s.Outputs == nil {
			return fmt.Errorf("%s: no outputs are recorded to compare the reference with", s.Name)
		}
		got, err := evaluate(p, s.Inputs)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if err := verdict(p, s, got, c.Tol); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// evaluate is the reference's outputs for inputs.
func evaluate(p *ir.Program, inputs []onnx.Value) ([]onnx.Value, error) {
	in := make([]runtime.Value, len(inputs))
	for i, v := range inputs {
		in[i] = values.ToRuntime(v, p.Main.Params[i].Type)
	}
	out, err := runtime.Eval(p, in, runtime.Options{})
	if err != nil {
		return nil, err
	}
	got := make([]onnx.Value, len(out))
	for i, v := range out {
		got[i] = values.FromRuntime(p.Main.ResultName(i), v)
	}
	return got, nil
}
