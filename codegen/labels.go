package codegen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// labelledSplit is where the library hands work to other goroutines, and what stands there in a package whose steps have labels.
var labelledSplit = [2]string{"c.pool.run(n, cuts, t)", "c.pool.run(n, cuts, withLabels(c, t))"}

// handingOn is a file of the library with the labels of steps handed on to other goroutines.
func handingOn(name string, src []byte) []byte {
	if name != "ctx.go" {
		return src
	}
	if bytes.Count(src, []byte(labelledSplit[0])) != 1 {
		panic("BUG: ctx.go does not hand on work by " + labelledSplit[0])
	}
	return bytes.Replace(src, []byte(labelledSplit[0]), []byte(labelledSplit[1]), 1)
}

// label writes what gives a step its labels.
func (g *generator) label(e *emitter, operator, node string) {
	if !g.opts.Labels {
		return
	}
	e.Line("s.labels.step(s.ctx, %d)", len(e.fn.labels))
	e.fn.labels = append(e.fn.labels, strings.TrimSpace(operator+" "+spaces.ReplaceAllString(node, " ")))
}

// enter writes what makes the labels those of a call of fn.
func (g *generator) enter(e *emitter, indent string, fn *function, call any) {
	if g.opts.Labels {
		e.Line("%ss.labels.enter(%d, %v)", indent, slices.Index(g.fns, fn), call)
	}
}

// labelSource is what a session whose steps have labels has more.
func (g *generator) labelSource(session string) string {
	if !g.opts.Labels {
		return session
	}
	for _, r := range [][2]string{
		{"the calling goroutine included\n", `the calling goroutine included

	// Labels has the profile labels of the goroutine that runs: to those a step adds its own, and a run ends with them. Nil is none.
	Labels context.Context
`},
		{"\tframe frames\n", "\tframe frames\n\tlabels *labels\n"},
		{"ctx: newCtx(o.Threads)}", "ctx: newCtx(o.Threads), labels: newLabels(o.Labels, labelledSteps)}"},
		{"\tdefer func() {\n", "\tdefer func() {\n\t\ts.labels.leave()\n"},
		{"\ts.run()\n", "\ts.labels.enter(0, 0)\n\ts.run()\n"},
	} {
		if !strings.Contains(session, r[0]) {
			panic(fmt.Sprintf("BUG: sessions are without %q", r[0]))
		}
		session = strings.Replace(session, r[0], r[1], 1)
	}
	session += "\n// labelledSteps are what a profile calls the steps.\nvar labelledSteps = []labelledFunction{\n"
	for _, fn := range g.fns {
		session += fmt.Sprintf("\t{%q, %d, []string{\n", fn.name, max(len(fn.calls), 1))
		for _, s := range fn.labels {
			session += fmt.Sprintf("\t\t%q,\n", s)
		}
		session += "\t}},\n"
	}
	return session + "}\n"
}
