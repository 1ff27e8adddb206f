package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

// Evaluate is the reference's outputs for inputs.
func Evaluate(p *ir.Program, inputs []onnx.Value) ([]onnx.Value, error) {
	out, err := runtime.Eval(p, toRuntime(p, inputs), runtime.Options{})
	if err != nil {
		return nil, err
	}
	return fromRuntime(out), nil
}

func fromRuntime(vs []runtime.Value) []onnx.Value {
	out := make([]onnx.Value, len(vs))
	for i, v := range vs {
		out[i] = values.FromRuntime("", v)
	}
	return out
}

// Bind enters what the names of dimensions stand for in inputs into env. The error names the inputs that do not fit the program.
func Bind(p *ir.Program, inputs []onnx.Value, env map[string]int) error {
	return runtime.Bind(p.Main, toRuntime(p, inputs), env)
}

func toRuntime(p *ir.Program, inputs []onnx.Value) []runtime.Value {
	in := make([]runtime.Value, len(inputs))
	for i, v := range inputs {
		t := ir.Type{}
		if i < len(p.Main.Params) {
			t = p.Main.Params[i].Type
		}
		in[i] = values.ToRuntime(v, t)
	}
	return in
}

// FillWeights gives a program that comes from text the weights that its text only names: random ones, the same for the same name.
func FillWeights(p *ir.Program) {
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if n.Op != ir.Weight || p.Weights[n.Str("name")] != nil {
			return
		}
		h := fnv.New64a()
		h.Write([]byte(n.Str("name")))
		p.Weights[n.Str("name")] = runtime.RandomTensor(n.Out().Type, h.Sum64(), map[string]int{}).Data()
	})
}

// Package is an emitted package as it is built into a program.
func Package(out *codegen.Output) built.Package {
	p := built.Package{Files: out.Files, Mapped: out.Size > 0 && out.Weights == nil}
	for _, x := range out.Inputs {
		p.Inputs = append(p.Inputs, built.FormOf(x.Type))
	}
	for _, x := range out.Results {
		p.Results = append(p.Results, built.FormOf(x.Type))
	}
	return p
}

// A Compiled is one compiled model, ready to run. It is for one goroutine.
type Compiled struct {
	Steps  []codegen.Step // of a package that measures them
	server *built.Server
}

// Build compiles p and builds what comes out, unless a program made of the same is kept from an earlier time.
func Build(ctx context.Context, p *ir.Program, o Options) (*Compiled, error) {
	m, err := built.New()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	const name = "model"
	o.Codegen.Package = name
	var file *os.File // of many weights
	if weightBytes(p) >= manyBytes {
		if file, err = m.Weights(name); err != nil {
			return nil, err
		}
		o.Codegen.File, o.Codegen.Weights = true, file
	}
	out, err := Compile(p, o)
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return nil, err
	}
	if err := m.Add(name, Package(out)); err != nil {
		return nil, err
	}
	prog, err := m.Build(ctx)
	if err != nil {
		return nil, err
	}
	return &Compiled{out.Steps, prog.Serve()}, nil
}

// manyBytes is from how many on weights are mapped from a file rather than embedded: the Go linker would copy them, and cannot take in more
// than 2 GB.
const manyBytes = 1 << 30

func weightBytes(p *ir.Program) (n int) {
	for _, d := range p.Weights {
		n += d.Len() * max(d.Elem.Size(), 1)
	}
	return n
}

// RunOptions say how a compiled model is run.
type RunOptions struct {
	Threads  int
	Runs     int           // at least so many,
	Duration time.Duration // and for so long
	Limit    time.Duration // an error if it takes longer
}

// Run runs the model. Its outputs have no names.
func (c *Compiled) Run(inputs []onnx.Value, o RunOptions) (built.Done, error) {
	d, err := c.server.Run(built.Job{Package: "model", Inputs: inputs, Threads: o.Threads, Runs: o.Runs, Duration: o.Duration, Limit: o.Limit})
	if err != nil {
		return d, fmt.Errorf("compiled model: %w", err)
	}
	return d, nil
}

// Close ends the program.
func (c *Compiled) Close() error { return c.server.Close() }
