package fuzz

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/gpamc/gpamc/runtime"
)

// sizes are what b and s stand for, by turns.
func sizes(seed int) map[string]int {
	return map[string]int{"b": []int{2, 1, 3}[seed%3], "s": []int{3, 1, 5, 2, 9}[seed%5]}
}

// optimised says how p differs from itself after all passes. ok is false when the inputs make no sense to p.
func optimised(p *ir.Program, seed int) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			ok, err = true, fmt.Errorf("%v", r)
		}
	}()
	in := runtime.RandomInputs(p.Main, uint64(seed), sizes(seed))
	x, err := Evaluate(p, in)
	if err != nil {
		return false, nil
	}
	q := p.Clone()
	stats, err := passes.Run(q, passes.Options{Passes: slices.Concat(passes.Default, passes.Kernel)})
	if err != nil {
		return true, err
	}
	got, err := runtime.Eval(q, in, runtime.Options{})
	if err == nil {
		err = x.Agree(got)
	}
	if err != nil {
		err = fmt.Errorf("%w after %v\n%s", err, stats.Fired, q)
	}
	return true, err
}

// TestOptimised compares random programs with what the passes make of them: for two seconds, or for as long as GPAMC_FUZZ says.
func TestOptimised(t *testing.T) {
	limit := 2 * time.Second
	if s := os.Getenv("GPAMC_FUZZ"); s != "" {
		var err error
		if limit, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	made, compared, failed := 0, 0, 0
	for start := time.Now(); time.Since(start) < limit && failed < 5; made++ {
		p := Random(made, Options{Elem: []ir.Elem{ir.F64, ir.F32}[made%2]})
		ok, err := optimised(p, made)
		if ok {
			compared++
		}
		if err != nil {
			failed++
			small := Blame(p, func(q *ir.Program) bool { _, err := optimised(q, made); return err != nil })
			_, cause := optimised(small, made)
			t.Errorf("program %d: %v\nof\n%s", made, cause, small)
		}
	}
	t.Logf("%d programs, %d compared", made, compared)
	if 2*compared < made {
		t.Errorf("of %d programs only %d could be computed", made, compared)
	}
}
