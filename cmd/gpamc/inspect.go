package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/measure"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/urfave/cli/v2"
)

var inspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show operators, shapes, parameters, FLOP, and the IR after each pass",
	ArgsUsage: "MODEL",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		&cli.BoolFlag{Name: "passes", Usage: "print the IR after each pass that changed it, and not only after the last"},
		&cli.BoolFlag{Name: "names", Usage: "print the names of the model's nodes as comments"},
		&cli.StringFlag{Name: "html", Usage: "write a page with the IR after each pass, side by side, to `FILE`"},
		dimFlag,
		cacheFlag,
		setFlag,
		onlyFlag,
	},
	Action: runInspect,
}

// A description is what `gpamc inspect --json` prints.
type description struct {
	Ops        map[string]int `json:"ops"` // after the passes
	Inputs     []named        `json:"inputs"`
	Outputs    []named        `json:"outputs"`
	Parameters int            `json:"parameters"`
	FLOP       int            `json:"flop"`      // dimensions that --dim does not fix being 1
	Formula    string         `json:"flop_text"` // the same as an expression of all dimensions
	bytes      int
}

type named struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func runInspect(c *cli.Context) error {
	p, err := load(c)
	if err != nil {
		return err
	}
	env, err := dims(c, p)
	if err != nil {
		return err
	}
	d := describe(p, env)
	var steps []measure.Step
	if _, err := passes.Run(p, passes.Options{Dump: func(dump passes.PassDump) {
		var b strings.Builder
		dump.Program.Main.Print(&b, c.Bool("names"))
		steps = append(steps, measure.Step{Pass: dump.Pass, Text: b.String(), Nodes: nodes(dump.Program.Main), Fired: dump.Fired})
	}}); err != nil {
		return err
	}
	d.Ops = measure.Operators(p.Main)
	if path := c.String("html"); path != "" {
		page, err := measure.Page(p.Source, steps)
		if err != nil {
			return err
		}
		return place.File(path, func(tmp string) error { return os.WriteFile(tmp, page, 0o644) })
	}
	if c.Bool("json") {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	d.print(os.Stdout, p)
	printSteps(os.Stdout, steps, c.Bool("passes"))
	return nil
}

func describe(p *ir.Program, env map[string]int) *description {
	d := &description{}
	for _, v := range p.Main.Params {
		d.Inputs = append(d.Inputs, named{v.Name, v.Type.String()})
	}
	for i, v := range p.Main.Results {
		d.Outputs = append(d.Outputs, named{p.Main.ResultName(i), v.Type.String()})
	}
	d.Parameters, d.bytes = measure.Parameters(p.Main)
	work := measure.Work(p.Main)
	d.Formula = work.String()
	d.FLOP = at(work, env)
	return d
}

// at is the value of d with the dimensions of env, and 1 for others.
func at(d ir.Dim, env map[string]int) int {
	names := map[string]bool{}
	d.Names(names)
	all := map[string]int{}
	for name := range names {
		all[name] = 1
	}
	maps.Copy(all, env)
	n, _ := d.Eval(all)
	return n
}

func (d *description) print(w io.Writer, p *ir.Program) {
	fmt.Fprintf(w, "%s\n", p.Source)
	if p.Opset > 0 {
		fmt.Fprintf(w, "  opset       %d\n", p.Opset)
	}
	fmt.Fprintf(w, "  parameters  %d (%s)\n", d.Parameters, values.Size(d.bytes))
	fmt.Fprintf(w, "  FLOP        %s\n", d.Formula)
	for _, v := range d.Inputs {
		fmt.Fprintf(w, "  input       %s %s\n", v.Name, v.Type)
	}
	for _, v := range d.Outputs {
		fmt.Fprintf(w, "  output      %s %s\n", v.Name, v.Type)
	}
	fmt.Fprintf(w, "operators after the passes\n")
	ops := slices.SortedFunc(maps.Keys(d.Ops), func(a, b string) int {
		return cmp.Or(cmp.Compare(d.Ops[b], d.Ops[a]), cmp.Compare(a, b))
	})
	for _, op := range ops {
		fmt.Fprintf(w, "  %6d  %s\n", d.Ops[op], op)
	}
}

// printSteps prints the IR after each pass that changed it, or after the last only.
func printSteps(w io.Writer, steps []measure.Step, all bool) {
	for i, s := range steps {
		last := i == len(steps)-1
		if !last && (!all || i > 0 && s.Text == steps[i-1].Text) {
			continue
		}
		title := "after " + s.Pass
		switch {
		case s.Pass == "":
			title = "as imported"
		case last && !all:
			title = "after the passes"
		}
		fmt.Fprintf(w, "%s: %d nodes%s\n%s", title, s.Nodes, fired(s.Fired), s.Text)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
