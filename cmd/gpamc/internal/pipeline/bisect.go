package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// everything stands for all passes in a bisection.
const everything = "all passes"

// Bisect names the rules and passes without any one of which the compiled program's outputs are good; all of them together if only
// that helps. It compiles the program once for each rule that fires, and builds these all at once.
func Bisect(ctx context.Context, p *ir.Program, inputs []onnx.Value, good func([]onnx.Value) bool) ([]string, error) {
	stats, err := passes.Run(p.Clone(), passes.Options{Passes: List()})
	if err != nil {
		return nil, err
	}
	suspects := slices.Sorted(maps.Keys(stats.Fired))
	off := map[string][]string{everything: nil}
	for _, pass := range stats.Passes {
		off[everything] = append(off[everything], pass.Name)
		if len(pass.Fired) > 0 && !slices.Contains(suspects, pass.Name) {
			suspects = append(suspects, pass.Name)
		}
	}
	for _, s := range suspects {
		off[s] = []string{s}
	}
	m, err := built.New()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	for name, names := range off {
		out, err := attempt(p, names)
		if err != nil {
			continue // without the rule it does not even compile, which says nothing of the rule
		}
		if err := m.Add(name, Package(out)); err != nil {
			return nil, err
		}
	}
	prog, err := m.Build(ctx)
	if err != nil {
		return nil, err
	}
	server := prog.Serve()
	defer server.Close()
	works := func(name string) bool {
		d, err := server.Run(built.Job{Package: name, Inputs: inputs, Limit: 10 * time.Minute})
		return err == nil && good(d.Outputs)
	}
	var guilty []string
	for _, s := range suspects {
		if works(s) {
			guilty = append(guilty, s)
		}
	}
	if guilty == nil && works(everything) {
		guilty = []string{everything}
	}
	return guilty, nil
}

// attempt compiles p without some passes; a panic, which may be what the user is after, is an error like others.
func attempt(p *ir.Program, off []string) (out *codegen.Output, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return Compile(p, Options{Off: off, Codegen: codegen.Options{Package: "model"}})
}

// RandomInputs are inputs for p, the same for the same seed.
func RandomInputs(p *ir.Program, seed uint64, dims map[string]int) []onnx.Value {
	return fromRuntime(runtime.RandomInputs(p.Main, seed, dims))
}
