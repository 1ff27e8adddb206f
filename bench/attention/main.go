// Command attention compares one layer of dual attention with ONNX Runtime: 8 heads of 64, batch 1, float32, queries, keys and values as
// inputs. It makes the graph in primitive operators, as PyTorch exports it, compiles it with gpamc, checks that both give the same, and
// runs the two in turns.
//
//	export ORT_LIB=$(../scripts/install-onnxruntime)
//	go run ./attention [-tokens 512,1024,2048,4096] [-threads 1] [-causal both] [-difference weights] [-n 15] [-cache DIR] [-json]
//
// Run it in bench/, on a machine that has nothing else to do.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gpamc/gpamc/bench/internal/served"
)

func main() {
	tokens := flag.String("tokens", "512,1024,2048,4096", "lengths")
	threads := flag.Int("threads", 1, "number of threads")
	causal := flag.String("causal", "both", "causal attention: yes, no or both")
	difference := flag.String("difference", "weights", "where the graph takes the difference: of the weights, or of the outputs")
	rounds := flag.Int("n", 15, "number of runs of each")
	cache := flag.String("cache", "", "folder in which models and programs are kept; a temporary one by default")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if err := run(*tokens, *causal, *difference, *cache, *threads, *rounds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "attention:", err)
		os.Exit(1)
	}
}

// A side is what was measured of one program, in milliseconds and bytes.
type side struct {
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	CPU    float64 `json:"min_cpu_ms"`   // processor time, which other programs disturb least
	Beyond int64   `json:"beyond_bytes"` // most resident memory, less inputs and outputs
}

// A row is one comparison.
type row struct {
	Tokens      int64   `json:"tokens"`
	Causal      bool    `json:"causal"`
	Threads     int     `json:"threads"`
	ONNXRuntime side    `json:"onnxruntime"`
	Gpamc       side    `json:"gpamc"`
	Ratio       float64 `json:"ratio_of_medians"`
	MinRatio    float64 `json:"ratio_of_minima"`
	CPURatio    float64 `json:"ratio_of_min_cpu"`
	Error       float64 `json:"largest_difference"`
}

const header = "tokens causal threads |  onnxruntime: ms     min  min CPU  MB beyond |  gpamc: ms     min  min CPU  MB beyond | ratio  of min   CPU | difference"

func (r row) String() string {
	one := func(s side) string {
		return fmt.Sprintf("%8.2f %7.2f %8.2f %10.1f", s.Median, s.Min, s.CPU, float64(s.Beyond)/1e6)
	}
	return fmt.Sprintf("%6d %6v %7d | %9s%s | %3s%s | %5.2f  %5.2f %5.2f | %.1e", r.Tokens, r.Causal, r.Threads,
		"", one(r.ONNXRuntime), "", one(r.Gpamc), r.Ratio, r.MinRatio, r.CPURatio, r.Error)
}

func run(tokens, causal, difference, dir string, threads, rounds int, asJSON bool) error {
	kinds, ok := map[string][]bool{"yes": {true}, "no": {false}, "both": {false, true}}[causal]
	if !ok || difference != "weights" && difference != "outputs" || rounds < 1 || threads < 1 {
		return errors.New("-causal is yes, no or both, -difference weights or outputs, -n and -threads 1 or more")
	}
	if os.Getenv("ORT_LIB") == "" {
		return errors.New("ORT_LIB must name the shared library of ONNX Runtime; scripts/install-onnxruntime prints it")
	}
	if dir == "" {
		tmp, err := os.MkdirTemp("", "attention-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := build(".", filepath.Join(dir, "ortserve"), "./ortserve"); err != nil {
		return err
	}
	if err := build("..", filepath.Join(dir, "gpamc"), "./cmd/gpamc"); err != nil {
		return err
	}
	if !asJSON {
		fmt.Println(header)
	}
	var rows []row
	for _, isCausal := range kinds {
		for _, text := range strings.Split(tokens, ",") {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is no length", text)
			}
			l := layer{tokens: n, causal: isCausal, outputs: difference == "outputs", dir: filepath.Join(dir, fmt.Sprint(text, isCausal))}
			r, err := l.compare(dir, threads, rounds)
			if err != nil {
				return fmt.Errorf("%d tokens: %w", n, err)
			}
			if rows = append(rows, r); !asJSON {
				fmt.Println(r)
			}
		}
	}
	if asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "\t")
		return e.Encode(rows)
	}
	return nil
}

// compare runs ONNX Runtime and the emitted package in turns.
func (l layer) compare(tools string, threads, rounds int) (row, error) {
	r := row{Tokens: l.tokens, Causal: l.causal, Threads: threads}
	program, err := l.prepare(filepath.Join(tools, "gpamc"))
	if err != nil {
		return r, err
	}
	n := strconv.Itoa(threads)
	sides := []*side{&r.ONNXRuntime, &r.Gpamc}
	var programs [2]*served.Program
	for i, c := range [][]string{
		{filepath.Join(tools, "ortserve"), "-threads", n, "-in", strings.Join(inputNames, ","), "-out", "y", l.model(), l.dir},
		{program, n, l.dir},
	} {
		if programs[i], err = served.Start(c); err != nil {
			return r, err
		}
		defer programs[i].End()
	}
	var times, cpu [2][]float64
	for round := range rounds + 2 {
		for i, p := range programs {
			before := p.Computed()
			took, err := p.Run()
			if err != nil {
				return r, err
			}
			time.Sleep(rest)
			if round > 1 { // those before are to get warm
				times[i] = append(times[i], milliseconds(took))
				cpu[i] = append(cpu[i], milliseconds(p.Computed()-before))
			}
		}
	}
	for i, p := range programs {
		slices.Sort(times[i])
		*sides[i] = side{Median: times[i][rounds/2], Min: times[i][0], CPU: slices.Min(cpu[i]), Beyond: p.Peak() - 5*4*l.size()}
	}
	r.Ratio, r.MinRatio = r.ONNXRuntime.Median/r.Gpamc.Median, r.ONNXRuntime.Min/r.Gpamc.Min
	r.CPURatio = r.ONNXRuntime.CPU / r.Gpamc.CPU
	r.Error, err = l.check()
	return r, err
}

// rest is more than a program takes to wait for its next run.
const rest = 2 * time.Millisecond

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func build(dir, program, pkg string) error { return command(dir, "go", "build", "-o", program, pkg) }

func command(dir string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
