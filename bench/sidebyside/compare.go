package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options say what to compare.
type options struct {
	models, dirs []string
	threads      []int
	sizes        []size
	rounds       int
	pause        time.Duration
	cache        string
}

// A size is that of a model's inputs.
type size struct {
	Batch  int64 `json:"batch"`
	Length int64 `json:"length"`
}

func (z size) String() string { return fmt.Sprintf("%dx%d", z.Batch, z.Length) }

// defaultPause is longer than ONNX Runtime's threads spin after a run, which is a million pauses of the processor.
const defaultPause = 30 * time.Millisecond

// A side is what was measured of one program, in milliseconds and bytes.
type side struct {
	Ready  float64 `json:"ready_ms"` // from the start of the process until the model is loaded
	First  float64 `json:"first_ms"` // the first run
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Peak   int64   `json:"peak_bytes"` // resident memory
}

// A runRow is one comparison.
type runRow struct {
	Model string `json:"model"`
	size
	Threads     int     `json:"threads"`
	ONNXRuntime side    `json:"onnxruntime"`
	Gpamc       side    `json:"gpamc"`
	Ratio       float64 `json:"ratio_of_medians"`
	MinRatio    float64 `json:"ratio_of_minima"`
}

const runHeader = "model            size  threads |  onnxruntime: ms    min  ready  first   MB |       gpamc: ms    min  ready  first   MB | ratio  of min"

func (r runRow) String() string {
	one := func(s side) string {
		return fmt.Sprintf("%16.2f %6.2f %6.1f %6.1f %4d", s.Median, s.Min, s.Ready, s.First, s.Peak>>20)
	}
	return fmt.Sprintf("%-15s %5s %8d | %s | %s | %5.2f  %5.2f", r.Model, r.size, r.Threads, one(r.ONNXRuntime), one(r.Gpamc), r.Ratio, r.MinRatio)
}

// compare runs both programs in turns.
func (o *options) compare(m *model, tools map[string]string, z size, threads int) (runRow, error) {
	row := runRow{Model: m.Name, size: z, Threads: threads}
	dir, err := m.inputs(o.cache, z)
	if err != nil {
		return row, err
	}
	n := fmt.Sprint(threads)
	commands := [][]string{
		{tools["ortserve"], "-threads", n, "-in", strings.Join(m.in, ","), "-out", strings.Join(m.out, ","), m.path, dir},
		{m.program, n, dir},
	}
	sides := []*side{&row.ONNXRuntime, &row.Gpamc}
	var programs []*program
	for i, c := range commands {
		p, err := start(c, sides[i])
		if err != nil {
			return row, err
		}
		defer p.end()
		programs = append(programs, p)
	}
	for round := range o.rounds + 3 {
		for i, p := range programs {
			time.Sleep(o.pause)
			d, err := p.run()
			if err != nil {
				return row, fmt.Errorf("%s: %w", filepath.Base(commands[i][0]), err)
			}
			switch {
			case round == 0:
				sides[i].First = d
			case round > 2: // those before are to get warm
				p.times = append(p.times, d)
			}
		}
	}
	for i, p := range programs {
		slices.Sort(p.times)
		sides[i].Median, sides[i].Min, sides[i].Peak = p.times[len(p.times)/2], p.times[0], p.peak()
	}
	row.Ratio, row.MinRatio = row.ONNXRuntime.Median/row.Gpamc.Median, row.ONNXRuntime.Min/row.Gpamc.Min
	return row, nil
}

// A program has loaded a model; for each line that it reads it runs once and writes the nanoseconds that took.
type program struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	times []float64
}

// start starts a program and waits for the line that says that it has loaded.
func start(args []string, s *side) (*program, error) {
	p := &program{cmd: exec.Command(args[0], args[1:]...)}
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
		p.end()
		return nil, fmt.Errorf("%s did not load: %w", args[0], err)
	}
	s.Ready = milliseconds(time.Since(begin))
	return p, nil
}

func (p *program) run() (float64, error) {
	if _, err := io.WriteString(p.in, "run\n"); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return milliseconds(time.Duration(ns)), err
}

// peak is the most memory that was resident, 0 where the system does not say.
func (p *program) peak() int64 {
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

// end lets the program end; a failure of its own is on standard error.
func (p *program) end() {
	p.in.Close()
	p.cmd.Wait()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func command(dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out, nil
}
