// Package served runs programs that have loaded a model and, for each line that they read, run it once and write the nanoseconds that
// took: so that two can run in turns, each in a process of its own.
package served

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Program is running. It belongs to one goroutine.
type Program struct {
	Ready time.Duration // from the start of the process until the model was loaded
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// Start starts a program and waits for the line that says that it has loaded.
func Start(args []string) (*Program, error) {
	p := &Program{cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(pipe)
	if _, err := p.out.ReadString('\n'); err != nil {
		p.End()
		return nil, fmt.Errorf("%s did not load: %w", args[0], err)
	}
	p.Ready = time.Since(begin)
	return p, nil
}

// Run runs the model once.
func (p *Program) Run() (time.Duration, error) { return p.ask("run") }

// Burst has all sessions of the program run at the same time, and returns the time for one run: that of all by their number.
func (p *Program) Burst() (time.Duration, error) { return p.ask("burst") }

// Save has the program write the results of the last run to a folder, as numbers alone: output_0.raw, output_1.raw ... Programs that
// are not made for that run once more instead.
func (p *Program) Save(dir string) error {
	_, err := p.ask(dir)
	return err
}

func (p *Program) ask(what string) (time.Duration, error) {
	if _, err := io.WriteString(p.in, what+"\n"); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(ns), err
}

// Peak is the most memory that was resident, in bytes, 0 where the system does not say.
func (p *Program) Peak() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// Computed is the processor time that the program has used, 0 where the system does not say. After a run, wait for the program to rest.
func (p *Program) Computed() time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	var sum int64
	for _, t := range tasks {
		var ns int64
		if b, err := os.ReadFile(t); err == nil {
			if _, err := fmt.Sscan(string(b), &ns); err == nil {
				sum += ns
			}
		}
	}
	return time.Duration(sum)
}

// End lets the program end; a failure of its own is on standard error.
func (p *Program) End() {
	p.in.Close()
	p.cmd.Wait()
}
