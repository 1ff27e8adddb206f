package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gpamc/gpamc/bench/internal/served"
)

// options say what to compare.
type options struct {
	models, dirs []string
	threads      []int
	sizes        []size
	precision    string
	sessions     []int // how many are compared with one; then ONNX Runtime takes no part
	rounds       int
	pause        time.Duration
	cache        string
	peers        []string // programs among tools that run gomlx
}

// A size is that of a model's inputs.
type size struct {
	Batch  int64 `json:"batch"`
	Length int64 `json:"length"`
}

func (z size) String() string { return fmt.Sprintf("%dx%d", z.Batch, z.Length) }

// defaultPause is longer than ONNX Runtime's threads spin after a run: some 30 ms, by the processor time that a run takes.
const defaultPause = 40 * time.Millisecond

// A side is what was measured of one program, in milliseconds and bytes.
type side struct {
	Ready  float64 `json:"ready_ms"` // from the start of the process until the model is loaded
	First  float64 `json:"first_ms"` // the first run
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Peak   int64   `json:"peak_bytes"` // resident memory
	Cosine float64 `json:"cosine"`     // of the first output with that of ONNX Runtime in float32
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
	Gomlx       []peer  `json:"gomlx,omitempty"`
}

const runHeader = "model            size  threads |  onnxruntime: ms    min  ready  first   MB |       gpamc: ms    min  ready  first   MB | ratio  of min"

func (r runRow) String() string {
	one := func(s side) string {
		return fmt.Sprintf("%16.2f %6.2f %6.1f %6.1f %4d", s.Median, s.Min, s.Ready, s.First, s.Peak>>20)
	}
	s := fmt.Sprintf("%-15s %5s %8d | %s | %s | %5.2f  %5.2f", r.Model, r.size, r.Threads, one(r.ONNXRuntime), one(r.Gpamc), r.Ratio, r.MinRatio)
	for _, p := range r.Gomlx {
		s += p.String()
	}
	return s
}

const cosineHeader = " | cosine: ort  gpamc"

// cosines are columns of tables that are not about float32.
func (r runRow) cosines() string {
	return fmt.Sprintf(" | %11.6f %6.6f", r.ONNXRuntime.Cosine, r.Gpamc.Cosine)
}

// A contender is a program that takes part in a comparison.
type contender struct {
	command []string
	*side
	program *served.Program
	times   []float64
}

// compare runs the programs in turns.
func (o *options) compare(m *model, tools map[string]string, z size, threads int) (runRow, error) {
	row := runRow{Model: m.Name, size: z, Threads: threads, Gomlx: make([]peer, len(o.peers))}
	dir, err := m.inputs(o.cache, z)
	if err != nil {
		return row, err
	}
	want, err := m.reference(tools, dir)
	if err != nil {
		return row, err
	}
	n := fmt.Sprint(threads)
	with := func(tool string) []string { return m.served(tools[tool], n, m.path, dir) }
	all := []*contender{{command: with("ortserve"), side: &row.ONNXRuntime}, {command: []string{m.program, n, "1", dir}, side: &row.Gpamc}}
	for i, name := range o.peers {
		row.Gomlx[i].Name = name
		all = append(all, &contender{command: with(name), side: &row.Gomlx[i].side})
	}
	for _, c := range all {
		if c.program, err = served.Start(c.command); err != nil {
			return row, err
		}
		defer c.program.End()
		c.Ready = milliseconds(c.program.Ready)
	}
	if err := o.turns(all); err != nil {
		return row, err
	}
	for _, c := range all[:2] {
		if c.Cosine, err = like(c.program, want); err != nil {
			return row, fmt.Errorf("%s: %w", filepath.Base(c.command[0]), err)
		}
	}
	row.Ratio, row.MinRatio = row.ONNXRuntime.Median/row.Gpamc.Median, row.ONNXRuntime.Min/row.Gpamc.Min
	for i := range row.Gomlx {
		p := &row.Gomlx[i]
		p.Ratio = p.Median / row.Gpamc.Median
		if p.Difference, err = difference(all[1].program, all[2+i].program, len(m.out)); err != nil {
			return row, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return row, nil
}

// turns runs each program once, and all of them so again.
func (o *options) turns(all []*contender) error {
	for round := range o.rounds + 3 {
		for _, c := range all {
			time.Sleep(o.pause)
			took, err := c.program.Run()
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(c.command[0]), err)
			}
			d := milliseconds(took)
			switch {
			case round == 0:
				c.First = d
			case round > 2: // those before are to get warm
				c.times = append(c.times, d)
			}
		}
	}
	for _, c := range all {
		slices.Sort(c.times)
		c.Median, c.Min, c.Peak = c.times[len(c.times)/2], c.times[0], c.program.Peak()
	}
	return nil
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
