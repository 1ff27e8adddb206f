package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/measure"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
)

// A stepCost is what one step of the emitted package costs in a run, all calls of its function together.
type stepCost struct {
	Operator string  `json:"operator"` // or several, with spaces between
	Function string  `json:"function"` // the method that the step is part of
	Calls    int     `json:"calls"`
	Kernel   string  `json:"kernel"` // the function that does it
	Shape    string  `json:"shape"`  // of the first result
	Node     string  `json:"node"`   // its name in the model
	Time     float64 `json:"ms"`
	GFLOPS   float64 `json:"gflops"`
	Memory   float64 `json:"gbs"` // what the step must read and write at least, in 10⁹ bytes a second
	Share    float64 `json:"share"`
}

// profile is what the steps cost; the times are medians.
func profile(steps []codegen.Step, d built.Done, env map[string]int) []stepCost {
	total := 0.0 // its steps' medians, not the median of the run
	for _, t := range d.Steps {
		total += float64(t)
	}
	var out []stepCost
	for i, s := range steps {
		ns := float64(d.Steps[i])
		calls := float64(s.Calls)
		name, work := "", ir.N(0)
		for _, n := range append(slices.Clone(s.Before), s.Node) {
			name, work = name+" "+n.Op.Name, work.Add(measure.NodeWork(n))
		}
		out = append(out, stepCost{Operator: name[1:], Function: s.Function, Calls: s.Calls, Kernel: s.Kernel, Node: s.Node.Name,
			Shape: shapeText(s.Node.Out().Type, env), Time: ns / 1e6, Share: ns / max(total, 1),
			GFLOPS: calls * float64(at(work, env)) / max(ns, 1),
			Memory: calls * float64(at(measure.NodeBytes(s.Node, s.Before...), env)) / max(ns, 1)})
	}
	return out
}

func shapeText(t ir.Type, env map[string]int) string {
	dims := map[string]ir.Dim{}
	for name, n := range env {
		dims[name] = ir.N(n)
	}
	return t.Subst(dims).String()
}

// intensity is how many operations for each byte make it arithmetic that a step waits for, rather than memory.
const intensity = 4

func printProfile(w io.Writer, steps []stepCost) {
	if len(steps) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nms\tshare\trate\tcalls\tfunction\toperator\tkernel\tresult\tnode")
	for _, s := range slices.SortedStableFunc(slices.Values(steps), func(a, b stepCost) int { return cmp.Compare(b.Time, a.Time) }) {
		rate := fmt.Sprintf("%.1f GB/s", s.Memory)
		if s.GFLOPS > intensity*s.Memory {
			rate = fmt.Sprintf("%.1f GFLOP/s", s.GFLOPS)
		}
		fmt.Fprintf(t, "%.3f\t%.1f %%\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n",
			s.Time, 100*s.Share, rate, s.Calls, s.Function, s.Operator, s.Kernel, s.Shape, s.Node)
	}
	t.Flush()
}
