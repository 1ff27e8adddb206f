package passes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gpamc/gpamc/ir"
)

// A Pass rewrites a program: by rules, until none fires, and by a function that reports whether the rules should be tried again. It
// may assume that the program verifies and must leave it so. It has no error to return: what a user can get wrong is refused before the
// first pass, by an importer, or after the last, by codegen, except for shapes that turn out to contradict each other once their values
// are known, which Run sees.
type Pass struct {
	Name  string
	Rules []Rule
	Run   func(p *ir.Program, c *Count) (again bool)
}

// Options change a run.
type Options struct {
	Passes []Pass           // the list; nil is Default
	Only   []string         // the passes to run, by name; nil is all of them
	Off    []string         // rules and passes not to run
	Why    string           // the rule whose failures Stats.Why explains
	Dump   func(d PassDump) // called before the first pass and after each
}

// A PassDump is the program after a pass; Pass is "" before the first.
type PassDump struct {
	Index   int
	Pass    string
	Program *ir.Program
	Fired   map[string]int
}

// Stats say what a run did.
type Stats struct {
	Passes []PassStats
	Fired  map[string]int // by rule, over all passes
	Why    string         // where the rule of Options.Why came nearest, and what stopped it
}

// PassStats are the Stats of one pass.
type PassStats struct {
	Name  string
	Time  time.Duration
	Nodes int // after it, bodies included
	Fired map[string]int
}

// A Count lets a pass that is a function say what it did, by the names of rules, and ask what is switched off.
type Count struct {
	fired map[string]int
	off   map[string]bool
}

// Off reports whether the user switched the rule off.
func (c *Count) Off(rule string) bool { return c.off[rule] }

// Add counts one firing of a rule.
func (c *Count) Add(rule string) { c.fired[rule]++ }

// Check reports names in the options that are no passes or rules.
func (o Options) Check() error {
	known := map[string]bool{}
	for _, name := range Names(o.Passes) {
		known[name] = true
	}
	for _, name := range slices.Concat(o.Only, o.Off, []string{o.Why}) {
		if name != "" && !known[name] {
			return fmt.Errorf("no pass or rule is named %q; there are %s", name, strings.Join(Names(o.Passes), ", "))
		}
	}
	return nil
}

// Names are the names of the passes and rules of a list, of Default if it is nil.
func Names(list []Pass) (names []string) {
	if list == nil {
		list = Default
	}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, pass := range list {
		add(pass.Name)
		for _, r := range pass.Rules {
			add(r.Name)
		}
		for _, r := range runRules[pass.Name] {
			add(r)
		}
	}
	return names
}

// Run applies the passes to p, in place. It verifies p after each one; that a pass leaves something wrong is a bug in the compiler,
// except where a node of p, as it came, cannot be computed with what has become known of its arguments: that is the error it returns.
func Run(p *ir.Program, o Options) (Stats, error) {
	list := o.Passes
	if list == nil {
		list = Default
	}
	s := Stats{Fired: map[string]int{}}
	came := map[*ir.Node]bool{}
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) { came[n] = true })
	var why *whyLog
	if o.Why != "" {
		why = &whyLog{rule: o.Why, best: map[*ir.Node]attempt{}}
	}
	off := map[string]bool{}
	for _, name := range o.Off {
		off[name] = true
	}
	if o.Dump != nil {
		o.Dump(PassDump{Program: p})
	}
	for _, pass := range list {
		if off[pass.Name] || len(o.Only) > 0 && !slices.Contains(o.Only, pass.Name) {
			continue
		}
		before := time.Now()
		fired := pass.run(p, off, why)
		if err := ir.Verify(p.Main); err != nil {
			if user := contradiction(p, came); user != nil {
				return s, user
			}
			panic(fmt.Sprintf("BUG: pass %s leaves what does not verify: %v\n%s", pass.Name, err, p))
		}
		st := PassStats{Name: pass.Name, Time: time.Since(before), Fired: fired}
		p.Main.Walk(func(*ir.Func, *ir.Node) { st.Nodes++ })
		for rule, n := range fired {
			s.Fired[rule] += n
		}
		s.Passes = append(s.Passes, st)
		if o.Dump != nil {
			o.Dump(PassDump{Index: len(s.Passes), Pass: pass.Name, Program: p, Fired: fired})
		}
	}
	if why != nil {
		s.Why = why.report(s.Fired[o.Why])
	}
	return s, nil
}

// contradiction is what is wrong with a node that came with the program and cannot have the arguments that it turned out to have.
func contradiction(p *ir.Program, came map[*ir.Node]bool) (err error) {
	p.Main.Walk(func(_ *ir.Func, n *ir.Node) {
		if !came[n] || err != nil {
			return
		}
		if _, wrong := n.InferTypes(); wrong != nil {
			err = fmt.Errorf("node %q (%s): %w, now that constants are computed", n.Name, n.Op.Name, wrong)
			if p.Source != "" {
				err = fmt.Errorf("%s: %w", p.Source, err)
			}
		}
	})
	return err
}

func (pass *Pass) run(p *ir.Program, off map[string]bool, why *whyLog) map[string]int {
	p.Main.Prune() // what nobody uses must not count as a use
	c := &Count{fired: map[string]int{}, off: off}
	rules := compileRules(pass.Rules, off)
	for again := true; again; {
		if len(pass.Rules) > 0 {
			w := &rewriter{graph: newGraph(p), rules: rules, fired: c.fired, why: why}
			w.run()
		}
		again = pass.Run != nil && pass.Run(p, c) && len(pass.Rules) > 0
	}
	return c.fired
}
