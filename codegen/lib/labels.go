package lib

import (
	"context"
	"fmt"
	"runtime/pprof"
)

// A labels has the labels that a profile shows for the steps of a run: "layer",
// the function that a step is part of and which call of it, and "step". Only
// packages that are made for it have one, and ctx.split hands their labels on.
type labels struct {
	outside context.Context       // what the calling goroutine has between runs
	steps   [][][]context.Context // by function, call and step
	call    []context.Context     // of the call that is being made
}

// A labelledFunction is a function of the steps that are named.
type labelledFunction struct {
	name  string
	calls int
	steps []string
}

// newLabels makes all contexts that a run needs.
func newLabels(outside context.Context, functions []labelledFunction) *labels {
	if outside == nil {
		outside = context.Background()
	}
	l := &labels{outside: outside}
	for _, f := range functions {
		calls := make([][]context.Context, f.calls)
		for i := range calls {
			layer := f.name
			if f.calls > 1 {
				layer = fmt.Sprintf("%s.%d", f.name, i)
			}
			for _, s := range f.steps {
				calls[i] = append(calls[i], pprof.WithLabels(outside, pprof.Labels("layer", layer, "step", s)))
			}
		}
		l.steps = append(l.steps, calls)
	}
	return l
}

// enter is before a call of a function, and behind it for the one that called.
func (l *labels) enter(function, call int) { l.call = l.steps[function][call] }

// step is before a step.
func (l *labels) step(c *ctx, i int) {
	task[labelled](c).labels = l.call[i]
	pprof.SetGoroutineLabels(l.call[i])
}

// leave is behind a run.
func (l *labels) leave() { pprof.SetGoroutineLabels(l.outside) }

// A labelled is work whose parts carry labels, whichever goroutine does them.
type labelled struct {
	labels context.Context
	work   parter
}

// withLabels is t with the labels of the step that c is at.
func withLabels(c *ctx, t parter) parter {
	l := task[labelled](c)
	l.work = t
	return l
}

func (l *labelled) part(w *worker, lo, hi int) {
	pprof.SetGoroutineLabels(l.labels)
	l.work.part(w, lo, hi)
}
