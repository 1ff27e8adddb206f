// Command write writes docs/operators.md into the folder that is its argument, from the list of failing tests that lies there.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/operators"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("the folder of documentation is wanted")
	}
	text, err := os.ReadFile(filepath.Join(args[0], operators.ListFile))
	if err != nil {
		return err
	}
	list, err := operators.ParseFailing(string(text))
	if err != nil {
		return err
	}
	text, err = os.ReadFile(filepath.Join(args[0], filepath.FromSlash(operators.FloorsFile)))
	if err != nil {
		return err
	}
	floors, err := operators.ParseFloors(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(args[0], operators.PageFile), []byte(operators.Page(list, floors)), 0o666)
}
