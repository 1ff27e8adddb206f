package suite

import (
	"fmt"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
)

// Options say how cases are run. Those about sizes and threads concern the compiled runtime only.
type Options struct {
	Limit   time.Duration  // for one case
	Dims    map[string]int // sizes to run with instead of the recorded ones; outputs are compared with the reference's
	Vary    bool           // run with other sizes too
	Dynamic bool           // names in the place of all sizes of inputs; compiled, run with other sizes too
	Threads int
	Tags    string   // build tags of the compiled packages
	Off     []string // passes and rules not to run
	Tick    func()   // is called when work is done, from any goroutine
}

// RunReference runs the cases with the reference runtime.
func RunReference(cases []Case, opts Options) []Result {
	results := make([]Result, len(cases))
	parallel(len(cases), func(i int) {
		results[i] = cases[i].result("reference", within(opts.Limit, func() error { return cases[i].reference(opts) }))
		opts.Tick()
	})
	return results
}

func (c Case) reference(opts Options) error {
	p, err := c.load(opts)
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
		got, err := pipeline.Evaluate(p, s.Inputs)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if err := verdict(p, s, got, c.Tol); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}
