package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/fuzz"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
)

// A trial is a random program with inputs and what the reference makes of them.
type trial struct {
	name string
	p    *ir.Program
	in   []runtime.Value
	want *fuzz.Expectation
}

// sizes are what b and s stand for, by turns.
func sizes(seed int) map[string]int {
	return map[string]int{"b": []int{2, 1, 3}[seed%3], "s": []int{3, 17, 5, 1, 9}[seed%5]}
}

// newTrial is p with inputs; nil when these make no sense to it.
func newTrial(name string, p *ir.Program, seed int) *trial {
	in := runtime.RandomInputs(p.Main, uint64(seed), sizes(seed))
	want, err := fuzz.Evaluate(p, in)
	if err != nil {
		return nil
	}
	return &trial{name, p, in, want}
}

// compileAll compiles and runs the trials, all in one program, and says what is wrong with each that differs.
func compileAll(t *testing.T, trials []*trial) map[*trial]error {
	t.Helper()
	m, err := built.New()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	bad := map[*trial]error{}
	for _, x := range trials {
		out, err := attempt(x.p, nil)
		var missing codegen.Missing
		if errors.As(err, &missing) {
			t.Logf("%s: %v", x.name, err)
			bad[x] = nil
		} else if err != nil {
			bad[x] = err
		} else if err := m.Add(x.name, Package(out)); err != nil {
			t.Fatal(err)
		}
	}
	prog, err := m.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	server := prog.Serve()
	defer server.Close()
	for i, x := range trials {
		if _, ok := bad[x]; ok {
			continue
		}
		d, err := server.Run(built.Job{Package: x.name, Inputs: fromRuntime(x.in), Threads: 1 + i%2, Limit: 20 * time.Second})
		if err == nil {
			got := make([]runtime.Value, len(d.Outputs))
			for k, v := range d.Outputs {
				got[k] = values.ToRuntime(v, x.p.Main.Results[k].Type)
			}
			err = x.want.Agree(got)
		}
		if err != nil {
			bad[x] = err
		}
	}
	for x, err := range bad {
		if err == nil {
			delete(bad, x)
		}
	}
	return bad
}

// found are programs of which random ones have shown that they were compiled wrongly.
var found = []string{
	"func f(x i32[2,3]) {\ny = Erf(x)\nreturn y\n}", // whole numbers have no function of their own for it
}

// TestRandomPrograms compares compiled random programs with the reference: a few, or as many as fit into the time that GPAMC_FUZZ says.
func TestRandomPrograms(t *testing.T) {
	limit, batch := time.Duration(0), 8
	if s := os.Getenv("GPAMC_FUZZ"); s != "" {
		var err error
		if limit, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		batch = 40
	}
	failed, compared, seed := 0, 0, 0
	for start := time.Now(); (seed == 0 || time.Since(start) < limit) && failed < 3; {
		var trials []*trial
		seeds := map[*trial]int{}
		for i, text := range found {
			p, err := ir.ParseProgram(text)
			if err != nil {
				t.Fatal(err)
			}
			if x := newTrial(fmt.Sprint("found", i), p, 1); x != nil && seed == 0 {
				trials = append(trials, x)
			}
		}
		for ; len(trials) < batch; seed++ {
			p := fuzz.Random(seed, fuzz.Options{Elem: []ir.Elem{ir.F32, ir.F32, ir.F64}[seed%3], Steps: 14, Use: hasTensors})
			if x := newTrial(fmt.Sprint(seed), p, seed); x != nil {
				trials = append(trials, x)
				seeds[x] = seed
			}
		}
		compared += len(trials)
		for x, err := range compileAll(t, trials) {
			failed++
			t.Errorf("program %s: %v\n%s", x.name, err, blame(t, x, seeds[x]))
		}
	}
	t.Logf("%d programs, %d compared", seed, compared)
}

// hasTensors reports whether an operator's example takes nothing but tensors, which is what random inputs are made of best.
func hasTensors(op *ir.Op) bool {
	return !strings.Contains(op.Inputs, "seq(") && !strings.Contains(op.Inputs, "opt(")
}

// blame is the first part of x's program that differs by itself.
func blame(t *testing.T, x *trial, seed int) string {
	var parts []*trial
	for i, q := range fuzz.Cuts(x.p) {
		if part := newTrial(fmt.Sprint("part", i), q, seed); part != nil {
			parts = append(parts, part)
		}
	}
	bad := compileAll(t, parts)
	for _, part := range parts {
		if err := bad[part]; err != nil {
			return fmt.Sprintf("%v\n%s", err, part.p)
		}
	}
	return x.p.String()
}
