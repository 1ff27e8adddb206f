package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/built"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/measure"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/pipeline"
	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/codegen"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/urfave/cli/v2"
)

var benchCommand = &cli.Command{
	Name:      "bench",
	Usage:     "measure the compiled model",
	ArgsUsage: "MODEL",
	Description: "Compiles and builds the model, or takes what an earlier call has kept, and runs it again and again. Inputs are those\n" +
		"recorded beside the model (test_data_set_0), in the sizes of --dim, or else random ones.",
	Flags: []cli.Flag{
		threadsFlag("threads of one run"),
		&cli.DurationFlag{Name: "time", Value: 2 * time.Second, Usage: "measure for at least this long"},
		&cli.IntFlag{Name: "runs", Value: 5, Usage: "measure at least so many runs"},
		&cli.BoolFlag{Name: "profile", Usage: "print what each step costs"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		&cli.StringFlag{Name: "off", Usage: "passes and rules not to run: `NAMES` with commas between them"},
		precisionFlag,
		dimFlag,
		cacheFlag,
		setFlag,
		onlyFlag,
	},
	Action: runBench,
}

// A measurement is what `gpamc bench --json` prints.
type measurement struct {
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Load   float64 `json:"load_ms"`
	GFLOPS float64 `json:"gflops"` // of the median
	Peak   int64   `json:"peak_bytes"`
	Runs   int     `json:"runs"`
	FLOP   int     `json:"flop"`

	Profile []stepCost `json:"profile,omitempty"`
}

func runBench(c *cli.Context) error {
	if c.Int("runs") < 1 {
		return fmt.Errorf("bench: --runs %d: one run at least is measured", c.Int("runs"))
	}
	p, err := loadToRun(c)
	if err != nil {
		return err
	}
	given, err := dims(c, p)
	if err != nil {
		return err
	}
	inputs, err := benchInputs(c, p, given)
	if err != nil {
		return err
	}
	env := map[string]int{}
	if err := pipeline.Bind(p, inputs, env); err != nil {
		return err
	}
	narrow, err := precision(c)
	if err != nil {
		return err
	}
	compiled, err := pipeline.Build(c.Context, p, pipeline.Options{Off: list(c.String("off")),
		Codegen: codegen.Options{Profile: c.Bool("profile"), Precision: narrow}})
	if err != nil {
		return err
	}
	defer compiled.Close()
	d, err := compiled.Run(inputs, pipeline.RunOptions{Threads: c.Int("threads"), Runs: c.Int("runs") + 1, Duration: c.Duration("time"),
		Limit: time.Hour})
	if err != nil {
		return err
	}
	m := newMeasurement(d, at(measure.Work(p.Main), env))
	if c.Bool("profile") {
		m.Profile = profile(compiled.Steps, d, env)
	}
	if c.Bool("json") {
		return json.NewEncoder(os.Stdout).Encode(m)
	}
	fmt.Printf("%s %s, %d threads\n", p.Source, sizesText(env), c.Int("threads"))
	fmt.Printf("median %.3f ms, min %.3f ms of %d runs; %.1f GFLOP/s; load %.3f ms; peak memory %s\n",
		m.Median, m.Min, m.Runs, m.GFLOPS, m.Load, values.Size(int(m.Peak)))
	printProfile(os.Stdout, m.Profile)
	return nil
}

func benchInputs(c *cli.Context, p *ir.Program, given map[string]int) ([]onnx.Value, error) {
	data := recorded(c, p)
	if data == "" {
		if missing := missingDims(p, given); len(missing) > 0 {
			return nil, fmt.Errorf("bench: no inputs are recorded beside the model: give sizes with --dim for %s", quoted(missing))
		}
	}
	return recordedOrRandom(p, data, given, 1)
}

// missingDims are the names of the inputs' dimensions that are not given.
func missingDims(p *ir.Program, given map[string]int) (names []string) {
	for _, name := range sortedKeys(inputDims(p)) {
		if _, ok := given[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// newMeasurement leaves the first run out: it lays out the session's memory.
func newMeasurement(d built.Done, flop int) measurement {
	times := slices.Clone(d.Times[1:])
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	median := times[len(times)/2]
	if len(times)%2 == 0 {
		median = (times[len(times)/2-1] + median) / 2
	}
	return measurement{Median: ms(median), Min: ms(times[0]), Load: ms(d.Load), GFLOPS: float64(flop) / float64(max(median, 1)),
		Peak: d.Peak, Runs: len(times), FLOP: flop}
}

func sizesText(env map[string]int) string {
	var s []string
	for _, name := range sortedKeys(env) {
		s = append(s, fmt.Sprintf("%s=%d", name, env[name]))
	}
	return strings.Join(s, " ")
}
