// Command compare times ONNX Runtime and another program on the same model, in turns, so that both meet the same weather.
//
// The other program, such as the emitted package's, is started once with the model's folder of inputs as its last argument. It loads,
// writes a line, and then, for each line that it reads, runs once and writes the nanoseconds that took.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gpamc/gpamc/bench/internal/ort"
)

func main() {
	threads := flag.Int("threads", 2, "number of threads")
	rounds := flag.Int("n", 50, "number of runs of each")
	other := flag.String("with", "", "command line of the other program; without it, only ONNX Runtime is timed")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: compare [-threads N] [-n N] [-with COMMAND] [-json] MODEL.onnx INPUT-DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 || *rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	rows, err := compare(flag.Arg(0), flag.Arg(1), strings.Fields(*other), *threads, *rounds)
	if err == nil {
		err = show(rows, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// A runner runs the model once and returns how long that took.
type runner func() (time.Duration, error)

// A row is what was measured of one program.
type row struct {
	Name   string  `json:"name"`
	Load   float64 `json:"load_ms"`
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	P90    float64 `json:"p90_ms"`
	times  []time.Duration
	run    runner
}

func compare(model, dir string, other []string, threads, rounds int) ([]*row, error) {
	start := time.Now()
	reference, done, err := startORT(model, dir, threads)
	if err != nil {
		return nil, err
	}
	defer done()
	rows := []*row{{Name: "onnxruntime", Load: milliseconds(time.Since(start)), run: reference}}
	if len(other) > 0 {
		start := time.Now()
		run, done, err := startProgram(append(slices.Clone(other), dir))
		if err != nil {
			return nil, err
		}
		defer done()
		rows = append(rows, &row{Name: other[0], Load: milliseconds(time.Since(start)), run: run})
	}
	for round := range rounds + rounds/10 + 1 {
		for _, r := range rows {
			time.Sleep(pause)
			d, err := r.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.Name, err)
			}
			if round > rounds/10 { // those before are to get warm
				r.times = append(r.times, d)
			}
		}
	}
	for _, r := range rows {
		slices.Sort(r.times)
		r.Median = milliseconds(r.times[len(r.times)/2])
		r.Min = milliseconds(r.times[0])
		r.P90 = milliseconds(r.times[len(r.times)*9/10])
	}
	return rows, nil
}

// pause comes before each run: the threads of the program before spin for a while after theirs.
const pause = 5 * time.Millisecond

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func startORT(model, dir string, threads int) (runner, func(), error) {
	s, err := ort.Open(model, ort.Options{Threads: threads})
	if err != nil {
		return nil, nil, err
	}
	inputs, ok, err := ort.ReadValues(dir, "input", s.Inputs)
	if err == nil && !ok {
		err = fmt.Errorf("%s: there are only %d of %d inputs", dir, len(inputs), len(s.Inputs))
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	run, free, err := s.Bind(inputs)
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	timed := func() (time.Duration, error) {
		start := time.Now()
		err := run()
		return time.Since(start), err
	}
	return timed, func() { free(); s.Close() }, nil
}

func startProgram(args []string) (runner, func(), error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	out := bufio.NewReader(pipe)
	if _, err := out.ReadString('\n'); err != nil {
		return nil, nil, fmt.Errorf("%s did not load: %w", args[0], err)
	}
	run := func() (time.Duration, error) {
		if _, err := io.WriteString(in, "run\n"); err != nil {
			return 0, err
		}
		line, err := out.ReadString('\n')
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		return time.Duration(ns), err
	}
	return run, func() { in.Close(); cmd.Wait() }, nil
}

func show(rows []*row, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	fmt.Printf("%-24s %10s %10s %10s %10s\n", "", "load ms", "median ms", "min ms", "p90 ms")
	for _, r := range rows {
		fmt.Printf("%-24s %10.2f %10.3f %10.3f %10.3f\n", r.Name, r.Load, r.Median, r.Min, r.P90)
	}
	return nil
}
