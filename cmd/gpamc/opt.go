package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/passes"
	"github.com/urfave/cli/v2"
)

var optCommand = &cli.Command{
	Name:      "opt",
	Usage:     "run passes over a model and print its IR text",
	ArgsUsage: "MODEL",
	Description: "Reads IR text (.gpam) or any other model, runs the passes and prints the IR text that comes out.\n" +
		"--stats prints to standard error what the passes did, --why why a rule did not fire.",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "passes", Usage: "run only these passes: `NAMES` with commas between them, those of the code generator included"},
		&cli.StringFlag{Name: "off", Usage: "passes and rules not to run: `NAMES` with commas between them"},
		&cli.StringFlag{Name: "why", Usage: "say where `RULE` came nearest to firing and what stopped it"},
		&cli.BoolFlag{Name: "kernel", Usage: "run the passes of the code generator after the others"},
		&cli.BoolFlag{Name: "names", Usage: "print the names of the model's nodes as comments"},
		&cli.BoolFlag{Name: "stats", Usage: "say which rules fired how often"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`"},
	},
	Action: runOpt,
}

func runOpt(c *cli.Context) error {
	p, err := load(c)
	if err != nil {
		return err
	}
	only := list(c.String("passes"))
	opts := passes.Options{Only: only, Off: list(c.String("off")), Why: c.String("why")}
	if len(only) > 0 || c.Bool("kernel") {
		opts.Passes = slices.Concat(passes.Default, passes.Kernel)
	}
	if err := opts.Check(); err != nil {
		return err
	}
	stats, err := passes.Run(p, opts)
	if err != nil {
		return err
	}
	if c.Bool("stats") {
		printStats(stats)
	}
	if stats.Why != "" {
		fmt.Fprint(os.Stderr, stats.Why)
	}
	var b strings.Builder
	p.Main.Print(&b, c.Bool("names"))
	if out := c.String("output"); out != "" {
		return place.File(out, func(tmp string) error { return os.WriteFile(tmp, []byte(b.String()), 0o644) })
	}
	_, err = fmt.Print(b.String())
	return err
}

func printStats(s passes.Stats) {
	for _, ps := range s.Passes {
		fmt.Fprintf(os.Stderr, "%-10s %5d nodes%s\n", ps.Name, ps.Nodes, fired(ps.Fired))
	}
}

// fired lists rules with how often they fired.
func fired(counts map[string]int) string {
	var b strings.Builder
	for _, name := range sortedKeys(counts) {
		fmt.Fprintf(&b, " %s:%d", name, counts[name])
	}
	if b.Len() == 0 {
		return ""
	}
	return " " + b.String()
}

// nodes counts the nodes of a function and its bodies.
func nodes(f *ir.Func) (n int) {
	f.Walk(func(*ir.Func, *ir.Node) { n++ })
	return n
}
