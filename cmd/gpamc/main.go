// Command gpamc compiles ONNX models to Go packages, and tests, measures and inspects them.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/place"
	"github.com/urfave/cli/v2"
)

func main() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-told
		place.Abandon()
		os.Exit(1)
	}()
	os.Exit(run(os.Args))
}

// run is the whole program; it returns the exit status.
func run(args []string) int {
	app := &cli.App{
		Name:  "gpamc",
		Usage: "compile transformers to plain Go packages",
		Description: "A MODEL is an .onnx file, a folder with a model definition (config.json and safetensors, as Hugging Face's checkpoints\n" +
			"have them), or IR text (.gpam). Flags stand before or after it. The reference is the interpreter that says what a model means.",
		HideVersion:     true,
		Commands:        commands(),
		ExitErrHandler:  func(*cli.Context, error) {}, // errors are printed below, once
		CommandNotFound: nil,
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return err },
		Action:          noCommand,
	}
	for _, c := range app.Commands {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return fmt.Errorf("%s: %w", c.Name, err) }
	}
	if err := app.Run(flagsFirst(args, app.Commands)); err != nil {
		fmt.Fprintf(os.Stderr, "gpamc: %s\n", strings.TrimSpace(err.Error()))
		return 1
	}
	return 0
}

func noCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		return fmt.Errorf("no command is called %q; gpamc --help lists them", name)
	}
	return cli.ShowAppHelp(c)
}

// commands are those of the command line, each in a file of its name.
func commands() []*cli.Command {
	return []*cli.Command{compileCommand, exportCommand, runCommand, testCommand, verifyCommand, benchCommand, inspectCommand, analyzeCommand, optCommand,
		initCommand, convertCommand}
}

// flagsFirst moves the flags of a command before its other arguments: urfave/cli stops looking for flags at the first of those.
func flagsFirst(args []string, commands []*cli.Command) []string {
	if len(args) < 2 {
		return args
	}
	for _, c := range commands {
		if c.Name == args[1] {
			flags, rest := split(args[2:], switches(c))
			return append(append(args[:2:2], flags...), rest...)
		}
	}
	return args
}

// split sorts arguments into flags with their values and the rest. What follows "--" is no flag.
func split(args []string, isSwitch map[string]bool) (flags, rest []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return flags, append(append(rest, a), args[i+1:]...)
		case len(a) < 2 || a[0] != '-':
			rest = append(rest, a)
		default:
			flags = append(flags, a)
			if takesValue := !isSwitch[strings.TrimLeft(a, "-")] && !strings.Contains(a, "="); takesValue && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		}
	}
	return flags, rest
}

// switches are the names of the command's flags that take no value.
func switches(c *cli.Command) map[string]bool {
	names := map[string]bool{"help": true, "h": true}
	for _, f := range c.Flags {
		if _, ok := f.(*cli.BoolFlag); ok {
			for _, name := range f.Names() {
				names[name] = true
			}
		}
	}
	return names
}
