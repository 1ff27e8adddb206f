package codegen

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A Step is a piece of an emitted package whose time is measured; Session.StepTimes has the times in the order of Output.Steps.
type Step struct {
	Function string // the method that it is part of
	Calls    int    // of that method in one run
	Node     *ir.Node
	Before   []*ir.Node // nodes that it does, too
	Kernel   string     // the function of the package that does it
}

// called is the function that a statement calls, its type arguments left out.
var called = regexp.MustCompile(`(?m)^\t(?:[^\n"]*? :?= )?(\w+)(?:\[[^\n]*?\])?\(`)

// timed notes a step that was written from that place on, and writes what measures it.
func (g *generator) timed(e *emitter, n *ir.Node, from int) {
	if !g.opts.Profile {
		return
	}
	s := Step{Function: e.fn.name, Calls: max(len(e.fn.calls), 1), Node: n}
	if calls := called.FindAllStringSubmatch(e.b.String()[from:], -1); calls != nil {
		s.Kernel = calls[len(calls)-1][1]
	}
	if r := g.plans[e.fn].regions[n]; r != nil {
		s.Before = r.nodes[:len(r.nodes)-1]
	}
	e.Line("s.clock.tick(%d)", len(g.steps))
	g.steps = append(g.steps, s)
}

// profileSource is what a session that measures its steps has more.
func (g *generator) profileSource(session string) string {
	if !g.opts.Profile {
		return session
	}
	session = strings.Replace(session, "\tframe frames\n}\n", "\tframe frames\n\tclock clock\n}\n", 1)
	session = strings.Replace(session, "\ts.run()\n", fmt.Sprintf("\ts.clock.start(%d)\n\ts.run()\n", len(g.steps)), 1)
	return session + `
// StepTimes are the nanoseconds that each step took in the last run. The next run writes over them.
func (s *Session) StepTimes() []int64 { return s.clock.spent }
`
}
