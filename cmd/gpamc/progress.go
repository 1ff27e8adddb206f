package main

import (
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a long piece of work is, on a terminal; elsewhere it shows nothing. tick may be called from any goroutine.
func progress(total int, what string) (tick, done func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}, func() {}
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	return func() { bar.Add(1) }, func() { bar.Finish() }
}
