package suite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// isMissing reports whether err says that the code generator lacks an operator.
func isMissing(err error) bool {
	var m codegen.Missing
	return errors.As(err, &m)
}

// RunCompiled compiles the cases, builds all packages into one program, and runs each case in it. tick is called twice for each case.
func RunCompiled(ctx context.Context, cases []Case, opts Options) ([]Result, error) {
	m, err := built.New()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	m.Tags = opts.Tags
	results, programs := make([]Result, len(cases)), make([]*ir.Program, len(cases))
	parallel(len(cases), func(i int) {
		err := within(opts.Limit, func() (err error) {
			programs[i], err = cases[i].emit(m, opts)
			return err
		})
		results[i] = cases[i].result("compiled", err)
		opts.Tick()
	})
	prog, err := m.Build(ctx)
	if err != nil {
		return nil, err
	}
	servers := make(chan *built.Server, goruntime.GOMAXPROCS(0))
	for range cap(servers) {
		servers <- prog.Serve()
	}
	parallel(len(cases), func(i int) {
		defer opts.Tick()
		if results[i].Status != Pass {
			return
		}
		s := <-servers
		defer func() { servers <- s }()
		others := 0
		err := recovered(func() (err error) {
			others, err = cases[i].compiled(s, programs[i], opts)
			return err
		})
		results[i] = cases[i].result("compiled", err)
		results[i].Others = others
	})
	for range cap(servers) {
		(<-servers).Close()
	}
	return results, nil
}

// within runs f, and gives up waiting for it after limit.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- recovered(f) }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("took more than %v", limit)
	}
}

// emit puts the case's package into m. The program is what the package was made of.
func (c Case) emit(m *built.Module, opts Options) (p *ir.Program, err error) {
	var out *codegen.Output
	for _, load := range c.spellings(opts) {
		if p, err = load(); err != nil {
			continue
		}
		if out, err = pipeline.Compile(p, pipeline.Options{Off: opts.Off, Codegen: codegen.Options{Package: "model"}}); err == nil {
			return p, m.Add(c.Name, pipeline.Package(out))
		}
	}
	return nil, err
}

// compiled runs the case's data in the program of s. others is with how many sizes that were not recorded the model computed.
func (c Case) compiled(s *built.Server, p *ir.Program, opts Options) (others int, err error) {
	sets, err := c.Read(p)
	if err != nil {
		return 0, err
	}
	if sets, err = resized(p, sets, opts); err != nil {
		return 0, err
	}
	for _, set := range sets {
		taken, err := c.compare(s, p, set, opts)
		if err != nil {
			return others, fmt.Errorf("%s: %w", set.Name, err)
		}
		if taken && set.Outputs == nil {
			others++
		}
	}
	return others, nil
}

// compare runs one set of data and compares with its outputs, or with the reference's where there are none. Sizes that the model does
// not take, such as more tokens than it has positions, must be refused by both, unless it is opts that made names of what the model has as
// numbers: those may be wrong in ways that no package looks for.
func (c Case) compare(s *built.Server, p *ir.Program, set Set, opts Options) (taken bool, err error) {
	d, err := s.Run(built.Job{Package: c.Name, Inputs: set.Inputs, Threads: opts.Threads, Limit: opts.Limit})
	if set.Outputs == nil {
		want, wantErr := pipeline.Evaluate(p, set.Inputs)
		if wantErr != nil && (err != nil || opts.Dynamic) {
			return false, nil
		}
		if wantErr != nil {
			return false, fmt.Errorf("the reference refuses what the compiled model takes: %w", wantErr)
		}
		set.Outputs, c.Tol.Share = want, values.Rounding
	}
	if err != nil {
		return false, err
	}
	return true, verdict(p, set, d.Outputs, c.Tol)
}

// resized is sets with the sizes that opts ask for: those of Dims instead of the recorded ones, or others beside them.
func resized(p *ir.Program, sets []Set, opts Options) ([]Set, error) {
	var out []Set
	for _, set := range sets {
		var others []map[string]int
		name := set.Name
		recorded, err := sizes(p, set)
		if err != nil {
			return nil, err
		}
		if len(opts.Dims) > 0 {
			env := maps.Clone(recorded)
			for name := range recorded {
				if n, ok := opts.Dims[name]; ok {
					env[name] = n
				}
			}
			if set, err = resize(p, set, env); err != nil {
				return nil, err
			}
		}
		out = append(out, set)
		if opts.Vary {
			others = variants(recorded)
		}
		if opts.Dynamic {
			others = append(others, oneByOne(recorded)...)
		}
		set.Name = name
		for _, env := range others {
			other, err := resize(p, set, env)
			if err != nil {
				return nil, err
			}
			out = append(out, other)
		}
	}
	return out, nil
}

// sizes are what the names of dimensions stand for in a set.
func sizes(p *ir.Program, set Set) (map[string]int, error) {
	env := map[string]int{}
	return env, pipeline.Bind(p, set.Inputs, env)
}

// variants are other sizes than those recorded: all 1, all different and a little larger, and the last of them much larger.
func variants(recorded map[string]int) []map[string]int {
	if len(recorded) == 0 {
		return nil
	}
	ones, larger := map[string]int{}, map[string]int{}
	names := slices.Sorted(maps.Keys(recorded))
	for i, name := range names {
		ones[name], larger[name] = 1, recorded[name]+1+2*i
	}
	long := maps.Clone(recorded)
	last := names[len(names)-1]
	long[last] = 3*recorded[last] + 2
	return []map[string]int{ones, larger, long}
}

// resize is the set with its inputs' elements in tensors of other sizes, and without outputs.
func resize(p *ir.Program, set Set, env map[string]int) (Set, error) {
	out := Set{Name: set.Name}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out.Name += fmt.Sprintf(" %s=%d", name, env[name])
	}
	for i, v := range set.Inputs {
		param := p.Main.Params[i]
		if v.Kind != ir.Tensor || !param.Type.Ranked() { // sizes are of tensors: what is in a list, or of any rank, stays
			out.Inputs = append(out.Inputs, v)
			continue
		}
		shape := make([]int, len(v.Tensor.Shape))
		for axis, d := range param.Type.Shape {
			var ok bool
			if shape[axis], ok = d.Eval(env); !ok {
				return out, fmt.Errorf("input %q: dimension %s is not decided by the recorded inputs", param.Name, d)
			}
		}
		d, err := values.Resample(v.Tensor, shape)
		if err != nil {
			return out, fmt.Errorf("input %q: %w", param.Name, err)
		}
		out.Inputs = append(out.Inputs, onnx.Value{Name: v.Name, Tensor: d})
	}
	return out, nil
}
